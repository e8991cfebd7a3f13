//! What the environment says, as typed values; every problem at once.
//!
//! Variables that all adapters share are in `adapter::settings`, those of the registration in
//! `hook`. Contract: `gitlabsource.md` 2.

use std::time::Duration;

use adapter::env::{Env, Problem, Problems};
use adapter::go;
use adapter::settings::Settings;
use adapter::sink::SinkUrlError;

use crate::hook::settings::Registration;
use crate::outbox::Place;
use crate::secret::Secrets;
use crate::{signature, token};

/// Exit code of stock for a required variable that is not set (2).
const EXIT_MISSING: u8 = 2;
/// The largest body that GitLab sends (3.1).
const GITLAB_BODY: usize = 26_214_400;
const DEFAULT_BODY: usize = 33_554_432;
const DEFAULT_PORT: u16 = 8080;
const DEFAULT_WINDOW: Duration = Duration::from_mins(10);
const DEFAULT_SPOOL: u64 = 256 << 20;

/// The configuration of the receiver.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every adapter has.
    pub adapter: Settings,
    /// `GITLAB_EVENT_SOURCE`, else the project or the group of the registration.
    pub source: String,
    /// `K_AUDIENCE` asks for a bearer token.
    pub wants_token: bool,
    /// `PORT`.
    pub port: u16,
    /// `GITLAB_MAX_BODY_BYTES`.
    pub max_body: usize,
    /// `GITLAB_SECRET_TOKEN` and its kin; without any, nothing is checked.
    pub tokens: Secrets,
    /// `GITLAB_SIGNING_TOKEN` and its kin.
    pub signing: Option<Secrets>,
    /// `DEDUPE_WINDOW`.
    pub dedupe_window: Duration,
    /// `SPOOL_DIR` and `SPOOL_MAX_BYTES`.
    pub outbox: Option<Place>,
    /// The hook at GitLab; `None` if somebody else registers it.
    pub registration: Option<Registration>,
}

impl Config {
    /// Reads the variables.
    pub fn from_env(env: &Env) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let adapter = Settings::from_env(env, &mut problems);
        if let Err(error) = &adapter.sink {
            report_sink(error, env, &mut problems);
        }
        let (tokens, signing) = secrets_into(env, &mut problems);
        let source = problems.keep(source(env));
        let port = problems.keep(number(env, "PORT", DEFAULT_PORT, 1, "8080"));
        let max_body = problems.keep(number(
            env,
            "GITLAB_MAX_BODY_BYTES",
            DEFAULT_BODY,
            GITLAB_BODY,
            "33554432",
        ));
        let dedupe_window = problems.keep(window(env));
        let outbox = problems.keep(outbox(env)).flatten();
        let checked = tokens
            .clone()
            .unwrap_or_else(|| Secrets::fixed::<String>([]));
        let registration = match Registration::from_env(env, &checked, signing.as_ref()) {
            Ok(registration) => registration,
            Err(more) => {
                more.iter()
                    .cloned()
                    .for_each(|problem| problems.push(problem));
                None
            }
        };
        problems.into_result(|| {
            Some(Self {
                adapter,
                source: source?,
                wants_token: env.non_empty("K_AUDIENCE").is_some(),
                port: port?,
                max_body: max_body?,
                tokens: tokens?,
                signing,
                dedupe_window: dedupe_window?,
                outbox,
                registration,
            })
        })
    }

    /// For `--check`; of secrets only where they come from.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let sink = self
            .adapter
            .sink
            .as_ref()
            .map_or_else(ToString::to_string, ToString::to_string);
        let overrides = self.adapter.overrides.extensions();
        let mut settings = vec![
            ("K_SINK", sink),
            ("GITLAB_EVENT_SOURCE", self.source.clone()),
            ("GITLAB_SECRET_TOKEN", masked(&self.tokens)),
            (
                "GITLAB_SIGNING_TOKEN",
                self.signing.as_ref().map_or_else(unset, masked),
            ),
            ("NAMESPACE", self.adapter.namespace.clone()),
            ("PORT", self.port.to_string()),
            ("GITLAB_MAX_BODY_BYTES", self.max_body.to_string()),
            ("DEDUPE_WINDOW", format!("{:?}", self.dedupe_window)),
            ("K_SINK_TIMEOUT", format!("{:?}", self.adapter.sink_timeout)),
            ("K_CE_OVERRIDES", format!("{overrides:?}")),
            (
                "K_CA_CERTS",
                self.adapter
                    .ca_certs
                    .as_ref()
                    .map_or_else(unset, |_| "set".to_owned()),
            ),
        ];
        if let Some(place) = &self.outbox {
            settings.push(("SPOOL_DIR", place.directory.display().to_string()));
            settings.push(("SPOOL_MAX_BYTES", place.max_bytes.to_string()));
        }
        if let Some(registration) = &self.registration {
            let flags: Vec<&str> = registration.wanted.flags.iter().collect();
            settings.push(("GITLAB_WEBHOOK_URL", registration.wanted.url.clone()));
            settings.push((
                "GITLAB_PROJECT_URL",
                registration.access.address.path.clone(),
            ));
            settings.push((
                "GITLAB_ACCESS_TOKEN",
                format!("{:?}", registration.access.token),
            ));
            settings.push(("GITLAB_EVENT_TYPES", flags.join(",")));
        }
        settings
    }
}

