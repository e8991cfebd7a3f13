//! The 63 recorded runs of the stock adapter against the real binary.
//!
//! Format: apiserversource.md 8.1. Those that are answered differently on purpose are in
//! [`superseded`] and in docs/compatibility.md.

mod common;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use common::{Running, SOON, launch};
use serde_json::{Value, json};
use testkit::{Answer, ApiServer, Request, Signal, Sink};

/// Most vectors only wait; so many of them wait together.
const AT_ONCE: usize = 6;
const LONGEST: Duration = Duration::from_secs(40);
const STANDARD: [&str; 6] = [
    "ce-id",
    "ce-source",
    "ce-specversion",
    "ce-subject",
    "ce-time",
    "ce-type",
];

/// What we answer instead of the recording.
fn superseded(vector: &mut Value) {
    match vector["id"].as_str().expect("an id") {
        // An override that no event can carry costs only itself.
        "AS-22" => {
            let object = &vector["apiserver"]["collections"]["/api/v1/namespaces/default/pods"]["script"]
                [0]["object"];
            let name = object["metadata"]["name"].as_str().expect("a name");
            let event = json!({
                "type": "dev.knative.apiserver.ref.add",
                "subject": format!("/apis/v1/namespaces/default/pods/{name}"),
                "extensions": {"kind": "Pod", "apiversion": "v1", "name": name, "namespace": "default"},
                "data": {"kind": "Pod", "namespace": "default", "name": name, "apiVersion": "v1"},
            });
            vector["expect"]["events"] = json!([event]);
        }
        // 500 is retried.
        "AS-28" => vector["expect"]["attempts"] = json!([[0, 500], [0, 202], [1, 202]]),
        // An event is tried for 10 minutes, and holds up others for 3.5 s of them.
        "AS-29" => {
            let again = json!([0, 202]);
            vector["expect"]["attempts"]
                .as_array_mut()
                .expect("attempts")
                .push(again);
        }
        // The scripted API server has another name for its first token.
        "AS-31" => vector["expect"]["sink_headers"]["authorization"] = json!("Bearer tok-1"),
        _ => {}
    }
}

#[test]
fn all_recorded_runs() {
    let vectors: Value =
        serde_json::from_str(include_str!("data/apiserver-vectors.json")).expect("the vectors");
    let mut vectors = vectors["process"]
        .as_array()
        .expect("process vectors")
        .clone();
    assert_eq!(vectors.len(), 63);
    vectors.iter_mut().for_each(superseded);
    let mut failed = Vec::new();
    for group in vectors.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let runs: Vec<_> = group
                .iter()
                .map(|vector| (vector, scope.spawn(|| check(vector))))
                .collect();
            for (vector, run) in runs {
                let problems = run
                    .join()
                    .unwrap_or_else(|_| vec!["panicked, see above".into()]);
                if !problems.is_empty() {
                    failed.push(format!("{}: {}", vector["id"], problems.join("\n  ")));
                }
            }
        });
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Runs one vector and says what was wrong.
fn check(vector: &Value) -> Vec<String> {
    let api = ApiServer::scripted(&vector["apiserver"]);
    let sink = sink(&vector["sink"]);
    let mut running = start(vector, &api, &sink);
    let alive = watch(vector, &api, &sink, &mut running);
    if alive {
        running.process.signal(Signal::TERM);
    }
    let code = running.process.wait(SOON).code;

    let mut problems = Vec::new();
    let expect = &vector["expect"];
    let should_run = expect["process"] == "running";
    if alive != should_run || (code == Some(0)) != should_run {
        problems.push(format!(
            "alive {alive}, exit code {code:?}: {}",
            running.log()
        ));
    }
    let requests = sink.requests();
    check_requests(expect, &api.url(), &requests, &mut problems);
    check_events(expect, &requests, &mut problems);
    check_attempts(expect, vector, &requests, &mut problems);
    check_calls(vector, &api, &mut problems);
    problems
}

fn sink(script: &Value) -> Sink {
    let script = script.clone();
    Sink::answering(move |_, number| match &script["responses"][number] {
        Value::Null => Answer::status(202),
        Value::String(word) if word == "hang" => Answer::hang(),
        Value::String(word) if word == "reset" => Answer::reset(),
        status => Answer::status(
            status
                .as_u64()
                .and_then(|code| code.try_into().ok())
                .expect("a status"),
        ),
    })
}

fn start(vector: &Value, api: &ApiServer, sink: &Sink) -> Running {
    let url = sink.url() + vector["sink"]["path"].as_str().unwrap_or_default();
    let config = match vector["config_raw"].as_str() {
        Some(raw) => raw.to_owned(),
        None => vector["config"].to_string(),
    };
    let mut adapter = launch(api, &url).env("K_SOURCE_CONFIG", &config);
    for (name, value) in vector["env"].as_object().into_iter().flatten() {
        adapter = match value.as_str() {
            Some(text) => adapter.env(name, text),
            None => adapter.without(name),
        };
    }
    adapter.start()
}

