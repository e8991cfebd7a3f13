//! The figures of docs/apiserver-adapter.md, checked. They are promised for a release build that has
//! the machine for itself, so they run only when asked for:
//! `cargo test --release -p apiserver-adapter --test load -- --ignored --nocapture --test-threads 1`

mod common;

use std::io::Write as _;
use std::time::Duration;

use common::{Adapter, SOON, accepting, launch, until_events};
use serde_json::{Value, json};
use testkit::{ApiServer, Sink};

const CONFIG_MAPS: &str = "v1/configmaps";

fn config_map(name: &str, revision: usize, bytes: usize) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "data": {"revision": revision.to_string(), "filler": "x".repeat(bytes)},
    })
}

fn adapter(api: &ApiServer, sink: &Sink, mode: &str) -> Adapter {
    launch(api, &sink.url()).config(&json!({
        "namespaces": ["default"], "mode": mode,
        "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "configmaps"}}],
    }))
}

fn say(figure: &str) {
    // The figure is what the run is for.
    let _ = writeln!(std::io::stderr(), "{figure}");
}

#[test]
#[ignore = "a figure for release builds"]
fn thirty_thousand_objects_behind_one_watch_take_24_mb() {
    for mode in ["Resource", "Reference"] {
        let (api, sink) = (ApiServer::start(), accepting());
        for number in 0..30_000 {
            api.apply(CONFIG_MAPS, config_map(&format!("map-{number}"), 1, 4600));
        }
        let running = adapter(&api, &sink, mode).start();
        running.until_ready();
        let ready = running.process.started().elapsed();
        for number in 0..1000 {
            api.apply(CONFIG_MAPS, config_map(&format!("map-{number}"), 2, 4600));
        }
        until_events(&sink, 1000, 2 * SOON);
        let peak = running.process.peak_resident();
        let kilobytes = peak >> 10;
        say(&format!(
            "{mode}: peak {kilobytes} kB, ready after {ready:?}"
        ));
        assert!(peak < 24_000_000, "{mode}: {kilobytes} kB");
    }
}

#[test]
#[ignore = "a figure for release builds"]
fn an_event_takes_90_microseconds() {
    const OBJECTS: usize = 5000;
    let (api, sink) = (ApiServer::start(), accepting());
    for number in 0..OBJECTS {
        api.apply(CONFIG_MAPS, config_map(&format!("map-{number}"), 1, 2000));
    }
    let running = adapter(&api, &sink, "Resource").ready();
    let before = running.process.cpu();
    for number in 0..OBJECTS {
        let name = format!("map-{number}");
        api.apply(CONFIG_MAPS, config_map(&name, 2, 2000));
        api.delete(CONFIG_MAPS, "default", &name);
    }
    sink.wait_for(2 * OBJECTS, 4 * SOON);
    let cpu = running.process.cpu().saturating_sub(before);
    let micros = cpu.as_micros() / (2 * OBJECTS as u128);
    say(&format!("{micros} µs of CPU for each event"));
    assert!(micros <= 90, "{micros} µs");
}

#[test]
#[ignore = "a figure for release builds"]
fn it_is_ready_within_300_milliseconds() {
    let (api, sink) = (ApiServer::start(), accepting());
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            adapter(&api, &sink, "Reference")
                .ready()
                .process
                .started()
                .elapsed()
        })
        .collect();
    times.sort();
    say(&format!("ready after {:?}", times[4]));
    assert!(times[4] < Duration::from_millis(300), "{times:?}");
}
