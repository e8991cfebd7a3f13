//! Flags and environment into what the program works with, every problem at once.
//!
//! Checked in the order of upstream, because the first problem decides the exit code. Contract:
//! containersource-heartbeats.md 4.2 to 4.6.

mod destination;

use std::time::Duration;

use adapter::env::{Env, Problem, Problems, go_bool};
use adapter::settings::overrides;
use adapter::telemetry::config::{OBSERVABILITY, Observability};
use serde::Deserialize;

use crate::beat::{Beat, default_source};
use crate::flags::Flags;
use crate::label;
use crate::period::{self, PeriodError};

pub use self::destination::Destination;

/// Exit code of upstream for a bad variable or flag value (4.6).
const EXIT_UPSTREAM: u8 = 1;

/// The variables as found; empty is told from unset where upstream does.
#[derive(Deserialize)]
struct Variables {
    k_sink: Option<String>,
    k_ca_certs: Option<String>,
    k_ce_overrides: Option<String>,
    k_sink_timeout: Option<String>,
    pod_name: Option<String>,
    pod_namespace: Option<String>,
    one_shot: Option<String>,
    exit_nonzero_on_failure: Option<String>,
    health_port: Option<String>,
}

/// What the program works with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where heartbeats go.
    pub destination: Destination,
    /// What the heartbeats have in common.
    pub beat: Beat,
    /// Whether the source was given; if not, it is logged at start.
    pub source_given: bool,
    /// Time between two heartbeats, longer than zero.
    pub period: Duration,
    /// Send one heartbeat and end.
    pub one_shot: bool,
    /// With `one_shot`: exit with 1 if it was not delivered.
    pub exit_nonzero_on_failure: bool,
    /// Where the probes are answered, if anywhere.
    pub health_port: Option<u16>,
    /// Where metrics and traces go; a bad part is off and named in its warnings.
    pub observability: Observability,
}

impl Config {
    /// Reads and checks everything.
    pub fn read(flags: Flags, env: &Env) -> Result<Self, Problems> {
        let variables: Variables = env.read();
        let mut problems = Problems::default();
        let source = source_of_pod(&variables, &mut problems);
        let one_shot = boolean("ONE_SHOT", variables.one_shot.as_deref());
        let one_shot = problems.keep(one_shot.map_err(|it| it.with_exit_code(EXIT_UPSTREAM)));
        let overrides = problems.keep(overrides(variables.k_ce_overrides.as_deref()));
        let destination = Destination::read(&variables, &flags, env, &mut problems);
        let period =
            problems.keep(period::parse(&flags.period).map_err(|error| period_problem(&error)));
        let exit_nonzero = variables.exit_nonzero_on_failure.as_deref();
        let exit_nonzero = exit_nonzero.filter(|text| !text.is_empty());
        let exit_nonzero = problems.keep(boolean("EXIT_NONZERO_ON_FAILURE", exit_nonzero));
        let health_port = problems.keep(health_port(variables.health_port.as_deref()));

        problems.into_result(|| {
            let source_given = !flags.event_source.is_empty();
            Some(Self {
                destination: destination?,
                beat: Beat {
                    source: if source_given {
                        flags.event_source
                    } else {
                        source?
                    },
                    ty: flags.event_type,
                    label: label::bytes(&flags.label),
                    msg: flags.msg,
                    overrides: overrides?,
                },
                source_given,
                period: period?,
                one_shot: one_shot?,
                exit_nonzero_on_failure: exit_nonzero?,
                health_port: health_port?,
                observability: Observability::read_tolerant(env.get(OBSERVABILITY), env),
            })
        })
    }

    /// The resolved values for `--check`, secrets masked.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let port = self
            .health_port
            .map_or("off".to_owned(), |it| it.to_string());
        let ignored = self.observability.warnings.join(" ");
        let mut settings = self.destination.settings();
        settings.extend(self.beat.settings());
        settings.extend([
            ("period", format!("{:?}", self.period)),
            ("one shot", self.one_shot.to_string()),
            (
                "exit 1 on failure",
                self.exit_nonzero_on_failure.to_string(),
            ),
            ("health port", port),
            ("metrics", self.observability.metrics.to_string()),
            ("traces", self.observability.traces.to_string()),
            ("telemetry ignored", or_none(ignored)),
        ]);
        settings
    }
}

/// The default source, of two variables that must be set.
fn source_of_pod(variables: &Variables, problems: &mut Problems) -> Option<String> {
    let pod = required("POD_NAME", variables.pod_name.as_deref(), "metadata.name");
    let pod = problems.keep(pod);
    let namespace = variables.pod_namespace.as_deref();
    let namespace = problems.keep(required("POD_NAMESPACE", namespace, "metadata.namespace"));
    Some(default_source(namespace?, pod?))
}

/// Empty is accepted, as upstream accepts it.
fn required<'a>(name: &str, value: Option<&'a str>, field: &str) -> Result<&'a str, Problem> {
    value.ok_or_else(|| {
        let message = format!(
            "required key {name} missing value: set it, for example from the pod's own field \
             {field} (valueFrom: fieldRef: fieldPath: {field})."
        );
        Problem::said(name, message).with_exit_code(EXIT_UPSTREAM)
    })
}

/// A Go boolean; unset is false, empty is an error.
fn boolean(name: &str, value: Option<&str>) -> Result<bool, Problem> {
    let Some(text) = value else { return Ok(false) };
    go_bool(text).ok_or_else(|| Problem::new(name, text, "want true or false", "true"))
}

fn health_port(text: Option<&str>) -> Result<Option<u16>, Problem> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(port @ 1..) => Ok(Some(port)),
            _ => Err(Problem::new(
                "HEALTH_PORT",
                text,
                "want a port from 1 to 65535",
                "8080",
            )),
        },
    }
}

fn period_problem(error: &PeriodError) -> Problem {
    let message = format!("{error}, for example -period=1m30s or -period=5.");
    Problem::said("-period", message).with_exit_code(EXIT_UPSTREAM)
}

/// `none` for what is empty, so that every line of `--check` says something.
pub(crate) fn or_none(text: String) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
