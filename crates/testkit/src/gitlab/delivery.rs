//! Hooks on their way: what an instance posts to the addresses that were registered, and the two
//! requests by which a program beside it asks for that. Plain HTTP only.

use std::io;
use std::sync::{Mutex, atomic};

use serde_json::{Map, Value, json};

use super::{GitLab, State, bare, lock, said};
use crate::answer::Answer;
use crate::client::exchange;
use crate::http::{Reply, Request};

/// The flag of each event, where it is not the event's name in lower case with `_events`.
const UNLIKE: [(&str, &str); 5] = [
    ("Issue", "issues_events"),
    ("Confidential Issue", "confidential_issues_events"),
    ("Merge Request", "merge_requests_events"),
    ("Release", "releases_events"),
    ("Resource Access Token", "resource_access_token_events"),
];

impl GitLab {
    /// Sends a body to every hook that is switched on for the event (`Push Hook`), with its token,
    /// as an instance does. Gives each hook's number with the status that it got, or the reason why
    /// none came.
    pub fn deliver(&self, event: &str, body: &[u8]) -> Vec<(u64, Result<u16, String>)> {
        deliver(&self.state, event, None, body)
    }
}

/// Answers the requests of [`GitLab::remote`]; `None` for those of GitLab's own API.
pub(super) fn command(state: &Mutex<State>, request: &Request) -> Option<Answer> {
    match (request.method.as_str(), bare(&request.path)) {
        ("GET", "/_hooks") => {
            let hooks = lock(state).hooks.clone();
            Some(said(
                200,
                &hooks.into_iter().map(Value::Object).collect::<Value>(),
            ))
        }
        ("POST", "/_deliver") => {
            let Some(event) = parameter(&request.path, "event") else {
                return Some(said(400, &json!({"error": "event is missing"})));
            };
            let through = parameter(&request.path, "through");
            let sent = deliver(state, &event, through.as_deref(), &request.body);
            let told = sent.into_iter().map(|(id, outcome)| match outcome {
                Ok(status) => json!({"id": id, "status": status}),
                Err(reason) => json!({"id": id, "error": reason}),
            });
            Some(said(200, &told.collect::<Value>()))
        }
        _ => None,
    }
}

/// `through` stands in for the host of the registered address, where only others can resolve it.
fn deliver(
    state: &Mutex<State>,
    event: &str,
    through: Option<&str>,
    body: &[u8],
) -> Vec<(u64, Result<u16, String>)> {
    let flag = flag(event);
    // A copy: who takes a hook may ask this instance for something meanwhile.
    let hooks = lock(state).hooks.clone();
    let wanted = hooks
        .iter()
        .filter(|hook| hook.get(&flag) == Some(&json!(true)));
    wanted
        .map(|hook| {
            let id = hook["id"].as_u64().expect("a number");
            let outcome = post(hook, event, through, body);
            (
                id,
                outcome
                    .map(|reply| reply.status)
                    .map_err(|error| error.to_string()),
            )
        })
        .collect()
}

fn flag(event: &str) -> String {
    let name = event.strip_suffix(" Hook").unwrap_or(event);
    let unlike = UNLIKE.iter().find(|(unlike, _)| *unlike == name);
    unlike.map_or_else(
        || format!("{}_events", name.to_lowercase().replace(' ', "_")),
        |(_, flag)| (*flag).to_owned(),
    )
}

fn post(
    hook: &Map<String, Value>,
    event: &str,
    through: Option<&str>,
    body: &[u8],
) -> io::Result<Reply> {
    let url = hook["url"].as_str().unwrap_or_default();
    let rest = url
        .strip_prefix("http://")
        .ok_or_else(|| io::Error::other(format!("{url} is no http address")))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = through.unwrap_or(host);
    let token = hook.get("token").and_then(Value::as_str);
    let token = token.map_or_else(String::new, |token| format!("X-Gitlab-Token: {token}\r\n"));
    let key = delivery_key();
    let mut bytes = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: GitLab/18.9.1-ee\r\n\
         Content-Type: application/json\r\nX-Gitlab-Event: {event}\r\n{token}\
         X-Gitlab-Event-UUID: {key}\r\nIdempotency-Key: {key}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    let port = if host.contains(':') { "" } else { ":80" };
    exchange(format!("{host}{port}"), &bytes)
}

/// Looks like a UUID and is a new one each time, which is all that anybody can tell.
fn delivery_key() -> String {
    static NEXT: atomic::AtomicU64 = atomic::AtomicU64::new(1);
    let number = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
    let process = std::process::id();
    format!("{process:08x}-0000-4000-8000-{number:012x}")
}

/// A parameter of the query, with `+` and `%20` as blanks.
fn parameter(path: &str, name: &str) -> Option<String> {
    let (_, query) = path.split_once('?')?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.replace("%20", " ").replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sink;

    #[test]
    fn each_event_has_its_flag() {
        for (event, expected) in [
            ("Push Hook", "push_events"),
            ("Tag Push Hook", "tag_push_events"),
            ("Confidential Issue Hook", "confidential_issues_events"),
            ("Wiki Page Hook", "wiki_page_events"),
            ("Release Hook", "releases_events"),
        ] {
            assert_eq!(flag(event), expected);
        }
    }

    #[test]
    fn a_hook_is_posted_to_the_registered_address_with_its_token() {
        let receiver = Sink::start([Answer::status(202)]);
        let gitlab = GitLab::remote("127.0.0.1:0", "group/app", "access").unwrap();
        let hook = json!({"url": format!("{}/in", receiver.url()), "token": "secret",
            "push_events": false, "tag_push_events": true});
        let add = format!(
            "POST /api/v4/projects/group%2Fapp/hooks HTTP/1.1\r\nPRIVATE-TOKEN: access\r\n\
             Content-Length: {}\r\n\r\n{hook}",
            hook.to_string().len()
        );
        let address = gitlab.sink.address();
        assert_eq!(exchange(address, add.as_bytes()).unwrap().status, 201);

        let say = |event: &str| {
            let request =
                format!("POST /_deliver?event={event} HTTP/1.1\r\nContent-Length: 2\r\n\r\n{{}}");
            exchange(address, request.as_bytes()).unwrap().text()
        };
        assert_eq!(say("Push+Hook"), "[]", "it is switched off");
        assert_eq!(say("Tag%20Push%20Hook"), r#"[{"id":1,"status":202}]"#);
        let requests = receiver.requests();
        assert_eq!((requests.len(), requests[0].path.as_str()), (1, "/in"));
        let header = |name| requests[0].headers.get(name).unwrap_or_default();
        assert_eq!(header("x-gitlab-token"), "secret");
        assert_eq!(header("x-gitlab-event"), "Tag Push Hook");
        let hooks = crate::get(address, "/_hooks").unwrap().text();
        assert!(hooks.contains("\"secret\""), "{hooks}");
    }
}
