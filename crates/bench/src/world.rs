//! What stands around the measured program: a sink, and API servers with objects.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use serde_json::{Value, json};
use testkit::ApiServer;

use crate::sink::Sink;

/// The resource of PingSources.
pub const PING_SOURCES: &str = "sources.knative.dev/v1/pingsources";
/// The resource that apiserver-adapter watches here.
pub const CONFIG_MAPS: &str = "v1/configmaps";

/// What all runs share.
#[derive(Debug)]
pub struct World {
    /// Takes every event.
    pub sink: Sink,
    /// Without objects; for programs that only want a kubeconfig.
    pub empty: ApiServer,
    /// The last large set of objects, which takes long to make.
    kept: RefCell<Option<(usize, Rc<ApiServer>)>>,
    /// Sizes of files as gzip layers, which take seconds to find out.
    packed: RefCell<BTreeMap<PathBuf, u64>>,
}

impl World {
    /// A new one.
    pub fn new() -> Self {
        Self {
            sink: Sink::start(),
            empty: ApiServer::start(),
            kept: RefCell::default(),
            packed: RefCell::default(),
        }
    }

    /// An API server with so many ConfigMaps of 4.8 kB, which nobody changes.
    pub fn objects(&self, number: usize) -> Rc<ApiServer> {
        let mut kept = self.kept.borrow_mut();
        if let Some((_, api)) = kept.as_ref().filter(|(kept, _)| *kept == number) {
            return Rc::clone(api);
        }
        // The old one first: two of them may not fit.
        *kept = None;
        let api = Rc::new(config_maps(number, 4600));
        *kept = Some((number, Rc::clone(&api)));
        api
    }

    /// The size of a gzip layer with this file, in bytes.
    pub fn packed(&self, file: &Path) -> u64 {
        let mut packed = self.packed.borrow_mut();
        *packed
            .entry(file.to_owned())
            .or_insert_with(|| gzip(file).len() as u64)
    }

    /// An API server with so many PingSources of this schedule.
    pub fn ping_sources(&self, number: usize, schedule: &str) -> ApiServer {
        let api = ApiServer::start();
        api.serve(PING_SOURCES, "PingSource", true);
        for name in ["config-logging", "config-observability"] {
            let metadata = json!({"namespace": "knative-eventing", "name": name});
            api.apply(CONFIG_MAPS, json!({"metadata": metadata, "data": {}}));
        }
        for number in 0..number {
            let name = format!("source-{number}");
            api.apply(PING_SOURCES, ping_source(&name, schedule, &self.sink.url()));
        }
        api
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// An API server with so many ConfigMaps.
pub fn config_maps(number: usize, bytes: usize) -> ApiServer {
    let api = ApiServer::start();
    for number in 0..number {
        api.apply(CONFIG_MAPS, config_map(number, 1, bytes));
    }
    api
}

/// One of them, with so much text.
pub fn config_map(number: usize, revision: usize, bytes: usize) -> Value {
    json!({
        "metadata": {"name": format!("map-{number}"), "namespace": "default"},
        "data": {"revision": revision.to_string(), "text": "x".repeat(bytes)},
    })
}

fn gzip(file: &Path) -> Vec<u8> {
    let output = Command::new("gzip")
        .arg("--stdout")
        .stdin(File::open(file).expect("a program"))
        .output();
    output.expect("gzip").stdout
}

fn ping_source(name: &str, schedule: &str, sink: &str) -> Value {
    let conditions = ["Deployed", "OIDCIdentityCreated", "Ready", "SinkProvided"]
        .map(|condition| json!({"type": condition, "status": "True"}));
    json!({
        "metadata": {"namespace": "default", "name": name, "generation": 1},
        "spec": {
            "schedule": schedule,
            "contentType": "application/json",
            "data": r#"{"message": "Hello Eventing!"}"#,
        },
        "status": {"observedGeneration": 1, "sinkUri": sink, "conditions": conditions},
    })
}
