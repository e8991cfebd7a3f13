//! Everything that the environment says, as typed values; every problem at once.
//!
//! What the controller writes about the source is in `config`.

use std::time::Duration;

use adapter::admin::PROBE_PORT;
use adapter::env::{Env, Problem, Problems};
use adapter::settings::Settings as AdapterSettings;
use cluster::client::Access;

use crate::config::{self, SourceConfig};
use crate::handover;
use crate::source;

const AUDIENCE: &str = "K_AUDIENCE";
const SERVICE_ACCOUNT: &str = "K_OIDC_SERVICE_ACCOUNT";
const HEALTH_PORT: &str = "HEALTH_PORT";

/// The configuration of the adapter.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every adapter has.
    pub adapter: AdapterSettings,
    /// What the controller says about the source.
    pub source: SourceConfig,
    /// Where the API server is.
    pub access: Access,
    /// Whose tokens the sink asks for; both variables or none (adapter-runtime.md 4).
    pub oidc: Option<Oidc>,
    /// How long to go on after SIGTERM.
    pub handover: Duration,
    /// Where probes are answered: 8080 for the stock Deployment.
    pub health_port: u16,
}

/// Whose token for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// The sink.
    pub audience: String,
    /// The account in the source's namespace.
    pub service_account: String,
}

impl Settings {
    /// Reads the variables.
    pub fn from_env(env: &Env) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let named = problems.keep(config::source_name(env)).is_some();
        let source = problems.keep(SourceConfig::from_env(env));
        let adapter = AdapterSettings::from_env(env, &mut problems);
        let access = problems.keep(Access::from_env(env));
        let handover = problems.keep(handover::from_env(env));
        let health_port = problems.keep(health_port(env));
        problems.into_result(|| {
            Some(Self {
                adapter,
                source: source.filter(|_| named)?,
                access: access?,
                oidc: oidc(env),
                handover: handover?,
                health_port: health_port?,
            })
        })
    }

    /// The `source` of every event.
    pub fn source_url(&self) -> &str {
        source::of(&self.access)
    }

    /// For `--check`.
    pub fn list(&self) -> Vec<(&'static str, String)> {
        let config = &self.source;
        let resources = config.resources.iter();
        let resources: Vec<String> = resources
            .map(|resource| {
                let selector = resource.selector.as_ref().map(|text| format!(" ({text})"));
                let name = format!("{} {}", resource.group_version(), resource.resource);
                name + &selector.unwrap_or_default()
            })
            .collect();
        let namespaces = if config.all_namespaces {
            "all".to_owned()
        } else {
            config.namespaces.join(", ")
        };
        let owner = config.owner.as_ref();
        let owner = owner.map(|owner| format!("{} {}", owner.api_version, owner.kind));
        let oidc = self.oidc.as_ref();
        let oidc = oidc.map(|oidc| format!("{} for {}", oidc.service_account, oidc.audience));
        let none = || "none".to_owned();
        vec![
            (
                "source",
                format!("{}/{}", self.adapter.namespace, self.adapter.name),
            ),
            ("API server", self.source_url().to_owned()),
            (
                "K_SINK",
                self.adapter
                    .sink
                    .as_ref()
                    .map_or_else(ToString::to_string, ToString::to_string),
            ),
            ("K_SINK_TIMEOUT", format!("{:?}", self.adapter.sink_timeout)),
            ("resources", resources.join(", ")),
            ("namespaces", namespaces),
            ("mode", format!("{:?}", config.mode)),
            ("owner", owner.unwrap_or_else(none)),
            ("failFast", config.fail_fast.to_string()),
            (
                "K_CE_OVERRIDES",
                format!("{:?}", self.adapter.overrides.extensions()),
            ),
            ("token", oidc.unwrap_or_else(none)),
            ("HANDOVER_SECONDS", self.handover.as_secs().to_string()),
            ("HEALTH_PORT", self.health_port.to_string()),
        ]
    }
}

fn oidc(env: &Env) -> Option<Oidc> {
    Some(Oidc {
        audience: env.get(AUDIENCE)?.to_owned(),
        service_account: env.get(SERVICE_ACCOUNT)?.to_owned(),
    })
}

fn health_port(env: &Env) -> Result<u16, Problem> {
    let Some(text) = env.non_empty(HEALTH_PORT) else {
        return Ok(PROBE_PORT);
    };
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| Problem::new(HEALTH_PORT, text, "want a port number", "8080"))
}
