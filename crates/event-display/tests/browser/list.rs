//! The list, its filter, and one request opened.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{DEADLINE, request};
use crate::visit::{DOWN, ENTER, ESCAPE, ORDER, ROWS, Visit, feed};

#[test]
fn the_list_and_its_filter() {
    let Some(visit) = Visit::start("the_list_and_its_filter", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.browser.dark(false);
    feed(&visit.display, 120);
    visit.open("/");
    let first = visit.first_row("com.example.order.created");
    assert!(
        first.contains("|https://shop.example.com/orders#eu|order/4712|1|"),
        "{first}"
    );
    // Of more than a hundred rows only those in sight are elements.
    let elements = visit
        .browser
        .value("document.querySelectorAll('#rows .row').length");
    assert!(elements.as_u64() < Some(40), "{elements}");
    visit.shows("#rows", "refused 500");
    let repeats = "[...document.querySelectorAll('#rows .badge')].filter((b) => b.innerText === 'repeat').length";
    assert_eq!(visit.browser.value(repeats), 1);
    visit.shows("#printed", "123");
    visit.shows("#refused", "2");

    visit
        .browser
        .fill("#filter", "type=dev.knative.sources.ping");
    visit.shows("#found", "17 of 125");
    let types = format!("[...new Set(({ROWS}).map((row) => row.split('|')[1]))]");
    assert_eq!(
        visit.browser.value(&types),
        json!(["dev.knative.sources.ping"])
    );
    // Another conversation with the same address shows the same.
    let filter = "location.hash === '#filter=type%3Ddev.knative.sources.ping' && location.href";
    let address = visit.browser.until(filter, DEADLINE);
    let address = address.as_str().expect("an address");
    visit.browser.open("about:blank");
    visit.browser.open(address);
    visit.shows("#found", "17 of 125");
    for (filter, count) in [
        ("source^=https:// subject*=ORDER/47", 75),
        ("partitionkey=eu", 43),
        ("type!=com.example.order.created is=new", 69),
        ("is=refused", 2),
        ("is=repeat", 1),
        ("Timestamp yesterday", 0),
        ("\"not a timestamp\"", 1),
        ("shop AMOUNT", 34),
        ("status=500", 1),
    ] {
        visit.browser.fill("#filter", filter);
        let found = format!("document.getElementById('found').innerText === '{count} of 125'");
        let is_right = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            visit.browser.until(&found, Duration::from_secs(5));
        }));
        assert!(is_right.is_ok(), "{filter}: {}", visit.text("#found"));
    }
    visit
        .browser
        .fill("#filter", "source^=https:// subject*=order/471");
    visit.shows("#found", "of 125");
    visit.picture("filter");
    visit.browser.fill("#filter", "nothing like it");
    visit.shows("#empty", "Nothing fits the filter");
    visit.browser.click("#sources button");
    visit.browser.until(
        "document.getElementById('filter').value.startsWith('source=https')",
        DEADLINE,
    );
    visit.is_quiet();
}

