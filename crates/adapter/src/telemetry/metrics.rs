//! Metrics: the provider for a configuration, and the instruments that our own code uses.
//!
//! What each metric means is in `docs/observability.md`; the listener that Prometheus asks is in
//! `listeners`. Contract: `adapter-runtime.md` 5.3, 5.4 and 5.7.

mod process;
mod receive;
mod send;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::periodic_reader_with_async_runtime::PeriodicReader;
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use opentelemetry_sdk::runtime::TokioCurrentThread;
use prometheus::Registry;

use super::config::Metrics;
use super::otlp::{self, OtlpError};
use crate::env::Env;
pub use receive::{ReceiveMeter, Received};
pub use send::{InFlight, SendMeter};

/// Bounds of the duration histograms, in seconds (5.7). The exporters' own are meant for
/// milliseconds.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Distinct label sets of one metric before the rest is counted together. One pod may serve
/// thousands of sources.
const LABEL_SETS: usize = 20_000;

/// Where measurements go.
#[derive(Debug, Default)]
pub(super) struct Meters {
    /// `None` if metrics are off.
    pub(super) provider: Option<SdkMeterProvider>,
    /// What Prometheus fetches; `None` unless that is how metrics leave.
    pub(super) registry: Option<Registry>,
}

/// Why there are no metrics although they are asked for.
#[derive(Debug, thiserror::Error)]
enum MetricsError {
    #[error(transparent)]
    Otlp(#[from] OtlpError),
    #[error("the Prometheus registry refused a collector")]
    Registry(#[from] prometheus::Error),
    #[error("the Prometheus exporter cannot be built")]
    Exporter(#[from] opentelemetry_sdk::error::OTelSdkError),
}

impl Meters {
    /// Starts what the configuration asks for. What cannot be started is logged and left off.
    pub(super) fn start(metrics: &Metrics, resource: &Resource, env: &Env) -> Self {
        Self::try_start(metrics, resource, env).unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "Metrics are off.");
            Self::default()
        })
    }

    fn try_start(metrics: &Metrics, resource: &Resource, env: &Env) -> Result<Self, MetricsError> {
        let builder = SdkMeterProvider::builder()
            .with_resource(resource.clone())
            .with_view(more_label_sets);
        match metrics {
            Metrics::Off => Ok(Self::default()),
            Metrics::Prometheus(_) => {
                let registry = Registry::new();
                registry.register(Box::new(process::Process::new()?))?;
                let reader = opentelemetry_prometheus::exporter()
                    .with_registry(registry.clone())
                    .build()?;
                let provider = builder.with_reader(reader).build();
                Ok(Self {
                    provider: Some(provider),
                    registry: Some(registry),
                })
            }
            Metrics::Push {
                collector,
                interval,
            } => {
                let exporter = otlp::metrics(collector, env)?;
                // In a thread of its own, so that a flush at exit cannot wait for itself.
                let reader = PeriodicReader::builder(exporter, TokioCurrentThread)
                    .with_interval(*interval)
                    .build();
                let provider = builder.with_reader(reader).build();
                Ok(Self {
                    provider: Some(provider),
                    registry: None,
                })
            }
        }
    }
}

fn more_label_sets(_: &Instrument) -> Option<Stream> {
    Stream::builder()
        .with_cardinality_limit(LABEL_SETS)
        .build()
        .ok()
}
