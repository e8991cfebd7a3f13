//! TLS towards a sink: whose certificates count, and what a handshake offers.
//!
//! One [`Trust`] per process holds what all sinks share (system roots, mounted bundles, protocol
//! parameters); each HTTP client asks it for a `rustls::ClientConfig` with the CA certificates of
//! its own sink. Nothing here dials, keeps connections or decides when TLS is used.
//! Contract: `adapter-runtime.md` 3.

mod anchors;
mod bundles;
mod protocol;
mod reason;
#[cfg(test)]
mod tests;
mod verifier;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::ring;

use self::anchors::Anchors;
use self::bundles::Bundles;
use self::protocol::Protocol;
use self::verifier::Verifier;
use crate::env::{Env, Problem, Problems};

pub use self::bundles::ExtraRoots;
pub use self::reason::explain;

/// The texts of the TLS variables, as found; empty and unset are the same here.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the cluster's trust bundles are mounted; need not exist (yet).
    pub bundle_dir: PathBuf,
    /// `SSL_CERT_FILE`: a PEM file read instead of the usual system bundle.
    pub ssl_cert_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: directories, separated by colons, read instead of the usual ones.
    pub ssl_cert_dir: Option<String>,
    /// `TLS_MIN_VERSION`: `1.2` or `1.3` (the default).
    pub min_version: Option<String>,
    /// `TLS_MAX_VERSION`: `1.2` or `1.3` (the default).
    pub max_version: Option<String>,
    /// `TLS_CIPHER_SUITES`: TLS 1.2 suites by their Go names, separated by commas.
    pub cipher_suites: Option<String>,
    /// `TLS_CURVE_PREFERENCES`: key exchange groups by their Go names, separated by commas.
    pub curve_preferences: Option<String>,
}

impl Settings {
    /// Reads the variables. Nothing is checked yet: see [`Settings::check`].
    pub fn from_env(env: &Env) -> Self {
        let text = |name| env.non_empty(name).map(str::to_owned);
        Self {
            bundle_dir: PathBuf::from("/knative-custom-certs"),
            ssl_cert_file: text("SSL_CERT_FILE").map(PathBuf::from),
            ssl_cert_dir: text("SSL_CERT_DIR"),
            min_version: text(protocol::MIN_VERSION),
            max_version: text(protocol::MAX_VERSION),
            cipher_suites: text(protocol::CIPHER_SUITES),
            curve_preferences: text(protocol::CURVE_PREFERENCES),
        }
    }

    /// Every bad protocol parameter. No reason to refuse the start: only https sinks suffer (3.4).
    pub fn check(&self) -> Result<(), Problems> {
        Protocol::read(self).map(drop)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from_env(&Env::default())
    }
}

/// Whether CA certificates given for a sink hold at least one that can be read, or are empty (3.2).
pub fn check_ca_certs(pem: &str) -> Result<(), Problem> {
    Anchors::of_sink(pem)
        .map(drop)
        .ok_or_else(|| Problem::said("K_CA_CERTS", protocol::NO_CA_CERTIFICATE.to_owned()))
}

/// Makes *ring* the default of this process, for libraries that ask for one. May be repeated.
pub fn install_provider() {
    // An error means that one is installed already.
    let _ = ring::default_provider().install_default();
}

/// What all TLS clients of one process share. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Trust {
    protocol: Protocol,
    shared: Arc<SharedAnchors>,
}

/// Trust anchors that do not belong to a single sink.
#[derive(Debug)]
struct SharedAnchors {
    settings: Settings,
    /// Read at the first handshake and never again, as Go does (3.2, item 1).
    system: OnceLock<Anchors>,
    bundles: Bundles,
}

impl SharedAnchors {
    fn system(&self) -> &Anchors {
        self.system.get_or_init(|| bundles::system(&self.settings))
    }
}

impl Trust {
    /// Never fails: with a bad protocol parameter ([`Settings::check`]) every handshake is refused
    /// with the reason, before a byte is sent (3.4). `extra` adds roots from elsewhere.
    pub fn new(settings: Settings, extra: Option<Arc<dyn ExtraRoots>>) -> Self {
        Self {
            protocol: Protocol::read(&settings).unwrap_or_else(|it| Protocol::refusing(&it)),
            shared: Arc::new(SharedAnchors {
                system: OnceLock::new(),
                bundles: Bundles::new(settings.bundle_dir.clone(), extra),
                settings,
            }),
        }
    }

    /// A configuration for reqwest's `tls_backend_preconfigured`.
    ///
    /// `ca_certs` is PEM trusted for this client only (`K_CA_CERTS`, `status.sinkCACerts`). If not
    /// empty and without any certificate, every handshake is refused before a byte is sent (3.2).
    /// Offers no ALPN, hence HTTP/1.1 (3.4): who wants HTTP/2 sets `alpn_protocols` on the result.
    pub fn client_config(&self, ca_certs: Option<&str>) -> ClientConfig {
        let (protocol, sink) = match Anchors::of_sink(ca_certs.unwrap_or_default()) {
            Some(anchors) => (self.protocol.clone(), anchors),
            None => (
                Protocol::refused_by(&protocol::NO_CA_CERTIFICATE_REFUSAL),
                Anchors::default(),
            ),
        };
        let verifier = Verifier::new(sink, Arc::clone(&self.shared), &protocol.provider);
        let mut config = protocol
            .builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // A resumed session skips the certificate, and with it a CA removed meanwhile (3.5).
        config.resumption = Resumption::disabled();
        config
    }
}
