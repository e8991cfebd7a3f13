//! The binary under test, and what all its black-box tests need.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::time::Duration;

use testkit::{Launch, Request, Sink};

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The binary with no variables at all.
pub(crate) fn bare() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_heartbeats"))
}

/// The binary with what every run needs.
pub(crate) fn heartbeats(sink: &str) -> Launch {
    bare()
        .env("POD_NAME", "heartbeats")
        .env("POD_NAMESPACE", "default")
        .env("K_SINK", sink)
}

/// The same for one heartbeat.
pub(crate) fn one_shot(sink: &Sink) -> Launch {
    heartbeats(&sink.url()).env("ONE_SHOT", "true")
}

/// When the requests came, in milliseconds after the first.
pub(crate) fn times(requests: &[Request]) -> Vec<u128> {
    let Some(first) = requests.first() else {
        return Vec::new();
    };
    requests
        .iter()
        .map(|request| request.at.duration_since(first.at).as_millis())
        .collect()
}

/// The ids of the events.
pub(crate) fn ids(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .map(|request| request.headers.get("ce-id").expect("an id"))
        .collect()
}
