//! What the environment says about the hook at GitLab.
//!
//! Contract: `gitlabsource.md` 7.

use std::fmt;
use std::path::PathBuf;

use adapter::env::{Env, Problem, Problems, go_bool};
use adapter::tls;
use url::Url;

use super::address::{Address, Scope};
use super::flags::Flags;
use crate::secret::Secrets;

const ACCESS_TOKEN: &str = "GITLAB_ACCESS_TOKEN";
const ACCESS_TOKEN_FILE: &str = "GITLAB_ACCESS_TOKEN_FILE";
/// Where a `GitLabBinding` mounts the access token (1.4).
const BINDING_FILE: &str = "/var/bindings/gitlab/accessToken";
const DEFAULT_EVENTS: &str = "push_events";

/// The access token, or where it is; read for each use, since a mounted one is renewed.
#[derive(Clone)]
pub enum AccessToken {
    /// From the variable.
    Text(String),
    /// In a file.
    File(PathBuf),
}

impl AccessToken {
    /// The token without the white space around it.
    pub fn read(&self) -> std::io::Result<String> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("***"),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// How to reach GitLab's API, and for which project or group.
#[derive(Clone, Debug)]
pub struct Access {
    /// The hooks of the project or group.
    pub address: Address,
    /// Who asks.
    pub token: AccessToken,
    /// `GITLAB_API_CA_CERTS`: PEM trusted beside the system's roots.
    pub ca_certs: Option<String>,
    /// The TLS variables.
    pub tls: tls::Settings,
}

/// The hook as it should be.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// `GITLAB_WEBHOOK_URL`.
    pub url: String,
    /// `GITLAB_EVENT_TYPES`.
    pub flags: Flags,
    /// `GITLAB_SSL_VERIFY`.
    pub ssl_verify: bool,
    /// What GitLab shall send as `X-Gitlab-Token`.
    pub tokens: Secrets,
    /// What it shall sign with.
    pub signing: Option<Secrets>,
}

/// A registration that the receiver looks after while it runs.
#[derive(Clone, Debug)]
pub struct Registration {
    /// How to reach GitLab.
    pub access: Access,
    /// What should be there.
    pub wanted: Wanted,
    /// `GITLAB_WEBHOOK_DELETE_ON_SHUTDOWN`.
    pub delete_on_shutdown: bool,
}

impl Access {
    /// Reads the variables; without an access token nothing can be done.
    pub fn from_env(env: &Env) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let address = problems.keep(address(env));
        let token = problems.keep(access_token(env).ok_or_else(|| {
            let example = format!("{ACCESS_TOKEN_FILE}={BINDING_FILE}");
            Problem::said(
                ACCESS_TOKEN,
                format!("{ACCESS_TOKEN} is not set: want a token with the scope api, or a file with one, for example {example}."),
            )
        }));
        let ca_certs = problems.keep(ca_certs(env));
        problems.into_result(|| {
            let tls = tls::Settings::from_env(env);
            // Many a GitLab is behind a proxy that speaks nothing newer.
            let min_version = tls.min_version.clone().or_else(|| Some("1.2".to_owned()));
            Some(Self {
                address: address?,
                token: token?,
                ca_certs: ca_certs?,
                tls: tls::Settings { min_version, ..tls },
            })
        })
    }
}

impl Wanted {
    /// Reads the variables; the secrets are those that the receiver checks.
    pub fn from_env(
        env: &Env,
        scope: Scope,
        tokens: Secrets,
        signing: Option<Secrets>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let url = problems.keep(webhook_url(env));
        let events = env
            .non_empty("GITLAB_EVENT_TYPES")
            .unwrap_or(DEFAULT_EVENTS);
        let flags = problems.keep(Flags::parse(events, scope).map_err(|error| {
            Problem::new(
                "GITLAB_EVENT_TYPES",
                events,
                &error.to_string(),
                "push_events,job_events",
            )
        }));
        let ssl_verify = problems.keep(boolean(env, "GITLAB_SSL_VERIFY", true));
        let unverified = problems.keep(boolean(env, "GITLAB_ALLOW_UNVERIFIED", false));
        if tokens.is_empty() && signing.is_none() && unverified == Some(false) {
            problems.push(Problem::said(
                crate::token::NAMES.value,
                "GITLAB_SECRET_TOKEN is empty, so the registered hook could be imitated by anybody: set it, or GITLAB_ALLOW_UNVERIFIED=true if that is wanted.".to_owned(),
            ));
        }
        problems.into_result(|| {
            Some(Self {
                url: url?,
                flags: flags?,
                ssl_verify: ssl_verify?,
                tokens,
                signing,
            })
        })
    }
}

