//! Lists, single requests and counts.

use serde_json::{Value, json};

use crate::support::Display;
use crate::support::request;
use crate::support::viewer::JSON;
use crate::{ON, STRUCTURED, ids, post, start};

#[test]
fn a_list_of_events() {
    let display = start();
    for n in 0..5 {
        let ty = ["even", "odd"][n % 2];
        let id = n.to_string();
        post(&display, &[("ce-id", &id), ("ce-type", ty)], b"x");
    }
    assert_eq!(ids(&display.json("/events")), ["0", "1", "2", "3", "4"]);
    assert_eq!(ids(&display.json("/events?limit=2")), ["3", "4"]);
    assert_eq!(ids(&display.json("/events?type=odd")), ["1", "3"]);
    assert_eq!(
        ids(&display.json("/events?source=/s&type=even&limit=2")),
        ["2", "4"]
    );
    assert_eq!(ids(&display.json("/events?source=/other")), [""; 0]);
    // From list to list.
    let first = display.json("/events?limit=2");
    let oldest = first["events"][0]["key"].as_str().expect("a key");
    let next = display.json(&format!("/events?after={oldest}&limit=1"));
    assert_eq!((ids(&next), &next["last"]), (vec!["4"], &first["last"]));
    let last = next["last"].as_str().expect("a key").to_owned();
    assert_eq!(
        ids(&display.json(&format!("/events?after={last}"))),
        [""; 0]
    );
    post(&display, &[("ce-id", "5")], b"");
    assert_eq!(ids(&display.json(&format!("/events?after={last}"))), ["5"]);
    // Of another run: from the beginning.
    let other = "00000000-3";
    assert_eq!(
        ids(&display.json(&format!("/events?after={other}&limit=2"))),
        ["0", "1"]
    );
    for wrong in ["after=x", "limit=x", "limit=-1"] {
        assert_eq!(
            display.get(&format!("/events?{wrong}"), &[JSON]).status,
            400,
            "{wrong}"
        );
    }
}

