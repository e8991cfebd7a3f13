//! Metrics and traces, which nobody but `K_OBSERVABILITY_CONFIG` switches on.

mod common;

use common::{SOON, heartbeats, one_shot};
use testkit::{Answer, Launch, Sink, eventually, free_port, get};

/// Sends heartbeats often, with metrics on this port.
fn measured(sink: &Sink, port: u16) -> Launch {
    heartbeats(&sink.url())
        .env(
            "K_OBSERVABILITY_CONFIG",
            r#"{"metrics":{"protocol":"prometheus"}}"#,
        )
        .env("METRICS_PROMETHEUS_PORT", port.to_string())
        .args(["-period=50ms"])
}

fn metrics(port: u16) -> Option<String> {
    get(("127.0.0.1", port), "/metrics")
        .ok()
        .map(|reply| reply.text())
}

/// The value of the first line that begins so and has this label.
fn value(metrics: &str, name: &str, label: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find(|line| line.starts_with(name) && line.contains(label))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn requests_and_events_are_counted_under_upstreams_service_name() {
    let sink = Sink::start([
        Answer::status(400),
        Answer::status(503),
        Answer::status(202),
    ]);
    let port = free_port();
    let _process = measured(&sink, port).start();
    sink.wait_for(5, SOON);
    let text = eventually("all kinds of events are counted", SOON, || {
        let text = metrics(port)?;
        let sent = value(&text, "knative_adapter_events_sent", "")?;
        value(&text, "knative_adapter_events_retried", "")?;
        let failed = value(&text, "knative_adapter_events_failed", "refused")?;
        (sent >= 2.0 && failed >= 1.0).then_some(text)
    });
    let requests = "http_client_request_duration_seconds_count";
    assert!(
        value(&text, requests, "http_response_status_code=\"202\"") >= Some(2.0),
        "{text}"
    );
    assert!(
        value(&text, "target_info", "service_name=\"heartbeat\"").is_some(),
        "{text}"
    );
}

#[test]
fn the_service_name_can_be_chosen() {
    let sink = Sink::start([Answer::status(202)]);
    let port = free_port();
    let _process = measured(&sink, port)
        .env("OTEL_SERVICE_NAME", "mine")
        .start();
    sink.wait_for(1, SOON);
    eventually("the chosen name", SOON, || {
        value(&metrics(port)?, "target_info", "service_name=\"mine\"")
    });
}

#[test]
fn spans_reach_their_collector_before_the_end() {
    let collector = Sink::start([Answer::status(200)]);
    let sink = Sink::start([Answer::status(202)]);
    let config = format!(
        r#"{{"tracing":{{"protocol":"http/protobuf","endpoint":"{}/v1/traces","samplingRate":1}}}}"#,
        collector.url()
    );
    let mut process = one_shot(&sink)
        .env("K_OBSERVABILITY_CONFIG", config)
        .start();
    assert_eq!(process.wait(SOON).code, Some(0));
    let trace = sink.requests()[0]
        .headers
        .get("traceparent")
        .expect("a trace");
    assert!(
        trace.starts_with("00-") && trace.ends_with("-01"),
        "{trace}"
    );
    assert_eq!(collector.wait_for(1, SOON)[0].path, "/v1/traces");
}

#[test]
fn a_configuration_that_cannot_work_is_said_and_does_no_harm() {
    for config in [
        "{",
        r#"{"metrics":{"protocol":"smoke"},"tracing":{"protocol":"signals"}}"#,
    ] {
        let sink = Sink::start([Answer::status(202)]);
        let mut process = one_shot(&sink)
            .env("K_OBSERVABILITY_CONFIG", config)
            .start();
        assert_eq!(process.wait(SOON).code, Some(0));
        process.stderr().line_with("K_OBSERVABILITY_CONFIG", SOON);
        assert_eq!(sink.requests()[0].headers.get("traceparent"), None);
    }
}
