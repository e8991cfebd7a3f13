//! The variables that event-display reads (docs/event-display.md).

use std::num::NonZeroUsize;

use adapter::env::{Env, Problem, Problems, go_bool};
use serde::Deserialize;

use crate::page::{Bounds, Guard, Settings};

/// The port that upstream always listens on.
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_MAX_BODY: usize = 64 << 20;
const DEFAULT_HISTORY_EVENTS: NonZeroUsize = NonZeroUsize::new(1000).expect("not zero");
const DEFAULT_HISTORY_BYTES: NonZeroUsize = NonZeroUsize::new(32 << 20).expect("not zero");

#[derive(Deserialize)]
struct Variables {
    port: Option<String>,
    max_body_bytes: Option<String>,
    request_logging_enabled: Option<String>,
    display_format: Option<String>,
    display_ui: Option<String>,
    display_ui_token: Option<String>,
    history_events: Option<String>,
    history_bytes: Option<String>,
}

/// How events are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As upstream does.
    Text,
    /// One line of JSON for each.
    Jsonl,
}

/// What a run goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `PORT`; 0 picks a free one. By default 8080.
    pub port: u16,
    /// `MAX_BODY_BYTES`: longer bodies are answered 413. By default 64 MiB.
    pub max_body: usize,
    /// `REQUEST_LOGGING_ENABLED`: every request goes to stderr, whole.
    pub log_requests: bool,
    /// `DISPLAY_FORMAT`. By default text.
    pub format: Format,
    /// `HISTORY_EVENTS` and `HISTORY_BYTES`. By default 1000 and 32 MiB.
    pub history: Bounds,
    /// `DISPLAY_UI` and `DISPLAY_UI_TOKEN`: the page. By default there is none.
    pub page: Option<Settings>,
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
        let format = format(&mut problems, variables.display_format.as_deref());
        let is_shown = switch(&mut problems, "DISPLAY_UI", variables.display_ui.as_deref());
        let guard = guard(&mut problems, variables.display_ui_token.as_deref());
        let events = number(
            &mut problems,
            ("HISTORY_EVENTS", variables.history_events),
            ("want a whole number from 1 on", "1000"),
            DEFAULT_HISTORY_EVENTS,
        );
        let bytes = number(
            &mut problems,
            ("HISTORY_BYTES", variables.history_bytes),
            ("want a whole number of bytes from 1 on", "33554432"),
            DEFAULT_HISTORY_BYTES,
        );
        problems.into_result(|| {
            let bounds = Bounds {
                events: events?,
                bytes: bytes?,
            };
            Some(Self {
                port: port?,
                max_body: max_body?,
                log_requests: log_requests == Some(true),
                format: format?,
                history: bounds,
                page: is_shown?.then_some(Settings { guard, bounds }),
            })
        })
    }

    /// Names and values, for `--check`.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("PORT", self.port.to_string()),
            ("MAX_BODY_BYTES", self.max_body.to_string()),
            ("REQUEST_LOGGING_ENABLED", self.log_requests.to_string()),
            ("DISPLAY_FORMAT", self.format.name().to_owned()),
            ("DISPLAY_UI", self.page.is_some().to_string()),
            ("DISPLAY_UI_TOKEN", self.token().to_owned()),
            ("HISTORY_EVENTS", self.history.events.to_string()),
            ("HISTORY_BYTES", self.history.bytes.to_string()),
        ]
    }

    fn token(&self) -> &'static str {
        match &self.page {
            Some(Settings { guard: Some(_), .. }) => "(set)",
            Some(_) => "(not set: whoever reaches the port sees the events)",
            None => "(not used)",
        }
    }
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Jsonl => "jsonl",
        }
    }
}

