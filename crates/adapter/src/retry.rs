//! Which outcome is final, how long to wait, when to stop.
//!
//! Pure: time and randomness are parameters. Contract: `adapter-runtime.md` 2.7; where upstream
//! gives up early we go on (8.1, 8.2), with the first waits kept.

use std::time::Duration;

use http::StatusCode;

/// Waits that keep the contract's length to the millisecond; later ones are jittered.
const EXACT_WAITS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);
const JITTER: f64 = 0.2;

/// Whether another attempt with the same request may succeed.
///
/// 404, 408, 409, 413, 425, 429 and every 5xx: the statuses that the Knative data-plane
/// specification and upstream's sender count as passing.
pub fn is_retriable(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 404 | 408 | 409 | 413 | 425 | 429)
}

/// The waits between the attempts of one adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
}

impl Backoff {
    /// PingSource, ApiServerSource: 100, 200, 400, 800, 1600 ms (2.7).
    pub const STANDARD: Self = Self {
        first: Duration::from_millis(100),
    };
    /// heartbeats: 40 ms, doubling (containersource-heartbeats.md 6.2).
    pub const HEARTBEATS: Self = Self {
        first: Duration::from_millis(40),
    };

    /// The wait after `failed` attempts (1 or more), with `random` from 0 to 1.
    ///
    /// A `Retry-After` longer than the wait is obeyed, up to 60 s.
    pub fn wait(self, failed: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failed - 1));
        let wait = if failed <= EXACT_WAITS {
            doubled
        } else {
            doubled
                .min(LONGEST_WAIT)
                .mul_f64(1.0 + JITTER * (2.0 * random - 1.0))
        };
        retry_after.map_or(wait, |asked| wait.max(asked.min(LONGEST_RETRY_AFTER)))
    }
}

/// How long one event may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// From the first attempt to the start of the last one.
    pub retry: Duration,
    /// From the first attempt to the end of everything, a running attempt included; `None`: only
    /// the attempt's own time-out ends it.
    pub total: Option<Duration>,
}

impl Budget {
    /// Attempts may start during this time; the last one may run on to its own time-out.
    pub const fn retry_for(retry: Duration) -> Self {
        Self { retry, total: None }
    }

    /// The wait before the next attempt, cut so that a last attempt is made when the time is up;
    /// `None` when it is up already.
    pub fn cut(self, wait: Duration, elapsed: Duration) -> Option<Duration> {
        let left = self.retry.checked_sub(elapsed)?;
        if left.is_zero() {
            None
        } else {
            Some(wait.min(left))
        }
    }
}

/// Reads `Retry-After`: whole seconds, or an HTTP date relative to `now`.
pub fn retry_after(text: &str, now: chrono::DateTime<chrono::Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = chrono::NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S GMT").ok()?;
    (date.and_utc() - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for status in [404, 408, 409, 413, 425, 429, 500, 501, 502, 503, 504, 599] {
            assert!(
                is_retriable(StatusCode::from_u16(status).unwrap()),
                "{status}"
            );
        }
        for status in [
            100, 200, 202, 301, 302, 304, 307, 400, 401, 403, 405, 410, 415, 422,
        ] {
            assert!(
                !is_retriable(StatusCode::from_u16(status).unwrap()),
                "{status}"
            );
        }
    }

    #[test]
    fn the_first_waits_are_exact_and_the_later_ones_bounded() {
        let standard: Vec<u128> = (1..=5)
            .map(|n| Backoff::STANDARD.wait(n, None, 0.9).as_millis())
            .collect();
        assert_eq!(standard, [100, 200, 400, 800, 1600]);
        let heartbeats: Vec<u128> = (1..=5)
            .map(|n| Backoff::HEARTBEATS.wait(n, None, 0.0).as_millis())
            .collect();
        assert_eq!(heartbeats, [40, 80, 160, 320, 640]);
        assert_eq!(
            Backoff::STANDARD.wait(6, None, 0.5),
            Duration::from_millis(3200)
        );
        assert_eq!(
            Backoff::STANDARD.wait(6, None, 0.0),
            Duration::from_millis(2560)
        );
        assert_eq!(
            Backoff::STANDARD.wait(u32::MAX, None, 1.0),
            Duration::from_secs(36)
        );
    }

    #[test]
    fn retry_after_is_obeyed_up_to_a_minute() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(
            Backoff::STANDARD.wait(1, seconds(2), 0.0),
            Duration::from_secs(2)
        );
        assert_eq!(
            Backoff::STANDARD.wait(1, seconds(3600), 0.0),
            Duration::from_mins(1)
        );
        assert_eq!(
            Backoff::STANDARD.wait(5, seconds(0), 0.0),
            Duration::from_millis(1600)
        );
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(retry_after("120", now), seconds(120));
        assert_eq!(
            retry_after("Fri, 02 Jan 2026 03:04:15 GMT", now),
            seconds(10)
        );
        assert_eq!(retry_after("Fri, 02 Jan 2026 03:04:00 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn the_budget_ends_with_a_last_attempt() {
        let budget = Budget::retry_for(Duration::from_secs(10));
        let seconds = Duration::from_secs;
        assert_eq!(budget.cut(seconds(3), seconds(2)), Some(seconds(3)));
        assert_eq!(budget.cut(seconds(30), seconds(9)), Some(seconds(1)));
        assert_eq!(budget.cut(seconds(1), seconds(10)), None);
        assert_eq!(budget.cut(seconds(1), seconds(11)), None);
    }
}
