//! Metrics and spans, off unless asked for (event-display.md 7).

mod support;

use support::{DEADLINE, Display, event, request};
use testkit::{Signal, eventually, free_port, get};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn requests_are_counted_under_upstream_names() {
    let port = free_port();
    let config = format!(r#"{{"metrics":{{"protocol":"prometheus","endpoint":":{port}"}}}}"#);
    let display = Display::start(&[("K_OBSERVABILITY_CONFIG", &config)]);
    assert_eq!(display.post(&[], b"12345").status, 200);
    assert_eq!(display.post(&[], b"12345").status, 200);
    assert_eq!(display.ask(&request("GET", "/", &[], b"")).status, 405);
    assert_eq!(
        display.ask(&request("GET", "/healthz", &[], b"")).status,
        204
    );
    let text = eventually("metrics", DEADLINE, || {
        let reply = get(("127.0.0.1", port), "/metrics").ok()?;
        (reply.status == 200).then(|| reply.text())
    });
    let line = |name: &str, label: &str| {
        let found = text
            .lines()
            .find(|line| line.starts_with(name) && line.contains(label));
        found
            .unwrap_or_else(|| panic!("no {name} with {label} in:\n{text}"))
            .to_owned()
    };
    let posts = line(
        "http_server_request_duration_seconds_count",
        "http_request_method=\"POST\"",
    );
    assert!(posts.ends_with(" 2"), "{posts}");
    for label in [
        "http_response_status_code=\"200\"",
        "http_route=\"/\"",
        "network_protocol_name=\"http\"",
        "network_protocol_version=\"1.1\"",
        "server_address=",
        "server_port=",
        "url_scheme=\"http\"",
    ] {
        assert!(posts.contains(label), "no {label} in {posts}");
    }
    let bytes = line(
        "http_server_request_body_size_bytes_sum",
        "http_request_method=\"POST\"",
    );
    assert!(bytes.ends_with(" 10"), "{bytes}");
    line(
        "http_server_response_body_size_bytes_sum",
        "http_response_status_code=\"405\"",
    );
    assert!(
        !text.contains("http_response_status_code=\"204\""),
        "health checks are not counted"
    );
    assert!(line("target_info", "").contains("service_name=\"event-display\""));
}

#[test]
fn spans_continue_the_trace_of_the_sender() {
    let config = r#"{"tracing":{"protocol":"stdout"}}"#;
    let mut display = Display::start(&[("K_OBSERVABILITY_CONFIG", config)]);
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let answer = display.ask(&event(&[("traceparent", &parent), ("ce-id", "A7")], b""));
    assert_eq!(answer.status, 200);
    // What has not left yet does so at the end.
    display.process.signal(Signal::TERM);
    display.process.wait(DEADLINE);
    let stdout = display.process.stdout();
    let server = stdout.line_with("\"POST /\"", DEADLINE);
    let consumer = stdout.line_with("cloudevents.client.t process", DEADLINE);
    assert!(
        server.contains(TRACE) && consumer.contains(TRACE),
        "{server}\n{consumer}"
    );
    assert!(
        consumer.contains("cloudevents.id") && consumer.contains("A7"),
        "{consumer}"
    );
}

#[test]
fn an_unusable_configuration_is_no_reason_to_stop() {
    let display = Display::start(&[("K_OBSERVABILITY_CONFIG", "{")]);
    assert_eq!(display.post(&[], b"").status, 200);
}
