//! The one ping-adapter of a cluster: what its sources send while it is killed or replaced.
//!
//! A tick of ours is known by its id, a UUID of the source and the second that was due
//! (`docs/ping-adapter.md`), so that lost and doubled ones can be told apart; a stock one is known
//! by its time.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::manifest::{display, https_display, ping, to_display};
use e2e::{Display, Event, Namespace, Need, SOON, Undo, kubectl, root};
use serde_json::{Value, json};
use testkit::eventually;
use uuid::Uuid;

const ADAPTER: &str = "deployment/pingsource-mt-adapter";
/// Seconds between two ticks of a source here.
const PERIOD: u64 = 5;

/// There is one adapter for all: who changes it has it alone.
static ADAPTER_IN_USE: RwLock<()> = RwLock::new(());

/// For a test that needs the adapter as it is.
pub(crate) fn with_others() -> RwLockReadGuard<'static, ()> {
    ADAPTER_IN_USE
        .read()
        .unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    ADAPTER_IN_USE
        .write()
        .unwrap_or_else(PoisonError::into_inner)
}

fn in_eventing(args: &[&str]) -> String {
    kubectl(&[&["--namespace", "knative-eventing"], args].concat())
}

/// A sink and a source that fires every five seconds; its uid.
fn prepare(namespace: &Namespace, sink: [Value; 2], spec: &Value) -> (Display, Uuid) {
    namespace.apply(sink);
    let display = Display::follow(namespace.name(), "app=event-display", "event-display");
    namespace.wait("deployment/event-display", "Available");
    let mut source = ping("ticks", &format!("*/{PERIOD} * * * * *"), &to_display());
    let fields = spec.as_object().expect("an object").clone();
    source["spec"]
        .as_object_mut()
        .expect("an object")
        .extend(fields);
    namespace.apply([source]);
    namespace.wait("pingsource/ticks", "Ready");
    let uid = namespace.object("pingsource/ticks")["metadata"]["uid"].clone();
    (
        display,
        uid.as_str()
            .and_then(|uid| uid.parse().ok())
            .expect("a uid"),
    )
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a clock that is right").as_secs()
}

/// The id of the tick that was due then.
fn id(source: Uuid, second: u64) -> String {
    let due = utc(second);
    Uuid::new_v5(&source, due.as_bytes()).to_string()
}

