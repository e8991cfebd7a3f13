//! The scripted API server doing what it is told to: breaking, being silent, following a script.

mod exact;

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exact::{SOON, Watch, get, pod, send, version};
use serde_json::{Value, json};
use testkit::{ApiServer, Cut, Fault, exchange};

#[test]
fn watches_break_where_they_are_told_to() {
    let server = ApiServer::start();
    let version = version(&pod(&server, "p")).to_owned();
    let path = format!("/api/v1/pods?watch=true&resourceVersion={version}");
    for (how, kind) in [
        (Cut::Close, ErrorKind::UnexpectedEof),
        (Cut::Reset, ErrorKind::ConnectionReset),
    ] {
        server.cut("/pods", 10, how);
        let mut watch = Watch::open(&server, &path, "");
        pod(&server, "p");
        assert_eq!(watch.chunk().unwrap().len(), 10);
        assert_eq!(watch.chunk().unwrap_err().kind(), kind, "{how:?}");
    }
    server.cut("/pods", 0, Cut::End);
    assert_eq!(Watch::open(&server, &path, "").chunk().unwrap(), "");
    server.cut("/pods", 0, Cut::Silent);
    let mut watch = Watch::open(&server, &path, "");
    watch
        .0
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert_eq!(watch.chunk().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn faults_happen_in_order_and_so_often() {
    let server = ApiServer::start();
    pod(&server, "p");
    let path = "/api/v1/namespaces/a/pods/p";
    server.fail(
        Fault::on("get", "/pods")
            .status(429)
            .retry_after(3)
            .times(2),
    );
    server.fail(Fault::on("list", "/pods").status(500).always());
    server.fail(Fault::on("delete", "/pods").lose_answer());
    for _ in 0..2 {
        let reply = send(&server, "GET", path, "", &Value::Null);
        assert_eq!(
            (reply.status, reply.headers.get("retry-after").as_deref()),
            (429, Some("3"))
        );
    }
    assert_eq!(
        (get(&server, path).0, get(&server, "/api/v1/pods").0),
        (200, 500)
    );
    let request = format!("DELETE {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(exchange(server.address(), request.as_bytes()).is_err());
    assert_eq!(get(&server, path).0, 404, "it was done all the same");
    server.heal();
    assert_eq!(get(&server, "/api/v1/pods").0, 200);
}

#[test]
fn stops_freezes_and_goes_on_at_the_same_port() {
    let server = ApiServer::start();
    let version = version(&pod(&server, "p")).to_owned();
    let mut watch = Watch::open(
        &server,
        &format!("/api/v1/pods?watch=true&resourceVersion={version}"),
        "",
    );
    server.freeze();
    pod(&server, "q");
    watch
        .0
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert_eq!(watch.chunk().unwrap_err().kind(), ErrorKind::WouldBlock);
    server.resume();
    watch.0.get_ref().set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(watch.event().0, "ADDED");
    server.stop();
    assert!(watch.chunk().is_err());
    let refused = TcpStream::connect(server.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.resume();
    assert_eq!(get(&server, "/api/v1/namespaces/a/pods/q").0, 200);
    server.wait_for("a watch", SOON, testkit::Call::is_watch);
}

/// apiserversource.md 8.1.
#[test]
fn follows_a_script() {
    let path = "/api/v1/namespaces/d/pods";
    let object = |name: &str, version: &str| json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "uid": name, "resourceVersion": version}});
    let server = ApiServer::scripted(&json!({
        "discovery": {"v1": [{"name": "pods", "namespaced": true, "kind": "Pod"}]},
        "collections": {path: {
            "initial": {"resourceVersion": "100", "items": [object("kept", "10")]},
            "list_errors": [503],
            "script": [
                {"event": "ADDED", "object": object("a", "101")},
                {"close": true, "after_ms": 50},
                {"refuse_watch": 500},
                {"sleep_ms": 50},
                {"wait_sink": 1},
                {"event": "MODIFIED", "object": object("a", "102"), "partial": 12},
                {"event": "DELETED", "object": object("kept", "103")},
                {"abort": true},
                {"set_list": {"resourceVersion": "200", "items": []}},
                {"event": "ERROR", "object": {"code": 410}},
            ],
        }},
    }));
    let sink = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sink);
    server.count_sink(move || count.load(Ordering::Relaxed));
    assert_eq!(get(&server, "/api/v1").1["resources"][0]["name"], "pods");
    assert_eq!(get(&server, "/apis/apps/v1").0, 404);
    assert_eq!(get(&server, path).0, 503);
    let (_, list) = get(&server, path);
    assert_eq!(
        (version(&list), list["items"].as_array().unwrap().len()),
        ("100", 1)
    );
    let watch = format!("{path}?watch=true&resourceVersion=100");
    let mut first = Watch::open(&server, &watch, "");
    assert_eq!(first.event().1["metadata"]["name"], "a");
    assert_eq!(first.chunk().unwrap(), "");
    assert_eq!(get(&server, &watch).0, 500);
    let mut second = Watch::open(&server, &watch, "");
    second
        .0
        .get_ref()
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert_eq!(
        second.chunk().unwrap_err().kind(),
        ErrorKind::WouldBlock,
        "waits for the sink"
    );
    second.0.get_ref().set_read_timeout(Some(SOON)).unwrap();
    sink.store(1, Ordering::Relaxed);
    assert_eq!(second.chunk().unwrap(), r#"{"type":"MOD"#);
    assert!(second.chunk().is_err());
    let mut third = Watch::open(&server, &watch, "");
    assert_eq!(third.event().0, "DELETED");
    assert!(third.chunk().is_err());
    let (_, list) = get(&server, path);
    assert_eq!(
        (version(&list), &list["items"]),
        ("103", &json!([object("a", "102")])),
        "as the watch said"
    );
    let mut fourth = Watch::open(&server, &watch, "");
    assert_eq!(fourth.event().0, "ERROR");
    assert_eq!(fourth.chunk().unwrap(), "");
    assert_eq!(version(&get(&server, path).1), "200");
    assert!(server.scripts_are_used_up());
    server.push(
        path,
        json!({"event": "BOOKMARK", "object": object("", "300")}),
    );
    assert_eq!(Watch::open(&server, &watch, "").event().0, "BOOKMARK");
}
