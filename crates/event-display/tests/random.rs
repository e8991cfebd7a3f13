//! Ten thousand random requests: never a crash, never a hang, every answer one of the contract's.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::value::RawValue;
use support::viewer::JSON;
use support::{Answer, Display, event};

const THREADS: u32 = 4;
const REQUESTS: u32 = 10_000;
const LIMIT: (&str, &str) = ("MAX_BODY_BYTES", "5000");

/// Statuses of event-display.md 4 to 6; 413 of `MAX_BODY_BYTES`, and hyper's 414.
const STATUSES: [u16; 10] = [200, 204, 400, 405, 413, 414, 415, 417, 431, 500];

/// How often each status was answered.
type Statuses = BTreeMap<u16, u32>;

#[test]
fn random_requests() {
    check(&Display::start(&[LIMIT]), REQUESTS);
}

/// All of them are shown, too, without a panic and as valid JSON.
#[test]
fn random_requests_with_the_page_on() {
    let display = Display::start(&[LIMIT, ("DISPLAY_UI", "true"), ("HISTORY_EVENTS", "20000")]);
    check(&display, REQUESTS / 5);
    let kept = display.json("/stats")["history"]["events"].as_u64();
    for view in ["rows", "all"] {
        let reply = display.get(&format!("/events?limit=20000&view={view}"), &[JSON]);
        let list: List = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(Some(list.events.len() as u64), kept);
    }
    let rows = display.json("/events?limit=300&view=rows");
    for row in rows["events"].as_array().expect("a list") {
        let entry = row["key"].as_str().expect("a key");
        let reply = display.get(&format!("/events/{entry}"), &[JSON]);
        serde_json::from_slice::<&RawValue>(&reply.body).expect("JSON");
    }
    let stderr = display.process.stderr().text();
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Events as they are: a number may be too large for a parser and still be JSON.
#[derive(serde::Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

fn check(display: &Display, requests: u32) {
    let mut statuses = Statuses::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| send_many(display, requests / THREADS)))
            .collect();
        for thread in threads {
            for (status, count) in thread.join().expect("the reason is above") {
                *statuses.entry(status).or_default() += count;
            }
        }
    });
    assert_eq!(display.ask(&event(&[], b"alive")).status, 200);
    for status in [200, 204, 400, 405, 413, 415, 417, 500] {
        assert!(
            statuses.contains_key(&status),
            "no {status} among {statuses:?}"
        );
    }
    let stderr = display.process.stderr().text();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let memory = display.process.peak_resident();
    assert!(memory < 64 << 20, "{memory} bytes");
}

