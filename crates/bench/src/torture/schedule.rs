//! When a fault strikes: decided by the seed alone, before anything starts.

use std::time::Duration;

use super::rng::Rng;
use super::scene::Limits;

/// Programs run undisturbed for this long first.
const BEFORE: Duration = Duration::from_secs(1);
/// The shortest fault.
const SHORTEST: Duration = Duration::from_millis(400);

/// One strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When it begins; strikes that take longer than planned push the later ones back.
    pub at: Duration,
    /// How long it lasts.
    pub length: Duration,
}

/// The strikes within `total`, at least one.
pub fn strikes(total: Duration, limits: Limits, rng: &mut Rng) -> Vec<Strike> {
    let longest = limits.endures.min(total / 2);
    let mut strikes = Vec::new();
    let mut at = BEFORE + rng.time(Duration::ZERO..Duration::from_millis(500));
    while strikes.is_empty() || at + SHORTEST < total {
        let room = total.saturating_sub(at).max(SHORTEST * 2);
        let length = rng.time(SHORTEST..longest.min(room));
        strikes.push(Strike { at, length });
        at += length + limits.rest + rng.time(Duration::ZERO..limits.rest);
    }
    strikes
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        endures: Duration::from_secs(3),
        rest: Duration::from_secs(2),
    };

    #[test]
    fn strikes_are_within_the_limits_and_leave_rests() {
        for seed in 0..500 {
            for seconds in [3, 6, 20] {
                let total = Duration::from_secs(seconds);
                let strikes = strikes(total, LIMITS, &mut Rng::new(seed, "row"));
                assert!(!strikes.is_empty());
                assert!(
                    strikes
                        .iter()
                        .all(|it| it.length <= LIMITS.endures && it.length >= SHORTEST)
                );
                let rests = strikes
                    .windows(2)
                    .map(|two| two[1].at.saturating_sub(two[0].at + two[0].length));
                assert!(rests.into_iter().all(|rest| rest >= LIMITS.rest));
            }
        }
    }

    #[test]
    fn a_seed_gives_the_same_strikes() {
        let total = Duration::from_secs(20);
        let of = |seed| strikes(total, LIMITS, &mut Rng::new(seed, "row"));
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }
}
