//! A scripted API server: objects with versions, lists, watches, leases, tokens, and everything
//! that goes wrong between them and a program.
//!
//! It keeps what is written to it as a real one does, as far as our programs can tell, and breaks
//! as told. Streaming lists, tables, protobuf and admission are not there. Every request is kept.

mod answer;
mod call;
mod discovery;
mod fault;
mod listen;
mod page;
mod rules;
mod script;
mod selector;
mod state;
mod status;
mod store;
mod stream;

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::answer::Answer as ApiAnswer;
pub use self::call::Call;
pub use self::fault::{Cut, Fault, Gone};
use self::listen::Port;
pub use self::rules::Rule;
use self::script::Script;
use self::state::{Shared, State};
use self::store::Resource;
pub use self::stream::{Piece, Stream};
use crate::http::read_request;

/// A running API server. Dropping it closes its port and every connection.
pub struct ApiServer {
    shared: Arc<Shared>,
    port: Mutex<Option<Port>>,
    address: SocketAddr,
    home: TempDir,
}

impl ApiServer {
    /// One on a free port, with no objects.
    #[track_caller]
    pub fn start() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port")
    }

    /// The same at a given address; an error if it is taken.
    #[track_caller]
    pub fn at(address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::new());
        let port = Port::open(&shared, address)?;
        let address = port.address();
        Ok(Self {
            shared,
            port: Mutex::new(Some(port)),
            address,
            home: home(address),
        })
    }

    /// One without a port, for a transport of one's own: see [`ApiServer::answer`].
    #[track_caller]
    pub fn without_port() -> Self {
        let address = (Ipv4Addr::LOCALHOST, 1).into();
        let shared = Arc::new(Shared::new());
        Self {
            shared,
            port: Mutex::new(None),
            address,
            home: home(address),
        }
    }

    /// One with the `apiserver` of a vector of `apiserver-vectors.json`.
    #[track_caller]
    pub fn scripted(apiserver: &Value) -> Self {
        let server = Self::start();
        let mut state = server.shared.state();
        state.scripts = script::read(apiserver);
        let discovery = apiserver["discovery"].as_object().cloned();
        state.discovery = discovery.map(|versions| versions.into_iter().collect());
        drop(state);
        server
    }

    /// `http://127.0.0.1:<port>`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file that leads here, for `KUBECONFIG`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.home.path().join("kubeconfig")
    }

    // What there is.

    /// Serves a resource: `serve("sources.knative.dev/v1/pingsources", "PingSource", true)`.
    pub fn serve(&self, resource: &str, kind: &str, namespaced: bool) {
        let served = Resource {
            kind: kind.to_owned(),
            namespaced,
        };
        self.change(|state| state.store.resources.insert(resource.to_owned(), served));
    }

    /// Creates an object or changes it, whatever its version; gives it as it is then.
    #[track_caller]
    pub fn apply(&self, resource: &str, mut object: Value) -> Value {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        let text = |name: &str| {
            object["metadata"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let (namespace, name) = (text("namespace"), text("name"));
        self.change(|state| {
            let known = state.store.resources.contains_key(resource);
            assert!(known, "{resource} is not served; see ApiServer::serve");
            let stored = match state.store.get(resource, &namespace, &name) {
                None => state.store.create(resource, object),
                Some(_) => state.store.replace(resource, object),
            };
            stored.expect("no version to be wrong about").value()
        })
    }

    /// Deletes an object; panics if it is not there.
    #[track_caller]
    pub fn delete(&self, resource: &str, namespace: &str, name: &str) {
        let deleted = self.change(|state| state.store.delete(resource, namespace, name));
        assert!(deleted.is_ok(), "there is no {resource} {namespace}/{name}");
    }

    /// An object as it is now.
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.shared
            .state()
            .store
            .get(resource, namespace, name)
            .map(|object| object.value())
    }

    /// All objects of a resource, by namespace and name.
    pub fn objects(&self, resource: &str) -> Vec<Value> {
        self.shared
            .state()
            .store
            .list(resource)
            .map(|object| object.value())
            .collect()
    }

    /// Tokens live that long, whatever is asked for.
    pub fn token_lifetime(&self, lifetime: Duration) {
        self.change(|state| state.token_seconds = Some(lifetime.as_secs()));
    }

    /// Grants this and forbids the rest; without it everything is allowed.
    pub fn allow(&self, rules: impl IntoIterator<Item = Rule>) {
        let rules = rules.into_iter().collect();
        self.change(|state| state.rules = Some(rules));
    }

    // What was asked.

    /// Every request so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The first request so far that fits.
    pub fn call(&self, mut fits: impl FnMut(&Call) -> bool) -> Option<Call> {
        let state = self.shared.state();
        state.calls.iter().find(|call| fits(call)).cloned()
    }

    /// Those that the rules of [`ApiServer::allow`] forbade.
    pub fn forbidden(&self) -> Vec<Call> {
        self.shared.state().forbidden.clone()
    }

    /// Waits for a request that fits and gives it; panics after `deadline` with `what`.
    #[track_caller]
    pub fn wait_for(
        &self,
        what: &str,
        deadline: Duration,
        mut fits: impl FnMut(&Call) -> bool,
    ) -> Call {
        let end = Instant::now() + deadline;
        loop {
            let seen = self.shared.changes();
            if let Some(call) = self.call(&mut fits) {
                return call;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {deadline:?}: {what}");
            self.shared.wait(seen, left);
        }
    }

    // What goes wrong.

    /// Lets something happen to requests; faults are tried in the order in which they came.
    pub fn fail(&self, fault: Fault) {
        self.change(|state| state.faults.push(fault));
    }

    /// No more faults and cuts.
    pub fn heal(&self) {
        self.change(|state| {
            state.faults.clear();
            state.cuts.clear();
        });
    }

    /// Ends the next watch whose path contains this after so many bytes of its lines. Calls add
    /// up: each is for one watch.
    pub fn cut(&self, path: &str, after_bytes: u64, how: Cut) {
        self.change(|state| state.cuts.push_back((path.to_owned(), after_bytes, how)));
    }

    /// Ends all watches in order.
    pub fn end_watches(&self) {
        self.change(|state| state.ended_watches += 1);
    }

    /// Breaks the connections of all watches.
    pub fn break_watches(&self) {
        self.change(|state| state.broken_watches += 1);
    }

    /// Sends every watch a bookmark of the present version, which is a new one.
    pub fn bookmark(&self) {
        self.change(|state| {
            state.store.tick();
            state.bookmarks += 1;
        });
    }

    /// Forgets all history: watches that begin at an older version than the present one, and lists
    /// half read, have expired. Open watches go on.
    pub fn compact(&self, gone: Gone) {
        self.change(|state| {
            state.store.tick();
            state.store.compact();
            state.rests.clear();
            state.gone = gone;
        });
    }

    /// Closes the port and all connections: who comes is refused.
    pub fn stop(&self) {
        drop(self.port().take());
    }

    /// Answers nothing and says nothing, without closing anything.
    pub fn freeze(&self) {
        self.change(|state| state.frozen = true);
    }

    /// Goes on after [`ApiServer::stop`] or [`ApiServer::freeze`], with the same objects.
    #[track_caller]
    pub fn resume(&self) {
        self.change(|state| state.frozen = false);
        let mut port = self.port();
        if port.is_none() {
            *port = Some(Port::open(&self.shared, self.address).expect("the same port"));
        }
    }

    // Scripts.

    /// Adds a step to the script of a collection, while it runs.
    #[track_caller]
    pub fn push(&self, path: &str, step: Value) {
        self.change(|state| {
            let script = state.scripts.get_mut(path);
            script
                .unwrap_or_else(|| panic!("no script for {path}"))
                .push(step);
        });
    }

    /// Whether all scripts have come to their end.
    pub fn scripts_are_used_up(&self) -> bool {
        self.shared.state().scripts.values().all(Script::is_used_up)
    }

    /// Says to `wait_sink` steps how many requests the sink has seen.
    pub fn count_sink(&self, count: impl Fn() -> usize + Send + 'static) {
        self.change(|state| state.sink_count = Some(Box::new(count)));
    }

    // For transports of one's own.

    /// Takes a request; gives how long to wait, and then what to answer.
    pub fn answer(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (Duration, impl FnOnce() -> ApiAnswer + use<>) {
        let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
        let length = body.len().to_string();
        for (name, value) in headers.iter().chain(&[("content-length", length.as_str())]) {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        let request = read_request(&mut bytes.as_slice(), 0).expect("a request");
        self.shared.take(&request.expect("a whole request"))
    }

    /// Calls this after each change, so that streams can be looked at again.
    pub fn on_change(&self, listener: impl Fn() + Send + Sync + 'static) {
        let mut listeners = self
            .shared
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.shared.state());
        self.shared.changed();
        result
    }

    fn port(&self) -> MutexGuard<'_, Option<Port>> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

fn home(address: SocketAddr) -> TempDir {
    let home = TempDir::new().expect("a directory");
    write_kubeconfig(
        &home.path().join("kubeconfig"),
        &format!("http://{address}"),
    );
    home
}

fn write_kubeconfig(file: &Path, server: &str) {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "users": [{"name": "test", "user": {}}],
    });
    fs::write(file, kubeconfig.to_string()).expect("a written kubeconfig");
}
