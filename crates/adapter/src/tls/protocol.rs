//! Versions, cipher suites and key exchange groups from the four `TLS_*` variables, and a protocol
//! that refuses every handshake with a reason. Contract: `adapter-runtime.md` 3.4.

use std::sync::Arc;

use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SupportedKxGroup, ring};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ConfigBuilder, Error, NamedGroup, SupportedCipherSuite, SupportedProtocolVersion,
    WantsVerifier,
};

use super::Settings;
use crate::env::{Problem, Problems};

pub(super) const MIN_VERSION: &str = "TLS_MIN_VERSION";
pub(super) const MAX_VERSION: &str = "TLS_MAX_VERSION";
pub(super) const CIPHER_SUITES: &str = "TLS_CIPHER_SUITES";
pub(super) const CURVE_PREFERENCES: &str = "TLS_CURVE_PREFERENCES";

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];
const VERSION_NAMES: [&str; 2] = ["1.2", "1.3"];

const SUITE: &str = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";

/// Suites that Go knows and *ring* does not offer: accepted, and left out.
const OTHER_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Group names as Go has them. *ring* offers neither P-521 nor X25519MLKEM768: they are left out.
const GROUPS: [(&str, NamedGroup); 8] = [
    ("X25519", NamedGroup::X25519),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
    ("CurveP256", NamedGroup::secp256r1),
    ("P-256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("P-384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
    ("P-521", NamedGroup::secp521r1),
];

/// What a handshake offers; always enough of everything for rustls to take it.
#[derive(Clone, Debug)]
pub(super) struct Protocol {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) versions: Vec<&'static SupportedProtocolVersion>,
}

impl Protocol {
    /// TLS 1.3 with all that *ring* offers, unless the variables say otherwise.
    pub(super) fn read(settings: &Settings) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let versions = problems.keep(versions(settings));
        let offered = versions.as_deref().unwrap_or(&VERSIONS);
        let suites = problems.keep(suites(settings.cipher_suites.as_deref(), offered));
        let groups = problems.keep(groups(settings.curve_preferences.as_deref()));
        problems.into_result(|| {
            let (cipher_suites, kx_groups) = (suites?, groups?);
            let provider = CryptoProvider {
                cipher_suites,
                kx_groups,
                ..ring::default_provider()
            };
            Some(Self {
                provider: Arc::new(provider),
                versions: versions?,
            })
        })
    }

    /// Refuses every handshake because of these problems. To be called once per process: rustls
    /// wants groups that live for ever, so each call leaks the text.
    pub(super) fn refusing(problems: &Problems) -> Self {
        let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self::refused_by(Box::leak(Box::new(Refusal(reasons.join(" ").leak()))))
    }

    pub(super) fn refused_by(refusal: &'static Refusal) -> Self {
        let provider = CryptoProvider {
            kx_groups: vec![refusal],
            ..ring::default_provider()
        };
        Self {
            provider: Arc::new(provider),
            versions: vec![&TLS13],
        }
    }

    pub(super) fn builder(self) -> ConfigBuilder<ClientConfig, WantsVerifier> {
        ClientConfig::builder_with_provider(self.provider)
            .with_protocol_versions(&self.versions)
            .expect("`read` leaves a suite for the versions, and a group")
    }
}

fn versions(settings: &Settings) -> Result<Vec<&'static SupportedProtocolVersion>, Problem> {
    let index = |variable, text: &Option<String>| match text.as_deref() {
        None => Ok(1),
        Some(text) => VERSION_NAMES
            .iter()
            .position(|name| *name == text)
            .ok_or_else(|| Problem::new(variable, text, "want 1.2 or 1.3", "1.3")),
    };
    let min = index(MIN_VERSION, &settings.min_version)?;
    let max = index(MAX_VERSION, &settings.max_version)?;
    if min > max {
        let want = "want at least TLS_MIN_VERSION, which is 1.3 unless set";
        return Err(Problem::new(MAX_VERSION, VERSION_NAMES[max], want, "1.3"));
    }
    Ok(VERSIONS[min..=max].to_vec())
}

/// The suites of these versions, those of TLS 1.2 only if named or if nothing is named. By itself
/// rustls would offer also suites of versions that it does not.
fn suites(
    text: Option<&str>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<Vec<SupportedCipherSuite>, Problem> {
    let go_name =
        |suite: &SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    let mut suites = ring::default_provider().cipher_suites;
    let (text, names) = items(text);
    for name in &names {
        if !OTHER_SUITES.contains(name) && !suites.iter().any(|suite| go_name(suite) == *name) {
            let want = format!("{name:?} is no suite that Go knows, want names and commas");
            return Err(Problem::new(CIPHER_SUITES, text, &want, SUITE));
        }
    }
    suites.retain(|suite| {
        let wanted = names.is_empty() || names.contains(&go_name(suite).as_str());
        versions.contains(&suite.version()) && (wanted || suite.tls13().is_some())
    });
    if suites.is_empty() {
        let want = "without TLS 1.3, want at least one suite with GCM or CHACHA20";
        return Err(Problem::new(CIPHER_SUITES, text, want, SUITE));
    }
    Ok(suites)
}

fn groups(text: Option<&str>) -> Result<Vec<&'static dyn SupportedKxGroup>, Problem> {
    let mut groups = ring::default_provider().kx_groups;
    let (text, names) = items(text);
    let mut wanted = Vec::new();
    for name in names {
        let Some((_, group)) = GROUPS.iter().find(|(known, _)| *known == name) else {
            let want = format!("{name:?} is no curve that Go knows, want names and commas");
            return Err(Problem::new(CURVE_PREFERENCES, text, &want, "X25519,P-256"));
        };
        wanted.push(*group);
    }
    groups.retain(|group| wanted.is_empty() || wanted.contains(&group.name()));
    if groups.is_empty() {
        let want = "want at least one of X25519, P-256 and P-384";
        return Err(Problem::new(CURVE_PREFERENCES, text, want, "X25519,P-256"));
    }
    Ok(groups)
}

/// The text and its items, trimmed; empty ones do not count (3.4).
fn items(text: Option<&str>) -> (&str, Vec<&str>) {
    let text = text.unwrap_or_default();
    (
        text,
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect(),
    )
}

/// Stands in for a key exchange group and fails when rustls asks it for its share, which is before
/// the `ClientHello`: the one place where a configuration can say no with a reason of its own.
#[derive(Debug)]
pub(super) struct Refusal(&'static str);

pub(super) const NO_CA_CERTIFICATE: &str = "The CA certificates given for the sink (K_CA_CERTS, or \
    status.sinkCACerts of its source) hold no certificate: want PEM, for example \
    \"-----BEGIN CERTIFICATE-----\\nMIIB...\".";

pub(super) static NO_CA_CERTIFICATE_REFUSAL: Refusal = Refusal(NO_CA_CERTIFICATE);

impl SupportedKxGroup for Refusal {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Err(Error::General(self.0.to_owned()))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
