//! The HTTP client under [`kube::Client`], without what its default stack has and we decide
//! ourselves: retries, read time-outs that would cut a watch, a span for each request.

use std::time::Duration;

use adapter::env::Problem;
use adapter::tls;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use tower::ServiceBuilder;

use super::Access;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// A peer that vanished without a word is noticed after about 15 s + 3 * 5 s of silence.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EACH: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMES: u32 = 3;
/// And after so long if it was being written to.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
const IDLE_TIME: Duration = Duration::from_mins(1);
/// Few: after a server vanished, each may cost a request its time limit.
const IDLE_CONNECTIONS: usize = 2;

/// Exit code of stock adapters without a usable configuration (adapter-runtime.md 7.2).
const EXIT_STOCK: u8 = 1;

pub(super) fn client(access: &Access) -> Result<kube::Client, Problem> {
    tls::install_provider();
    build(access).map_err(|error| {
        let server = access.server();
        let message = format!("The API server {server} cannot be used: {error}.");
        Problem::said("KUBECONFIG", message).with_exit_code(EXIT_STOCK)
    })
}

fn build(access: &Access) -> kube::Result<kube::Client> {
    let config = &access.config;
    let connector = config.rustls_https_connector_with_connector(tcp())?;
    let client: legacy::Client<_, Body> = legacy::Builder::new(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(client);
    Ok(kube::Client::new(service, config.default_namespace.clone()))
}

fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIME));
    connector.set_keepalive(Some(KEEPALIVE_AFTER));
    connector.set_keepalive_interval(Some(KEEPALIVE_EACH));
    connector.set_keepalive_retries(Some(KEEPALIVE_TIMES));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    connector
}
