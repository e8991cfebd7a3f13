//! Settings that an operator changes while the program runs: the log level, and whether failed
//! sends are reported as Kubernetes Events.
//!
//! A missing `ConfigMap` is fine, where stock adapters end. Contract: `pingsource.md` 2.1 and 2.5,
//! `adapter-runtime.md` 5.1 and 7.4.

use std::collections::BTreeMap;

use adapter::env::{Env, go_bool};
use adapter::telemetry;
use adapter::telemetry::config::{Level, Logging};
use serde::Deserialize;
use tokio::sync::watch;

use crate::client::Client;
use crate::mirror::Mirror;
use crate::watch::{Collection, Event, Form, Object, Observer, Start, Watch};

const REPORT_SINK_ERRORS: &str = "sink-event-error-reporting.enable";

/// What the `ConfigMap`s are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// `CONFIG_LOGGING_NAME`, or `config-logging`.
    pub logging: String,
    /// `CONFIG_OBSERVABILITY_NAME`, or `config-observability`.
    pub observability: String,
}

impl Names {
    /// Reads the two variables.
    pub fn from_env(env: &Env) -> Self {
        let name = |variable, default: &str| env.non_empty(variable).unwrap_or(default).to_owned();
        Self {
            logging: name("CONFIG_LOGGING_NAME", "config-logging"),
            observability: name("CONFIG_OBSERVABILITY_NAME", "config-observability"),
        }
    }
}

/// What changes while the program runs, besides the log level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Whether failed sends become Kubernetes Events.
    pub report_sink_errors: bool,
}

/// Follows both `ConfigMap`s of a namespace: sets the log level of the process as `config-logging`
/// says for `component`, and `live`. What a `ConfigMap` that is not there said last still holds.
/// Never returns.
pub async fn follow(
    client: Client,
    namespace: String,
    names: Names,
    component: &'static str,
    live: watch::Sender<Live>,
) {
    let logging = each(&client, &namespace, &names.logging, move |entries| {
        if let Some(level) = level(entries, component) {
            telemetry::handle().set_log_level(level);
        }
    });
    let observability = each(&client, &namespace, &names.observability, move |entries| {
        let report_sink_errors = reports_sink_errors(entries);
        live.send_if_modified(|live| {
            let changed = live.report_sink_errors != report_sink_errors;
            live.report_sink_errors = report_sink_errors;
            changed
        });
    });
    tokio::join!(logging, observability);
}

type Entries = BTreeMap<String, String>;

/// Calls `apply` with the entries of one `ConfigMap` whenever they may have changed.
async fn each(client: &Client, namespace: &str, name: &str, apply: impl Fn(&Entries) + Send) {
    let collection = Collection {
        field_selector: Some(format!("metadata.name={name}")),
        ..Collection::whole(format!("/api/v1/namespaces/{namespace}/configmaps"))
    };
    let watch = Watch::new(client.clone(), collection, Start::Listed(Form::Whole));
    let mut follower = Follower {
        name: name.to_owned(),
        mirror: Mirror::default(),
        apply,
    };
    watch.run(&mut follower).await;
}

struct Follower<F> {
    name: String,
    mirror: Mirror<Entries>,
    apply: F,
}

impl<F: Fn(&Entries) + Send> Observer for Follower<F> {
    async fn event(&mut self, event: Event<'_>) {
        let synced = event == Event::Synced;
        if !self.mirror.take(&event, entries) {
            return;
        }
        match self.mirror.get(&self.name) {
            Some(entries) => (self.apply)(entries),
            None if synced => {
                tracing::info!(
                    name = self.name,
                    "There is no such ConfigMap; going on without."
                );
            }
            None => {}
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigMap {
    data: Option<Entries>,
}

fn entries(object: &Object<'_>) -> Option<Entries> {
    let map: ConfigMap = serde_json::from_str(object.json).ok()?;
    Some(map.data.unwrap_or_default())
}

/// The level for a component; `None`, with a log line, if the entries are unusable.
fn level(entries: &Entries, component: &str) -> Option<Level> {
    let pairs: Vec<(String, String)> = entries
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let logging = Logging::from_entries(&pairs, component);
    match logging.warning {
        None => Some(logging.level),
        Some(error) => {
            tracing::warn!(
                error,
                "The logging ConfigMap is unusable; the log level stays."
            );
            None
        }
    }
}

fn reports_sink_errors(entries: &Entries) -> bool {
    entries
        .get(REPORT_SINK_ERRORS)
        .is_some_and(|text| go_bool(text) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> Entries {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_level_of_a_component_and_of_all() {
        let zap = r#"{"level":"warn"}"#;
        for (entries, expected) in [
            (map(&[]), Some(Level::Info)),
            (map(&[("zap-logger-config", zap)]), Some(Level::Warn)),
            (
                map(&[("zap-logger-config", zap), ("loglevel.c", "debug")]),
                Some(Level::Debug),
            ),
            (
                map(&[("zap-logger-config", zap), ("loglevel.other", "debug")]),
                Some(Level::Warn),
            ),
            (map(&[("loglevel.c", "loud")]), None),
            (map(&[("zap-logger-config", "{bad")]), None),
        ] {
            assert_eq!(level(&entries, "c"), expected, "{entries:?}");
        }
    }

    #[test]
    fn only_true_turns_the_reports_on() {
        for (text, on) in [
            ("true", true),
            ("1", true),
            ("false", false),
            ("yes", false),
            ("", false),
        ] {
            assert_eq!(
                reports_sink_errors(&map(&[(REPORT_SINK_ERRORS, text)])),
                on,
                "{text:?}"
            );
        }
        assert!(!reports_sink_errors(&map(&[])));
    }

    #[test]
    fn names_by_variable_or_default() {
        let env = Env::from_pairs([
            ("CONFIG_LOGGING_NAME", "mine"),
            ("CONFIG_OBSERVABILITY_NAME", ""),
        ]);
        let names = Names::from_env(&env);
        assert_eq!(
            (names.logging.as_str(), names.observability.as_str()),
            ("mine", "config-observability")
        );
    }
}
