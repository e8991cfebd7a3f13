//! What a replica costs and how much it stands. Slow and only meaningful for an optimised build:
//! `cargo test --release -p ping-adapter --test load -- --ignored --nocapture --test-threads=1`.

mod common;

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, TimeDelta, Timelike as _, Utc};
use common::cluster::{SOURCES, api_server, golden, source};
use common::{id, time};
use testkit::{Answer, Sink};

#[test]
#[ignore = "half a minute, and figures of an optimised build"]
fn five_hundred_sources_every_two_seconds() {
    const SECONDS: u32 = 20;
    let (server, sink) = (api_server(), Sink::start([Answer::status(202)]));
    for number in 0..500 {
        server.apply(
            SOURCES,
            source(&format!("p{number}"), "*/2 * * * * *", &sink.url()),
        );
    }
    let process = golden(&server).start();
    sink.wait_for(1000, Duration::from_secs(30));
    let (before, cpu) = (sink.requests().len(), process.cpu());
    sleep(Duration::from_secs(SECONDS.into()));
    let events = u32::try_from(sink.requests().len() - before).expect("a number");
    let each = process.cpu().saturating_sub(cpu) / events;
    let resident = process.resident() / 1024;
    println!("{events} events in {SECONDS} s: {each:?} of CPU each, {resident} KiB resident");
    assert!(events >= 500 * SECONDS / 2 - 500);
    assert!(each <= Duration::from_micros(40), "{each:?}");
    assert!(resident <= 16 * 1024, "{resident} KiB");
}

#[test]
#[ignore = "a minute, and figures of an optimised build"]
fn ten_thousand_sources_on_one_second() {
    let (server, sink) = (api_server(), Sink::start([Answer::status(202)]));
    for number in 0..10_000 {
        server.apply(
            SOURCES,
            source(&format!("p{number}"), "*/20 * * * * *", &sink.url()),
        );
    }
    let process = golden(&server).start();
    // The first tick may come while the sources are still being read.
    sink.wait_for(1, Duration::from_mins(1));
    let second = TimeDelta::seconds(20);
    let tick = Utc::now().duration_trunc(second).expect("a time") + second;
    sleep((tick - Utc::now()).to_std().unwrap_or_default() + Duration::from_secs(5));
    let of_tick = |at: &DateTime<Utc>| *at >= tick && *at < tick + second;
    let requests: Vec<_> = sink
        .requests()
        .into_iter()
        .filter(|it| of_tick(&time(it)))
        .collect();
    let ids: HashSet<String> = requests.iter().map(id).collect();
    assert_eq!((requests.len(), ids.len()), (10_000, 10_000));
    // From wall clock to the sink's monotonic one.
    let now = (Instant::now(), Utc::now());
    let last = requests
        .iter()
        .map(|request| request.at)
        .max()
        .expect("requests");
    let since_tick = (now.1 - tick).to_std().unwrap_or_default();
    let took = since_tick.saturating_sub(now.0 - last);
    let resident = process.resident() / 1024;
    println!(
        "10 000 events, the last {took:?} after second {}, {resident} KiB resident",
        tick.second()
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
}
