//! The variables of the standalone role (pingsource.md 5). Nobody corrects them in a running
//! container, so each mistake ends the start with a sentence and exit code 64.

use std::collections::BTreeMap;
use std::time::Duration;

use adapter::env::{EXIT_USAGE, Env, Problem, Problems};
use adapter::settings::{overrides, sink_timeout};
use adapter::sink::{SinkUrl, SinkUrlError, masked};
use adapter::tls;
use serde::Deserialize;
use uuid::Uuid;

use super::second_of_minute;
use crate::event::{Origin, Template, TemplateError};
use crate::schedule::{Schedule, Zone};
use crate::source::Payload;

const SCHEDULE: &str = "* * * * *";
const SINK_EXAMPLE: &str = "http://event-display.default.svc.cluster.local";
/// Limit of an attempt unless `K_SINK_TIMEOUT` says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The variables as found.
#[derive(Deserialize)]
struct Variables {
    k_sink: Option<String>,
    k_ca_certs: Option<String>,
    k_ce_overrides: Option<String>,
    k_sink_timeout: Option<String>,
    schedule: Option<String>,
    timezone: Option<String>,
    data: Option<String>,
    data_base64: Option<String>,
    content_type: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

/// One schedule and one sink.
#[derive(Clone, Debug)]
pub struct Config {
    /// `K_SINK`, blanks around it trimmed.
    pub sink: SinkUrl,
    /// The same as text.
    pub uri: String,
    /// `K_CA_CERTS`.
    pub ca_certs: Option<String>,
    /// The limit of an attempt.
    pub timeout: Duration,
    /// `SCHEDULE` and `TIMEZONE`, read.
    pub schedule: Schedule,
    /// `SCHEDULE` as given.
    pub expression: String,
    /// `NAMESPACE`, `NAME` and what stands for a uid.
    pub origin: Origin,
    /// The events.
    pub template: Template,
}

impl Config {
    /// Reads its variables; `None` if something in it went to `problems`. `zone` is the process's.
    pub(super) fn read(env: &Env, zone: &Zone, problems: &mut Problems) -> Option<Self> {
        let variables: Variables = env.read();
        let or = |value: &Option<String>, default: &str| {
            value
                .clone()
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| default.to_owned())
        };
        let uri = or(&variables.k_sink, "").trim().to_owned();
        let sink = problems.keep(SinkUrl::parse(&uri).map_err(|error| sink_problem(&uri, &error)));
        if sink.as_ref().is_some_and(SinkUrl::is_https) {
            problems.keep(tls::check_ca_certs(&or(&variables.k_ca_certs, "")));
            let settings = tls::Settings::from_env(env).check();
            settings
                .err()
                .iter()
                .flat_map(Problems::iter)
                .for_each(|it| problems.push(it.clone()));
        }
        let expression = or(&variables.schedule, SCHEDULE);
        let timezone = variables.timezone.as_deref();
        let schedule = Schedule::parse_in(&expression, timezone, zone);
        let schedule =
            problems.keep(schedule.map_err(|error| schedule_problem(&error.to_string())));
        let (namespace, name) = (
            or(&variables.namespace, "default"),
            or(&variables.name, "adapter"),
        );
        let event = payload(&variables, problems).and_then(|payload| {
            let zone_name = timezone.unwrap_or_default();
            let uid = uid([&namespace, &name, &expression, zone_name], &payload);
            let origin = Origin {
                namespace: namespace.into(),
                name: name.into(),
                uid: uid.into(),
            };
            let template = Template::new(&origin, &payload);
            let template = problems.keep(template.map_err(|error| template_problem(&error)));
            Some((origin, template?))
        });
        let (origin, template) = event?;
        Some(Self {
            sink: sink?,
            uri,
            ca_certs: variables.k_ca_certs.filter(|pem| !pem.is_empty()),
            timeout: variables
                .k_sink_timeout
                .map_or(TIMEOUT, |text| sink_timeout(Some(&text))),
            schedule: schedule?,
            expression,
            origin,
            template,
        })
    }

