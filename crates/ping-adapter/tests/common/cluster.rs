//! A cluster to serve: the scripted API server, a sink, and replicas as the stock Deployment has them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, DurationRound as _, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::{ApiServer, Launch, Request, Rule, Sink, eventually, free_port};
use uuid::Uuid;

use super::{SOON, bare, id};

pub(crate) const SOURCES: &str = "sources.knative.dev/v1/pingsources";
pub(crate) const LEASES: &str = "coordination.k8s.io/v1/leases";
pub(crate) const LEASE: &str =
    "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.reconciler.00-of-01";
pub(crate) const SYSTEM: &str = "knative-eventing";

/// The stock lease is 60 s, which is too long for a test.
const SHORT_ELECTION: &str = r#"{"Buckets":1,"LeaseDuration":4000000000,"RenewDeadline":3000000000,"RetryPeriod":1000000000}"#;

/// An API server with the stock rights.
pub(crate) fn api_server() -> ApiServer {
    let server = ApiServer::start();
    server.serve(SOURCES, "PingSource", true);
    server.allow(Rule::of_ping_source_adapter());
    server
}

/// A replica with exactly the environment of the stock Deployment, and a way to the API server.
pub(crate) fn golden(server: &ApiServer) -> Launch {
    let deployment: Value = serde_json::from_str(include_str!(
        "../data/deployment-pingsource-mt-adapter.json"
    ))
    .expect("the golden Deployment");
    let env = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let pairs = env.as_array().expect("variables").iter().map(|variable| {
        let name = variable["name"].as_str().expect("a name");
        // The rest comes from the pod's own namespace.
        (name, variable["value"].as_str().unwrap_or(SYSTEM))
    });
    bare()
        .envs(pairs)
        .env("KUBECONFIG", server.kubeconfig())
        .env("HEALTH_PORT", free_port().to_string())
        .env("PROFILING_PORT", free_port().to_string())
}

/// The same with a lease of 4 s, and a stop at once.
pub(crate) fn quick(server: &ApiServer) -> Launch {
    golden(server)
        .env("K_LEADER_ELECTION_CONFIG", SHORT_ELECTION)
        .env("K_NO_SHUTDOWN_AFTER", "59")
}

/// A source in namespace `ns1`, ready, with its name as data.
pub(crate) fn source(name: &str, schedule: &str, sink: &str) -> Value {
    json!({
        "apiVersion": "sources.knative.dev/v1",
        "kind": "PingSource",
        "metadata": {"namespace": "ns1", "name": name},
        "spec": {"schedule": schedule, "data": name, "contentType": "text/plain"},
        "status": {
            "sinkUri": sink,
            "conditions": [
                {"type": "Deployed", "status": "True"},
                {"type": "OIDCIdentityCreated", "status": "True"},
                {"type": "Ready", "status": "True"},
                {"type": "SinkProvided", "status": "True"},
            ],
        },
    })
}

/// The same, not ready for this reason.
pub(crate) fn without(mut source: Value, condition: &str) -> Value {
    for found in source["status"]["conditions"]
        .as_array_mut()
        .expect("conditions")
    {
        if found["type"] == condition || found["type"] == "Ready" {
            found["status"] = "Unknown".into();
        }
    }
    source
}

/// Waits until somebody holds the lease, and says who.
#[track_caller]
pub(crate) fn holder(server: &ApiServer) -> String {
    eventually("a holder of the lease", SOON, || {
        let lease = server.object(LEASES, SYSTEM, LEASE)?;
        let holder = lease["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty()).then(|| holder.to_owned())
    })
}

/// Reasons of the Events about a source.
pub(crate) fn reasons(server: &ApiServer, name: &str) -> Vec<String> {
    let about = |event: &Value| event["involvedObject"]["name"] == name;
    let events = server.objects("v1/events").into_iter().filter(about);
    events
        .map(|event| event["reason"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// The events of a source, by the name in their data.
pub(crate) fn of(sink: &Sink, name: &str) -> Vec<Request> {
    sink.requests()
        .into_iter()
        .filter(|request| request.body == name.as_bytes())
        .collect()
}

/// Waits for so many events of a source.
#[track_caller]
pub(crate) fn events(sink: &Sink, name: &str, count: usize) -> Vec<Request> {
    eventually("events of the source", SOON, || {
        let events = of(sink, name);
        (events.len() >= count).then_some(events)
    })
}

/// Whether a source is silent for this time from now on.
pub(crate) fn is_silent(sink: &Sink, name: &str, time: Duration) -> bool {
    let before = of(sink, name).len();
    std::thread::sleep(time);
    of(sink, name).len() == before
}

/// The ids of the ticks of a source on every second second, in `from..to`.
pub(crate) fn even_ticks(source: &Value, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<String> {
    let uid: Uuid = source["metadata"]["uid"]
        .as_str()
        .and_then(|it| it.parse().ok())
        .expect("a uid");
    let step = TimeDelta::seconds(2);
    let first = from.duration_trunc(step).expect("a time") + step;
    let ticks = std::iter::successors(Some(first), |tick| Some(*tick + step));
    ticks
        .take_while(|tick| *tick < to)
        .map(|tick| tick.to_rfc3339_opts(SecondsFormat::Secs, true))
        .map(|instant| Uuid::new_v5(&uid, instant.as_bytes()).to_string())
        .collect()
}

/// Waits until each of these events has arrived, and panics with those that have not.
#[track_caller]
pub(crate) fn all_arrive(sink: &Sink, ids: &[String], deadline: Duration) {
    let end = Instant::now() + deadline;
    loop {
        let seen: Vec<String> = sink.requests().iter().map(id).collect();
        let missing: Vec<usize> = (0..ids.len())
            .filter(|index| !seen.contains(&ids[*index]))
            .collect();
        if missing.is_empty() {
            return;
        }
        assert!(
            Instant::now() < end,
            "of {} ticks these are lost: {missing:?}",
            ids.len()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How often each id arrived.
pub(crate) fn repeats(sink: &Sink) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in sink.requests() {
        *counts.entry(id(&request)).or_insert(0) += 1;
    }
    counts.retain(|_, count| *count > 1);
    counts
}
