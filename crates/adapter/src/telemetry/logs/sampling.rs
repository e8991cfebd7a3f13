//! Limits repeated lines: of each level and message the first ones in a second, then every n-th.
//! An ERROR is always written: each stands for an event that was lost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::Level;

use crate::telemetry::config::Sampling;

const WINDOW: Duration = Duration::from_secs(1);
/// More different messages than this within a second begin a new window, to bound the memory.
const MESSAGES: usize = 4096;

/// Counts lines by level and message.
pub(super) struct Sampler {
    sampling: Sampling,
    window: Mutex<Window>,
}

#[derive(Default)]
struct Window {
    since: Option<Instant>,
    seen: HashMap<Level, HashMap<String, u64>>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        Self {
            sampling,
            window: Mutex::default(),
        }
    }

    /// Counts the line, and says whether it is written.
    pub(super) fn admits(&self, level: Level, message: &str, now: Instant) -> bool {
        if level == Level::ERROR {
            return true;
        }
        let count = self
            .window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(level, message, now);
        let Sampling {
            initial,
            thereafter,
        } = self.sampling;
        match count.checked_sub(initial) {
            None | Some(0) => true,
            Some(beyond) => thereafter != 0 && beyond % thereafter == 0,
        }
    }
}

impl Window {
    fn count(&mut self, level: Level, message: &str, now: Instant) -> u64 {
        let over = self
            .since
            .is_none_or(|since| now.duration_since(since) >= WINDOW);
        let seen = self.seen.entry(level).or_default();
        if over || seen.len() >= MESSAGES {
            self.seen.clear();
            self.since = Some(now);
        }
        let seen = self.seen.entry(level).or_default();
        if let Some(count) = seen.get_mut(message) {
            *count += 1;
            return *count;
        }
        seen.insert(message.to_owned(), 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ones_pass_then_every_nth_and_a_second_later_all_again() {
        let sampler = Sampler::new(Sampling {
            initial: 100,
            thereafter: 100,
        });
        let start = Instant::now();
        let passed = |now, count| {
            (0..count)
                .filter(|_| sampler.admits(Level::INFO, "x", now))
                .count()
        };
        assert_eq!(passed(start, 100), 100);
        assert_eq!(passed(start, 200), 2);
        assert!(
            sampler.admits(Level::INFO, "y", start),
            "another message has its own count"
        );
        assert!(
            sampler.admits(Level::WARN, "x", start),
            "another level has its own count"
        );
        assert_eq!(passed(start + WINDOW, 100), 100);
    }

    #[test]
    fn nothing_thereafter_means_none() {
        let sampler = Sampler::new(Sampling {
            initial: 1,
            thereafter: 0,
        });
        let now = Instant::now();
        let passed = |level| (0..50).filter(|_| sampler.admits(level, "x", now)).count();
        assert_eq!(passed(Level::INFO), 1);
        assert_eq!(passed(Level::ERROR), 50, "each is a lost event");
    }

    #[test]
    fn many_different_messages_stay_bounded() {
        let sampler = Sampler::new(Sampling {
            initial: 1,
            thereafter: 0,
        });
        let now = Instant::now();
        for number in 0..3 * MESSAGES {
            assert!(sampler.admits(Level::INFO, &number.to_string(), now));
        }
        let window = sampler.window.lock().unwrap();
        assert!(window.seen.values().all(|seen| seen.len() <= MESSAGES));
    }
}