/// The live secret tokens, and the signing tokens if there are any.
pub fn secrets(env: &Env) -> Result<(Secrets, Option<Secrets>), Problems> {
    let mut problems = Problems::default();
    let (tokens, signing) = secrets_into(env, &mut problems);
    problems.into_result(|| Some((tokens?, signing)))
}

fn secrets_into(env: &Env, problems: &mut Problems) -> (Option<Secrets>, Option<Secrets>) {
    let signing = problems.keep(signing(env)).flatten();
    let tokens = problems.keep(tokens(env, signing.is_some()));
    (tokens, signing)
}

fn unset() -> String {
    "not set".to_owned()
}

fn masked(secrets: &Secrets) -> String {
    if secrets.is_empty() {
        "empty: nothing is checked".to_owned()
    } else {
        format!("{secrets:?}")
    }
}

/// Stock starts without a usable sink and fails every delivery, which GitLab then counts (2).
fn report_sink(error: &SinkUrlError, env: &Env, problems: &mut Problems) {
    // An unparsable one has been reported already.
    if env.get("K_SINK").is_none_or(|text| text.trim().is_empty())
        || *error == SinkUrlError::Unusable
    {
        problems.push(Problem::new(
            "K_SINK",
            env.get("K_SINK").unwrap_or_default(),
            "events need an http or https URL to go to",
            "http://event-display.default.svc.cluster.local",
        ));
    }
}

fn tokens(env: &Env, is_signed: bool) -> Result<Secrets, Problem> {
    match Secrets::from_env(token::NAMES, env)? {
        Some(tokens) => Ok(tokens),
        None if is_signed => Ok(Secrets::fixed::<String>([])),
        None => Err(missing(
            token::NAMES.value,
            "set it to the secret of the webhook, or to the empty text for no check at all",
        )),
    }
}

fn signing(env: &Env) -> Result<Option<Secrets>, Problem> {
    let tokens = Secrets::from_env(signature::NAMES, env)?.filter(|tokens| !tokens.is_empty());
    tokens.iter().try_for_each(signature::check_tokens)?;
    Ok(tokens)
}

fn source(env: &Env) -> Result<String, Problem> {
    let candidates = [
        "GITLAB_EVENT_SOURCE",
        "GITLAB_PROJECT_URL",
        "GITLAB_GROUP_URL",
    ];
    let Some((name, text)) = candidates
        .iter()
        .find_map(|name| Some((name, env.get(name)?)))
    else {
        return Err(missing(
            "GITLAB_EVENT_SOURCE",
            "set it to the project's address, for example https://gitlab.com/group/project",
        ));
    };
    let printed = go::url::Url::parse(text.trim().as_bytes()).map(|url| url.to_bytes());
    match printed {
        Ok(printed) if !printed.is_empty() => Ok(text.trim().to_owned()),
        _ => Err(Problem::new(
            name,
            text,
            "the events' source must be a URI",
            "https://gitlab.com/group/project",
        )),
    }
}

fn missing(name: &str, want: &str) -> Problem {
    // The first half is what stock says, and what people search for.
    let text = format!("Error processing env var: required key {name} missing value; {want}.");
    Problem::said(name, text).with_exit_code(EXIT_MISSING)
}

fn window(env: &Env) -> Result<Duration, Problem> {
    let Some(text) = env.non_empty("DEDUPE_WINDOW") else {
        return Ok(DEFAULT_WINDOW);
    };
    let nanoseconds = go::duration::parse(text)
        .ok()
        .and_then(|nanos| u64::try_from(nanos).ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| {
        Problem::new(
            "DEDUPE_WINDOW",
            text,
            "want a duration, or 0 for none",
            "10m",
        )
    })
}

