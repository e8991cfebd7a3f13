//! The contract's vectors against the real binary: all of them with synchronous delivery, and all
//! but those that assume it with the outbox.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a panic in a test"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use ring::hmac;
use serde::Deserialize;
use testkit::{Answer, Reply, Request, Sink, exchange};

use common::{DATA, Hook, Receiver, payload};

/// Receivers at once: many vectors only wait.
const WORKERS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct File {
    env_default: BTreeMap<String, Option<String>>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    title: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, Option<String>>,
    requests: Vec<Sent>,
    #[serde(default)]
    sink: SinkScript,
    expect: Expect,
}

#[derive(Deserialize)]
struct Sent {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body_file: Option<String>,
    body_text: Option<String>,
    body_generate: Option<Generate>,
    #[serde(default)]
    chunked: bool,
    sign: Option<Sign>,
}

#[derive(Deserialize)]
struct Generate {
    kind: String,
    bytes: usize,
}

#[derive(Deserialize)]
struct Sign {
    key: String,
    id_from: String,
    timestamp: String,
    over_body_text: Option<String>,
}

#[derive(Deserialize, Default)]
struct SinkScript {
    #[serde(default)]
    statuses: Vec<u16>,
    #[serde(default)]
    repeat_last: bool,
    #[serde(default)]
    body: String,
    #[serde(default)]
    delay_seconds: u64,
}

#[derive(Deserialize)]
struct Expect {
    status: Vec<u16>,
    events: Vec<Event>,
    sink_requests: Option<[usize; 2]>,
    max_seconds: Option<f64>,
    #[serde(default)]
    or_startup_failure: bool,
    response_body: Option<String>,
    #[serde(default)]
    response_body_excludes: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    ty: String,
    source: String,
    specversion: String,
    datacontenttype: String,
    extensions: BTreeMap<String, String>,
    id_rule: String,
    time_rule: String,
    data: String,
    #[serde(default)]
    http_headers: BTreeMap<String, String>,
    repeats: Option<String>,
}

#[test]
fn default_mode() {
    let vectors = all();
    assert_eq!(vectors.vectors.len(), 75);
    run(&vectors, |_| true, false);
}

#[test]
fn outbox() {
    let is_for_all = |vector: &Vector| vector.tags.iter().all(|tag| tag != "sync-delivery");
    run(&all(), is_for_all, true);
}

