//! Which happenings become Events, which add to one that is there, and which are too many:
//! client-go's correlator, without requests and with bounded memory.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{Happening, Regarding};

/// Things that each memory holds at most.
const MEMORY: usize = 4096;
/// So many messages with one reason about one object have Events of their own; the rest is combined.
const SIMILAR: usize = 9;
/// Messages belong together if one follows the other within this.
const SIMILAR_WITHIN: Duration = Duration::from_mins(10);
const COMBINED: &str = "(combined from similar events): ";
/// Events of one component about one object: so many at once, then one in so long.
const BURST: f64 = 25.0;
const REFILL: Duration = Duration::from_mins(5);
/// Event names are at most this long, with the point and the number behind the object's name.
const LONGEST_OBJECT_NAME: usize = 253 - 17;
/// Kubernetes' own limit for the message of an Event.
const LONGEST_MESSAGE: usize = 1024;

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The Event's name.
    pub(super) name: String,
    /// 1 for a new one.
    pub(super) count: u32,
    pub(super) first: DateTime<Utc>,
    pub(super) last: DateTime<Utc>,
    pub(super) message: String,
}

/// What was written lately.
#[derive(Debug, Default)]
pub(super) struct Correlator {
    similar: Memory<Similar>,
    written: Memory<Written>,
    budgets: Memory<Budget>,
    /// The number in the last name, so that no two are the same.
    last_number: i64,
}

#[derive(Debug)]
struct Similar {
    last: Instant,
    messages: HashSet<u64>,
}

#[derive(Debug)]
struct Written {
    name: String,
    count: u32,
    first: DateTime<Utc>,
}

#[derive(Debug)]
struct Budget {
    left: f64,
    since: Instant,
}

impl Correlator {
    /// What to write for a happening; `None` if there were too many about this object.
    pub(super) fn entry(
        &mut self,
        happening: &Happening,
        now: Instant,
        time: DateTime<Utc>,
    ) -> Option<Entry> {
        let (key, message) = self.merged(happening, now);
        // Counted before the limit, so that the next Event says how many there really were.
        let entry = self.counted(happening, key, message, time);
        self.allowed(happening, now).then_some(entry)
    }

    /// The key under which it is counted, and the message.
    fn merged(&mut self, happening: &Happening, now: Instant) -> (u64, String) {
        let Happening {
            regarding,
            kind,
            component,
            reason,
            message,
        } = happening;
        let group = hash(&(identity(regarding), kind, component, reason));
        let single = hash(&(group, message));
        let fresh = || Similar {
            last: now,
            messages: HashSet::new(),
        };
        let similar = self.similar.entry(group, fresh);
        if now - similar.last > SIMILAR_WITHIN {
            similar.messages.clear();
        }
        similar.last = now;
        if similar.messages.len() < SIMILAR {
            similar.messages.insert(single);
        }
        if similar.messages.contains(&single) {
            (single, cut(message))
        } else {
            (group, cut(&format!("{COMBINED}{message}")))
        }
    }

    fn counted(
        &mut self,
        happening: &Happening,
        key: u64,
        message: String,
        time: DateTime<Utc>,
    ) -> Entry {
        let nanoseconds = time.timestamp_nanos_opt().unwrap_or_default();
        self.last_number = nanoseconds.max(self.last_number + 1);
        let number = self.last_number;
        let object: String = happening
            .regarding
            .name
            .chars()
            .take(LONGEST_OBJECT_NAME)
            .collect();
        let fresh = || Written {
            name: format!("{object}.{number:x}"),
            count: 0,
            first: time,
        };
        let written = self.written.entry(key, fresh);
        written.count = written.count.saturating_add(1);
        let Written { name, count, first } = written;
        Entry {
            name: name.clone(),
            count: *count,
            first: *first,
            last: time,
            message,
        }
    }

    fn allowed(&mut self, happening: &Happening, now: Instant) -> bool {
        let key = hash(&(identity(&happening.regarding), happening.component));
        let budget = self.budgets.entry(key, || Budget {
            left: BURST,
            since: now,
        });
        let earned = (now - budget.since).as_secs_f64() / REFILL.as_secs_f64();
        *budget = Budget {
            left: (budget.left + earned).min(BURST),
            since: now,
        };
        let allowed = budget.left >= 1.0;
        if allowed {
            budget.left -= 1.0;
        }
        allowed
    }
}

/// The object without the version in which it was seen.
fn identity(regarding: &Regarding) -> (&str, &str, &str, &str, &str) {
    let Regarding {
        api_version,
        kind,
        namespace,
        name,
        uid,
        ..
    } = regarding;
    (api_version, kind, namespace, name, uid)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn cut(message: &str) -> String {
    message[..message.floor_char_boundary(LONGEST_MESSAGE)].to_owned()
}

/// A map that forgets what was not used for long.
#[derive(Debug)]
struct Memory<T> {
    things: HashMap<u64, (u64, T)>,
    uses: u64,
}

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self {
            things: HashMap::new(),
            uses: 0,
        }
    }
}

