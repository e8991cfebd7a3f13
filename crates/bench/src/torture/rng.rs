//! Chance that a seed replays: `SplitMix64`, the same on every machine and in every version.

use std::ops::Range;
use std::time::Duration;

/// A generator. What it gives depends on nothing but its seed and how often it was asked.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of this seed for what has this name; names do not disturb one another.
    pub fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, so that a row keeps its schedule when others come and go.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    /// The next number of 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range; its start if the range is empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        let width = range.end.saturating_sub(range.start).max(1);
        range.start + self.draw() % width
    }

    /// A time of the range, in whole milliseconds.
    pub fn time(&mut self, range: Range<Duration>) -> Duration {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.within(millis(range.start)..millis(range.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_give_the_same_for_ever() {
        let mut rng = Rng::new(1, "gitlab-receiver/resets-request");
        let first: Vec<u64> = (0..3).map(|_| rng.within(0..1000)).collect();
        let mut again = Rng::new(1, "gitlab-receiver/resets-request");
        assert_eq!(first, [0; 3].map(|_| again.within(0..1000)));
        let mut other = Rng::new(1, "gitlab-receiver/resets-response");
        assert_ne!(first, [0; 3].map(|_| other.within(0..1000)));
    }

    #[test]
    fn what_it_gives_is_in_the_range() {
        let mut rng = Rng::new(7, "");
        assert!((0..1000).all(|_| (3..9).contains(&rng.within(3..9))));
        assert_eq!(rng.within(5..5), 5);
        let second = Duration::from_secs(1);
        assert!(rng.time(second..second * 2) < second * 2);
    }
}
