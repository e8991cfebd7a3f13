//! What happens to the events of an `ApiServerSource` when things around it change: `ConfigMaps`
//! are written, and the sink has to hear of each.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use e2e::manifest::{configmap, configmaps, display, https_display, to_display, watcher};
use e2e::{Display, Event, Namespace, Need, SOON};
use serde_json::{Value, json};

const ADDED: &str = "dev.knative.apiserver.resource.add";
const REFERENCE_ADDED: &str = "dev.knative.apiserver.ref.add";

/// A sink, and what else a source for `ConfigMaps` stands on.
fn prepare(namespace: &Namespace, sink: [Value; 2]) -> Display {
    namespace.apply(sink);
    namespace.apply(watcher(namespace.name()));
    let display = Display::follow(namespace.name(), "app=event-display", "event-display");
    namespace.wait("deployment/event-display", "Available");
    display
}

/// Applies the source and waits until it is ready and its adapter is the only one.
fn settle(namespace: &Namespace, source: Value) {
    namespace.apply([source]);
    namespace.wait("apiserversource/configmaps", "Ready");
    rolled_out(namespace);
}

fn rolled_out(namespace: &Namespace) {
    let label = "eventing.knative.dev/sourceName=configmaps";
    let deployments =
        namespace.kubectl(&["get", "deployment", "--selector", label, "--output=name"]);
    let deployment = deployments.trim();
    namespace.kubectl(&["rollout", "status", deployment, "--timeout=180s"]);
}

/// Writes a stream of `ConfigMaps`, four a second.
fn write_stream(namespace: &Namespace, names: &[String]) {
    for name in names {
        namespace.apply([configmap(name, "1")]);
        thread::sleep(Duration::from_millis(250));
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("stream-{number:02}"))
        .collect()
}

fn added(events: &[Event]) -> BTreeSet<String> {
    let added = events
        .iter()
        .filter(|event| event.attribute("type") == ADDED);
    added
        .map(|event| event.extension("name").to_owned())
        .collect()
}

