//! Sinks behind https: whose certificates count.

mod common;

use std::io::Read as _;
use std::net::TcpListener;

use common::{SOON, heartbeats};
use testkit::{Answer, Authority, Identity, Launch, Root, Sink, skip};

const HOST: &[&str] = &["127.0.0.1"];

fn accepting(identity: Identity) -> Sink {
    Sink::tls(identity, [Answer::status(202)])
}

fn one_shot(sink: &Sink, ca_certs: &str) -> Launch {
    heartbeats(&sink.url())
        .env("K_CA_CERTS", ca_certs)
        .env("ONE_SHOT", "true")
}

/// Starts it and waits until it says why the first try failed.
#[track_caller]
fn fails(launch: Launch, sink: &Sink) {
    let process = launch.start();
    process.stderr().line_with("event_id", SOON);
    assert!(sink.requests().is_empty());
}

#[track_caller]
fn delivers(launch: Launch, sink: &Sink) {
    let mut process = launch.start();
    assert_eq!(process.wait(SOON).code, Some(0));
    assert_eq!(sink.requests().len(), 1, "{}", process.stderr().text());
}

#[test]
fn k_ca_certs_is_trusted_and_nobody_else() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let sink = accepting(authority.identity(HOST));
    fails(one_shot(&sink, ""), &sink);
    fails(one_shot(&sink, stranger.pem()), &sink);
    let text = format!("garbage\n{}{}tail", stranger.pem(), authority.pem());
    delivers(one_shot(&sink, &text), &sink);
}

#[test]
fn the_flag_is_used_without_the_variable() {
    let authority = Authority::new();
    let sink = accepting(authority.identity(HOST));
    delivers(
        one_shot(&sink, "").args(["-cacerts", authority.pem()]),
        &sink,
    );
}

#[test]
fn a_self_signed_server_certificate_may_be_its_own_anchor() {
    let identity = Identity::self_signed(HOST);
    let sink = accepting(identity.clone());
    delivers(one_shot(&sink, identity.pem()), &sink);
}

#[test]
fn another_host_name_is_refused() {
    let authority = Authority::new();
    let sink = accepting(authority.identity(&["sink.example.com"]));
    fails(one_shot(&sink, authority.pem()), &sink);
}

#[test]
fn tls_1_2_only_when_asked_for() {
    let authority = Authority::new();
    let sink = accepting(authority.identity(HOST).only_tls12());
    fails(one_shot(&sink, authority.pem()), &sink);
    delivers(
        one_shot(&sink, authority.pem()).env("TLS_MIN_VERSION", "1.2"),
        &sink,
    );
}

#[test]
fn text_without_a_certificate_ends_the_start() {
    let sink = accepting(Identity::self_signed(HOST));
    let mut process = one_shot(&sink, "garbage").start();
    assert_eq!(process.wait(SOON).code, Some(1));
    process.stderr().line_with("K_CA_CERTS", SOON);
}

#[test]
fn a_trust_bundle_that_appears_later_is_used() {
    let root = match Root::with_directories(&["knative-custom-certs"]) {
        Ok(root) => root,
        Err(why) => return skip("a_trust_bundle_that_appears_later_is_used", &why),
    };
    let authority = Authority::new();
    let sink = accepting(authority.identity(HOST));
    let process = heartbeats(&sink.url())
        .args(["-period=1h"])
        .root(&root)
        .start();
    process.stderr().line_with("event_id", SOON);
    root.write("/knative-custom-certs/garbage", "no certificate");
    root.write("/knative-custom-certs/any.name", authority.pem());
    assert_eq!(sink.wait_for(1, SOON)[0].text(), r#"{"id":1,"label":""}"#);
}

#[test]
fn http_2_is_offered_as_upstream_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let _process = heartbeats(&url).start();
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut hello = [0; 4096];
    let length = stream.read(&mut hello).unwrap();
    let offered = b"\x02h2\x08http/1.1";
    assert!(
        hello[..length]
            .windows(offered.len())
            .any(|bytes| bytes == offered)
    );
}
