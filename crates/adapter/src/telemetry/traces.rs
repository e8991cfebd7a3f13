//! Spans: where they go, which are recorded, and the provider that makes them.
//!
//! The spans of a send or of a received request are in `spans`. Nothing here waits for a collector.
//! Contract: `adapter-runtime.md` 5.6.

mod propagation;
mod spans;
mod stdout;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::runtime::TokioCurrentThread;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanProcessor};

use super::config::{self, Traces};
use super::otlp::{self, OtlpError};
use crate::env::Env;
pub(super) use propagation::propagator;
pub use propagation::{extract, inject};
pub use spans::{EventAttributes, ProcessSpan, ReceiveSpan, RequestOutcome, RequestSpan, SendSpan};

const CLOUDEVENTS_SCOPE: &str = "github.com/cloudevents/sdk-go/observability/opentelemetry/v2";

/// Makes spans; costs nothing while tracing is off. A copy is cheap.
#[derive(Clone, Debug, Default)]
pub struct Tracing(Option<Tracers>);

#[derive(Clone, Debug)]
struct Tracers {
    /// For the event as a whole.
    events: SdkTracer,
    /// For each request.
    requests: SdkTracer,
}

impl Tracing {
    /// No spans, no trace headers.
    pub fn off() -> Self {
        Self(None)
    }

    /// Spans made by this provider.
    pub fn new(provider: &SdkTracerProvider) -> Self {
        let requests = InstrumentationScope::builder(super::HTTP_SCOPE)
            .with_version(super::HTTP_SCOPE_VERSION)
            .build();
        Self(Some(Tracers {
            events: provider.tracer(CLOUDEVENTS_SCOPE),
            requests: provider.tracer_with_scope(requests),
        }))
    }

    /// Whether requests carry a trace header.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

/// The provider for a configuration; `None` if tracing is off.
///
/// If the exporter cannot be built, spans are made and travel, but none is exported: what other
/// services record must not depend on our exporter.
pub(super) fn provider(
    traces: &Traces,
    resource: &Resource,
    env: &Env,
) -> Option<SdkTracerProvider> {
    let builder = SdkTracerProvider::builder().with_resource(resource.clone());
    let (sampler, builder) = match traces {
        Traces::Off => return None,
        Traces::Stdout(sampler) => (
            sampler,
            builder.with_span_processor(batch(stdout::Exporter::default())),
        ),
        Traces::Push { collector, sampler } => match otlp::spans(collector, env) {
            Ok(exporter) => (sampler, builder.with_span_processor(batch(exporter))),
            Err(error) => {
                not_exported(&error);
                (sampler, builder)
            }
        },
    };
    Some(builder.with_sampler(sdk_sampler(*sampler)).build())
}

fn not_exported(error: &OtlpError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "Spans are not exported.");
}

/// Batches go out from a thread of their own, so that a flush at exit cannot wait for itself.
fn batch(
    exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
) -> impl SpanProcessor + 'static {
    BatchSpanProcessor::builder(exporter, TokioCurrentThread).build()
}

fn sdk_sampler(sampler: config::Sampler) -> Sampler {
    let parent_or = |root| Sampler::ParentBased(Box::new(root));
    match sampler {
        config::Sampler::Always => Sampler::AlwaysOn,
        config::Sampler::Never => Sampler::AlwaysOff,
        config::Sampler::Ratio(share) => Sampler::TraceIdRatioBased(share),
        config::Sampler::ParentOrAlways => parent_or(Sampler::AlwaysOn),
        config::Sampler::ParentOrNever => parent_or(Sampler::AlwaysOff),
        config::Sampler::ParentOrRatio(share) => parent_or(Sampler::TraceIdRatioBased(share)),
    }
}
