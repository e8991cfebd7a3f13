//! Secrets that are alive now: from variables, from a file that somebody renews, or from both.
//!
//! Two may be alive at once, so that a rotation loses nothing: both are accepted until GitLab uses
//! the new one. What a secret is compared with is in `token` and `signature`. A file that turns
//! unreadable or empty never switches a check off. Contract: `gitlabsource.md` 2 and 3.6.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapter::env::{Env, Problem};
use tokio::time::Instant;

/// How long the content of a file counts without being read again.
const FRESH: Duration = Duration::from_secs(1);

/// Names of the three variables that one kind of secret comes from.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// The secret itself.
    pub value: &'static str,
    /// The one before it, accepted too.
    pub previous: &'static str,
    /// A file with a secret on each line, the newest first.
    pub file: &'static str,
}

/// All live secrets of one kind, the newest first. Cloning is cheap.
#[derive(Clone)]
pub struct Secrets(Arc<Sources>);

struct Sources {
    /// From variables: these never change.
    fixed: Vec<String>,
    file: Option<File>,
}

struct File {
    path: PathBuf,
    content: Mutex<Content>,
}

struct Content {
    secrets: Vec<String>,
    read: Instant,
    /// A file that cannot be read is said once, not for each delivery.
    complained: bool,
}

impl Secrets {
    /// Reads the variables and the file. `Ok(None)` when none of the variables is set.
    ///
    /// A file that is named must exist and hold a secret: a check that nobody can pass would be
    /// found out only by the first delivery. A line end behind a secret is dropped, as a Secret
    /// made with `echo` has one.
    pub fn from_env(names: Names, env: &Env) -> Result<Option<Self>, Problem> {
        let file = env.non_empty(names.file);
        let texts = [env.get(names.value), env.get(names.previous)];
        if file.is_none() && texts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let file = file
            .map(|path| File::open(path.into()))
            .transpose()
            .map_err(|reason| {
                Problem::new(
                    names.file,
                    file.unwrap_or_default(),
                    &reason,
                    "/etc/gitlab/secretToken",
                )
            })?;
        let fixed = texts.into_iter().flatten().flat_map(lines).collect();
        Ok(Some(Self(Arc::new(Sources { fixed, file }))))
    }

    /// Exactly these, as tests want it.
    pub fn fixed<T: Into<String>>(secrets: impl IntoIterator<Item = T>) -> Self {
        let fixed = secrets.into_iter().map(Into::into).collect();
        Self(Arc::new(Sources { fixed, file: None }))
    }

    /// Whether there is nothing to check against, so that stock adapters check nothing (D6).
    pub fn is_empty(&self) -> bool {
        self.0.fixed.is_empty() && self.0.file.is_none()
    }

    /// Whether one of the live secrets passes `test`.
    ///
    /// A file is read again when it was read more than a second ago, and at once when no secret
    /// passes: the new one may have arrived just now.
    pub fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        let passes = |secrets: &[String]| secrets.iter().any(|secret| test(secret));
        passes(&self.0.fixed)
            || self
                .0
                .file
                .as_ref()
                .is_some_and(|file| file.with(Some(FRESH), passes) || file.with(None, passes))
    }

    /// The newest one: what GitLab is told at registration.
    pub fn newest(&self) -> Option<String> {
        let from_file = self
            .0
            .file
            .as_ref()
            .and_then(|file| file.with(Some(FRESH), |secrets| secrets.first().cloned()));
        from_file.or_else(|| self.0.fixed.first().cloned())
    }
}

/// Never a secret, only how many there are.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.0.file.as_ref().map(|file| &file.path);
        f.debug_struct("Secrets")
            .field("fixed", &self.0.fixed.len())
            .field("file", &file)
            .finish()
    }
}

impl File {
    fn open(path: PathBuf) -> Result<Self, String> {
        let secrets = read(&path)?;
        let content = Content {
            secrets,
            read: Instant::now(),
            complained: false,
        };
        Ok(Self {
            path,
            content: Mutex::new(content),
        })
    }

