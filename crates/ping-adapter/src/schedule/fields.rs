//! The five or six fields of a schedule: text to sets of values (pingsource.md 4.2, steps 4 to 8).
//!
//! Which instants the sets stand for is decided in `search.rs`.

use super::error::{FieldProblem, ScheduleError};

/// The values of one field, one bit each; no field goes beyond 59.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn has(self, value: u32) -> bool {
        self.0 >> value & 1 == 1
    }

    /// How far it is from `value` to the next member, or to `end` if there is none before.
    pub(super) fn distance(self, value: u32, end: u32) -> u32 {
        (self.0 >> value).trailing_zeros().min(end - value)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What a schedule's fields allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seconds: Set,
    pub(super) minutes: Set,
    pub(super) hours: Set,
    pub(super) days: Set,
    pub(super) months: Set,
    /// 0 is Sunday.
    pub(super) weekdays: Set,
    /// Whether a day has to be in both day sets; otherwise one is enough (pingsource.md 4.3).
    pub(super) both_days: bool,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [second, minute, hour, day, month, weekday] = match fields[..] {
            [minute, hour, day, month, weekday] => ["0", minute, hour, day, month, weekday],
            [second, minute, hour, day, month, weekday] => {
                [second, minute, hour, day, month, weekday]
            }
            _ => {
                let (found, count) = (text.into(), fields.len());
                return Err(ScheduleError::FieldCount { found, count });
            }
        };
        let (seconds, _) = SECOND.parse(second)?;
        let (minutes, _) = MINUTE.parse(minute)?;
        let (hours, _) = HOUR.parse(hour)?;
        let (days, day_star) = DAY.parse(day)?;
        let (months, _) = MONTH.parse(month)?;
        let (weekdays, weekday_star) = WEEKDAY.parse(weekday)?;
        let both_days = day_star || weekday_star;
        Ok(Self {
            seconds,
            minutes,
            hours,
            days,
            months,
            weekdays,
            both_days,
        })
    }
}

/// How one field is written.
struct Field {
    name: &'static str,
    /// The lowest and the highest value.
    min: u64,
    max: u64,
    /// The names of the values from `min` on.
    names: &'static [&'static str],
    /// A list that is right, for the sentence on one that is not.
    example: &'static str,
}

const SECOND: Field = Field::new("second", 0, 59, &[], "*/10");
const MINUTE: Field = Field::new("minute", 0, 59, &[], "*/5");
const HOUR: Field = Field::new("hour", 0, 23, &[], "9-17");
const DAY: Field = Field::new("day of month", 1, 31, &[], "1,15");
const MONTH: Field = Field::new("month", 1, 12, &MONTHS, "JAN-MAR");
const WEEKDAY: Field = Field::new("day of week", 0, 6, &WEEKDAYS, "MON-FRI,SUN");

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Field {
    const fn new(
        name: &'static str,
        min: u64,
        max: u64,
        names: &'static [&'static str],
        example: &'static str,
    ) -> Self {
        Self {
            name,
            min,
            max,
            names,
            example,
        }
    }

    /// The union of a comma list and whether any member has the star flag. Empty members are
    /// dropped, so that `,` alone is the empty set.
    fn parse(&self, list: &str) -> Result<(Set, bool), ScheduleError> {
        let mut bits = 0;
        let mut star = false;
        for member in list.split(',').filter(|member| !member.is_empty()) {
            let (values, starred) = self.member(member)?;
            bits |= values;
            star |= starred;
        }
        Ok((Set(bits), star))
    }

    /// One member: `*`, `?`, a value or a range, with or without a step.
    fn member(&self, member: &str) -> Result<(u64, bool), ScheduleError> {
        self.read(member).map_err(|problem| ScheduleError::Field {
            field: self.name,
            found: member.into(),
            problem,
            example: self.example,
        })
    }

    /// The member's values as bits, and its star flag: step 1 keeps it, a longer one does not.
    fn read(&self, member: &str) -> Result<(u64, bool), FieldProblem> {
        let (range, step) = split(member, '/').ok_or(FieldProblem::Slashes)?;
        // `*-5` is `*`: what follows a star's hyphen is never read.
        let star = matches!(range.split('-').next(), Some("*" | "?"));
        let (start, end) = if star {
            (self.min, self.max)
        } else {
            let (start, end) = split(range, '-').ok_or(FieldProblem::Hyphens)?;
            let start = self.value(start)?;
            match end {
                Some(end) => (start, self.value(end)?),
                // `5/15` runs to the field's end.
                None if step.is_some() => (start, self.max),
                None => (start, start),
            }
        };
        let step = step
            .map_or(Some(1), number)
            .ok_or(FieldProblem::NotANumber)?;
        let (min, max) = (self.min, self.max);
        if start < min || start.max(end) > max {
            return Err(FieldProblem::OutOfRange { min, max });
        }
        if start > end {
            return Err(FieldProblem::Inverted);
        }
        if step == 0 {
            return Err(FieldProblem::ZeroStep);
        }
        let values = (start..=end).filter(|value| (value - start) % step == 0);
        let bits = values.fold(0, |bits, value| bits | 1 << value);
        Ok((bits, star && step == 1))
    }

    /// A name in any case, or a number.
    fn value(&self, text: &str) -> Result<u64, FieldProblem> {
        let name = self
            .names
            .iter()
            .zip(self.min..)
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        match name {
            Some((_, value)) => Ok(value),
            None if self.names.is_empty() => number(text).ok_or(FieldProblem::NotANumber),
            None => number(text).ok_or(FieldProblem::NotANumberOrName),
        }
    }
}

/// What stands before and behind a separator that may occur once; none if it occurs twice.
fn split(text: &str, separator: char) -> Option<(&str, Option<&str>)> {
    let mut parts = text.split(separator);
    let parts = (parts.next()?, parts.next(), parts.next());
    parts.2.is_none().then_some((parts.0, parts.1))
}

/// A decimal number that fits in a signed 64-bit integer; a plus sign and leading zeros are legal.
fn number(text: &str) -> Option<u64> {
    text.parse::<i64>().ok()?.try_into().ok()
}
