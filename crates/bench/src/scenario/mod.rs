//! The scenarios: what is started, what happens to it, and which figures come of it.

mod all;
mod apiserver;
mod event_display;
mod gitlab;
mod heartbeats;
mod ping;
mod stock;

use std::time::Duration;

use testkit::Call;

use crate::candidate::{Adapter, Programs};
use crate::figure::{Figure, Figures};
use crate::world::World;

/// A scenario at all its sizes.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Names it in files: `event-display-16`.
    pub key: &'static str,
    /// Which program.
    pub adapter: Adapter,
    /// What happens, with `{}` for the size.
    pub title: &'static str,
    /// What the size counts, for the plot.
    pub axis: &'static str,
    /// How cost grows is measured at all of them.
    pub sizes: &'static [u64],
    /// Of these, the ones that are rows of the tables.
    pub rows: &'static [u64],
    /// What the table shows, the most important first.
    pub shows: &'static [Figure],
    /// Ours shall be at most that share of theirs.
    pub goals: &'static [(Figure, f64)],
    /// The CPU time of ours shall be at most that many times the floor's.
    pub above_floor: Option<f64>,
    /// Measures once; `None` if this candidate has no such thing.
    pub measure: fn(&Stage, u64) -> Option<Figures>,
}

/// Who is measured in one run, and where.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// `None` is the floor.
    pub programs: Option<&'a Programs>,
    /// What stands around.
    pub world: &'a World,
    /// A tenth of the load and of the time.
    pub quick: bool,
}

impl Scenario {
    /// The title with a size in it.
    pub fn title_at(&self, size: u64) -> String {
        self.title.replace("{}", &spelled(size))
    }

    /// The goal for a figure: at most this share of theirs.
    pub fn goal(&self, figure: Figure) -> Option<f64> {
        let goal = self.goals.iter().find(|(goal, _)| *goal == figure);
        goal.map(|(_, share)| *share)
    }
}

impl Stage<'_> {
    fn requests(&self, number: usize) -> usize {
        if self.quick {
            (number / 10).max(10)
        } else {
            number
        }
    }

    fn window(&self, seconds: u64) -> Duration {
        Duration::from_secs(if self.quick {
            seconds.div_ceil(5)
        } else {
            seconds
        })
    }
}

/// All scenarios, in the order of the document.
pub fn all() -> Vec<Scenario> {
    [
        event_display::SCENARIOS,
        gitlab::SCENARIOS,
        ping::SCENARIOS,
        apiserver::SCENARIOS,
        heartbeats::SCENARIOS,
        all::SCENARIOS,
    ]
    .concat()
}

/// Whether a program begins to watch these. One that wants the existing objects on the same stream
/// is refused, lists them, and comes again.
fn is_watch(call: &Call, plural: &str) -> bool {
    let lists = call.query.contains_key("sendInitialEvents");
    call.is_watch() && !lists && call.path.ends_with(plural)
}

/// `10 000`.
pub fn spelled(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_is_a_size_and_every_key_its_own() {
        let mut keys = HashSet::new();
        for scenario in all() {
            assert!(keys.insert(scenario.key), "{}", scenario.key);
            assert!(scenario.rows.iter().all(|row| scenario.sizes.contains(row)));
            assert!(matches!(scenario.sizes.len(), 1 | 4), "{}", scenario.key);
            let goals = scenario.goals.iter().map(|(figure, _)| figure);
            assert!(goals.clone().all(|figure| scenario.shows.contains(figure)));
        }
    }

    #[test]
    fn spells() {
        for (number, want) in [
            (0, "0"),
            (999, "999"),
            (10_000, "10 000"),
            (1_000_000, "1 000 000"),
        ] {
            assert_eq!(spelled(number), want);
        }
    }
}
