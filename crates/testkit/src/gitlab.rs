//! The part of GitLab's API that manages webhooks, with state, paging, rights and faults.
//!
//! As its documentation and code have it: flags that it does not know are ignored, pushes are on
//! unless switched off, an edit keeps what it does not name, a changed URL makes it forget the
//! secret token, and secrets are never shown.

mod delivery;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::http::Request;
use crate::sink::Sink;

/// Flags that every instance knows; [`GitLab::knows_only`] makes it an older one.
const FLAGS: [&str; 20] = [
    "push_events",
    "tag_push_events",
    "issues_events",
    "confidential_issues_events",
    "merge_requests_events",
    "note_events",
    "confidential_note_events",
    "deployment_events",
    "job_events",
    "pipeline_events",
    "wiki_page_events",
    "releases_events",
    "feature_flag_events",
    "resource_access_token_events",
    "emoji_events",
    "milestone_events",
    "vulnerability_events",
    "member_events",
    "subgroup_events",
    "project_events",
];
/// What is stored and never shown.
const SECRETS: [&str; 2] = ["token", "signing_token"];

/// A running instance with one project or group. Dropping it closes the port.
#[derive(Debug)]
pub struct GitLab {
    sink: Sink,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// `/api/v4/projects/a%2Fb/hooks`.
    collection: String,
    token: String,
    flags: Vec<&'static str>,
    hooks: Vec<Map<String, Value>>,
    last: u64,
    faults: VecDeque<Answer>,
}

impl GitLab {
    /// An instance with the project at this path, which this access token may manage.
    #[track_caller]
    pub fn project(path: &str, token: &str) -> Self {
        Self::start("projects", path, token)
    }

    /// The same at a given address, for programs that cannot call [`GitLab::deliver`] and the like:
    /// `GET /_hooks` shows the hooks with their secrets, `POST /_deliver?event=Push+Hook` sends its
    /// body to them and gives what they answered.
    pub fn remote(address: impl ToSocketAddrs, path: &str, token: &str) -> io::Result<Self> {
        let state = State::new("projects", path, token);
        let script = Arc::clone(&state);
        let sink = Sink::answering_at(address, None, move |request, _| {
            delivery::command(&script, request).unwrap_or_else(|| lock(&script).answer(request))
        })?;
        Ok(Self { sink, state })
    }

    /// The same with a group.
    #[track_caller]
    pub fn group(path: &str, token: &str) -> Self {
        Self::start("groups", path, token)
    }

    #[track_caller]
    fn start(scope: &str, path: &str, token: &str) -> Self {
        let state = State::new(scope, path, token);
        let script = Arc::clone(&state);
        let address = (Ipv4Addr::LOCALHOST, 0);
        let answer = move |request: &Request, _| lock(&script).answer(request);
        let sink = Sink::answering_at(address, None, answer).expect("a free port");
        Self { sink, state }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.sink.url()
    }

    /// The next requests are answered like this instead, one each.
    pub fn next(&self, faults: impl IntoIterator<Item = Answer>) {
        self.state().faults.extend(faults);
    }

