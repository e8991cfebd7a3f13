//! How long to wait after trouble; pure but for chance.

use std::time::Duration;

use super::Trouble;
use crate::chance;
use crate::client::ApiError;

/// The first wait, at most: what breaks once should not be noticed.
const FIRST: Duration = Duration::from_millis(200);
const BASE: Duration = Duration::from_millis(500);
/// An API server that comes back is found again within this.
const LONGEST: Duration = Duration::from_secs(15);
/// Somebody has to change a role or install something first.
const LONGEST_REFUSED: Duration = Duration::from_mins(1);
/// Longer than that is not waited for, even if asked to.
const LONGEST_ASKED: Duration = Duration::from_mins(2);

/// The wait after the `streak`th failure in a row, from 1.
pub(super) fn wait(trouble: &Trouble, streak: u32) -> Duration {
    let asked = match trouble {
        Trouble::List(ApiError::Refused(refusal))
        | Trouble::Watch(ApiError::Refused(refusal))
        | Trouble::Gap(ApiError::Refused(refusal)) => refusal.retry_after,
        _ => None,
    };
    if let Some(asked) = asked.filter(|asked| !asked.is_zero()) {
        let asked = asked.min(LONGEST_ASKED);
        return chance::between(asked, asked + asked / 4);
    }
    growing(
        streak,
        if is_refusal(trouble.code()) {
            LONGEST_REFUSED
        } else {
            LONGEST
        },
    )
}

/// The wait after something that is no trouble, but may not go on without a pause either.
pub(super) fn pause(streak: u32) -> Duration {
    growing(streak, LONGEST)
}

fn growing(streak: u32, longest: Duration) -> Duration {
    if streak <= 1 {
        return chance::between(Duration::ZERO, FIRST);
    }
    let full = BASE
        .saturating_mul(2_u32.saturating_pow(streak - 2))
        .min(longest);
    chance::between(full / 2, full)
}

/// Codes that trying again does not change by itself.
pub(super) fn is_refusal(code: Option<u16>) -> bool {
    matches!(code, Some(401 | 403 | 404 | 405))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Refusal;

    fn refused(code: u16, seconds: Option<u64>) -> Trouble {
        let retry_after = seconds.map(Duration::from_secs);
        Trouble::Watch(ApiError::Refused(Refusal {
            code,
            retry_after,
            ..Refusal::default()
        }))
    }

    #[test]
    fn waits_grow_to_a_limit_and_follow_what_is_asked() {
        let broken = Trouble::Broken(String::new());
        for (trouble, streak, low, high) in [
            (&broken, 1, 0, 200),
            (&broken, 2, 250, 500),
            (&broken, 4, 1_000, 2_000),
            (&broken, 100, 7_500, 15_000),
            (&refused(503, None), 100, 7_500, 15_000),
            (&refused(403, None), 1, 0, 200),
            (&refused(403, None), 100, 30_000, 60_000),
            (&refused(429, Some(3)), 1, 3_000, 3_750),
            (&refused(429, Some(3)), 50, 3_000, 3_750),
            (&refused(429, Some(0)), 2, 250, 500),
            (&refused(429, Some(9_999)), 1, 120_000, 150_000),
        ] {
            for _ in 0..20 {
                let wait = wait(trouble, streak).as_millis();
                assert!((low..=high).contains(&wait), "{trouble:?} {streak}: {wait}");
            }
        }
    }
}
