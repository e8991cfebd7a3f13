//! `K_OBSERVABILITY_CONFIG`: where metrics and traces go.
//!
//! Blocks are merged with their defaults as a whole, never field by field (adapter-runtime.md 5.2).
//! A protocol that upstream does not know ends a stock adapter and is only logged by the programs
//! that run without a controller: [`Observability::read`] and [`Observability::read_tolerant`].

use std::fmt;
use std::time::Duration;

use super::collector::{Collector, Transport};
use super::listener::PrometheusListener;
use super::sampler::Sampler;
use crate::env::{Env, Problem, Problems};
use crate::gojson::{self, Value};

/// Exit code for a block that names no known protocol (5.2).
const EXIT_BAD_BLOCK: u8 = 1;
const DEFAULT_METRIC_INTERVAL: Duration = Duration::from_mins(1);

/// Where metrics and traces go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observability {
    /// How metrics leave the process.
    pub metrics: Metrics,
    /// How spans leave the process.
    pub traces: Traces,
    /// `runtime.profiling` is `enabled`. There is nothing to profile with; it is only said so.
    pub profiling: bool,
    /// `enableSinkEventErrorReporting`: failed sends become Kubernetes Events (7.4).
    pub report_sink_errors: bool,
    /// What was wrong with the text, to be logged once.
    pub warnings: Vec<String>,
}

/// How metrics leave the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Metrics {
    /// They don't.
    #[default]
    Off,
    /// Prometheus fetches them.
    Prometheus(PrometheusListener),
    /// Pushed to a collector each `interval`.
    Push {
        /// Where to.
        collector: Collector,
        /// Time between two pushes.
        interval: Duration,
    },
}

/// How spans leave the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Traces {
    /// They don't, and no request carries a trace header.
    #[default]
    Off,
    /// As JSON lines on standard output.
    Stdout(Sampler),
    /// Pushed to a collector in batches.
    Push {
        /// Where to.
        collector: Collector,
        /// Which traces are recorded.
        sampler: Sampler,
    },
}

impl Observability {
    /// Reads the variable and what overrides it, for a stock adapter: a block that cannot work is
    /// a problem with exit code 1.
    pub fn read(text: Option<&str>, env: &Env) -> Result<Self, Problems> {
        let (observability, problems) = read(text, env);
        problems.into_result(|| Some(observability))
    }

    /// The same for a program that users run by hand: a block that cannot work is off, and logged.
    pub fn read_tolerant(text: Option<&str>, env: &Env) -> Self {
        let (mut observability, problems) = read(text, env);
        observability
            .warnings
            .extend(problems.iter().map(ToString::to_string));
        observability
    }
}

fn read(text: Option<&str>, env: &Env) -> (Observability, Problems) {
    let mut problems = Problems::default();
    let (blocks, warning) = match text.map_or(Ok(Blocks::default()), Blocks::parse) {
        Ok(blocks) => (blocks, None),
        Err(error) => {
            let warning = format!("{} is unusable: {error}.", super::OBSERVABILITY);
            (Blocks::default(), Some(warning))
        }
    };
    let metrics = problems.keep(blocks.metrics(env)).unwrap_or_default();
    let traces = problems.keep(blocks.traces(env)).unwrap_or_default();
    let observability = Observability {
        metrics,
        traces,
        profiling: blocks.profiling == "enabled",
        report_sink_errors: blocks.report_sink_errors,
        warnings: warning.into_iter().collect(),
    };
    (observability, problems)
}

/// The document as written; empty and zero stand for "not said".
#[derive(Default)]
struct Blocks {
    metrics_protocol: String,
    metrics_endpoint: String,
    /// Nanoseconds.
    metrics_interval: i64,
    traces_protocol: String,
    traces_endpoint: String,
    sampling_rate: f64,
    profiling: String,
    report_sink_errors: bool,
}

impl Blocks {
    fn parse(text: &str) -> Result<Self, gojson::Error> {
        let document = gojson::parse(text)?;
        document.members(super::OBSERVABILITY)?;
        let metrics = block(&document, "metrics")?;
        let traces = block(&document, "tracing")?;
        let runtime = block(&document, "runtime")?;
        integer(runtime, "exportInterval")?;
        Ok(Self {
            metrics_protocol: string(metrics, "protocol")?,
            metrics_endpoint: string(metrics, "endpoint")?,
            metrics_interval: integer(metrics, "exportInterval")?,
            traces_protocol: string(traces, "protocol")?,
            traces_endpoint: string(traces, "endpoint")?,
            sampling_rate: number(traces, "samplingRate")?,
            profiling: string(runtime, "profiling")?,
            report_sink_errors: boolean(&document, "enableSinkEventErrorReporting")?,
        })
    }

