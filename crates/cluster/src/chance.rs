//! Chance, for waits that many processes should not end at the same moment.

use std::time::Duration;

/// A number from 0 up to, not including, 1. Two bytes of a random UUID are random enough for this.
fn fraction() -> f64 {
    let [high, low, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u16::from_be_bytes([high, low])) / 65536.0
}

/// Somewhere from `low` to `high`.
pub(crate) fn between(low: Duration, high: Duration) -> Duration {
    low + high.saturating_sub(low).mul_f64(fraction())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_between_and_is_not_always_the_same() {
        let (low, high) = (Duration::from_secs(10), Duration::from_secs(22));
        let drawn: Vec<Duration> = (0..100).map(|_| between(low, high)).collect();
        assert!(drawn.iter().all(|wait| (low..high).contains(wait)));
        assert!(drawn.iter().any(|wait| *wait != drawn[0]));
        assert_eq!(between(high, low), high);
    }
}