    /// Makes it an instance that knows no other flags.
    pub fn knows_only(&self, flags: &[&'static str]) {
        self.state().flags = flags.to_vec();
    }

    /// Adds a hook as if somebody had made it by hand, and gives its number.
    pub fn add(&self, fields: &Value) -> u64 {
        self.state().create(fields)["id"]
            .as_u64()
            .expect("a number")
    }

    /// Sets fields that no request can, such as `alert_status`.
    #[track_caller]
    pub fn set(&self, id: u64, fields: &Value) {
        let mut state = self.state();
        let hook = state
            .hooks
            .iter_mut()
            .find(|hook| hook["id"] == id)
            .expect("this hook");
        hook.extend(fields.as_object().expect("an object").clone());
    }

    /// Deletes a hook as if by hand.
    pub fn remove(&self, id: u64) {
        self.state().hooks.retain(|hook| hook["id"] != id);
    }

    /// All hooks with their secrets, the oldest first.
    pub fn hooks(&self) -> Vec<Value> {
        self.state()
            .hooks
            .iter()
            .cloned()
            .map(Value::Object)
            .collect()
    }

    /// Everything that was asked, as `METHOD path`, without the query.
    pub fn asked(&self) -> Vec<String> {
        let line = |request: &Request| format!("{} {}", request.method, bare(&request.path));
        self.sink.requests().iter().map(line).collect()
    }

    /// The requests themselves.
    pub fn requests(&self) -> Vec<Request> {
        self.sink.requests()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

impl State {
    fn new(scope: &str, path: &str, token: &str) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            collection: format!("/api/v4/{scope}/{}/hooks", path.replace('/', "%2F")),
            token: token.to_owned(),
            flags: FLAGS.to_vec(),
            hooks: Vec::new(),
            last: 0,
            faults: VecDeque::new(),
        }))
    }

    fn answer(&mut self, request: &Request) -> Answer {
        if let Some(fault) = self.faults.pop_front() {
            return fault;
        }
        if request.headers.get("private-token").as_deref() != Some(&self.token) {
            return said(401, &json!({"message": "401 Unauthorized"}));
        }
        // Clients differ in what they escape; the stock controller's escapes dots as well.
        let path = bare(&request.path).replace("%2E", ".");
        let Some(rest) = path.strip_prefix(&self.collection) else {
            return said(404, &json!({"message": "404 Project Not Found"}));
        };
        let id = rest.strip_prefix('/').and_then(|id| id.parse::<u64>().ok());
        let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        match (request.method.as_str(), id) {
            ("GET", None) => self.list(&request.path),
            ("GET", Some(id)) => self.get(id),
            ("POST", None) => self.post(&body),
            ("PUT", Some(id)) => self.put(id, &body),
            ("DELETE", Some(id)) => self.delete(id),
            _ => said(405, &json!({"error": "405 Not Allowed"})),
        }
    }

    fn list(&self, path: &str) -> Answer {
        let number = |name: &str, default| {
            let pairs = path
                .split(['?', '&'])
                .filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(key, _)| *key == name);
            values
                .next()
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or(default)
        };
        let (page, size) = (number("page", 1), number("per_page", 20).min(100));
        let start = (page - 1) * size;
        let shown: Vec<Value> = self
            .hooks
            .iter()
            .skip(start)
            .take(size)
            .map(shown)
            .collect();
        let next = if start + size < self.hooks.len() {
            (page + 1).to_string()
        } else {
            String::new()
        };
        said(200, &Value::Array(shown)).header("X-Next-Page", &next)
    }

    fn get(&self, id: u64) -> Answer {
        match self.hooks.iter().find(|hook| hook["id"] == id) {
            Some(hook) => said(200, &shown(hook)),
            None => said(404, &json!({"message": "404 Not found"})),
        }
    }

    fn post(&mut self, body: &Value) -> Answer {
        match body["url"].as_str() {
            None => said(400, &json!({"error": "url is missing"})),
            Some(url) if url.contains("//10.") => {
                said(422, &json!({"message": {"url": ["Invalid url given"]}}))
            }
            Some(_) => said(201, &shown(&self.create(body))),
        }
    }

    fn create(&mut self, body: &Value) -> Map<String, Value> {
        self.last += 1;
        let mut hook = Map::new();
        hook.insert("id".to_owned(), json!(self.last));
        hook.insert("alert_status".to_owned(), json!("executable"));
        hook.insert("enable_ssl_verification".to_owned(), json!(true));
        for flag in &self.flags {
            hook.insert((*flag).to_owned(), json!(*flag == "push_events"));
        }
        self.overlay(&mut hook, body);
        self.hooks.push(hook.clone());
        hook
    }

    fn put(&mut self, id: u64, body: &Value) -> Answer {
        let Some(at) = self.hooks.iter().position(|hook| hook["id"] == id) else {
            return said(404, &json!({"message": "404 Not found"}));
        };
        let Some(url) = body.get("url") else {
            return said(400, &json!({"error": "url is missing"}));
        };
        let mut hook = self.hooks[at].clone();
        if hook["url"] != *url {
            hook.remove("token");
        }
        self.overlay(&mut hook, body);
        self.hooks[at] = hook;
        said(200, &shown(&self.hooks[at]))
    }

    fn delete(&mut self, id: u64) -> Answer {
        let before = self.hooks.len();
        self.hooks.retain(|hook| hook["id"] != id);
        if self.hooks.len() == before {
            return said(404, &json!({"message": "404 Not found"}));
        }
        Answer::status(204)
    }

    /// Takes over what the instance knows and ignores the rest.
    fn overlay(&self, hook: &mut Map<String, Value>, body: &Value) {
        let known = |name: &str| {
            self.flags.contains(&name)
                || SECRETS.contains(&name)
                || ["url", "name", "description", "enable_ssl_verification"].contains(&name)
        };
        let fields = body.as_object().into_iter().flatten();
        hook.extend(
            fields
                .filter(|(name, _)| known(name))
                .map(|(n, v)| (n.clone(), v.clone())),
        );
    }
}

fn shown(hook: &Map<String, Value>) -> Value {
    let mut hook = hook.clone();
    hook.retain(|name, _| !SECRETS.contains(&name.as_str()));
    Value::Object(hook)
}

fn said(status: u16, document: &Value) -> Answer {
    Answer::status(status)
        .header("Content-Type", "application/json")
        .body(document.to_string())
}
