//! The one thread that touches the file, and the handle that everybody else has.
//!
//! Whatever arrives while the disk works is written together with one sync: fifty hooks at once
//! cost hardly more than one. Nothing is acknowledged before that sync has returned.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::store::{Store, size};
use super::{Level, Place, Waiting};
use crate::delivery::Delivery;

/// Requests that may wait for the thread; more are refused.
const QUEUE: usize = 1024;
/// What one sync takes along at most.
const BATCH: usize = 256;
/// What is read at once on the way to the sink: enough to be fast, little enough to be small.
const READ: (usize, usize) = (32, 1 << 20);
/// Asking again when the queue was full.
const QUEUE_PAUSE: Duration = Duration::from_millis(50);
/// Looking at the file again although nothing arrived: it may have been broken before.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a file that another process has open is waited for before it is tried again.
const LOCKED: Duration = Duration::from_millis(100);

/// Why an event was not taken. The disk's own words are in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `SPOOL_MAX_BYTES` would be exceeded.
    #[error("the outbox is full")]
    Full,
    /// More requests wait for the disk than it can follow.
    #[error("the disk does not follow")]
    Busy,
    /// The disk refused, for instance because it is full.
    #[error("the outbox cannot be written")]
    Broken,
}

enum Request {
    Put(Delivery, oneshot::Sender<Result<(), Refusal>>),
    Read(u64, oneshot::Sender<Vec<Waiting>>),
    Sweep,
}

/// The outbox as the others see it. Cloning is cheap; the last one dropped ends the thread.
#[derive(Clone)]
pub struct Outbox {
    requests: SyncSender<Request>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    level: Level,
    /// Everything up to this number has reached the sink; swept with the next write.
    delivered: AtomicU64,
    arrived: Notify,
}

/// The running thread.
#[must_use]
pub struct Writer(thread::JoinHandle<()>);

