//! The variables that event-display reads (docs/event-display.md).

use adapter::env::{Env, Problem, Problems, go_bool};
use serde::Deserialize;

/// The port that upstream always listens on.
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_MAX_BODY: usize = 64 << 20;

#[derive(Deserialize)]
struct Variables {
    port: Option<String>,
    max_body_bytes: Option<String>,
    request_logging_enabled: Option<String>,
}

/// What a run goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// `PORT`; 0 picks a free one. By default 8080.
    pub port: u16,
    /// `MAX_BODY_BYTES`: longer bodies are answered 413. By default 64 MiB.
    pub max_body: usize,
    /// `REQUEST_LOGGING_ENABLED`: every request goes to stderr, whole.
    pub log_requests: bool,
}

impl Config {
    /// Reads the variables; every problem at once.
    pub fn from_env(env: &Env) -> Result<Self, Problems> {
        let variables: Variables = env.read();
        let mut problems = Problems::default();
        let port = number(
            &mut problems,
            ("PORT", variables.port),
            ("want a port between 0 and 65535", "8080"),
            DEFAULT_PORT,
        );
        let max_body = number(
            &mut problems,
            ("MAX_BODY_BYTES", variables.max_body_bytes),
            ("want a whole number of bytes", "67108864"),
            DEFAULT_MAX_BODY,
        );
        // Anything but Go's words for "true" means off, without a message (event-display.md 2).
        let log_requests = variables
            .request_logging_enabled
            .as_deref()
            .and_then(go_bool);
        problems.into_result(|| {
            Some(Self {
                port: port?,
                max_body: max_body?,
                log_requests: log_requests == Some(true),
            })
        })
    }

    /// Names and values, for `--check`.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PORT", self.port.to_string()),
            ("MAX_BODY_BYTES", self.max_body.to_string()),
            ("REQUEST_LOGGING_ENABLED", self.log_requests.to_string()),
        ]
    }
}

/// A number; unset and empty mean the default, for templates leave empty variables behind.
fn number<T: std::str::FromStr>(
    problems: &mut Problems,
    (name, text): (&str, Option<String>),
    (want, example): (&str, &str),
    default: T,
) -> Option<T> {
    match text.as_deref().map(str::trim) {
        None | Some("") => Some(default),
        Some(text) => problems.keep(
            text.parse()
                .map_err(|_| Problem::new(name, text, want, example)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        Config::from_env(&Env::from_pairs(pairs.iter().copied()))
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults() {
        let default = Config {
            port: 8080,
            max_body: 67_108_864,
            log_requests: false,
        };
        assert_eq!(config(&[]), Ok(default));
        let empty = [
            ("PORT", ""),
            ("MAX_BODY_BYTES", " "),
            ("REQUEST_LOGGING_ENABLED", ""),
        ];
        assert_eq!(config(&empty), Ok(default));
    }

    #[test]
    fn values() {
        for (text, is_on) in [("true", true), ("1", true), ("yes", false), ("on", false)] {
            let config = config(&[("REQUEST_LOGGING_ENABLED", text)]).expect("never a problem");
            assert_eq!(config.log_requests, is_on, "{text}");
        }
        let config = config(&[("PORT", "0"), ("MAX_BODY_BYTES", "1000")]).expect("valid");
        assert_eq!((config.port, config.max_body), (0, 1000));
    }

    #[test]
    fn every_problem_is_named() {
        assert_eq!(
            config(&[("PORT", "80a"), ("MAX_BODY_BYTES", "-1")]),
            Err(vec![
                "PORT is \"80a\": want a port between 0 and 65535, for example PORT=8080."
                    .to_owned(),
                "MAX_BODY_BYTES is \"-1\": want a whole number of bytes, for example \
                 MAX_BODY_BYTES=67108864."
                    .to_owned(),
            ])
        );
        assert!(config(&[("PORT", "65536")]).is_err());
    }
}
