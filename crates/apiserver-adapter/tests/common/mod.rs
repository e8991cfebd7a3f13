//! The adapter as the stock controller starts it, against a scripted API server and a sink.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, ApiServer, Launch, Process, Request, Sink, eventually, free_port, get};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_apiserver-adapter");
/// Long enough for a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) const PODS: &str = "v1/pods";
pub(crate) const POD_PATH: &str = "/api/v1/namespaces/default/pods";

/// The environment of the stock Deployment, outside of a cluster and without a hand-over.
pub(crate) fn launch(api: &ApiServer, sink: &str) -> Adapter {
    let port = free_port();
    Adapter {
        env: BTreeMap::new(),
        port,
    }
    .env("KUBECONFIG", &api.kubeconfig().to_string_lossy())
    .env("K_SINK", sink)
    .env("NAMESPACE", "src-ns")
    .env("NAME", "my-source")
    .env("SYSTEM_NAMESPACE", "knative-eventing")
    .env("METRICS_DOMAIN", "knative.dev/eventing")
    .env("K_LOGGING_CONFIG", "{}")
    .env("HANDOVER_SECONDS", "0")
    .env("HEALTH_PORT", &port.to_string())
    .env("PROFILING_PORT", &free_port().to_string())
}

/// The adapter with pods of the namespace `default` in this mode.
pub(crate) fn pods(api: &ApiServer, sink: &str, mode: &str) -> Adapter {
    launch(api, sink).config(&json!({
        "namespaces": ["default"],
        "allNamespaces": false,
        "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "pods"}}],
        "mode": mode,
    }))
}

/// The adapter about to be started.
pub(crate) struct Adapter {
    env: BTreeMap<String, String>,
    port: u16,
}

impl Adapter {
    pub(crate) fn config(self, config: &Value) -> Self {
        self.env("K_SOURCE_CONFIG", &config.to_string())
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    pub(crate) fn start(self) -> Running {
        let process = Launch::new(BINARY).envs(self.env).start();
        Running {
            process,
            port: self.port,
        }
    }

    pub(crate) fn ready(self) -> Running {
        let running = self.start();
        running.until_ready();
        running
    }
}

/// The started adapter.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl Running {
    pub(crate) fn is_ready(&self) -> bool {
        get(("127.0.0.1", self.port), "/readiness").is_ok_and(|reply| reply.status == 200)
    }

    #[track_caller]
    pub(crate) fn until_ready(&self) {
        eventually("the adapter is ready", SOON, || {
            self.is_ready().then_some(())
        });
    }

    pub(crate) fn log(&self) -> String {
        self.process.stderr().text()
    }
}

pub(crate) fn accepting() -> Sink {
    Sink::start([Answer::status(202)])
}

/// A pod; changed by giving it another `revision`.
pub(crate) fn pod(name: &str, revision: usize) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"revision": revision},
    })
}

/// `add web`, for each first request of an event, in order of arrival.
pub(crate) fn events(requests: &[Request]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    requests
        .iter()
        .filter(|request| seen.insert(request.headers.get("ce-id")))
        .map(|request| {
            let ty = request.headers.get("ce-type").expect("a type");
            let name = request.headers.get("ce-name").expect("a name");
            format!("{} {name}", ty.rsplit('.').next().unwrap_or_default())
        })
        .collect()
}

/// Waits until so many different events have arrived.
#[track_caller]
pub(crate) fn until_events(sink: &Sink, count: usize, deadline: Duration) -> Vec<String> {
    let mut last = 0;
    let end = std::time::Instant::now() + deadline;
    loop {
        let found = events(&sink.requests());
        if found.len() >= count {
            return found;
        }
        last = last.max(found.len());
        assert!(
            std::time::Instant::now() < end,
            "{last} of {count} events within {deadline:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
