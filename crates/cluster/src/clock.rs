//! The wall clock as a parameter, so that tests can set it, and a clock that goes on in sleep.
//!
//! Nobody waits by these: that is `tokio::time`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustix::time::{ClockId, clock_gettime};

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The clock of this machine.
pub fn system() -> Clock {
    Arc::new(Utc::now)
}

/// Time since the machine was started, its sleep included. `Instant` stands still in it.
pub(crate) fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}