    fn metrics(&self, env: &Env) -> Result<Metrics, Problem> {
        let unsaid = self.metrics_endpoint.is_empty() && self.metrics_interval == 0;
        let transport = match self.metrics_protocol.as_str() {
            "none" => return Ok(Metrics::Off),
            "" if unsaid => return Ok(Metrics::Off),
            "prometheus" => {
                return PrometheusListener::read(&self.metrics_endpoint, env)
                    .map(Metrics::Prometheus);
            }
            "grpc" => Transport::Grpc,
            "http/protobuf" => Transport::Http,
            other => {
                return Err(unknown(
                    "metrics",
                    other,
                    "none, prometheus, grpc or http/protobuf",
                ));
            }
        };
        let collector = Collector::metrics(transport, &self.metrics_endpoint, env)?;
        Ok(Metrics::Push {
            collector,
            interval: self.metric_interval(env),
        })
    }

    /// The variable counts milliseconds; one that is no number means the default (5.3).
    fn metric_interval(&self, env: &Env) -> Duration {
        let asked = match env.non_empty("OTEL_METRIC_EXPORT_INTERVAL") {
            Some(millis) => millis.trim().parse().ok().map(Duration::from_millis),
            None => u64::try_from(self.metrics_interval)
                .ok()
                .map(Duration::from_nanos),
        };
        asked
            .filter(|interval| !interval.is_zero())
            .unwrap_or(DEFAULT_METRIC_INTERVAL)
    }

    fn traces(&self, env: &Env) -> Result<Traces, Problem> {
        let unsaid = self.traces_endpoint.is_empty() && self.sampling_rate == 0.0;
        let transport = match self.traces_protocol.as_str() {
            "none" => return Ok(Traces::Off),
            "" if unsaid => return Ok(Traces::Off),
            "stdout" => return Sampler::read(1.0, env).map(Traces::Stdout),
            "grpc" => Transport::Grpc,
            "http/protobuf" => Transport::Http,
            other => {
                return Err(unknown(
                    "tracing",
                    other,
                    "none, grpc, http/protobuf or stdout",
                ));
            }
        };
        let collector = Collector::traces(transport, &self.traces_endpoint, env)?;
        Ok(Traces::Push {
            collector,
            sampler: Sampler::read(self.sampling_rate, env)?,
        })
    }
}

fn unknown(block: &str, found: &str, want: &str) -> Problem {
    let variable = super::OBSERVABILITY;
    Problem::said(
        variable,
        format!(
            "{block}.protocol in {variable} is {found:?}: want {want}, \
             for example {{\"{block}\":{{\"protocol\":\"none\"}}}}."
        ),
    )
    .with_exit_code(EXIT_BAD_BLOCK)
}

fn block<'a>(document: &'a Value, name: &str) -> Result<&'a Value, gojson::Error> {
    let block = document.get(name).unwrap_or(&Value::Null);
    block.members(name)?;
    Ok(block)
}

fn string(block: &Value, name: &str) -> Result<String, gojson::Error> {
    block.get(name).map_or(Ok(String::new()), |value| {
        value.text(name).map(str::to_owned)
    })
}

/// Go takes no fraction and no exponent for an integer, not even `1e3`.
fn integer(block: &Value, name: &str) -> Result<i64, gojson::Error> {
    let Some(value) = block.get(name) else {
        return Ok(0);
    };
    match value {
        Value::Number(number) => number.as_i64(),
        _ => None,
    }
    .ok_or_else(|| value.not(name, "a whole number of nanoseconds"))
}

fn number(block: &Value, name: &str) -> Result<f64, gojson::Error> {
    let Some(value) = block.get(name) else {
        return Ok(0.0);
    };
    match value {
        Value::Number(number) => number.as_f64(),
        _ => None,
    }
    .ok_or_else(|| value.not(name, "a number from 0 to 1"))
}

fn boolean(block: &Value, name: &str) -> Result<bool, gojson::Error> {
    match block.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(other.not(name, "a boolean")),
    }
}

/// For `--check`.
impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("none"),
            Self::Prometheus(listener) => write!(f, "prometheus on {listener}"),
            Self::Push {
                collector,
                interval,
            } => write!(f, "{collector} every {interval:?}"),
        }
    }
}

/// For `--check`.
impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("none"),
            Self::Stdout(sampler) => write!(f, "stdout, {sampler}"),
            Self::Push { collector, sampler } => write!(f, "{collector}, {sampler}"),
        }
    }
}
