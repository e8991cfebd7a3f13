//! When the next heartbeat is due.
//!
//! Contract: containersource-heartbeats.md 6.1.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// Go's ticker: a fixed rhythm from its start on, of which at most one missed tick is remembered.
#[derive(Debug)]
pub struct Rhythm(Interval);

impl Rhythm {
    /// Starts now; the first tick is one period away. `period` is longer than zero.
    pub fn start(period: Duration) -> Self {
        let mut interval = interval_at(Instant::now() + period, period);
        // A late tick comes at once and the next one keeps to the grid: `Burst` would make up for
        // every missed tick, `Delay` would shift the grid.
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self(interval)
    }

    /// Waits for the next tick. Safe to give up and to call again.
    pub async fn tick(&mut self) {
        self.0.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::Rhythm;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    /// When the sends begin, in milliseconds, if the first ones last that long.
    async fn begins(period: u64, lasting: &[u64], count: usize) -> Vec<u128> {
        let start = Instant::now();
        let mut rhythm = Rhythm::start(Duration::from_millis(period));
        let mut begins = Vec::new();
        for number in 0..count {
            begins.push(start.elapsed().as_millis());
            sleep(Duration::from_millis(
                lasting.get(number).copied().unwrap_or(1),
            ))
            .await;
            rhythm.tick().await;
        }
        begins
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_send_costs_ticks_but_not_the_rhythm() {
        // Measured on upstream: period 1 s, first answer after 2.5 s.
        assert_eq!(begins(1000, &[2500], 5).await, [0, 2500, 3000, 4000, 5000]);
        assert_eq!(
            begins(1000, &[1500, 1500], 5).await,
            [0, 1500, 3000, 4000, 5000]
        );
        assert_eq!(begins(1000, &[10_300], 3).await, [0, 10_300, 11_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn quick_sends_keep_the_rhythm() {
        assert_eq!(begins(500, &[], 4).await, [0, 500, 1000, 1500]);
        assert_eq!(
            begins(1000, &[900, 100, 999], 4).await,
            [0, 1000, 2000, 3000]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_period_does_not_overflow() {
        let mut rhythm = Rhythm::start(Duration::from_nanos(i64::MAX.unsigned_abs()));
        let tick = tokio::time::timeout(Duration::from_hours(1), rhythm.tick()).await;
        assert!(tick.is_err());
    }
}
