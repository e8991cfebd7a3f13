//! Events as they come: heartbeats, pause, a restart, fifty a second.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Launch, Process, Signal, free_port};

use crate::support::{DEADLINE, Display};
use crate::visit::{ENTER, ESCAPE, ORDER, ROWS, Visit};

#[test]
fn heartbeats_appear_within_a_second() {
    let Some(visit) = Visit::start("heartbeats_appear_within_a_second", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    visit.shows("#empty", "Waiting for the first event");
    visit.shows(
        "#empty pre",
        &format!("curl http://{}", visit.display.address),
    );
    visit.shows("#state", "Live");
    visit.picture("empty");
    // Notes when each row is drawn, by the machine's clock.
    visit.browser.run(
        "window.drawn = {};
         new MutationObserver((changes) => {
           for (const change of changes) for (const added of change.addedNodes)
             if (added.dataset.key) window.drawn[added.dataset.key] ??= Date.now();
         }).observe(document.getElementById('rows'), { childList: true });",
        Value::Null,
    );
    let _heartbeats = heartbeats(&visit.display);
    visit
        .browser
        .until("Object.keys(window.drawn).length >= 3", DEADLINE);
    visit.first_row("dev.knative.eventing.samples.heartbeat");
    let delays = visit.browser.run(
        "return fetch('/events', { headers: { Accept: 'application/json' } })
           .then((answer) => answer.json())
           .then(({ events }) => events.filter(({ key }) => window.drawn[key])
             .map(({ key, received }) => window.drawn[key] - Date.parse(received)))",
        Value::Null,
    );
    let delays: Vec<_> = delays
        .as_array()
        .expect("a list")
        .iter()
        .map(Value::as_f64)
        .collect();
    assert!(delays.len() >= 3);
    assert!(
        delays.iter().all(|delay| delay.is_some_and(|d| d < 1000.0)),
        "{delays:?}"
    );
    visit.shows("#types", "dev.knative.eventing.samples.heartbeat");
    visit.is_quiet();
}

/// The sample source, one event a second.
fn heartbeats(display: &Display) -> Process {
    let binary = Path::new(env!("CARGO_BIN_EXE_event-display")).with_file_name("heartbeats");
    if !binary.exists() {
        // The whole workspace is built before its tests; this one alone is not enough.
        let folder = binary.parent().and_then(Path::file_name).expect("a folder");
        let profile = folder
            .to_str()
            .filter(|name| *name != "debug")
            .unwrap_or("dev");
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--bin", "heartbeats", "--profile", profile])
            .status();
        let is_built = cargo.is_ok_and(|status| status.success());
        assert!(is_built, "heartbeats cannot be built");
    }
    Launch::new(binary)
        .args(["--period=1"])
        .env("K_SINK", format!("http://{}", display.address))
        .env("POD_NAME", "beat")
        .env("POD_NAMESPACE", "default")
        .start()
}

#[test]
fn pause_clear_and_keys() {
    let Some(visit) = Visit::start("pause_clear_and_keys", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    visit.shows("#state", "Live");
    visit.post(&[("ce-type", "before")], b"");
    visit.first_row("before");
    visit.browser.press("p");
    visit.shows("#state", "Paused");
    visit.post(&[("ce-type", "meanwhile")], b"");
    visit.shows("#pause", "Resume (1)");
    let rows = visit.browser.value(ROWS).to_string();
    assert!(!rows.contains("meanwhile"), "{rows}");
    visit.browser.press("p");
    visit.first_row("meanwhile");
    visit.shows("#state", "Live");

    visit.post(&[("ce-type", "third")], b"");
    visit.first_row("third");
    visit.browser.press("jj");
    visit.browser.press(ENTER);
    visit.shows("#detail h2", "meanwhile");
    visit.browser.press("k");
    visit.shows("#detail h2", "third");
    visit.browser.press(ESCAPE);
    visit.browser.press("/");
    visit.browser.press("before");
    visit.shows("#found", "1 of 3");
    visit.browser.press(ESCAPE);
    visit.browser.press("?");
    visit.shows("#keys", "Keys and filters");
    visit.picture("help");
    visit.browser.press(ESCAPE);
    visit.browser.fill("#filter", "");
    visit.browser.press(ESCAPE);
    visit.browser.press("c");
    visit.shows("#empty", "Cleared");
    visit.post(&[("ce-type", "after")], b"");
    visit.first_row("after");
    assert_eq!(visit.browser.value(&format!("({ROWS}).length")), 1);
    visit.is_quiet();
}

#[test]
fn it_goes_on_after_a_restart() {
    let Some(browser) = Visit::browser("it_goes_on_after_a_restart") else {
        return;
    };
    let port = free_port().to_string();
    let launch = || {
        let binary = Launch::new(env!("CARGO_BIN_EXE_event-display"));
        Display::launch(binary.env("DISPLAY_UI", "true").env("PORT", &port))
    };
    let mut visit = Visit {
        display: launch(),
        browser,
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    visit.post(&[("ce-type", "old")], b"");
    visit.first_row("old");
    visit.display.process.signal(Signal::TERM);
    visit.display.process.wait(DEADLINE);
    visit.shows("#state", "Connection lost");
    visit.picture("lost");
    visit.display = launch();
    visit.post(&[("ce-type", "new")], b"");
    let came_back = Instant::now();
    visit.first_row("new");
    assert!(
        came_back.elapsed() < Duration::from_secs(15),
        "{:?}",
        came_back.elapsed()
    );
    visit.shows("#state", "Live");
    let rows = visit.browser.value(ROWS).to_string();
    assert!(rows.contains("restarted") && rows.contains("old"), "{rows}");
    // What is gone from the history still has its row.
    let old = "[...document.querySelectorAll('#rows .row')].find((r) => r.innerText.includes('old')).click()";
    visit.browser.run(old, Value::Null);
    visit.shows("#detail", "no longer kept");
}

/// Fifty events a second: the page keeps its frames, its elements and its words few.
#[test]
fn fifty_events_a_second() {
    let Some(visit) = Visit::start("fifty_events_a_second", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    visit.shows("#state", "Live");
    visit.browser.run(
        "window.gaps = []; window.said = 0; let last = performance.now();
         requestAnimationFrame(function frame(now) {
           window.gaps.push(now - last); last = now; requestAnimationFrame(frame);
         });
         new MutationObserver(() => window.said++).observe(document.getElementById('said'), { childList: true });",
        Value::Null,
    );
    post_fifty_a_second(&visit);
    let elements = visit
        .browser
        .value("document.querySelectorAll('#rows .row').length");
    assert!(elements.as_u64() < Some(60), "{elements}");
    let median = visit
        .browser
        .value("window.gaps.sort((a, b) => a - b)[window.gaps.length >> 1]");
    assert!(
        median.as_f64().is_some_and(|gap| gap < 100.0),
        "{median} ms for a frame"
    );
    assert!(visit.browser.value("window.said").as_u64() <= Some(2));
    visit.shows("#printed", "300");
    visit.browser.press(ESCAPE);
    visit
        .browser
        .until("document.getElementById('detail').hidden", DEADLINE);
    visit.picture("light");
    rows_stay_under_a_moving_pointer(&visit);
    let label = visit
        .browser
        .value("document.querySelector('#rows .row').ariaLabel");
    let label = label.as_str().expect("a label");
    let parts = [
        "type com.example.",
        "source https://shop",
        "subject order/",
        "id 0c1e7f3a",
    ];
    assert!(parts.iter().all(|part| label.contains(part)), "{label}");
    assert_eq!(
        visit
            .browser
            .value("document.querySelector('#rows .row').role"),
        "option"
    );
    visit.is_quiet();
}

/// Six seconds long; in between one is opened.
fn post_fifty_a_second(visit: &Visit) {
    let began = Instant::now();
    let types = [
        "order.created",
        "order.paid",
        "order.sent",
        "order.created",
        "invoice.made",
    ];
    for n in 1..=300_u32 {
        // Now more of the one, then of the other.
        let ty = types[(n as usize * (1 + n as usize / 90)) % 5];
        let ty = format!("com.example.{ty}");
        let (id, subject) = (
            format!("0c1e7f3a-{n:04}"),
            format!("order/{}", 4700 + n / 3),
        );
        let source = [
            "https://shop.example.com/orders#eu",
            "https://shop.example.com/orders#us",
        ];
        let headers = [
            ("ce-id", &*id),
            ("ce-type", &*ty),
            ("ce-source", source[n as usize % 2]),
            ("ce-subject", &*subject),
            ("content-type", "application/json"),
        ];
        visit.post(&headers, ORDER);
        let next = Duration::from_millis(20) * n;
        std::thread::sleep(next.saturating_sub(began.elapsed()));
        if n == 200 {
            visit.open_first();
            visit.shows("#detail .tree", "Ada");
        }
    }
}

/// When it rests, the newest are back.
fn rows_stay_under_a_moving_pointer(visit: &Visit) {
    let move_over =
        "document.getElementById('list').dispatchEvent(new PointerEvent('pointermove'))";
    visit.browser.run(move_over, Value::Null);
    visit.post(&[("ce-type", "newest")], b"");
    visit.shows("#newer", "↑ 1 newer");
    assert!(
        visit
            .browser
            .value("document.getElementById('list').scrollTop > 0")
            == true
    );
    visit.first_row("newest");
    visit
        .browser
        .until("document.getElementById('list').scrollTop === 0", DEADLINE);
    visit
        .browser
        .until("document.getElementById('newer').hidden", DEADLINE);
}
