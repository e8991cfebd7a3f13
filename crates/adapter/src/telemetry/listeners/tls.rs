//! The metrics listener over TLS, with client certificates if they are asked for.
//!
//! Apart from `server`, which looks into its sockets and so cannot have TLS on them: this listener
//! is for a scraper or two, not for strangers in numbers. Contract: `adapter-runtime.md` 5.4.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::shutdown::Shutdown;
use crate::telemetry::config::{ClientCertificates, ListenerTls};

/// Connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 32;
/// For the handshake, and then for each request head, as upstream's.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a failed `accept`, which would fail again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Why there is no TLS listener.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// A file is missing, or holds nothing of its kind.
    #[error("{path} cannot be used: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or one of the certificates is broken.
    #[error("the certificate cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// The CA file has no usable certificate.
    #[error("client certificates cannot be checked: {0}")]
    Clients(#[from] VerifierBuilderError),
}

/// Reads the files. They are read once, as upstream does.
pub(super) fn acceptor(tls: &ListenerTls) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let clients = |ca: &Path| -> Result<_, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate)?;
        }
        Ok(WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(&provider),
        ))
    };
    let verifier = match &tls.clients {
        ClientCertificates::Ignored => WebPkiClientVerifier::no_client_auth(),
        ClientCertificates::Optional(ca) => clients(ca)?.allow_unauthenticated().build()?,
        ClientCertificates::Required(ca) => clients(ca)?.build()?,
    };
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|source| TlsError::File {
        path: tls.key.clone(),
        source,
    })?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&tls.certificate)?, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unusable)?;
    certificates
        .collect::<Result<Vec<_>, _>>()
        .map_err(unusable)
}

/// Accepts connections until the stop; a scrape that is running then is cut.
pub(super) async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    router: Router,
    stop: &Shutdown,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.stopping().cancelled() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, acceptor.clone(), router.clone()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
        }
    }
}

async fn answer(stream: TcpStream, acceptor: TlsAcceptor, router: Router) {
    let handshake = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
    let stream = match handshake.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "A TLS handshake on the metrics listener failed.");
            return;
        }
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // A scraper that went away is no news.
    let _ = connection.await;
}
