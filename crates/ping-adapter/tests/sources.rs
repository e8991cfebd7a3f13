//! The multi-tenant role: which sources fire, with what, and what is said about the others.

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::Utc;
use common::cluster::{
    LEASE, LEASES, SOURCES, SYSTEM, all_arrive, api_server, even_ticks, events, golden, holder,
    is_silent, of, quick, reasons, source, without,
};
use common::{SOON, id, time};
use serde_json::json;
use testkit::{Answer, Fault, Gone, Sink, eventually, free_port, get};

const EVERY_SECOND: &str = "* * * * * *";

fn sink() -> Sink {
    Sink::start([Answer::status(202)])
}

#[test]
fn serves_a_cluster_with_the_stock_environment_and_no_more_rights() {
    let (server, sink) = (api_server(), sink());
    let process = golden(&server).start();
    let holder = holder(&server);
    let lease = server.object(LEASES, SYSTEM, LEASE).expect("a lease");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 60);
    assert!(holder.contains('_'), "{holder}");

    let mut object = source("p1", EVERY_SECOND, &format!("{}/p?q=1", sink.url()));
    object["spec"]["ceOverrides"] = json!({"extensions": {"Region": "eu"}});
    server.apply(SOURCES, object);
    let request = events(&sink, "p1", 1).remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/p?q=1")
    );
    for (name, value) in [
        ("ce-source", "/apis/v1/namespaces/ns1/pingsources/p1"),
        ("ce-type", "dev.knative.sources.ping"),
        ("ce-region", "eu"),
        ("content-type", "text/plain"),
        ("kn-namespace", "ns1"),
    ] {
        assert_eq!(request.headers.get(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(request.headers.get("authorization"), None);
    eventually("an Event", SOON, || {
        reasons(&server, "p1")
            .contains(&"PingSourceSynchronized".to_owned())
            .then_some(())
    });
    assert!(server.forbidden().is_empty(), "{:?}", server.forbidden());
    assert!(
        process.stdout().text().contains("Leading a bucket."),
        "{}",
        process.stdout().text()
    );
}

#[test]
fn is_ready_without_a_lease_and_then_fires_nothing() {
    let (server, sink, port) = (api_server(), sink(), free_port());
    let now = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    server.apply(
        LEASES,
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"namespace": SYSTEM, "name": LEASE},
            "spec": {"holderIdentity": "a-go-pod_1", "leaseDurationSeconds": 60,
                     "acquireTime": now, "renewTime": now, "leaseTransitions": 0},
        }),
    );
    server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = golden(&server).env("HEALTH_PORT", port.to_string()).start();
    for path in ["/readiness", "/health"] {
        let reply = eventually("a probe", SOON, || get(("127.0.0.1", port), path).ok());
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{path}");
    }
    assert!(is_silent(&sink, "p1", Duration::from_secs(3)));
    assert_eq!(reasons(&server, "p1"), [""; 0]);
}

#[test]
fn without_leases_when_asked_to() {
    let (server, sink) = (api_server(), sink());
    server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = golden(&server).args(["--disable-ha"]).start();
    events(&sink, "p1", 1);
    assert!(server.object(LEASES, SYSTEM, LEASE).is_none());
}

#[test]
fn an_edit_counts_at_once() {
    let (server, sink, other) = (api_server(), sink(), sink());
    server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = quick(&server).start();
    events(&sink, "p1", 1);
    // New data and a new sink.
    let mut edited = source("p1", EVERY_SECOND, &other.url());
    edited["spec"]["data"] = "new".into();
    server.apply(SOURCES, edited.clone());
    events(&other, "new", 1);
    assert!(is_silent(&sink, "p1", Duration::from_secs(2)));
    // A schedule that is not due for long.
    edited["spec"]["schedule"] = "0 0 1 1 *".into();
    server.apply(SOURCES, edited.clone());
    std::thread::sleep(Duration::from_millis(300));
    assert!(is_silent(&other, "new", Duration::from_secs(2)));
    edited["spec"]["schedule"] = EVERY_SECOND.into();
    let seen = of(&other, "new").len();
    server.apply(SOURCES, edited);
    events(&other, "new", seen + 1);
}

#[test]
fn an_update_that_changes_nothing_neither_loses_nor_doubles_a_tick() {
    let (server, sink) = (api_server(), sink());
    let _process = quick(&server).start();
    let object = server.apply(SOURCES, source("p1", "*/2 * * * * *", &sink.url()));
    events(&sink, "p1", 1);
    let from = Utc::now();
    for number in 0..60 {
        let mut same = object.clone();
        same["status"]["observedGeneration"] = number.into();
        server.apply(SOURCES, same);
        std::thread::sleep(Duration::from_millis(100));
    }
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(3),
    );
    assert_eq!(common::cluster::repeats(&sink), [].into());
}

