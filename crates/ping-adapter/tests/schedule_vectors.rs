//! The golden vectors of pingsource.md 4.8, recorded from the library of the stock adapter.

use chrono::{DateTime, TimeDelta, Utc};
use ping_adapter::schedule::{Schedule, ScheduleError, Zone};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    class: String,
    schedule: String,
    timezone: String,
    process_tz: Option<String>,
    start: DateTime<Utc>,
    count: usize,
    next_utc: Vec<DateTime<Utc>>,
    exhausted: bool,
    alt_next_utc: Option<Vec<DateTime<Utc>>>,
    alt_exhausted: Option<bool>,
}

#[derive(Deserialize)]
struct Rejected {
    id: String,
    schedule: String,
    timezone: String,
    reason: String,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("data/cron-vectors.json")).expect("the recorded vectors")
}

impl Vector {
    /// The fire times in order, as many as asked for, and whether the schedule ended before.
    fn fire_times(&self) -> Result<(Vec<DateTime<Utc>>, bool), ScheduleError> {
        let local = Zone::of_process(self.process_tz.as_deref());
        let schedule = Schedule::parse_in(&self.schedule, Some(&self.timezone), &local)?;
        let times = std::iter::successors(Some(self.start), |at| schedule.next_after(*at));
        let times: Vec<_> = times.skip(1).take(self.count).collect();
        let exhausted = times.len() < self.count;
        Ok((times, exhausted))
    }
}

/// The vectors were recorded with release 2025b of the time zone database. By release 2026f Cuba
/// keeps its summer time through the winter of 2026/27: what the clock shows there comes an hour
/// earlier than was expected.
fn with_todays_rules(timezone: &str, recorded: DateTime<Utc>) -> DateTime<Utc> {
    let instant = |text: &str| text.parse::<DateTime<Utc>>().expect("an instant");
    let winter = instant("2026-11-01T05:00:00Z")..instant("2027-03-14T05:00:00Z");
    if timezone == "America/Havana" && winter.contains(&recorded) {
        recorded - TimeDelta::hours(1)
    } else {
        recorded
    }
}

#[test]
fn fires_when_the_stock_adapter_does() {
    let vectors = vectors().vectors;
    assert_eq!(vectors.len(), 123);
    for vector in vectors {
        let fired = vector
            .fire_times()
            .unwrap_or_else(|error| panic!("{}: {error}", vector.id));
        let recorded = vector
            .next_utc
            .iter()
            .map(|at| with_todays_rules(&vector.timezone, *at));
        let recorded = (recorded.collect(), vector.exhausted);
        let plain = vector.alt_next_utc.zip(vector.alt_exhausted);
        assert_eq!(plain.is_some(), vector.class == "quirk", "{}", vector.id);
        assert!(
            fired == recorded || Some(&fired) == plain.as_ref(),
            "{} {:?} in {:?}: fired {fired:?}, recorded {recorded:?}, plain {plain:?}",
            vector.id,
            vector.schedule,
            vector.timezone,
        );
    }
}

#[test]
fn refuses_what_the_stock_adapter_refuses_and_names_the_field() {
    let rejected = vectors().rejected;
    assert_eq!(rejected.len(), 65);
    for Rejected {
        id,
        schedule,
        timezone,
        reason,
    } in rejected
    {
        let error = Schedule::parse(&schedule, Some(&timezone)).expect_err(&id);
        let sentence = error.to_string();
        let zone = reason == "bad-location" && !timezone.is_empty();
        assert!(
            sentence.starts_with(if zone { "timezone " } else { "schedule " }),
            "{sentence}"
        );
        assert!(
            sentence.contains("write for example \""),
            "{id}: {sentence}"
        );
        assert!(!sentence.contains(char::is_control), "{id}: {sentence}");
        if let ScheduleError::Field { field, .. } = error {
            assert!(
                sentence.contains(&format!(" in its {field} field, ")),
                "{id}: {sentence}"
            );
        } else {
            let whole = [
                "empty",
                "field-count",
                "unknown-descriptor",
                "bad-duration",
                "bad-location",
                "no-blank-after-zone",
            ];
            assert!(
                whole.contains(&reason.as_str()),
                "{id} ({reason}): {sentence}"
            );
        }
    }
}
