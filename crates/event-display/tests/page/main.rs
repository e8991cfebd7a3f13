//! The page as scripts see it, and lines of JSON on stdout (docs/event-display.md).

#[path = "../support/mod.rs"]
mod support;

mod door;
mod list;
mod stream;

use serde_json::Value;

use crate::support::{Display, request};

const ON: (&str, &str) = ("DISPLAY_UI", "true");
const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json");

fn start() -> Display {
    Display::start(&[ON])
}

/// Posts an event and says that it was taken.
#[track_caller]
fn post(display: &Display, headers: &[(&str, &str)], body: &[u8]) {
    assert_eq!(display.post(headers, body).status, 200);
}

fn ids(list: &Value) -> Vec<&str> {
    let events = list["events"].as_array().expect("a list");
    events
        .iter()
        .map(|event| event["id"].as_str().expect("an id"))
        .collect()
}

#[test]
fn jsonl() {
    let mut display = Display::start(&[("DISPLAY_FORMAT", "jsonl")]);
    let json = ("content-type", "application/json");
    post(
        &display,
        &[json, ("ce-x", "\u{9b}2Jé")],
        b"{ \"b\": 1e400,\n \"a\": \"\xc2\x9b\" }\n",
    );
    let line = r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","datacontenttype":"application/json","x":"\u009b2Jé","data":{"b":1e400,"a":"\u009b"}}"#;
    assert_eq!(
        String::from_utf8_lossy(&display.printed(1)),
        format!("{line}\n")
    );
    post(
        &display,
        &[("content-type", "text/plain")],
        b"\x1b[2J\r\nforged",
    );
    let printed = display.printed(1);
    let line: Value = serde_json::from_slice(&printed).expect("one line");
    assert_eq!(line["data"], "\u{1b}[2J\r\nforged");
    assert_eq!(printed.iter().filter(|b| b.is_ascii_control()).count(), 1);
    // A refused event is none.
    assert_eq!(display.post(&[("ce-time", "x")], b"").status, 500);
    // What is printed can be posted again.
    let answer = display.ask(&request("POST", "/", &[STRUCTURED], &printed));
    assert_eq!(answer.status, 200);
    assert_eq!(display.printed(1), printed);
}
