//! Why a schedule is refused, in one sentence that names the field.
//!
//! The texts are for the person who wrote the `PingSource`; nothing here decides what is legal.

use std::fmt;

/// Why a schedule or its time zone cannot be used (pingsource.md 4.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is no text at all.
    #[error("schedule is empty and needs five or six fields; write for example \"*/5 * * * *\"")]
    Empty,
    /// A `TZ=` or `CRON_TZ=` prefix that no space ends.
    #[error(
        "schedule {found} has no space after its time zone; \
         write for example \"CRON_TZ=Europe/Berlin 0 9 * * *\""
    )]
    ZoneOnly {
        /// The whole text.
        found: Quoted,
    },
    /// A zone name that the compiled-in database does not have.
    #[error(
        "{field} names the time zone {found}, which the time zone database does not have \
         (upper and lower case count); write for example \"Europe/Berlin\""
    )]
    Zone {
        /// Where the name stood: `timezone`, or `schedule` when it came with a prefix there.
        field: &'static str,
        /// The name, which ends at the first space.
        found: Quoted,
    },
    /// Text that starts with `@` and is no descriptor.
    #[error(
        "schedule {found} is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, \
         @hourly (lower case, no blanks around) and @every with a duration; \
         write for example \"@hourly\""
    )]
    Descriptor {
        /// The text from the `@` on.
        found: Quoted,
    },
    /// `@every` with something that is not a Go duration.
    #[error(
        "schedule has {found} after @every, which is not a duration; \
         write for example \"@every 1h30m\""
    )]
    Duration {
        /// What stands after `@every `.
        found: Quoted,
    },
    /// Neither five nor six fields.
    #[error(
        "schedule {found} has a field count of {count} and needs 5 (minute, hour, day of month, \
         month, day of week) or 6 (second first); write for example \"*/5 * * * *\""
    )]
    FieldCount {
        /// The text without a zone in front.
        found: Quoted,
        /// How many there are.
        count: usize,
    },
    /// A member of one field's list.
    #[error("schedule has {found} in its {field} field, {problem}; write for example {example:?}")]
    Field {
        /// The field's name, such as `day of month`.
        field: &'static str,
        /// The member of its list.
        found: Quoted,
        /// What is wrong with it.
        problem: FieldProblem,
        /// A member that is right.
        example: &'static str,
    },
}

/// What is wrong with one member of a field's list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// A piece that should be a decimal number and is not, or is beyond 64 bits.
    #[error("which cannot be read as a number, range or step")]
    NotANumber,
    /// The same in a field whose values also have names.
    #[error("which cannot be read as a number, three-letter name, range or step")]
    NotANumberOrName,
    /// More than one `-`.
    #[error("which has more than one hyphen")]
    Hyphens,
    /// More than one `/`.
    #[error("which has more than one slash")]
    Slashes,
    /// A value that the field does not have.
    #[error("which leaves the range from {min} to {max}")]
    OutOfRange {
        /// The field's lowest value.
        min: u64,
        /// The field's highest value.
        max: u64,
    },
    /// A range that would have to wrap around.
    #[error("which starts after it ends")]
    Inverted,
    /// A step of 0.
    #[error("which steps by zero")]
    ZeroStep,
}

/// Text of a user as a message shows it: quoted, escaped so that it stays on one line, and cut
/// when long, because a schedule may be as long as a Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted(String);

impl Quoted {
    const SHOWN: usize = 64;
}

impl From<&str> for Quoted {
    fn from(text: &str) -> Self {
        Self(match text.char_indices().nth(Self::SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        })
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
