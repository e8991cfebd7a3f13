//! Events that wait for the sink: bounded in number and bytes, so that a slow sink slows the
//! reading and never costs memory.
//!
//! Which event goes next is decided in `line`; what sending means is up to [`Deliver`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::announcement::Announcement;
use crate::ledger::Uid;
use crate::line::Line;

/// Stock tries one event for 3.1 s, and the next one waits that long (apiserversource.md 3.7).
/// Ours is tried on, but no longer at the cost of others.
const HOLD: Duration = Duration::from_millis(3500);
/// What an event takes beside its body, about.
const OVERHEAD: usize = 512;

/// How much may wait. Watches get room in the order in which they ask for it, so that none is
/// kept waiting longer than the queue lasts.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Events.
    pub events: u32,
    /// Bytes of them; a single larger event passes alone.
    pub bytes: u32,
}

impl Bounds {
    /// A third of the 24 MB that one adapter is allowed.
    pub const STANDARD: Self = Self {
        events: 4096,
        bytes: 8 << 20,
    };
}

/// Sends one event until it is delivered or given up.
pub trait Deliver: Send + Sync {
    /// `true` if the sink has it. Whatever was lost has been counted and logged.
    fn deliver(&self, announcement: Announcement) -> BoxFuture<'_, bool>;
}

/// The queue. A copy is the same queue.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    bounds: Bounds,
    events: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    deliver: Box<dyn Deliver>,
}

#[derive(Default)]
struct State {
    line: Line<Waiting>,
    /// When each event that is still here came, by number of arrival.
    arrivals: BTreeMap<u64, Instant>,
    arrived: u64,
}

struct Waiting {
    announcement: Announcement,
    number: u64,
    /// Given back when the event is delivered or given up.
    _room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl Outbox {
    /// An empty queue before that way of sending.
    pub fn new(bounds: Bounds, deliver: impl Deliver + 'static) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new(permits as usize));
        Self(Arc::new(Inner {
            state: Mutex::default(),
            bounds,
            events: semaphore(bounds.events),
            bytes: semaphore(bounds.bytes),
            deliver: Box::new(deliver),
        }))
    }

    /// Takes an event; waits while there is no room. Needs a running tokio runtime.
    pub async fn put(&self, announcement: Announcement) {
        let size = u32::try_from(OVERHEAD + announcement.body.len()).unwrap_or(u32::MAX);
        let room = (
            room(&self.0.events, 1).await,
            room(&self.0.bytes, size.min(self.0.bounds.bytes)).await,
        );
        {
            let mut state = self.state();
            state.arrived += 1;
            let number = state.arrived;
            state.arrivals.insert(number, Instant::now());
            let object = announcement.object;
            state.line.push(
                object,
                Waiting {
                    announcement,
                    number,
                    _room: room,
                },
            );
        }
        self.send_next();
    }

    /// How many events are here, those in flight included.
    pub fn depth(&self) -> usize {
        self.state().arrivals.len()
    }

    /// How long the oldest of them has been here.
    pub fn oldest_age(&self) -> Duration {
        let state = self.state();
        state
            .arrivals
            .values()
            .next()
            .map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Waits until every event is delivered or given up; nothing may be put meanwhile.
    pub async fn drained(&self) {
        drop(room(&self.0.events, self.0.bounds.events).await);
    }

    fn send_next(&self) {
        while let Some((object, waiting)) = self.next() {
            let outbox = self.clone();
            tokio::spawn(async move { outbox.send(object, waiting).await });
        }
    }

    fn next(&self) -> Option<(Uid, Waiting)> {
        self.state().line.start()
    }

    async fn send(&self, object: Uid, waiting: Waiting) {
        let Waiting {
            announcement,
            number,
            _room,
        } = waiting;
        let started = Instant::now();
        let mut delivery = self.0.deliver.deliver(announcement);
        let delivered = tokio::select! {
            delivered = &mut delivery => delivered,
            () = tokio::time::sleep(HOLD) => {
                self.state().line.overdue(object);
                self.send_next();
                delivery.await
            }
        };
        {
            let mut state = self.state();
            state.arrivals.remove(&number);
            state.line.done(object, delivered, started.elapsed());
        }
        self.send_next();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn room(semaphore: &Arc<Semaphore>, permits: u32) -> OwnedSemaphorePermit {
    let room = Arc::clone(semaphore).acquire_many_owned(permits).await;
    room.expect("nobody closes these semaphores")
}

#[cfg(test)]
mod tests;
