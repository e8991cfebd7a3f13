//! Where heartbeats go and how: address, trust, token, time limit.
//!
//! Contract: containersource-heartbeats.md 3, 4.2 and 4.6.

use std::path::PathBuf;
use std::time::Duration;

use adapter::env::{Env, Problem, Problems};
use adapter::settings::sink_timeout;
use adapter::sink::{SinkUrl, SinkUrlError, masked};
use adapter::tls;

use super::{EXIT_UPSTREAM, Variables};
use crate::flags::Flags;

/// Where a SinkBinding mounts the token; there is no variable for it (3.2).
const TOKEN_FILE: &str = "/oidc/token";
const SINK_EXAMPLE: &str = "http://event-display.default.svc.cluster.local";

/// The sink and how to talk to it.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The sink's address.
    pub sink: SinkUrl,
    /// PEM trusted for the sink, from `K_CA_CERTS` or `-cacerts`.
    pub ca_certs: Option<String>,
    /// The TLS variables.
    pub tls: tls::Settings,
    /// The limit of one attempt; 60 s unless `K_SINK_TIMEOUT` is a positive number of seconds.
    pub timeout: Duration,
    /// The file with the bearer token; need not exist.
    pub token_file: PathBuf,
}

impl Destination {
    /// Reads its part of the configuration; `None` if something in it went to `problems`.
    pub(super) fn read(
        variables: &Variables,
        flags: &Flags,
        env: &Env,
        problems: &mut Problems,
    ) -> Option<Self> {
        let (sink_name, sink) = first("K_SINK", variables.k_sink.as_deref(), "-sink", &flags.sink);
        let pem = variables.k_ca_certs.as_deref();
        let (ca_name, pem) = first("K_CA_CERTS", pem, "-cacerts", &flags.ca_certs);
        let parsed = SinkUrl::parse(sink);
        let tls = tls::Settings::from_env(env);
        // Looked at for https only, and before the sink's own problems, as upstream does.
        if parsed.as_ref().is_ok_and(SinkUrl::is_https) {
            problems.keep(check_ca_certs(ca_name, pem));
            for problem in tls.check().err().iter().flat_map(Problems::iter) {
                problems.push(problem.clone());
            }
        }
        let parsed = parsed.map_err(|error| sink_problem(sink_name, sink, &error));
        Some(Self {
            sink: problems.keep(parsed)?,
            ca_certs: Some(pem.to_owned()).filter(|pem| !pem.is_empty()),
            tls,
            timeout: sink_timeout(variables.k_sink_timeout.as_deref()),
            token_file: PathBuf::from(TOKEN_FILE),
        })
    }

    /// Its part of `--check`.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let ca_certs = if self.ca_certs.is_some() {
            "given"
        } else {
            "none"
        };
        let token = if self.token_file.exists() {
            "present"
        } else {
            "absent, none is sent"
        };
        vec![
            ("sink", self.sink.to_string()),
            ("CA certificates", ca_certs.to_owned()),
            (
                "token file",
                format!("{} ({token})", self.token_file.display()),
            ),
            ("limit of a try", format!("{:?}", self.timeout)),
        ]
    }
}

/// The variable if it is not empty, else the flag; with the name to blame.
fn first<'a>(
    variable: &'static str,
    value: Option<&'a str>,
    flag: &'static str,
    flag_value: &'a str,
) -> (&'static str, &'a str) {
    match value {
        Some(text) if !text.is_empty() => (variable, text),
        _ if flag_value.is_empty() => (variable, flag_value),
        _ => (flag, flag_value),
    }
}

/// Nothing can appear later in a running pod, so this ends the program (9, weak spot 4).
fn sink_problem(name: &str, text: &str, error: &SinkUrlError) -> Problem {
    let what = match error {
        SinkUrlError::Missing if text.is_empty() => "neither K_SINK nor -sink is set".to_owned(),
        SinkUrlError::Missing => format!("{name} is blank"),
        error => format!("{name} is {:?}: {error}", masked(text)),
    };
    Problem::said(
        name,
        format!(
            "{what}. Under a ContainerSource or SinkBinding the binding may not have been applied \
             to this pod yet; another pod with K_SINK follows when it is. An example is \
             K_SINK={SINK_EXAMPLE}."
        ),
    )
}

fn check_ca_certs(name: &str, pem: &str) -> Result<(), Problem> {
    tls::check_ca_certs(pem).map_err(|problem| {
        Problem {
            variable: name.to_owned(),
            ..problem
        }
        .with_exit_code(EXIT_UPSTREAM)
    })
}
