use super::*;
use proptest::prelude::*;

const NONE: [i64; 0] = [];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn noon() -> DateTime<Utc> {
    at("2026-03-03T12:00:00Z")
}

fn seconds(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

fn rhythm(schedule: &str, spread: i64) -> Rhythm {
    Rhythm {
        schedule: Schedule::parse(schedule, None).expect("a schedule"),
        spread: TimeDelta::milliseconds(spread),
    }
}

/// One source "a" on the agenda since noon.
fn one(schedule: &str, spread: i64) -> Agenda<u32> {
    let mut agenda = Agenda::new(noon());
    agenda.put(&"a".into(), rhythm(schedule, spread), 1, noon(), noon());
    agenda
}

/// The scheduled seconds after noon of what fires when the clock shows `now` milliseconds after it.
fn fired(agenda: &mut Agenda<u32>, now: i64) -> Vec<i64> {
    let millis = TimeDelta::milliseconds(now);
    let ticks = agenda.due(noon() + millis);
    ticks
        .iter()
        .map(|tick| (tick.scheduled - noon()).num_seconds())
        .collect()
}

#[test]
fn fires_at_the_full_second_and_its_spread_never_early() {
    let mut agenda = one("*/10 * * * * *", 300);
    assert_eq!(
        agenda.wake(),
        Some(noon() + TimeDelta::milliseconds(10_300))
    );
    assert_eq!(fired(&mut agenda, 10_299), NONE);
    let tick = agenda
        .due(noon() + TimeDelta::milliseconds(10_300))
        .remove(0);
    assert_eq!(tick.scheduled, noon() + seconds(10));
    assert_eq!(tick.next, Some(noon() + TimeDelta::milliseconds(20_300)));
    assert!(!tick.caught_up);
    assert_eq!(fired(&mut agenda, 10_300), NONE);
    assert_eq!(fired(&mut agenda, 20_400), [20]);
}

#[test]
fn ten_thousand_sources_on_one_second_are_one_wake_up_in_order() {
    let mut agenda = Agenda::new(noon());
    for number in 0..10_000_i64 {
        let key: Key = format!("ns/{number}").into();
        agenda.put(
            &key,
            rhythm("* * * * *", number % 500),
            0_u32,
            noon(),
            noon(),
        );
    }
    assert!(agenda.due(noon() + seconds(59)).is_empty());
    let ticks = agenda.due(noon() + seconds(61));
    assert_eq!(ticks.len(), 10_000);
    assert!(ticks.is_sorted_by_key(|tick| tick.due));
}

#[test]
fn a_change_of_anything_but_the_rhythm_keeps_the_pending_tick() {
    let mut agenda = one("*/10 * * * * *", 400);
    // Scheduled already, not yet due.
    let now = noon() + TimeDelta::milliseconds(10_200);
    assert!(agenda.due(now).is_empty());
    agenda.put(&"a".into(), rhythm("*/10 * * * * *", 400), 2, now, now);
    let ticks = agenda.due(noon() + TimeDelta::milliseconds(10_400));
    assert_eq!(ticks.len(), 1);
    assert_eq!(
        (ticks[0].work, ticks[0].scheduled),
        (2, noon() + seconds(10))
    );
}

#[test]
fn a_changed_schedule_counts_from_the_moment_it_is_seen() {
    let mut agenda = one("*/10 * * * * *", 400);
    let now = noon() + TimeDelta::milliseconds(10_200);
    agenda.put(&"a".into(), rhythm("*/5 * * * * *", 400), 2, now, now);
    // Not the old tick of second 10, and not the new one of that second either.
    assert_eq!(fired(&mut agenda, 14_900), NONE);
    assert_eq!(fired(&mut agenda, 15_500), [15]);
}

#[test]
fn a_removed_source_fires_no_more() {
    let mut agenda = one("* * * * * *", 0);
    assert_eq!(agenda.remove(&"a".into()), Some(1));
    assert_eq!(
        (agenda.remove(&"a".into()), agenda.len(), agenda.wake()),
        (None, 0, None)
    );
    assert_eq!(fired(&mut agenda, 30_000), NONE);
}

#[test]
fn a_schedule_that_ends_stays_without_a_tick() {
    let mut agenda = one("0 0 30 2 *", 0);
    assert_eq!((agenda.len(), agenda.wake()), (1, None));
    assert_eq!(fired(&mut agenda, 1_000_000_000), NONE);
    assert_eq!(agenda.remove(&"a".into()), Some(1));
}

#[test]
fn a_busy_process_makes_up_for_a_few_seconds() {
    let mut agenda = one("* * * * * *", 0);
    assert_eq!(fired(&mut agenda, 1_000), [1]);
    assert_eq!(fired(&mut agenda, 4_200), [2, 3, 4]);
}

#[test]
fn a_slept_process_fires_no_storm_and_loses_no_next_tick() {
    // Ten hours: the pending tick, those of the last seconds, and then on in the old rhythm.
    let mut agenda = one("* * * * * *", 250);
    assert_eq!(
        fired(&mut agenda, 36_000_500),
        [1, 35_996, 35_997, 35_998, 35_999, 36_000]
    );
    assert_eq!(fired(&mut agenda, 36_001_300), [36_001]);
    let mut agenda = one("0 18 * * *", 0);
    assert_eq!(fired(&mut agenda, 30_000_000), [21_600]);
    assert_eq!(fired(&mut agenda, 108_000_000), [108_000]);
}

#[test]
fn a_clock_set_back_a_little_is_waited_out() {
    let mut agenda = one("*/10 * * * * *", 0);
    assert_eq!(fired(&mut agenda, 20_000), [10, 20]);
    assert_eq!(fired(&mut agenda, -30_000), NONE);
    assert_eq!(fired(&mut agenda, 20_000), NONE);
    assert_eq!(fired(&mut agenda, 30_000), [30]);
}

#[test]
fn a_clock_set_back_far_starts_anew() {
    let mut agenda = one("*/10 * * * * *", 0);
    assert_eq!(fired(&mut agenda, 20_000), [10, 20]);
    assert_eq!(fired(&mut agenda, -86_400_000), NONE);
    assert_eq!(fired(&mut agenda, -86_390_000), [-86_390]);
}

#[test]
fn a_source_taken_over_fires_what_fell_due_meanwhile() {
    let mut agenda = Agenda::new(noon());
    let since = noon() - seconds(70);
    agenda.put(
        &"a".into(),
        rhythm("*/2 * * * * *", 100),
        1_u32,
        since,
        noon(),
    );
    let ticks = agenda.due(noon() + TimeDelta::milliseconds(100));
    let scheduled: Vec<i64> = ticks
        .iter()
        .map(|tick| (tick.scheduled - noon()).num_seconds())
        .collect();
    assert_eq!(
        scheduled,
        (-34..=0).map(|tick| tick * 2).collect::<Vec<_>>()
    );
    assert!(ticks.iter().all(|tick| tick.caught_up));
    let ticks = agenda.due(noon() + TimeDelta::milliseconds(2_100));
    assert_eq!((ticks.len(), ticks[0].caught_up), (1, false));
}

#[test]
fn every_keeps_its_phase() {
    let mut agenda = Agenda::new(noon());
    agenda.put(&"a".into(), rhythm("@every 7s", 0), 1_u32, noon(), noon());
    let first = agenda.due(noon() + seconds(7)).remove(0).scheduled;
    assert_eq!(first.timestamp() % 7, 0);
    // Restarted at another moment: the same instants.
    let later = first + seconds(3);
    let mut again = Agenda::new(later);
    again.put(&"a".into(), rhythm("@every 7s", 0), 1_u32, later, later);
    assert_eq!(
        again.due(later + seconds(7)).remove(0).scheduled,
        first + seconds(7)
    );
}

#[test]
fn a_day_of_a_thousand_minutely_sources_is_exact() {
    let mut agenda = Agenda::new(noon());
    let keys: Vec<Key> = (0..1000)
        .map(|number| format!("ns/{number}").into())
        .collect();
    for (number, key) in (0..).zip(&keys) {
        agenda.put(
            key,
            rhythm("* * * * *", number % 500),
            0_u32,
            noon(),
            noon(),
        );
    }
    let (mut now, end) = (
        noon(),
        noon() + TimeDelta::days(1) + TimeDelta::milliseconds(999),
    );
    let (mut events, mut last) = (0_u64, HashMap::<Key, DateTime<Utc>>::new());
    while let Some(wake) = agenda.wake().filter(|wake| *wake <= end) {
        now = now.max(wake);
        for tick in agenda.due(now) {
            assert!(tick.due <= now, "early");
            let before = last.insert(tick.key, tick.scheduled);
            assert_eq!(before.unwrap_or(noon()) + seconds(60), tick.scheduled);
            events += 1;
        }
    }
    assert_eq!(events, 1_440_000);
}

proptest! {
    /// Whatever the clock does, no tick is early, and none comes twice unless the clock went back far.
    #[test]
    fn never_early_never_twice(steps in proptest::collection::vec(-50_i64..5_000_000, 1..60),
                               spread in 0_i64..500) {
        let mut agenda = one("*/3 * * * * *", spread);
        let (mut now, mut last) = (noon(), noon());
        for step in steps {
            now += TimeDelta::milliseconds(step);
            for tick in agenda.due(now) {
                prop_assert!(tick.due <= now);
                prop_assert!(tick.scheduled > last);
                last = tick.scheduled;
            }
            prop_assert!(agenda.wake().is_some_and(|wake| wake > now));
        }
    }

    /// A wake-up in time each second loses nothing, whatever is changed meanwhile.
    #[test]
    fn changes_lose_nothing(changes in proptest::collection::vec(any::<bool>(), 50)) {
        let mut agenda = one("*/2 * * * * *", 450);
        let mut ticks = Vec::new();
        for (number, change) in (1_i64..).zip(changes) {
            let now = noon() + TimeDelta::milliseconds(number * 700);
            if change {
                agenda.put(&"a".into(), rhythm("*/2 * * * * *", 450), 7, now, now);
            }
            ticks.extend(agenda.due(now).into_iter().map(|tick| tick.scheduled));
        }
        let expected: Vec<_> = (1..=17).map(|tick| noon() + seconds(2 * tick)).collect();
        let expected: Vec<_> =
            expected.into_iter().filter(|tick| *tick + TimeDelta::milliseconds(450) <= noon() + TimeDelta::milliseconds(35_000)).collect();
        prop_assert_eq!(ticks, expected);
    }
}
