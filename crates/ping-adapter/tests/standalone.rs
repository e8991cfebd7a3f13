//! The standalone role: what arrives, when, and how the process stops.

mod common;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::{DurationRound as _, TimeDelta, Timelike as _, Utc};
use common::{SOON, id, standalone, time};
use testkit::{Answer, Exit, Signal, Sink, eventually, free_port, get};

const CLEAN: Exit = Exit {
    code: Some(0),
    signal: None,
};

#[test]
fn the_sample_of_the_project() {
    // Every minute is too long for a test; all else is as it is there.
    let sink = Sink::start([Answer::status(202)]);
    let hello = r#"{"message": "Hello Eventing!"}"#;
    let _process = standalone(&sink)
        .env("CONTENT_TYPE", "application/json")
        .env("DATA", hello)
        .env("NAMESPACE", "ns1")
        .env("NAME", "test-ping-source")
        .env("K_CE_OVERRIDES", r#"{"extensions":{"Region":"Zürich"}}"#)
        .start();
    let request = sink.wait_for(1, SOON).remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/")
    );
    assert_eq!(request.body, hello.as_bytes());
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-length", "30"),
        ("ce-type", "dev.knative.sources.ping"),
        (
            "ce-source",
            "/apis/v1/namespaces/ns1/pingsources/test-ping-source",
        ),
        ("ce-specversion", "1.0"),
        ("ce-region", "Zürich"),
        ("kn-namespace", "ns1"),
    ] {
        assert_eq!(request.headers.get(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(
        (id(&request).len(), id(&request).as_bytes()[14]),
        (36, b'5')
    );
    for absent in [
        "ce-subject",
        "authorization",
        "traceparent",
        "transfer-encoding",
    ] {
        assert_eq!(request.headers.get(absent), None, "{absent}");
    }
}

#[test]
fn every_minute_without_a_schedule() {
    let sink = Sink::start([Answer::status(202)]);
    // Short of the minute there is nothing to wait for but the log's word on it.
    let process = testkit::Launch::new(env!("CARGO_BIN_EXE_ping-adapter"))
        .env("K_SINK", sink.url())
        .env("HEALTH_PORT", free_port().to_string())
        .start();
    let line = process.stderr().line_with("Firing on schedule", SOON);
    let minute = TimeDelta::minutes(1);
    let next = Utc::now().duration_trunc(minute).expect("a minute") + minute;
    assert!(
        line.contains(&next.to_string()) || next.second() == 0 && line.contains(":00 UTC"),
        "{line}"
    );
    assert!(line.contains("* * * * *"), "{line}");
}

#[test]
fn each_second_once_never_early_on_one_connection() {
    let sink = Sink::start([Answer::status(202)]);
    let _process = standalone(&sink).start();
    let requests = sink.wait_for(5, SOON);
    let seconds: Vec<i64> = requests
        .iter()
        .map(|request| time(request).timestamp())
        .collect();
    assert!(
        seconds.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{seconds:?}"
    );
    let ids: HashSet<String> = requests.iter().map(id).collect();
    assert_eq!(ids.len(), 5);
    assert_eq!(sink.connections(), 1);
}

#[test]
fn a_retry_is_the_same_event() {
    let sink = Sink::start([Answer::status(503), Answer::close(), Answer::status(202)]);
    let _process = standalone(&sink)
        .env("SCHEDULE", "@every 5s")
        .env("DATA", "x")
        .start();
    let requests = sink.wait_for(3, SOON);
    for again in &requests[1..] {
        assert_eq!(
            (id(again), time(again)),
            (id(&requests[0]), time(&requests[0]))
        );
        assert_eq!(again.body, requests[0].body);
    }
    let waited = requests[1].at - requests[0].at;
    assert!(waited >= Duration::from_millis(100), "{waited:?}");
}

#[test]
fn a_tick_is_tried_until_the_next_one() {
    // Down for longer than upstream's 3.1 s.
    let down = Instant::now() + Duration::from_millis(4_500);
    let sink =
        Sink::answering(move |_, _| Answer::status(if Instant::now() < down { 503 } else { 202 }));
    let process = standalone(&sink).env("SCHEDULE", "@every 10s").start();
    let delivered = eventually("a delivered event", SOON, || {
        sink.requests()
            .into_iter()
            .find(|request| request.at > down)
    });
    let first = sink.requests().remove(0);
    assert!(
        first.at > down || id(&first) == id(&delivered),
        "{}",
        process.stderr().text()
    );
}

#[test]
fn a_sink_that_hangs_does_not_hold_up_the_next_tick() {
    let sink = Sink::answering(|_, number| match number {
        0 => Answer::hang(),
        _ => Answer::status(202),
    });
    let _process = standalone(&sink).start();
    let requests = sink.wait_for(3, SOON);
    let gap = requests[1].at - requests[0].at;
    assert!(gap < Duration::from_millis(1_500), "{gap:?}");
}

#[test]
fn the_time_limit_of_an_attempt_holds() {
    let sink = Sink::start([Answer::hang()]);
    let process = standalone(&sink)
        .env("SCHEDULE", "@every 30s")
        .env("K_SINK_TIMEOUT", "1");
    let process = process.env("SCHEDULE", "*/5 * * * * *").start();
    let requests = sink.wait_for(2, SOON);
    let gap = requests[1].at - requests[0].at;
    assert!(
        gap > Duration::from_secs(1) && gap < Duration::from_secs(3),
        "{gap:?}"
    );
    assert_eq!(
        id(&requests[0]),
        id(&requests[1]),
        "{}",
        process.stderr().text()
    );
}

#[test]
fn a_lost_event_is_named_once() {
    let sink = Sink::start([Answer::status(400)]);
    let process = standalone(&sink).env("NAME", "lost").start();
    let event = id(&sink.wait_for(1, SOON)[0]);
    let line = process.stderr().line_with(&event, SOON);
    for part in ["failed to send cloudevent", "lost", "default", "400"] {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    assert_eq!(
        sink.requests()
            .iter()
            .filter(|request| id(request) == event)
            .count(),
        1
    );
}

#[test]
fn probes_answer_until_the_end() {
    let (sink, port) = (Sink::start([Answer::status(202)]), free_port());
    let launch = standalone(&sink).env("SCHEDULE", "0 0 1 1 *");
    let mut process = launch.env("HEALTH_PORT", port.to_string()).start();
    let answer = |path: &str| {
        get(("127.0.0.1", port), path)
            .ok()
            .map(|reply| (reply.status, reply.body.len()))
    };
    eventually("the probes", SOON, || answer("/health"));
    assert_eq!(answer("/readiness"), Some((200, 0)));
    assert_eq!(answer("/healthz").map(|(status, _)| status), Some(404));
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON), CLEAN);
    assert_eq!(answer("/health"), None);
}

#[test]
fn a_stop_lets_what_is_in_flight_arrive() {
    for signal in [Signal::TERM, Signal::INT] {
        let sink = Sink::start([Answer::status(202).after(Duration::from_secs(2))]);
        let mut process = standalone(&sink).env("SCHEDULE", "*/4 * * * * *").start();
        sink.wait_for(1, SOON);
        let signalled = Instant::now();
        process.signal(signal);
        assert_eq!(process.wait(SOON), CLEAN);
        assert!(
            signalled.elapsed() > Duration::from_millis(1_500),
            "{:?}",
            signalled.elapsed()
        );
        assert!(
            !process.stderr().text().contains("failed to send"),
            "{}",
            process.stderr().text()
        );
    }
}

#[test]
fn a_stop_with_a_dead_sink_ends_before_the_container_is_killed() {
    let sink = Sink::start([Answer::hang()]);
    let mut process = standalone(&sink).start();
    sink.wait_for(1, SOON);
    let signalled = Instant::now();
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON), CLEAN);
    assert!(
        signalled.elapsed() < Duration::from_secs(10),
        "{:?}",
        signalled.elapsed()
    );
    assert!(
        process
            .stderr()
            .text()
            .contains("failed to send cloudevent")
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let sink = Sink::start([Answer::hang()]);
    let mut process = standalone(&sink).start();
    sink.wait_for(1, SOON);
    process.signal(Signal::TERM);
    process.stderr().line_with("Stopping", SOON);
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON).code, Some(1));
}

#[test]
fn a_stop_before_the_minute_ends_waits_for_the_next_if_asked_to() {
    let sink = Sink::start([Answer::status(202)]);
    let mut process = standalone(&sink).env("K_NO_SHUTDOWN_AFTER", "0").start();
    sink.wait_for(1, SOON);
    // Waiting out a whole minute is no test; that the delay is announced and work goes on, is.
    eventually("a second other than 0", SOON, || {
        (Utc::now().second() > 0).then_some(())
    });
    let left = 61 - u64::from(Utc::now().second());
    process.signal(Signal::TERM);
    process.stderr().line_with("stopping after it", SOON);
    let (before, signalled) = (sink.requests().len(), Instant::now());
    if left <= 8 {
        assert_eq!(process.wait(SOON), CLEAN);
        assert!(signalled.elapsed() >= Duration::from_secs(left - 1));
    } else {
        sink.wait_for(before + 2, SOON);
        assert_eq!(process.exited(), None);
    }
}
