//! Between the adapter and its sink: order, patience, and what a stop costs.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use common::{PODS, SOON, accepting, events, launch, pod, pods, until_events};
use serde_json::json;
use testkit::{Answer, ApiServer, Signal, Sink};

#[test]
fn a_slow_sink_gets_many_objects_at_a_time_and_each_in_order() {
    const OBJECTS: usize = 200;
    const CHANGES: usize = 10;
    let api = ApiServer::start();
    let sink = Sink::start([Answer::status(202).after(Duration::from_millis(200))]);
    let _running = pods(&api, &sink.url(), "Resource").ready();
    let started = Instant::now();
    for change in 1..=CHANGES {
        for object in 0..OBJECTS {
            api.apply(PODS, pod(&format!("pod-{object}"), change));
        }
    }
    until_events(&sink, OBJECTS * CHANGES, 2 * SOON);
    let took = started.elapsed();
    // 15 s are promised for an adapter that has the machine for itself.
    assert!(took < Duration::from_secs(25), "{took:?}");
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for request in sink.requests() {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let name = request.headers.get("ce-name").unwrap();
        let revision = body["spec"]["revision"].as_u64().unwrap();
        assert_eq!(revision, last.insert(name, revision).unwrap_or(0) + 1);
    }
}

#[test]
fn an_event_that_is_refused_for_long_holds_up_only_its_object() {
    let api = ApiServer::start();
    let sink = Sink::answering(
        |request, _| match request.headers.get("ce-name").as_deref() {
            Some("stuck") => Answer::status(503),
            _ => Answer::status(202),
        },
    );
    let _running = pods(&api, &sink.url(), "Reference").ready();
    api.apply(PODS, pod("stuck", 1));
    api.apply(PODS, pod("stuck", 2));
    for number in 0..20 {
        api.apply(PODS, pod(&format!("fine-{number}"), 1));
    }
    let found = until_events(&sink, 21, SOON);
    assert!(!found.contains(&"update stuck".to_owned()), "{found:?}");
}

#[test]
fn a_sink_that_is_gone_for_15_seconds_gets_every_event() {
    let api = ApiServer::start();
    let sink = accepting();
    let address = sink.address();
    let running = pods(&api, &sink.url(), "Reference").ready();
    let create = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            api.apply(PODS, pod(&format!("pod-{number}"), 1));
            thread::sleep(Duration::from_millis(2));
        }
    };
    create(0..100);
    until_events(&sink, 100, SOON);
    let mut found = events(&sink.requests());
    drop(sink);
    create(100..200);
    thread::sleep(Duration::from_secs(15));
    let sink = Sink::at(address, [Answer::status(202)]).expect("the same port");
    create(200..300);
    found.extend(until_events(&sink, 200, 2 * SOON));
    let found: BTreeSet<String> = found.into_iter().collect();
    assert_eq!(found.len(), 300, "{}", running.log());
}

#[test]
fn a_pod_that_is_replaced_loses_nothing_and_repeats_are_recognisable() {
    let (api, sink) = (ApiServer::start(), accepting());
    let pod_with_handover = || pods(&api, &sink.url(), "Reference").env("HANDOVER_SECONDS", "2");
    let mut old = pod_with_handover().ready();
    let mut new = None;
    for number in 0..300 {
        api.apply(PODS, pod(&format!("pod-{number}"), 1));
        thread::sleep(Duration::from_millis(5));
        if number == 100 {
            new = Some(pod_with_handover().ready());
            old.process.signal(Signal::TERM);
        }
    }
    let found = until_events(&sink, 300, SOON);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 300);
    assert_eq!(old.process.wait(SOON).code, Some(0));
    thread::sleep(Duration::from_millis(300));
    let requests = sink.requests();
    assert!(requests.len() > 300, "the two did not overlap");
    assert_eq!(events(&requests).len(), 300, "a repeat has another id");
    drop(new);
}

#[test]
fn after_the_signal_it_goes_on_for_the_hand_over_and_no_longer() {
    let (api, sink) = (ApiServer::start(), accepting());
    let mut running = pods(&api, &sink.url(), "Reference")
        .env("HANDOVER_SECONDS", "3")
        .ready();
    let stopped = Instant::now();
    running.process.signal(Signal::TERM);
    running
        .process
        .stderr()
        .line_with("Going on until the successor is there", SOON);
    api.apply(PODS, pod("late", 1));
    until_events(&sink, 1, SOON);
    assert!(running.is_ready());
    assert_eq!(running.process.wait(SOON).code, Some(0));
    assert!(
        stopped.elapsed() >= Duration::from_secs(3),
        "{:?}",
        stopped.elapsed()
    );

    let mut running = pods(&api, &sink.url(), "Reference").ready();
    let stopped = Instant::now();
    running.process.signal(Signal::TERM);
    assert_eq!(running.process.wait(SOON).code, Some(0));
    assert!(
        stopped.elapsed() < Duration::from_secs(3),
        "{:?}",
        stopped.elapsed()
    );
}

#[test]
fn what_is_queued_at_the_stop_is_sent() {
    let api = ApiServer::start();
    let sink = Sink::start([Answer::status(202).after(Duration::from_millis(100))]);
    let mut running = pods(&api, &sink.url(), "Reference").ready();
    for number in 0..50 {
        api.apply(PODS, pod(&format!("pod-{number}"), 1));
    }
    sink.wait_for(1, SOON);
    thread::sleep(Duration::from_millis(200));
    running.process.signal(Signal::TERM);
    assert_eq!(running.process.wait(SOON).code, Some(0));
    assert_eq!(events(&sink.requests()).len(), 50);
}

#[test]
fn an_object_larger_than_any_buffer_arrives_as_it_is() {
    let (api, sink) = (ApiServer::start(), accepting());
    let _running = pods(&api, &sink.url(), "Resource").ready();
    let text = "é\\\"<&>".repeat(200_000);
    api.apply(
        PODS,
        json!({"metadata": {"name": "big", "namespace": "default"}, "data": {"text": text}}),
    );
    until_events(&sink, 1, SOON);
    let body: serde_json::Value = serde_json::from_slice(&sink.requests()[0].body).unwrap();
    assert_eq!(body["data"]["text"], json!(text));
}

#[test]
fn without_a_sink_it_starts_and_says_so() {
    let api = ApiServer::start();
    let running = launch(&api, "")
        .config(&json!({
            "namespaces": ["default"],
            "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "pods"}}],
        }))
        .ready();
    running
        .process
        .stderr()
        .line_with("K_SINK is not usable", SOON);
}
