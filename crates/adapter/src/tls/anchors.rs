//! A set of trust anchors, filled from PEM texts as leniently as Go's `AppendCertsFromPEM`, and
//! the question whether it vouches for a server's certificate. Pure. Contract:
//! `adapter-runtime.md` 3.2.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Trusted certificates, in the two ways in which one can be trusted.
#[derive(Debug)]
pub(super) struct Anchors {
    /// Those that may sign others.
    authorities: RootCertStore,
    /// All of them, byte for byte: a server may also present one of these itself.
    certificates: HashSet<CertificateDer<'static>>,
}

impl Default for Anchors {
    fn default() -> Self {
        Self {
            authorities: RootCertStore::empty(),
            certificates: HashSet::new(),
        }
    }
}

impl Anchors {
    /// Mozilla's roots as compiled in: an image has no `/etc/ssl`.
    pub(super) fn built_in() -> Self {
        let mut anchors = Self::default();
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        anchors.authorities.add_parsable_certificates(roots);
        anchors
    }

    /// The CA certificates of one sink; `None` if there is text but no certificate in it.
    pub(super) fn of_sink(pem: &str) -> Option<Self> {
        let mut anchors = Self::default();
        let found = anchors.add_pem(pem.as_bytes());
        (found > 0 || pem.is_empty()).then_some(anchors)
    }

    /// Adds every certificate found between whatever else there is; returns how many.
    pub(super) fn add_pem(&mut self, text: &[u8]) -> usize {
        certificates_in(text)
            .into_iter()
            .filter_map(|der| self.add(der))
            .count()
    }

    fn add(&mut self, der: CertificateDer<'static>) -> Option<()> {
        if !self.certificates.contains(&der) {
            // Go lets no other certificate sign: whoever trusts one server's own certificate does
            // not mean to trust whatever that server signs. webpki would not mind.
            if role(&der)? == Role::Authority {
                self.authorities.add(der.clone()).ok()?;
            }
            self.certificates.insert(der);
        }
        Some(())
    }

    pub(super) fn len(&self) -> usize {
        self.certificates.len()
    }

    #[cfg(test)]
    pub(super) fn authorities(&self) -> usize {
        self.authorities.len()
    }

    /// Whether this very certificate is trusted (V20 i).
    pub(super) fn contains(&self, der: &CertificateDer<'_>) -> bool {
        self.certificates.contains(der)
    }

    /// Whether a chain leads from a server's certificate to an authority in this set.
    pub(super) fn verify(
        &self,
        cert: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        let (roots, all) = (&self.authorities, algorithms.all);
        verify_server_cert_signed_by_trust_anchor(cert, roots, intermediates, now, all)
    }
}

/// What a certificate is good for by its basic constraints.
#[derive(Debug, PartialEq, Eq)]
enum Role {
    Authority,
    Leaf,
}

/// Accepts a server's certificate that is itself an anchor: no chain to build, but its dates count.
pub(super) fn verify_alone(cert: &ParsedCertificate<'_>, now: UnixTime) -> Result<(), Error> {
    role_at(cert, now).map(drop)
}

/// webpki tells the role only by its reason to refuse the certificate to a server whom nobody
/// vouches for. It looks at dates first, then at the role, then at the issuer.
fn role_at(cert: &ParsedCertificate<'_>, at: UnixTime) -> Result<Role, Error> {
    let nobody = RootCertStore::empty();
    let refused = verify_server_cert_signed_by_trust_anchor(cert, &nobody, &[], at, &[]);
    match refused {
        Ok(()) | Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Ok(Role::Leaf),
        Err(error) if is(&error, &webpki::Error::CaUsedAsEndEntity) => Ok(Role::Authority),
        Err(error) => Err(error),
    }
}

/// The role, whatever the date; `None` if this is no certificate.
fn role(der: &CertificateDer<'_>) -> Option<Role> {
    let cert = match ParsedCertificate::try_from(der) {
        Ok(cert) => cert,
        // Version 1 knows no basic constraints: an old CA.
        Err(error) if is(&error, &webpki::Error::UnsupportedCertVersion) => {
            return Some(Role::Authority);
        }
        Err(_) => return None,
    };
    let verdict = role_at(&cert, UnixTime::now());
    let verdict = match verdict {
        Err(Error::InvalidCertificate(
            CertificateError::ExpiredContext {
                not_after: valid, ..
            }
            | CertificateError::NotValidYetContext {
                not_before: valid, ..
            },
        )) => role_at(&cert, valid),
        verdict => verdict,
    };
    // Any other refusal (a purpose that is not a server's) comes after the question of the role.
    Some(verdict.unwrap_or(Role::Leaf))
}

/// Whether rustls wraps this error of webpki, for which it has no name of its own.
fn is(error: &Error, wanted: &webpki::Error) -> bool {
    matches!(error, Error::InvalidCertificate(CertificateError::Other(OtherError(inner)))
        if inner.downcast_ref::<webpki::Error>() == Some(wanted))
}

fn certificates_in(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let text = String::from_utf8_lossy(text);
    let blocks = text
        .split(BEGIN)
        .skip(1)
        .filter_map(|tail| tail.split_once(END));
    let decoded = blocks.filter_map(|(body, _)| {
        let base64: String = body.split_ascii_whitespace().collect();
        STANDARD.decode(base64).ok()
    });
    decoded.map(CertificateDer::from).collect()
}
