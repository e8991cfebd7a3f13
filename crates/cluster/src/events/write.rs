//! Writes Events one after the other, waiting out an API server that is away for a short time.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use serde::de::IgnoredAny;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

use super::correlate::{Correlator, Entry};
use super::{Happening, count_dropped, wire};
use crate::chance;
use crate::client::{ApiError, Client};
use crate::clock::Clock;

const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(super) enum Job {
    Write(Box<Happening>),
    Flush(oneshot::Sender<()>),
}

pub(super) struct Writer {
    client: Client,
    clock: Clock,
    dropped: Arc<AtomicU64>,
    correlator: Correlator,
}

impl Writer {
    pub(super) fn new(client: Client, clock: Clock, dropped: Arc<AtomicU64>) -> Self {
        Self {
            client,
            clock,
            dropped,
            correlator: Correlator::default(),
        }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            match job {
                Job::Write(happening) => self.write(&happening).await,
                // Nobody waits any more: just as well.
                Job::Flush(done) => drop(done.send(())),
            }
        }
    }

    async fn write(&mut self, happening: &Happening) {
        let time = (self.clock)();
        let Some(entry) = self.correlator.entry(happening, Instant::now(), time) else {
            return;
        };
        for tries in 1.. {
            let Err(error) = self.send(happening, &entry).await else {
                return;
            };
            match wait(&error, tries) {
                Some(time) => sleep(time).await,
                // Nobody will miss it: what it is about is being deleted.
                None if error.namespace_ends() => return,
                None => return count_dropped(&self.dropped, &error.to_string()),
            }
        }
    }

    async fn send(&self, happening: &Happening, entry: &Entry) -> Result<(), ApiError> {
        let collection = wire::collection(happening);
        if entry.count > 1 {
            let path = format!("{collection}/{}", entry.name);
            match self
                .client
                .patch::<IgnoredAny>(&path, &wire::patch(entry))
                .await
            {
                // Events are kept for an hour; it begins anew with the count it has.
                Err(error) if error.code() == Some(404) => {}
                result => return result.map(drop),
            }
        }
        let created = self
            .client
            .create(&collection, &wire::event(happening, entry))
            .await;
        match created {
            Ok(IgnoredAny) => Ok(()),
            // Written in an earlier try, whose answer was lost.
            Err(error) if error.code() == Some(409) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// How long to wait before the next try; `None` if it is of no use.
fn wait(error: &ApiError, tries: u32) -> Option<Duration> {
    let asked = match error {
        ApiError::Refused(refusal) if refusal.code == 429 || refusal.code >= 500 => {
            refusal.retry_after
        }
        ApiError::Refused(_) | ApiError::Unreadable(_) => return None,
        ApiError::Unreachable(_) | ApiError::Timeout(_) => None,
    };
    let full = FIRST_WAIT * 2_u32.pow(tries.min(TRIES));
    let wait = asked
        .unwrap_or_else(|| chance::between(full / 2, full))
        .min(LONGEST_WAIT);
    (tries < TRIES).then_some(wait)
}
