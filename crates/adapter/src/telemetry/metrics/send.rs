//! What a sender measures: each request under upstream's names, each event under ours.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram, MeterProvider, UpDownCounter};
use opentelemetry::{InstrumentationScope, KeyValue};

use crate::telemetry::target::{Target, text};
use crate::telemetry::traces::RequestOutcome;

/// Room for the attributes that a request adds to the fixed ones.
const PER_REQUEST: usize = 1;

/// The instruments of one sink, or of one source's events on their way to it.
///
/// Costs nothing while metrics are off. A copy is cheap, and so is one with more labels.
#[derive(Clone, Debug, Default)]
pub struct SendMeter(Option<Labelled>);

#[derive(Clone, Debug)]
struct Labelled {
    instruments: Arc<Instruments>,
    /// Of the request metrics: method, server, labels.
    request: Arc<[KeyValue]>,
    /// Of the event metrics: labels.
    event: Arc<[KeyValue]>,
}

#[derive(Debug)]
struct Instruments {
    duration: Histogram<f64>,
    body_size: Histogram<u64>,
    sent: Counter<u64>,
    retried: Counter<u64>,
    failed: Counter<u64>,
    in_flight: UpDownCounter<i64>,
}

impl Instruments {
    fn new(provider: &dyn MeterProvider) -> Self {
        let http = provider.meter_with_scope(
            InstrumentationScope::builder(crate::telemetry::HTTP_SCOPE)
                .with_version(crate::telemetry::HTTP_SCOPE_VERSION)
                .build(),
        );
        let events = provider.meter(crate::telemetry::OWN_SCOPE);
        let counter = |name, description| {
            events
                .u64_counter(name)
                .with_unit("{event}")
                .with_description(description)
                .build()
        };
        Self {
            duration: http
                .f64_histogram("http.client.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP client requests.")
                .with_boundaries(super::SECONDS.to_vec())
                .build(),
            body_size: http
                .u64_histogram("http.client.request.body.size")
                .with_unit("By")
                .with_description("Size of HTTP client request bodies.")
                .build(),
            sent: counter(
                "knative.adapter.events.sent",
                "Events that their sink accepted.",
            ),
            retried: counter(
                "knative.adapter.events.retried",
                "Attempts after the first one, over all events.",
            ),
            failed: counter(
                "knative.adapter.events.failed",
                "Events that were given up or dropped, by reason.",
            ),
            in_flight: events
                .i64_up_down_counter("knative.adapter.events.in_flight")
                .with_unit("{event}")
                .with_description("Events taken on and neither accepted nor given up yet.")
                .build(),
        }
    }
}

impl SendMeter {
    /// Measures nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// The instruments for requests to this sink.
    pub fn new(provider: &dyn MeterProvider, target: &Target) -> Self {
        let mut request = vec![
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("url.scheme", text(&target.scheme)),
        ];
        request.extend(target.server());
        Self(Some(Labelled {
            instruments: Arc::new(Instruments::new(provider)),
            request: request.into(),
            event: Arc::new([]),
        }))
    }

    /// The same instruments with labels such as `kn.source.name`; make it once per source and
    /// event type, not once per event.
    #[must_use]
    pub fn with_labels<'a>(
        &self,
        labels: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) -> Self {
        let Some(base) = &self.0 else {
            return Self(None);
        };
        let shared = |(key, value): (&'static str, &str)| KeyValue::new(key, text(&value.into()));
        let labels: Vec<KeyValue> = labels.into_iter().map(shared).collect();
        let joined = |fixed: &[KeyValue]| fixed.iter().chain(&labels).cloned().collect();
        Self(Some(Labelled {
            instruments: Arc::clone(&base.instruments),
            request: joined(&base.request),
            event: joined(&base.event),
        }))
    }

    /// One request has ended; `body` is the size of what it carried, in bytes.
    pub fn request(&self, outcome: RequestOutcome<'_>, took: Duration, body: u64) {
        let Some(Labelled {
            instruments,
            request,
            ..
        }) = &self.0
        else {
            return;
        };
        let mut attributes = Vec::with_capacity(request.len() + PER_REQUEST);
        attributes.extend_from_slice(request);
        attributes.push(match outcome {
            RequestOutcome::Answered(status) => {
                KeyValue::new("http.response.status_code", i64::from(status))
            }
            RequestOutcome::Broken { kind, .. } => KeyValue::new("error.type", kind.to_owned()),
        });
        instruments.duration.record(took.as_secs_f64(), &attributes);
        instruments.body_size.record(body, &attributes);
    }

    /// An event was accepted.
    pub fn sent(&self) {
        if let Some(Labelled {
            instruments, event, ..
        }) = &self.0
        {
            instruments.sent.add(1, event);
        }
    }

    /// An event is tried once more.
    pub fn retried(&self) {
        if let Some(Labelled {
            instruments, event, ..
        }) = &self.0
        {
            instruments.retried.add(1, event);
        }
    }

    /// An event was given up or dropped.
    pub fn failed(&self, reason: impl Into<Cow<'static, str>>) {
        if let Some(Labelled {
            instruments, event, ..
        }) = &self.0
        {
            let mut attributes = event.to_vec();
            attributes.push(KeyValue::new("reason", reason.into()));
            instruments.failed.add(1, &attributes);
        }
    }

    /// An event was taken on; it counts as in flight until the answer is dropped.
    #[must_use = "the event counts as in flight until this is dropped"]
    pub fn in_flight(&self) -> InFlight {
        if let Some(Labelled { instruments, .. }) = &self.0 {
            instruments.in_flight.add(1, &[]);
        }
        InFlight(
            self.0
                .as_ref()
                .map(|labelled| Arc::clone(&labelled.instruments)),
        )
    }
}

/// An event in flight.
#[derive(Debug)]
pub struct InFlight(Option<Arc<Instruments>>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(instruments) = &self.0 {
            instruments.in_flight.add(-1, &[]);
        }
    }
}
