//! Sources that share a sender are told apart in metrics and on log lines.

mod common;

use common::SOON;
use common::cluster::{SOURCES, api_server, golden, source};
use testkit::{Answer, Sink, eventually, free_port, get};

const NAMES: [&str; 2] = ["p1", "p2"];

#[test]
fn each_source_is_named_whatever_the_level() {
    let (server, sink) = (api_server(), Sink::start([Answer::status(400)]));
    for name in NAMES {
        server.apply(SOURCES, source(name, "* * * * * *", &sink.url()));
    }
    let port = free_port();
    let metrics = format!(r#"{{"metrics":{{"protocol":"prometheus","endpoint":":{port}"}}}}"#);
    let zap = r#"{"level":"error","encoding":"json","outputPaths":["stdout"]}"#;
    let logging = serde_json::json!({"zap-logger-config": zap}).to_string();
    let process = golden(&server)
        .args(["--disable-ha"])
        .env("K_OBSERVABILITY_CONFIG", metrics)
        .env("K_LOGGING_CONFIG", logging)
        .start();
    for name in NAMES {
        let line = process
            .stdout()
            .line_with(&format!(r#""source":"{name}""#), SOON);
        for part in ["failed to send cloudevent", r#""namespace":"ns1""#] {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
        eventually("metrics of the source", SOON, || {
            let text = get(("127.0.0.1", port), "/metrics").ok()?.text();
            let requests = "http_client_request_duration_seconds_count";
            let metrics = ["knative_adapter_events_failed", requests];
            metrics
                .iter()
                .all(|metric| is_measured(&text, metric, name))
                .then_some(())
        });
    }
}

fn is_measured(text: &str, metric: &str, source: &str) -> bool {
    let labels = [
        format!(r#"kn_source_name="{source}""#),
        r#"kn_source_namespace="ns1""#.to_owned(),
    ];
    let mut lines = text.lines().filter(|line| line.starts_with(metric));
    lines.any(|line| labels.iter().all(|label| line.contains(label)))
}