fn format(problems: &mut Problems, text: Option<&str>) -> Option<Format> {
    match text.map(str::trim) {
        None | Some("" | "text") => Some(Format::Text),
        Some("jsonl") => Some(Format::Jsonl),
        Some(text) => problems.keep(Err(Problem::new(
            "DISPLAY_FORMAT",
            text,
            "want text or jsonl",
            "jsonl",
        ))),
    }
}

/// On or off. Unlike upstream's switch a word that is neither is a problem: it was meant as one.
fn switch(problems: &mut Problems, name: &str, text: Option<&str>) -> Option<bool> {
    match text.map(str::trim) {
        None | Some("") => Some(false),
        Some(text) => problems.keep(
            go_bool(text).ok_or_else(|| Problem::new(name, text, "want true or false", "true")),
        ),
    }
}

/// What is asked of visitors, if anything. Blanks alone were meant as a token, so that they must not
/// open the page; a line end behind one, as Secrets often have it, is no part of it.
fn guard(problems: &mut Problems, token: Option<&str>) -> Option<Guard> {
    let token = token.filter(|token| !token.is_empty())?;
    problems.keep(if token.trim_ascii().is_empty() {
        Err(Problem::new(
            "DISPLAY_UI_TOKEN",
            token,
            "want a token that is not blank, or none at all",
            "open-sesame",
        ))
    } else {
        Ok(Guard::new(token))
    })
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
            format: Format::Text,
            history: Bounds {
                events: DEFAULT_HISTORY_EVENTS,
                bytes: DEFAULT_HISTORY_BYTES,
            },
            page: None,
        };
        assert_eq!(config(&[]), Ok(default.clone()));
        let empty = [
            ("PORT", ""),
            ("MAX_BODY_BYTES", " "),
            ("REQUEST_LOGGING_ENABLED", ""),
            ("DISPLAY_FORMAT", ""),
            ("DISPLAY_UI", ""),
            ("DISPLAY_UI_TOKEN", ""),
            ("HISTORY_EVENTS", ""),
            ("HISTORY_BYTES", ""),
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
    fn the_page() {
        let page = |pairs: &[(&str, &str)]| config(pairs).expect("valid").page;
        assert_eq!(page(&[("DISPLAY_UI_TOKEN", "x")]), None);
        assert_eq!(page(&[("DISPLAY_UI", "false")]), None);
        let on = ("DISPLAY_UI", "true");
        let open = page(&[on, ("DISPLAY_UI_TOKEN", "")]).expect("a page");
        assert_eq!(open.guard, None);
        let guarded = page(&[on, ("DISPLAY_UI_TOKEN", "x"), ("HISTORY_EVENTS", "7")]);
        let guarded = guarded.expect("a page");
        assert_eq!(guarded.guard, Some(Guard::new("x")));
        assert_eq!(guarded.bounds.events.get(), 7);
        let from_secret = page(&[on, ("DISPLAY_UI_TOKEN", "x\n")]).expect("a page");
        assert_eq!(from_secret.guard, Some(Guard::new("x")));
        let shown = config(&[on, ("DISPLAY_UI_TOKEN", "sesame")])
            .expect("valid")
            .settings();
        assert!(
            shown.contains(&("DISPLAY_UI_TOKEN", "(set)".to_owned())),
            "{shown:?}"
        );
        let wrong = config(&[
            ("DISPLAY_FORMAT", "json"),
            ("DISPLAY_UI", "yes"),
            ("DISPLAY_UI_TOKEN", " \n"),
            ("HISTORY_EVENTS", "0"),
            ("HISTORY_BYTES", "32M"),
        ]);
        let problems = wrong.expect_err("five problems");
        let names = [
            "DISPLAY_FORMAT",
            "DISPLAY_UI",
            "DISPLAY_UI_TOKEN",
            "HISTORY_EVENTS",
            "HISTORY_BYTES",
        ];
        assert_eq!(problems.len(), names.len(), "{problems:?}");
        for (problem, name) in problems.iter().zip(names) {
            assert!(problem.starts_with(&format!("{name} is ")), "{problem}");
        }
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
