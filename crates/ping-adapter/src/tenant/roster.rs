//! What is known of each source, led or not: a standby takes over from here without asking.
//!
//! Pure. Which buckets are led, and what firing a source takes, is in `stage`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::agenda::Key;
use crate::event::Origin;
use crate::source::{Definition, PingSource, Standing};

/// All sources of the cluster.
#[derive(Debug, Default)]
pub(super) struct Roster {
    sources: HashMap<Key, Known>,
    /// What the running list has brought so far.
    listed: Option<HashSet<Key>>,
}

/// What is known of one.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Names and uid.
    pub(super) origin: Arc<Origin>,
    /// The version of the object, as an Event about it names it.
    pub(super) resource_version: Box<str>,
    /// The bucket that it belongs to.
    pub(super) bucket: usize,
    /// The definition it had when it last was allowed to fire, which goes on while it is not
    /// (pingsource.md 2.3).
    pub(super) good: Option<Arc<Definition>>,
    /// Ticks before this do not count: it was created then, or changed.
    pub(super) since: DateTime<Utc>,
    standing: Standing,
}

/// How an object came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In a list: it may be as old as it likes.
    Listed,
    /// As a change, just now.
    Changed,
}

/// What to do about it, if its bucket is led.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing that matters has changed.
    Same,
    /// It fires as `good` says from now on; tell users if it came as a change.
    Fire,
    /// It has become not ready. What fires goes on.
    NotReady,
    /// It replaces another object of its name and may not fire: that one must not go on.
    Stop,
}

impl Roster {
    /// A list begins.
    pub(super) fn listing(&mut self) {
        self.listed = Some(HashSet::new());
    }

    /// Counts as listed, whatever it is.
    pub(super) fn keep(&mut self, key: &Key) {
        if let Some(listed) = &mut self.listed {
            listed.insert(Arc::clone(key));
        }
    }

    /// The list is whole; gives what is gone.
    pub(super) fn synced(&mut self) -> Vec<Key> {
        let Some(listed) = self.listed.take() else {
            return Vec::new();
        };
        let gone: Vec<Key> = self
            .sources
            .keys()
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect();
        for key in &gone {
            self.sources.remove(key);
        }
        gone
    }

    /// Forgets one.
    pub(super) fn forget(&mut self, key: &Key) {
        self.sources.remove(key);
    }

    /// Takes in an object.
    pub(super) fn see(
        &mut self,
        key: &Key,
        source: PingSource,
        way: Way,
        bucket: usize,
        now: DateTime<Utc>,
    ) -> Verdict {
        if way == Way::Listed {
            self.keep(key);
        }
        let before = self.sources.get(key);
        let same = before.filter(|known| known.origin.uid == source.origin.uid);
        // It keeps firing until it is really gone (2.3).
        if source.deleting && same.is_some() {
            return Verdict::Same;
        }
        let replaces = before.is_some() && same.is_none();
        let since = match same {
            None if way == Way::Listed => source.created.unwrap_or(now),
            _ => now,
        };
        let (known, verdict) = match same {
            Some(known) => known.clone().change(source, since),
            None => Known::new(bucket, since).change(source, since),
        };
        let may_fire = known.good.is_some();
        self.sources.insert(Arc::clone(key), known);
        if replaces && !may_fire {
            Verdict::Stop
        } else {
            verdict
        }
    }

    /// What is known of one.
    pub(super) fn get(&self, key: &Key) -> Option<&Known> {
        self.sources.get(key)
    }

    /// The sources of a bucket.
    pub(super) fn of_bucket(&self, bucket: usize) -> Vec<Key> {
        let of_bucket = self
            .sources
            .iter()
            .filter(|(_, known)| known.bucket == bucket);
        of_bucket.map(|(key, _)| Arc::clone(key)).collect()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }
}

impl Known {
    fn new(bucket: usize, since: DateTime<Utc>) -> Self {
        Self {
            origin: Arc::default(),
            resource_version: Box::default(),
            bucket,
            good: None,
            since,
            standing: Standing::Undeployed,
        }
    }

    /// Takes in what the object says now; what is new in it counts from `since`.
    fn change(mut self, source: PingSource, since: DateTime<Utc>) -> (Self, Verdict) {
        let stood = std::mem::replace(&mut self.standing, source.standing);
        let good = self.good.as_deref();
        let verdict = match (source.deleting, source.standing.may_fire()) {
            (false, true) if good != Some(&source.definition) => {
                // Anything but when it fires leaves its ticks alone.
                if good.is_none_or(|good| good.rhythm() != source.definition.rhythm()) {
                    self.since = since;
                }
                self.good = Some(Arc::new(source.definition));
                Verdict::Fire
            }
            (false, false) if stood.may_fire() => Verdict::NotReady,
            _ => Verdict::Same,
        };
        // Else it stays shared with what fires.
        if *self.origin != source.origin {
            self.origin = Arc::new(source.origin);
        }
        self.resource_version = source.resource_version;
        (self, verdict)
    }
}

#[cfg(test)]
mod tests;