#[test]
fn a_deleted_source_fires_no_more_and_one_being_deleted_goes_on() {
    let (server, sink) = (api_server(), sink());
    let mut object = server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = quick(&server).start();
    events(&sink, "p1", 1);
    object["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
    object["spec"]["data"] = "no longer read".into();
    server.apply(SOURCES, object);
    let seen = of(&sink, "p1").len();
    events(&sink, "p1", seen + 2);
    server.delete(SOURCES, "ns1", "p1");
    std::thread::sleep(Duration::from_millis(600));
    assert!(is_silent(&sink, "p1", Duration::from_secs(2)));
}

#[test]
fn a_source_that_stops_being_ready_goes_on_as_it_was() {
    let (server, sink) = (api_server(), sink());
    let object = server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = quick(&server).start();
    events(&sink, "p1", 1);
    let mut unready = without(object, "SinkProvided");
    unready["spec"]["data"] = "not yet".into();
    unready["status"]["sinkUri"] = "".into();
    server.apply(SOURCES, unready);
    eventually("an Event", SOON, || {
        reasons(&server, "p1")
            .contains(&"PingSourceSkipped".to_owned())
            .then_some(())
    });
    let seen = of(&sink, "p1").len();
    events(&sink, "p1", seen + 2);
    assert_eq!(of(&sink, "not yet").len(), 0);
}

#[test]
fn only_waiting_for_this_pod_is_as_good_as_ready() {
    let (server, sink) = (api_server(), sink());
    server.apply(
        SOURCES,
        without(source("cold", EVERY_SECOND, &sink.url()), "Deployed"),
    );
    server.apply(
        SOURCES,
        without(source("other", EVERY_SECOND, &sink.url()), "SinkProvided"),
    );
    let _process = quick(&server).start();
    events(&sink, "cold", 3);
    assert_eq!(of(&sink, "other").len(), 0);
}

#[test]
fn a_bad_source_harms_nobody_and_is_told_why() {
    let (server, sink) = (api_server(), sink());
    let mut bad = Vec::new();
    for (name, field, value) in [
        ("schedule", "schedule", "61 * * * *"),
        ("zone-only", "schedule", "TZ=UTC"),
        ("zone", "timezone", "Mars/Olympus"),
        ("base64", "dataBase64", "a"),
        ("type", "contentType", "not a type"),
    ] {
        let mut object = source(name, EVERY_SECOND, &sink.url());
        object["spec"][field] = value.into();
        bad.push(object);
    }
    bad.push(source("no-sink", EVERY_SECOND, ""));
    let mut control = source("control", EVERY_SECOND, &sink.url());
    control["spec"]["ceOverrides"] = json!({"extensions": {"a": "b\nc"}});
    bad.push(control);
    let process = quick(&server).start();
    holder(&server);
    for object in &bad {
        server.apply(SOURCES, object.clone());
    }
    let mut strange = source("strange", EVERY_SECOND, &sink.url());
    strange["spec"]["schedule"] = 5.into();
    server.apply(SOURCES, strange);
    let mut overridden = source("overridden", EVERY_SECOND, &sink.url());
    overridden["spec"]["ceOverrides"] = json!({"extensions": {"type": "mine", "ok": "1"}});
    server.apply(SOURCES, overridden);
    server.apply(SOURCES, source("good", EVERY_SECOND, &sink.url()));
    events(&sink, "good", 2);
    let request = events(&sink, "overridden", 1).remove(0);
    assert_eq!(
        request.headers.get("ce-type").as_deref(),
        Some("dev.knative.sources.ping")
    );
    assert_eq!(request.headers.get("ce-ok").as_deref(), Some("1"));
    for object in &bad {
        let name = object["metadata"]["name"].as_str().expect("a name");
        assert_eq!(of(&sink, name).len(), 0, "{name}");
        eventually("a Warning", SOON, || {
            reasons(&server, name)
                .contains(&"PingSourceUnusable".to_owned())
                .then_some(())
        });
        assert!(process.stdout().text().contains(name), "{name}");
    }
    // Mended, it fires.
    server.apply(SOURCES, source("schedule", EVERY_SECOND, &sink.url()));
    events(&sink, "schedule", 1);
}

#[test]
fn no_sink_holds_up_another() {
    let (server, good, hanging) = (api_server(), sink(), Sink::start([Answer::hang()]));
    for number in 0..20 {
        server.apply(
            SOURCES,
            source(&format!("h{number}"), EVERY_SECOND, &hanging.url()),
        );
    }
    let refused = format!("http://127.0.0.1:{}", free_port());
    server.apply(SOURCES, source("refused", EVERY_SECOND, &refused));
    server.apply(SOURCES, source("good", EVERY_SECOND, &good.url()));
    let _process = quick(&server).start();
    let requests = events(&good, "good", 8);
    let late = requests
        .iter()
        .map(|it| time(it).timestamp())
        .collect::<Vec<_>>();
    assert!(
        late.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{late:?}"
    );
}

/// Only a sink that answers at once gets its events one after the other.
#[test]
fn no_event_waits_for_another_ones_answer_from_a_slow_sink() {
    let (server, sink) = (api_server(), Sink::start([Answer::hang()]));
    for number in 0..200 {
        server.apply(
            SOURCES,
            source(&format!("p{number}"), "*/10 * * * * *", &sink.url()),
        );
    }
    let _process = quick(&server).start();
    let first = sink.wait_for(1, Duration::from_secs(20))[0].at;
    let all = sink.wait_for(200, Duration::from_secs(5));
    assert!(
        all.iter()
            .all(|request| request.at - first < Duration::from_secs(5))
    );
}

#[test]
fn nothing_is_lost_while_a_sink_is_down() {
    let server = api_server();
    let started = Instant::now();
    let down = Duration::from_secs(7)..Duration::from_secs(27);
    let during = down.clone();
    let sink = Sink::answering(move |_, _| {
        Answer::status(if during.contains(&started.elapsed()) {
            503
        } else {
            202
        })
    });
    let _process = quick(&server).start();
    // Each has until its next tick, and one of them ticks while the sink is down.
    server.apply(SOURCES, source("p1", "*/30 * * * * *", &sink.url()));
    server.apply(SOURCES, source("p2", "15/30 * * * * *", &sink.url()));
    let end = Duration::from_secs(45);
    std::thread::sleep(end.saturating_sub(started.elapsed()));
    let (refused, accepted): (Vec<_>, Vec<_>) = sink
        .requests()
        .into_iter()
        .partition(|request| down.contains(&(request.at - started)));
    let accepted: BTreeMap<String, Vec<u8>> = accepted
        .iter()
        .map(|request| (id(request), request.body.clone()))
        .collect();
    assert!(!refused.is_empty());
    for request in &refused {
        // The same id with the same content, once the sink is back.
        assert_eq!(accepted.get(&id(request)), Some(&request.body));
    }
}

#[test]
fn changes_are_seen_after_the_history_is_gone() {
    for gone in [Gone::Status, Gone::Event] {
        let (server, sink) = (api_server(), sink());
        server.apply(SOURCES, source("stays", EVERY_SECOND, &sink.url()));
        server.apply(SOURCES, source("goes", EVERY_SECOND, &sink.url()));
        let _process = quick(&server).start();
        events(&sink, "goes", 1);
        server.stop();
        server.delete(SOURCES, "ns1", "goes");
        server.apply(SOURCES, source("comes", EVERY_SECOND, &sink.url()));
        server.compact(gone);
        server.resume();
        events(&sink, "comes", 1);
        events(&sink, "stays", of(&sink, "stays").len() + 1);
        assert!(is_silent(&sink, "goes", Duration::from_secs(2)));
    }
}

#[test]
fn a_token_goes_along_and_without_one_nothing_does() {
    let (server, sink) = (api_server(), sink());
    server.fail(
        Fault::on("create", "/serviceaccounts/sa1/token")
            .status(403)
            .times(2),
    );
    let mut object = source("p1", "*/2 * * * * *", &sink.url());
    object["status"]["sinkAudience"] = "aud/x".into();
    object["status"]["auth"] = json!({"serviceAccountName": "sa1"});
    server.apply(SOURCES, object);
    let _process = quick(&server).start();
    let requests = events(&sink, "p1", 3);
    for request in &requests {
        let header = request.headers.get("authorization").expect("a token");
        assert!(header.starts_with("Bearer "), "{header}");
    }
    let asked = server
        .calls()
        .into_iter()
        .filter(|call| call.path.ends_with("/sa1/token"));
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked.len(), 3, "two refusals and one for all events");
    assert_eq!(
        asked[0].path,
        "/api/v1/namespaces/ns1/serviceaccounts/sa1/token"
    );
    assert_eq!(asked[0].json()["spec"]["audiences"], json!(["aud/x"]));
}

#[test]
fn a_failed_send_is_an_event_if_the_operator_wants_it() {
    let (server, sink) = (api_server(), Sink::start([Answer::status(400)]));
    server.apply(
        "v1/configmaps",
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"namespace": SYSTEM, "name": "config-observability"},
            "data": {"sink-event-error-reporting.enable": "true"},
        }),
    );
    server.apply(SOURCES, source("p1", EVERY_SECOND, &sink.url()));
    let _process = quick(&server).start();
    let event = eventually("a Warning", SOON, || {
        let mut events = server.objects("v1/events").into_iter();
        events.rfind(|event| event["reason"] == "SinkSendFailed")
    });
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["source"]["component"], "ping-source-mt-adapter");
    assert_eq!(event["involvedObject"]["name"], "p1");
    assert_eq!(
        event["message"].as_str().map(str::trim_end),
        Some("400 Error sending cloud event to sink.")
    );
}