impl<T> Memory<T> {
    fn entry(&mut self, key: u64, fresh: impl FnOnce() -> T) -> &mut T {
        self.uses += 1;
        if self.things.len() >= MEMORY && !self.things.contains_key(&key) {
            self.forget_half();
        }
        let (used, thing) = self.things.entry(key).or_insert_with(|| (0, fresh()));
        *used = self.uses;
        thing
    }

    fn forget_half(&mut self) {
        let mut uses: Vec<u64> = self.things.values().map(|(used, _)| *used).collect();
        let (_, median, _) = uses.select_nth_unstable(MEMORY / 2);
        let median = *median;
        self.things.retain(|_, (used, _)| *used > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Kind;

    fn happening(name: &str, message: &str) -> Happening {
        let regarding = Regarding {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
            ..Regarding::default()
        };
        let message = message.to_owned();
        Happening {
            regarding,
            kind: Kind::Warning,
            component: "c",
            reason: "R",
            message,
        }
    }

    struct Scene {
        correlator: Correlator,
        now: Instant,
        time: DateTime<Utc>,
    }

    impl Scene {
        fn new() -> Self {
            let time = "2026-11-22T18:00:00Z".parse().unwrap();
            Self {
                correlator: Correlator::default(),
                now: Instant::now(),
                time,
            }
        }

        fn after(&mut self, seconds: u64) -> &mut Self {
            self.now += Duration::from_secs(seconds);
            self.time += Duration::from_secs(seconds);
            self
        }

        fn entry(&mut self, name: &str, message: &str) -> Option<Entry> {
            self.correlator
                .entry(&happening(name, message), self.now, self.time)
        }
    }

    #[test]
    fn repeats_are_counted_on_the_same_event() {
        let mut scene = Scene::new();
        let first = scene.entry("p", "m").unwrap();
        assert_eq!(
            (first.name.as_str(), first.count),
            ("p.18ea6fddd4404000", 1)
        );
        let second = scene.after(3).entry("p", "m").unwrap();
        assert_eq!(
            (&second.name, second.count, second.first),
            (&first.name, 2, first.first)
        );
        assert_eq!(second.last, scene.time);
        let other = scene.entry("q", "m").unwrap();
        assert_eq!(other.count, 1);
        let others: Vec<String> = (0..3)
            .map(|number| scene.entry("q", &number.to_string()).unwrap().name)
            .collect();
        assert_eq!(
            others.iter().collect::<HashSet<_>>().len(),
            3,
            "names are unique in one moment"
        );
    }

    #[test]
    fn the_tenth_message_and_more_are_combined_until_it_was_calm() {
        let mut scene = Scene::new();
        for number in 0..9 {
            assert_eq!(
                scene.entry("p", &number.to_string()).unwrap().message,
                number.to_string()
            );
        }
        let tenth = scene.entry("p", "9").unwrap();
        assert_eq!(
            (tenth.message.as_str(), tenth.count),
            ("(combined from similar events): 9", 1)
        );
        assert_eq!(
            scene.entry("p", "3").unwrap().count,
            2,
            "the first ones stay as they are"
        );
        let next = scene.after(599).entry("p", "10").unwrap();
        assert_eq!((&next.name, next.count), (&tenth.name, 2));
        assert_eq!(scene.after(601).entry("p", "11").unwrap().message, "11");
    }

    #[test]
    fn twenty_five_at_once_and_then_one_in_five_minutes() {
        let mut scene = Scene::new();
        let burst = (0..40).filter(|_| scene.entry("p", "m").is_some()).count();
        assert_eq!(burst, 25);
        assert!(
            scene.entry("q", "m").is_some(),
            "another object has a budget of its own"
        );
        assert_eq!(scene.after(299).entry("p", "m"), None);
        let entry = scene.after(2).entry("p", "m").unwrap();
        assert_eq!(entry.count, 42, "those that were not written are counted");
        assert_eq!(scene.entry("p", "m"), None);
        let burst = (0..40)
            .filter(|_| scene.after(86_400).entry("p", "m").is_some())
            .count();
        assert_eq!(burst, 40);
    }

    #[test]
    fn memory_is_bounded_and_keeps_what_is_used() {
        let mut scene = Scene::new();
        for number in 0..20_000 {
            scene.entry(&format!("p{number}"), "m").unwrap();
            if number % 1000 == 0 {
                scene.after(301).entry("kept", "m").unwrap();
            }
        }
        let Correlator {
            similar,
            written,
            budgets,
            ..
        } = &scene.correlator;
        for size in [
            similar.things.len(),
            written.things.len(),
            budgets.things.len(),
        ] {
            assert!(size <= MEMORY, "{size}");
        }
        assert_eq!(scene.after(301).entry("kept", "m").unwrap().count, 21);
    }

    #[test]
    fn long_texts_are_cut_between_letters() {
        let mut scene = Scene::new();
        let long = "é".repeat(1000);
        let entry = scene.entry(&long, &format!("x{long}")).unwrap();
        assert_eq!(entry.message.len(), 1023);
        assert!(entry.name.chars().count() <= 253);
    }
}
