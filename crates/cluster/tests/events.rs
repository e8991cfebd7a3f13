//! Kubernetes Events, written to the scripted API server in paused time.

mod common;

use std::sync::Arc;
use std::time::Duration;

use cluster::events::{Happening, Kind, Regarding, Reporter};
use common::{Link, clock};
use serde_json::{Value, json};
use testkit::{ApiServer, Fault, Rule};
use tokio::time::sleep;

const EVENTS: &str = "v1/events";
const LIMIT: Duration = Duration::from_mins(10);

struct Scene {
    server: Arc<ApiServer>,
    reporter: Reporter,
}

impl Scene {
    fn new() -> Self {
        let server = Arc::new(ApiServer::without_port());
        server.allow(Rule::of_ping_source_adapter());
        let reporter = Reporter::start(Link::new(&server).client(), clock(0));
        Self { server, reporter }
    }

    async fn events(&self) -> Vec<Value> {
        self.reporter.flush(LIMIT).await;
        self.server.objects(EVENTS)
    }

    fn report(&self, name: &str, message: &str) {
        self.reporter.report(happening(name, message));
    }
}

fn happening(name: &str, message: &str) -> Happening {
    let regarding = Regarding {
        api_version: "sources.knative.dev/v1".to_owned(),
        kind: "PingSource".to_owned(),
        namespace: "ns1".to_owned(),
        name: name.to_owned(),
        uid: "u-1".to_owned(),
        resource_version: "7".to_owned(),
    };
    let (component, reason) = ("ping-source-mt-adapter", "SinkSendFailed");
    Happening {
        regarding,
        kind: Kind::Warning,
        component,
        reason,
        message: message.to_owned(),
    }
}

/// adapter-runtime.md V25.
#[tokio::test(start_paused = true)]
async fn one_event_and_a_patch_for_its_repeat() {
    let scene = Scene::new();
    let message = "503 Error sending cloud event to sink. /a%20b";
    scene.report("p1", message);
    let [event] = &scene.events().await[..] else {
        panic!("not one")
    };
    let name = event["metadata"]["name"].as_str().unwrap();
    let nanoseconds = u64::from_str_radix(name.strip_prefix("p1.").unwrap(), 16).unwrap();
    assert_eq!(nanoseconds / 1_000_000_000, 1_795_370_400);
    assert_eq!(event["metadata"]["namespace"], "ns1");
    assert_eq!(
        event["involvedObject"],
        json!({
            "apiVersion": "sources.knative.dev/v1", "kind": "PingSource", "namespace": "ns1",
            "name": "p1", "uid": "u-1", "resourceVersion": "7",
        })
    );
    for (member, value) in [
        ("type", json!("Warning")),
        ("reason", json!("SinkSendFailed")),
        ("message", json!(message)),
        ("count", json!(1)),
        ("source", json!({"component": "ping-source-mt-adapter"})),
        ("reportingComponent", json!("ping-source-mt-adapter")),
        ("firstTimestamp", json!("2026-11-22T18:00:00Z")),
        ("lastTimestamp", json!("2026-11-22T18:00:00Z")),
    ] {
        assert_eq!(event[member], value, "{member}");
    }

    sleep(Duration::from_secs(90)).await;
    scene.report("p1", message);
    let [event] = &scene.events().await[..] else {
        panic!("not one")
    };
    assert_eq!(
        (&event["count"], &event["firstTimestamp"]),
        (&json!(2), &json!("2026-11-22T18:00:00Z"))
    );
    assert_eq!(event["lastTimestamp"], "2026-11-22T18:01:30Z");
    let patch = scene.server.calls().pop().unwrap();
    assert_eq!(patch.method, "PATCH");
    assert_eq!(
        patch.request.headers.get("content-type").as_deref(),
        Some("application/strategic-merge-patch+json")
    );
    assert!(scene.server.forbidden().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_has_expired_is_written_anew_with_its_count() {
    let scene = Scene::new();
    scene.report("p1", "m");
    let name = scene.events().await[0]["metadata"]["name"].clone();
    scene.server.delete(EVENTS, "ns1", name.as_str().unwrap());
    scene.report("p1", "m");
    let [event] = &scene.events().await[..] else {
        panic!("not one")
    };
    assert_eq!(
        (&event["count"], &event["metadata"]["name"]),
        (&json!(2), &name)
    );
}

#[tokio::test(start_paused = true)]
async fn short_trouble_is_waited_out_and_refusals_are_not() {
    let scene = Scene::new();
    scene
        .server
        .fail(Fault::on("create", "/events").status(503).times(2));
    scene.server.fail(Fault::on("create", "/events").reset());
    scene
        .server
        .fail(Fault::on("create", "/events").lose_answer());
    scene.report("p1", "m");
    assert_eq!(
        scene.events().await.len(),
        1,
        "and not two, although an answer was lost"
    );
    assert_eq!(scene.reporter.dropped(), 0);
    scene
        .server
        .fail(Fault::on("create", "/events").status(403));
    scene.report("p2", "m");
    assert_eq!(
        (scene.events().await.len(), scene.reporter.dropped()),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_dead_api_server_and_nothing_piles_up() {
    let scene = Scene::new();
    scene
        .server
        .fail(Fault::on("create", "/events").hang().always());
    for number in 0..5000 {
        scene.report(&format!("p{number}"), "m");
    }
    assert_eq!(scene.reporter.dropped(), 5000 - 1024);
    scene.reporter.flush(Duration::from_secs(1)).await;
    scene.server.heal();
    sleep(Duration::from_mins(5)).await;
    assert!(scene.events().await.len() >= 1023);
}
