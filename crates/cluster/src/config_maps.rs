//! What an operator changes in `ConfigMap`s while the program runs: the log level, whether failed
//! sends are reported as Kubernetes Events, and the roots that sinks are trusted by.
//!
//! One watch brings them all. A missing `ConfigMap` is fine, where stock adapters end. Contract:
//! `pingsource.md` 2.1 and 2.5, `adapter-runtime.md` 3.2, 5.1 and 7.4.

mod bundles;
mod mirror;

use std::collections::BTreeMap;
use std::sync::Arc;

use adapter::env::{Env, go_bool};
use adapter::telemetry;
use adapter::telemetry::config::{Level, Logging};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio::sync::watch;

pub use self::bundles::Bundles;
use self::mirror::Mirror;
use crate::client::Client;
use crate::watch::{Collection, Event, Form, Object, Observer, Start, Watch};

const BUNDLE_LABEL: &str = "networking.knative.dev/trust-bundle";
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

/// Follows the `ConfigMap`s of a namespace: sets the log level of the process as `config-logging`
/// says for `component`, and keeps `live` and `bundles` up to date. What a `ConfigMap` with settings
/// that is not there said last still holds. Never returns.
pub async fn follow(
    client: Client,
    namespace: String,
    names: Names,
    component: &'static str,
    live: watch::Sender<Live>,
    bundles: Arc<Bundles>,
) {
    let collection = Collection::whole(format!("/api/v1/namespaces/{namespace}/configmaps"));
    let mut follower = Follower {
        names,
        component,
        mirror: Mirror::default(),
        live,
        bundles,
    };
    Watch::new(client, collection, Start::Listed(Form::Whole))
        .run(&mut follower)
        .await;
}

struct Follower {
    names: Names,
    component: &'static str,
    /// Those of use: a namespace may have many large ones.
    mirror: Mirror<Kept>,
    live: watch::Sender<Live>,
    bundles: Arc<Bundles>,
}

impl Observer for Follower {
    async fn event(&mut self, event: Event<'_>) {
        let names = &self.names;
        let read = |object: &Object<'_>| Kept::of_use(object, names);
        if !self.mirror.take(&event, read) {
            return;
        }
        if let Some(map) = self.said(&event, &self.names.logging)
            && let Some(level) = level(&map.data, self.component)
        {
            telemetry::handle().set_log_level(level);
        }
        if let Some(map) = self.said(&event, &self.names.observability) {
            let report_sink_errors = reports_sink_errors(&map.data);
            self.live.send_if_modified(|live| {
                let changed = live.report_sink_errors != report_sink_errors;
                live.report_sink_errors = report_sink_errors;
                changed
            });
        }
        let bundles = self.mirror.values().filter(|map| map.is_bundle);
        self.bundles.set(bundles.flat_map(Kept::texts).collect());
    }
}

impl Follower {
    /// The settings of this name, if the event may have brought them.
    fn said(&self, event: &Event<'_>, name: &str) -> Option<&Kept> {
        let map = self.mirror.get(name);
        match event {
            Event::Synced => {
                if map.is_none() {
                    tracing::info!(name, "There is no such ConfigMap; going on without.");
                }
                map
            }
            Event::Added(object) | Event::Modified(object) if object.name == name => map,
            _ => None,
        }
    }
}

type Entries = BTreeMap<String, String>;

/// What is kept of a `ConfigMap`.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    data: Entries,
    binary_data: Entries,
    /// A trust bundle (adapter-runtime.md 3.2, item 3).
    is_bundle: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigMap {
    data: Option<Entries>,
    binary_data: Option<Entries>,
}

/// Read first, and the rest skipped: it may be large, and is mostly of no use.
#[derive(Deserialize)]
struct Labelled {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    labels: Option<Entries>,
}

impl Kept {
    fn of_use(object: &Object<'_>, names: &Names) -> Option<Self> {
        let has_settings = object.name == names.logging || object.name == names.observability;
        let labelled: Labelled = serde_json::from_str(object.json).ok()?;
        let labels = labelled.metadata.labels.unwrap_or_default();
        let is_bundle = labels
            .get(BUNDLE_LABEL)
            .is_some_and(|value| value == "true");
        if !has_settings && !is_bundle {
            return None;
        }
        let map: ConfigMap = serde_json::from_str(object.json).ok()?;
        Some(Self {
            data: map.data.unwrap_or_default(),
            binary_data: map.binary_data.unwrap_or_default(),
            is_bundle,
        })
    }

    /// All values, whatever their keys. What is not base64 cannot come from an API server.
    fn texts(&self) -> impl Iterator<Item = Vec<u8>> {
        let data = self.data.values().map(|text| text.clone().into_bytes());
        let binary = self.binary_data.values();
        data.chain(binary.filter_map(|text| STANDARD.decode(text).ok()))
    }
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
    fn only_settings_and_bundles_are_kept() {
        let bundle = r#"{"networking.knative.dev/trust-bundle":"true"}"#;
        let kept = |data: &[(&str, &str)], is_bundle| {
            Some(Kept {
                data: map(data),
                binary_data: Entries::new(),
                is_bundle,
            })
        };
        let names = Names::from_env(&Env::default());
        for (name, labels, data, expected) in [
            ("config-logging", "null", "null", kept(&[], false)),
            (
                "config-observability",
                "{}",
                r#"{"a":"b"}"#,
                kept(&[("a", "b")], false),
            ),
            (
                "config-logging",
                bundle,
                r#"{"a":"b"}"#,
                kept(&[("a", "b")], true),
            ),
            ("roots", bundle, r#"{"a":"b"}"#, kept(&[("a", "b")], true)),
            ("roots", bundle, "1", None),
            ("roots", r#"{"other":"true"}"#, r#"{"a":"b"}"#, None),
            ("config-logging", "{}", "1", None),
        ] {
            let json = format!(
                r#"{{"metadata":{{"name":"{name}","labels":{labels}}},"data":{data},"binaryData":null}}"#
            );
            let object = Object::read(&json).expect("an object");
            assert_eq!(Kept::of_use(&object, &names), expected, "{json}");
        }
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
