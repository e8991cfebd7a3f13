//! The last requests, bounded by count and bytes; viewers read from it by number.
//!
//! Writing is a copy and a few counters. Nobody waits for a viewer: one that is slower than the
//! ring is told how many it missed. What an entry says is in `entry`, who reads is in `stream`.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use super::entry::{Entry, Outcome, Recorded};
use super::stats::Stats;
use crate::event::Event;

/// What the history may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests.
    pub events: NonZeroUsize,
    /// Bytes of heads and bodies, and of what it takes to keep them.
    pub bytes: NonZeroUsize,
}

/// What counts need to know of an event that was printed.
#[derive(Debug)]
pub struct Seen {
    /// Type, source and id, one behind the other.
    text: Vec<u8>,
    source_at: usize,
    id_at: usize,
    /// Bytes of its data.
    pub(super) size: usize,
}

impl Seen {
    /// Takes note of an event.
    pub fn of(event: &Event<'_>) -> Self {
        let size = event.data.as_ref().map_or(0, |data| data.bytes.len());
        Self::new([&event.ty, &event.source, &event.id], size)
    }

    pub(super) fn new([ty, source, id]: [&[u8]; 3], size: usize) -> Self {
        Self {
            text: [ty, source, id].concat(),
            source_at: ty.len(),
            id_at: ty.len() + source.len(),
            size,
        }
    }

    pub(super) fn ty(&self) -> &[u8] {
        &self.text[..self.source_at]
    }

    pub(super) fn source(&self) -> &[u8] {
        &self.text[self.source_at..self.id_at]
    }

    fn source_and_id(&self) -> (&[u8], &[u8]) {
        (self.source(), &self.text[self.id_at..])
    }
}

/// The ring.
#[derive(Debug)]
pub(super) struct History {
    bounds: Bounds,
    epoch: Epoch,
    twins: RandomState,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
}

/// Tells one run of the program from another: numbers begin anew with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u32);

#[derive(Debug)]
struct Ring {
    entries: VecDeque<Arc<Entry>>,
    /// The number of the next entry; the first one has 1.
    next: u64,
    bytes: usize,
    /// Where an id of a source was seen last, by their hash.
    latest: HashMap<u64, u64>,
    stats: Stats,
}

/// A piece of the history.
#[derive(Debug)]
pub(super) struct Piece {
    /// In order.
    pub entries: Vec<Arc<Entry>>,
    /// How many are gone that should have come first.
    pub missed: u64,
}

impl History {
    /// An empty one.
    pub(super) fn new(bounds: Bounds) -> Self {
        let twins = RandomState::new();
        let random = twins.hash_one(SystemTime::now());
        Self {
            bounds,
            epoch: Epoch((random >> 32) as u32),
            twins,
            ring: Mutex::new(Ring {
                entries: VecDeque::new(),
                next: 1,
                bytes: 0,
                latest: HashMap::new(),
                stats: Stats::new(SystemTime::now()),
            }),
            newest: watch::Sender::new(0),
        }
    }

    /// How much of a body is kept: whole up to a part of the bound, else its beginning.
    pub(super) fn room(&self) -> usize {
        self.bounds.bytes.get() / 4
    }

    /// Adds a request and forgets the oldest ones that are too much.
    pub(super) fn push(&self, recorded: Recorded, outcome: Outcome) {
        let at = SystemTime::now();
        let twin = match &outcome {
            Outcome::Printed(seen) => Some(self.twins.hash_one(seen.source_and_id())),
            Outcome::Refused(_) => None,
        };
        let mut ring = self.ring();
        let seq = ring.next;
        ring.next += 1;
        let names = ring.stats.count(at, recorded.size, &outcome);
        let repeats = twin.and_then(|twin| ring.latest.insert(twin, seq));
        let entry = Entry::new(recorded, outcome, names, (seq, at), (twin, repeats));
        ring.bytes += entry.cost();
        ring.entries.push_back(Arc::new(entry));
        ring.trim(self.bounds);
        drop(ring);
        // Whoever comes later reads before it waits.
        if self.newest.receiver_count() > 0 {
            self.newest.send_replace(seq);
        }
    }

    /// At most `limit` entries behind the one with this number.
    pub(super) fn after(&self, seq: u64, limit: usize) -> Piece {
        let ring = self.ring();
        let oldest = ring.oldest();
        let from = seq.saturating_add(1).max(oldest).min(ring.next);
        let skipped = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        Piece {
            entries: ring.entries.range(skipped..).take(limit).cloned().collect(),
            missed: (oldest - 1).saturating_sub(seq),
        }
    }

    /// The entry with this number, if it is still there.
    pub(super) fn get(&self, seq: u64) -> Option<Arc<Entry>> {
        let ring = self.ring();
        let at = usize::try_from(seq.checked_sub(ring.oldest())?).ok()?;
        ring.entries.get(at).cloned()
    }

    /// The number in front of the oldest entry that is kept, and that of the newest.
    pub(super) fn ends(&self) -> (u64, u64) {
        let ring = self.ring();
        (ring.oldest() - 1, ring.next - 1)
    }

    /// Tells when something was added.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// This run.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The bounds.
    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Looks at the counts; also gets the number of entries and their bytes.
    pub(super) fn stats<T>(&self, look: impl FnOnce(&Stats, usize, usize) -> T) -> T {
        let ring = self.ring();
        look(&ring.stats, ring.entries.len(), ring.bytes)
    }

    /// A thread that panicked has left whole entries behind.
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn oldest(&self) -> u64 {
        self.next - self.entries.len() as u64
    }

    fn trim(&mut self, bounds: Bounds) {
        while self.entries.len() > bounds.events.get() || self.bytes > bounds.bytes.get() {
            let Some(entry) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= entry.cost();
            if let Some(twin) = entry.twin()
                && self.latest.get(&twin) == Some(&entry.seq())
            {
                self.latest.remove(&twin);
            }
        }
    }
}

impl Epoch {
    /// The name of an entry over all runs: `5b0c7a11-17`.
    pub(super) fn key(self, seq: u64) -> String {
        format!("{self}-{seq}")
    }

    /// The number behind a name: 0, in front of all entries, where it is of another run; `None` if
    /// it is no such name.
    pub(super) fn seq(self, key: &str) -> Option<u64> {
        let (epoch, seq) = key.split_once('-')?;
        let seq: u64 = seq.parse().ok()?;
        let epoch = u32::from_str_radix(epoch, 16).ok()?;
        Some(if Self(epoch) == self { seq } else { 0 })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests;
