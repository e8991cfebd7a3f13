//! Counts since the start, by type and by source, and for each of the last ten minutes' seconds.
//!
//! Senders choose the names, so that their number is bounded: what comes later counts as others.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::entry::Outcome;
use crate::json::Object;

/// Distinct types, and distinct sources, that are counted.
const NAMES: usize = 200;
/// Longest name that is kept, in bytes.
const LONGEST: usize = 1024;
/// Seconds that are counted one by one.
pub(super) const SECONDS: u64 = 600;
/// Types with a line of their own over the last ten minutes.
const SERIES: usize = 6;

/// All counts.
#[derive(Debug)]
pub(super) struct Stats {
    started: SystemTime,
    printed: u64,
    refused: u64,
    bytes: u64,
    types: Names,
    sources: Names,
    seconds: VecDeque<Second>,
}

/// What arrived in one second.
#[derive(Debug)]
struct Second {
    at: u64,
    refused: u32,
    /// By the place of the type among the names; the first place is for all that have none.
    types: Vec<u32>,
}

/// The names of one attribute and how often each was seen.
#[derive(Debug, Default)]
struct Names {
    places: HashMap<Arc<[u8]>, usize>,
    /// The first place is for all that have no other.
    counts: Vec<u64>,
}

impl Names {
    /// Counts a name; gives its place and a shared copy of it.
    fn count(&mut self, name: &[u8]) -> (usize, Arc<[u8]>) {
        self.counts.resize(self.counts.len().max(1), 0);
        let (place, shared) = match self.places.get_key_value(name) {
            Some((shared, place)) => (*place, Arc::clone(shared)),
            None if self.places.len() == NAMES || name.len() > LONGEST => (0, name.into()),
            None => {
                let shared: Arc<[u8]> = name.into();
                self.places.insert(Arc::clone(&shared), self.counts.len());
                self.counts.push(0);
                (self.counts.len() - 1, shared)
            }
        };
        self.counts[place] += 1;
        (place, shared)
    }

    /// Name and count, the most frequent first; others last, without a name.
    fn ranked(&self) -> Vec<(Option<&[u8]>, usize, u64)> {
        let mut all: Vec<_> = self
            .places
            .iter()
            .map(|(name, place)| (Some(&**name), *place, self.counts[*place]))
            .collect();
        all.sort_unstable_by(|(a, _, more), (b, _, less)| less.cmp(more).then(a.cmp(b)));
        let others = self.counts.first().copied().unwrap_or(0);
        if others > 0 {
            all.push((None, 0, others));
        }
        all
    }

    fn write(&self, name: &str, object: &mut Object<'_>) {
        object.list(name, self.ranked(), |out, (name, _, count)| {
            Object::write(out, |one| {
                one.optional("name", name);
                one.bare("count", count);
            });
        });
    }
}

/// Type and source of a printed event, shared with all others that have the same.
pub(super) type Shared = Option<(Arc<[u8]>, Arc<[u8]>)>;

impl Stats {
    pub(super) fn new(started: SystemTime) -> Self {
        Self {
            started,
            printed: 0,
            refused: 0,
            bytes: 0,
            types: Names::default(),
            sources: Names::default(),
            seconds: VecDeque::new(),
        }
    }

    /// Counts a request.
    pub(super) fn count(&mut self, at: SystemTime, size: usize, outcome: &Outcome) -> Shared {
        let at = second(at);
        self.bytes += size as u64;
        match outcome {
            Outcome::Refused(_) => {
                self.refused += 1;
                self.second(at).refused += 1;
                None
            }
            Outcome::Printed(seen) => {
                self.printed += 1;
                let (place, ty) = self.types.count(seen.ty());
                let types = &mut self.second(at).types;
                types.resize(types.len().max(place + 1), 0);
                types[place] += 1;
                let (_, source) = self.sources.count(seen.source());
                Some((ty, source))
            }
        }
    }

    /// The counts of this second. A clock that was set back counts for the last one seen.
    fn second(&mut self, at: u64) -> &mut Second {
        let is_new = self.seconds.back().is_none_or(|last| last.at < at);
        if is_new {
            self.seconds.push_back(Second {
                at,
                refused: 0,
                types: Vec::new(),
            });
            while self
                .seconds
                .front()
                .is_some_and(|first| first.at + SECONDS <= at)
            {
                self.seconds.pop_front();
            }
        }
        self.seconds.back_mut().expect("one was there or was added")
    }

    /// Appends the counts as members.
    pub(super) fn write(&self, now: SystemTime, object: &mut Object<'_>) {
        let until = second(now) + 1;
        object.bare("uptime", until.saturating_sub(second(self.started)));
        object.bare("printed", self.printed);
        object.bare("refused", self.refused);
        object.bare("bytes", self.bytes);
        self.types.write("types", object);
        self.sources.write("sources", object);
        object.object("seconds", |object| {
            object.bare("until", until);
            self.write_series(until, object);
        });
    }

