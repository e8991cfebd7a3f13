//! What an event costs. Left out of the usual runs, since it only means something in a release build
//! on a quiet machine: `cargo test --release -p gitlab-receiver --test cost -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a panic in a test"
)]

mod common;

use std::fs;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Answer, Signal, Sink};

use common::{Hook, Line, Receiver, payload};

const CONNECTIONS: usize = 16;
const EVENTS: usize = 1500;

/// Sends from all connections at once and gives the time it took.
fn load(receiver: &Receiver, body: &[u8]) -> Duration {
    let started = Instant::now();
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut line = Line::open(receiver.address).unwrap();
                for number in 0..EVENTS {
                    assert_eq!(
                        line.push(&format!("{connection}-{number}"), body).unwrap(),
                        202
                    );
                }
            });
        }
    });
    started.elapsed()
}

#[test]
#[ignore = "a measurement"]
fn of_a_push() {
    let events = u32::try_from(CONNECTIONS * EVENTS).unwrap();
    for with_outbox in [false, true] {
        let sink = Sink::start([Answer::status(202)]);
        let folder = tempfile::tempdir().unwrap();
        let spool = [("SPOOL_DIR", folder.path().to_str().unwrap())];
        let receiver = Receiver::start(&sink.url(), if with_outbox { &spool } else { &[] });
        let body = payload("gitlab/push_events.json");
        let took = load(&receiver, &body);
        sink.wait_for(CONNECTIONS * EVENTS, Duration::from_mins(1));
        let cpu = receiver.process.cpu() / events;
        let (resident, peak) = (
            receiver.process.resident() >> 10,
            receiver.process.peak_resident() >> 10,
        );
        let rate = f64::from(events) / took.as_secs_f64();
        println!(
            "outbox {with_outbox}: {cpu:?} of CPU per event, {rate:.0} events/s, {resident} KiB resident, {peak} KiB at the peak"
        );
        if !with_outbox {
            assert!(cpu <= Duration::from_micros(45), "{cpu:?}");
            assert!(resident < 10 << 10, "{resident} KiB");
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn of_a_large_body() {
    let sink = Sink::start([Answer::status(202)]);
    let receiver = Receiver::start(&sink.url(), &[]);
    let mut body = br#"{"pad":""#.to_vec();
    body.resize(26_214_400 - 2, b'x');
    body.extend_from_slice(br#""}"#);
    assert_eq!(
        receiver.send(&Hook::new("Push Hook", "k", body)).status,
        202
    );
    println!(
        "25 MiB: {} MiB at the peak",
        receiver.process.peak_resident() >> 20
    );
}

#[test]
#[ignore = "a measurement"]
fn of_a_start() {
    let sink = Sink::start([Answer::status(202)]);
    let folder = tempfile::tempdir().unwrap();
    let spool = [("SPOOL_DIR", folder.path().to_str().unwrap())];
    let times = |changes: &[(&str, &str)]| {
        let mut times: Vec<Duration> = (0..20)
            .map(|_| {
                let receiver = Receiver::start(&sink.url(), changes);
                receiver.process.started().elapsed()
            })
            .collect();
        times.sort();
        (times[10], times[19])
    };
    let (median, worst) = times(&[]);
    println!("ready after {median:?}, at worst {worst:?}");
    assert!(median <= Duration::from_millis(20), "{median:?}");

    // After a SIGKILL the store looks through its file.
    let away = ("K_SINK", "http://127.0.0.1:1");
    let receiver = Receiver::start(&sink.url(), &[spool[0], away]);
    let body = format!("\"{}\"", "x".repeat(100_000)).into_bytes();
    let mut line = Line::open(receiver.address).unwrap();
    let mut accepted = 0;
    while line.push(&accepted.to_string(), &body).unwrap() == 202 {
        accepted += 1;
    }
    receiver.process.signal(Signal::KILL);
    let file = fs::metadata(folder.path().join("outbox.redb"))
        .unwrap()
        .len()
        >> 20;
    drop(receiver);
    let receiver = Receiver::start(&sink.url(), &[spool[0], away]);
    println!(
        "after a kill with {accepted} events in a file of {file} MiB: ready after {:?}, {} MiB resident",
        receiver.process.started().elapsed(),
        receiver.process.resident() >> 20
    );
    assert!(TcpStream::connect(receiver.address).is_ok());
}
