//! Where Prometheus fetches metrics: the endpoint of the configuration and the
//! `METRICS_PROMETHEUS_*` variables over it.
//!
//! Contract: `adapter-runtime.md` 5.4. Nothing is bound or read from disk here.

use std::fmt;
use std::path::PathBuf;

use crate::env::{Env, Problem};

const HOST: &str = "METRICS_PROMETHEUS_HOST";
const PORT: &str = "METRICS_PROMETHEUS_PORT";
const CERT: &str = "METRICS_PROMETHEUS_TLS_CERT";
const KEY: &str = "METRICS_PROMETHEUS_TLS_KEY";
const CLIENT_AUTH: &str = "METRICS_PROMETHEUS_TLS_CLIENT_AUTH";
const CLIENT_CA: &str = "METRICS_PROMETHEUS_TLS_CLIENT_CA_FILE";

const DEFAULT_ENDPOINT: &str = ":9092";
/// Ports below are refused, as upstream does.
const FIRST_PORT: u16 = 1024;

/// Where Prometheus fetches metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusListener {
    /// A name or address; empty means all addresses, IPv4 and IPv6.
    pub host: String,
    /// From 1024 to 65535.
    pub port: u16,
    /// Certificate and key, if it is served over TLS.
    pub tls: Option<ListenerTls>,
}

/// The files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Certificate chain in PEM.
    pub certificate: PathBuf,
    /// Private key in PEM.
    pub key: PathBuf,
    /// What is asked of clients.
    pub clients: ClientCertificates,
}

/// What is asked of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nothing.
    Ignored,
    /// A certificate that is shown must come from this CA file.
    Optional(PathBuf),
    /// A certificate from this CA file.
    Required(PathBuf),
}

impl PrometheusListener {
    /// Reads `host:port`; the environment overrides both parts. All problems have exit code 1.
    pub(super) fn read(endpoint: &str, env: &Env) -> Result<Self, Problem> {
        let endpoint = if endpoint.is_empty() {
            DEFAULT_ENDPOINT
        } else {
            endpoint
        };
        let (host, port) = split(endpoint).ok_or_else(|| {
            let example = r#"{"metrics":{"protocol":"prometheus","endpoint":":9092"}}"#;
            let variable = super::OBSERVABILITY;
            let message = format!(
                "metrics.endpoint in {variable} is {endpoint:?}: want host:port, for example {example}."
            );
            Problem::said(variable, message).with_exit_code(1)
        })?;
        let host = env.non_empty(HOST).unwrap_or(host);
        let (variable, port) = match env.non_empty(PORT) {
            Some(port) => (PORT, port),
            None => (super::OBSERVABILITY, port),
        };
        let number = port
            .parse()
            .ok()
            .filter(|number| *number >= FIRST_PORT)
            .ok_or_else(|| {
                let message = format!(
                    "{variable} has the port {port:?}: want one from 1024 to 65535 such as 9092."
                );
                Problem::said(variable, message).with_exit_code(1)
            })?;
        Ok(Self {
            host: host.to_owned(),
            port: number,
            tls: tls(env)?,
        })
    }
}

/// `host:port`, `:port` or `[address]:port`, as Go's `net.SplitHostPort`.
fn split(endpoint: &str) -> Option<(&str, &str)> {
    if let Some(bracketed) = endpoint.strip_prefix('[') {
        return bracketed.split_once("]:");
    }
    endpoint
        .split_once(':')
        .filter(|(_, port)| !port.contains(':'))
}

/// Settings that contradict each other are refused: nobody wants metrics in the clear by mistake.
fn tls(env: &Env) -> Result<Option<ListenerTls>, Problem> {
    let certificate = env.non_empty(CERT);
    let key = env.non_empty(KEY);
    let auth = env
        .get(CLIENT_AUTH)
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let ca = env
        .get(CLIENT_CA)
        .map(str::trim)
        .filter(|path| !path.is_empty());
    let said =
        |variable: &str, message: String| Err(Problem::said(variable, message).with_exit_code(1));
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) if auth.is_empty() || auth == "none" => match ca {
            None => return Ok(None),
            Some(_) => return said(CLIENT_CA, format!("{CLIENT_CA} needs {CERT} and {KEY}.")),
        },
        (None, None) => {
            return said(
                CLIENT_AUTH,
                format!("{CLIENT_AUTH} needs {CERT} and {KEY}."),
            );
        }
        (Some(_), None) => return said(KEY, format!("{CERT} is set and {KEY} is not: set both.")),
        (None, Some(_)) => return said(CERT, format!("{KEY} is set and {CERT} is not: set both.")),
    };
    let clients = match (auth.as_str(), ca) {
        ("" | "none", _) => ClientCertificates::Ignored,
        ("optional", Some(ca)) => ClientCertificates::Optional(ca.into()),
        ("require", Some(ca)) => ClientCertificates::Required(ca.into()),
        ("optional" | "require", None) => {
            return said(
                CLIENT_CA,
                format!("{CLIENT_AUTH}={auth} needs {CLIENT_CA}."),
            );
        }
        (other, _) => {
            let problem = Problem::new(
                CLIENT_AUTH,
                other,
                "want none, optional or require",
                "require",
            );
            return Err(problem.with_exit_code(1));
        }
    };
    Ok(Some(ListenerTls {
        certificate: certificate.into(),
        key: key.into(),
        clients,
    }))
}

/// For `--check`: `:9092`, with `over TLS` behind it if so.
impl fmt::Display for PrometheusListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        if self.tls.is_some() {
            f.write_str(" over TLS")
        } else {
            Ok(())
        }
    }
}
