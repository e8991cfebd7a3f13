//! A view of the file system with files at fixed paths, such as `/oidc/token`.
//!
//! A mount namespace of its own for one process: everything of this machine, plus directories that
//! the test can go on writing to. Needs the right to make namespaces (root, or user namespaces).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::wait::spawn;

/// Arguments: the new root, the directory that holds the test's top-level directories, then what
/// to run. `env -i` at the end because a shell adds variables of its own.
const SCRIPT: &str = r#"
set -e
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
root=$1; files=$2; shift 2
mount -t tmpfs tmpfs "$root"
for entry in /*; do
    if [ -L "$entry" ]; then cp -P "$entry" "$root$entry"
    elif [ -d "$entry" ] && ! [ -e "$files$entry" ]; then
        mkdir "$root$entry"; mount --rbind "$entry" "$root$entry"
    fi
done
for entry in "$files"/*; do
    [ -d "$entry" ] || continue
    mkdir "$root/${entry##*/}"; mount --bind "$entry" "$root/${entry##*/}"
done
exec chroot "$root" env -i "$@"
"#;

/// The file system that one or more processes see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Root(Arc<Places>);

#[derive(Debug)]
struct Places {
    /// Holds `root`, where the new root is mounted, and `files`.
    home: TempDir,
    /// What `unshare` is told: with or without a user namespace.
    unshare: &'static str,
}

impl Root {
    /// A root in which these top-level directories (`"oidc"`) belong to the test and are empty.
    ///
    /// The error is the reason why this machine does not allow it; skip the test with it.
    pub fn with_directories(names: &[&str]) -> Result<Self, String> {
        let mut reason = String::new();
        for unshare in ["-rm", "-m"] {
            let home = TempDir::new().map_err(|error| error.to_string())?;
            fs::create_dir(home.path().join("root")).map_err(|error| error.to_string())?;
            for name in names {
                fs::create_dir_all(home.path().join("files").join(name))
                    .map_err(|error| error.to_string())?;
            }
            let root = Self(Arc::new(Places { home, unshare }));
            match root.try_out() {
                Ok(()) => return Ok(root),
                Err(refusal) => reason = refusal,
            }
        }
        Err(format!("no mount namespace here: {reason}"))
    }

    /// Where the file with this absolute path stands outside, for instance to write it anew.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.0
            .home
            .path()
            .join("files")
            .join(absolute.trim_start_matches('/'))
    }

    /// Writes a file at an absolute path inside, by renaming, as the kubelet swaps a volume.
    #[track_caller]
    pub fn write(&self, absolute: &str, content: impl AsRef<[u8]>) {
        let path = self.path(absolute);
        let fresh = path.with_extension("fresh");
        fs::write(&fresh, content).expect("a file in a directory of this root");
        fs::rename(&fresh, &path).expect("a rename in one directory");
    }

    fn try_out(&self) -> Result<(), String> {
        let mut command = self.command(OsStr::new("true"), &[], &[]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = spawn(&mut command).map_err(|error| format!("unshare: {error}"))?;
        let output = child
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    pub(crate) fn command(
        &self,
        program: &OsStr,
        args: &[OsString],
        env: &[(OsString, OsString)],
    ) -> Command {
        let home: &Path = self.0.home.path();
        let mut command = Command::new("unshare");
        command.args([self.0.unshare, "sh", "-c", SCRIPT, "sh"]);
        command.arg(home.join("root")).arg(home.join("files"));
        for (name, value) in env {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            command.arg(pair);
        }
        command.arg(program).args(args);
        command
    }
}
