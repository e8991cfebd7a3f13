//! The two listeners of telemetry: metrics for Prometheus, and the profiling port.
//!
//! Neither is worth a process: a port that is taken is logged and nothing more. Contract:
//! `adapter-runtime.md` 5.4 and 5.5.

mod tls;

use std::net::SocketAddr;

use axum::Router;
use prometheus::Registry;
use tokio::net::TcpListener;

use super::config::PrometheusListener;
use super::scrape;
use crate::env::Env;
use crate::server::{self, Limits};
use crate::shutdown::Shutdown;

const PROFILING_PORT: &str = "PROFILING_PORT";
const DEFAULT_PROFILING_PORT: u16 = 8008;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(transparent)]
    Bind(#[from] server::BindError),
    #[error("{host} has no address")]
    Unknown { host: String },
    #[error("{host} cannot be looked up: {source}")]
    Lookup {
        host: String,
        source: std::io::Error,
    },
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error("{PROFILING_PORT} is {0:?}: want a port, for example {PROFILING_PORT}=8008")]
    Port(String),
}

/// Listens for Prometheus until the stop. Needs a running tokio runtime.
pub(super) fn metrics(listener: &PrometheusListener, registry: Registry, stop: &Shutdown) {
    let (listener, stop) = (listener.clone(), stop.clone());
    let router = scrape::router(registry);
    tokio::spawn(async move {
        let served = async {
            let acceptor = listener.tls.as_ref().map(tls::acceptor).transpose()?;
            let socket = server::bind(address(&listener.host, listener.port).await?)?;
            match acceptor {
                Some(acceptor) => tls::serve(socket, acceptor, router, &stop).await,
                None => plain(socket, router, &stop).await,
            }
            Ok(())
        };
        report("metrics", served.await);
    });
}

/// Listens on the profiling port, where every path is 404, until the stop. Needs a running tokio
/// runtime.
pub(super) fn profiling(env: &Env, stop: &Shutdown) {
    let stop = stop.clone();
    let port = match env.non_empty(PROFILING_PORT) {
        None => Ok(DEFAULT_PROFILING_PORT),
        Some(text) => text.parse().map_err(|_| ListenError::Port(text.to_owned())),
    };
    tokio::spawn(async move {
        let served = async {
            plain(
                server::bind(server::everywhere(port?))?,
                Router::new(),
                &stop,
            )
            .await;
            Ok(())
        };
        report("profiling", served.await);
    });
}

async fn plain(socket: TcpListener, router: Router, stop: &Shutdown) {
    server::serve(socket, router, Limits::default(), stop).await;
}

fn report(listener: &'static str, served: Result<(), ListenError>) {
    if let Err(error) = served {
        tracing::warn!(listener, %error, "A listener is missing; all else works.");
    }
}

async fn address(host: &str, port: u16) -> Result<SocketAddr, ListenError> {
    if host.is_empty() {
        return Ok(server::everywhere(port));
    }
    let unknown = || ListenError::Unknown {
        host: host.to_owned(),
    };
    tokio::net::lookup_host((host, port))
        .await
        .map_err(|source| ListenError::Lookup {
            host: host.to_owned(),
            source,
        })?
        .next()
        .ok_or_else(unknown)
}
