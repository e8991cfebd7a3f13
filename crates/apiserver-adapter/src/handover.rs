//! `HANDOVER_SECONDS`: how long a pod that is told to stop goes on beside its successor, so that
//! what happens between the two is seen by one of them.

use std::time::Duration;

use adapter::env::{Env, Problem};

const NAME: &str = "HANDOVER_SECONDS";
const DEFAULT: Duration = Duration::from_secs(10);
/// Kubernetes kills a pod 30 s after SIGTERM, and stock sets nothing else. This is what we use.
pub const GRACE: Duration = Duration::from_secs(25);
/// Kept of it for sending what is queued.
const DRAIN: Duration = Duration::from_secs(5);

/// Reads the variable: whole seconds, 0 for none, cut so that time is left to send what is queued.
pub fn from_env(env: &Env) -> Result<Duration, Problem> {
    let Some(text) = env.non_empty(NAME) else {
        return Ok(DEFAULT);
    };
    let seconds: u64 = text
        .trim()
        .parse()
        .map_err(|_| Problem::new(NAME, text, "want whole seconds, 0 for no hand-over", "10"))?;
    Ok(Duration::from_secs(seconds).min(GRACE.saturating_sub(DRAIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_within_the_grace_period() {
        for (text, seconds) in [("", 10), ("0", 0), (" 3 ", 3), ("3600", 20)] {
            let read = from_env(&Env::from_pairs([(NAME, text)])).unwrap();
            assert_eq!(read, Duration::from_secs(seconds), "{text:?}");
        }
        assert_eq!(from_env(&Env::default()).unwrap(), DEFAULT);
        for text in ["-1", "10s", "1.5"] {
            let problem = from_env(&Env::from_pairs([(NAME, text)])).unwrap_err();
            assert_eq!(problem.exit_code, 64);
            assert!(problem.message.contains("HANDOVER_SECONDS=10"), "{problem}");
        }
    }
}