#[test]
fn what_is_told_of_an_event() {
    let display = start();
    let headers = [
        ("ce-subject", "order/1"),
        ("ce-time", "2026-11-22T19:06:35.120+01:00"),
        ("ce-partitionkey", "eu"),
        ("authorization", "Bearer of-the-sender"),
        ("content-type", "application/json"),
    ];
    post(&display, &headers, b"{ \"n\": 1.50 }\n");
    let list = display.json("/events");
    let row = &list["events"][0];
    for (name, value) in [
        ("type", json!("t")),
        ("source", json!("/s")),
        ("subject", json!("order/1")),
        ("time", json!("2026-11-22T18:06:35.12Z")),
        ("extensions", json!({"partitionkey": "eu"})),
        ("size", json!(14)),
        ("status", json!(200)),
        ("mode", json!("binary")),
        ("glance", json!("{ \"n\": 1.50 }\n")),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    assert_eq!(row["event"]["data"], json!({"n": 1.5}));
    let rows = display.json("/events?view=rows");
    assert!(rows["events"][0]["event"].is_null() && rows["events"][0]["type"] == "t");
    let key = row["key"].as_str().expect("a key");
    let reply = display.get(&format!("/events/{key}"), &[JSON]);
    assert!(
        reply.text().contains(r#""data":{"n":1.50}"#),
        "{}",
        reply.text()
    );
    let whole: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let head = whole["request"]["head"].as_str().expect("a head");
    assert!(head.starts_with("POST / HTTP/1.1\r\nhost: x\r\n") && head.ends_with("\r\n\r\n"));
    assert!(head.contains("authorization: (hidden)\r\n") && !head.contains("of-the-sender"));
    assert_eq!(whole["request"]["body"], "{ \"n\": 1.50 }\n");
    assert_eq!(display.get("/events/00000000-1", &[JSON]).status, 404);
    assert_eq!(display.get("/events/x", &[JSON]).status, 404);
}

#[test]
fn structured_binary_and_long_events() {
    let display = start();
    let structured = br#"{"specversion":"1.0","type":"t","source":"/s","id":"1","flag":true,"data_base64":"AP8="}"#;
    let answer = display.ask(&request("POST", "/", &[STRUCTURED], structured));
    assert_eq!(answer.status, 200);
    post(&display, &[("ce-id", "2")], b"\x00\xff");
    post(&display, &[("ce-id", "3")], &vec![b'x'; 2 << 20]);
    let list = display.json("/events");
    let [first, second, third] = &list["events"].as_array().expect("a list")[..] else {
        panic!("three events: {list}")
    };
    assert_eq!(first["mode"], "structured");
    assert_eq!(first["event"]["data_base64"], "AP8=");
    assert_eq!(first["event"]["flag"], true);
    assert_eq!((&first["size"], &second["size"]), (&json!(2), &json!(2)));
    assert!(second["glance"].is_null() && second["event"]["data_base64"] == "AP8=");
    assert_eq!(
        (&third["cut"], &third["size"]),
        (&json!(true), &json!(2 << 20))
    );
    assert!(third["event"].is_null());
    let key = third["key"].as_str().expect("a key");
    let whole = display.json(&format!("/events/{key}"));
    assert_eq!(whole["request"]["size"], 2 << 20);
    assert_eq!(
        whole["request"]["body"].as_str().map(str::len),
        Some(64 << 10)
    );
}

#[test]
fn refused_requests_are_there_with_the_reason() {
    let display = start();
    assert_eq!(
        display
            .post(&[("ce-time", "yesterday"), ("ce-id", "A7")], b"x")
            .status,
        500
    );
    assert_eq!(display.ask(&request("POST", "/a", &[], b"x")).status, 415);
    assert_eq!(display.ask(&request("DELETE", "/", &[], b"")).status, 405);
    let broken = display.ask(&request(
        "POST",
        "/",
        &[STRUCTURED],
        br#"{"id":"B8","type":"u""#,
    ));
    assert_eq!(broken.status, 500);
    let no_id = br#"{"specversion":"1.0","type":"u","source":"/s"}"#;
    assert_eq!(
        display
            .ask(&request("POST", "/", &[STRUCTURED], no_id))
            .status,
        400
    );
    let list = display.json("/events");
    let rows = list["events"].as_array().expect("a list");
    let statuses: Vec<_> = rows.iter().map(|row| row["status"].as_u64()).collect();
    assert_eq!(statuses, [500, 415, 405, 500, 400].map(Some));
    let time = &rows[0];
    let reason = time["refused"]["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("time: not a timestamp such as 2026-11-22T18:06:35.12Z"));
    assert_eq!(time["refused"]["headers"], json!(["ce-time"]));
    assert_eq!(time["refused"]["attributes"], json!(["time"]));
    assert_eq!((&time["id"], &time["source"]), (&json!("A7"), &json!("/s")));
    assert_eq!(
        rows[1]["refused"]["headers"],
        json!(["ce-specversion", "content-type"])
    );
    assert_eq!(rows[3]["id"], "B8");
    assert_eq!(rows[4]["refused"]["attributes"], json!(["id"]));
    assert_eq!(rows[4]["refused"]["headers"], json!([]));
    // They are found by what they say of themselves.
    assert_eq!(
        display.json("/events?type=u")["events"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert_eq!(display.json("/stats")["refused"], 5);
}

#[test]
fn repeats_are_marked() {
    let display = start();
    for (id, source) in [("1", "/a"), ("1", "/b"), ("2", "/a"), ("1", "/a")] {
        post(&display, &[("ce-id", id), ("ce-source", source)], b"");
    }
    let list = display.json("/events");
    let key = &list["events"][0]["key"];
    let repeats: Vec<_> = (0..4).map(|n| &list["events"][n]["repeats"]).collect();
    assert_eq!(repeats, [&Value::Null, &Value::Null, &Value::Null, key]);
}

#[test]
fn counts() {
    let display = start();
    for ty in ["a", "b", "b"] {
        post(&display, &[("ce-type", ty)], b"12345");
    }
    let stats = display.json("/stats");
    assert_eq!(
        (&stats["printed"], &stats["refused"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(stats["bytes"], 15);
    assert_eq!(
        stats["types"],
        json!([{"name": "b", "count": 2}, {"name": "a", "count": 1}])
    );
    assert_eq!(stats["sources"], json!([{"name": "/s", "count": 3}]));
    assert_eq!(stats["history"]["events"], 3);
    assert_eq!(stats["history"]["max_events"], 1000);
    assert_eq!(stats["history"]["max_bytes"], 32 << 20);
    let counts = stats["seconds"]["types"][0]["counts"]
        .as_array()
        .expect("a list");
    let sum: u64 = counts.iter().filter_map(Value::as_u64).sum();
    assert_eq!((counts.len(), sum), (600, 2));
    assert_eq!(stats["viewers"], 0);
}

#[test]
fn the_history_is_bounded() {
    let display = Display::start(&[ON, ("HISTORY_EVENTS", "10"), ("HISTORY_BYTES", "65536")]);
    for n in 0..25 {
        post(&display, &[("ce-id", &n.to_string())], b"");
    }
    let list = display.json("/events");
    assert_eq!(ids(&list)[..2], ["15", "16"]);
    assert_eq!(ids(&list).len(), 10);
    let first = list["last"].as_str().expect("a key").replace("-25", "-3");
    let behind = display.json(&format!("/events?after={first}"));
    assert_eq!((&behind["missed"], ids(&behind).len()), (&json!(12), 10));
    for _ in 0..20 {
        post(&display, &[], &[b'x'; 10_000]);
    }
    let history = &display.json("/stats")["history"];
    assert!(history["bytes"].as_u64() <= Some(65_536), "{history}");
    assert!(history["events"].as_u64() <= Some(5), "{history}");
}
