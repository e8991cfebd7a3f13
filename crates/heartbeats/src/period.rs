//! The time between two heartbeats: a Go duration, or a whole number of seconds.
//!
//! Contract: containersource-heartbeats.md 4.4.

use std::time::Duration;

use adapter::go;

const DEFAULT: Duration = Duration::from_secs(5);

/// Why a text is not a period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Neither a duration nor an integer.
    #[error("Invalid period interval provided: {0:?}; want a Go duration or whole seconds")]
    Unreadable(String),
    /// Zero or less; upstream panics.
    #[error("Invalid period interval provided: {0:?}; it must be longer than zero")]
    NotPositive(String),
    /// An integer of more than 292 years; upstream overflows.
    #[error("Invalid period interval provided: {0:?}; it must be shorter than 292 years")]
    TooLong(String),
}

/// Reads the period; empty text means 5 s.
pub fn parse(text: &str) -> Result<Duration, PeriodError> {
    if text.is_empty() {
        return Ok(DEFAULT);
    }
    let nanoseconds = match go::duration::parse(text) {
        Ok(nanoseconds) => nanoseconds,
        Err(_) => whole_seconds(text)?,
    };
    match u64::try_from(nanoseconds) {
        Ok(1..) => Ok(Duration::from_nanos(nanoseconds.unsigned_abs())),
        _ => Err(PeriodError::NotPositive(text.to_owned())),
    }
}

fn whole_seconds(text: &str) -> Result<i64, PeriodError> {
    // An optional sign and digits in 64 bits, as Go's ParseInt with base 10.
    let seconds: i64 = text
        .parse()
        .map_err(|_| PeriodError::Unreadable(text.to_owned()))?;
    seconds
        .checked_mul(1_000_000_000)
        .ok_or_else(|| PeriodError::TooLong(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{PeriodError, parse};
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn durations_and_whole_seconds() {
        for (text, millis) in [
            ("", 5000),
            ("1", 1000),
            ("+2", 2000),
            ("007", 7000),
            ("500ms", 500),
            ("300ms200ms", 500),
            ("1.5s", 1500),
            (".5m", 30_000),
            ("+1m", 60_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("1ns"), Ok(Duration::from_nanos(1)));
        assert_eq!(parse("9223372036"), Ok(Duration::from_secs(9_223_372_036)));
    }

    #[test]
    fn what_is_no_period_is_named() {
        for text in [
            "1.5",
            "1e3",
            "0x1",
            "1_000",
            " 1s",
            "1 ",
            "s",
            "5d",
            "99999999999999999999",
        ] {
            assert_eq!(
                parse(text),
                Err(PeriodError::Unreadable(text.to_owned())),
                "{text}"
            );
        }
        for text in ["0", "-0", "0s", "-1", "-5s", "0.1ns"] {
            assert_eq!(
                parse(text),
                Err(PeriodError::NotPositive(text.to_owned())),
                "{text}"
            );
        }
        for text in ["9223372037", "9223372036854775807", "-9223372037"] {
            assert_eq!(
                parse(text),
                Err(PeriodError::TooLong(text.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn the_message_starts_as_upstream_says_it() {
        let message = parse("1.5").unwrap_err().to_string();
        assert!(
            message.starts_with("Invalid period interval provided: \"1.5\""),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn whole_seconds_are_seconds(seconds in 1_u64..9_223_372_036) {
            prop_assert_eq!(parse(&seconds.to_string()), Ok(Duration::from_secs(seconds)));
        }

        #[test]
        fn never_zero(text in "[-+]?[0-9]{0,20}(\\.[0-9]{0,3})?(ns|ms|s|h)?") {
            if let Ok(period) = parse(&text) {
                prop_assert!(!period.is_zero());
            }
        }
    }
}
