//! Tables for the pure parts: protocol parameters, PEM texts, directories. Handshakes are in
//! `tests/tls`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};

use super::anchors::Anchors;
use super::bundles::{Bundles, ExtraRoots};
use super::protocol::Protocol;
use super::{Settings, check_ca_certs};
use crate::env::Env;

/// Version 1: no extensions, so nothing says that it is a CA.
const OLD_CA: &str = "-----BEGIN CERTIFICATE-----
MIIBGDCBvwIUAy+fpF1x+BYWN0h5pBaJXPRrZK4wCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMCAXDTI2MTEyMjIwMzMwMVoYDzIxMjYxMDI5MjAzMzAxWjAOMQww
CgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQq68ZArh1O9eMZ
d3545ns5PFt3ck4+4zI2vaS2uZhjcYhPXfASZaH8m1szaqn94Z5n8WlJJsc1d4Ta
ChBsc5ieMAoGCCqGSM49BAMCA0gAMEUCIAciBrRA/w+6EEht+5zhB5BKYj+7h5CV
/41nbhJgLQYIAiEAwgBPl2qUf3z6y9PZy+UFiZfi6f295Pc+0kFI4vnhrnY=
-----END CERTIFICATE-----
";

type Variable<'a> = (&'a str, &'a str);

fn certificate(edit: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::new(["sink".to_owned()]).unwrap();
    edit(&mut params);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn authority() -> String {
    certificate(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))
}

#[test]
fn protocol_parameters_that_work() {
    let (ecdsa, rsa) = (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    );
    let list = format!(" {ecdsa} ,,{rsa},");
    let all = ["X25519", "secp256r1", "secp384r1"].as_slice();
    let (only, both) = (vec![TLSv1_3], vec![TLSv1_2, TLSv1_3]);
    let cbc = format!("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,{rsa}");
    let old = ("TLS_MIN_VERSION", "1.2");
    // Variables; versions; how many suites of TLS 1.2; groups.
    let cases: Vec<(Vec<Variable>, Vec<_>, usize, &[&str])> = vec![
        (vec![], only.clone(), 0, all),
        (vec![("TLS_MIN_VERSION", "")], only.clone(), 0, all),
        (vec![old], both.clone(), 6, all),
        (vec![old, ("TLS_MAX_VERSION", "1.3")], both.clone(), 6, all),
        (vec![old, ("TLS_MAX_VERSION", "1.2")], vec![TLSv1_2], 6, all),
        (vec![("TLS_CIPHER_SUITES", rsa)], only.clone(), 0, all),
        (
            vec![old, ("TLS_CIPHER_SUITES", &list)],
            both.clone(),
            2,
            all,
        ),
        (
            vec![old, ("TLS_CIPHER_SUITES", "TLS_AES_128_GCM_SHA256")],
            both.clone(),
            0,
            all,
        ),
        (
            vec![old, ("TLS_CIPHER_SUITES", " , ")],
            both.clone(),
            6,
            all,
        ),
        (vec![old, ("TLS_CIPHER_SUITES", &cbc)], both, 1, all),
        (
            vec![("TLS_CURVE_PREFERENCES", "X25519MLKEM768, X25519,P-521")],
            only.clone(),
            0,
            &all[..1],
        ),
        (
            vec![("TLS_CURVE_PREFERENCES", "CurveP384,P-256")],
            only,
            0,
            &all[1..],
        ),
    ];
    for (variables, versions, tls12, groups) in cases {
        let settings = Settings::from_env(&Env::from_pairs(variables.clone()));
        let protocol = Protocol::read(&settings).unwrap();
        let got: Vec<_> = protocol.versions.iter().map(|it| it.version).collect();
        assert_eq!(got, versions, "{variables:?}");
        let suites = &protocol.provider.cipher_suites;
        let tls13 = if versions.contains(&TLSv1_3) { 3 } else { 0 };
        assert_eq!(
            suites.iter().filter(|it| it.tls13().is_none()).count(),
            tls12,
            "{variables:?}"
        );
        assert_eq!(
            suites.iter().filter(|it| it.tls13().is_some()).count(),
            tls13,
            "{variables:?}"
        );
        let got: Vec<_> = protocol
            .provider
            .kx_groups
            .iter()
            .map(|it| format!("{:?}", it.name()))
            .collect();
        assert_eq!(got, groups, "{variables:?}");
    }
}

