//! Whatever happens between the API server and the adapter: each change is announced once, or its
//! last state where versions were merged in a gap.

mod common;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use common::{POD_PATH, PODS, SOON, accepting, events, pod, pods, until_events};
use testkit::{ApiServer, Cut, Fault, Gone, Sink};

/// No event arrives any more after this.
fn settled(sink: &Sink) -> Vec<String> {
    thread::sleep(Duration::from_millis(500));
    events(&sink.requests())
}

#[test]
fn a_connection_that_ends_before_inside_or_behind_a_line_costs_nothing() {
    thread::scope(|scope| {
        for how in [Cut::Reset, Cut::Close, Cut::End] {
            scope.spawn(move || cut_along_a_line(how));
        }
    });
}

/// Each watch gets one whole line and is cut somewhere in the next one: at its first byte, a byte
/// or two further, and so on past its end.
fn cut_along_a_line(how: Cut) {
    const EVENTS: usize = 200;
    let (api, sink) = (ApiServer::start(), accepting());
    let line = {
        let other = ApiServer::start();
        let object = other.apply(PODS, pod("pod-1000", 1)).to_string();
        format!(r#"{{"type":"ADDED","object":{object}}}"#).len() as u64
    };
    for offset in 0..EVENTS as u64 {
        api.cut(POD_PATH, line + 1 + offset * 3 / 2, how);
    }
    let running = pods(&api, &sink.url(), "Resource").ready();
    for number in 0..EVENTS {
        api.apply(PODS, pod(&format!("pod-{}", 1000 + number), 1));
    }
    let found = until_events(&sink, EVENTS, 3 * SOON);
    let expected: Vec<String> = (0..EVENTS)
        .map(|number| format!("add pod-{}", 1000 + number))
        .collect();
    assert_eq!(found, expected, "{how:?}");
    assert_eq!(
        sink.requests().len(),
        EVENTS,
        "{how:?}: an event came twice"
    );
    let watches = api.calls().iter().filter(|call| call.is_watch()).count();
    assert!(watches > EVENTS / 3, "{how:?}: only {watches} watches");
    let lists = api
        .calls()
        .iter()
        .filter(|call| call.is_list() && call.path == POD_PATH)
        .count();
    assert_eq!(lists, 1, "{how:?}: {}", running.log());
}

#[test]
fn what_an_expired_version_hides_is_made_good() {
    for gone in [Gone::Event, Gone::Status] {
        for mode in ["Reference", "Resource"] {
            let (api, sink) = (ApiServer::start(), accepting());
            for name in ["same", "changed", "deleted", "replaced"] {
                api.apply(PODS, pod(name, 1));
            }
            let running = pods(&api, &sink.url(), mode).ready();
            api.apply(PODS, pod("before", 1));
            until_events(&sink, 1, SOON);

            api.stop();
            api.apply(PODS, pod("changed", 2));
            api.apply(PODS, pod("changed", 3));
            api.apply(PODS, pod("new", 1));
            api.apply(PODS, pod("before", 2));
            api.delete(PODS, "default", "deleted");
            api.delete(PODS, "default", "replaced");
            api.apply(PODS, pod("replaced", 2));
            api.compact(gone);
            api.resume();

            let deletes = if mode == "Reference" { 2 } else { 0 };
            let found: BTreeSet<String> =
                until_events(&sink, 5 + deletes, SOON).into_iter().collect();
            let mut expected = vec![
                "add before",
                "update changed",
                "add new",
                "update before",
                "add replaced",
            ];
            if deletes > 0 {
                expected.extend(["delete deleted", "delete replaced"]);
            }
            let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(found, expected, "{mode} {gone:?}");

            api.apply(PODS, pod("same", 2));
            until_events(&sink, 6 + deletes, SOON);
            assert_eq!(settled(&sink).len(), 6 + deletes, "{mode} {gone:?}");
            let lost = running.log().matches("last state is not known").count();
            assert_eq!(lost, usize::from(mode == "Resource"), "{}", running.log());
        }
    }
}

#[test]
fn an_object_found_after_a_gap_looks_like_one_from_the_watch() {
    let (api, sink) = (ApiServer::start(), accepting());
    let _running = pods(&api, &sink.url(), "Resource").ready();
    api.stop();
    let object = api.apply(PODS, pod("missed", 1));
    api.compact(Gone::Event);
    api.resume();
    until_events(&sink, 1, SOON);
    let body: serde_json::Value = serde_json::from_slice(&sink.requests()[0].body).unwrap();
    assert_eq!(
        (&body["kind"], &body["apiVersion"]),
        (&"Pod".into(), &"v1".into())
    );
    assert_eq!(
        (&body["metadata"], &body["spec"]),
        (&object["metadata"], &object["spec"])
    );
}

#[test]
fn refusals_and_outages_cost_nothing_while_the_version_is_known() {
    let (api, sink) = (ApiServer::start(), accepting());
    let running = pods(&api, &sink.url(), "Reference").ready();
    let mut count = 0;
    let mut change = |expected: &str| {
        count += 1;
        api.apply(PODS, pod(&format!("pod-{count}"), 1));
        until_events(&sink, count, SOON);
        assert_eq!(
            events(&sink.requests())[count - 1],
            format!("add pod-{count}"),
            "{expected}"
        );
    };
    change("a watch");
    for code in [429, 500, 503, 403, 401, 404] {
        api.fail(Fault::on("watch", POD_PATH).status(code).times(2));
        api.break_watches();
        change("after refusals");
    }
    api.fail(Fault::on("watch", POD_PATH).status(429).retry_after(1));
    api.end_watches();
    change("after being asked to wait");
    api.fail(Fault::on("watch", POD_PATH).reset().times(2));
    api.break_watches();
    change("after connections that broke");
    api.stop();
    thread::sleep(Duration::from_secs(1));
    api.resume();
    change("after an outage");
    assert_eq!(sink.requests().len(), count, "{}", running.log());
    let lists = api
        .calls()
        .iter()
        .filter(|call| call.is_list() && call.path == POD_PATH)
        .count();
    assert_eq!(lists, 1);
}

#[test]
fn a_gap_list_that_breaks_off_is_begun_again() {
    let (api, sink) = (ApiServer::start(), accepting());
    for number in 0..250 {
        api.apply(PODS, pod(&format!("old-{number}"), 1));
    }
    let _running = pods(&api, &sink.url(), "Reference").ready();
    api.stop();
    for number in 0..250 {
        api.apply(PODS, pod(&format!("new-{number}"), 1));
    }
    api.compact(Gone::Event);
    api.fail(Fault::on("list", POD_PATH).status(500).times(2));
    api.resume();
    until_events(&sink, 250, SOON);
    assert_eq!(settled(&sink).len(), 250);
    assert_eq!(sink.requests().len(), 250);
}

#[test]
fn fail_fast_ends_the_process_with_1() {
    for code in [403, 404, 500] {
        let (api, sink) = (ApiServer::start(), accepting());
        api.fail(Fault::on("list", POD_PATH).status(code));
        let mut running = common::launch(&api, &sink.url())
            .config(&serde_json::json!({
                "namespaces": ["default"], "failFast": true, "mode": "Reference",
                "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "pods"}}],
            }))
            .start();
        assert_eq!(running.process.wait(SOON).code, Some(1), "{code}");
        assert!(
            running.log().contains("failFast is set"),
            "{}",
            running.log()
        );
    }
}

#[test]
fn fail_fast_lets_a_watch_end_in_order() {
    let (api, sink) = (ApiServer::start(), accepting());
    let mut running = common::launch(&api, &sink.url())
        .config(&serde_json::json!({
            "namespaces": ["default"], "failFast": true, "mode": "Reference",
            "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "pods"}}],
        }))
        .ready();
    api.apply(PODS, pod("one", 1));
    until_events(&sink, 1, SOON);
    api.end_watches();
    api.apply(PODS, pod("two", 1));
    until_events(&sink, 2, SOON);
    api.break_watches();
    assert_eq!(running.process.wait(SOON).code, Some(1));
}
