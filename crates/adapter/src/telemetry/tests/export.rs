//! Spans and metrics on their way to a collector (adapter-runtime.md 5.3, 5.6, 5.7 and V26).

use std::time::Duration;

use http::{HeaderMap, Method};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, Metric};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::json;

use super::collector::{Collector, pairs};
use super::{DEADLINE, in_time, start, target};
use crate::telemetry::Telemetry;
use crate::telemetry::traces::{EventAttributes, RequestOutcome};

pub(super) const EVENT: EventAttributes<'static> = EventAttributes {
    id: "id-1",
    ty: "t.y.p.e",
    source: "/src",
    subject: Some("s"),
    content_type: None,
};

pub(super) fn push(protocol: &str, endpoint: &str, rate: f64) -> serde_json::Value {
    json!({
        "tracing": {"protocol": protocol, "endpoint": endpoint, "samplingRate": rate},
        "metrics": {"protocol": protocol, "endpoint": endpoint},
    })
}

/// A send with two attempts, refused and then accepted; gives the header of each.
pub(super) fn send(telemetry: &Telemetry) -> Vec<Option<String>> {
    let target = target("http://me:secret@sink.default:8080/a/b?c=d");
    let meter = telemetry
        .handle()
        .send_meter(&target)
        .with_labels([("kn.source.name", "p1")]);
    let flight = meter.in_flight();
    let span = telemetry.handle().tracing().send(None, EVENT);
    let mut sent = Vec::new();
    for status in [503, 202] {
        let request = span.request(&target);
        let mut headers = HeaderMap::new();
        request.inject(&mut headers);
        assert!(
            headers.keys().all(|name| name == "traceparent"),
            "{headers:?}"
        );
        sent.push(
            headers
                .get("traceparent")
                .map(|value| value.to_str().unwrap().to_owned()),
        );
        let outcome = RequestOutcome::Answered(status);
        request.end(outcome);
        meter.request(outcome, Duration::from_millis(3), 7);
    }
    meter.retried();
    meter.sent();
    meter.failed("refused");
    span.delivered();
    drop(flight);
    sent
}

#[tokio::test]
async fn over_http_a_collector_gets_spans_and_metrics_at_the_stop() {
    let collector = Collector::over_http(&[200]).await;
    let telemetry = start(&push(
        "http/protobuf",
        &format!("http://{}", collector.address),
        1.0,
    ));
    send(&telemetry);
    in_time(telemetry.shutdown(DEADLINE)).await;

    let mut paths: Vec<_> = collector
        .exports()
        .into_iter()
        .map(|export| export.path)
        .collect();
    paths.sort();
    assert_eq!(paths, ["/v1/metrics", "/v1/traces"]);
    assert!(
        collector
            .exports()
            .iter()
            .all(|export| export.content_type == "application/x-protobuf")
    );
    check_spans(&collector);
    check_metrics(&collector);
}

#[tokio::test]
async fn over_grpc_a_collector_gets_the_same() {
    let collector = Collector::over_grpc(&[0]).await;
    let telemetry = start(&push("grpc", &format!("http://{}", collector.address), 1.0));
    send(&telemetry);
    in_time(telemetry.shutdown(DEADLINE)).await;

    let mut paths: Vec<_> = collector
        .exports()
        .into_iter()
        .map(|export| export.path)
        .collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        ]
    );
    assert!(
        collector
            .exports()
            .iter()
            .all(|export| export.content_type == "application/grpc")
    );
    check_spans(&collector);
    check_metrics(&collector);
}

