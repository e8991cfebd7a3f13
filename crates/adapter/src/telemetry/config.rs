//! What `K_LOGGING_CONFIG` and `K_OBSERVABILITY_CONFIG` ask for, as typed values.
//!
//! Pure: text and environment in, values out; nothing is opened or started here. Contract:
//! `adapter-runtime.md` 5.1 to 5.6, read with the leniency of 1.1.

mod collector;
mod lines;
mod listener;
mod logging;
mod observability;
mod sampler;
mod zap;

pub use collector::{Collector, Transport};
pub use lines::{CallerStyle, Encoding, Keys, Level, LevelStyle, Output, Sampling, TimeStyle};
pub use listener::{ClientCertificates, ListenerTls, PrometheusListener};
pub use logging::Logging;
pub use observability::{Metrics, Observability, Traces};
pub use sampler::Sampler;

/// The variable with the logging configuration.
pub const LOGGING: &str = "K_LOGGING_CONFIG";
/// The variable with the observability configuration.
pub const OBSERVABILITY: &str = "K_OBSERVABILITY_CONFIG";

#[cfg(test)]
mod tests;
