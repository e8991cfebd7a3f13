//! A guard against memory that grows with the collection. The figures in docs/apiserver-adapter.md
//! are measured with a release build; this bound holds for any.

mod common;

use std::time::Duration;

use common::{PODS, SOON, accepting, pods, until_events};
use serde_json::json;
use testkit::ApiServer;

#[test]
fn five_thousand_objects_cost_little() {
    let (api, sink) = (ApiServer::start(), accepting());
    let filler = "x".repeat(4600);
    for number in 0..5000 {
        let metadata = json!({"name": format!("pod-{number}"), "namespace": "default"});
        api.apply(
            PODS,
            json!({"metadata": metadata, "data": {"filler": filler}}),
        );
    }
    let running = pods(&api, &sink.url(), "Resource").start();
    running.until_ready();
    let metadata = json!({"name": "pod-17", "namespace": "default"});
    api.apply(PODS, json!({"metadata": metadata, "data": {"filler": "y"}}));
    until_events(&sink, 1, SOON);
    std::thread::sleep(Duration::from_millis(100));
    let peak = running.process.peak_resident();
    // 24 MB of objects; a debug build alone has about 25 MB.
    assert!(peak < 48 << 20, "{} MB", peak >> 20);
}
