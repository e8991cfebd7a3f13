//! Schedules of `PingSource`s: text to a [`Schedule`], and from one instant to the next fire time.
//!
//! Pure: no clock, no environment, no files. The grammar is that of the stock adapter
//! (pingsource.md 4.2), the fire times are its plain definition (4.4). When to wake up and what to
//! send is not decided here.

mod error;
mod fields;
mod search;
#[cfg(test)]
mod tests;
mod zone;

use adapter::go::duration;
use chrono::{DateTime, Utc};

pub use self::error::{FieldProblem, Quoted, ScheduleError};
use self::fields::Fields;
pub use self::zone::Zone;

/// When a source fires; small, and cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// Whole seconds whose wall clock in the zone matches the fields.
    Wall { fields: Fields, zone: Zone },
    /// `@every`: so many seconds after the instant asked about, whatever the zone.
    Every(i64),
}

impl Schedule {
    /// Reads `spec.schedule` and `spec.timezone` as an adapter whose own zone is UTC does, which is
    /// the stock image's; an absent or empty time zone is unset (pingsource.md 4.1).
    pub fn parse(expr: &str, timezone: Option<&str>) -> Result<Self, ScheduleError> {
        Self::parse_in(expr, timezone, &Zone::UTC)
    }

    /// The same in a process whose own zone is `local`: the one that counts where none is named,
    /// or where `Local` is.
    pub fn parse_in(
        expr: &str,
        timezone: Option<&str>,
        local: &Zone,
    ) -> Result<Self, ScheduleError> {
        // The two are pasted together before they are read: `UTC 30` makes a field of the 30.
        match timezone.filter(|name| !name.is_empty()) {
            Some(name) => Self::read(&format!("CRON_TZ={name} {expr}"), "timezone", local),
            None => Self::read(expr, "schedule", local),
        }
    }

    /// `zone_field` is where a zone at the front of the text came from.
    fn read(text: &str, zone_field: &'static str, local: &Zone) -> Result<Self, ScheduleError> {
        if text.is_empty() {
            return Err(ScheduleError::Empty);
        }
        let zoned = text
            .strip_prefix("TZ=")
            .or_else(|| text.strip_prefix("CRON_TZ="));
        let (zone, text) = match zoned.map(|rest| rest.split_once(' ')) {
            // Only a zone in front makes blanks around a descriptor legal.
            Some(Some((name, rest))) => (zone(name, zone_field, local)?, rest.trim()),
            Some(None) => return Err(ScheduleError::ZoneOnly { found: text.into() }),
            None => (local.clone(), text),
        };
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ if text.starts_with('@') => return every(text),
            _ => text,
        };
        Ok(Self(Kind::Wall {
            fields: Fields::parse(fields)?,
            zone,
        }))
    }

    /// The zone whose wall clock counts; none for `@every`, which knows no clock.
    pub fn zone(&self) -> Option<&Zone> {
        match &self.0 {
            Kind::Wall { zone, .. } => Some(zone),
            Kind::Every(_) => None,
        }
    }

    /// The first fire time strictly after `instant`, always a whole second. None if none
    /// comes up to the end of the fifth year from then, in the schedule's zone (pingsource.md 4.4).
    /// An `@every` schedule counts from `instant`, cut to the second (4.6).
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let second = instant.timestamp();
        let next = match &self.0 {
            Kind::Wall { fields, zone } => fields.next_in(zone, second + 1)?,
            Kind::Every(seconds) => second + seconds,
        };
        DateTime::from_timestamp(next, 0)
    }
}

/// The zone that a name at the front of a schedule means.
fn zone(name: &str, field: &'static str, local: &Zone) -> Result<Zone, ScheduleError> {
    match name {
        "" => Ok(Zone::UTC),
        "Local" => Ok(local.clone()),
        _ => Zone::named(name).ok_or_else(|| ScheduleError::Zone {
            field,
            found: name.into(),
        }),
    }
}

/// `@every` and a Go duration, cut to whole seconds and at least one.
fn every(text: &str) -> Result<Schedule, ScheduleError> {
    let Some(duration) = text.strip_prefix("@every ") else {
        return Err(ScheduleError::Descriptor { found: text.into() });
    };
    let nanoseconds = duration::parse(duration).map_err(|_| ScheduleError::Duration {
        found: duration.into(),
    })?;
    Ok(Schedule(Kind::Every((nanoseconds / 1_000_000_000).max(1))))
}