/// Waits until all is said and nothing more arrives; gives whether the adapter still runs.
fn watch(vector: &Value, api: &ApiServer, sink: &Sink, running: &mut Running) -> bool {
    let settle = Duration::from_secs_f64(vector["settle_s"].as_f64().unwrap_or(1.2));
    let started = Instant::now();
    let mut last = (0, Instant::now());
    while started.elapsed() < LONGEST && last.1.elapsed() < settle {
        if running.process.exited().is_some() {
            return false;
        }
        let seen = sink.requests().len();
        if seen != last.0 || !api.scripts_are_used_up() {
            last = (seen, Instant::now());
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

/// What every request must have.
fn check_requests(expect: &Value, source: &str, requests: &[Request], problems: &mut Vec<String>) {
    let target = expect["sink_target"].as_str().unwrap_or("/");
    for request in requests {
        let header = |name: &str| request.headers.get(name);
        let fixed = [
            ("ce-source", source),
            ("ce-specversion", "1.0"),
            ("content-type", "application/json"),
            ("kn-namespace", "src-ns"),
        ];
        let fixed = fixed.iter().map(|(name, value)| (*name, *value));
        let asked = expect["sink_headers"].as_object().into_iter().flatten();
        let asked = asked.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
        for (name, value) in fixed.chain(asked) {
            if header(name).as_deref() != Some(value) {
                problems.push(format!("{name} is {:?}, not {value:?}", header(name)));
            }
        }
        if request.method != "POST" || request.path != target {
            problems.push(format!(
                "{} {}, not POST {target}",
                request.method, request.path
            ));
        }
        if header("ce-time").is_none_or(|time| !time.ends_with('Z')) {
            problems.push(format!("ce-time is {:?}", header("ce-time")));
        }
    }
}

/// The first request of each event, in order.
fn first_attempts(requests: &[Request]) -> Vec<&Request> {
    let mut ids = Vec::new();
    let mut first = Vec::new();
    for request in requests {
        let id = request.headers.get("ce-id");
        if !ids.contains(&id) {
            ids.push(id);
            first.push(request);
        }
    }
    first
}

fn check_events(expect: &Value, requests: &[Request], problems: &mut Vec<String>) {
    let list = |name: &str| expect[name].as_array().cloned().unwrap_or_default();
    let (mut events, mut optional) = (list("events"), list("optional_events"));
    let group = |event: &Value| {
        (
            event["extensions"]["kind"].clone(),
            event["extensions"]["namespace"].clone(),
        )
    };
    for request in first_attempts(requests) {
        let event = event(request);
        if let Some(at) = events.iter().position(|expected| *expected == event) {
            if events[..at]
                .iter()
                .any(|earlier| group(earlier) == group(&event))
            {
                problems.push(format!("too early: {event}"));
            }
            events.remove(at);
        } else if let Some(at) = optional.iter().position(|expected| *expected == event) {
            optional.remove(at);
        } else {
            problems.push(format!("not expected: {event}"));
        }
    }
    problems.extend(events.iter().map(|event| format!("missing: {event}")));
}

/// A request as a vector describes an event.
fn event(request: &Request) -> Value {
    let extensions: BTreeMap<String, String> = request
        .headers
        .raw()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| name.starts_with("ce-") && !STANDARD.contains(&name.as_str()))
        .map(|(name, value)| {
            (
                name[3..].to_owned(),
                String::from_utf8_lossy(value).into_owned(),
            )
        })
        .collect();
    json!({
        "type": request.headers.get("ce-type"),
        "subject": request.headers.get("ce-subject"),
        "extensions": extensions,
        "data": serde_json::from_slice::<Value>(&request.body).expect("JSON"),
    })
}

/// Which event each request was for, and what it was answered; repeats are the same in all bytes.
fn check_attempts(
    expect: &Value,
    vector: &Value,
    requests: &[Request],
    problems: &mut Vec<String>,
) {
    let first = first_attempts(requests);
    let mut attempts = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let id = request.headers.get("ce-id");
        let at = first
            .iter()
            .position(|first| first.headers.get("ce-id") == id)
            .expect("seen");
        let same = |name: &str| request.headers.get(name) == first[at].headers.get(name);
        if request.body != first[at].body || !same("ce-time") || !same("ce-type") {
            problems.push(format!("an attempt differs from the first: {request:?}"));
        }
        let answer = match &vector["sink"]["responses"][number] {
            Value::Null => json!(202),
            answer => answer.clone(),
        };
        attempts.push(json!([at, answer]));
    }
    if !expect["attempts"].is_null() && expect["attempts"] != json!(attempts) {
        problems.push(format!("attempts {attempts:?}, not {}", expect["attempts"]));
    }
}

fn check_calls(vector: &Value, api: &ApiServer, problems: &mut Vec<String>) {
    let expect = &vector["expect"];
    let calls = api.calls();
    for wanted in expect["requests"].as_array().into_iter().flatten() {
        let query = wanted["query"].as_object().expect("query values");
        let found = calls.iter().any(|call| {
            wanted["path"] == call.path.as_str()
                && query.iter().all(|(name, value)| {
                    call.query
                        .get(name)
                        .is_some_and(|text| *value == text.as_str())
                })
        });
        if !found {
            problems.push(format!("not asked: {wanted}"));
        }
    }
    for path in expect["no_requests"].as_array().into_iter().flatten() {
        if calls
            .iter()
            .any(|call| call.method == "GET" && *path == call.path.as_str())
        {
            problems.push(format!("asked: {path}"));
        }
    }
    let collections = &vector["apiserver"]["collections"];
    let lists = calls
        .iter()
        .filter(|call| call.is_list() && !collections[&call.path].is_null())
        .count();
    if expect["lists"]
        .as_u64()
        .is_some_and(|most| lists as u64 > most)
    {
        problems.push(format!("{lists} lists"));
    }
    if let Some(wanted) = expect["token_requests"].as_array() {
        let asked = calls.iter().filter(|call| call.method == "POST");
        let asked: Vec<Value> = asked
            .map(|call| {
                let spec = &call.json()["spec"];
                let [audiences, seconds] =
                    ["audiences", "expirationSeconds"].map(|name| spec[name].clone());
                json!({
                    "path": call.path,
                    "body": {"spec": {"audiences": audiences, "expirationSeconds": seconds}},
                })
            })
            .collect();
        if asked != *wanted {
            problems.push(format!("token requests {asked:?}, not {wanted:?}"));
        }
    }
}
