//! event-display: events of three sizes from few and from many connections.

use std::fmt::Write as _;

use bytes::Bytes;
use testkit::{free_port, get};

use super::{Scenario, Stage};
use crate::candidate::Adapter;
use crate::figure::{Figure, Figures};
use crate::load::{Load, NUMBER, Took};
use crate::running::{Running, Span, count};

const SIZES: &[u64] = &[30, 1_000, 32_000, 1_000_000];
const ROWS: &[u64] = &[30, 1_000, 1_000_000];
pub(super) const UNDER_LOAD: &[Figure] = &[
    Figure::CpuPerEvent,
    Figure::Rate,
    Figure::LatencyP99,
    Figure::Peak,
    Figure::SwitchesPerEvent,
];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        key: "event-display-16",
        adapter: Adapter::EventDisplay,
        title: "16 connections, events of {} B",
        axis: "bytes of an event",
        sizes: SIZES,
        rows: ROWS,
        shows: UNDER_LOAD,
        goals: &[(Figure::CpuPerEvent, 1.0 / 3.0)],
        above_floor: Some(2.0),
        measure: |stage, size| Some(measure(stage, size, 16)),
    },
    Scenario {
        key: "event-display-256",
        adapter: Adapter::EventDisplay,
        title: "256 connections, events of {} B",
        axis: "bytes of an event",
        sizes: SIZES,
        rows: ROWS,
        shows: UNDER_LOAD,
        goals: &[(Figure::CpuPerEvent, 1.0 / 3.0)],
        above_floor: Some(2.0),
        measure: |stage, size| Some(measure(stage, size, 256)),
    },
];

fn measure(stage: &Stage, bytes: u64, connections: usize) -> Figures {
    let mut running = start(stage);
    until_open(&mut running);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: display.example\r\nce-specversion: 1.0\r\nce-id: {NUMBER}\r\n\
         ce-type: com.example.order\r\nce-source: /shop\r\nContent-Type: application/json\r\n"
    );
    let load = Load {
        address: running.address(),
        connections,
        requests: stage.requests(requests_of(bytes)),
        first: 0,
        head,
        body: json_of(bytes),
    };
    under_load(&running, load, |_| ())
}

pub(super) fn start(stage: &Stage) -> Running {
    if let Some(programs) = stage.programs {
        return Running::start(programs.prepare(Adapter::EventDisplay));
    }
    let port = free_port();
    Running::floor(["accept".to_owned(), port.to_string()], port)
}

/// Waits until it answers.
pub(super) fn until_open(running: &mut Running) {
    let address = running.address();
    running.until("an answer", || get(address, "/healthz").is_ok());
}

/// Enough for a second or so.
pub(super) fn requests_of(bytes: u64) -> usize {
    match bytes {
        0..10_000 => 20_000,
        10_000..100_000 => 4_000,
        _ => 300,
    }
}

/// Warms up with a tenth of the load, then measures until `arrived` with so many requests.
pub(super) fn under_load(running: &Running, load: Load, arrived: impl Fn(usize)) -> Figures {
    // With numbers of its own: what comes twice is not sent on twice.
    let warm_up = Load {
        requests: load.requests / 10,
        first: load.first + load.requests,
        ..load.clone()
    };
    let warm = warm_up.requests;
    warm_up.run();
    arrived(warm);
    let (span, requests) = (running.span(), load.requests);
    let took = load.run();
    arrived(warm + requests);
    with_latencies(span, requests, &took)
}

fn with_latencies(span: Span, requests: usize, took: &Took) -> Figures {
    let mut figures = span.per_event(requests);
    let milliseconds = |share| took.quantile(share).as_secs_f64() * 1e3;
    figures.insert(Figure::Rate, count(requests) / took.elapsed.as_secs_f64());
    figures.insert(Figure::LatencyMedian, milliseconds(0.5));
    figures.insert(Figure::LatencyP99, milliseconds(0.99));
    figures
}

/// A JSON document of about this size, made of many small parts as real ones are.
pub(super) fn json_of(bytes: u64) -> Bytes {
    let bytes = usize::try_from(bytes).expect("a size");
    let mut text = String::from(r#"{"order":4711,"items":["#);
    let mut number = 0;
    while text.len() + 50 < bytes {
        let comma = if number > 0 { "," } else { "" };
        let count = number % 9;
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            r#"{comma}{{"sku":"A-{number:06}","count":{count},"paid":true}}"#
        );
        number += 1;
    }
    text += "]}";
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_about_the_size() {
        for bytes in SIZES {
            let body = json_of(*bytes);
            let off = u64::try_from(body.len()).unwrap().abs_diff(*bytes);
            assert!(off < 60, "{bytes}: {}", body.len());
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
        }
    }
}
