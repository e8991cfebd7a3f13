//! Time zones: names as the stock adapter takes them, from a database that is compiled in.
//!
//! Nothing here reads the machine's own database or clock: a schedule means the same everywhere.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

/// A time zone of the compiled-in database; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of exactly this name. Upper and lower case count, as they do in the file names that
    /// the stock adapter reads; the database's own lookup would ignore them.
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Self(zone))
    }

    /// The zone of a process with this `TZ` variable: a leading colon is dropped, and a value that
    /// is absent, empty or unknown means UTC (pingsource.md 4.2, step 2).
    pub fn of_process(tz: Option<&str>) -> Self {
        let name = tz.unwrap_or_default();
        Self::named(name.strip_prefix(':').unwrap_or(name)).unwrap_or(Self::UTC)
    }

    /// The name in the database, such as `Europe/Berlin`.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The stretch that holds the Unix time `second`; none outside the years up to 9999.
    pub(super) fn stretch(&self, second: i64) -> Option<Stretch> {
        let at = Timestamp::from_second(second).ok()?;
        let end = self.0.following(at).next();
        Some(Stretch {
            offset: self.0.to_offset(at).seconds().into(),
            end: end.map(|change| change.timestamp().as_second()),
        })
    }
}

/// A time in which a zone keeps one offset.
pub(super) struct Stretch {
    /// The seconds that wall time is ahead of UTC.
    pub(super) offset: i64,
    /// The first Unix time behind it; none where the zone changes no more.
    pub(super) end: Option<i64>,
}