/// `2026-11-22T18:47:16Z`; days as Howard Hinnant's `civil_from_days` counts them.
fn utc(second: u64) -> String {
    let (days, rest) = (second / 86_400 + 719_468, second % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// How often each tick of these seconds came.
fn count(
    events: &[Event],
    source: Uuid,
    seconds: impl Iterator<Item = u64>,
) -> BTreeMap<u64, usize> {
    let times = |second| {
        let id = id(source, second);
        events
            .iter()
            .filter(|event| event.attribute("id") == id)
            .count()
    };
    seconds.map(|second| (second, times(second))).collect()
}

/// The ticks from the first whole period after `from` up to `until`.
fn due(from: u64, until: u64) -> impl Iterator<Item = u64> {
    (from / PERIOD + 1..=until / PERIOD).map(|number| number * PERIOD)
}

#[test]
fn seconds_are_written_as_the_adapter_writes_them() {
    assert_eq!(utc(1_795_373_236), "2026-11-22T18:47:16Z");
    assert_eq!(utc(1_709_164_800), "2024-02-29T00:00:00Z");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_edited_source_ticks_as_it_now_says_and_a_deleted_one_stops() {
    let _adapter = with_others();
    let Some(namespace) = Namespace::for_test("ping_edited", &[Need::OurPing]) else {
        return;
    };
    let overrides = json!({"ceOverrides": {"extensions": {"team": "a"}}});
    let (display, source) = prepare(&namespace, display(), &overrides);
    let event = display.wait_for("a tick", SOON, |events| events.first().cloned());
    assert_eq!(event.attribute("type"), "dev.knative.sources.ping");
    let path = format!("/apis/v1/namespaces/{}/pingsources/ticks", namespace.name());
    assert_eq!(event.attribute("source"), path);
    assert_eq!(event.extension("team"), "a");
    assert_eq!(event.json(), json!({"n": 1}));
    let known = due(now() - 60, now()).any(|second| event.attribute("id") == id(source, second));
    assert!(known, "{event:?} has the id of no tick of the last minute");

    let edit = json!({"spec": {"data": r#"{"n":2}"#}}).to_string();
    namespace.kubectl(&[
        "patch",
        "pingsource/ticks",
        "--type=merge",
        "--patch",
        &edit,
    ]);
    display.wait_for("a tick with the new data", SOON, |events| {
        (events.last()?.json() == json!({"n": 2})).then_some(())
    });

    namespace.kubectl(&["delete", "pingsource/ticks", "--timeout=60s"]);
    thread::sleep(Duration::from_secs(PERIOD));
    let before = display.events().len();
    thread::sleep(Duration::from_secs(3 * PERIOD));
    assert_eq!(display.events().len(), before, "it is deleted");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_ping_reaches_a_sink_that_a_private_authority_vouches_for() {
    let _adapter = with_others();
    let Some(namespace) = Namespace::for_test("ping_private_ca", &[Need::OurPing]) else {
        return;
    };
    let sink = https_display(namespace.name());
    namespace.apply(sink.clone());
    namespace.wait("deployment/event-display", "Available");
    let log = ["logs", "deployment/event-display", "--container=stand-in"];
    let authority = namespace.kubectl(&log);
    let host = format!("event-display.{}.svc.cluster.local", namespace.name());
    let to = json!({"sink": {"uri": format!("https://{host}"), "CACerts": authority}});
    let (display, _) = prepare(&namespace, sink, &to);
    let event = display.wait_for("a tick", SOON, |events| events.first().cloned());
    assert_eq!(event.json(), json!({"n": 1}));
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_tick_is_lost_when_the_leader_of_two_is_killed() {
    let _adapter = alone();
    let Some(namespace) = Namespace::for_test("leader_killed", &[Need::OurPing]) else {
        return;
    };
    let (display, source) = prepare(&namespace, display(), &json!({}));
    let replicas = in_eventing(&["get", ADAPTER, "--output=jsonpath={.spec.replicas}"]);
    let _undo = Undo::with(
        "kubectl -n knative-eventing scale \"$1\" --replicas=\"$2\" >/dev/null",
        &[ADAPTER, &replicas],
    );
    in_eventing(&["scale", ADAPTER, "--replicas=2"]);
    in_eventing(&["rollout", "status", ADAPTER, "--timeout=180s"]);
    display.wait_for("a tick", SOON, |events| events.first().cloned());
    let leader = leader();
    let from = now();
    thread::sleep(Duration::from_secs(2 * PERIOD));
    in_eventing(&["delete", "pod", &leader, "--force", "--grace-period=0"]);

    // A killed leader's lease lasts a minute, and what was due meanwhile is made good.
    let until = now() + 3 * PERIOD;
    let all = |events: &[Event]| {
        let counts = count(events, source, due(from, until));
        counts.values().all(|count| *count > 0).then_some(counts)
    };
    let counts = display.wait_for("every tick", 2 * SOON, all);
    let doubled: Vec<_> = counts.iter().filter(|(_, count)| **count > 2).collect();
    assert!(
        doubled.is_empty(),
        "these came more than twice: {doubled:?}"
    );
    let events = display.events();
    let known = count(&events, source, due(from - 120, now()));
    assert_eq!(
        known.values().sum::<usize>(),
        events.len(),
        "every id is that of a tick"
    );
    assert_ne!(self::leader(), leader);
}

/// The pod that holds the Lease of the `PingSources`.
fn leader() -> String {
    eventually("a pod that holds the lease", SOON, || {
        let leases = "--output=jsonpath={range .items[*]}{.metadata.name} {.spec.holderIdentity}{\"\\n\"}{end}";
        let leases = in_eventing(&["get", "leases", leases]);
        let pods = in_eventing(&["get", "pods", "--output=name"]);
        let holders = leases.lines().filter(|line| line.contains("pingsource"));
        let held = |pod: &str| holders.clone().any(|line| line.contains(pod));
        let mut pods = pods.lines().map(|pod| pod.trim_start_matches("pod/"));
        let found = pods.find(|pod| pod.starts_with("pingsource-mt-adapter") && held(pod));
        if found.is_none() {
            thread::sleep(Duration::from_secs(1));
        }
        found.map(str::to_owned)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_tick_is_lost_when_ours_takes_the_stock_ones_place_and_goes_again() {
    let _adapter = alone();
    let Some(namespace) = Namespace::for_test("swap", &[Need::OurPing]) else {
        return;
    };
    let _undo = Undo::with(
        "\"$1/deploy/swap\" in ping >/dev/null",
        &[&root().to_string_lossy()],
    );
    swap("out");
    namespace.apply(display());
    let display = Display::follow(namespace.name(), "app=event-display", "event-display");
    namespace.wait("deployment/event-display", "Available");
    namespace.apply([ping("minutely", "* * * * *", &to_display())]);
    namespace.wait("pingsource/minutely", "Ready");
    let uid = namespace.object("pingsource/minutely")["metadata"]["uid"].clone();
    let source: Uuid = uid
        .as_str()
        .and_then(|uid| uid.parse().ok())
        .expect("a uid");
    let ours = |event: &Event| {
        let minute = format!("{}:00Z", minute(event));
        event.attribute("id") == Uuid::new_v5(&source, minute.as_bytes()).to_string()
    };

    // Right after a tick: the stock one tries for the lease every 10 to 22 s, and a minute that ends
    // between two of its tries is nobody's.
    let ticks_of = |who: &str, wanted: bool| {
        display.wait_for(who, 2 * SOON, |events| {
            events
                .last()
                .filter(|event| ours(event) == wanted)
                .map(|_| ())
        });
    };
    ticks_of("a tick of the stock adapter", false);
    swap("in");
    ticks_of("a tick of ours", true);
    swap("out");
    ticks_of("a tick of the stock adapter again", false);

    let events = display.events();
    let minutes = minutes(&events);
    let (first, last) = (minutes.first_key_value(), minutes.last_key_value());
    let span = last.expect("a minute").0 - first.expect("a minute").0;
    assert_eq!(
        minutes.len() as u64,
        span + 1,
        "each minute has a tick: {minutes:?}"
    );
    let doubled = minutes.values().filter(|count| **count > 1).count();
    assert!(
        doubled <= 1 && minutes.values().all(|count| *count <= 2),
        "{minutes:?}"
    );
}

fn swap(way: &str) {
    let done = Command::new(root().join("deploy/swap"))
        .args([way, "ping"])
        .output();
    let done = done.expect("deploy/swap");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "deploy/swap {way} ping: {said}");
}

/// `2026-11-22T18:47`, from the event's time.
fn minute(event: &Event) -> &str {
    &event.attribute("time")[..16]
}

/// How many ticks each minute had, by minutes since 1970.
fn minutes(events: &[Event]) -> BTreeMap<u64, usize> {
    let this_one = now() / 60;
    let number = |text: &str| {
        let mut lately = (this_one - 60..=this_one).rev();
        lately
            .find(|minute| utc(minute * 60).starts_with(text))
            .expect("a time of the last hour")
    };
    events.iter().fold(BTreeMap::new(), |mut minutes, event| {
        *minutes.entry(number(minute(event))).or_default() += 1;
        minutes
    })
}
