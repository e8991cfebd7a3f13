//! Collectors that refuse, or cannot be reached (adapter-runtime.md V26).

use std::time::{Duration, Instant};

use serde_json::json;

use super::collector::Collector;
use super::export::{EVENT, push, send};
use super::{DEADLINE, in_time, start};

#[tokio::test]
async fn what_a_collector_may_take_later_is_sent_again() {
    for (collector, protocol) in [
        (Collector::over_http(&[503, 200]).await, "http/protobuf"),
        (Collector::over_grpc(&[14, 0]).await, "grpc"),
    ] {
        let endpoint = format!("http://{}", collector.address);
        let telemetry = start(&json!({
            "tracing": {"protocol": protocol, "endpoint": endpoint, "samplingRate": 1},
        }));
        drop(telemetry.handle().tracing().send(None, EVENT));
        in_time(telemetry.shutdown(DEADLINE)).await;
        assert_eq!(collector.exports().len(), 2, "{protocol}");
    }
}

#[tokio::test]
async fn what_a_collector_refuses_is_not_sent_again() {
    for (collector, protocol) in [
        (Collector::over_http(&[400]).await, "http/protobuf"),
        (Collector::over_grpc(&[3]).await, "grpc"),
    ] {
        let endpoint = format!("http://{}", collector.address);
        let telemetry = start(&json!({
            "tracing": {"protocol": protocol, "endpoint": endpoint, "samplingRate": 1},
        }));
        drop(telemetry.handle().tracing().send(None, EVENT));
        in_time(telemetry.shutdown(DEADLINE)).await;
        assert_eq!(collector.exports().len(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_collector_that_cannot_be_reached_delays_nothing() {
    // Nobody listens on the first; the second accepts and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:2", &silent] {
        for protocol in ["grpc", "http/protobuf"] {
            let telemetry = start(&push(protocol, endpoint, 1.0));
            let began = Instant::now();
            // More than the queue holds, so that full queues are part of the test.
            for _ in 0..1500 {
                send(&telemetry);
            }
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "{:?}",
                began.elapsed()
            );
            let began = Instant::now();
            in_time(telemetry.shutdown(Duration::from_millis(200))).await;
            assert!(
                began.elapsed() < Duration::from_secs(2),
                "{:?}",
                began.elapsed()
            );
        }
    }
}