    /// Its part of `--check`.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let zone = self
            .schedule
            .zone()
            .map_or("none, counts seconds", Zone::name);
        let body = self.template.sample();
        vec![
            ("sink", self.sink.to_string()),
            (
                "CA certificates",
                self.ca_certs
                    .as_ref()
                    .map_or("none", |_| "given")
                    .to_owned(),
            ),
            ("limit of a try", format!("{:?}", self.timeout)),
            ("schedule", self.expression.clone()),
            ("zone of the schedule", zone.to_owned()),
            ("event source", body.source().to_owned()),
            (
                "content type",
                body.content_type().unwrap_or("none").to_owned(),
            ),
            ("data", format!("{} bytes", body.body().len())),
        ]
    }
}

/// Unset and empty: a stop is never put off.
pub(super) fn no_shutdown_after(text: Option<&str>) -> Result<Option<u32>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let problem = || {
        Problem::new(
            "K_NO_SHUTDOWN_AFTER",
            text,
            "want a second of the minute, 0 to 59",
            "55",
        )
    };
    second_of_minute(text).map(Some).ok_or_else(problem)
}

fn payload(variables: &Variables, problems: &mut Problems) -> Option<Payload> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (data, data_base64) = (text(&variables.data), text(&variables.data_base64));
    if !data.is_empty() && !data_base64.is_empty() {
        problems.push(Problem::said(
            "DATA",
            "DATA and DATA_BASE64 are both set: want one of them, for example DATA=hello."
                .to_owned(),
        ));
    }
    let overrides = problems.keep(
        overrides(variables.k_ce_overrides.as_deref()).map_err(|it| it.with_exit_code(EXIT_USAGE)),
    )?;
    // The rejected ones too: they are named again where the event is made.
    let dropped = overrides
        .rejected()
        .iter()
        .map(|(name, _)| (name.clone(), String::new()));
    let extensions: BTreeMap<String, String> = overrides
        .extensions()
        .clone()
        .into_iter()
        .chain(dropped)
        .collect();
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&data).is_ok();
    let guessed = if is_json { "application/json" } else { "" };
    let content_type = variables
        .content_type
        .clone()
        .unwrap_or_else(|| guessed.to_owned());
    Some(Payload {
        content_type: content_type.into(),
        data: data.into(),
        data_base64: data_base64.into(),
        extensions,
    })
}

/// What stands for a uid where there is no object: replicas with the same variables share it, and so
/// the ids of their events; anything else has ids of its own.
fn uid(names: [&str; 4], payload: &Payload) -> String {
    let identity = format!("{names:?} {payload:?}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, identity.as_bytes()).to_string()
}

fn sink_problem(text: &str, error: &SinkUrlError) -> Problem {
    match error {
        SinkUrlError::Missing => Problem::said(
            "K_SINK",
            format!(
                "K_SINK is set but empty: want the sink's URL, for example K_SINK={SINK_EXAMPLE}; \
                 unset it to serve the PingSources of a cluster."
            ),
        ),
        error => Problem::new("K_SINK", &masked(text), &error.to_string(), SINK_EXAMPLE),
    }
}

/// The schedule's own sentence speaks of the fields of a source.
fn schedule_problem(sentence: &str) -> Problem {
    let name = if sentence.starts_with("timezone") {
        "TIMEZONE"
    } else {
        "SCHEDULE"
    };
    Problem::said(name, format!("{name} cannot be used: {sentence}."))
}

fn template_problem(error: &TemplateError) -> Problem {
    let name = match error {
        TemplateError::Base64(_) => "DATA_BASE64",
        TemplateError::ContentType { .. } => "CONTENT_TYPE",
        TemplateError::Attribute { .. } => "K_CE_OVERRIDES, NAME or NAMESPACE",
    };
    Problem::said(name, format!("{name} cannot be used: {error}."))
}

#[cfg(test)]
mod tests;
