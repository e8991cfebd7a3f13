//! The metrics and profiling listeners (adapter-runtime.md 5.4, 5.5 and V23).

use std::net::TcpListener;
use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{DEADLINE, in_time, options, target};
use crate::telemetry::metrics::Received;
use crate::telemetry::traces::RequestOutcome;
use crate::telemetry::{Options, Telemetry};

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn prometheus(port: u16) -> Options {
    let port = port.to_string();
    let env = [
        ("METRICS_PROMETHEUS_PORT", port.as_str()),
        ("METRICS_PROMETHEUS_HOST", "127.0.0.1"),
    ];
    // The endpoint's own port is overridden.
    options(
        &json!({"metrics": {"protocol": "prometheus", "endpoint": ":9095"}}),
        &env,
    )
}

/// A connection, as soon as somebody listens.
pub(super) async fn connected(port: u16) -> TcpStream {
    in_time(async {
        loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    })
    .await
}

/// The status line and the whole answer.
async fn ask(port: u16, method: &str, path: &str) -> (String, String) {
    in_time(async {
        let mut stream = connected(port).await;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        (answer.lines().next().unwrap().to_owned(), answer)
    })
    .await
}

async fn status(port: u16, method: &str, path: &str) -> String {
    ask(port, method, path).await.0
}

#[tokio::test]
async fn prometheus_gets_upstreams_series() {
    let port = free_port();
    let telemetry = Telemetry::start(&prometheus(port));
    let sink = target("http://sink.default:8080/");
    let meter = telemetry.handle().send_meter(&sink).with_labels([
        ("kn.source.name", "p1"),
        ("kn.source.namespace", "default"),
        ("cloudevents.type", "t.y.p.e"),
    ]);
    meter.request(RequestOutcome::Answered(202), Duration::from_millis(30), 7);
    meter.request(
        RequestOutcome::Broken {
            kind: "timeout",
            message: "no answer in time",
        },
        Duration::from_mins(1),
        7,
    );
    meter.sent();
    meter.failed("exhausted");
    let _flying = meter.in_flight();
    telemetry.handle().receive_meter().answered(&Received {
        method: &Method::POST,
        route: "/",
        protocol_version: "1.1",
        server: ("event-display", 8080),
        status: 200,
        took: Duration::from_millis(1),
        request_size: 3,
        response_size: 0,
    });

    let (status, text) = ask(port, "GET", "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(
        text.contains("content-type: text/plain; version=0.0.4"),
        "{text}"
    );
    let sink = r#"cloudevents_type="t.y.p.e",http_request_method="POST",http_response_status_code="202",kn_source_name="p1",kn_source_namespace="default",server_address="sink.default",server_port="8080",url_scheme="http","#;
    let scope = r#"otel_scope_name="go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",otel_scope_version="0.69.0""#;
    let source = r#"cloudevents_type="t.y.p.e",kn_source_name="p1",kn_source_namespace="default","#;
    let own = r#"otel_scope_name="knative.adapter""#;
    for line in [
        format!("http_client_request_duration_seconds_count{{{sink}{scope}}} 1"),
        format!(r#"http_client_request_duration_seconds_bucket{{{sink}{scope},le="0.025"}} 0"#),
        format!(r#"http_client_request_duration_seconds_bucket{{{sink}{scope},le="0.05"}} 1"#),
        format!("http_client_request_body_size_bytes_sum{{{sink}{scope}}} 7"),
        format!("knative_adapter_events_sent_total{{{source}{own}}} 1"),
        format!(r#"knative_adapter_events_failed_total{{{source}reason="exhausted",{own}}} 1"#),
        format!("knative_adapter_events_in_flight{{{own}}} 1"),
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line}\nin {text}"
        );
    }
    for part in [
        r#"error_type="timeout""#,
        "http_server_request_duration_seconds_count{",
        "http_server_request_body_size_bytes_sum{",
        "http_server_response_body_size_bytes_count{",
        r#"http_route="/",network_protocol_name="http",network_protocol_version="1.1","#,
        "# TYPE process_resident_memory_bytes gauge",
        "# TYPE process_cpu_seconds_total counter",
        r#"service_name="pingsource-mt-adapter""#,
        "target_info{",
    ] {
        assert!(text.contains(part), "no {part}\nin {text}");
    }
    in_time(telemetry.shutdown(DEADLINE)).await;
}

#[tokio::test]
async fn only_the_overridden_port_answers_and_only_to_a_get_of_metrics() {
    let port = free_port();
    let telemetry = Telemetry::start(&prometheus(port));
    assert_eq!(status(port, "GET", "/metrics").await, "HTTP/1.1 200 OK");
    assert_eq!(status(port, "HEAD", "/metrics").await, "HTTP/1.1 200 OK");
    assert_eq!(
        status(port, "POST", "/metrics").await,
        "HTTP/1.1 405 Method Not Allowed"
    );
    assert_eq!(status(port, "GET", "/").await, "HTTP/1.1 404 Not Found");
    assert!(TcpStream::connect(("127.0.0.1", 9095)).await.is_err());
    in_time(telemetry.shutdown(DEADLINE)).await;
    in_time(async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_profiling_port_answers_404_to_everything() {
    let port = free_port();
    let text = port.to_string();
    let mut options = options(&json!({}), &[("PROFILING_PORT", text.as_str())]);
    options.profiling_listener = true;
    let telemetry = Telemetry::start(&options);
    for path in ["/", "/debug/pprof/", "/metrics"] {
        assert_eq!(status(port, "GET", path).await, "HTTP/1.1 404 Not Found");
    }
    in_time(telemetry.shutdown(DEADLINE)).await;
}

#[tokio::test]
async fn a_port_that_is_taken_or_impossible_harms_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut options = prometheus(port);
    options.profiling_listener = true;
    options.env = crate::env::Env::from_pairs([("PROFILING_PORT", "many")]);
    let telemetry = Telemetry::start(&options);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let meter = telemetry.handle().send_meter(&target("http://sink/"));
    meter.sent();
    in_time(telemetry.shutdown(DEADLINE)).await;
}