fn check_spans(collector: &Collector) {
    let mut spans = collector.spans();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let [event, first, second] = &spans[..] else {
        panic!("{spans:?}")
    };
    assert_eq!(
        (event.name.as_str(), event.kind),
        ("cloudevents.client.t.y.p.e send", 4)
    );
    assert_eq!(
        pairs(&event.attributes),
        owned(&[
            ("cloudevents.id", "id-1"),
            ("cloudevents.source", "/src"),
            ("cloudevents.specversion", "1.0"),
            ("cloudevents.subject", "s"),
            ("cloudevents.type", "t.y.p.e"),
            ("code.function", "RecordSendingEvent"),
        ])
    );
    assert!(event.parent_span_id.is_empty());
    for (request, status, code) in [(first, "503", 2), (second, "202", 0)] {
        assert_eq!(
            (request.name.as_str(), request.kind),
            ("cloudevents.http./a/b", 3)
        );
        assert_eq!(request.parent_span_id, event.span_id);
        assert_eq!(request.trace_id, event.trace_id);
        let attributes = pairs(&request.attributes);
        assert!(attributes.contains(&owned_pair("http.response.status_code", status)));
        assert!(
            attributes.contains(&owned_pair("url.full", "http://sink.default:8080/a/b?c=d")),
            "no user information: {attributes:?}"
        );
        assert!(attributes.contains(&owned_pair("server.port", "8080")));
        assert_eq!(request.status.clone().map_or(0, |status| status.code), code);
    }
    let scopes: Vec<String> = collector
        .traces()
        .into_iter()
        .map(|(scope, _)| scope)
        .collect();
    assert!(
        scopes
            .iter()
            .any(|scope| scope.ends_with("observability/opentelemetry/v2"))
    );
    assert!(
        scopes
            .iter()
            .any(|scope| scope.ends_with("net/http/otelhttp"))
    );
    let resource = collector.resource();
    assert!(resource.contains(&owned_pair("service.name", "pingsource-mt-adapter")));
    assert!(resource.contains(&owned_pair("k8s.namespace.name", "knative-eventing")));
    assert!(resource.contains(&owned_pair("telemetry.sdk.language", "rust")));
}

fn check_metrics(collector: &Collector) {
    let metrics = collector.metrics();
    let named = |name: &str| {
        metrics
            .iter()
            .find(|metric| metric.name == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    let duration = named("http.client.request.duration");
    assert_eq!(duration.unit, "s");
    let points = histogram(duration);
    assert_eq!(points.len(), 2, "one for each status");
    assert_eq!(points[0].explicit_bounds[..3], [0.005, 0.01, 0.025]);
    assert_eq!(
        points[0].bucket_counts[0], 1,
        "3 ms are in the first bucket"
    );
    let mut statuses: Vec<String> = points
        .iter()
        .map(|point| pairs(&point.attributes))
        .map(|all| {
            all.into_iter()
                .find(|(name, _)| name == "http.response.status_code")
                .unwrap()
                .1
        })
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["202", "503"]);
    assert_eq!(histogram(named("http.client.request.body.size")).len(), 2);

    for (name, value, reason) in [
        ("knative.adapter.events.sent", 1, None),
        ("knative.adapter.events.retried", 1, None),
        ("knative.adapter.events.failed", 1, Some("refused")),
        ("knative.adapter.events.in_flight", 0, None),
    ] {
        let Some(Data::Sum(sum)) = &named(name).data else {
            panic!("{name} is no sum")
        };
        let [point] = &sum.data_points[..] else {
            panic!("{sum:?}")
        };
        assert_eq!(
            format!("{:?}", point.value),
            format!("Some(AsInt({value}))"),
            "{name}"
        );
        let attributes = pairs(&point.attributes);
        let found = attributes.iter().find(|(name, _)| name == "reason");
        assert_eq!(found.map(|(_, reason)| reason.as_str()), reason, "{name}");
        assert_eq!(
            attributes.contains(&owned_pair("kn.source.name", "p1")),
            !name.ends_with("flight")
        );
    }
}

fn histogram(metric: &Metric) -> &[HistogramDataPoint] {
    let Some(Data::Histogram(histogram)) = &metric.data else {
        panic!("{metric:?}")
    };
    &histogram.data_points
}

fn owned_pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| owned_pair(name, value))
        .collect()
}