#[test]
fn an_event_is_opened_and_copied() {
    let Some(visit) = Visit::start("an_event_is_opened_and_copied", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    feed(&visit.display, 40);
    visit.open("/");
    visit.first_row("com.example.order.created");
    visit.browser.press(&format!("{DOWN}{ENTER}"));
    visit.shows("#detail", "Attributes");
    visit.shows("#detail .tree", "\"price\": 1.50");
    visit.shows("#detail .tree", "1e400");
    visit.shows("#detail .pairs", "order/4712");
    visit.picture("detail");
    // Folding hides what is inside.
    visit
        .browser
        .click("#detail .tree details details > summary");
    visit.browser.until(
        "!document.querySelector('#detail .tree').innerText.includes('Ada')",
        DEADLINE,
    );
    visit.shows("#detail .tree", "2 members");
    visit.browser.click("#detail .part button:last-of-type");
    visit.shows("#detail .hex", "000000  7b 22 6f 72");
    visit.browser.click("#detail details.part > summary");
    visit.shows("#detail .raw", "ce-subject: order/4712");

    visit.browser.allow_clipboard();
    visit.browser.click("#detail .tools button:nth-child(2)");
    visit.shows("#detail .tools", "Copied");
    let copied = visit.browser.value("navigator.clipboard.readText()");
    let copied = copied.as_str().expect("text");
    assert!(copied.contains("\"price\": 1e400"), "{copied}");
    let read: Result<Value, _> = serde_json::from_str(&copied.replace("1e400", "1"));
    assert_eq!(read.expect("JSON")["subject"], "order/4712");
    visit.browser.click("#detail .tools button:nth-child(1)");
    visit.browser.until(
        "navigator.clipboard.readText().then((t) => t.startsWith('curl'))",
        DEADLINE,
    );
    let command = visit.browser.value("navigator.clipboard.readText()");
    if Path::new("/usr/bin/curl").exists() {
        let sent = Command::new("bash")
            .arg("-c")
            .arg(command.as_str().expect("text"))
            .output();
        assert!(sent.expect("a shell").status.success(), "{command}");
        let repeat = "document.querySelector('#rows .row[aria-posinset=\"1\"] .badge')?.innerText === 'repeat'";
        visit.browser.until(repeat, DEADLINE);
    }
    visit.browser.press(ESCAPE);
    visit
        .browser
        .until("document.getElementById('detail').hidden", DEADLINE);
    visit.is_quiet();
}

#[test]
fn a_copied_command_runs_nothing_of_the_senders() {
    let test = "a_copied_command_runs_nothing_of_the_senders";
    let Some(visit) = Visit::start(test, &[]) else {
        return;
    };
    let headers = [("ce-specversion", "1.0"), ("ce-type", "t")];
    let post = request("X|`id`", "/", &headers, b"\x03id\n");
    assert_eq!(visit.display.ask(&post).status, 400);
    visit.open("/");
    visit.first_row("t");
    visit.browser.allow_clipboard();
    visit.open_first();
    visit.shows("#detail .tools", "Copy as curl");
    visit.browser.click("#detail .tools button:nth-child(1)");
    visit.shows("#detail .tools", "Copied");
    let command = visit.browser.value("navigator.clipboard.readText()");
    let command = command.as_str().expect("text");
    let start = "base64 -d <<<'A2lkCg==' | curl -X 'X|`id`' 'http://";
    assert!(command.starts_with(start), "{command}");
    visit.is_quiet();
}

#[test]
fn forms_of_data() {
    let Some(visit) = Visit::start("forms_of_data", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    let xml = ("content-type", "application/xml");
    visit.post(
        &[("ce-type", "xml"), xml],
        b"<order><id a=\"1\">7</id><items><item/></items></order>",
    );
    visit.first_row("xml");
    visit.browser.press(&format!("{DOWN}{ENTER}"));
    visit.shows(
        "#detail",
        "<order>\n  <id a=\"1\">7</id>\n  <items>\n    <item/>\n  </items>\n</order>",
    );
    visit.post(&[("ce-type", "bytes")], b"\x00\x01\xfe\xffbinary");
    visit.first_row("bytes");
    visit.open_first();
    visit.shows("#detail .hex", "00 01 fe ff 62 69 6e 61");
    visit.shows("#detail .hex", "····binary");
    let text = ("content-type", "text/plain");
    visit.post(&[("ce-type", "text"), text], "two\nlines é".as_bytes());
    visit.first_row("text");
    visit.open_first();
    visit.shows("#detail pre.body", "two\nlines é");
    let long: Vec<_> = (0..5000).map(|n| json!({"n": n})).collect();
    let long = Value::from(long).to_string();
    visit.post(
        &[("ce-type", "long"), ("content-type", "application/json")],
        long.as_bytes(),
    );
    visit.first_row("long");
    visit.open_first();
    visit.shows("#detail .tree", "4800 more");
    visit.is_quiet();
}

#[test]
fn refused_requests_say_why() {
    let Some(visit) = Visit::start("refused_requests_say_why", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    feed(&visit.display, 30);
    visit.open("/");
    visit.first_row("com.example.order.created");
    let refused = visit.display.post(
        &[("ce-id", " "), ("ce-type", "com.example.order.paid")],
        ORDER,
    );
    assert_eq!(refused.status, 500);
    visit.shows("#rows .row[aria-posinset='1'] .reason", "id: it is empty");
    visit.open_first();
    visit.shows("#detail .alert", "Refused with 500\nid: it is empty");
    visit.shows("#detail .fault", "empty");
    assert_eq!(visit.text("#detail .raw mark").trim(), "ce-id:");
    visit.picture("refused");
    let none = visit.display.ask(&request(
        "POST",
        "/",
        &[("content-type", "text/plain")],
        b"hi",
    ));
    assert_eq!(none.status, 415);
    visit.shows("#rows .row[aria-posinset='1']", "no event");
    visit.open_first();
    visit.shows("#detail .alert", "no ce-specversion header");
    visit.shows("#detail mark", "content-type: text/plain");
    visit.shows("#detail .raw .missing", "ce-specversion is missing");
    visit.is_quiet();
}