fn outbox(env: &Env) -> Result<Option<Place>, Problem> {
    let max_bytes = number(env, "SPOOL_MAX_BYTES", DEFAULT_SPOOL, 1, "268435456")?;
    let directory = env.non_empty("SPOOL_DIR");
    Ok(directory.map(|directory| Place {
        directory: directory.into(),
        max_bytes,
    }))
}

/// A whole number of at least `least`; the default when unset or empty.
fn number<T>(env: &Env, name: &str, default: T, least: T, example: &str) -> Result<T, Problem>
where
    T: Copy + std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let Some(text) = env.non_empty(name) else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|number| *number >= least)
        .ok_or_else(|| {
            Problem::new(
                name,
                text,
                &format!("want a whole number of at least {least}"),
                example,
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: [(&str, &str); 4] = [
        ("GITLAB_SECRET_TOKEN", "s3cret"),
        ("GITLAB_EVENT_SOURCE", "https://git.example/a/b"),
        ("K_SINK", "http://sink.default"),
        ("NAMESPACE", "cellar"),
    ];

    /// The stock variables with some replaced, added, or (`None`) removed.
    fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, Problems> {
        let kept = STOCK
            .into_iter()
            .filter(|(name, _)| changes.iter().all(|(n, _)| n != name));
        let added = changes
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        Config::from_env(&Env::from_pairs(kept.chain(added)))
    }

    #[test]
    fn the_stock_environment_is_enough() {
        let config = read(&[]).unwrap();
        assert_eq!((config.port, config.max_body), (8080, 33_554_432));
        assert_eq!(config.dedupe_window, Duration::from_mins(10));
        assert!(config.signing.is_none() && config.outbox.is_none());
    }

    #[test]
    fn what_is_missing_ends_as_stock_does() {
        for name in ["GITLAB_SECRET_TOKEN", "GITLAB_EVENT_SOURCE"] {
            let problems = read(&[(name, None)]).unwrap_err();
            assert_eq!(problems.exit_code(), 2);
            let text = problems.iter().next().unwrap().to_string();
            assert!(text.starts_with(&format!(
                "Error processing env var: required key {name} missing value"
            )));
        }
    }

    #[test]
    fn what_cannot_work_is_refused_and_named() {
        for (name, value) in [
            ("K_SINK", ""),
            ("K_SINK", "sink.default"),
            ("K_SINK", "http://%zz"),
            ("K_CE_OVERRIDES", "quack"),
            ("GITLAB_EVENT_SOURCE", ""),
            ("GITLAB_EVENT_SOURCE", "a b:c\u{1}"),
            ("PORT", "0"),
            ("PORT", "http"),
            ("GITLAB_MAX_BODY_BYTES", "26214399"),
            ("DEDUPE_WINDOW", "-1s"),
            ("DEDUPE_WINDOW", "10"),
            ("SPOOL_MAX_BYTES", "1Gi"),
            ("GITLAB_SIGNING_TOKEN", "whsec_!"),
            ("GITLAB_SECRET_TOKEN_FILE", "/nowhere/token"),
        ] {
            let problems = read(&[(name, Some(value))]).unwrap_err();
            let named: Vec<&str> = problems.iter().map(|p| p.variable.as_str()).collect();
            assert_eq!(named, [name], "{value:?}");
        }
        assert_eq!(read(&[("K_SINK", None)]).unwrap_err().iter().count(), 1);
        assert_eq!(
            read(&[("PORT", Some("x")), ("K_SINK", Some(""))])
                .unwrap_err()
                .iter()
                .count(),
            2
        );
    }

    #[test]
    fn an_empty_secret_or_a_signing_token_alone_is_allowed() {
        assert!(
            read(&[("GITLAB_SECRET_TOKEN", Some(""))])
                .unwrap()
                .tokens
                .is_empty()
        );
        let signing = ("GITLAB_SIGNING_TOKEN", Some("whsec_AAAA"));
        let config = read(&[("GITLAB_SECRET_TOKEN", None), signing]).unwrap();
        assert!(config.tokens.is_empty() && config.signing.is_some());
    }

    #[test]
    fn the_project_stands_in_for_the_source() {
        let project = ("GITLAB_PROJECT_URL", Some("https://git.example/c"));
        assert_eq!(read(&[project]).unwrap().source, "https://git.example/a/b");
        let config = read(&[("GITLAB_EVENT_SOURCE", None), project]).unwrap();
        assert_eq!(config.source, "https://git.example/c");
    }

    #[test]
    fn settings_hold_no_secret() {
        let text = format!("{:?}", read(&[]).unwrap().settings());
        assert!(
            !text.contains("s3cret") && text.contains("http://sink.default"),
            "{text}"
        );
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("s3cret"));
    }
}
