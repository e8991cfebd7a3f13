//! Putting things back however the test ends: by itself, by a panic, by Ctrl-C, by SIGKILL.
//!
//! A shell of its own waits on a pipe that the test holds. When the pipe closes, and it closes with
//! the test in any of these cases, the shell does what it was told.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::say;

/// A command line that is run when this is dropped, or when this process is gone.
#[derive(Debug)]
pub struct Undo {
    shell: Child,
    script: String,
}

impl Undo {
    /// `script` for `sh`, with these arguments as `$1`, `$2`, …
    pub fn with(script: &str, args: &[&str]) -> Self {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(format!("cat >/dev/null; {script}"))
            .arg("undo")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Out of the terminal's reach: Ctrl-C must not end it.
            .process_group(0)
            .spawn()
            .expect("a shell");
        Self {
            shell,
            script: script.to_owned(),
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let done = self.shell.wait().is_ok_and(|status| status.success());
        if !done {
            say(
                "putting things back",
                &format!("this failed: {}", self.script),
            );
        }
    }
}
