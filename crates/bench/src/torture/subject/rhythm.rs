//! Programs that send by themselves, in a rhythm: nobody drives them, and what had to arrive is told
//! by the numbers of what did.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::super::oracle::{Arrival, Content, Expected};
use super::super::rng::Rng;
use super::super::scene::{Scene, Stage};

/// Such a program in a run.
pub(super) struct Rhythm {
    pub(super) stage: Stage,
    /// The number of the first event, where it is known.
    pub(super) first: Option<u64>,
    /// From one number to the next.
    pub(super) step: u64,
}

impl Scene for Rhythm {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn drive(&self, until: Instant, _rng: &mut Rng) {
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn expected(&self) -> Vec<Expected> {
        without_holes(&self.arrivals(), self.first, self.step)
    }
}

/// Events that are numbered without holes: each between the lowest and the highest number of its
/// key that arrived in whatever way is expected; `first` is the lowest where it is known. When each
/// was due is not known, so none is late.
fn without_holes(arrivals: &[Arrival], first: Option<u64>, step: u64) -> Vec<Expected> {
    let mut ends: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for Arrival { content, .. } in arrivals {
        let number = content.number;
        let (lowest, highest) = ends
            .entry(&content.key)
            .or_insert((first.unwrap_or(number), number));
        *lowest = number.min(*lowest);
        *highest = number.max(*highest);
    }
    let numbers = ends.into_iter().flat_map(|(key, (lowest, highest))| {
        let range = (lowest..=highest).step_by(usize::try_from(step).unwrap_or(1));
        range.map(move |number| Content::new(key, number))
    });
    numbers
        .map(|content| Expected {
            content,
            must: true,
            due: Duration::MAX,
        })
        .collect()
}
