//! `gitlab-receiver hook ensure|list|delete`: the registration once, from the command line.
//!
//! Prints what was done on stdout and why not on stderr; the exit code is 1 when GitLab refused and
//! 64 when the environment is not enough. Contract: `gitlabsource.md` 7, and D20 for `--add`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use adapter::env::{EXIT_USAGE, Env, Problem, Problems};

use super::api::{Api, ApiError};
use super::ensure::{self, Outcome};
use super::flags::Flags;
use super::settings::{Access, Wanted, webhook_url};
use crate::config;

/// How often GitLab is asked when it is not available, and the longest wait in between.
const ATTEMPTS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Create or edit the hook; with flags to add, only those.
    Ensure {
        /// Only say what would be done.
        dry_run: bool,
        /// Flags for a hook that somebody else made.
        add: Option<String>,
    },
    /// Show all hooks.
    List,
    /// Delete the hook.
    Delete {
        /// Only say what would be done.
        dry_run: bool,
    },
}

impl Task {
    /// Reads the arguments behind `hook`; `None` if they make no sense.
    pub fn parse(args: &[&str]) -> Option<Self> {
        let (name, mut rest) = args.split_first()?;
        let (mut dry_run, mut add) = (false, None);
        while let Some((arg, behind)) = rest.split_first() {
            rest = behind;
            match (*arg, arg.strip_prefix("--add=")) {
                ("--dry-run", _) => dry_run = true,
                ("--add", _) => {
                    let (flags, behind) = rest.split_first()?;
                    (add, rest) = (Some((*flags).to_owned()), behind);
                }
                (_, Some(flags)) => add = Some(flags.to_owned()),
                _ => return None,
            }
        }
        match (*name, dry_run, add) {
            ("ensure", dry_run, add) => Some(Self::Ensure { dry_run, add }),
            ("list", false, None) => Some(Self::List),
            ("delete", dry_run, None) => Some(Self::Delete { dry_run }),
            _ => None,
        }
    }

    /// Does it.
    pub fn run(&self, env: &Env) -> ExitCode {
        match self.prepare(env) {
            Ok(work) => finish(work),
            Err(problems) => {
                problems
                    .iter()
                    .for_each(|problem| complain(&problem.to_string()));
                ExitCode::from(EXIT_USAGE)
            }
        }
    }

    fn prepare(&self, env: &Env) -> Result<Work, Problems> {
        let access = Access::from_env(env)?;
        let scope = access.address.scope;
        let step = match self {
            Self::List => Step::List,
            Self::Delete { dry_run } => Step::Delete {
                url: webhook_url(env)?,
                dry_run: *dry_run,
            },
            Self::Ensure {
                dry_run,
                add: Some(flags),
            } => {
                let added = Flags::parse(flags, scope).map_err(|error| {
                    Problem::new("--add", flags, &error.to_string(), "deployment_events")
                })?;
                Step::Add {
                    url: webhook_url(env)?,
                    added,
                    dry_run: *dry_run,
                }
            }
            Self::Ensure { dry_run, add: None } => {
                let (tokens, signing) = config::secrets(env)?;
                let wanted = Wanted::from_env(env, scope, tokens, signing)?;
                Step::Ensure {
                    wanted,
                    dry_run: *dry_run,
                }
            }
        };
        Ok(Work { access, step })
    }
}

struct Work {
    access: Access,
    step: Step,
}

enum Step {
    List,
    Ensure {
        wanted: Wanted,
        dry_run: bool,
    },
    Add {
        url: String,
        added: Flags,
        dry_run: bool,
    },
    Delete {
        url: String,
        dry_run: bool,
    },
}

fn finish(work: Work) -> ExitCode {
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let api = Api::new(work.access).map_err(|error| error.to_string())?;
            runtime
                .block_on(patiently(&api, &work.step))
                .map_err(|error| error.to_string())
        });
    match done {
        Ok(text) => {
            // A reader that went away is no reason to fail.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "gitlab-receiver: {sentence}");
}

/// A few attempts while GitLab is only not available.
async fn patiently(api: &Api, step: &Step) -> Result<String, ApiError> {
    let mut wait = Duration::from_secs(1);
    for _ in 1..ATTEMPTS {
        match once(api, step).await {
            Err(ApiError::Unavailable {
                reason,
                retry_after,
            }) => {
                let wait_now = retry_after.map_or(wait, |asked| asked.min(LONGEST_WAIT));
                complain(&format!(
                    "GitLab's API cannot be used now ({reason}); trying again in {wait_now:?}."
                ));
                tokio::time::sleep(wait_now).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
    once(api, step).await
}

async fn once(api: &Api, step: &Step) -> Result<String, ApiError> {
    match step {
        Step::List => {
            let hooks = api.list().await?;
            Ok(lines(hooks))
        }
        Step::Ensure { wanted, dry_run } => Ok(told(
            &ensure::ensure(api, wanted, *dry_run).await?,
            *dry_run,
        )),
        Step::Add {
            url,
            added,
            dry_run,
        } => match ensure::add(api, url, added, *dry_run).await? {
            Some(outcome) => Ok(told(&outcome, *dry_run)),
            None => Err(ApiError::Refused(format!(
                "No hook calls {url}: look at GITLAB_WEBHOOK_URL, and at `gitlab-receiver hook list`."
            ))),
        },
        Step::Delete { url, dry_run } => {
            let ids = ensure::delete(api, url, *dry_run).await?;
            let done = if *dry_run { "would delete" } else { "deleted" };
            if ids.is_empty() {
                return Ok(format!("no hook calls {url}\n"));
            }
            Ok(lines(ids.iter().map(|id| format!("{done} hook {id}"))))
        }
    }
}

fn lines<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items
        .into_iter()
        .flat_map(|item| [item.to_string(), "\n".to_owned()])
        .collect()
}

fn told(outcome: &Outcome, dry_run: bool) -> String {
    if dry_run {
        format!("dry run, nothing was changed\n{outcome}")
    } else {
        outcome.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        let ensure = |dry_run, add: Option<&str>| {
            Some(Task::Ensure {
                dry_run,
                add: add.map(str::to_owned),
            })
        };
        for (args, task) in [
            (&["ensure"][..], ensure(false, None)),
            (&["ensure", "--dry-run"], ensure(true, None)),
            (
                &["ensure", "--add", "a,b", "--dry-run"],
                ensure(true, Some("a,b")),
            ),
            (&["ensure", "--add=a"], ensure(false, Some("a"))),
            (&["list"], Some(Task::List)),
            (
                &["delete", "--dry-run"],
                Some(Task::Delete { dry_run: true }),
            ),
            (&[], None),
            (&["ensure", "--add"], None),
            (&["list", "--dry-run"], None),
            (&["delete", "--add", "a"], None),
            (&["destroy"], None),
        ] {
            assert_eq!(Task::parse(args), task, "{args:?}");
        }
    }
}
