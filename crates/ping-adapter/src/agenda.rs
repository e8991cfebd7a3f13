//! When which source fires: one queue for all of them, no task and no timer per source.
//!
//! Pure: the wall clock comes in as `now`. Who sends, and how, is decided elsewhere.
//!
//! A tick is *scheduled* at a full second and *due* a little later, at the source's own place in
//! the spread. What counts when time does not run evenly:
//!
//! * A late wake-up (a slept process, a clock set forward) fires the pending tick of each source and
//!   those scheduled within [`LATE`] before now; what was missed between them is skipped.
//! * A clock set back by up to [`STEP`] is waited out, so that no tick comes twice. Set back further,
//!   every source starts anew from the new time.
//! * A source taken over with `since` in the past fires every tick from then on, late or not.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::schedule::Schedule;

/// Ticks that a busy process missed by no more than this are made up for, each of them.
pub const LATE: TimeDelta = TimeDelta::seconds(5);

/// A clock set back by more than this makes every source start anew.
pub const STEP: TimeDelta = TimeDelta::seconds(60);

/// Names a source: `namespace/name`.
pub type Key = Arc<str>;

/// When a source fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// The full seconds.
    pub schedule: Schedule,
    /// The source's place in the spread, shorter than a second.
    pub spread: TimeDelta,
}

/// All sources with their pending ticks. `W` is what firing needs, cheap to clone.
#[derive(Debug)]
pub struct Agenda<W> {
    sources: HashMap<Key, Entry<W>>,
    /// When which source is due next; a source without a further tick is not in it.
    queue: BTreeSet<(DateTime<Utc>, Key)>,
    /// The latest `now` so far, to notice a clock that was set back.
    seen: DateTime<Utc>,
}

#[derive(Debug)]
struct Entry<W> {
    rhythm: Rhythm,
    work: W,
    pending: Option<DateTime<Utc>>,
    /// Up to here no tick is skipped, however late.
    catch_up: DateTime<Utc>,
}

/// A source fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick<W> {
    /// The source.
    pub key: Key,
    /// What its firing needs.
    pub work: W,
    /// The full second that the schedule names.
    pub scheduled: DateTime<Utc>,
    /// When it should have fired: `scheduled` and the spread.
    pub due: DateTime<Utc>,
    /// When the source is due again, if ever.
    pub next: Option<DateTime<Utc>>,
    /// It fell due before this process had the source.
    pub caught_up: bool,
}

impl<W: Clone> Agenda<W> {
    /// No sources; `now` is the wall clock.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            sources: HashMap::new(),
            queue: BTreeSet::new(),
            seen: now,
        }
    }

    /// Adds a source or changes it, at once.
    ///
    /// While its rhythm stays the same the pending tick stays too, so that a change of anything else
    /// neither loses nor doubles a tick. Otherwise the first tick is the one strictly after `since`:
    /// `now`, or earlier for a source that is taken over.
    pub fn put(
        &mut self,
        key: &Key,
        rhythm: Rhythm,
        work: W,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        if let Some(entry) = self.sources.get_mut(key)
            && entry.rhythm == rhythm
        {
            entry.work = work;
            return;
        }
        self.remove(key);
        let mut entry = Entry {
            rhythm,
            work,
            pending: None,
            catch_up: now,
        };
        entry.plan(since.min(now));
        self.queue
            .extend(entry.due().map(|due| (due, Arc::clone(key))));
        self.sources.insert(Arc::clone(key), entry);
    }

    /// Takes a source off, with its pending tick.
    pub fn remove(&mut self, key: &Key) -> Option<W> {
        let entry = self.sources.remove(key)?;
        if let Some(due) = entry.due() {
            self.queue.remove(&(due, Arc::clone(key)));
        }
        Some(entry.work)
    }

    /// Whether the source is on the agenda.
    pub fn contains(&self, key: &Key) -> bool {
        self.sources.contains_key(key)
    }

    /// How many sources there are, those without a further tick included.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// When to call [`Agenda::due`] next. Call it each second at least: only then is a clock that was
    /// set noticed.
    pub fn wake(&self) -> Option<DateTime<Utc>> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// The ticks that are due, in order; none of them comes again.
    pub fn due(&mut self, now: DateTime<Utc>) -> Vec<Tick<W>> {
        if now + STEP < self.seen {
            self.start_anew(now);
        }
        self.seen = self.seen.max(now);
        let mut ticks = Vec::new();
        while self.queue.first().is_some_and(|(due, _)| *due <= now) {
            let Some((due, key)) = self.queue.pop_first() else {
                break;
            };
            let Some(entry) = self.sources.get_mut(&key) else {
                continue;
            };
            let Some(scheduled) = entry.pending else {
                continue;
            };
            let skipped = if scheduled < entry.catch_up {
                scheduled
            } else {
                now - LATE
            };
            entry.plan(scheduled.max(skipped));
            let next = entry.due();
            ticks.push(Tick {
                key: Arc::clone(&key),
                work: entry.work.clone(),
                scheduled,
                due,
                next,
                caught_up: scheduled <= entry.catch_up,
            });
            self.queue.extend(next.map(|due| (due, key)));
        }
        ticks
    }

    fn start_anew(&mut self, now: DateTime<Utc>) {
        tracing::warn!(from = %self.seen, to = %now, "The clock was set back; starting from its new time.");
        self.seen = now;
        self.queue.clear();
        for (key, entry) in &mut self.sources {
            entry.catch_up = now;
            entry.plan(now);
            self.queue
                .extend(entry.due().map(|due| (due, Arc::clone(key))));
        }
    }
}

impl<W> Entry<W> {
    /// Makes the first tick strictly after `after` the pending one.
    fn plan(&mut self, after: DateTime<Utc>) {
        self.pending = following(&self.rhythm.schedule, after);
    }

    fn due(&self) -> Option<DateTime<Utc>> {
        self.pending?.checked_add_signed(self.rhythm.spread)
    }
}

/// The first tick strictly after `after`.
///
/// `@every` has no wall clock and counts from where it is asked; here it counts from 1970, so that
/// a restart, a late wake-up or another replica leaves its phase alone (pingsource.md W14).
fn following(schedule: &Schedule, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if schedule.zone().is_some() {
        return schedule.next_after(after);
    }
    let period = schedule.next_after(DateTime::UNIX_EPOCH)?.timestamp();
    let past = after.timestamp().div_euclid(period);
    DateTime::from_timestamp(past.checked_add(1)?.checked_mul(period)?, 0)
}

#[cfg(test)]
mod tests;
