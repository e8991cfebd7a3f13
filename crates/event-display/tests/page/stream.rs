//! Server-sent events: from the history on, resumed, missed, ended.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{Launch, Signal, eventually, free_port};

use crate::support::{DEADLINE, Display};
use crate::{ON, post, start};

#[test]
fn a_stream_begins_with_the_history_and_goes_on() {
    let display = start();
    for id in ["1", "2", "3"] {
        post(&display, &[("ce-id", id)], b"x");
    }
    let mut stream = display.stream("/events/stream", &[]);
    let epoch = stream.hello();
    let first = stream.next().expect("an event");
    assert_eq!(first.id, format!("{epoch}-1"));
    assert_eq!(
        (&first.data["key"], &first.data["event"]["id"]),
        (&json!(first.id), &json!("1"))
    );
    assert_eq!([stream.next_id(), stream.next_id()], ["2", "3"]);
    let posted = Instant::now();
    post(&display, &[("ce-id", "4")], b"x");
    assert_eq!(stream.next_id(), "4");
    assert!(
        posted.elapsed() < Duration::from_secs(1),
        "{:?}",
        posted.elapsed()
    );
    assert_eq!(display.json("/stats")["viewers"], 1);
    drop(stream);
    // Only what is new, and only of one type.
    let mut filtered = display.stream("/events/stream?limit=1&type=u&view=rows", &[]);
    filtered.hello();
    post(&display, &[("ce-id", "5")], b"x");
    post(&display, &[("ce-id", "6"), ("ce-type", "u")], b"x");
    let next = filtered.next().expect("an event");
    assert!(next.data["id"] == "6" && next.data["event"].is_null());
    drop(filtered);
    // Who has gone is forgotten as soon as there is something to say.
    eventually("nobody is looking", DEADLINE, || {
        post(&display, &[("ce-type", "u")], b"");
        std::thread::sleep(Duration::from_millis(50));
        (display.json("/stats")["viewers"] == 0).then_some(())
    });
}

#[test]
fn a_stream_resumes_behind_the_last_event_id() {
    let display = start();
    for id in ["1", "2", "3"] {
        post(&display, &[("ce-id", id)], b"");
    }
    let mut first = display.stream("/events/stream", &[]);
    first.hello();
    first.next();
    let second = first.next().expect("an event").id;
    drop(first);
    let mut resumed = display.stream("/events/stream", &[("Last-Event-ID", &second)]);
    resumed.hello();
    assert_eq!(resumed.next_id(), "3");
    let mut resumed = display.stream(&format!("/events/stream?after={second}"), &[]);
    resumed.hello();
    assert_eq!(resumed.next_id(), "3");
    // Of another run, or no key at all: from the beginning.
    for other in ["00000000-3", "nonsense", "00000000-18446744073709551615"] {
        let mut resumed = display.stream("/events/stream", &[("Last-Event-ID", other)]);
        resumed.hello();
        assert_eq!(resumed.next_id(), "1", "{other}");
    }
}

#[test]
fn what_was_missed_is_told() {
    let display = Display::start(&[ON, ("HISTORY_EVENTS", "5")]);
    let mut stream = display.stream("/events/stream", &[]);
    let epoch = stream.hello();
    for id in 1..=12 {
        post(&display, &[("ce-id", &id.to_string())], b"");
    }
    let key = format!("{epoch}-2");
    let mut late = display.stream("/events/stream", &[("Last-Event-ID", &key)]);
    late.hello();
    let missed = late.next().expect("a message");
    assert_eq!(
        (&*missed.event, &missed.data["count"]),
        ("missed", &json!(5))
    );
    assert_eq!(late.next_id(), "8");
}

#[test]
fn a_viewer_that_does_not_read_delays_nobody() {
    let display = Display::start(&[ON, ("HISTORY_EVENTS", "100")]);
    let mut lazy: Vec<_> = (0..5)
        .map(|_| display.stream("/events/stream", &[]))
        .collect();
    let memory = display.process.resident();
    let data = vec![b'x'; 10_000];
    let slowest = (0..2000).map(|_| {
        let began = Instant::now();
        post(&display, &[], &data);
        began.elapsed()
    });
    let slowest = slowest.max().expect("some");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    // What waits for the lazy ones is in their connections, not here.
    let grown = display.process.resident().saturating_sub(memory);
    assert!(grown < 16 << 20, "{grown} bytes");
    // Each event is either there or counted as missed.
    let lazy = &mut lazy[0];
    lazy.hello();
    let (mut seen, mut missed) = (0, 0);
    while seen + missed < 2000 {
        match lazy.next().expect("a message").data["count"].as_u64() {
            Some(count) => missed += count,
            None => seen += 1,
        }
    }
    assert!(seen + missed == 2000 && missed > 100, "{seen} and {missed}");
}

#[test]
fn streams_end_with_the_program_and_begin_anew() {
    let port = free_port().to_string();
    let binary = || {
        Launch::new(env!("CARGO_BIN_EXE_event-display"))
            .env(ON.0, ON.1)
            .env("PORT", &port)
    };
    let mut display = Display::launch(binary());
    post(&display, &[("ce-id", "old")], b"");
    let mut stream = display.stream("/events/stream", &[]);
    let epoch = stream.hello();
    let key = stream.next().expect("an event").id;
    display.process.signal(Signal::TERM);
    assert_eq!(display.process.wait(Duration::from_secs(5)).code, Some(0));
    assert_eq!(stream.next(), None);
    let stderr = display.process.stderr().text();
    assert!(!stderr.contains("cut off"), "{stderr}");
    let display = Display::launch(binary());
    post(&display, &[("ce-id", "new")], b"");
    let mut stream = display.stream("/events/stream", &[("Last-Event-ID", &key)]);
    assert_ne!(stream.hello(), epoch);
    assert_eq!(stream.next_id(), "new");
}