#[tokio::test]
async fn a_trace_header_travels_also_when_the_trace_is_not_recorded() {
    for (rate, flag) in [(1.0, "01"), (0.0, "00")] {
        let telemetry = start(&json!({
            "tracing": {"protocol": "http/protobuf", "endpoint": "http://127.0.0.1:2/x", "samplingRate": rate},
        }));
        let headers: Vec<String> = send(&telemetry).into_iter().map(Option::unwrap).collect();
        let parts: Vec<Vec<&str>> = headers
            .iter()
            .map(|header| header.split('-').collect())
            .collect();
        for part in &parts {
            let lengths: Vec<usize> = part.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, [2, 32, 16, 2], "{headers:?}");
            assert_eq!((part[0], part[3]), ("00", flag), "{headers:?}");
        }
        assert_eq!(parts[0][1], parts[1][1], "one trace");
        assert_ne!(parts[0][2], parts[1][2], "a span for each attempt");
        in_time(telemetry.shutdown(Duration::from_millis(100))).await;
    }
}

#[tokio::test]
async fn while_tracing_is_off_no_header_is_sent_and_nothing_costs() {
    let telemetry = start(&json!({}));
    assert_eq!(send(&telemetry), [None, None]);
    assert!(!telemetry.handle().tracing().is_on());
    assert!(telemetry.handle().meter("x").is_none());
    in_time(telemetry.shutdown(Duration::ZERO)).await;
}

#[tokio::test]
async fn a_received_trace_goes_on() {
    let collector = Collector::over_http(&[200]).await;
    let telemetry = start(&push(
        "http/protobuf",
        &format!("http://{}", collector.address),
        0.5,
    ));
    let mut headers = HeaderMap::new();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    headers.insert(
        "traceparent",
        format!("00-{trace}-b7ad6b7169203331-01").parse().unwrap(),
    );
    headers.insert("baggage", "user=1".parse().unwrap());

    let received = telemetry
        .handle()
        .tracing()
        .receive(&Method::POST, "/", &headers);
    let process = received.process(EVENT);
    let sent = telemetry.handle().tracing().send(received.context(), EVENT);
    let mut onward = HeaderMap::new();
    sent.request(&target("http://sink/")).inject(&mut onward);
    assert!(onward["traceparent"].to_str().unwrap().contains(trace));
    assert_eq!(onward["baggage"], "user=1");
    drop(process);
    sent.failed("gone", Some(500));
    received.end(500);
    in_time(telemetry.shutdown(DEADLINE)).await;

    let spans = collector.spans();
    let named = |name: &str| -> &Span { spans.iter().find(|span| span.name == name).unwrap() };
    assert_eq!(named("POST /").kind, 2);
    assert_eq!(hex(&named("POST /").parent_span_id), "b7ad6b7169203331");
    let process = named("cloudevents.client.t.y.p.e process");
    assert_eq!(
        (process.kind, &process.parent_span_id),
        (5, &named("POST /").span_id)
    );
    let failed = named("cloudevents.client.t.y.p.e send");
    assert_eq!(failed.events[0].name, "exception");
    assert_eq!(failed.status.clone().unwrap().message, "gone");
    assert!(spans.iter().all(|span| hex(&span.trace_id) == trace));
}

fn hex(bytes: &[u8]) -> String {
    let number = bytes
        .iter()
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:0width$x}", width = 2 * bytes.len())
}

#[tokio::test]
async fn metrics_are_pushed_while_the_program_runs() {
    let collector = Collector::over_http(&[200]).await;
    let endpoint = format!("http://{}", collector.address);
    let telemetry = start(&json!({
        "metrics": {"protocol": "http/protobuf", "endpoint": endpoint, "exportInterval": 20_000_000},
    }));
    send(&telemetry);
    in_time(async {
        while collector.exports().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    in_time(telemetry.shutdown(DEADLINE)).await;
}
