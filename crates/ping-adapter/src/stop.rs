//! The first moments of a stop: when it really begins.

use std::time::Duration;

use chrono::{DateTime, Timelike as _, Utc};

use crate::config::stop_delay;

/// How long to go on working after a stop was asked for at `now` (pingsource.md 2.7).
pub(crate) fn delay(now: DateTime<Utc>, no_shutdown_after: Option<u32>) -> Duration {
    let delay = stop_delay(now.second(), no_shutdown_after);
    if !delay.is_zero() {
        tracing::info!(
            seconds = delay.as_secs(),
            "The minute is about to end; stopping after it."
        );
    }
    delay
}
