//! The scripted API server when all is well: lists, watches, leases, events, tokens, discovery.

mod exact;

use std::time::{Duration, Instant};

use exact::{PODS, Watch, get, pod, send, version};
use serde_json::{Value, json};
use testkit::{ApiServer, Gone, Rule};

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