fn all() -> File {
    let text = fs::read(format!("{DATA}/gitlab-vectors.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn run(file: &File, wanted: impl Fn(&Vector) -> bool, with_outbox: bool) {
    let vectors: Vec<&Vector> = file
        .vectors
        .iter()
        .filter(|vector| wanted(vector))
        .collect();
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(vector) = vectors.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(reason) = check(vector, &file.env_default, with_outbox) {
                        let failure = format!("{} ({}): {reason}", vector.id, vector.title);
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn check(
    vector: &Vector,
    default: &BTreeMap<String, Option<String>>,
    with_outbox: bool,
) -> Result<(), String> {
    let sink = script(&vector.sink);
    let spool = tempfile::tempdir().unwrap();
    let mut env = default.clone();
    env.extend(vector.env.clone());
    if with_outbox {
        env.insert(
            "SPOOL_DIR".to_owned(),
            Some(spool.path().to_str().unwrap().to_owned()),
        );
    }
    let env: Vec<(String, String)> = env
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.replace("${SINK}", &sink.url()))))
        .collect();
    let mut receiver = Receiver::launch(
        env.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    if vector.expect.or_startup_failure {
        return started_in_vain(&mut receiver, vector);
    }
    receiver.wait_until_open();
    let hooks: Vec<Hook> = vector.requests.iter().map(hook).collect();
    for hook in &hooks {
        let sent = Instant::now();
        let reply = exchange(receiver.address, &hook.bytes()).map_err(|error| error.to_string())?;
        answered(&reply, sent.elapsed(), vector, &sink)?;
    }
    let [least, most] = vector
        .expect
        .sink_requests
        .unwrap_or([vector.expect.events.len(), usize::MAX]);
    let requests = sink.wait_for(least, PATIENCE);
    if vector.expect.events.is_empty() {
        thread::sleep(Duration::from_millis(100));
    }
    let requests = if requests.len() < sink.requests().len() {
        sink.requests()
    } else {
        requests
    };
    want(requests.len() <= most, || {
        format!("{} sink requests", requests.len())
    })?;
    arrived(&requests, &hooks, vector)
}

fn script(script: &SinkScript) -> Sink {
    let answer = |status: u16| {
        Answer::status(status)
            .body(script.body.clone())
            .after(Duration::from_secs(script.delay_seconds))
    };
    let mut answers: Vec<Answer> = script
        .statuses
        .iter()
        .map(|status| answer(*status))
        .collect();
    if !script.repeat_last || answers.is_empty() {
        answers.push(Answer::status(202));
    }
    Sink::start(answers)
}

/// Refusing to start passes too, if the message names the variable.
fn started_in_vain(receiver: &mut Receiver, vector: &Vector) -> Result<(), String> {
    let exit = receiver.process.wait(PATIENCE);
    let (text, name) = (
        receiver.process.stderr().text(),
        vector.env.keys().next().unwrap(),
    );
    want(exit.code.is_some_and(|code| code != 0), || {
        format!("{exit:?}")
    })?;
    want(text.contains(name.as_str()), || {
        format!("{name} is not named in {text}")
    })
}

fn hook(sent: &Sent) -> Hook {
    let body = match (&sent.body_file, &sent.body_text, &sent.body_generate) {
        (Some(file), _, _) => Some(payload(file)),
        (_, Some(text), _) => Some(text.clone().into_bytes()),
        (_, _, Some(generate)) => Some(generated(generate)),
        _ => None,
    };
    let mut headers = sent.headers.clone();
    if let Some(sign) = &sent.sign {
        headers.extend(signed(sign, &headers, body.as_deref().unwrap_or_default()));
    }
    Hook {
        method: sent.method.clone(),
        path: sent.path.clone(),
        headers,
        body,
        chunked: sent.chunked,
    }
}

fn generated(generate: &Generate) -> Vec<u8> {
    assert_eq!(generate.kind, "padded_object");
    let (start, end) = (r#"{"object_kind":"push","pad":""#, r#""}"#);
    let pad = "x".repeat(generate.bytes - start.len() - end.len());
    [start, &pad, end].concat().into_bytes()
}

fn signed(sign: &Sign, headers: &[(String, String)], body: &[u8]) -> Vec<(String, String)> {
    let id = &headers
        .iter()
        .find(|(name, _)| *name == sign.id_from)
        .unwrap()
        .1;
    let late = sign.timestamp.strip_prefix("now").unwrap();
    let late: i64 = if late.is_empty() {
        0
    } else {
        late.parse().unwrap()
    };
    let time = (Utc::now().timestamp() + late).to_string();
    let key = BASE64_STANDARD
        .decode(sign.key.strip_prefix("whsec_").unwrap())
        .unwrap();
    let body = sign.over_body_text.as_ref().map_or(body, String::as_bytes);
    let text = [id.as_bytes(), b".", time.as_bytes(), b".", body].concat();
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &text);
    vec![
        ("webhook-id".to_owned(), id.clone()),
        ("webhook-timestamp".to_owned(), time),
        (
            "webhook-signature".to_owned(),
            format!("v1,{}", BASE64_STANDARD.encode(tag)),
        ),
    ]
}

fn answered(reply: &Reply, took: Duration, vector: &Vector, sink: &Sink) -> Result<(), String> {
    let expect = &vector.expect;
    want(expect.status.contains(&reply.status), || {
        format!("status {}", reply.status)
    })?;
    if let Some(limit) = expect.max_seconds {
        want(took.as_secs_f64() <= limit, || format!("took {took:?}"))?;
    }
    let text = reply.text();
    if let Some(body) = &expect.response_body {
        want(text == *body, || format!("answered {text:?}"))?;
    }
    expect.response_body_excludes.iter().try_for_each(|part| {
        let part = part.replace("${SINK_HOST}", &sink.address().to_string());
        want(!text.contains(&part), || format!("{part:?} in {text:?}"))
    })
}

fn arrived(requests: &[Request], hooks: &[Hook], vector: &Vector) -> Result<(), String> {
    let mut left = requests;
    let mut ids = Vec::new();
    for (event, hook) in vector.expect.events.iter().zip(hooks) {
        let Some((first, rest)) = left.split_first() else {
            return Err("an event is missing".into());
        };
        matches(first, event, hook)?;
        let id = first.headers.get("ce-id").unwrap_or_default();
        want(event.id_rule != "unique" || !ids.contains(&id), || {
            format!("id {id} twice")
        })?;
        ids.push(id);
        left = rest;
        while event.repeats.as_deref() == Some("same_id")
            && let Some((again, rest)) = left.split_first()
        {
            want(
                attributes(again) == attributes(first) && again.body == first.body,
                || format!("{:?} differs from {:?}", again.headers, first.headers),
            )?;
            left = rest;
        }
    }
    want(left.is_empty(), || {
        format!("{} events too many", left.len())
    })
}

fn attributes(request: &Request) -> BTreeMap<String, Vec<u8>> {
    let named = request
        .headers
        .raw()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value));
    named
        .filter_map(|(name, value)| Some((name.strip_prefix("ce-")?.to_owned(), value.clone())))
        .collect()
}

