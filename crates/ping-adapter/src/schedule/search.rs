//! The next second that a schedule's fields allow, by the plain definition (pingsource.md 4.4).
//!
//! Wall time is counted in seconds of a clock that showed 1970-01-01T00:00:00 at second 0.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::{fields::Fields, zone::Zone};

/// How many local years after that of the start are searched.
const YEARS: i32 = 5;

impl Fields {
    /// The first Unix time from `start` on whose wall clock in `zone` the fields allow.
    ///
    /// Between two changes of the zone's offset wall time runs evenly, so each such stretch is
    /// searched on its own: a wall time that is skipped is in none, a repeated one is in two.
    pub(super) fn next_in(&self, zone: &Zone, start: i64) -> Option<i64> {
        if self.seconds.is_empty() || self.minutes.is_empty() || self.hours.is_empty() {
            return None;
        }
        let mut stretch = zone.stretch(start)?;
        let year = wall_clock(start + stretch.offset)?.year();
        let end = NaiveDate::from_ymd_opt(year + YEARS + 1, 1, 1)?.and_time(NaiveTime::MIN);
        let end = end.and_utc().timestamp();
        let mut from = start;
        loop {
            let until = stretch
                .end
                .map_or(end, |until| end.min(until + stretch.offset));
            if let Some(hit) = self.first(from + stretch.offset, until) {
                return Some(hit - stretch.offset);
            }
            from = stretch.end.filter(|_| until < end)?;
            stretch = zone.stretch(from)?;
        }
    }

    /// The first match in `from..until`, both wall time: what does not match is skipped by whole
    /// months, days, hours, minutes and seconds. No set of times is empty here, so that a few
    /// steps end on a matching day, and a date that never comes costs one step a day.
    fn first(&self, from: i64, until: i64) -> Option<i64> {
        let mut at = from;
        while at < until {
            let clock = wall_clock(at)?;
            let (steps, unit) = if !self.months.has(clock.month()) {
                // No month is shorter than 28 days.
                (29_u32.saturating_sub(clock.day()).max(1), 86_400)
            } else if !self.has_day(clock.date()) {
                (1, 86_400)
            } else if !self.hours.has(clock.hour()) {
                (self.hours.distance(clock.hour(), 24), 3_600)
            } else if !self.minutes.has(clock.minute()) {
                (self.minutes.distance(clock.minute(), 60), 60)
            } else if !self.seconds.has(clock.second()) {
                (self.seconds.distance(clock.second(), 60), 1)
            } else {
                return Some(at);
            };
            at += i64::from(steps) * unit - at.rem_euclid(unit);
        }
        None
    }

    fn has_day(&self, day: NaiveDate) -> bool {
        let in_month = self.days.has(day.day());
        let in_week = self.weekdays.has(day.weekday().num_days_from_sunday());
        if self.both_days {
            in_month && in_week
        } else {
            in_month || in_week
        }
    }
}

fn wall_clock(second: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(second, 0).map(|at| at.naive_utc())
}
