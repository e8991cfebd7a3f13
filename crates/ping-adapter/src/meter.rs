//! What only this program measures: ticks, sources and leases (docs/ping-adapter.md).
//!
//! What every sender measures is in `adapter::telemetry`.

use adapter::telemetry;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge};

const SCOPE: &str = "knative.adapter";

/// The instruments; without metrics they cost nothing. Make them after telemetry has started.
#[derive(Clone, Debug, Default)]
pub struct Meter(Option<Instruments>);

#[derive(Clone, Debug)]
struct Instruments {
    fired: Counter<u64>,
    late: Counter<u64>,
    caught_up: Counter<u64>,
    dropped: Counter<u64>,
    sources: Gauge<u64>,
    leases: Gauge<u64>,
}

impl Meter {
    /// The instruments of this process.
    pub fn of_process() -> Self {
        Self(telemetry::handle().meter(SCOPE).map(|meter| {
            let counter = |name, description| {
                meter
                    .u64_counter(name)
                    .with_unit("{tick}")
                    .with_description(description)
                    .build()
            };
            let gauge = |name, unit, description| {
                meter
                    .u64_gauge(name)
                    .with_unit(unit)
                    .with_description(description)
                    .build()
            };
            Instruments {
                fired: counter("knative.ping.ticks.fired", "Ticks that became an event."),
                late: counter("knative.ping.ticks.late", "Ticks fired over a second late."),
                caught_up: counter(
                    "knative.ping.ticks.caught_up",
                    "Ticks made up for when sources were taken over from another replica.",
                ),
                dropped: counter(
                    "knative.ping.ticks.dropped",
                    "Ticks without an event: too many are on their way to the sink.",
                ),
                sources: gauge(
                    "knative.ping.sources",
                    "{source}",
                    "Sources with a schedule.",
                ),
                leases: gauge(
                    "knative.ping.leases",
                    "{lease}",
                    "Leases held by this replica.",
                ),
            }
        }))
    }

    /// A tick fires; `late` when it should have over a second ago.
    pub fn fired(&self, late: bool, caught_up: bool) {
        let Some(instruments) = &self.0 else { return };
        instruments.fired.add(1, &[]);
        if caught_up {
            instruments.caught_up.add(1, &[]);
        } else if late {
            instruments.late.add(1, &[]);
        }
    }

    /// A tick was given up before it became an event.
    pub fn dropped(&self, reason: &'static str) {
        if let Some(instruments) = &self.0 {
            instruments
                .dropped
                .add(1, &[KeyValue::new("reason", reason)]);
        }
    }

    /// How many sources are on the agenda.
    pub fn sources(&self, count: usize) {
        if let Some(instruments) = &self.0 {
            instruments.sources.record(count as u64, &[]);
        }
    }

    /// How many leases are held.
    pub fn leases(&self, count: usize) {
        if let Some(instruments) = &self.0 {
            instruments.leases.record(count as u64, &[]);
        }
    }
}
