//! Logs, metrics and traces, as the two JSON variables ask for them.
//!
//! [`init`] installs everything once per process; what measures or traces gets its instruments
//! from [`handle()`]. While a part is off it costs nothing, and no part can delay or fail an event.
//! Contract: `adapter-runtime.md` 5. What each metric means: `docs/observability.md`.

pub mod config;
mod handle;
mod listeners;
pub mod logs;
pub mod metrics;
mod otlp;
mod resource;
mod scrape;
mod target;
pub mod traces;

use std::borrow::Cow;
use std::io::IsTerminal as _;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;
use tracing_subscriber::layer::SubscriberExt as _;

use self::config::{Logging, Metrics, Observability};
pub use self::handle::{Handle, handle};
use self::logs::{FieldValue, Identity, LogLayer};
use self::metrics::Meters;
pub use self::target::Target;
use self::traces::Tracing;
use crate::env::Env;
use crate::shutdown::Shutdown;

/// Scope of upstream's HTTP metrics, kept so that dashboards go on working (5.7).
const HTTP_SCOPE: &str = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp";
const HTTP_SCOPE_VERSION: &str = "0.69.0";
/// Scope of the metrics that upstream doesn't have.
pub const OWN_SCOPE: &str = "knative.adapter";

/// The revision that this program was built from, if the build said so.
const COMMIT: Option<&str> = option_env!("COMMIT");
/// As many letters of it as upstream shows.
const COMMIT_LETTERS: usize = 7;

/// What telemetry is set up with.
#[derive(Clone)]
pub struct Options {
    /// `service.name` of metrics and spans.
    pub component: &'static str,
    /// `service.version`.
    pub version: &'static str,
    /// The logger's name on each line; empty leaves it out.
    pub logger: &'static str,
    /// Crates whose lines are written from the configured level on; others only warn.
    pub crates: &'static [&'static str],
    /// Fields on every line, such as `knative.dev/pod`.
    pub log_fields: Vec<(String, String)>,
    /// How lines look and where they go.
    pub logging: Logging,
    /// Where metrics and spans go.
    pub observability: Observability,
    /// Whether the profiling port is listened on, as stock adapters always do (5.5).
    pub profiling_listener: bool,
    /// For the `OTEL_*` variables, the pod and the namespace.
    pub env: Env,
}

/// What runs behind the instruments. Ends with [`Telemetry::shutdown`].
#[derive(Debug)]
pub struct Telemetry {
    handle: Handle,
    tracer: Option<SdkTracerProvider>,
    listeners: Shutdown,
}

/// Installs logs, metrics and traces for the process. Only the first call counts.
///
/// Needs a running tokio runtime if there is a listener. Never fails: what cannot work is logged
/// and left off.
pub fn init(options: &Options) -> Telemetry {
    let layer = LogLayer::new(&suited(&options.logging), identity(options), options.crates);
    let level = layer.level();
    let subscriber = tracing_subscriber::registry().with(layer);
    // Another subscriber is there already only if a test has set it.
    let _ = tracing::subscriber::set_global_default(subscriber);
    warn_about(options);

    let mut telemetry = Telemetry::start(options);
    telemetry.handle.level = Some(level);
    if let Some(provider) = &telemetry.handle.meters {
        global::set_meter_provider(provider.clone());
    }
    if let Some(provider) = &telemetry.tracer {
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(traces::propagator());
    }
    handle::install(telemetry.handle.clone());
    telemetry
}

/// While nothing is configured, whoever looks at a terminal gets lines for people.
fn suited(logging: &Logging) -> Cow<'_, Logging> {
    if *logging == Logging::built_in() && std::io::stderr().is_terminal() {
        Cow::Owned(Logging::plain())
    } else {
        Cow::Borrowed(logging)
    }
}

fn identity(options: &Options) -> Identity {
    let commit = COMMIT.map(|commit| ("commit".to_owned(), FieldValue::Text(revision(commit))));
    let own = options.log_fields.iter().cloned();
    Identity {
        logger: options.logger.to_owned(),
        fields: commit
            .into_iter()
            .chain(own.map(|(name, value)| (name, FieldValue::Text(value))))
            .collect(),
    }
}

/// `8cf4c4b`, or `8cf4c4b-dirty`.
fn revision(commit: &str) -> String {
    let short: String = commit.chars().take(COMMIT_LETTERS).collect();
    if commit.ends_with("-dirty") {
        short + "-dirty"
    } else {
        short
    }
}

fn warn_about(options: &Options) {
    let logging = options.logging.warning.iter();
    for warning in logging.chain(&options.observability.warnings) {
        tracing::warn!(
            error = warning,
            "Part of the telemetry configuration is not used."
        );
    }
    if options.observability.profiling {
        tracing::info!("Profiling is asked for, but this program has nothing to profile it with.");
    }
}

impl Telemetry {
    /// The same as [`init`] without logs and without touching the process, as tests want it.
    pub fn start(options: &Options) -> Self {
        let observability = &options.observability;
        let resource = resource::build(options.component, options.version, &options.env);
        let meters = Meters::start(&observability.metrics, &resource, &options.env);
        let tracer = traces::provider(&observability.traces, &resource, &options.env);

        let stop = Shutdown::default();
        if let (Metrics::Prometheus(listener), Some(registry)) =
            (&observability.metrics, meters.registry)
        {
            listeners::metrics(listener, registry, &stop);
        }
        if options.profiling_listener {
            listeners::profiling(&options.env, &stop);
        }
        let tracing = tracer.as_ref().map_or_else(Tracing::off, Tracing::new);
        let handle = Handle {
            meters: meters.provider,
            tracing,
            level: None,
        };
        Self {
            handle,
            tracer,
            listeners: stop,
        }
    }

    /// The instruments.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Sends what is left and closes the listeners; gives up after `deadline`.
    pub async fn shutdown(self, deadline: Duration) {
        self.listeners.cut();
        let tracer = self
            .tracer
            .map(|tracer| flushed(move || tracer.shutdown().is_ok()));
        let meters = self
            .handle
            .meters
            .map(|meters| flushed(move || meters.shutdown().is_ok()));
        let both = async {
            let (mut spans, mut metrics) = (true, true);
            if let Some(tracer) = tracer {
                spans = tracer.await.unwrap_or(false);
            }
            if let Some(meters) = meters {
                metrics = meters.await.unwrap_or(false);
            }
            (spans, metrics)
        };
        match tokio::time::timeout(deadline, both).await {
            Ok((true, true)) => {}
            Ok((spans, metrics)) => {
                tracing::warn!(
                    spans,
                    metrics,
                    "The last telemetry did not reach the collector."
                );
            }
            Err(_) => tracing::warn!("The last telemetry did not reach the collector in time."),
        }
    }
}

/// Runs a flush, which blocks, beside the runtime that it may depend on.
fn flushed(flush: impl FnOnce() -> bool + Send + 'static) -> oneshot::Receiver<bool> {
    let (done, flushed) = oneshot::channel();
    std::thread::spawn(move || done.send(flush()));
    flushed
}

#[cfg(test)]
mod tests;
