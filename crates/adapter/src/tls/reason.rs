//! One sentence a person can act on for each way in which a handshake fails. rustls keeps its own
//! error types, so that the server is told the proper alert.

use std::error::Error;
use std::io;

use chrono::{DateTime, SecondsFormat};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};

/// Why a TLS handshake failed, if that is what is behind this error (of reqwest, say).
pub fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    let tls = find(error)?;
    Some(match tls {
        rustls::Error::InvalidCertificate(why) => certificate(why),
        // Only our own refusals are general: see `protocol::Refusal`.
        rustls::Error::General(reason) => reason.clone(),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "The server offers no TLS version that is allowed here: 1.3 unless TLS_MIN_VERSION \
              and TLS_MAX_VERSION say otherwise."
            .to_owned(),
        other => format!("TLS failed: {other}."),
    })
}

/// rustls' error in a chain of causes. An `io::Error` hides what it wraps from `source`.
fn find<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}

fn certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => "The server's certificate is signed by an unknown \
            authority: add its CA to K_CA_CERTS or to a trust bundle."
            .to_owned(),
        CertificateError::BadSignature => "The server's certificate is not signed by the CA of \
            that name among the trust anchors: was the CA made anew?"
            .to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!(
                "The server's certificate expired at {}.",
                moment(*not_after)
            )
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!(
                "The server's certificate is not valid before {}.",
                moment(*not_before)
            )
        }
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "The server's certificate is not for {:?}; its names are [{}].",
            expected.to_str(),
            presented.join(", ")
        ),
        other => format!("The server's certificate is refused: {other}."),
    }
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let time = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    time.map_or("an unknown time".to_owned(), |it| {
        it.to_rfc3339_opts(SecondsFormat::Secs, true)
    })
}
