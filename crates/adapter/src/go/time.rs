//! Timestamps as Go's `time.Parse(time.RFC3339Nano, …)` reads and `Format` prints them
//! (event-display.md 5.1, adapter-runtime.md 2.2).
//!
//! A little more lenient than RFC 3339: a single digit of hour, a comma in front of the fraction,
//! offsets up to `+24:60`.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};

#[cfg(test)]
mod tests;

/// The text is not a timestamp that Go accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp such as 2026-11-22T18:06:35.12Z or 2026-11-22T19:06:35+01:00")]
pub struct TimeError;

/// Reads a timestamp; digits of the fraction after the ninth are dropped.
pub fn parse(text: &[u8]) -> Result<DateTime<Utc>, TimeError> {
    read(text).ok_or(TimeError)
}

fn read(text: &[u8]) -> Option<DateTime<Utc>> {
    let (year, text) = digits(text, 4)?;
    let (month, text) = digits(text.strip_prefix(b"-")?, 2)?;
    let (day, text) = digits(text.strip_prefix(b"-")?, 2)?;
    let text = text.strip_prefix(b"T")?;
    let (hour, text) = digits(text, 2).or_else(|| digits(text, 1))?;
    let (minute, text) = digits(text.strip_prefix(b":")?, 2)?;
    let (second, text) = digits(text.strip_prefix(b":")?, 2)?;
    let (nanosecond, text) = fraction(text);
    let offset = offset(text)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if second > 59 {
        return None;
    }
    let local = date.and_hms_nano_opt(hour, minute, second, nanosecond)?;
    local.and_utc().checked_sub_signed(offset)
}

/// The number in the next `count` bytes, all of them digits, and the rest.
fn digits(text: &[u8], count: usize) -> Option<(u32, &[u8])> {
    let (number, rest) = text.split_at_checked(count)?;
    let value = number.iter().try_fold(0, |value, &byte| {
        Some(value * 10 + char::from(byte).to_digit(10)?)
    })?;
    Some((value, rest))
}

/// Nanoseconds and the rest; a point without digits is left for the offset to stumble over.
fn fraction(text: &[u8]) -> (u32, &[u8]) {
    let Some((b'.' | b',', rest)) = text.split_first() else {
        return (0, text);
    };
    let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if count == 0 {
        return (0, text);
    }
    let nine = rest[..count]
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(9);
    let nanoseconds = nine.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    (nanoseconds, &rest[count..])
}

/// How far local time is ahead of UTC: `Z` or `±HH:MM`, up to 24 hours and 60 minutes.
fn offset(text: &[u8]) -> Option<TimeDelta> {
    if text == b"Z" {
        return Some(TimeDelta::zero());
    }
    let (sign, text) = text.split_first()?;
    let (hours, text) = digits(text, 2)?;
    let (minutes, text) = digits(text.strip_prefix(b":")?, 2)?;
    if hours > 24 || minutes > 60 || !text.is_empty() {
        return None;
    }
    let ahead = TimeDelta::minutes(i64::from(hours * 60 + minutes));
    match sign {
        b'+' => Some(ahead),
        b'-' => Some(-ahead),
        _ => None,
    }
}

/// The time in UTC with suffix `Z`; a fraction only if there is one, without trailing zeros.
pub fn format(time: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(32);
    if time.year() < 0 {
        text.push('-');
    }
    let (year, month, day) = (time.year().unsigned_abs(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    );
    // A leap second is nanosecond 1_000_000_000 and more to chrono; Go knows none.
    let nanosecond = time.nanosecond().min(999_999_999);
    if nanosecond > 0 {
        let fraction = format!(".{nanosecond:09}");
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}