#[test]
fn protocol_parameters_that_do_not_work_are_all_named() {
    let cases: [(&[Variable], &[&str]); 7] = [
        (
            &[("TLS_MIN_VERSION", "1.1")],
            &[r#"TLS_MIN_VERSION is "1.1": want 1.2 or 1.3, for example TLS_MIN_VERSION=1.3."#],
        ),
        (
            &[("TLS_MAX_VERSION", " 1.3")],
            &[r#"TLS_MAX_VERSION is " 1.3": want 1.2 or 1.3, for example TLS_MAX_VERSION=1.3."#],
        ),
        (
            &[("TLS_MAX_VERSION", "1.2")],
            &[
                r#"TLS_MAX_VERSION is "1.2": want at least TLS_MIN_VERSION, which is 1.3 unless set, for example TLS_MAX_VERSION=1.3."#,
            ],
        ),
        (
            &[
                ("TLS_CIPHER_SUITES", "RC4"),
                ("TLS_CURVE_PREFERENCES", "P-256,p-384"),
            ],
            &[
                r#"TLS_CIPHER_SUITES is "RC4": "RC4" is no suite that Go knows, want names and commas, for example TLS_CIPHER_SUITES=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."#,
                r#"TLS_CURVE_PREFERENCES is "P-256,p-384": "p-384" is no curve that Go knows, want names and commas, for example TLS_CURVE_PREFERENCES=X25519,P-256."#,
            ],
        ),
        // What rustls itself calls its suites is not what Go does.
        (
            &[("TLS_CIPHER_SUITES", "TLS13_AES_128_GCM_SHA256")],
            &[
                r#"TLS_CIPHER_SUITES is "TLS13_AES_128_GCM_SHA256": "TLS13_AES_128_GCM_SHA256" is no suite that Go knows, want names and commas, for example TLS_CIPHER_SUITES=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."#,
            ],
        ),
        (
            &[("TLS_CURVE_PREFERENCES", "X25519MLKEM768")],
            &[
                r#"TLS_CURVE_PREFERENCES is "X25519MLKEM768": want at least one of X25519, P-256 and P-384, for example TLS_CURVE_PREFERENCES=X25519,P-256."#,
            ],
        ),
        (
            &[
                ("TLS_MIN_VERSION", "1.2"),
                ("TLS_MAX_VERSION", "1.2"),
                ("TLS_CIPHER_SUITES", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
            ],
            &[
                r#"TLS_CIPHER_SUITES is "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": without TLS 1.3, want at least one suite with GCM or CHACHA20, for example TLS_CIPHER_SUITES=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."#,
            ],
        ),
    ];
    for (variables, sentences) in cases {
        let env = Env::from_pairs(variables.iter().copied());
        let problems = Settings::from_env(&env).check().unwrap_err();
        let got: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(got, sentences);
    }
}

#[test]
fn pem_is_read_leniently() {
    let (one, two) = (authority(), certificate(|_| {}));
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB!!\n-----END CERTIFICATE-----\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    // Text; how many different certificates. `None`: a sink's CA certificates are refused.
    let cases = [
        (String::new(), Some(0)),
        ("garbage".to_owned(), None),
        ("\n".to_owned(), None),
        (broken.to_owned(), None),
        (no_certificate.to_owned(), None),
        (key.clone(), None),
        (one.replace("-----END CERTIFICATE-----", ""), None),
        (one.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), None),
        (one.clone(), Some(1)),
        (one.clone() + &one, Some(1)),
        (format!("garbage\n{one}{two}tail"), Some(2)),
        (format!("{broken}{no_certificate}{key}{one}"), Some(1)),
        (format!("-----BEGIN CERTIFICATE-----\nAAAA\n{one}"), Some(1)),
        (one.replace('\n', "\r\n    "), Some(1)),
        (one.replace("E-----", "E----- ").replace('\n', ""), Some(1)),
        (
            certificate(|params| params.not_after = date_time_ymd(2020, 1, 1)),
            Some(1),
        ),
        (OLD_CA.to_owned(), Some(1)),
    ];
    for (text, want) in cases {
        assert_eq!(Anchors::of_sink(&text).map(|it| it.len()), want, "{text:?}");
        assert_eq!(check_ca_certs(&text).is_ok(), want.is_some(), "{text:?}");
    }
    let mut anchors = Anchors::default();
    let bytes = [b"\xff\xfe\0".as_slice(), one.as_bytes(), b"\xc3"].concat();
    assert_eq!((anchors.add_pem(&bytes), anchors.len()), (1, 1));
}

#[test]
fn only_authorities_may_sign() {
    let expired = |is_ca: IsCa| {
        certificate(|params| {
            (params.not_before, params.not_after) =
                (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
            params.is_ca = is_ca;
        })
    };
    let constrained = || IsCa::Ca(BasicConstraints::Constrained(0));
    let cases = [
        (authority(), 1),
        (expired(constrained()), 1),
        (
            certificate(|params| {
                (params.not_before, params.is_ca) = (date_time_ymd(2200, 1, 1), constrained());
                params.not_after = date_time_ymd(2201, 1, 1);
            }),
            1,
        ),
        (OLD_CA.to_owned(), 1),
        (certificate(|_| {}), 0),
        (certificate(|params| params.is_ca = IsCa::ExplicitNoCa), 0),
        (expired(IsCa::NoCa), 0),
        (
            certificate(|params| {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
            }),
            0,
        ),
    ];
    for (pem, authorities) in cases {
        let anchors = Anchors::of_sink(&pem).unwrap();
        assert_eq!(
            (anchors.authorities(), anchors.len()),
            (authorities, 1),
            "{pem}"
        );
    }
}

#[test]
fn compiled_in_roots_all_parse() {
    let all = webpki_root_certs::TLS_SERVER_ROOT_CERTS.len();
    assert_eq!(Anchors::built_in().authorities(), all);
    assert!(all > 100, "{all}");
}

fn bundles(dir: &tempfile::TempDir) -> Bundles {
    Bundles::new(dir.path().join("certs"), None)
}

#[test]
fn a_directory_is_read_whatever_is_in_it() {
    let root = tempfile::tempdir().unwrap();
    let (bundles, certs) = (bundles(&root), root.path().join("certs"));
    assert_eq!(bundles.current().len(), 0, "the directory may be missing");

    fs::create_dir_all(certs.join("deep/deeper")).unwrap();
    fs::write(certs.join("deep/deeper/any.name"), authority()).unwrap();
    fs::write(certs.join(".hidden"), authority()).unwrap();
    fs::write(certs.join("README"), "no certificate here").unwrap();
    fs::write(certs.join("binary"), [0, 159, 146, 150]).unwrap();
    fs::write(root.path().join("outside"), authority()).unwrap();
    symlink("../outside", certs.join("link")).unwrap();
    symlink("gone", certs.join("dangling")).unwrap();
    symlink(".", certs.join("loop")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(certs.join("socket")).unwrap();
    fs::File::create(certs.join("huge"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert_eq!(bundles.current().len(), 3);
}

#[test]
fn a_directory_is_read_again_only_after_a_change() {
    let root = tempfile::tempdir().unwrap();
    let (bundles, certs) = (bundles(&root), root.path().join("certs"));
    fs::create_dir(&certs).unwrap();
    fs::write(certs.join("a"), authority()).unwrap();
    let first = bundles.current();
    assert!(Arc::ptr_eq(&first, &bundles.current()), "nothing changed");

    // A rename in place, the same size: what an atomic writer does.
    fs::write(root.path().join("new"), authority() + &authority()).unwrap();
    fs::rename(root.path().join("new"), certs.join("a")).unwrap();
    assert_eq!(bundles.current().len(), 2);
    fs::remove_dir_all(&certs).unwrap();
    assert_eq!(bundles.current().len(), 0);
}

#[derive(Debug)]
struct Extra(std::sync::Mutex<Arc<Vec<Vec<u8>>>>);

impl ExtraRoots for Extra {
    fn bundles(&self) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(&self.0.lock().unwrap())
    }
}

#[test]
fn bundles_from_elsewhere_are_joined_and_watched() {
    let texts = vec![b"junk".to_vec(), authority().into_bytes()];
    let extra = Arc::new(Extra(std::sync::Mutex::new(Arc::new(texts))));
    let bundles = Bundles::new(PathBuf::from("/nonexistent"), Some(extra.clone()));
    let first = bundles.current();
    assert_eq!(first.len(), 1);
    assert!(Arc::ptr_eq(&first, &bundles.current()), "nothing changed");
    *extra.0.lock().unwrap() = Arc::default();
    assert_eq!(bundles.current().len(), 0);
}