fn send_many(display: &Display, count: u32) -> Statuses {
    let statuses = RefCell::new(Statuses::new());
    let config = Config {
        cases: count,
        failure_persistence: None,
        ..Config::default()
    };
    let requests = prop_oneof![8 => plausible(), 2 => mangled(), 1 => noise()];
    let result = TestRunner::new(config).run(&requests, |wire| {
        // Closing our side tells the server that no more will come, so that it never waits.
        let bytes = display.send_half(&wire);
        // What holds no whole request may get no answer, but nothing else than one either.
        if bytes.is_empty() {
            prop_assert!(
                !has_whole_request(&wire),
                "no answer to {}",
                wire.escape_ascii()
            );
            return Ok(());
        }
        let Some(answer) = Answer::parse(&bytes) else {
            return Err(TestCaseError::fail(format!(
                "no answer but {}",
                bytes.escape_ascii()
            )));
        };
        prop_assert!(STATUSES.contains(&answer.status), "{answer:?}");
        *statuses.borrow_mut().entry(answer.status).or_default() += 1;
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    statuses.into_inner()
}

/// Good enough for the server to have to say something.
fn has_whole_request(wire: &[u8]) -> bool {
    let text = String::from_utf8_lossy(wire);
    text.starts_with("POST / HTTP/1.1\r\n") && text.contains("\r\n\r\n")
}

/// A request with all its parts, most of them sensible.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let method = prop_oneof![
        5 => Just("POST".to_owned()),
        1 => "PUT|HEAD|GET|OPTIONS|DELETE|PATCH|BREW|CONNECT|TRACE",
    ];
    let target = prop_oneof![
        10 => Just("/".to_owned()),
        1 => Just("/healthz".to_owned()),
        1 => "(/[a-z%.?/*#]{0,8}|\\*|http://[a-z:\\[\\]@]{0,6}/[a-z]{0,3}|[a-z:]{0,5})",
    ];
    let version = prop_oneof![
        20 => Just("HTTP/1.1".to_owned()),
        1 => "HTTP/(1\\.0|2\\.0|1|1\\.2)",
    ];
    let headers = proptest::collection::vec(header(), 0..6);
    let body = prop_oneof![
        3 => Just(Vec::new()),
        3 => "[ -~é\n]{0,60}".prop_map(String::into_bytes),
        3 => structured().prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (4990usize..5010).prop_map(|length| vec![b'x'; length]),
    ];
    (
        method,
        target,
        version,
        any::<bool>(),
        headers,
        any::<bool>(),
        body,
    )
        .prop_map(
            |(method, target, version, required, headers, chunked, body)| {
                let mut text =
                    format!("{method} {target} {version}\r\nHost: x\r\nConnection: close\r\n");
                if required {
                    text += "ce-specversion: 1.0\r\nce-id: 1\r\nce-type: t\r\nce-source: /s\r\n";
                }
                for (name, value) in headers {
                    text.extend([&*name, ": ", &value, "\r\n"]);
                }
                if chunked {
                    let chunk = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
                    let end: &[u8] = if body.is_empty() {
                        b"\r\n"
                    } else {
                        b"\r\n0\r\n\r\n"
                    };
                    return [text.as_bytes(), chunk.as_bytes(), &body, end].concat();
                }
                let length = format!("Content-Length: {}\r\n\r\n", body.len());
                [text.as_bytes(), length.as_bytes(), &body].concat()
            },
        )
}

fn header() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        30 => "[cC][eE]-(subject|time|dataschema|schemaurl|data|[a-z0-9]{1,4})",
        6 => "[cC][eE]-(specversion|id|type|source|datacontenttype|datacontentencoding)",
        10 => Just("Content-Type".to_owned()),
        2 => "Expect|Content-Encoding|Trailer",
        1 => "Host|Connection|[cC][eE]-[a-z_.-]{0,4}",
        1 => "[!-~]{1,6}",
    ];
    let value = prop_oneof![
        3 => "1\\.0|0\\.3|base64|/s|now|2026-01-02T03:04:05Z|100-continue|x|",
        3 => "(application/(cloudevents|cloudevents-batch)\\+json|application/json|text/plain)(; ?[a-z=\"]{0,6})?",
        2 => "[ -~é]{0,20}",
        1 => "(https?:)?//[a-z@:%\\[\\]0-9]{0,12}/[ -~]{0,8}",
    ];
    (name, value)
}

fn structured() -> impl Strategy<Value = String> {
    let name = "specversion|id|type|source|subject|time|datacontenttype|data|data_base64|\
                dataschema|schemaurl|datacontentencoding|[a-zA-Z0-9]{0,3}|[ -!#-\\[\\]-~]{0,4}";
    let value = prop_oneof![
        "\"(1\\.0|0\\.3|t|/s|text/plain|application/json|aGk=|[ -!#-\\[\\]-~é]{0,8}|\\\\u[0-9a-f]{4})\"",
        "null|true|-?[0-9]{1,12}(\\.[0-9]{1,3})?(e[0-9]{1,3})?|\\{\\}|\\[\\[1\\],\\{\"a\":2\\}\\]",
        "[ -~]{0,4}",
    ];
    (
        any::<bool>(),
        proptest::collection::vec((name, value), 0..9),
    )
        .prop_map(|(required, members)| {
            let required = if required {
                r#""specversion":"1.0","id":"1","type":"t","source":"/s","#
            } else {
                ""
            };
            let members: Vec<_> = members
                .iter()
                .map(|(n, v)| format!("\"{n}\":{v}"))
                .collect();
            format!("{{{required}{}}}", members.join(","))
        })
}

/// A request with bytes changed, or cut off.
fn mangled() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (
        plausible(),
        changes,
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(mut wire, changes, end, is_cut)| {
            for (place, byte) in changes {
                let place = place.index(wire.len());
                wire[place] = byte;
            }
            if is_cut {
                wire.truncate(end.index(wire.len()));
            }
            wire
        })
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..300)
}
