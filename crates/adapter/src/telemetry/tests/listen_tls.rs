//! The metrics listener over TLS (adapter-runtime.md 5.4).

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::listen::{connected, free_port};
use super::{DEADLINE, in_time, options};
use crate::telemetry::{Options, Telemetry};

/// A CA, and what it has signed for `localhost`: the certificate and its key.
struct Pki {
    ca: String,
    certificate: CertificateDer<'static>,
    chain: String,
    key: KeyPair,
}

fn pki() -> Pki {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .unwrap();
    Pki {
        ca: ca_certificate.pem(),
        certificate: certificate.der().clone(),
        chain: certificate.pem(),
        key,
    }
}

fn prometheus(port: u16, directory: &Path, clients: &str) -> Options {
    let path = |name: &str| directory.join(name).to_string_lossy().into_owned();
    let values = [
        port.to_string(),
        path("cert.pem"),
        path("key.pem"),
        path("ca.pem"),
    ];
    let env = [
        ("METRICS_PROMETHEUS_HOST", "127.0.0.1"),
        ("METRICS_PROMETHEUS_PORT", values[0].as_str()),
        ("METRICS_PROMETHEUS_TLS_CERT", values[1].as_str()),
        ("METRICS_PROMETHEUS_TLS_KEY", values[2].as_str()),
        ("METRICS_PROMETHEUS_TLS_CLIENT_CA_FILE", values[3].as_str()),
        ("METRICS_PROMETHEUS_TLS_CLIENT_AUTH", clients),
    ];
    options(&json!({"metrics": {"protocol": "prometheus"}}), &env)
}

/// The answer to `GET /metrics`, or the error of whichever step fails.
async fn scrape(port: u16, pki: &Pki, shows_certificate: bool) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    let ca = rustls::pki_types::pem::PemObject::from_pem_slice(pki.ca.as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = if shows_certificate {
        let key = PrivateKeyDer::try_from(pki.key.serialize_der()).unwrap();
        builder
            .with_client_auth_cert(vec![pki.certificate.clone()], key)
            .unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connected(port).await;
    let mut stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn metrics_are_served_over_tls_to_whom_the_settings_admit() {
    let (pki, directory) = (pki(), tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("cert.pem"), &pki.chain).unwrap();
    std::fs::write(directory.path().join("key.pem"), pki.key.serialize_pem()).unwrap();
    std::fs::write(directory.path().join("ca.pem"), &pki.ca).unwrap();
    for (clients, anybody) in [("none", true), ("optional", true), ("require", false)] {
        let port = free_port();
        let telemetry = Telemetry::start(&prometheus(port, directory.path(), clients));
        let known = in_time(scrape(port, &pki, true)).await.unwrap();
        assert!(known.starts_with("HTTP/1.1 200 OK"), "{clients}: {known}");
        let unknown = in_time(scrape(port, &pki, false)).await;
        assert_eq!(
            unknown.is_ok_and(|text| text.starts_with("HTTP/1.1 200")),
            anybody,
            "{clients}"
        );

        let mut plain = connected(port).await;
        plain
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        let _ = in_time(plain.read_to_end(&mut answer)).await;
        assert!(
            !answer.starts_with(b"HTTP/1.1 200"),
            "{clients}: served in the clear"
        );
        in_time(telemetry.shutdown(DEADLINE)).await;
    }
}

#[tokio::test]
async fn without_usable_files_nothing_is_served_and_all_else_works() {
    let (pki, directory) = (pki(), tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join("cert.pem"), &pki.chain).unwrap();
    std::fs::write(directory.path().join("key.pem"), "no key").unwrap();
    let port = free_port();
    let telemetry = Telemetry::start(&prometheus(port, directory.path(), "none"));
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    assert!(telemetry.handle().meter("x").is_some());
    in_time(telemetry.shutdown(DEADLINE)).await;
}
