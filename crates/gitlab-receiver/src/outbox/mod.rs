//! The durable outbox: an event is on disk before GitLab is answered, and leaves it when the sink
//! has it.
//!
//! `store` is the file, `writer` the one thread that touches it, `forward` the way to the sink.
//! Events keep their order; after a crash some may be sent again, with the same id. Nothing here
//! decides what a webhook is.

mod forward;
mod store;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Utc};

use crate::delivery::Delivery;

pub use forward::{Ends, forward};
pub use writer::{Outbox, Refusal, Writer};

/// Where the outbox is, and how large it may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `SPOOL_DIR`.
    pub directory: PathBuf,
    /// `SPOOL_MAX_BYTES`: of events waiting. The file itself may be two and a half times as large.
    pub max_bytes: u64,
}

/// An event that waits, with its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Counts up from 1; never used twice.
    pub number: u64,
    /// The event.
    pub delivery: Delivery,
}

/// How full the outbox is; for gauges. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Level(Arc<Reading>);

#[derive(Debug, Default)]
struct Reading {
    events: AtomicU64,
    bytes: AtomicU64,
    /// When the oldest one arrived, in nanoseconds since 1970; 0 if there is none.
    oldest: AtomicI64,
}

impl Level {
    /// Events on disk that the sink does not have yet.
    pub fn events(&self) -> u64 {
        self.0.events.load(Ordering::Relaxed)
    }

    /// Their size in bytes.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// How long the oldest one has waited, in seconds; 0 if there is none.
    pub fn oldest_age(&self, now: DateTime<Utc>) -> f64 {
        match self.0.oldest.load(Ordering::Relaxed) {
            0 => 0.0,
            arrived => (now - DateTime::from_timestamp_nanos(arrived))
                .as_seconds_f64()
                .max(0.0),
        }
    }

    fn set(&self, totals: store::Totals) {
        self.0.events.store(totals.events, Ordering::Relaxed);
        self.0.bytes.store(totals.bytes, Ordering::Relaxed);
        self.0.oldest.store(totals.oldest, Ordering::Relaxed);
    }
}
