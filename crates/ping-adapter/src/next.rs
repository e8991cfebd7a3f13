//! `ping-adapter next`: the next fire times of a schedule, to check it before it is deployed.
//!
//! Reads only the arguments that it is given and writes only lines; printing the error and leaving
//! with its exit code is `main`'s work.

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::schedule::{Quoted, Schedule, ScheduleError, Zone};

const COUNT: u64 = 5;

/// Why `next` could not print what was asked for, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The schedule or its zone is refused.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// No `--schedule`.
    #[error("--schedule is missing; write for example --schedule \"*/5 * * * *\"")]
    NoSchedule,
    /// An option at the end of the line, without its value.
    #[error("{0} needs a value; write for example --timezone Europe/Berlin")]
    NoValue(&'static str),
    /// `--from` with something else than an RFC 3339 time.
    #[error("--from {0} is not an RFC 3339 time; write for example 2026-03-29T00:00:00Z")]
    From(Quoted),
    /// `--count` with something else than a whole number from 0 on.
    #[error("--count {0} is not a whole number; write for example 10")]
    Count(Quoted),
    /// An argument that `next` does not have.
    #[error(
        "{0} is not an option of next; it takes \
         --schedule EXPR [--timezone ZONE] [--from RFC3339] [--count N]"
    )]
    Unknown(Quoted),
    /// The lines could not be written.
    #[error("the fire times cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl UsageError {
    /// The code to leave with, of sysexits.h: 64 for what the user wrote, 74 for the output.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Output(_)) {
            74
        } else {
            64
        }
    }
}

/// Writes the fire times that `args` (the words behind `next`) ask for, one RFC 3339 instant in UTC
/// a line, and fewer than asked for when the schedule ends. Where `--from` is absent they start
/// after `now`. The process's own zone is UTC, as in the stock image.
pub fn next(args: &[String], out: &mut dyn Write, now: DateTime<Utc>) -> Result<(), UsageError> {
    next_in(args, &Zone::UTC, out, now)
}

/// The same in a process whose own zone is `local`: see [`Zone::of_process`].
pub fn next_in(
    args: &[String],
    local: &Zone,
    out: &mut dyn Write,
    now: DateTime<Utc>,
) -> Result<(), UsageError> {
    let question = Question::read(args)?;
    let expr = question.schedule.ok_or(UsageError::NoSchedule)?;
    let schedule = Schedule::parse_in(expr, question.timezone, local)?;
    let from = question.from.unwrap_or(now);
    match print(&schedule, from, question.count.unwrap_or(COUNT), out) {
        // A reader such as `head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn print(
    schedule: &Schedule,
    from: DateTime<Utc>,
    count: u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut at = from;
    for _ in 0..count {
        let Some(next) = schedule.next_after(at) else {
            break;
        };
        writeln!(out, "{}", next.to_rfc3339_opts(SecondsFormat::Secs, true))?;
        at = next;
    }
    out.flush()
}

/// What the arguments ask; of an option given twice the last counts.
#[derive(Default)]
struct Question<'a> {
    schedule: Option<&'a str>,
    timezone: Option<&'a str>,
    from: Option<DateTime<Utc>>,
    count: Option<u64>,
}

impl<'a> Question<'a> {
    /// Takes `--option value` and `--option=value`.
    fn read(args: &'a [String]) -> Result<Self, UsageError> {
        let mut question = Self::default();
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            let (option, joined) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (arg, None),
            };
            let mut value = |option| {
                joined
                    .or_else(|| args.next())
                    .ok_or(UsageError::NoValue(option))
            };
            match option {
                "--schedule" => question.schedule = Some(value("--schedule")?),
                "--timezone" => question.timezone = Some(value("--timezone")?),
                "--from" => question.from = Some(instant(value("--from")?)?),
                "--count" => question.count = Some(count(value("--count")?)?),
                _ => return Err(UsageError::Unknown(arg.into())),
            }
        }
        Ok(question)
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, UsageError> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc())
        .map_err(|_| UsageError::From(text.into()))
}

