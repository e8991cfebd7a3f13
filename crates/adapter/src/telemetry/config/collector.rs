//! The OTLP collector: which protocol it speaks and under which URL.
//!
//! Contract: `adapter-runtime.md` 5.3. Whether it can be reached is nobody's concern here.

use std::fmt;

use crate::env::{Env, Problem};
use crate::go;

const ANY_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, in protobuf.
    Http,
}

/// A collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// How it is spoken to.
    pub transport: Transport,
    /// The whole URL that every export is posted to.
    pub url: String,
}

/// What differs between metrics and traces.
struct Signal {
    endpoint_variable: &'static str,
    http_path: &'static str,
    grpc_path: &'static str,
}

const METRICS: Signal = Signal {
    endpoint_variable: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    http_path: "/v1/metrics",
    grpc_path: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
};

const TRACES: Signal = Signal {
    endpoint_variable: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    http_path: "/v1/traces",
    grpc_path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
};

impl Collector {
    /// The collector of metrics; the environment goes before `endpoint`.
    pub(super) fn metrics(
        transport: Transport,
        endpoint: &str,
        env: &Env,
    ) -> Result<Self, Problem> {
        Self::read(transport, endpoint, env, &METRICS)
    }

    /// The collector of traces; the environment goes before `endpoint`.
    pub(super) fn traces(transport: Transport, endpoint: &str, env: &Env) -> Result<Self, Problem> {
        Self::read(transport, endpoint, env, &TRACES)
    }

    fn read(
        transport: Transport,
        endpoint: &str,
        env: &Env,
        signal: &Signal,
    ) -> Result<Self, Problem> {
        let (address, path) = if let Some(text) = env.non_empty(signal.endpoint_variable) {
            let address = Address::read(signal.endpoint_variable, text)?;
            let path = address.path_or("/");
            (address, path)
        } else if let Some(text) = env.non_empty(ANY_ENDPOINT) {
            // This one is a base for all signals, so that its path only begins the whole path.
            let address = Address::read(ANY_ENDPOINT, text)?;
            let path = format!("{}{}", address.path.trim_end_matches('/'), signal.http_path);
            (address, path)
        } else {
            let address = Address::read(super::OBSERVABILITY, default_for(transport, endpoint))?;
            let path = address.path_or(signal.http_path);
            (address, path)
        };
        let path = match transport {
            Transport::Grpc => signal.grpc_path,
            Transport::Http => &path,
        };
        Ok(Self {
            transport,
            url: format!("{}://{}{path}", address.scheme, address.authority),
        })
    }
}

/// Controllers demand an endpoint; without one the specification's default is left.
fn default_for(transport: Transport, endpoint: &str) -> &str {
    match (endpoint, transport) {
        ("", Transport::Grpc) => "http://localhost:4317",
        ("", Transport::Http) => "http://localhost:4318",
        (endpoint, _) => endpoint,
    }
}

/// The three parts of an endpoint that count.
struct Address {
    scheme: &'static str,
    authority: String,
    /// Path and query; empty if the text has neither.
    path: String,
}

impl Address {
    fn read(variable: &str, text: &str) -> Result<Self, Problem> {
        let bad = |reason: &str| {
            let message = format!(
                "{variable} has the endpoint {text:?}: {reason}; \
                 want a collector's URL, for example http://otel-collector.observability:4318."
            );
            Problem::said(variable, message).with_exit_code(1)
        };
        let url = go::url::Url::parse(text.as_bytes()).map_err(|error| bad(&error.to_string()))?;
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => ("https", rest),
            Some((_, rest)) => ("http", rest),
            // `name:4317` reads as the scheme `name`; upstream then takes it for a secure host.
            None if !url.scheme().is_empty() => ("https", text),
            None => ("http", text.trim_start_matches('/')),
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(bad("there is no host"));
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            path: path.to_owned(),
        })
    }

    fn path_or(&self, default: &str) -> String {
        if self.path.starts_with('/') {
            self.path.clone()
        } else {
            format!("{default}{}", self.path)
        }
    }
}

/// The URL without user information, as logs and `--check` show it.
impl fmt::Display for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.transport {
            Transport::Grpc => "grpc",
            Transport::Http => "http/protobuf",
        };
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("http", &self.url));
        let authority_end = rest.find('/').unwrap_or(rest.len());
        let host = rest[..authority_end].rfind('@').map_or(0, |at| at + 1);
        write!(f, "{transport} to {scheme}://{}", &rest[host..])
    }
}