impl Outbox {
    /// Opens the file and starts the thread. Waits while another process has it open.
    pub async fn open(place: Place) -> Result<(Self, Writer), redb::Error> {
        let (requests, queue) = mpsc::sync_channel(QUEUE);
        let shared = Arc::<Shared>::default();
        let store = open(place.directory.clone()).await?;
        shared.level.set(store.totals());
        let file = OpenFile {
            store: Some(store),
            place,
            shared: Arc::clone(&shared),
            broken: false,
        };
        let thread = thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || file.serve(&queue))?;
        Ok((Self { requests, shared }, Writer(thread)))
    }

    /// Returns when the event is on disk.
    pub async fn put(&self, delivery: Delivery) -> Result<(), Refusal> {
        let (written, result) = oneshot::channel();
        self.requests
            .try_send(Request::Put(delivery, written))
            .map_err(|_| Refusal::Busy)?;
        result.await.unwrap_or(Err(Refusal::Broken))
    }

    /// How full it is.
    pub fn level(&self) -> &Level {
        &self.shared.level
    }

    /// The next events behind `after`, in order. Waits until there is one; none at all means that
    /// there will be none, because `drain` is cancelled.
    pub(super) async fn next(&self, after: u64, drain: &CancellationToken) -> Vec<Waiting> {
        loop {
            // Made before looking, so that nothing that arrives in between is missed.
            let arrived = self.shared.arrived.notified();
            let (read, result) = oneshot::channel();
            if self.requests.try_send(Request::Read(after, read)).is_err() {
                tokio::time::sleep(QUEUE_PAUSE).await;
                continue;
            }
            let waiting = result.await.unwrap_or_default();
            if !waiting.is_empty() || drain.is_cancelled() {
                return waiting;
            }
            tokio::select! {
                () = arrived => {}
                () = drain.cancelled() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Notes that everything up to this number has reached the sink.
    pub(super) fn delivered(&self, number: u64) {
        self.shared.delivered.store(number, Ordering::Release);
    }

    /// Asks for the delivered ones to be removed; if the queue is full a write will do it.
    pub(super) fn sweep(&self) {
        let _ = self.requests.try_send(Request::Sweep);
    }
}

impl Writer {
    /// Waits for the thread after the last [`Outbox`] is gone: the file is then closed in order.
    pub async fn closed(self) {
        let joined = tokio::task::spawn_blocking(move || self.0.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("The outbox's thread has panicked; what it acknowledged is on disk.");
        }
    }
}

async fn open(directory: PathBuf) -> Result<Store, redb::Error> {
    let mut waits = false;
    loop {
        match Store::open(&directory) {
            Err(redb::Error::DatabaseAlreadyOpen) => {
                if !std::mem::replace(&mut waits, true) {
                    tracing::warn!(
                        directory = %directory.display(),
                        "Another process has the outbox open; waiting for it to stop."
                    );
                }
                tokio::time::sleep(LOCKED).await;
            }
            opened => return opened,
        }
    }
}

/// What the thread has.
struct OpenFile {
    /// `None` after an error of the disk, until it could be opened again.
    store: Option<Store>,
    place: Place,
    shared: Arc<Shared>,
    broken: bool,
}

impl OpenFile {
    fn serve(mut self, queue: &Receiver<Request>) {
        while let Ok(first) = queue.recv() {
            let (mut puts, mut sweep) = (Vec::new(), false);
            for request in std::iter::once(first).chain(queue.try_iter().take(BATCH)) {
                match request {
                    Request::Put(delivery, written) => puts.push((delivery, written)),
                    Request::Read(after, read) => {
                        // Whoever asked may have stopped meanwhile.
                        let _ = read.send(self.read(after));
                    }
                    Request::Sweep => sweep = true,
                }
            }
            if sweep || !puts.is_empty() {
                self.write(puts);
            }
        }
        self.write(Vec::new());
    }

    fn read(&mut self, after: u64) -> Vec<Waiting> {
        let (count, bytes) = READ;
        self.attempt(|store| store.read(after, count, bytes))
            .unwrap_or_default()
    }

    fn write(&mut self, puts: Vec<Put>) {
        let delivered = self.shared.delivered.load(Ordering::Acquire);
        let room = self
            .place
            .max_bytes
            .saturating_sub(self.shared.level.bytes());
        let (fitting, refused) = fit(puts, room);
        for (_, written) in refused {
            let _ = written.send(Err(Refusal::Full));
        }
        let (deliveries, waiting): (Vec<_>, Vec<_>) = fitting.into_iter().unzip();
        let added: Vec<&Delivery> = deliveries.iter().collect();
        let result = self.attempt(|store| {
            store.commit(&added, delivered)?;
            Ok(store.totals())
        });
        if let Some(totals) = result {
            self.shared.level.set(totals);
        }
        for written in waiting {
            let _ = written.send(result.map(|_| ()).ok_or(Refusal::Broken));
        }
        self.shared.arrived.notify_waiters();
    }

    /// Does something with the file. After an error of the disk it is opened anew, as the store
    /// refuses everything until then.
    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> super::store::Result<T>,
    ) -> Option<T> {
        let store = match self.store.take() {
            Some(store) => Ok(store),
            None => Store::open(&self.place.directory),
        };
        let result = store.and_then(|mut store| {
            let done = work(&mut store)?;
            self.store = Some(store);
            Ok(done)
        });
        self.say(result.as_ref().err());
        result.ok()
    }

    /// Says once that the disk fails, and once that it works again.
    fn say(&mut self, error: Option<&redb::Error>) {
        let directory = self.place.directory.display();
        match error {
            Some(error) if !self.broken => {
                tracing::error!(%directory, %error, "The outbox cannot be written; webhooks are refused.");
            }
            None if self.broken => tracing::info!(%directory, "The outbox can be written again."),
            _ => {}
        }
        self.broken = error.is_some();
    }
}

type Put = (Delivery, oneshot::Sender<Result<(), Refusal>>);

/// Parts those that still fit into `room` bytes from those that do not.
fn fit(puts: Vec<Put>, mut room: u64) -> (Vec<Put>, Vec<Put>) {
    puts.into_iter()
        .partition(|(delivery, _)| match room.checked_sub(size(delivery)) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        })
}
