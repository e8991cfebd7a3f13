//! The binary under test, and what all its black-box tests need.
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod cluster;

use std::time::Duration;

use chrono::{DateTime, Utc};
use testkit::{Launch, Request, Sink, free_port};

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The binary with no variables at all.
pub(crate) fn bare() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_ping-adapter"))
}

/// The standalone role, every second; its probes are out of the way of other tests.
pub(crate) fn standalone(sink: &Sink) -> Launch {
    bare()
        .env("K_SINK", sink.url())
        .env("SCHEDULE", "*/1 * * * * *")
        .env("HEALTH_PORT", free_port().to_string())
}

/// The time of an event.
pub(crate) fn time(request: &Request) -> DateTime<Utc> {
    let time = request.headers.get("ce-time").expect("a time");
    time.parse().expect("an RFC 3339 time")
}

/// The id of an event.
pub(crate) fn id(request: &Request) -> String {
    request.headers.get("ce-id").expect("an id")
}

/// Exit code, stdout and stderr of a run that ends by itself.
pub(crate) fn ended(launch: Launch) -> (i32, String, String) {
    let mut process = launch.start();
    let code = process.wait(SOON).code.expect("an exit code");
    (code, process.stdout().text(), process.stderr().text())
}
