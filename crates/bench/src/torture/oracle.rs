//! What had to arrive against what did. Pure; times count from the start of the run.
//!
//! Events are recognised by what is in them, never by their ids: only so can two ids for one event
//! be seen. What a sink refused has not arrived, but its id counts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What an event is about, read from its payload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    /// Among events of one key the numbers must rise.
    pub key: String,
    /// Which event of the key it is.
    pub number: u64,
}

impl Content {
    /// Event `number` of `key`.
    pub fn new(key: impl Into<String>, number: u64) -> Self {
        Self {
            key: key.into(),
            number,
        }
    }
}

/// An event that was caused.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What it is about.
    pub content: Content,
    /// Whether somebody was told, or may rely on it, that it arrives.
    pub must: bool,
    /// When it could have arrived at the earliest, faults being over.
    pub due: Duration,
}

/// A request that reached the sink whole.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// What it is about.
    pub content: Content,
    /// Its `ce-id`.
    pub id: String,
    /// Whether the sink took it.
    pub taken: bool,
    /// When.
    pub at: Duration,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many events had to arrive.
    pub expected: usize,
    /// Those that did not.
    pub lost: Vec<Content>,
    /// How many were taken more than once under one id: repeats that a consumer can drop.
    pub repeated: usize,
    /// Those that came under more than one id.
    pub two_ids: Vec<Content>,
    /// Those whose first arrival came after that of a later event of their key.
    pub disordered: Vec<Content>,
    /// Those that came later after they were due than the limit.
    pub late: Vec<Content>,
    /// The longest time between due and arrival.
    pub latest: Duration,
    /// Those that nobody had caused.
    pub unknown: Vec<Content>,
}

/// Compares; `limit` is how long after it was due an event may come.
pub fn judge(expected: &[Expected], arrivals: &[Arrival], limit: Duration) -> Seen {
    let mut ids: BTreeMap<&Content, BTreeSet<&str>> = BTreeMap::new();
    let mut taken: BTreeMap<&Content, Vec<&Arrival>> = BTreeMap::new();
    for arrival in arrivals {
        ids.entry(&arrival.content).or_default().insert(&arrival.id);
        if arrival.taken {
            taken.entry(&arrival.content).or_default().push(arrival);
        }
    }
    let caused: BTreeMap<&Content, &Expected> =
        expected.iter().map(|one| (&one.content, one)).collect();
    let must = || caused.values().filter(|one| one.must);
    let mut seen = Seen {
        expected: must().count(),
        lost: must()
            .filter(|one| !taken.contains_key(&one.content))
            .map(|one| one.content.clone())
            .collect(),
        repeated: taken.values().filter(|them| has_repeats(them)).count(),
        two_ids: contents(ids.iter().filter(|(_, ids)| ids.len() > 1)),
        disordered: disordered(arrivals),
        unknown: contents(
            ids.iter()
                .filter(|(content, _)| !caused.contains_key(*content)),
        ),
        ..Seen::default()
    };
    for (content, one) in &caused {
        let Some(first) = taken.get(content).and_then(|them| them.first()) else {
            continue;
        };
        let delay = first.at.saturating_sub(one.due);
        seen.latest = seen.latest.max(delay);
        if delay > limit {
            seen.late.push((*content).clone());
        }
    }
    seen
}

/// How many of those that must arrive have not.
pub fn missing(expected: &[Expected], arrivals: &[Arrival]) -> usize {
    let taken: BTreeSet<&Content> = arrivals
        .iter()
        .filter(|arrival| arrival.taken)
        .map(|arrival| &arrival.content)
        .collect();
    let must = expected.iter().filter(|one| one.must);
    must.filter(|one| !taken.contains(&one.content)).count()
}

fn has_repeats(arrivals: &[&Arrival]) -> bool {
    let ids: BTreeSet<&str> = arrivals.iter().map(|arrival| arrival.id.as_str()).collect();
    ids.len() < arrivals.len()
}

fn contents<'a, T>(found: impl Iterator<Item = (&'a &'a Content, T)>) -> Vec<Content> {
    found.map(|(content, _)| (*content).clone()).collect()
}

fn disordered(arrivals: &[Arrival]) -> Vec<Content> {
    let mut known = BTreeSet::new();
    let mut highest: BTreeMap<&str, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.taken) {
        let content = &arrival.content;
        if !known.insert(content) {
            continue;
        }
        let highest = highest.entry(&content.key).or_insert(content.number);
        if content.number < *highest {
            found.push(content.clone());
        }
        *highest = content.number.max(*highest);
    }
    found
}

#[cfg(test)]
mod tests;
