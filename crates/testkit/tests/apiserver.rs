//! The scripted API server, seen by a client that sends exact bytes.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{ApiServer, Cut, Fault, Gone, Reply, Rule, exchange};

const PODS: &str = "v1/pods";
const SOON: Duration = Duration::from_secs(5);

fn send(server: &ApiServer, method: &str, path: &str, headers: &str, body: &Value) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server.address(), request.as_bytes()).expect("an answer")
}

fn get(server: &ApiServer, path: &str) -> (u16, Value) {
    let reply = send(server, "GET", path, "", &Value::Null);
    (
        reply.status,
        serde_json::from_slice(&reply.body).expect("JSON"),
    )
}

fn pod(server: &ApiServer, name: &str) -> Value {
    server.apply(
        PODS,
        json!({"metadata": {"namespace": "a", "name": name, "labels": {"n": name}}, "spec": {"x": 1}}),
    )
}

/// The lines of a watch, as they come.
struct Watch(BufReader<TcpStream>);

impl Watch {
    fn open(server: &ApiServer, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a time limit");
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).expect("the head");
        }
        Self(reader)
    }

    /// The next chunk; empty at the end.
    fn chunk(&mut self) -> std::io::Result<String> {
        let mut size = String::new();
        self.0.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| ErrorKind::UnexpectedEof)?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk)?;
        chunk.truncate(size);
        Ok(String::from_utf8(chunk).expect("text"))
    }

    fn event(&mut self) -> (String, Value) {
        let event: Value = serde_json::from_str(&self.chunk().expect("a line")).expect("JSON");
        (
            event["type"].as_str().expect("a type").to_owned(),
            event["object"].clone(),
        )
    }
}

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
}

#[test]
fn lists_by_page_namespace_and_selector() {
    let server = ApiServer::start();
    for name in ["p1", "p2", "p3"] {
        pod(&server, name);
    }
    server.apply(PODS, json!({"metadata": {"namespace": "b", "name": "p4"}}));
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().expect("items").iter();
        items
            .map(|item| {
                item["metadata"]["name"]
                    .as_str()
                    .expect("a name")
                    .to_owned()
            })
            .collect()
    };
    let (_, page) = get(&server, "/api/v1/pods?limit=2");
    assert_eq!(
        (page["kind"].as_str(), names(&page)),
        (Some("PodList"), vec!["p1".into(), "p2".into()])
    );
    assert_eq!(
        page["items"][0].get("kind"),
        None,
        "items of built-in lists do not say what they are"
    );
    pod(&server, "p0");
    let next = page["metadata"]["continue"].as_str().expect("more");
    let (_, rest) = get(&server, &format!("/api/v1/pods?limit=9&continue={next}"));
    assert_eq!(
        (names(&rest), version(&rest)),
        (vec!["p3".into(), "p4".into()], version(&page))
    );
    server.compact(Gone::Event);
    assert_eq!(
        get(&server, &format!("/api/v1/pods?continue={next}")).0,
        410
    );
    for (query, expected) in [
        ("namespaces/b/pods", vec!["p4"]),
        ("pods?labelSelector=n%3Dp2", vec!["p2"]),
        ("pods?labelSelector=n%20in%20(p1,p3)", vec!["p1", "p3"]),
        ("pods?labelSelector=n!%3Dp1,n", vec!["p0", "p2", "p3"]),
        ("pods?labelSelector=!n", vec!["p4"]),
        ("pods?fieldSelector=metadata.name%3Dp3", vec!["p3"]),
    ] {
        assert_eq!(
            names(&get(&server, &format!("/api/v1/{query}")).1),
            expected,
            "{query}"
        );
    }
    assert_eq!(get(&server, "/api/v1/pods?fieldSelector=spec.x%3D1").0, 400);
    assert_eq!(get(&server, "/apis/g/v1/things").0, 404);
}

#[test]
fn gives_metadata_only_when_asked() {
    let server = ApiServer::start();
    let whole = pod(&server, "p");
    let accept = "Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1\r\n";
    let reply = send(&server, "GET", "/api/v1/pods", accept, &Value::Null);
    let list: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(
        list["items"][0],
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": whole["metadata"]})
    );
}