/// Waits until each of these was announced; what came twice must have come with the same id.
#[track_caller]
fn all_arrive(display: &Display, names: &[String]) {
    let wanted: BTreeSet<String> = names.iter().cloned().collect();
    display.wait_for("every change", SOON, |events| {
        (added(events) == wanted).then_some(())
    });
    let events = display.events();
    let ids: BTreeSet<&str> = events.iter().map(|event| event.attribute("id")).collect();
    assert_eq!(ids.len(), names.len(), "one id for each change: {ids:?}");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_edited_source_goes_on_as_it_now_says_and_a_deleted_one_is_silent() {
    let test = "edited_and_deleted";
    let Some(namespace) = Namespace::for_test(test, &[Need::OurApiServer]) else {
        return;
    };
    let display = prepare(&namespace, display());
    let source = configmaps("configmaps", &to_display());
    settle(&namespace, source.clone());
    namespace.apply([configmap("before", "1")]);
    let event = display.wait_for("the first event", SOON, |events| events.first().cloned());
    assert_eq!(event.attribute("type"), ADDED);
    assert_eq!(event.json()["data"], json!({"value": "1"}));

    let mut edited = source;
    edited["spec"]["mode"] = json!("Reference");
    settle(&namespace, edited);
    // The one before goes on for a while beside its successor, so that no change is lost.
    no_pod_left(&namespace, |pods| pods.len() == 1);
    namespace.apply([configmap("after", "1")]);
    let event = display.wait_for("an event of the edited source", SOON, |events| {
        let found = events
            .iter()
            .find(|event| event.extension("name") == "after");
        found.cloned()
    });
    assert_eq!(event.attribute("type"), REFERENCE_ADDED);
    assert_eq!(
        event.json(),
        json!({"kind": "ConfigMap", "apiVersion": "v1",
        "namespace": namespace.name(), "name": "after"})
    );

    namespace.kubectl(&["delete", "apiserversource/configmaps", "--timeout=60s"]);
    no_pod_left(&namespace, Vec::is_empty);
    let before = display.events().len();
    namespace.apply([configmap("too-late", "1")]);
    thread::sleep(Duration::from_secs(5));
    assert_eq!(
        display.events().len(),
        before,
        "nobody is left to announce it"
    );
}

/// Waits until the adapter's pods are as they should be.
#[track_caller]
fn no_pod_left(namespace: &Namespace, fits: impl Fn(&Vec<String>) -> bool) {
    testkit::eventually("the adapter's pods", SOON, || {
        thread::sleep(Duration::from_secs(1));
        fits(&adapter_pods(namespace)).then_some(())
    });
}

fn adapter_pods(namespace: &Namespace) -> Vec<String> {
    let label = "eventing.knative.dev/sourceName=configmaps";
    let pods = namespace.kubectl(&["get", "pods", "--selector", label, "--output=name"]);
    pods.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_change_is_lost_while_the_sink_is_restarted() {
    let Some(namespace) = Namespace::for_test("sink_restarted", &[Need::OurApiServer]) else {
        return;
    };
    let [mut deployment, service] = display();
    // So that there is nobody for a while.
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    let display = prepare(&namespace, [deployment, service]);
    settle(&namespace, configmaps("configmaps", &to_display()));
    let names = names(40);
    write_stream(&namespace, &names[..10]);
    namespace.kubectl(&["rollout", "restart", "deployment/event-display"]);
    write_stream(&namespace, &names[10..]);
    all_arrive(&display, &names);
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_change_is_lost_when_the_adapters_pod_is_deleted() {
    let Some(namespace) = Namespace::for_test("adapter_deleted", &[Need::OurApiServer]) else {
        return;
    };
    let display = prepare(&namespace, display());
    settle(&namespace, configmaps("configmaps", &to_display()));
    let names = names(40);
    write_stream(&namespace, &names[..10]);
    let pods = adapter_pods(&namespace);
    namespace.kubectl(&["delete", &pods[0], "--wait=false"]);
    write_stream(&namespace, &names[10..]);
    all_arrive(&display, &names);
    assert_ne!(adapter_pods(&namespace), pods, "another pod does the work");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn overrides_are_on_every_event() {
    let Some(namespace) = Namespace::for_test("overrides", &[Need::OurApiServer]) else {
        return;
    };
    let display = prepare(&namespace, display());
    let mut source = configmaps("configmaps", &to_display());
    source["spec"]["ceOverrides"] = json!({"extensions": {"team": "night & day", "stage": "e2e"}});
    settle(&namespace, source);
    namespace.apply([configmap("one", "1")]);
    let event = display.wait_for("an event", SOON, |events| events.first().cloned());
    assert_eq!(event.extension("team"), "night & day");
    assert_eq!(event.extension("stage"), "e2e");
    assert_eq!(
        event.extension("name"),
        "one",
        "the adapter's own are there as well"
    );
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_private_authority_vouches_for_the_sink() {
    let Some(namespace) = Namespace::for_test("private_ca", &[Need::OurApiServer]) else {
        return;
    };
    let display = prepare(&namespace, https_display(namespace.name()));
    let log = ["logs", "deployment/event-display", "--container=stand-in"];
    let authority = namespace.kubectl(&log);
    assert!(
        authority.starts_with("-----BEGIN CERTIFICATE-----"),
        "{authority}"
    );
    let host = format!("event-display.{}.svc.cluster.local", namespace.name());
    let sink = json!({"uri": format!("https://{host}"), "CACerts": authority});
    settle(&namespace, configmaps("configmaps", &sink));
    namespace.apply([configmap("one", "1")]);
    let event = display.wait_for("an event", SOON, |events| events.first().cloned());
    assert_eq!(event.extension("name"), "one");
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_namespace_selector_takes_in_what_is_labelled() {
    let test = "namespace_selector";
    let Some(namespace) = Namespace::for_test(test, &[Need::OurApiServer]) else {
        return;
    };
    let display = prepare(&namespace, display());
    let label = json!({"e2e-watch": namespace.name()});
    let [first, second] = [(); 2].map(|()| {
        let selected = Namespace::labelled(test, &label);
        selected.apply(watcher(namespace.name()));
        selected
    });
    let other = Namespace::labelled(test, &json!({}));
    let mut source = configmaps("configmaps", &to_display());
    source["spec"]["namespaceSelector"] = json!({"matchLabels": label});
    settle(&namespace, source);

    for place in [&other, &first, &second, &namespace] {
        place.apply([configmap("one", "1")]);
    }
    let wanted = BTreeSet::from([first.name(), second.name()].map(str::to_owned));
    display.wait_for("an event of each selected namespace", SOON, |events| {
        (namespaces(events) == wanted).then_some(())
    });

    // One more namespace fits from now on.
    other.apply(watcher(namespace.name()));
    let labelled = format!("e2e-watch={}", namespace.name());
    e2e::kubectl(&["label", "namespace", other.name(), &labelled]);
    let wanted: BTreeSet<String> = [&first, &second, &other]
        .map(|it| it.name().to_owned())
        .into();
    let mut number = 1;
    display.wait_for("an event of the third namespace", SOON, |events| {
        number += 1;
        other.apply([configmap(&format!("n-{number}"), "1")]);
        (namespaces(events) == wanted).then_some(())
    });
}

fn namespaces(events: &[Event]) -> BTreeSet<String> {
    let namespaces = events.iter().map(|event| event.extension("namespace"));
    namespaces.map(str::to_owned).collect()
}
