//! What a handshake offers, and when there is none: `adapter-runtime.md` 3.4.

use std::fs;

use rustls::version::{TLS12, TLS13};

use crate::sink::{Authority, HOST, Sink};
use crate::{Place, client, post, send, try_once, try_with, within};

// V20 (a)
#[tokio::test]
async fn delivers_over_tls_1_3_without_alpn() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let place = Place::new();
        let client = client(place.trust(&[]).client_config(Some(&ca.pem())), &sink);
        send(&client, &sink).await.unwrap();
        send(&client, &sink).await.unwrap();
        let seen = sink.seen();
        assert_eq!(seen.len(), 2, "a connection per request");
        for connection in seen {
            assert_eq!(connection.requests, ["POST /a HTTP/1.1"]);
            let hello = connection.hello.unwrap();
            assert_eq!(hello.versions(), [0x0304]);
            assert_eq!(
                hello.suites,
                [0x1302, 0x1301, 0x1303],
                "no suite of TLS 1.2"
            );
            assert_eq!(hello.groups(), [0x1d, 0x17, 0x18]);
            assert!(hello.has_server_name());
            assert!(!hello.has_alpn());
            assert!(
                !hello.resumes(),
                "a removed CA must count at the next connection"
            );
        }
    })
    .await;
}

// V20 (c)
#[tokio::test]
async fn ca_certs_without_a_certificate_fail_before_the_hello() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let place = Place::new();
        // What 3.2 says: even if a bundle would have sufficed.
        fs::create_dir(place.0.path().join("certs")).unwrap();
        fs::write(place.0.path().join("certs/ca"), ca.pem()).unwrap();
        let client = client(place.trust(&[]).client_config(Some("garbage")), &sink);
        let reason = send(&client, &sink).await.unwrap_err();
        assert!(
            reason.starts_with("The CA certificates given for the sink (K_CA_CERTS"),
            "{reason}"
        );
        assert!(reason.contains("-----BEGIN CERTIFICATE-----"), "{reason}");
        assert!(
            sink.seen()
                .iter()
                .all(|connection| connection.hello.is_none())
        );
    })
    .await;
}

// V20 (f)
#[tokio::test]
async fn the_scheme_may_be_written_in_capitals() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let client = client(
            Place::new().trust(&[]).client_config(Some(&ca.pem())),
            &sink,
        );
        post(&client, format!("HTTPS://{HOST}:{}/", sink.address.port()))
            .await
            .unwrap();
    })
    .await;
}

// V20 (g)
#[tokio::test]
async fn a_server_of_tls_1_2_is_refused_unless_allowed() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start_with(&ca.identity(|_| {}), &[&TLS12], "127.0.0.1:0").await;
        let reason = try_once(Some(&ca.pem()), &sink).await.unwrap_err();
        assert!(
            reason.starts_with("The server offers no TLS version that is allowed here"),
            "{reason}"
        );

        let suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
        let variables = [("TLS_MIN_VERSION", "1.2"), ("TLS_CIPHER_SUITES", suite)];
        try_with(&variables, Some(&ca.pem()), &sink).await.unwrap();
        let hello = sink.seen()[1].hello.clone().unwrap();
        assert_eq!(hello.versions(), [0x0304, 0x0303]);
        // The last one is no suite, but a signal (RFC 5746).
        assert_eq!(hello.suites, [0x1302, 0x1301, 0x1303, 0xcca9, 0x00ff]);
    })
    .await;
}

#[tokio::test]
async fn a_server_of_tls_1_3_is_refused_if_only_1_2_is_allowed() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start_with(&ca.identity(|_| {}), &[&TLS13], "127.0.0.1:0").await;
        let variables = [("TLS_MIN_VERSION", "1.2"), ("TLS_MAX_VERSION", "1.2")];
        let reason = try_with(&variables, Some(&ca.pem()), &sink)
            .await
            .unwrap_err();
        assert!(
            reason.starts_with("The server offers no TLS version that is allowed here"),
            "{reason}"
        );
    })
    .await;
}

#[tokio::test]
async fn bad_parameters_fail_before_the_hello_and_name_the_variable() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        for (variable, value) in [
            ("TLS_MIN_VERSION", "1.1"),
            ("TLS_MAX_VERSION", "1.2"),
            ("TLS_CIPHER_SUITES", "RC4"),
            ("TLS_CURVE_PREFERENCES", "P-192"),
        ] {
            let reason = try_with(&[(variable, value)], Some(&ca.pem()), &sink)
                .await
                .unwrap_err();
            assert!(
                reason.starts_with(&format!("{variable} is \"{value}\": ")),
                "{reason}"
            );
            assert!(
                reason.contains(&format!(", for example {variable}=")),
                "{reason}"
            );
        }
        assert!(
            sink.seen()
                .iter()
                .all(|connection| connection.hello.is_none())
        );
    })
    .await;
}

#[tokio::test]
async fn curve_preferences_are_offered() {
    within(async {
        let ca = Authority::new("ca");
        let sink = Sink::start(&ca.identity(|_| {})).await;
        let variables = [("TLS_CURVE_PREFERENCES", "X25519MLKEM768,P-384")];
        try_with(&variables, Some(&ca.pem()), &sink).await.unwrap();
        assert_eq!(sink.seen()[0].hello.as_ref().unwrap().groups(), [0x18]);
    })
    .await;
}
