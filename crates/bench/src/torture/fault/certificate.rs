//! Certificates that run out and are renewed, by the same authority or by a new one.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use testkit::Root;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

const BUNDLE: &str = "/knative-custom-certs/ca.crt";
/// How long open connections are refused, so that the certificate is looked at again.
const BREAK: Duration = Duration::from_millis(100);

/// Runs out, and is renewed by the authority of `K_CA_CERTS`.
#[derive(Default)]
pub(super) struct Expired(Mutex<Option<Authority>>);

/// Is replaced by one of another authority, which the mounted bundle names after a while.
pub(super) struct Renewed;

impl Fault for Expired {
    fn name(&self) -> &'static str {
        "certificate-expires"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let authority = Authority::new();
        setting.scheme = "https";
        setting.certificate = Some(authority.certificate(Days::Ahead));
        setting
            .env
            .push(("K_CA_CERTS".to_owned(), authority.pem.clone()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(authority);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        let authority = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let authority = authority.as_ref().expect("prepared before");
        show(stage, authority.certificate(Days::Past));
        thread::sleep(length);
        show(stage, authority.certificate(Days::Ahead));
    }
}

impl Fault for Renewed {
    fn name(&self) -> &'static str {
        "authority-renewed"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let root = Root::with_directories(&["knative-custom-certs"]).map_err(Skip)?;
        let authority = Authority::new();
        root.write(BUNDLE, &authority.pem);
        setting.scheme = "https";
        setting.certificate = Some(authority.certificate(Days::Ahead));
        setting.root = Some(root);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        let root = stage.setting.root.as_ref().expect("a bundle");
        let authority = Authority::new();
        show(stage, authority.certificate(Days::Ahead));
        thread::sleep(length);
        root.write(BUNDLE, &authority.pem);
    }
}

fn show(stage: &Stage, certificate: Arc<ServerConfig>) {
    stage.line.certify(Some(certificate));
    stage.line.set(Weather::Refuse);
    thread::sleep(BREAK);
    stage.line.set(Weather::Fair);
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
enum Days {
    Past,
    Ahead,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(parameters, key);
        Self { issuer, pem }
    }

    fn certificate(&self, days: Days) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let hosts = vec!["127.0.0.1".to_owned()];
        let mut parameters = CertificateParams::new(hosts).expect("a host");
        parameters.not_after = match days {
            Days::Past => date_time_ymd(2020, 1, 1),
            Days::Ahead => date_time_ymd(4000, 1, 1),
        };
        let certificate = parameters
            .signed_by(&key, &self.issuer)
            .expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions that the provider has")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key))
            .expect("a certificate that fits its key");
        Arc::new(config)
    }
}
