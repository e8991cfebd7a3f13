//! The check of a server's certificate at each new connection: anchors of this moment, chain, dates,
//! host name. The cryptography is rustls' own. Contract: `adapter-runtime.md` 3.2, 3.4, 3.5.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::SharedAnchors;
use super::anchors::{self, Anchors};

#[derive(Debug)]
pub(super) struct Verifier {
    sink: Anchors,
    shared: Arc<SharedAnchors>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(
        sink: Anchors,
        shared: Arc<SharedAnchors>,
        provider: &CryptoProvider,
    ) -> Self {
        Self {
            sink,
            shared,
            algorithms: provider.signature_verification_algorithms,
        }
    }

    /// Whether any of the anchors vouches for the certificate; else the most telling reason.
    fn verify_chain(
        &self,
        der: &CertificateDer<'_>,
        cert: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let bundles = self.shared.bundles.current();
        let sets = [&self.sink, &*bundles, self.shared.system()];
        if sets.iter().any(|set| set.contains(der)) {
            return anchors::verify_alone(cert, now);
        }
        let unknown = Error::from(CertificateError::UnknownIssuer);
        let mut reason = unknown.clone();
        for set in sets {
            match set.verify(cert, intermediates, now, &self.algorithms) {
                Ok(()) => return Ok(()),
                Err(error) if reason == unknown => reason = error,
                Err(_) => {}
            }
        }
        Err(reason)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let cert = ParsedCertificate::try_from(end_entity)?;
        self.verify_chain(end_entity, &cert, intermediates, now)?;
        verify_server_name(&cert, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
