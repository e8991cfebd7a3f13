//! Certificates made on the spot, for sinks that speak TLS.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// A certificate authority of one test.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new authority with its own key.
    #[track_caller]
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(parameters, key),
            pem,
        }
    }

    /// Its certificate, as it would stand in `K_CA_CERTS`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server certificate for these host names or addresses.
    #[track_caller]
    pub fn identity(&self, hosts: &[&str]) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(hosts)
            .signed_by(&key, &self.issuer)
            .expect("a signed certificate");
        Identity::new(
            certificate.der(),
            certificate.pem(),
            &key,
            rustls::ALL_VERSIONS,
        )
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A server certificate with its key.
#[derive(Clone)]
pub struct Identity {
    pem: String,
    certificate: CertificateDer<'static>,
    key: Arc<PrivatePkcs8KeyDer<'static>>,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A certificate that vouches for itself, as many tests and clusters use it.
    #[track_caller]
    pub fn self_signed(hosts: &[&str]) -> Self {
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters(hosts).self_signed(&key).expect("a certificate");
        Self::new(
            certificate.der(),
            certificate.pem(),
            &key,
            rustls::ALL_VERSIONS,
        )
    }

    /// The same certificate, spoken with TLS 1.2 only.
    #[must_use]
    pub fn only_tls12(self) -> Self {
        let config = server_config(&self.certificate, &self.key, &[&rustls::version::TLS12]);
        Self { config, ..self }
    }

    /// The certificate alone.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    fn new(
        certificate: &CertificateDer<'static>,
        pem: String,
        key: &KeyPair,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = server_config(certificate, &key, versions);
        Self {
            pem,
            certificate: certificate.clone(),
            key: Arc::new(key),
            config,
        }
    }

    pub(crate) fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
        let connection =
            ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(StreamOwned::new(connection, stream))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("pem", &self.pem)
            .finish_non_exhaustive()
    }
}

fn parameters(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    CertificateParams::new(hosts).expect("host names")
}

fn server_config(
    certificate: &CertificateDer<'static>,
    key: &PrivatePkcs8KeyDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions that the provider has")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.clone()],
            PrivateKeyDer::Pkcs8(key.clone_key()),
        )
        .expect("a certificate that fits its key");
    Arc::new(config)
}
