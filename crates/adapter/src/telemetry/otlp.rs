//! The way to a collector: the OTLP exporters over our own HTTP client.
//!
//! Our own, because the exporters' default one knows neither our TLS set-up nor an empty root
//! file system. gRPC is a framing of the same requests, so no gRPC library is needed; see `grpc`.
//! Contract: `adapter-runtime.md` 5.3.

mod grpc;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};

use super::config::{Collector, Transport};
use crate::env::Env;
use crate::tls;

/// What one export may take; the exporters' own limit counts retries, too.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A collector answers with a few bytes; more than this is somebody else.
const MAX_ANSWER: usize = 64 << 10;

/// Why there is no exporter.
#[derive(Debug, thiserror::Error)]
pub(super) enum OtlpError {
    /// The HTTP client could not be made.
    #[error("the HTTP client for telemetry cannot be built")]
    Client(#[from] reqwest::Error),
    /// The exporter refused the configuration, for example an unprintable URL.
    #[error("the telemetry exporter cannot be built")]
    Exporter(#[from] ExporterBuildError),
}

/// An exporter of spans.
pub(super) fn spans(collector: &Collector, env: &Env) -> Result<SpanExporter, OtlpError> {
    let client = Client::new(collector, env, "traces")?;
    let builder = SpanExporter::builder().with_http().with_http_client(client);
    Ok(builder
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&collector.url)
        .build()?)
}

/// An exporter of metrics.
pub(super) fn metrics(collector: &Collector, env: &Env) -> Result<MetricExporter, OtlpError> {
    let client = Client::new(collector, env, "metrics")?;
    let builder = MetricExporter::builder()
        .with_http()
        .with_http_client(client);
    Ok(builder
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(&collector.url)
        .build()?)
}

/// Posts what an exporter has encoded.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    transport: Transport,
    /// What is sent, for the log.
    signal: &'static str,
    /// The collector, for the log.
    collector: String,
    failing: AtomicBool,
}

impl Client {
    fn new(collector: &Collector, env: &Env, signal: &'static str) -> Result<Self, OtlpError> {
        let mut tls = client_tls(env);
        let mut builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(TIMEOUT / 2)
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&collector.url) {
            builder = builder.no_proxy();
        }
        if collector.transport == Transport::Grpc {
            tls.alpn_protocols = vec![b"h2".to_vec()];
            builder = builder.http2_prior_knowledge();
        }
        Ok(Self {
            http: builder.tls_backend_preconfigured(tls).build()?,
            transport: collector.transport,
            signal,
            collector: collector.to_string(),
            failing: AtomicBool::new(false),
        })
    }

    async fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match self.transport {
            Transport::Http => read(self.send(request).await?)
                .await
                .map(|(answer, _)| answer),
            Transport::Grpc => grpc::call(self, request).await,
        }
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<reqwest::Body>, HttpError> {
        Ok(self.http.execute(request.try_into()?).await?.into())
    }

    /// Says once that telemetry doesn't arrive, and once that it does again.
    fn note(&self, result: &Result<Response<Bytes>, HttpError>) {
        let error = match result {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the collector answered {}", answer.status())),
            Err(error) => Some(causes(error.as_ref())),
        };
        let (signal, collector) = (self.signal, self.collector.as_str());
        match (error, self.failing.load(Ordering::Relaxed)) {
            (Some(error), false) => {
                self.failing.store(true, Ordering::Relaxed);
                tracing::warn!(
                    signal,
                    collector,
                    error,
                    "Telemetry does not reach the collector; events are not affected."
                );
            }
            (None, true) => {
                self.failing.store(false, Ordering::Relaxed);
                tracing::info!(signal, collector, "Telemetry reaches the collector again.");
            }
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let result = self.post(request).await;
        self.note(&result);
        result
    }
}

/// Collectors are no sinks: TLS 1.2 is enough for them, as in upstream's exporters.
fn client_tls(env: &Env) -> rustls::ClientConfig {
    let settings = tls::Settings::from_env(env);
    let min_version = settings.min_version.or_else(|| Some("1.2".to_owned()));
    tls::Trust::new(
        tls::Settings {
            min_version,
            ..settings
        },
        None,
    )
    .client_config(None)
}

/// As in Go, no proxy stands in front of this machine, whatever the variables say.
fn is_loopback(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    match url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Reads an answer whole; the trailers come with it.
async fn read(
    answer: Response<reqwest::Body>,
) -> Result<(Response<Bytes>, Option<http::HeaderMap>), HttpError> {
    let (parts, body) = answer.into_parts();
    let collected = Limited::new(body, MAX_ANSWER).collect().await?;
    let trailers = collected.trailers().cloned();
    Ok((Response::from_parts(parts, collected.to_bytes()), trailers))
}

/// The causes of an error; the first text of reqwest only repeats the URL.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = chain.map(ToString::to_string).collect();
    texts.dedup();
    if texts.len() > 1 {
        texts.remove(0);
    }
    texts.join(": ")
}
