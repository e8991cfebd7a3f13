//! The adapter's own gauges: per watch how it is doing, and what waits for the sink.
//!
//! Counters of events are the shared runtime's.

use adapter::telemetry;
use cluster::watch::State;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

use crate::outbox::Outbox;
use crate::watches::{Row, Watches};

const SCOPE: &str = "knative.adapter.apiserver";

/// Installs the gauges, if metrics are on.
pub fn install(watches: &Watches, outbox: &Outbox) {
    let Some(meter) = telemetry::handle().meter(SCOPE) else {
        return;
    };
    states(&meter, watches);
    ages(&meter, watches);
    counts(&meter, watches);
    queue(&meter, outbox);
    let watches = watches.clone();
    meter
        .u64_observable_gauge("kn.apiserver.resources.missing")
        .with_description("Configured resources that the API server does not have.")
        .with_callback(move |gauge| gauge.observe(watches.missing() as u64, &[]))
        .build();
}

/// One point for each watch; what it says is in the label.
fn states(meter: &Meter, watches: &Watches) {
    let watches = watches.clone();
    meter
        .u64_observable_gauge("kn.apiserver.watch.state")
        .with_description("1 for the state that a watch is in: starting, up, refused or down.")
        .with_callback(move |gauge| {
            watches.each(|row| {
                let (state, code) = match row.status.state() {
                    State::Starting => ("starting", None),
                    State::Up => ("up", None),
                    State::Refused(code) => ("refused", Some(code)),
                    State::Down => ("down", None),
                };
                let mut labels = labels(row).to_vec();
                labels.push(KeyValue::new("state", state));
                labels.extend(code.map(|code| KeyValue::new("code", i64::from(code))));
                gauge.observe(1, &labels);
            });
        })
        .build();
}

fn ages(meter: &Meter, watches: &Watches) {
    let watches = watches.clone();
    meter
        .f64_observable_gauge("kn.apiserver.watch.silence")
        .with_unit("s")
        .with_description("Time since the last event, bookmark or page of a list.")
        .with_callback(move |gauge| {
            watches.each(|row| {
                if let Some(silence) = row.status.silent_for() {
                    gauge.observe(silence.as_secs_f64(), &labels(row));
                }
            });
        })
        .build();
}

fn counts(meter: &Meter, watches: &Watches) {
    type Count = fn(&Row) -> u64;
    let counters: [(&str, &str, Count); 4] = [
        (
            "kn.apiserver.watch.restarts",
            "Watches opened after the first one.",
            |row| row.status.watches().saturating_sub(1),
        ),
        (
            "kn.apiserver.watch.gaps",
            "How often changes were missed.",
            |row| row.status.gaps(),
        ),
        (
            "kn.apiserver.watch.repaired",
            "Missed changes that were announced afterwards.",
            |row| row.repairs.announced(),
        ),
        (
            "kn.apiserver.watch.lost",
            "Missed deletes that could not be announced.",
            |row| row.repairs.lost(),
        ),
    ];
    for (name, description, value) in counters {
        let watches = watches.clone();
        meter
            .u64_observable_counter(name)
            .with_description(description)
            .with_callback(move |counter| {
                watches.each(|row| counter.observe(value(row), &labels(row)));
            })
            .build();
    }
}

fn queue(meter: &Meter, outbox: &Outbox) {
    let queue = outbox.clone();
    meter
        .u64_observable_gauge("kn.apiserver.queue.events")
        .with_unit("{event}")
        .with_description("Events that the sink does not have yet.")
        .with_callback(move |gauge| gauge.observe(queue.depth() as u64, &[]))
        .build();
    let queue = outbox.clone();
    meter
        .f64_observable_gauge("kn.apiserver.queue.oldest_age")
        .with_unit("s")
        .with_description("How long the oldest of them has waited.")
        .with_callback(move |gauge| gauge.observe(queue.oldest_age().as_secs_f64(), &[]))
        .build();
}

fn labels(row: &Row) -> [KeyValue; 2] {
    [
        KeyValue::new("resource", row.resource.clone()),
        KeyValue::new("namespace", row.namespace.clone()),
    ]
}
