use chrono::TimeDelta;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

/// Source ns/a with this uid, created at second 10.
fn source(uid: &str, standing: Standing, schedule: &str) -> PingSource {
    PingSource {
        origin: Origin {
            namespace: "ns".into(),
            name: "a".into(),
            uid: uid.into(),
        },
        resource_version: "1".into(),
        created: Some(at(10)),
        deleting: false,
        standing,
        definition: Definition {
            schedule: schedule.into(),
            ..Definition::default()
        },
    }
}

fn key() -> Key {
    "ns/a".into()
}

fn see(roster: &mut Roster, source: PingSource, now: i64) -> Verdict {
    roster.see(&key(), source, Way::Changed, 0, at(now))
}

fn good(roster: &Roster) -> Option<Box<str>> {
    Some(roster.get(&key())?.good.as_ref()?.schedule.clone())
}

use Standing::{NotReady, Ready, Undeployed};

#[test]
fn only_a_real_change_counts() {
    let mut roster = Roster::default();
    assert_eq!(
        see(&mut roster, source("u", Ready, "s1"), 20),
        Verdict::Fire
    );
    assert_eq!(
        see(&mut roster, source("u", Ready, "s1"), 30),
        Verdict::Same
    );
    assert_eq!(roster.get(&key()).map(|known| known.since), Some(at(20)));
    assert_eq!(
        see(&mut roster, source("u", Ready, "s2"), 40),
        Verdict::Fire
    );
    assert_eq!(roster.get(&key()).map(|known| known.since), Some(at(40)));
    let mut other_data = source("u", Ready, "s2");
    other_data.definition.payload.data = "x".into();
    assert_eq!(see(&mut roster, other_data, 50), Verdict::Fire);
    // When it fires has not changed.
    assert_eq!(roster.get(&key()).map(|known| known.since), Some(at(40)));
}

#[test]
fn a_source_that_is_not_ready_goes_on_as_it_was() {
    let mut roster = Roster::default();
    see(&mut roster, source("u", Ready, "s1"), 20);
    assert_eq!(
        see(&mut roster, source("u", NotReady, "s2"), 30),
        Verdict::NotReady
    );
    assert_eq!(
        see(&mut roster, source("u", NotReady, "s3"), 40),
        Verdict::Same
    );
    assert_eq!(good(&roster).as_deref(), Some("s1"));
    assert_eq!(
        see(&mut roster, source("u", Undeployed, "s3"), 50),
        Verdict::Fire
    );
    assert_eq!(good(&roster).as_deref(), Some("s3"));
}

#[test]
fn a_source_that_never_was_ready_waits() {
    let mut roster = Roster::default();
    assert_eq!(
        see(&mut roster, source("u", NotReady, "s1"), 20),
        Verdict::NotReady
    );
    assert_eq!(good(&roster), None);
    assert_eq!(
        see(&mut roster, source("u", Ready, "s1"), 30),
        Verdict::Fire
    );
    assert_eq!(roster.get(&key()).map(|known| known.since), Some(at(30)));
}

#[test]
fn a_source_that_is_being_deleted_is_left_alone() {
    let mut roster = Roster::default();
    let deleting = |schedule| PingSource {
        deleting: true,
        ..source("u", Ready, schedule)
    };
    see(&mut roster, source("u", Ready, "s1"), 20);
    assert_eq!(see(&mut roster, deleting("s2"), 30), Verdict::Same);
    assert_eq!(good(&roster).as_deref(), Some("s1"));
    let mut fresh = Roster::default();
    assert_eq!(see(&mut fresh, deleting("s1"), 20), Verdict::Same);
    assert_eq!(good(&fresh), None);
}

#[test]
fn another_object_of_the_same_name_begins_anew() {
    let mut roster = Roster::default();
    see(&mut roster, source("u", Ready, "s1"), 20);
    assert_eq!(
        see(&mut roster, source("v", NotReady, "s1"), 30),
        Verdict::Stop
    );
    assert_eq!(good(&roster), None);
    assert_eq!(
        see(&mut roster, source("w", Ready, "s1"), 40),
        Verdict::Fire
    );
}

#[test]
fn a_list_tells_what_is_gone() {
    let mut roster = Roster::default();
    roster.listing();
    assert_eq!(
        roster.see(&key(), source("u", Ready, "s1"), Way::Listed, 0, at(99)),
        Verdict::Fire
    );
    assert_eq!(roster.synced(), []);
    // It may have fired since it was created: a take-over decides how far back counts.
    assert_eq!(roster.get(&key()).map(|known| known.since), Some(at(10)));
    roster.listing();
    roster.keep(&key());
    assert_eq!(roster.synced(), []);
    // A list that broke off tells nothing.
    roster.listing();
    roster.listing();
    assert_eq!(roster.synced(), [key()]);
    assert_eq!(roster.len(), 0);
}

#[test]
fn buckets_share_the_sources() {
    let mut roster = Roster::default();
    see(&mut roster, source("u", Ready, "s1"), 20);
    assert_eq!(
        (roster.of_bucket(0), roster.of_bucket(1)),
        (vec![key()], vec![])
    );
}