fn count(text: &str) -> Result<u64, UsageError> {
    text.parse().map_err(|_| UsageError::Count(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(args: &[&str]) -> Result<String, UsageError> {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let now = "2026-03-28T23:59:59.5Z".parse().expect("a time");
        let mut out = Vec::new();
        next(&args, &mut out, now)?;
        Ok(String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn prints_one_instant_a_line() {
        let out = lines(&[
            "--schedule",
            "30 2 * * *",
            "--timezone=Europe/Berlin",
            "--count",
            "2",
        ]);
        // The clock goes forward on the 29th, and 02:30 is skipped.
        assert_eq!(
            out.expect("accepted"),
            "2026-03-30T00:30:00Z\n2026-03-31T00:30:00Z\n"
        );
        let out = lines(&[
            "--schedule=* * * * *",
            "--count=1",
            "--from=2025-01-01T01:00:30+01:00",
        ]);
        assert_eq!(out.expect("accepted"), "2025-01-01T00:01:00Z\n");
    }

    #[test]
    fn starts_now_and_prints_five_unless_told() {
        let out = lines(&["--schedule", "* * * * * *"]).expect("accepted");
        assert!(out.starts_with("2026-03-29T00:00:00Z\n"), "{out}");
        assert_eq!(out.lines().count(), 5);
    }

    #[test]
    fn prints_fewer_when_the_schedule_ends() {
        assert_eq!(lines(&["--schedule", "0 0 30 2 *"]).expect("accepted"), "");
        let last = lines(&["--schedule", "0 0 29 2 *", "--from", "2094-01-01T00:00:00Z"]);
        assert_eq!(last.expect("accepted"), "2096-02-29T00:00:00Z\n");
    }

    #[test]
    fn knows_the_zone_of_the_process() {
        let args = [
            "--schedule".to_owned(),
            "0 6 * * *".to_owned(),
            "--count=1".to_owned(),
        ];
        let (mut out, now) = (Vec::new(), "2025-01-15T10:20:30Z".parse().expect("a time"));
        next_in(
            &args,
            &Zone::of_process(Some(":Europe/Paris")),
            &mut out,
            now,
        )
        .expect("accepted");
        assert_eq!(out, b"2025-01-16T05:00:00Z\n");
    }

    #[test]
    fn refuses_in_one_sentence() {
        for (args, sentence) in [
            (&[][..], "--schedule is missing"),
            (&["--schedule"], "--schedule needs a value"),
            (
                &["--schedule", "* * * * *", "--from", "noon"],
                "--from \"noon\" is not",
            ),
            (
                &["--schedule", "* * * * *", "--count", "-1"],
                "--count \"-1\" is not",
            ),
            (
                &["--schedule", "* * * * *", "--verbose"],
                "\"--verbose\" is not an option",
            ),
            (
                &["--schedule", "60 * * * *"],
                "schedule has \"60\" in its minute field",
            ),
            (
                &["--schedule", "* * * * *", "--timezone", "UTC+8"],
                "timezone names the time zone",
            ),
        ] {
            let error = lines(args).expect_err(sentence);
            assert!(error.to_string().starts_with(sentence), "{error}");
            assert_eq!(error.exit_code(), 64);
        }
    }

    #[test]
    fn a_reader_that_leaves_is_no_error_and_a_full_disk_is() {
        struct Broken(io::ErrorKind);
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let args = ["--schedule=* * * * *".to_owned()];
        let now = DateTime::UNIX_EPOCH;
        next(&args, &mut Broken(io::ErrorKind::BrokenPipe), now).expect("enough was read");
        let error = next(&args, &mut Broken(io::ErrorKind::StorageFull), now).expect_err("lost");
        assert_eq!(error.exit_code(), 74);
    }
}
