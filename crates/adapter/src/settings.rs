//! The variables that stock controllers give to every adapter, as typed values.
//!
//! What one adapter alone reads is in that adapter; `heartbeats`, which no controller writes
//! variables for, reads its own. Contract: `adapter-runtime.md` 1.2.

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use crate::deliver::report_rejected;
use crate::env::{Env, Problem, Problems};
use crate::event::Overrides;
use crate::sink::{DEFAULT_TIMEOUT, SinkUrl, SinkUrlError, masked};
use crate::tls;

/// Exit code of stock adapters for a bad variable (7.2).
const EXIT_STOCK: u8 = 1;

/// The variables as found. The contract tells empty from unset, so nothing is filled in here.
#[derive(Deserialize)]
struct Variables {
    k_sink: Option<String>,
    k_ce_overrides: Option<String>,
    k_ca_certs: Option<String>,
    k_sink_timeout: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

/// What every adapter needs to send its events.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `K_SINK`. Without a usable one stock adapters start and fail every event.
    pub sink: Result<SinkUrl, SinkUrlError>,
    /// `K_CE_OVERRIDES`.
    pub overrides: Overrides,
    /// `K_CA_CERTS`: PEM trusted for the sink.
    pub ca_certs: Option<String>,
    /// `K_SINK_TIMEOUT`, the limit of one attempt; 60 s unless it is a positive number of seconds.
    pub sink_timeout: Duration,
    /// `NAMESPACE`, empty if unset; sent as `Kn-Namespace`.
    pub namespace: String,
    /// `NAME`: the source's name.
    pub name: String,
    /// The TLS variables.
    pub tls: tls::Settings,
}

impl Settings {
    /// Reads the variables; what stock adapters end at goes to `problems` (exit code 1).
    pub fn from_env(env: &Env, problems: &mut Problems) -> Self {
        let variables: Variables = env.read();
        let overrides = problems.keep(overrides(variables.k_ce_overrides.as_deref()));
        Self {
            sink: problems
                .keep(sink(variables.k_sink.as_deref()))
                .unwrap_or(Err(SinkUrlError::Missing)),
            overrides: overrides.unwrap_or_default(),
            ca_certs: variables.k_ca_certs,
            sink_timeout: sink_timeout(variables.k_sink_timeout.as_deref()),
            namespace: variables.namespace.unwrap_or_default(),
            name: variables.name.unwrap_or_else(|| "adapter".to_owned()),
            tls: tls::Settings::from_env(env),
        }
    }

    /// The value of `Kn-Namespace`; empty if the namespace could never be a header.
    pub fn kn_namespace(&self) -> HeaderValue {
        HeaderValue::from_str(&self.namespace).unwrap_or(HeaderValue::from_static(""))
    }

    /// What every log line of a program with one source says of it.
    pub fn log_fields(&self) -> Vec<(String, String)> {
        [("source", &self.name), ("namespace", &self.namespace)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// Says at start what will not work although the process goes on (1.2, 3.4, 8.6).
    pub fn log(&self) {
        if let Err(error) = &self.sink {
            tracing::error!(
                %error,
                "K_SINK is not usable, so every event will fail; an example is K_SINK=http://event-display.default.svc.cluster.local."
            );
        }
        for problem in self.tls.check().err().iter().flat_map(Problems::iter) {
            tracing::error!(error = %problem, "No https sink can be reached.");
        }
        report_rejected(&self.overrides);
    }
}

/// Unparsable is an error; missing or without scheme and host is tolerated (1.2).
fn sink(text: Option<&str>) -> Result<Result<SinkUrl, SinkUrlError>, Problem> {
    let text = text.unwrap_or_default();
    match SinkUrl::parse(text) {
        Err(SinkUrlError::Unparsable(reason)) => Err(Problem::new(
            "K_SINK",
            &masked(text),
            &reason,
            "http://sink.default.svc.cluster.local",
        )
        .with_exit_code(EXIT_STOCK)),
        parsed => Ok(parsed),
    }
}

/// Reads `K_CE_OVERRIDES`; a text that is not such JSON ends the process (2.5).
pub fn overrides(text: Option<&str>) -> Result<Overrides, Problem> {
    let text = text.unwrap_or_default();
    Overrides::parse(text).map_err(|error| {
        Problem::new(
            "K_CE_OVERRIDES",
            text,
            &error.to_string(),
            r#"{"extensions":{"region":"eu"}}"#,
        )
        .with_exit_code(EXIT_STOCK)
    })
}

/// `+1` and `01` are 1, as Go reads them; anything that is not positive means the default (2.7).
pub fn sink_timeout(text: Option<&str>) -> Duration {
    text.and_then(|text| text.parse::<i32>().ok())
        .and_then(|seconds| u64::try_from(seconds).ok())
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Settings, Problems) {
        let mut problems = Problems::default();
        let settings = Settings::from_env(&Env::from_pairs(pairs.iter().copied()), &mut problems);
        (settings, problems)
    }

    #[test]
    fn a_missing_or_unusable_sink_is_tolerated_and_an_unparsable_one_is_not() {
        for (text, error) in [
            ("", SinkUrlError::Missing),
            ("  ", SinkUrlError::Missing),
            ("sink.default.svc/x", SinkUrlError::Unusable),
        ] {
            let (settings, problems) = read(&[("K_SINK", text)]);
            assert_eq!(settings.sink.unwrap_err(), error);
            assert_eq!(problems, Problems::default());
        }
        assert_eq!(read(&[]).0.sink.unwrap_err(), SinkUrlError::Missing);
        let (_, problems) = read(&[("K_SINK", "http://%zz")]);
        assert_eq!(problems.exit_code(), 1);
        assert!(
            problems
                .iter()
                .any(|problem| problem.message.contains("K_SINK=http://"))
        );
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let (_, problems) = read(&[("K_SINK", "http://%zz"), ("K_CE_OVERRIDES", "quack")]);
        assert_eq!(problems.iter().count(), 2);
    }

    #[test]
    fn only_a_positive_number_is_a_time_limit() {
        for (text, seconds) in [("5", 5), ("+1", 1), ("01", 1)] {
            assert_eq!(
                sink_timeout(Some(text)),
                Duration::from_secs(seconds),
                "{text:?}"
            );
        }
        for text in ["", "0", "-1", "1.5", " 5", "1s", "99999999999"] {
            assert_eq!(sink_timeout(Some(text)), DEFAULT_TIMEOUT, "{text:?}");
        }
        assert_eq!(sink_timeout(None), DEFAULT_TIMEOUT);
    }

    #[test]
    fn defaults() {
        let (settings, _) = read(&[]);
        assert_eq!(
            (settings.name.as_str(), settings.namespace.as_str()),
            ("adapter", "")
        );
        assert_eq!(settings.kn_namespace(), "");
        assert_eq!(settings.ca_certs, None);
    }
}
