//! Who leads what, as the rest of the program sees it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::since_boot;

/// Whether we lead one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Somebody else does, or nobody.
    Standby,
    /// We do.
    Leading(Term),
}

/// One unbroken time of leading a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Counts the terms of one bucket in this process from 1: two terms that follow each other
    /// unseen still differ.
    pub number: u64,
    /// When the bucket's last holder, perhaps we ourselves, renewed for the last time or released
    /// it, by that holder's clock. `None` if nobody ever held it.
    pub last_activity: Option<DateTime<Utc>>,
    /// Whether that holder gave it back in order, so that it did nothing after that.
    pub released: bool,
}

/// The leaderships of all buckets, and until when each of them is certain.
#[derive(Clone, Debug)]
pub(super) struct Board {
    said: watch::Sender<Vec<Leadership>>,
    certain: Arc<Mutex<Vec<Option<Until>>>>,
}

/// A moment by two clocks: the second one also goes on while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    awake: Instant,
    booted: Duration,
}

impl Until {
    /// So long from now.
    pub(super) fn after(time: Duration) -> Self {
        Self {
            awake: Instant::now() + time,
            booted: since_boot() + time,
        }
    }

    pub(super) fn instant(self) -> Instant {
        self.awake
    }

    pub(super) fn is_over(self) -> bool {
        Instant::now() >= self.awake || since_boot() >= self.booted
    }
}

impl Board {
    pub(super) fn new(buckets: usize) -> Self {
        let certain = Arc::new(Mutex::new(vec![None; buckets]));
        Self {
            said: watch::Sender::new(vec![Leadership::Standby; buckets]),
            certain,
        }
    }

    pub(super) fn buckets(&self) -> usize {
        self.certain().len()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Vec<Leadership>> {
        self.said.subscribe()
    }

    pub(super) fn leads(&self, bucket: usize) -> bool {
        self.certain()
            .get(bucket)
            .is_some_and(|until| until.is_some_and(|until| !until.is_over()))
    }

    /// A term begins.
    pub(super) fn lead(&self, bucket: usize, term: Term, until: Until) {
        self.certain()[bucket] = Some(until);
        self.said
            .send_modify(|said| said[bucket] = Leadership::Leading(term));
    }

    /// The term goes on. Nobody is told.
    pub(super) fn renew(&self, bucket: usize, until: Until) {
        self.certain()[bucket] = Some(until);
    }

    /// The term is over.
    pub(super) fn lose(&self, bucket: usize) {
        self.certain()[bucket] = None;
        self.said.send_if_modified(|said| {
            let led = said[bucket] != Leadership::Standby;
            said[bucket] = Leadership::Standby;
            led
        });
    }

    fn certain(&self) -> MutexGuard<'_, Vec<Option<Until>>> {
        self.certain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
