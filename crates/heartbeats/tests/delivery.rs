//! What reaches the sink, what is tried again, and what is said about it.

mod common;

use std::time::Duration;

use common::{SOON, bare, heartbeats, ids, one_shot, times};
use testkit::{Answer, Process, Sink, eventually};

/// Lets a run with `ONE_SHOT` end and gives its log.
fn log_of(mut process: Process) -> String {
    assert_eq!(process.wait(SOON).code, Some(0));
    process.stderr().text()
}

fn lines_with<'a>(log: &'a str, part: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn the_request_has_the_headers_of_upstream_and_no_others() {
    let sink = Sink::start([Answer::status(202)]);
    log_of(one_shot(&sink).start());
    let request = &sink.requests()[0];
    let mut names: Vec<String> = request
        .headers
        .raw()
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names.retain(|name| !["user-agent", "accept-encoding", "accept"].contains(&name.as_str()));
    assert_eq!(
        names,
        [
            "ce-beats",
            "ce-heart",
            "ce-id",
            "ce-source",
            "ce-specversion",
            "ce-the",
            "ce-time",
            "ce-type",
            "content-length",
            "content-type",
            "host",
        ]
    );
    assert_eq!(
        request.headers.get("host"),
        Some(sink.address().to_string())
    );
    assert_eq!(
        (request.version.as_str(), request.text()),
        ("HTTP/1.1", r#"{"id":1,"label":""}"#)
    );
}

#[test]
fn the_log_has_the_lines_people_look_for() {
    let sink = Sink::start([Answer::status(202)]);
    let log = log_of(one_shot(&sink).start());
    let source = "Heartbeats Source: https://knative.dev/eventing-contrib/cmd/heartbeats/#default/heartbeats";
    assert_eq!(lines_with(&log, source).len(), 1, "{log}");
    assert_eq!(
        lines_with(&log, &format!("sending cloudevent to {}", sink.url())).len(),
        1,
        "{log}"
    );
    let log = log_of(one_shot(&sink).args(["-eventSource=/mine"]).start());
    assert!(!log.contains("Heartbeats Source"), "{log}");
}

#[test]
fn one_connection_serves_all_heartbeats() {
    let sink = Sink::start([Answer::status(202).body("thank you")]);
    let _process = heartbeats(&sink.url()).args(["-period=20ms"]).start();
    let requests = sink.wait_for(10, SOON);
    assert_eq!(sink.connections(), 1);
    let bodies: Vec<&str> = requests.iter().map(testkit::Request::text).collect();
    assert_eq!(bodies[9], r#"{"id":10,"label":""}"#);
}

#[test]
fn a_redirect_with_308_repeats_the_post_at_another_host() {
    let target = Sink::start([Answer::status(202)]);
    let location = format!("http://localhost:{}/moved", target.address().port());
    let sink = Sink::start([Answer::status(308).header("Location", &location)]);
    let sink_url = sink.url().replace("//", "//me:s3cret@");
    let mut process = heartbeats(&sink_url).env("ONE_SHOT", "1").start();
    assert_eq!(process.wait(SOON).code, Some(0));
    let (first, second) = (&sink.requests()[0], &target.requests()[0]);
    assert_eq!(
        (second.method.as_str(), second.path.as_str()),
        ("POST", "/moved")
    );
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers.get("ce-id"), second.headers.get("ce-id"));
    assert_eq!(
        first.headers.get("authorization").as_deref(),
        Some("Basic bWU6czNjcmV0")
    );
    assert_eq!(second.headers.get("authorization"), None);
    assert!(!process.stderr().text().contains("s3cret"));
}

#[test]
fn other_redirects_are_final_and_never_a_get() {
    for status in [301, 302, 303, 304] {
        let sink = Sink::start([
            Answer::status(status).header("Location", "/moved"),
            Answer::status(202),
        ]);
        let log = log_of(one_shot(&sink).start());
        assert_eq!(sink.requests().len(), 1, "{status}");
        let lost = format!("failed to send cloudevent: {status}: ");
        assert_eq!(lines_with(&log, &lost).len(), 1, "{log}");
    }
}

#[test]
fn redirects_without_end_are_given_up() {
    let sink = Sink::start([Answer::status(307).header("Location", "/again")]);
    let process = one_shot(&sink).start();
    // Eleven requests are one attempt; more show that the attempt failed and was made again.
    sink.wait_for(12, SOON);
    process
        .stderr()
        .line_with("stopped after 10 redirects", SOON);
}

#[test]
fn statuses_that_say_no_are_final() {
    for status in [400, 401, 403, 405, 410, 415] {
        let sink = Sink::start([Answer::status(status)]);
        let log = log_of(one_shot(&sink).start());
        assert_eq!(sink.requests().len(), 1, "{status}");
        let event = sink.requests()[0].headers.get("ce-id").unwrap();
        let lost = lines_with(&log, &format!("failed to send cloudevent: {status}: "));
        assert!(lost.len() == 1 && lost[0].contains(&event), "{log}");
    }
}

#[test]
fn statuses_that_may_pass_are_tried_again_with_the_same_event() {
    for status in [404, 408, 409, 413, 425, 429, 500, 501, 502, 503, 504] {
        let sink = Sink::start([Answer::status(status), Answer::status(202)]);
        let log = log_of(one_shot(&sink).start());
        let requests = sink.requests();
        assert_eq!(requests.len(), 2, "{status}: {log}");
        assert_eq!(
            requests[0].headers.get("ce-id"),
            requests[1].headers.get("ce-id")
        );
        assert_eq!(
            requests[0].headers.get("ce-time"),
            requests[1].headers.get("ce-time")
        );
        assert_eq!(requests[0].body, requests[1].body);
    }
}

#[test]
fn only_the_first_failure_of_an_event_is_logged_and_no_loss() {
    let sink = Sink::start([
        Answer::status(503),
        Answer::reset(),
        Answer::close(),
        Answer::status(202),
    ]);
    let log = log_of(one_shot(&sink).start());
    assert_eq!(sink.requests().len(), 4, "{log}");
    let event = sink.requests()[0].headers.get("ce-id").unwrap();
    assert_eq!(lines_with(&log, &event).len(), 1, "{log}");
    assert!(!log.contains("failed to send"), "{log}");
}

#[test]
fn retry_after_is_obeyed() {
    let sink = Sink::start([
        Answer::status(429).header("Retry-After", "1"),
        Answer::status(202),
    ]);
    log_of(one_shot(&sink).start());
    let times = times(&sink.requests());
    assert!(times[1] >= 1000 && times[1] < 10_000, "{times:?}");
}

#[test]
fn a_sink_that_starts_later_still_gets_the_event() {
    let port = testkit::free_port();
    let process = heartbeats(&format!("http://127.0.0.1:{port}"))
        .args(["-period=1h"])
        .start();
    process.stderr().line_with("event_id", SOON);
    let sink = Sink::at(("127.0.0.1", port), [Answer::status(202)]).unwrap();
    assert_eq!(sink.wait_for(1, SOON)[0].text(), r#"{"id":1,"label":""}"#);
}

#[test]
fn k_sink_timeout_ends_an_attempt() {
    let sink = Sink::start([Answer::hang(), Answer::status(202)]);
    log_of(one_shot(&sink).env("K_SINK_TIMEOUT", "1").start());
    let times = times(&sink.requests());
    assert!(times[1] >= 1000, "{times:?}");
}

#[test]
fn a_control_character_loses_each_event_locally_and_names_the_attribute() {
    let sink = Sink::start([Answer::status(202)]);
    let process = heartbeats(&sink.url())
        .env("K_CE_OVERRIDES", r#"{"extensions":{"region":"a\nb"}}"#)
        .args(["-period=50ms"])
        .start();
    eventually("three events are lost", SOON, || {
        let log = process.stderr().text();
        let lost = lines_with(&log, "failed to send cloudevent");
        (lost.len() >= 3 && lost.iter().all(|line| line.contains("region"))).then_some(())
    });
    assert!(sink.requests().is_empty());
}

#[test]
fn a_bad_override_name_is_dropped_loudly_and_the_event_goes_out() {
    let sink = Sink::start([Answer::status(202)]);
    let launch = one_shot(&sink).env(
        "K_CE_OVERRIDES",
        r#"{"extensions":{"b-d":"x","type":"mine","ok":"1"}}"#,
    );
    let log = log_of(launch.start());
    let request = &sink.requests()[0];
    assert_eq!(request.headers.get("ce-ok").as_deref(), Some("1"));
    assert_eq!(request.headers.get("ce-b-d"), None);
    let ty = request.headers.get("ce-type");
    assert_eq!(
        ty.as_deref(),
        Some("dev.knative.eventing.samples.heartbeat")
    );
    for name in ["=b-d ", "=type "] {
        let lines = lines_with(&log, name);
        assert!(
            lines.len() == 1 && lines[0].contains("level=error"),
            "{log}"
        );
    }
}

#[test]
fn numbers_go_on_when_events_are_lost() {
    let sink = Sink::start([Answer::status(400), Answer::status(202)]);
    let _process = heartbeats(&sink.url()).args(["-period=50ms"]).start();
    let requests = sink.wait_for(3, SOON);
    let bodies: Vec<&str> = requests.iter().map(testkit::Request::text).collect();
    let expected = [1, 2, 3].map(|number| format!(r#"{{"id":{number},"label":""}}"#));
    assert_eq!(bodies[..3], expected);
    let ids = ids(&requests);
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[test]
fn a_proxy_is_used_but_never_for_loopback() {
    let proxy = Sink::start([Answer::status(202)]);
    let mut process = heartbeats("http://sink.invalid/p?q=1")
        .env("ONE_SHOT", "true")
        .env("HTTP_PROXY", proxy.url())
        .start();
    assert_eq!(process.wait(SOON).code, Some(0));
    assert_eq!(proxy.requests()[0].path, "http://sink.invalid/p?q=1");

    let sink = Sink::start([Answer::status(202)]);
    log_of(one_shot(&sink).env("http_proxy", proxy.url()).start());
    assert_eq!((sink.requests().len(), proxy.requests().len()), (1, 1));
}

#[test]
fn a_sink_by_name_needs_no_scheme_guessing() {
    let sink = Sink::start([Answer::status(202)]);
    let url = format!(
        "  HTTP://localhost:{}/a%20b?x=a%2Fb#f  ",
        sink.address().port()
    );
    let mut process = bare()
        .env("POD_NAME", "p")
        .env("POD_NAMESPACE", "n")
        .env("ONE_SHOT", "true")
        .args(["-sink", &url])
        .start();
    assert_eq!(process.wait(SOON).code, Some(0));
    assert_eq!(sink.requests()[0].path, "/a%20b?x=a%2Fb");
}

#[test]
fn memory_and_processor_stay_small() {
    let sink = Sink::start([Answer::status(202)]);
    let process = heartbeats(&sink.url()).args(["-period=1ms"]).start();
    sink.wait_for(100, SOON);
    let descriptors = process.descriptors();
    let before = process.resident();
    sink.wait_for(3000, 3 * SOON);
    let grown = process.resident().saturating_sub(before);
    assert!(grown < 2 << 20, "grew by {grown} bytes in 2900 events");
    assert_eq!(process.descriptors(), descriptors);
    let cpu = process.cpu();
    assert!(cpu < Duration::from_secs(10), "{cpu:?} for 3000 events");
}
