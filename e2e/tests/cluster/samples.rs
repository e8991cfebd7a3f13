//! Every sample of `deploy/samples`, end to end: what its README says has to arrive arrives.

use std::fs;

use e2e::manifest::{gitlab, waiting_pod};
use e2e::{Display, Event, Namespace, Need, SOON, kubectl, root};
use serde_json::{Value, json};

use crate::ping::with_others;

/// The sink as a Kubernetes Service; the address and the container where it runs.
const SERVICE: [&str; 2] = ["app=event-display", "event-display"];
/// The sink as a Knative Service.
const KNATIVE_SERVICE: [&str; 2] = [
    "serving.knative.dev/service=event-display",
    "user-container",
];

fn follow(namespace: &Namespace, [selector, container]: [&str; 2]) -> Display {
    Display::follow(namespace.name(), selector, container)
}

fn as_it_is(text: String) -> String {
    text
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn ping_to_service() {
    ping("ping-to-service", &[Need::OurPing], SERVICE);
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn ping_to_knative_service() {
    let needs = [Need::OurPing, Need::Serving];
    ping("ping-to-knative-service", &needs, KNATIVE_SERVICE);
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn live_page() {
    ping("live-page", &[Need::OurPing], SERVICE);
}

fn ping(folder: &str, needs: &[Need], sink: [&str; 2]) {
    let _adapter = with_others();
    let Some(namespace) = Namespace::for_test(folder, needs) else {
        return;
    };
    namespace.apply_sample(folder, as_it_is);
    let display = follow(&namespace, sink);
    namespace.wait("pingsource/ping", "Ready");

    // At most a minute, and what Serving takes to start.
    let event = display.wait_for("a tick", SOON, |events| events.first().cloned());
    assert_eq!(event.attribute("specversion"), "1.0");
    assert_eq!(event.attribute("type"), "dev.knative.sources.ping");
    let source = format!("/apis/v1/namespaces/{}/pingsources/ping", namespace.name());
    assert_eq!(event.attribute("source"), source);
    assert_eq!(event.attribute("datacontenttype"), "application/json");
    assert_eq!(event.json(), json!({"message": "Hello Eventing!"}));
    assert!(event.extensions.is_empty(), "{event:?}");
    // Within the first second of its minute: `2026-11-22T20:01:00.1Z`.
    let time = event.attribute("time");
    assert!(time[16..].starts_with(":00"), "{time}");
    assert_eq!(display.events().len(), 1, "one a minute");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn heartbeats_to_service() {
    heartbeats("heartbeats/to-service", &[Need::Eventing], SERVICE);
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn heartbeats_to_knative_service() {
    let needs = [Need::Eventing, Need::Serving];
    heartbeats("heartbeats", &needs, KNATIVE_SERVICE);
}

fn heartbeats(folder: &str, needs: &[Need], sink: [&str; 2]) {
    let test = folder.replace('/', "-");
    let Some(namespace) = Namespace::for_test(&test, needs) else {
        return;
    };
    namespace.apply_sample(folder, as_it_is);
    let display = follow(&namespace, sink);
    let five = |events: &[Event]| (events.len() >= 5).then(|| events[..5].to_vec());
    let events = display.wait_for("five heartbeats", 2 * SOON, five);
    let source = format!(
        "https://knative.dev/eventing-contrib/cmd/heartbeats/#{}/heartbeats-deployment-",
        namespace.name()
    );
    let first = events[0].json()["id"].as_u64().expect("a number");
    for (event, number) in events.iter().zip(first..) {
        assert_eq!(
            event.attribute("type"),
            "dev.knative.eventing.samples.heartbeat"
        );
        assert!(event.attribute("source").starts_with(&source), "{event:?}");
        assert_eq!(event.json(), json!({"id": number, "label": "hello"}));
    }
    // After the first one arrived: that is what its probe says.
    namespace.wait("containersource/heartbeats", "Ready");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn apiserver_to_service() {
    apiserver("apiserver/to-service", &[Need::OurApiServer], SERVICE);
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn apiserver_to_knative_service() {
    let needs = [Need::OurApiServer, Need::Serving];
    apiserver("apiserver", &needs, KNATIVE_SERVICE);
}

fn apiserver(folder: &str, needs: &[Need], sink: [&str; 2]) {
    let test = folder.replace('/', "-");
    let Some(namespace) = Namespace::for_test(&test, needs) else {
        return;
    };
    namespace.apply_sample(folder, as_it_is);
    let display = follow(&namespace, sink);
    namespace.wait("apiserversource/pods", "Ready");

    // A pod of its own: the others change when they like.
    namespace.apply([waiting_pod("web")]);
    let of_web = |events: &[Event]| -> Vec<Event> {
        let web = events
            .iter()
            .filter(|event| event.extension("name") == "web");
        web.cloned().collect()
    };
    let has = |events: &[Event], end: &str| {
        let web = of_web(events);
        web.iter()
            .any(|event| event.attribute("type").ends_with(end))
            .then_some(())
    };
    display.wait_for("the pod being added", SOON, |events| has(events, ".add"));
    namespace.kubectl(&["label", "pod", "web", "hello=world"]);
    display.wait_for("the pod being updated", SOON, |events| {
        has(events, ".update")
    });
    namespace.kubectl(&["delete", "pod", "web"]);
    display.wait_for("the pod being deleted", SOON, |events| {
        has(events, ".delete")
    });

    let events = of_web(&display.events());
    let kinds: Vec<&str> = events.iter().map(|event| event.attribute("type")).collect();
    assert_eq!(kinds.first(), Some(&"dev.knative.apiserver.ref.add"));
    assert_eq!(kinds.last(), Some(&"dev.knative.apiserver.ref.delete"));
    let between = &kinds[1..kinds.len() - 1];
    assert!(
        between
            .iter()
            .all(|kind| *kind == "dev.knative.apiserver.ref.update"),
        "{kinds:?}"
    );
    let subject = format!("/apis/v1/namespaces/{}/pods/web", namespace.name());
    let reference = json!({"kind": "Pod", "apiVersion": "v1", "name": "web",
        "namespace": namespace.name()});
    for event in &events {
        assert_eq!(event.attribute("subject"), subject);
        assert_eq!(event.extension("kind"), "Pod");
        assert_eq!(event.json(), reference);
    }
}

/// The files of a hook's payload, the header that GitLab sends with it, and the end of our type.
const HOOKS: [(&str, &str, &str); 11] = [
    (
        "confidential_issues_events",
        "Confidential Issue Hook",
        "confidential_issue",
    ),
    (
        "confidential_note_events",
        "Confidential Note Hook",
        "confidential_note",
    ),
    ("deployment_events", "Deployment Hook", "deployment"),
    ("issues_events", "Issue Hook", "issue"),
    ("job_events", "Job Hook", "job"),
    (
        "merge_requests_events",
        "Merge Request Hook",
        "merge_request",
    ),
    ("note_events", "Note Hook", "note"),
    ("pipeline_events", "Pipeline Hook", "pipeline"),
    ("push_events", "Push Hook", "push"),
    ("tag_push_events", "Tag Push Hook", "tag_push"),
    ("wiki_page_events", "Wiki Page Hook", "wiki_page"),
];

#[test]
#[ignore = "needs a cluster: make e2e"]
fn gitlab_to_knative_service() {
    let needs = [Need::OurGitLab, Need::Serving];
    let Some(namespace) = Namespace::for_test("gitlab", &needs) else {
        return;
    };
    let project = format!(
        "http://gitlab.{}.svc.cluster.local/group/project",
        namespace.name()
    );
    namespace.apply(gitlab("group/project", "glpat-replace-me"));
    namespace.wait("deployment/gitlab", "Available");
    namespace.apply_sample("gitlab", |text| {
        text.replace("https://gitlab.com/group/project", &project)
    });
    let display = follow(&namespace, KNATIVE_SERVICE);
    namespace.wait("gitlabsource/gitlab", "Ready");
    let receiver = receiver(&namespace);
    let hooks = hooks(&namespace);
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    assert_eq!(hooks[0]["url"], receiver["status"]["url"]);
    assert_eq!(hooks[0]["token"], "replace-me");

    assert_eq!(
        deliver(&namespace, &receiver, HOOKS[2]),
        json!([]),
        "the controller left it out"
    );
    switch_deployments_on(&namespace, &receiver, &project);
    for hook in HOOKS {
        let told = deliver(&namespace, &receiver, hook);
        assert_eq!(told[0]["status"], 202, "{hook:?}: {told}");
        let wanted = format!("dev.knative.sources.gitlab.{}", hook.2);
        let event = display.wait_for(&wanted, SOON, |events| {
            events
                .iter()
                .find(|event| event.attribute("type") == wanted)
                .cloned()
        });
        assert_eq!(event.attribute("source"), project);
        assert_eq!(event.extension("comgitlabevent"), hook.1);
        let sent: Value = serde_json::from_str(&payload(hook)).expect("JSON");
        assert_eq!(event.json(), sent, "{hook:?}");
    }
    assert_eq!(display.events().len(), HOOKS.len());

    namespace.kubectl(&["delete", "gitlabsource/gitlab", "--timeout=60s"]);
    assert!(
        self::hooks(&namespace).is_empty(),
        "the controller has removed it"
    );
}

/// What the sample's README says, step by step.
fn switch_deployments_on(namespace: &Namespace, receiver: &Value, project: &str) {
    let url = format!(
        "--from-literal=url={}",
        receiver["status"]["url"].as_str().expect("a URL")
    );
    let project = format!("--from-literal=project={project}");
    namespace.kubectl(&["create", "configmap", "gitlab-hook", &url, &project]);
    namespace.apply_sample("gitlab/deployments", as_it_is);
    namespace.wait("job/gitlab-deployments", "Complete");
}

/// The Knative Service that the controller has made.
fn receiver(namespace: &Namespace) -> Value {
    let args = [
        "get",
        "ksvc",
        "--selector=receive-adapter=gitlab",
        "--output=json",
    ];
    let list: Value = serde_json::from_str(&namespace.kubectl(&args)).expect("JSON");
    list["items"][0].clone()
}

fn proxy(namespace: &Namespace, path: &str) -> String {
    format!(
        "/api/v1/namespaces/{}/services/gitlab:80/proxy/{path}",
        namespace.name()
    )
}

fn hooks(namespace: &Namespace) -> Vec<Value> {
    let text = kubectl(&["get", "--raw", &proxy(namespace, "_hooks")]);
    serde_json::from_str(&text).expect("a list of hooks")
}

fn payload((file, _, _): (&str, &str, &str)) -> String {
    fs::read_to_string(payload_file(file)).expect("a recorded hook")
}

fn payload_file(file: &str) -> std::path::PathBuf {
    let folder = "crates/gitlab-receiver/tests/data/gitlab";
    root().join(folder).join(format!("{file}.json"))
}

/// Lets GitLab send a hook to the address that was registered. Where that cannot be resolved inside
/// the cluster, it goes by the name that can.
fn deliver(namespace: &Namespace, receiver: &Value, (file, event, _): (&str, &str, &str)) -> Value {
    let inside = receiver["status"]["address"]["url"]
        .as_str()
        .expect("an address");
    let inside = inside.trim_start_matches("http://");
    let event = event.replace(' ', "%20");
    let path = proxy(
        namespace,
        &format!("_deliver?event={event}&through={inside}"),
    );
    let file = payload_file(file);
    let args = [
        "create",
        "--raw",
        &path,
        "--filename",
        &file.to_string_lossy(),
    ];
    let text = kubectl(&args);
    serde_json::from_str(&text).expect("what became of it")
}
