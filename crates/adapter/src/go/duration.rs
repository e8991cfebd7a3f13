//! Durations as Go's `time.ParseDuration` reads them: `1h30m`, `-1.5s`, `300ms200ms`, `0`.
//!
//! Only reading. What an empty text or a bare number means is the caller's business
//! (containersource-heartbeats.md 4.4).

/// Why a text is not a Go duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a sequence of *number unit* pairs.
    #[error("not a duration such as 90s, 1m30s or 250ms")]
    Invalid,
    /// A number with nothing behind it.
    #[error("a number has no unit (ns, us, ms, s, m or h)")]
    MissingUnit,
    /// A unit that Go does not know.
    #[error("unknown unit {0:?} (ns, us, ms, s, m or h)")]
    UnknownUnit(String),
    /// More than about 292 years either way.
    #[error("longer than 292 years")]
    OutOfRange,
}

/// The magnitude of the smallest `i64`: reachable with a minus sign only.
const LIMIT: u64 = 1 << 63;

/// Reads a Go duration and gives nanoseconds, negative ones included.
///
/// An optional sign, then either `0` alone or one or more *number unit* pairs that add up. A
/// number has digits, at most one point and at least one digit; fractions of a nanosecond are
/// cut off. Errors are those of [`DurationError`]; nothing is trimmed.
pub fn parse(text: &str) -> Result<i64, DurationError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(DurationError::Invalid);
    }

    let mut total = 0_u64;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (part, behind) = parse_part(rest)?;
        total = total
            .checked_add(part)
            .filter(|sum| *sum <= LIMIT)
            .ok_or(DurationError::OutOfRange)?;
        rest = behind;
    }
    if negative {
        Ok(0_i64.wrapping_sub_unsigned(total))
    } else {
        i64::try_from(total).map_err(|_| DurationError::OutOfRange)
    }
}

/// One *number unit* pair in nanoseconds (at most [`LIMIT`]), and what stands behind it.
fn parse_part(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(behind_point) => split_digits(behind_point),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Invalid);
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = nanoseconds_of(unit)?;

    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| DurationError::OutOfRange)?
    };
    let part = unit
        .checked_mul(whole)
        .and_then(|nanoseconds| nanoseconds.checked_add(fraction_of(fraction, unit)))
        .filter(|nanoseconds| *nanoseconds <= LIMIT)
        .ok_or(DurationError::OutOfRange)?;
    Ok((part, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn nanoseconds_of(unit: &str) -> Result<u64, DurationError> {
    Ok(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter mu look the same; Go takes both.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "" => return Err(DurationError::MissingUnit),
        other => return Err(DurationError::UnknownUnit(other.to_owned())),
    })
}

/// The fraction `.digits` of a unit in nanoseconds, computed in floating point as Go does, so
/// that `1.1h` and the like come out the same to the last nanosecond.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the digits stay under 2^63 and the result is less than one unit, 3.6e12"
)]
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut value = 0_u64;
    let mut scale = 1.0_f64;
    for digit in digits.bytes() {
        // Digits that no longer fit cannot change a whole nanosecond.
        let Some(longer) = value
            .checked_mul(10)
            .and_then(|shifted| shifted.checked_add(u64::from(digit - b'0')))
            .filter(|longer| *longer <= LIMIT)
        else {
            break;
        };
        value = longer;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::{DurationError, parse};
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn reads_what_go_reads() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("+0", 0),
            ("-0", 0),
            ("0s", 0),
            ("5s", 5 * SECOND),
            ("+5s", 5 * SECOND),
            ("-5s", -5 * SECOND),
            ("30s", 30 * SECOND),
            ("1478s", 1478 * SECOND),
            ("5.0s", 5 * SECOND),
            ("5.6s", 5_600_000_000),
            ("5.s", 5 * SECOND),
            (".5s", SECOND / 2),
            ("-.5s", -SECOND / 2),
            ("1.004s", 1_004_000_000),
            ("100.00100s", 100_001_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s10ns", 12_010),
            ("13ms", 13_000_000),
            ("300ms200ms", SECOND / 2),
            ("3h30m", 12_600 * SECOND),
            ("-1m30s", -90 * SECOND),
            ("1h2m3s4ms5us6ns", 3_723_004_005_006),
            ("1.1h", 3_960 * SECOND),
            ("0.9ns", 0),
            ("52763797000ns", 52_763_797_000),
            ("0.3333333333333333333h", 1_200 * SECOND),
            ("9007199254.740993ms", 9_007_199_254_740_993),
            ("0.100000000000000000000h", 360 * SECOND),
            ("0.830103483285477580700h", 2_988_372_539_827),
            ("9223372036854775807ns", i64::MAX),
            ("9223372036854775.807us", i64::MAX),
            ("9223372036s854ms775us807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("-9223372036854775.808us", i64::MIN),
            ("2562047h47m16.854775807s", i64::MAX),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "", "-", "+", "--5s", ".", ".s", "+.s", "s", "1e3s x", " 1s", "1.5.s", "s1", "٣s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["3", "1.5", "00", "1s2", "-7"] {
            assert_eq!(parse(text), Err(DurationError::MissingUnit), "{text}");
        }
        for (text, unit) in [
            ("1d", "d"),
            ("1S", "S"),
            ("1 s", " s"),
            ("1s ", "s "),
            ("1_000s", "_"),
            ("1e3s", "e"),
            ("0x1s", "x"),
            ("1s-5m", "s-"),
        ] {
            assert_eq!(
                parse(text),
                Err(DurationError::UnknownUnit(unit.to_owned())),
                "{text}"
            );
        }
        for text in [
            "9223372036854775808ns",
            "9223372036854775.808us",
            "-9223372036854775809ns",
            "9223372036854ms775us808ns",
            "3000000h",
            "99999999999999999999999s",
            "2562047h47m16.854775808s",
            "9223372036854775807ns9223372036854775807ns",
        ] {
            assert_eq!(parse(text), Err(DurationError::OutOfRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_near_the_grammar(text in "[-+]?([0-9]{0,22}\\.?[0-9]{0,22}(ns|us|µs|ms|s|m|h|d)?){0,4}") {
            let _ = parse(&text);
        }

        #[test]
        fn parts_add_up(hours in 0_i64..100_000, minutes in 0_i64..10_000, seconds in 0_i64..100_000, nanos in 0_i64..SECOND) {
            let sum = ((hours * 60 + minutes) * 60 + seconds) * SECOND + nanos;
            let text = format!("{hours}h{minutes}m{seconds}s{nanos}ns");
            prop_assert_eq!(parse(&text), Ok(sum));
            prop_assert_eq!(parse(&format!("-{text}")), Ok(-sum));
            prop_assert_eq!(parse(&format!("+{text}")), Ok(sum));
        }

        #[test]
        fn nine_digits_of_a_second_are_exact_to_a_nanosecond(whole in 0_i64..1_000_000, nanos in 0_i64..SECOND) {
            let read = parse(&format!("{whole}.{nanos:09}s")).expect("a plain fraction");
            prop_assert!((read - (whole * SECOND + nanos)).abs() <= 1);
        }

        #[test]
        fn every_i64_in_nanoseconds_survives(nanoseconds: i64) {
            prop_assert_eq!(parse(&format!("{nanoseconds}ns")), Ok(nanoseconds));
        }
    }
}
