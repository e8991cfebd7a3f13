//! Waiting for something to become true, and small things every test needs.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks again and again until `probe` gives something, and panics after `deadline` with `what`.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        thread::sleep(PAUSE);
    }
}

/// Between fork and exec a child holds every open socket, so that a port which was just given up
/// would still be taken. Nobody looks for one meanwhile.
static SPAWNING: Mutex<()> = Mutex::new(());

/// Starts a child. The only way to start one in this crate.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// A TCP port that was free a moment ago, for programs that cannot take port 0.
///
/// It lies below those that the system gives to sinks and connections, and each call of a test run
/// gets another one: between here and the program's listening nobody else comes by it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let step = std::process::id() * 31 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(step % 20_000).expect("below 20 000");
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
}

/// Says on stderr, past the test harness's capture, that a test was left out and why.
pub fn skip(test: &str, why: &str) {
    // A lost line is no reason to fail.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {why}");
}