#[test]
fn watches_tell_what_follows_a_version_and_bookmarks_move_on() {
    let server = ApiServer::start();
    let first = pod(&server, "p");
    let path = format!(
        "/api/v1/namespaces/a/pods?watch=true&resourceVersion={}",
        version(&first)
    );
    let mut watch = Watch::open(&server, &format!("{path}&labelSelector=n"), "");
    pod(&server, "q");
    assert_eq!(watch.event().0, "ADDED");
    // Out of the selection, into it, and deleted.
    server.apply(PODS, json!({"metadata": {"namespace": "a", "name": "q"}}));
    pod(&server, "q");
    pod(&server, "q");
    server.apply(
        PODS,
        json!({"metadata": {"namespace": "b", "name": "x", "labels": {"n": "x"}}}),
    );
    server.delete(PODS, "a", "q");
    let words: Vec<String> = (0..4).map(|_| watch.event().0).collect();
    assert_eq!(words, ["DELETED", "ADDED", "MODIFIED", "DELETED"]);
    server.bookmark();
    let (word, bookmark) = watch.event();
    assert_eq!(
        (word.as_str(), bookmark["kind"].as_str()),
        ("BOOKMARK", Some("Pod"))
    );
    server.end_watches();
    assert_eq!(watch.chunk().unwrap(), "");

    server.compact(Gone::Event);
    let mut late = Watch::open(&server, &path, "");
    let (word, status) = late.event();
    assert_eq!(
        (word.as_str(), status["code"].as_u64()),
        ("ERROR", Some(410))
    );
    assert_eq!(late.chunk().unwrap(), "");
    server.compact(Gone::Status);
    assert_eq!(get(&server, &path).0, 410);
    let (_, list) = get(&server, "/api/v1/pods");
    let now = format!(
        "/api/v1/pods?watch=true&timeoutSeconds=1&resourceVersion={}",
        version(&list)
    );
    let begin = Instant::now();
    assert_eq!(Watch::open(&server, &now, "").chunk().unwrap(), "");
    assert!(begin.elapsed() >= Duration::from_millis(900));
}

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
fn leases_are_locked_by_their_version() {
    let server = ApiServer::start();
    let path = "/apis/coordination.k8s.io/v1/namespaces/ns/leases";
    let lease = json!({"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 60}});
    let post = |body: &Value| send(&server, "POST", path, "", body);
    let put = |body: &Value| send(&server, "PUT", &format!("{path}/l"), "", body).status;
    assert_eq!(put(&lease), 404);
    let created = post(&lease);
    assert_eq!(created.status, 201);
    let first: Value = serde_json::from_slice(&created.body).unwrap();
    assert_eq!(post(&lease).status, 409);
    assert_eq!(put(&first), 200);
    assert_eq!(put(&first), 409);
    assert_eq!(put(&json!({"metadata": {"name": "other"}})), 400);
    let zero = json!({"metadata": {"name": "m"}, "spec": {"leaseDurationSeconds": 0}});
    assert_eq!(post(&zero).status, 422);
}

#[test]
fn events_tokens_and_reviews() {
    let server = ApiServer::start();
    let event =
        json!({"metadata": {"name": "e"}, "involvedObject": {"namespace": "ns"}, "count": 1});
    assert_eq!(
        send(&server, "POST", "/api/v1/namespaces/ns/events", "", &event).status,
        201
    );
    assert_eq!(
        send(
            &server,
            "POST",
            "/api/v1/namespaces/other/events",
            "",
            &event
        )
        .status,
        422
    );
    let patched = |content: &str| {
        let headers = format!("Content-Type: {content}\r\n");
        send(
            &server,
            "PATCH",
            "/api/v1/namespaces/ns/events/e",
            &headers,
            &json!({"count": 2}),
        )
        .status
    };
    assert_eq!(
        (
            patched("application/strategic-merge-patch+json"),
            patched("text/plain")
        ),
        (200, 415)
    );
    assert_eq!(server.object("v1/events", "ns", "e").unwrap()["count"], 2);

    let path = "/api/v1/namespaces/ns/serviceaccounts/sa/token";
    let request = json!({"spec": {"audiences": ["a"], "expirationSeconds": 3600}});
    let reply = send(&server, "POST", path, "", &request);
    let token: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(
        (reply.status, token["status"]["token"].as_str()),
        (201, Some("tok-1"))
    );

    server.allow([Rule::new("", "pods", "get list").within("ns")]);
    let review = |verb: &str, namespace: &str| {
        let asked = json!({"verb": verb, "resource": "pods", "namespace": namespace, "group": ""});
        let body = json!({"spec": {"resourceAttributes": asked}});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let reply = send(&server, "POST", path, "", &body);
        let answer: Value = serde_json::from_slice(&reply.body).unwrap();
        answer["status"]["allowed"].clone()
    };
    assert_eq!(
        [
            review("list", "ns"),
            review("watch", "ns"),
            review("list", "")
        ],
        [true, false, false]
    );
    assert_eq!(get(&server, "/api/v1/namespaces/ns/pods").0, 200);
    assert_eq!(get(&server, "/api/v1/pods").0, 403);
    assert_eq!(server.forbidden()[0].verb(), "list");
}

#[test]
fn discovery_names_what_is_served() {
    let server = ApiServer::start();
    server.serve("sources.knative.dev/v1/pingsources", "PingSource", true);
    assert_eq!(get(&server, "/api").1["versions"], json!(["v1"]));
    let (_, groups) = get(&server, "/apis");
    assert_eq!(groups["groups"][1]["name"], "sources.knative.dev");
    let (_, list) = get(&server, "/apis/sources.knative.dev/v1");
    assert_eq!(
        (&list["resources"][0]["name"], &list["resources"][0]["kind"]),
        (&json!("pingsources"), &json!("PingSource"))
    );
    assert_eq!(get(&server, "/apis/sources.knative.dev/v2").0, 404);
    assert_eq!(get(&server, "/nothing").0, 404);
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
    let sink = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&sink);
    server.count_sink(move || count.load(std::sync::atomic::Ordering::Relaxed));
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
    sink.store(1, std::sync::atomic::Ordering::Relaxed);
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
