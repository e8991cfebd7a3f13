//! What a receiver measures of each request, under upstream's names (event-display.md 7).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use opentelemetry::metrics::{Histogram, MeterProvider};
use opentelemetry::{InstrumentationScope, KeyValue, StringValue};

/// Room for the attributes of one request.
const ATTRIBUTES: usize = 8;

/// The instruments of one listener. Costs nothing while metrics are off; a copy is cheap.
#[derive(Clone, Debug, Default)]
pub struct ReceiveMeter(Option<Arc<Instruments>>);

#[derive(Debug)]
struct Instruments {
    duration: Histogram<f64>,
    request_size: Histogram<u64>,
    response_size: Histogram<u64>,
}

/// One answered request. Health checks are not counted.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Methods beyond the standard ones are counted together, since anybody can invent more.
    pub method: &'a Method,
    /// The pattern that matched, never the path that was asked for.
    pub route: &'static str,
    /// `1.1`, `1.0` or `2`.
    pub protocol_version: &'static str,
    /// The name and port of this server as it knows them, not as the client spells them.
    pub server: (&'static str, u16),
    /// What was answered.
    pub status: u16,
    /// From the request's head to the answer.
    pub took: Duration,
    /// Bytes of the request's body.
    pub request_size: u64,
    /// Bytes of the answer's body.
    pub response_size: u64,
}

impl ReceiveMeter {
    /// Measures nothing.
    pub fn off() -> Self {
        Self(None)
    }

    /// Instruments of this provider.
    pub fn new(provider: &dyn MeterProvider) -> Self {
        let meter = provider.meter_with_scope(
            InstrumentationScope::builder(crate::telemetry::HTTP_SCOPE)
                .with_version(crate::telemetry::HTTP_SCOPE_VERSION)
                .build(),
        );
        let size = |name, description| {
            meter
                .u64_histogram(name)
                .with_unit("By")
                .with_description(description)
                .build()
        };
        Self(Some(Arc::new(Instruments {
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Duration of HTTP server requests.")
                .with_boundaries(super::SECONDS.to_vec())
                .build(),
            request_size: size(
                "http.server.request.body.size",
                "Size of HTTP server request bodies.",
            ),
            response_size: size(
                "http.server.response.body.size",
                "Size of HTTP server response bodies.",
            ),
        })))
    }

    /// One request was answered.
    pub fn answered(&self, received: &Received<'_>) {
        let Some(instruments) = &self.0 else { return };
        let mut attributes = Vec::with_capacity(ATTRIBUTES);
        attributes.extend([
            KeyValue::new("http.request.method", method(received.method)),
            KeyValue::new("http.response.status_code", i64::from(received.status)),
            KeyValue::new("http.route", received.route),
            KeyValue::new("network.protocol.name", "http"),
            KeyValue::new("network.protocol.version", received.protocol_version),
            KeyValue::new("server.address", received.server.0),
            KeyValue::new("server.port", i64::from(received.server.1)),
            KeyValue::new("url.scheme", "http"),
        ]);
        instruments
            .duration
            .record(received.took.as_secs_f64(), &attributes);
        instruments
            .request_size
            .record(received.request_size, &attributes);
        instruments
            .response_size
            .record(received.response_size, &attributes);
    }
}

fn method(method: &Method) -> StringValue {
    let known = match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => "_OTHER",
    };
    Cow::Borrowed(known).into()
}
