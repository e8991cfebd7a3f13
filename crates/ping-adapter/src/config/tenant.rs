//! The variables of the multi-tenant role, as the stock controller writes them (pingsource.md 1.3).
//! Any of them may be empty.

use std::time::Duration;

use adapter::env::{Env, Problem, Problems};
use adapter::settings::sink_timeout;
use cluster::client::Access;
use cluster::config_maps::Names;
use cluster::lease::{Election, LEADER_ELECTION_CONFIG};

use super::second_of_minute;
use crate::flags::Flags;

/// Stands before the bucket's number in the name of each Lease (2.4).
const LEASE_PREFIX: &str =
    "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.Reconciler";
/// Where stock adapters are installed, for a pod that is not told.
const SYSTEM_NAMESPACE: &str = "knative-eventing";
/// `K_NO_SHUTDOWN_AFTER` unless it is from 0 to 59 (2.7).
const NO_SHUTDOWN_AFTER: u32 = 55;

/// How to serve a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// The API server.
    pub access: Access,
    /// `NAMESPACE`: where the ConfigMaps are.
    pub namespace: String,
    /// `SYSTEM_NAMESPACE`: where the Leases are.
    pub system_namespace: String,
    /// `K_LEADER_ELECTION_CONFIG`; `None` with `--disable-ha`.
    pub election: Option<Election>,
    /// `K_SINK_TIMEOUT`: the limit of an attempt.
    pub timeout: Duration,
    /// The names of the ConfigMaps.
    pub config_maps: Names,
}

impl Config {
    /// Reads its variables; `None` if something in it went to `problems`.
    pub(super) fn read(flags: &Flags, env: &Env, problems: &mut Problems) -> Option<Self> {
        let election = if flags.disable_ha {
            Some(None)
        } else {
            let text = env.get(LEADER_ELECTION_CONFIG);
            problems.keep(Election::read(text, LEASE_PREFIX)).map(Some)
        };
        let access = problems.keep(access(flags, env));
        let system = env
            .non_empty("SYSTEM_NAMESPACE")
            .or(env.non_empty("NAMESPACE"));
        let system_namespace = system.unwrap_or(SYSTEM_NAMESPACE).to_owned();
        Some(Self {
            access: access?,
            namespace: env
                .non_empty("NAMESPACE")
                .unwrap_or(&system_namespace)
                .to_owned(),
            system_namespace,
            election: election?,
            timeout: sink_timeout(env.get("K_SINK_TIMEOUT")),
            config_maps: Names::from_env(env),
        })
    }

    /// Its part of `--check`.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let leases = self.election.as_ref().map_or_else(
            || "none, fires for all sources (--disable-ha)".to_owned(),
            |election| {
                format!(
                    "{} in {}",
                    election.leases.join(", "),
                    self.system_namespace
                )
            },
        );
        vec![
            ("API server", self.access.server().to_owned()),
            ("namespace", self.namespace.clone()),
            ("leases", leases),
            ("limit of a try", format!("{:?}", self.timeout)),
        ]
    }
}

/// Anything but a second of the minute is 55, as upstream has it.
pub(super) fn no_shutdown_after(text: Option<&str>) -> u32 {
    text.and_then(second_of_minute).unwrap_or(NO_SHUTDOWN_AFTER)
}

/// `--kubeconfig` stands in for the variable; `--server` needs no credentials, as with a proxy.
fn access(flags: &Flags, env: &Env) -> Result<Access, Problem> {
    match (&flags.server, &flags.kubeconfig) {
        (Some(url), None) => Access::anonymous(url),
        (_, None) => Access::from_env(env),
        (server, Some(path)) => {
            if server.is_some() {
                return Err(Problem::said(
                    "--server",
                    "--server and --kubeconfig are both given: want one of them.".to_owned(),
                ));
            }
            Access::from_env(&Env::from_pairs([("KUBECONFIG", path.as_str())]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_variable_may_be_empty() {
        for (text, second) in [
            (None, 55),
            (Some(""), 55),
            (Some("60"), 55),
            (Some("-1"), 55),
            (Some("x"), 55),
            (Some("0"), 0),
            (Some("59"), 59),
        ] {
            assert_eq!(no_shutdown_after(text), second, "{text:?}");
        }
    }
}