fn matches(request: &Request, event: &Event, hook: &Hook) -> Result<(), String> {
    let sent = hook.body.as_deref().unwrap_or_default();
    want(event.data == "request_body" && request.body == sent, || {
        "the data differs".to_owned()
    })?;
    want(request.method == "POST", || {
        format!("{} to the sink", request.method)
    })?;
    let mut found: BTreeMap<String, String> = attributes(request)
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let mut take = |name: &str| found.remove(name).unwrap_or_default();
    let (id, time) = (take("id"), take("time"));
    for (name, expected) in [
        ("type", &event.ty),
        ("source", &event.source),
        ("specversion", &event.specversion),
    ] {
        let value = take(name);
        want(value == *expected, || format!("{name} is {value:?}"))?;
    }
    want(found == event.extensions, || {
        format!("extensions {found:?}")
    })?;
    let headers = event.http_headers.clone();
    for (name, expected) in headers
        .into_iter()
        .chain([("content-type".to_owned(), event.datacontenttype.clone())])
    {
        let value = request.headers.get(&name);
        want(value.as_ref() == Some(&expected), || {
            format!("{name} is {value:?}")
        })?;
    }
    assert_eq!(event.time_rule, "rfc3339_utc_near_now");
    let parsed: DateTime<Utc> = time.parse().map_err(|_| format!("time {time:?}"))?;
    let is_near = (Utc::now() - parsed).num_seconds().abs() <= 120 && time.ends_with('Z');
    want(is_near, || format!("time {time:?}"))?;
    want(id_follows(&event.id_rule, &id, hook), || {
        format!("id {id:?}, not {}", event.id_rule)
    })
}

fn id_follows(rule: &str, id: &str, hook: &Hook) -> bool {
    match rule.split_once(':') {
        Some(("header", name)) => hook
            .headers
            .iter()
            .any(|(n, value)| n.eq_ignore_ascii_case(name) && value == id),
        None if rule == "uuid" => id.len() == 36 && uuid_like(id),
        None => !id.is_empty(),
        Some(_) => panic!("an unknown rule {rule}"),
    }
}

fn uuid_like(id: &str) -> bool {
    id.char_indices().all(|(at, letter)| match at {
        8 | 13 | 18 | 23 => letter == '-',
        _ => letter.is_ascii_hexdigit(),
    })
}

fn want(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