    /// A list of counts for each of the most frequent types, the oldest second first.
    fn write_series(&self, until: u64, object: &mut Object<'_>) {
        let from = until - SECONDS.min(until);
        let recent = self.seconds.iter().filter(|second| second.at >= from);
        let recent: Vec<_> = recent.collect();
        let mut sums = vec![0_u64; self.types.counts.len()];
        for (place, count) in recent
            .iter()
            .flat_map(|second| second.types.iter().enumerate())
        {
            sums[place] += u64::from(*count);
        }
        let mut ranked = self.types.ranked();
        ranked.retain(|(_, place, _)| sums[*place] > 0);
        ranked.sort_by_key(|(name, place, _)| (name.is_none(), u64::MAX - sums[*place]));
        let named = ranked.iter().filter(|(name, ..)| name.is_some()).count();
        let rest = ranked.split_off(named.min(SERIES));
        let rest: Vec<_> = rest.iter().map(|(_, place, _)| *place).collect();
        let series = ranked
            .into_iter()
            .map(|(name, place, _)| (name, vec![place]));
        let rest = (!rest.is_empty()).then_some((None, rest));
        object.list("types", series.chain(rest), |out, (name, places)| {
            Object::write(out, |one| {
                one.optional("name", name);
                let count = |second: &Second| {
                    let of = |place: &usize| second.types.get(*place).copied().unwrap_or(0);
                    places.iter().map(of).sum()
                };
                one.list("counts", each(from, until, &recent, count), push_number);
            });
        });
        let refused = each(from, until, &recent, |second| second.refused);
        object.list("refused", refused, push_number);
    }
}

/// A count for every second, the silent ones too.
fn each(
    from: u64,
    until: u64,
    recent: &[&Second],
    count: impl Fn(&Second) -> u32,
) -> impl Iterator<Item = u32> {
    let mut rest = recent.iter().peekable();
    (from..until).map(move |at| {
        rest.next_if(|second| second.at == at)
            .map_or(0, |s| count(s))
    })
}

fn push_number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(number.to_string().as_bytes());
}

fn second(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::page::history::Seen;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn printed(ty: &str, source: &str) -> Outcome {
        Outcome::Printed(Seen::new([ty.as_bytes(), source.as_bytes(), b"1"], 0))
    }

    fn read(stats: &Stats, now: u64) -> Value {
        let mut out = Vec::new();
        Object::write(&mut out, |object| stats.write(at(now), object));
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn counts_and_seconds() {
        let mut stats = Stats::new(at(1000));
        for (second, ty) in [
            (1000, "a"),
            (1001, "b"),
            (1001, "b"),
            (1003, "a"),
            (1003, "b"),
        ] {
            stats.count(at(second), 10, &printed(ty, "/s"));
        }
        let json = read(&stats, 1004);
        assert_eq!((&json["printed"], &json["bytes"]), (&json!(5), &json!(50)));
        assert_eq!(
            json["types"],
            json!([{"name": "b", "count": 3}, {"name": "a", "count": 2}])
        );
        assert_eq!(json["sources"], json!([{"name": "/s", "count": 5}]));
        let seconds = &json["seconds"];
        assert_eq!(seconds["until"], 1005);
        assert_eq!(seconds["types"][0]["name"], "b");
        let counts = seconds["types"][0]["counts"].as_array().expect("a list");
        assert_eq!(counts.len(), 600);
        assert_eq!(
            counts[595..],
            [json!(0), json!(2), json!(0), json!(1), json!(0)]
        );
        // Ten minutes later they are gone, the totals are not.
        stats.count(at(1602), 0, &printed("c", "/s"));
        let json = read(&stats, 1602);
        assert_eq!(json["seconds"]["types"].as_array().map(Vec::len), Some(3));
        let json = read(&stats, 2500);
        assert_eq!(json["seconds"]["types"], json!([]));
        assert_eq!(json["printed"], 6);
    }

    #[test]
    fn names_are_bounded() {
        let mut stats = Stats::new(at(1000));
        for n in 0..1000 {
            stats.count(at(1005), 0, &printed(&format!("t{n}"), &"x".repeat(2000)));
        }
        let json = read(&stats, 1005);
        let types = json["types"].as_array().expect("a list");
        assert_eq!(types.len(), NAMES + 1);
        assert_eq!(types[NAMES], json!({"count": 800}));
        assert_eq!(json["sources"], json!([{"count": 1000}]));
        let series = json["seconds"]["types"].as_array().expect("a list");
        assert_eq!(series.len(), SERIES + 1);
        assert_eq!(series[SERIES]["counts"][599], 994);
    }

    #[test]
    fn a_clock_set_back_loses_nothing() {
        let mut stats = Stats::new(at(1100));
        stats.count(at(1100), 0, &printed("a", "/s"));
        stats.count(at(1090), 0, &printed("a", "/s"));
        assert_eq!(read(&stats, 1100)["seconds"]["types"][0]["counts"][599], 2);
    }
}
