//! When the adapter is ready, which watches it opens, and what it says of those it cannot have.

mod common;

use std::thread;
use std::time::Duration;

use common::{Adapter, POD_PATH, PODS, SOON, accepting, launch, pod, pods, until_events};
use serde_json::{Value, json};
use testkit::{ApiServer, Call, Fault, Rule, Sink, eventually, free_port, get};

fn gvr(group: &str, resource: &str) -> Value {
    json!({"gvr": {"Group": group, "Version": "v1", "Resource": resource}})
}

fn paths(api: &ApiServer, which: impl Fn(&Call) -> bool) -> Vec<String> {
    let calls = api.calls();
    let mut paths: Vec<String> = calls
        .iter()
        .filter(|call| which(call))
        .map(|call| call.path.clone())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn it_is_ready_when_the_watch_is_up_and_not_before() {
    let (api, sink) = (ApiServer::start(), accepting());
    api.fail(Fault::on("list", POD_PATH).after(Duration::from_secs(2)));
    let running = pods(&api, &sink.url(), "Reference").start();
    let health = || get(("127.0.0.1", running.port), "/health").map(|reply| reply.status);
    eventually("the probes answer", SOON, || {
        (health().ok()? == 200).then_some(())
    });
    api.wait_for("the list", SOON, |call| {
        call.is_list() && call.path == POD_PATH
    });
    assert!(!running.is_ready());
    running.until_ready();
    assert!(api.calls().iter().any(Call::is_watch));
}

#[test]
fn what_is_refused_does_not_keep_it_unready_and_works_once_it_is_granted() {
    let (api, sink) = (ApiServer::start(), accepting());
    api.allow([Rule::new("", "configmaps", "list watch")]);
    let running = launch(&api, &sink.url())
        .config(&json!({
            "namespaces": ["default"], "mode": "Reference",
            "resources": [gvr("", "pods"), gvr("", "configmaps")],
        }))
        .ready();
    let line = running.process.stderr().line_with("403", SOON);
    assert!(
        line.contains("WARNING") && line.contains(POD_PATH),
        "{line}"
    );
    api.allow([Rule::new("", "*", "list watch")]);
    api.wait_for("a watch of pods", 2 * SOON, |call| {
        call.is_watch() && call.path == POD_PATH
    });
    api.apply(PODS, pod("web", 1));
    until_events(&sink, 1, SOON);
}

#[test]
fn a_few_namespaces_are_watched_one_by_one_and_many_at_once_if_allowed() {
    for (count, allowed, merged) in [(10, true, false), (11, true, true), (11, false, false)] {
        let (api, sink) = (ApiServer::start(), accepting());
        let namespaces: Vec<String> = (0..count).map(|number| format!("ns-{number}")).collect();
        let rule = || Rule::new("", "pods", "list watch");
        api.allow(if allowed {
            vec![rule()]
        } else {
            namespaces.iter().map(|name| rule().within(name)).collect()
        });
        let running = launch(&api, &sink.url())
            .config(&json!({"namespaces": namespaces, "mode": "Reference", "resources": [gvr("", "pods")]}))
            .ready();
        let watched = paths(&api, Call::is_watch);
        if merged {
            assert_eq!(watched, ["/api/v1/pods"]);
        } else {
            assert_eq!(watched.len(), count, "{watched:?}");
        }
        for namespace in ["ns-1", "elsewhere", "ns-3"] {
            api.apply(
                PODS,
                json!({"metadata": {"name": namespace, "namespace": namespace}}),
            );
        }
        let found = until_events(&sink, 2, SOON);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(sink.requests().len(), 2, "{found:?} {}", running.log());
    }
}

#[test]
fn a_wrong_plural_is_found_by_kind_and_the_subject_keeps_the_guess() {
    let (api, sink) = (ApiServer::start(), accepting());
    api.serve("gateway.networking.k8s.io/v1/gateways", "Gateway", true);
    let _running = gateways(&api, &sink).ready();
    gateway(&api, "edge");
    until_events(&sink, 1, SOON);
    let subject = sink.requests()[0].headers.get("ce-subject");
    let expected = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gatewaies/edge";
    assert_eq!(subject.as_deref(), Some(expected));
}

fn gateways(api: &ApiServer, sink: &Sink) -> Adapter {
    launch(api, &sink.url()).config(&json!({
        "namespaces": ["default"], "mode": "Reference",
        "resources": [gvr("gateway.networking.k8s.io", "gatewaies")],
    }))
}

fn gateway(api: &ApiServer, name: &str) {
    let object = json!({"metadata": {"name": name, "namespace": "default"}});
    api.apply("gateway.networking.k8s.io/v1/gateways", object);
}

#[test]
fn an_api_server_that_comes_late_is_waited_for() {
    let (api, sink) = (ApiServer::start(), accepting());
    api.stop();
    let running = pods(&api, &sink.url(), "Reference").start();
    running
        .process
        .stderr()
        .line_with("cannot be looked up; trying again", SOON);
    assert!(!running.is_ready());
    api.resume();
    running.until_ready();
}

#[test]
fn a_missing_group_version_is_one_sentence_and_1() {
    let (api, sink) = (ApiServer::start(), accepting());
    let mut running = launch(&api, &sink.url())
        .config(&json!({"namespaces": ["default"], "resources": [gvr("", "pods"), gvr("no.such.group", "things")]}))
        .start();
    assert_eq!(running.process.wait(SOON).code, Some(1));
    let log = running.log();
    assert!(
        log.contains("no.such.group/v1 cannot be looked up"),
        "{log}"
    );
}

#[test]
fn the_gauges_tell_how_each_watch_is_doing() {
    let (api, sink) = (ApiServer::start(), accepting());
    api.allow([Rule::new("", "pods", "list watch")]);
    let port = free_port();
    let _running = launch(&api, &sink.url())
        .config(&json!({
            "namespaces": ["default"], "mode": "Reference",
            "resources": [gvr("", "pods"), gvr("", "configmaps"), gvr("", "nosuch")],
        }))
        .env(
            "K_OBSERVABILITY_CONFIG",
            r#"{"metrics":{"protocol":"prometheus"}}"#,
        )
        .env("METRICS_PROMETHEUS_PORT", &port.to_string())
        .ready();
    api.apply(PODS, pod("web", 1));
    until_events(&sink, 1, SOON);
    let fits = |text: &str, name: &str, parts: &[&str], value: &str| {
        text.lines().any(|line| {
            line.starts_with(name)
                && parts.iter().all(|part| line.contains(part))
                && line.ends_with(&format!(" {value}"))
        })
    };
    eventually("all gauges", SOON, || {
        let text = get(("127.0.0.1", port), "/metrics").ok()?.text();
        let up = fits(
            &text,
            "kn_apiserver_watch_state",
            &[r#"resource="pods""#, r#"state="up""#],
            "1",
        );
        let refused = [
            r#"resource="configmaps""#,
            r#"state="refused""#,
            r#"code="403""#,
        ];
        let refused = fits(&text, "kn_apiserver_watch_state", &refused, "1");
        let missing = fits(&text, "kn_apiserver_resources_missing", &[], "1");
        let queue = fits(&text, "kn_apiserver_queue_events", &[], "0");
        let sent = [
            r#"cloudevents_type="dev.knative.apiserver.ref.add""#,
            r#"kn_source_name="my-source""#,
        ];
        let sent = fits(&text, "knative_adapter_events_sent_total", &sent, "1");
        (up && refused && missing && queue && sent).then_some(())
    });
}
