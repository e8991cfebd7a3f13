//! The probes, which are off unless `HEALTH_PORT` asks for them.

mod common;

use std::net::TcpListener;

use common::{SOON, heartbeats};
use testkit::{Answer, Sink, eventually, free_port, get};

#[test]
fn liveness_is_the_process_and_readiness_the_arrival_of_heartbeats() {
    let sink = Sink::start([
        Answer::status(400),
        Answer::status(400),
        Answer::status(202),
    ]);
    let port = free_port();
    let _process = heartbeats(&sink.url())
        .env("HEALTH_PORT", port.to_string())
        .args(["-period=1s"])
        .start();
    let status = |path: &str| {
        get(("127.0.0.1", port), path)
            .map(|reply| reply.status)
            .ok()
    };
    sink.wait_for(1, SOON);
    assert_eq!(status("/readiness"), Some(503));
    assert_eq!(
        (status("/health"), status("/healthz")),
        (Some(200), Some(200))
    );
    assert_eq!(status("/"), Some(404));
    eventually("ready after a delivered heartbeat", SOON, || {
        (status("/readiness") == Some(200)).then_some(())
    });
    assert_eq!(sink.requests().len(), 3);
}

#[test]
fn a_taken_port_ends_the_start_with_a_reason() {
    let taken = TcpListener::bind("[::]:0")
        .or_else(|_| TcpListener::bind("0.0.0.0:0"))
        .unwrap();
    let port = taken.local_addr().unwrap().port();
    let sink = Sink::start([Answer::status(202)]);
    let mut process = heartbeats(&sink.url())
        .env("HEALTH_PORT", port.to_string())
        .start();
    assert_eq!(process.wait(SOON).code, Some(1));
    let line = process
        .stderr()
        .line_with(&format!("HEALTH_PORT={port}"), SOON);
    assert!(line.contains("address already in use"), "{line}");
    assert!(sink.requests().is_empty());
}
