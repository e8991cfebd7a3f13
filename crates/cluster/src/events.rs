//! Kubernetes Events, merged and limited as client-go does it, and written in the background.
//!
//! core/v1 ones: stock roles do not grant `events.k8s.io`. What is worth an Event is not decided
//! here. Contract: `adapter-runtime.md` 7.4, `pingsource.md` 2.5.

mod correlate;
mod wire;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use self::write::{Job, Writer};
use crate::client::Client;
use crate::clock::Clock;

/// Happenings that wait to be written.
const QUEUE: usize = 1024;

/// `type` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something went as it should.
    Normal,
    /// Something did not.
    Warning,
}

/// The object that an Event is about, its `involvedObject`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Regarding {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `namespace`, the Event's own, too.
    pub namespace: String,
    /// `name`.
    pub name: String,
    /// `uid`.
    pub uid: String,
    /// `resourceVersion`.
    pub resource_version: String,
}

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// The object.
    pub regarding: Regarding,
    /// Good or bad.
    pub kind: Kind,
    /// Who says so: `source.component` and `reportingComponent`.
    pub component: &'static str,
    /// What happened in one word, such as `SinkSendFailed`.
    pub reason: &'static str,
    /// And in a sentence. It is cut off at 1024 bytes.
    pub message: String,
}

/// Takes happenings without making anybody wait. A copy is cheap.
#[derive(Clone, Debug)]
pub struct Reporter {
    queue: mpsc::Sender<Job>,
    dropped: Arc<AtomicU64>,
}

impl Reporter {
    /// Starts the writer, which ends with the last copy; needs a tokio runtime.
    pub fn start(client: Client, clock: Clock) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        tokio::spawn(Writer::new(client, clock, Arc::clone(&dropped)).run(jobs));
        Self { queue, dropped }
    }

    /// Hands a happening in. With a full queue it is dropped, and counted.
    pub fn report(&self, happening: Happening) {
        if self
            .queue
            .try_send(Job::Write(Box::new(happening)))
            .is_err()
        {
            count_dropped(&self.dropped, "the queue is full");
        }
    }

    /// How many were not written so far, the limits for each object not counted.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until what was handed in before is written, but no longer than `limit`.
    pub async fn flush(&self, limit: Duration) {
        let (done, flushed) = oneshot::channel();
        let all = async {
            // Without a writer there is nothing to wait for.
            if self.queue.send(Job::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("The last Kubernetes Events were not written in time.");
        }
    }
}

/// Says so less and less often.
fn count_dropped(dropped: &AtomicU64, why: &str) {
    let count = dropped.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_power_of_two() {
        tracing::warn!(
            dropped = count,
            error = why,
            "A Kubernetes Event was dropped."
        );
    }
}
