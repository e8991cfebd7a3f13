//! Which certificates count, and what is said of the others: `adapter-runtime.md` 3.2.

use adapter::tls::explain;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, SanType,
    date_time_ymd,
};
use rustls::version::TLS13;

use crate::sink::{Authority, HOST, Identity, Sink};
use crate::{Place, UNKNOWN, client, post, try_once, within};

// V20 (b)
#[tokio::test]
async fn an_unknown_authority_is_refused_and_told() {
    within(async {
        let sink = Sink::start(&Authority::new("ca").identity(|_| {})).await;
        for ca_certs in [None, Some("")] {
            assert_eq!(try_once(ca_certs, &sink).await.unwrap_err(), UNKNOWN);
        }
        let other = Authority::new("other");
        assert_eq!(
            try_once(Some(&other.pem()), &sink).await.unwrap_err(),
            UNKNOWN
        );
        let failure = sink.first_failure().await;
        assert!(
            failure.contains("UnknownCA"),
            "the server is told why: {failure:?}"
        );
    })
    .await;
}

// V20 (d), (e)
#[tokio::test]
async fn garbage_around_certificates_does_no_harm() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let broken = "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n";
        for ca_certs in [
            format!("garbage\n{}tail", ca.pem()),
            broken.to_owned() + &ca.pem(),
        ] {
            try_once(Some(&ca_certs), &sink).await.unwrap();
        }
    })
    .await;
}

// V20 (i)
#[tokio::test]
async fn a_self_signed_certificate_that_is_trusted_itself() {
    within(async {
    let expired = |it: &mut CertificateParams| {
        (it.not_before, it.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    };
    let authority = |it: &mut CertificateParams| {
        it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let elsewhere = |it: &mut CertificateParams| {
        it.subject_alt_names = vec![SanType::DnsName("elsewhere.example".try_into().unwrap())];
    };
    let past = "The server's certificate expired at 2020-01-01T00:00:00Z.";
    let name = "The server's certificate is not for \"sink.example\"; its names are \
                [DnsName(\"elsewhere.example\")].";
    let purpose = "The server's certificate is refused: certificate does not allow extended key \
                   usage for server authentication, allows client authentication.";
    let cases = [
        (Identity::self_signed(|_| {}), Ok(())),
        (Identity::self_signed(authority), Ok(())),
        // Nobody knows who signed it, but it is the very one that is trusted.
        (Authority::new("unknown").identity(|_| {}), Ok(())),
        (Identity::self_signed(expired), Err(past)),
        (Identity::self_signed(|it| (authority(it), expired(it)).0), Err(past)),
        (Identity::self_signed(elsewhere), Err(name)),
        (Identity::self_signed(|it| (authority(it), elsewhere(it)).0), Err(name)),
        (
            Identity::self_signed(|it| {
                it.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            Err(purpose),
        ),
    ];
    for (number, (identity, want)) in cases.into_iter().enumerate() {
        let sink = Sink::start(&identity).await;
        let got = try_once(Some(&identity.pem), &sink).await;
        assert_eq!(got, want.map_err(str::to_owned), "case {number}");
        assert!(try_once(None, &sink).await.is_err(), "case {number} without trust");
    }
    })
    .await;
}

#[tokio::test]
async fn a_trusted_leaf_may_not_sign_for_others() {
    within(async {
        let cases = [
            (IsCa::Ca(BasicConstraints::Unconstrained), true),
            (IsCa::NoCa, false),
        ];
        for (is_ca, want) in cases {
            let (pem, identity) = Identity::signed_by_leaf(|it| it.is_ca = is_ca);
            let sink = Sink::start(&identity).await;
            assert_eq!(try_once(Some(&pem), &sink).await.is_ok(), want);
        }
    })
    .await;
}

#[tokio::test]
async fn certificates_are_refused_with_a_readable_reason() {
    within(async {
    let ca = Authority::new("ca");
    let cases = [
        (
            ca.identity(|it| {
                it.not_before = date_time_ymd(2019, 1, 1);
                it.not_after = date_time_ymd(2020, 2, 3);
            }),
            "The server's certificate expired at 2020-02-03T00:00:00Z.",
        ),
        (
            ca.identity(|it| it.not_before = date_time_ymd(2200, 1, 1)),
            "The server's certificate is not valid before 2200-01-01T00:00:00Z.",
        ),
        (
            // The common name does not count.
            ca.identity(|it| {
                it.distinguished_name.push(DnType::CommonName, HOST);
                it.subject_alt_names = vec![
                    SanType::DnsName("a.example".try_into().unwrap()),
                    SanType::IpAddress([10, 0, 0, 1].into()),
                ];
            }),
            "The server's certificate is not for \"sink.example\"; its names are \
             [DnsName(\"a.example\"), IpAddress(10.0.0.1)].",
        ),
    ];
    for (identity, want) in cases {
        let sink = Sink::start(&identity).await;
        assert_eq!(try_once(Some(&ca.pem()), &sink).await.unwrap_err(), want);
    }
    let (old, new) = (Authority::new("same name"), Authority::new("same name"));
    let sink = Sink::start(&new.identity(|_| {})).await;
    assert_eq!(
        try_once(Some(&old.pem()), &sink).await.unwrap_err(),
        "The server's certificate is not signed by the CA of that name among the trust anchors: \
         was the CA made anew?"
    );
    try_once(Some(&(old.pem() + &new.pem())), &sink).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn addresses_are_verified_and_not_named() {
    within(async {
        let ca = Authority::new("ca");
        for (bind, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]")] {
            if std::net::TcpListener::bind(bind).is_err() {
                continue; // This machine has no IPv6.
            }
            let config = Place::new().trust(&[]).client_config(Some(&ca.pem()));
            let sink = Sink::start_with(&ca.identity(|_| {}), &[&TLS13], bind).await;
            let url = format!("https://{host}:{}/", sink.address.port());
            post(&client(config.clone(), &sink), url).await.unwrap();
            assert!(!sink.seen()[0].hello.as_ref().unwrap().has_server_name());

            let named = ca.identity(|it| {
                it.subject_alt_names = vec![SanType::DnsName(HOST.try_into().unwrap())];
            });
            let sink = Sink::start_with(&named, &[&TLS13], bind).await;
            let url = format!("https://{host}:{}/", sink.address.port());
            let reason = post(&client(config, &sink), url).await.unwrap_err();
            assert!(
                reason.starts_with("The server's certificate is not for"),
                "{reason}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn errors_that_are_not_tls_are_not_explained() {
    within(async {
        let sink = Sink::start(&Identity::self_signed(|_| {})).await;
        let config = Place::new().trust(&[]).client_config(None);
        let error = client(config, &sink)
            .post("https://127.0.0.1:1/")
            .send()
            .await
            .unwrap_err();
        assert_eq!(explain(&error), None, "{error:?}");
    })
    .await;
}
