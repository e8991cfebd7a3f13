//! What is said on stderr of requests, refused ones and all (event-display.md 6, 8.1).

mod support;

use support::{DEADLINE, Display, request};
use testkit::Signal;

#[test]
fn requests_are_logged_whole_when_asked_for() {
    let display = Display::start(&[("REQUEST_LOGGING_ENABLED", "T")]);
    let stderr = display.process.stderr();
    stderr.line_with(
        "Request logging enabled, request logging is not recommended",
        DEADLINE,
    );
    assert_eq!(
        display
            .post(&[("authorization", "Bearer <secret>")], b"{\"a\":1}")
            .status,
        200
    );
    stderr.line_with(r#"  "body": "{\"a\":1}","#, DEADLINE);
    assert_eq!(
        display.ask(&request("GET", "/healthz", &[], b"")).status,
        204
    );
    stderr.line_with(r#"  "requestURI": "/healthz""#, DEADLINE);
    assert_eq!(display.ask(&request("GET", "/x", &[], b"")).status, 405);
    stderr.line_with(r#"  "requestURI": "/x""#, DEADLINE);
    let text = stderr.text();
    assert!(
        text.contains("    \"Authorization\": [\n      \"Bearer \\u003csecret\\u003e\"\n    ],")
    );
    let start = text
        .lines()
        .find(|line| line.ends_with(" {"))
        .expect("an entry");
    assert_eq!(start.len(), "2026/11/22 18:14:21 {".len(), "{start}");
    assert!(text.contains("\n}\n"));
}

#[test]
fn refusals_are_logged_without_the_payload() {
    let display = Display::start(&[]);
    let refused = display.post(&[("ce-time", "yesterday"), ("ce-id", "A7")], b"payload");
    assert_eq!(refused.status, 500);
    let line = display
        .process
        .stderr()
        .line_with("Refused a request.", DEADLINE);
    for part in [
        "status=500",
        "attribute=time",
        "value=yesterday",
        "event_id=A7",
        "source=/s",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    let body =
        br#"{"specversion":"1.0","id":"B8","type":"t","source":"/s","data_base64":"payload!"}"#;
    display.ask(&request(
        "POST",
        "/",
        &[("content-type", "application/cloudevents+json")],
        body,
    ));
    let line = display.process.stderr().line_with("event_id=B8", DEADLINE);
    assert!(line.contains("attribute=data_base64"), "{line}");
    display.ask(&request(
        "POST",
        "/",
        &[("content-type", "application/json")],
        b"payload",
    ));
    display.process.stderr().line_with("status=415", DEADLINE);
    display.send(b"POST / HTTP/1.1\r\nce-my ext: payload\r\n\r\n");
    display
        .process
        .stderr()
        .line_with("Refused what is not HTTP.", DEADLINE);
    assert!(!display.process.stderr().text().contains("payload"));
}

#[test]
fn refusals_do_not_fill_the_log() {
    let mut display = Display::start(&[]);
    for _ in 0..200 {
        assert_eq!(display.ask(&request("GET", "/", &[], b"")).status, 405);
    }
    display.process.signal(Signal::TERM);
    display.process.wait(DEADLINE);
    let text = display.process.stderr().text();
    let lines = text.matches("Refused a request.").count();
    let left_out: usize = text
        .lines()
        .filter_map(|line| {
            line.split_once("without a line for each. count=")?
                .1
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(lines + left_out, 200, "{text}");
    assert!(lines <= 60, "{lines} lines");
}
