//! kubectl, and what it says.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// Runs kubectl and gives what it wrote on stdout; panics with the command and its stderr.
#[track_caller]
pub fn kubectl(args: &[&str]) -> String {
    kubectl_with(args, "")
}

/// The same with this on stdin.
#[track_caller]
pub fn kubectl_with(args: &[&str], stdin: &str) -> String {
    try_kubectl(args, stdin).unwrap_or_else(|error| panic!("{error}"))
}

/// The same for what may fail; the error holds the command and its stderr.
pub fn try_kubectl(args: &[&str], stdin: &str) -> Result<String, String> {
    let told = |error: String| format!("kubectl {}: {error}", args.join(" "));
    let mut child = Command::new("kubectl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| told(error.to_string()))?;
    // Beside the reading: who writes much and reads nothing waits for ever.
    let mut pipe = child.stdin.take().expect("a pipe");
    let text = stdin.to_owned();
    let writing = thread::spawn(move || pipe.write_all(text.as_bytes()));
    let output = child
        .wait_with_output()
        .map_err(|error| told(error.to_string()))?;
    // That it did not read to the end shows in its exit code.
    let _ = writing.join();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(told(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
