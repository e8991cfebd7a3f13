//! TLS as a sink sees it: real handshakes of reqwest, configured by us, with a rustls server
//! (`adapter-runtime.md` 3 and V20). Tables for the pure parts are beside the source.

#![allow(clippy::unwrap_used, reason = "in a test the line says enough")]

mod anchors;
mod protocol;
mod reload;
mod sink;

use std::future::Future;
use std::time::Duration;

use adapter::env::Env;
use adapter::tls::{Settings, Trust, explain};
use rustls::ClientConfig;
use tempfile::TempDir;

use self::sink::{HOST, Sink};

/// One test's own directory of bundles, not there yet, and no system roots but the compiled-in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn settings(&self, variables: &[(&str, &str)]) -> Settings {
        let nowhere = self.0.path().join("nowhere");
        let mut settings = Settings {
            bundle_dir: self.0.path().join("certs"),
            ..Settings::from_env(&Env::from_pairs(variables.iter().copied()))
        };
        settings.ssl_cert_file.get_or_insert(nowhere.clone());
        settings
            .ssl_cert_dir
            .get_or_insert(nowhere.to_str().unwrap().to_owned());
        settings
    }

    fn trust(&self, variables: &[(&str, &str)]) -> Trust {
        Trust::new(self.settings(variables), None)
    }
}

/// A client that opens a connection per request.
fn client(config: ClientConfig, sink: &Sink) -> reqwest::Client {
    builder(config, sink)
        .pool_max_idle_per_host(0)
        .build()
        .unwrap()
}

fn builder(config: ClientConfig, sink: &Sink) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .resolve(HOST, sink.address)
        .timeout(Duration::from_secs(20))
}

async fn post(client: &reqwest::Client, url: String) -> Result<(), String> {
    match client.post(url).send().await {
        Ok(response) if response.status() == 202 => Ok(()),
        Ok(response) => Err(response.status().to_string()),
        Err(error) => Err(explain(&error).unwrap_or_else(|| format!("not TLS: {error:?}"))),
    }
}

/// Sends to the sink by its name. `Err` is the sentence for the user.
async fn send(client: &reqwest::Client, sink: &Sink) -> Result<(), String> {
    post(client, format!("https://{HOST}:{}/a", sink.address.port())).await
}

/// Sends once, from a fresh process so to say.
async fn try_once(ca_certs: Option<&str>, sink: &Sink) -> Result<(), String> {
    try_with(&[], ca_certs, sink).await
}

async fn try_with(
    variables: &[(&str, &str)],
    ca_certs: Option<&str>,
    sink: &Sink,
) -> Result<(), String> {
    let place = Place::new();
    send(
        &client(place.trust(variables).client_config(ca_certs), sink),
        sink,
    )
    .await
}

const UNKNOWN: &str = "The server's certificate is signed by an unknown authority: add its CA to \
                       K_CA_CERTS or to a trust bundle.";

/// Runs a test with a deadline.
async fn within(test: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(30), test)
        .await
        .expect("the test ends in time");
}