impl Registration {
    /// Reads the variables. `None` when there is no `GITLAB_WEBHOOK_URL` or no access token, as
    /// under the stock controller, which registers the hook itself.
    pub fn from_env(
        env: &Env,
        tokens: &Secrets,
        signing: Option<&Secrets>,
    ) -> Result<Option<Self>, Problems> {
        if env.non_empty("GITLAB_WEBHOOK_URL").is_none() || access_token(env).is_none() {
            return Ok(None);
        }
        let access = Access::from_env(env)?;
        let wanted = Wanted::from_env(env, access.address.scope, tokens.clone(), signing.cloned())?;
        let delete_on_shutdown = boolean(env, "GITLAB_WEBHOOK_DELETE_ON_SHUTDOWN", false)?;
        Ok(Some(Self {
            access,
            wanted,
            delete_on_shutdown,
        }))
    }
}

/// `GITLAB_WEBHOOK_URL`, which a hook is recognised by.
pub fn webhook_url(env: &Env) -> Result<String, Problem> {
    let text = env.non_empty("GITLAB_WEBHOOK_URL").unwrap_or_default();
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(text.to_owned()),
        _ => Err(Problem::new(
            "GITLAB_WEBHOOK_URL",
            text,
            "want the URL that GitLab shall call",
            "https://hooks.example.com",
        )),
    }
}

fn access_token(env: &Env) -> Option<AccessToken> {
    let text = env
        .non_empty(ACCESS_TOKEN)
        .map(|text| AccessToken::Text(text.to_owned()));
    let file = env.non_empty(ACCESS_TOKEN_FILE).map(PathBuf::from);
    let bound = || Some(PathBuf::from(BINDING_FILE)).filter(|path| path.exists());
    text.or_else(|| file.or_else(bound).map(AccessToken::File))
}

fn address(env: &Env) -> Result<Address, Problem> {
    let candidates = [
        ("GITLAB_PROJECT_URL", Scope::Project),
        ("GITLAB_GROUP_URL", Scope::Group),
    ];
    let given = candidates
        .iter()
        .find_map(|(name, scope)| Some((name, env.non_empty(name)?, scope)));
    let (name, url, scope) = given.unwrap_or((&"GITLAB_PROJECT_URL", "", &Scope::Project));
    Address::parse(*scope, url, env.non_empty("GITLAB_API_URL")).map_err(|error| {
        Problem::new(
            name,
            url,
            &error.to_string(),
            "https://gitlab.com/group/project",
        )
    })
}

/// PEM text, or the path of a file with it.
fn ca_certs(env: &Env) -> Result<Option<String>, Problem> {
    let name = "GITLAB_API_CA_CERTS";
    let Some(text) = env.non_empty(name) else {
        return Ok(None);
    };
    let wrong =
        |found: &str, reason: &str| Problem::new(name, found, reason, "/etc/ssl/gitlab.pem");
    let pem = if text.contains("-----BEGIN") {
        text.to_owned()
    } else {
        std::fs::read_to_string(text).map_err(|error| wrong(text, &error.to_string()))?
    };
    tls::check_ca_certs(&pem).map_err(|_| wrong("(its content)", "it holds no CA certificate"))?;
    Ok(Some(pem))
}

fn boolean(env: &Env, name: &str, default: bool) -> Result<bool, Problem> {
    let Some(text) = env.non_empty(name) else {
        return Ok(default);
    };
    go_bool(text).ok_or_else(|| Problem::new(name, text, "want true or false", "true"))
}
