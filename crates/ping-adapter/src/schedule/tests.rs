//! Sentences, limits and properties; the golden vectors are in `tests/schedule_vectors.rs`.

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, TimeDelta, Utc};
use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use proptest::{prelude::*, sample::select};

use super::*;

#[test]
fn a_refusal_says_what_was_found_and_what_would_be_right() {
    for (expr, timezone, sentence) in [
        (
            "* 24 * * *",
            "",
            "schedule has \"24\" in its hour field, which leaves the range from 0 to 23; \
             write for example \"9-17\"",
        ),
        (
            "0 0 * * 1-7",
            "",
            "schedule has \"1-7\" in its day of week field, which leaves the range from 0 to 6; \
             write for example \"MON-FRI,SUN\"",
        ),
        (
            "0 0 1 january *",
            "",
            "schedule has \"january\" in its month field, which cannot be read as a number, \
             three-letter name, range or step; write for example \"JAN-MAR\"",
        ),
        (
            "*/0 * * * * *",
            "",
            "schedule has \"*/0\" in its second field, which steps by zero; \
             write for example \"*/10\"",
        ),
        (
            "* * * * *",
            "europe/berlin",
            "timezone names the time zone \"europe/berlin\", which the time zone database does \
             not have (upper and lower case count); write for example \"Europe/Berlin\"",
        ),
        (
            "CRON_TZ=UTC\t0 6 * * *",
            "",
            "schedule names the time zone \"UTC\\t0\", which the time zone database does \
             not have (upper and lower case count); write for example \"Europe/Berlin\"",
        ),
        (
            "@every 1d",
            "",
            "schedule has \"1d\" after @every, which is not a duration; \
             write for example \"@every 1h30m\"",
        ),
    ] {
        let error = Schedule::parse(expr, Some(timezone)).expect_err(expr);
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn a_long_schedule_makes_no_long_sentence() {
    let error = Schedule::parse(&"5-1,".repeat(100_000), None).expect_err("one field");
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn the_examples_in_refusals_are_right() {
    for expr in [
        "*/10 */5 9-17 1,15 JAN-MAR MON-FRI,SUN",
        "@every 1h30m",
        "@hourly",
    ] {
        Schedule::parse(expr, Some("Europe/Berlin")).expect(expr);
    }
    Schedule::parse("CRON_TZ=Europe/Berlin 0 9 * * *", None).expect("a zone in front");
}

#[test]
fn zone_names_are_exact() {
    for name in [
        "UTC",
        "Europe/Berlin",
        "US/Eastern",
        "Etc/GMT+5",
        "EST5EDT",
        "Zulu",
    ] {
        assert_eq!(Zone::named(name).expect(name).name(), name);
    }
    for name in [
        "utc",
        "europe/berlin",
        "Etc/Unknown",
        "Europe",
        "Europe/",
        "+08:00",
        "Local",
        "",
    ] {
        assert_eq!(Zone::named(name), None, "{name:?}");
    }
}

#[test]
fn the_zone_of_a_process_is_utc_unless_tz_names_one() {
    for tz in [
        None,
        Some(""),
        Some(":"),
        Some("UTC"),
        Some("Nowhere/Land"),
        Some("paris"),
    ] {
        assert_eq!(Zone::of_process(tz), Zone::UTC, "{tz:?}");
    }
    for tz in ["Europe/Paris", ":Europe/Paris"] {
        assert_eq!(Zone::of_process(Some(tz)).name(), "Europe/Paris");
    }
}

#[test]
fn tells_its_zone() {
    let zone = |expr, timezone| {
        let schedule = Schedule::parse(expr, Some(timezone)).expect(expr);
        schedule.zone().map(|zone| zone.name().to_owned())
    };
    assert_eq!(zone("@daily", "Asia/Tokyo").as_deref(), Some("Asia/Tokyo"));
    assert_eq!(zone("@daily", "").as_deref(), Some("UTC"));
    assert_eq!(zone("@every 5m", "Asia/Tokyo"), None);
}

/// Ten thousand sources live in one process.
#[test]
fn is_small() {
    assert!(size_of::<Schedule>() <= 64, "{}", size_of::<Schedule>());
}

#[test]
fn stands_the_ends_of_time() {
    for expr in ["* * * * * *", "0 0 29 2 *", "@every 2562047h"] {
        for zone in ["UTC", "America/New_York", "Asia/Kolkata"] {
            let schedule = Schedule::parse(expr, Some(zone)).expect(expr);
            for year in [-262_143, -9999, -1, 0, 9993, 9998, 9999, 10_000, 262_141] {
                let day = chrono::NaiveDate::from_ymd_opt(year, 12, 29).expect("a day");
                let at = day.and_hms_opt(23, 59, 59).expect("a time").and_utc();
                assert!(
                    schedule.next_after(at).is_none_or(|next| next > at),
                    "{expr} {at}"
                );
            }
            assert!(schedule.next_after(DateTime::<Utc>::MAX_UTC).is_none());
            let _ = schedule.next_after(DateTime::<Utc>::MIN_UTC);
        }
    }
}

/// Zones with every kind of change, and an instant near one.
const CHANGES: [(&str, &str); 12] = [
    ("UTC", "2025-02-28T23:00:00Z"),
    ("Europe/Berlin", "2025-03-30T01:00:00Z"),
    ("Europe/Berlin", "2025-10-26T01:00:00Z"),
    ("America/New_York", "2025-11-02T06:00:00Z"),
    ("Africa/Cairo", "2025-04-24T22:00:00Z"), // no midnight
    ("Asia/Beirut", "2025-10-25T21:00:00Z"),  // midnight back to 23:00
    ("America/Havana", "2025-03-09T05:00:00Z"),
    ("Australia/Lord_Howe", "2025-10-04T15:30:00Z"), // half an hour
    ("Pacific/Chatham", "2025-04-05T14:00:00Z"),     // at a quarter to
    ("Antarctica/Troll", "2025-10-26T01:00:00Z"),    // two hours
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),        // a day that never was
    ("Africa/Monrovia", "1972-01-07T00:44:30Z"),     // an offset with seconds
];

/// The wall clocks of the seconds of some hours around a change.
struct Window {
    first: i64,
    /// Second, minute, hour, day of month, month, day of week.
    clocks: Vec<[u32; 6]>,
}

static WINDOWS: LazyLock<HashMap<(&str, &str), Window>> = LazyLock::new(|| {
    let hours = 6 * 3600;
    let window = |(zone, near): (&str, &str)| {
        let zone = TimeZoneDatabase::bundled().get(zone).expect("a zone");
        let near = near.parse::<Timestamp>().expect("an instant").as_second();
        let clocks = (near - hours..near + hours).map(|second| clock(&zone, second));
        Window {
            first: near - hours,
            clocks: clocks.collect(),
        }
    };
    CHANGES
        .iter()
        .map(|change| (*change, window(*change)))
        .collect()
});

fn clock(zone: &TimeZone, second: i64) -> [u32; 6] {
    let at = zone.to_datetime(Timestamp::from_second(second).expect("an instant"));
    let weekday = at.weekday().to_sunday_zero_offset();
    [
        at.second(),
        at.minute(),
        at.hour(),
        at.day(),
        at.month(),
        weekday,
    ]
    .map(|v| v.cast_unsigned().into())
}

/// One member of a field's list, as text and as the rule that the contract gives for it.
#[derive(Clone, Debug)]
enum Member {
    Empty,
    Star(&'static str, Option<u32>),
    One(u32, Option<u32>),
    Range(u32, u32, Option<u32>),
}

impl Member {
    fn text(&self) -> String {
        let (range, step) = match self {
            Self::Empty => return String::new(),
            Self::Star(star, step) => ((*star).to_owned(), step),
            Self::One(value, step) => (value.to_string(), step),
            Self::Range(start, end, step) => (format!("{start}-{end}"), step),
        };
        step.map_or(range.clone(), |step| format!("{range}/{step}"))
    }

    fn allows(&self, value: u32, min: u32) -> bool {
        let (start, end, step) = match *self {
            Self::Empty => return false,
            Self::Star(_, step) => (min, 59, step),
            Self::One(only, None) => return value == only,
            Self::One(start, step) => (start, 59, step),
            Self::Range(start, end, step) => (start, end, step),
        };
        (start..=end)
            .step_by(step.unwrap_or(1) as usize)
            .any(|member| member == value)
    }

    fn is_star(&self) -> bool {
        matches!(self, Self::Star(_, None | Some(1)))
    }
}

type List = Vec<Member>;

fn list(min: u32, max: u32) -> impl Strategy<Value = List> {
    let step = || prop::option::weighted(0.4, 1..=max + 9);
    let member = prop_oneof![
        1 => Just(Member::Empty),
        6 => (select(vec!["*", "?", "*-7"]), step())
            .prop_map(|(star, step)| Member::Star(star, step)),
        6 => (min..=max, step()).prop_map(|(value, step)| Member::One(value, step)),
        4 => (min..=max, min..=max, step())
            .prop_map(|(a, b, step)| Member::Range(a.min(b), a.max(b), step)),
    ];
    // A field of no characters would be no field.
    prop::collection::vec(member, 1..4).prop_map(|mut list| {
        if let [Member::Empty] = list[..] {
            list.push(Member::Empty);
        }
        list
    })
}

fn expression() -> impl Strategy<Value = [List; 6]> {
    // Hours to days are often wide open, or hardly anything would fire in a window.
    let wide = |min, max| prop_oneof![Just(vec![Member::Star("*", None)]), list(min, max)];
    let lists = (
        list(0, 59),
        list(0, 59),
        wide(0, 23),
        wide(1, 31),
        wide(1, 12),
        wide(0, 6),
    );
    lists.prop_map(|(s, m, h, day, month, weekday)| [s, m, h, day, month, weekday])
}

fn text(lists: &[List; 6]) -> String {
    let members = |list: &List| list.iter().map(Member::text).collect::<Vec<_>>().join(",");
    lists.each_ref().map(members).join(" ")
}

/// The plain definition (pingsource.md 4.3 and 4.4) put to one second.
fn fires(lists: &[List; 6], clock: [u32; 6]) -> bool {
    let mins = [0, 0, 0, 1, 1, 0];
    let allows = |i: usize| {
        lists[i]
            .iter()
            .any(|member| member.allows(clock[i], mins[i]))
    };
    let star = |i: usize| lists[i].iter().any(Member::is_star);
    let day = if star(3) || star(5) {
        allows(3) && allows(5)
    } else {
        allows(3) || allows(5)
    };
    day && [0, 1, 2, 4].into_iter().all(allows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn fires_at_every_matching_second_and_no_other(
        lists in expression(),
        change in select(&CHANGES[..]),
        skipped in 0_usize..20_000,
        fraction in 0_i64..1_000_000_000,
    ) {
        let expr = text(&lists);
        let schedule = Schedule::parse(&expr, Some(change.0)).expect("a schedule");
        let window = &WINDOWS[&change];
        let seconds = (window.first..).zip(&window.clocks).skip(skipped);
        let mut expected = seconds.filter(|(_, clock)| fires(&lists, **clock)).map(|(at, _)| at);
        let end = window.first + i64::try_from(window.clocks.len()).expect("a length");
        // Strictly after, with a part of a second dropped: from within the second before the first.
        let first = window.first + i64::try_from(skipped).expect("a count");
        let mut at = DateTime::from_timestamp(first - 1, 0).expect("an instant")
            + TimeDelta::nanoseconds(fraction);
        for _ in 0..200 {
            let next = schedule.next_after(at);
            let hit = next.map(|next| next.timestamp()).filter(|next| *next < end);
            prop_assert_eq!(hit, expected.next(), "{} after {}", expr, at);
            match next {
                Some(next) if next.timestamp() < end => at = next,
                _ => break,
            }
        }
    }

    #[test]
    fn fire_times_increase_and_are_whole_seconds(
        lists in expression(),
        zone in select(vec!["UTC", "Europe/Berlin", "Africa/Casablanca", "Pacific/Apia"]),
        start in -5_000_000_000_i64..20_000_000_000,
    ) {
        let expr = text(&lists);
        let schedule = Schedule::parse(&expr, Some(zone)).expect("a schedule");
        let mut at = DateTime::from_timestamp(start, 999_999_999).expect("an instant");
        for _ in 0..20 {
            let Some(next) = schedule.next_after(at) else { break };
            prop_assert!(next > at, "{} after {}", next, at);
            prop_assert_eq!(next.timestamp_subsec_nanos(), 0);
            at = next;
        }
    }

    #[test]
    fn no_text_is_too_strange(
        expr in prop_oneof![
            any::<String>(),
            "(CRON_TZ=|TZ=)?[A-Za-z/]{0,9}[ \t]?[-*?/,+0-9a-zA-Z@= ]{0,40}",
            "@every [-+0-9.a-zµ]{0,25}",
            "[-*?/,+0-9]{1,4}( [-*?/,+0-9]{1,4}){4,5}",
        ],
        timezone in prop::option::of(prop_oneof![any::<String>(), "[A-Za-z/+0-9 ]{0,9}"]),
        start in -5_000_000_000_i64..20_000_000_000,
    ) {
        match Schedule::parse(&expr, timezone.as_deref()) {
            Err(error) => {
                let sentence = error.to_string();
                let field = sentence.split(' ').next();
                prop_assert!(matches!(field, Some("schedule" | "timezone")), "{}", sentence);
                prop_assert!(!sentence.contains(['\n', '\r']), "{}", sentence);
            }
            Ok(schedule) => {
                let at = DateTime::from_timestamp(start, 1).expect("an instant");
                prop_assert!(schedule.next_after(at).is_none_or(|next| next > at));
            }
        }
    }
}