    /// Looks at the content, read again if it is older than `fresh`, always if that is `None`.
    fn with<T>(&self, fresh: Option<Duration>, look: impl FnOnce(&[String]) -> T) -> T {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        if fresh.is_none_or(|fresh| content.read.elapsed() >= fresh) {
            content.renew(&self.path);
        }
        look(&content.secrets)
    }
}

impl Content {
    fn renew(&mut self, path: &Path) {
        self.read = Instant::now();
        match read(path) {
            Ok(secrets) => {
                self.secrets = secrets;
                self.complained = false;
            }
            Err(error) if !self.complained => {
                self.complained = true;
                tracing::warn!(
                    file = %path.display(),
                    error,
                    "A file of secrets cannot be used; those read before go on counting."
                );
            }
            Err(_) => {}
        }
    }
}

fn read(path: &Path) -> Result<Vec<String>, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let secrets: Vec<String> = lines(&text).collect();
    if secrets.is_empty() {
        Err("it holds no secret".to_owned())
    } else {
        Ok(secrets)
    }
}

/// GitLab refuses a token with a line break, so a line is a secret; blanks around it never reach
/// us either, since HTTP cuts them off.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names {
        value: "T",
        previous: "T_PREVIOUS",
        file: "T_FILE",
    };

    fn secrets(pairs: &[(&str, &str)]) -> Result<Option<Secrets>, Problem> {
        Secrets::from_env(NAMES, &Env::from_pairs(pairs.iter().copied()))
    }

    fn has(secrets: &Secrets, wanted: &str) -> bool {
        secrets.any(|secret| secret == wanted)
    }

    #[test]
    fn unset_empty_and_set_are_three_things() {
        assert!(secrets(&[]).unwrap().is_none());
        assert!(secrets(&[("T", "")]).unwrap().unwrap().is_empty());
        let one = secrets(&[("T", "a\r\n")]).unwrap().unwrap();
        assert!(!one.is_empty() && has(&one, "a") && !has(&one, "") && !has(&one, "b"));
        let two = secrets(&[("T", "new"), ("T_PREVIOUS", "old")])
            .unwrap()
            .unwrap();
        assert!(has(&two, "new") && has(&two, "old"));
        assert_eq!(two.newest().as_deref(), Some("new"));
    }

    #[test]
    fn a_file_must_be_usable_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let text = path.to_str().unwrap();
        assert!(
            secrets(&[("T_FILE", text)])
                .unwrap_err()
                .message
                .contains("T_FILE")
        );
        std::fs::write(&path, "\n").unwrap();
        assert!(secrets(&[("T_FILE", text)]).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_read_again_and_never_switches_the_check_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "one\n").unwrap();
        let live = secrets(&[("T_FILE", path.to_str().unwrap())])
            .unwrap()
            .unwrap();
        assert!(has(&live, "one") && !has(&live, "two"));

        // The new one counts at once, the old one as long as it stands there.
        std::fs::write(&path, "two\none\n").unwrap();
        assert!(has(&live, "two") && has(&live, "one"));
        assert_eq!(live.newest().as_deref(), Some("two"));
        std::fs::write(&path, "two\n").unwrap();
        tokio::time::advance(FRESH).await;
        assert!(has(&live, "two") && !has(&live, "one"));

        for broken in ["empty", "gone"] {
            match broken {
                "empty" => std::fs::write(&path, "").unwrap(),
                _ => std::fs::remove_file(&path).unwrap(),
            }
            tokio::time::advance(FRESH).await;
            assert!(
                has(&live, "two") && !has(&live, "") && !live.is_empty(),
                "{broken}"
            );
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let live = secrets(&[("T", "s3cret"), ("T_PREVIOUS", "0lder")])
            .unwrap()
            .unwrap();
        let text = format!("{live:?}");
        assert!(
            !text.contains("s3cret") && !text.contains("0lder"),
            "{text}"
        );
    }
}
