//! How it looks: light, dark, on a phone; and that nothing in an event is more than text.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::DEADLINE;
use crate::visit::{ESCAPE, ROWS, Visit, feed};

/// Whatever an event holds, it is text: no element, no script, no request to elsewhere.
#[test]
fn script_stays_text() {
    const EVIL: &str =
        "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\"'&javascript:";
    let Some(visit) = Visit::start("script_stays_text", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.open("/");
    visit.shows("#state", "Live");
    let json = json!({EVIL: [EVIL, {EVIL: EVIL}]}).to_string();
    let attributes = [
        ("ce-id", EVIL),
        ("ce-type", EVIL),
        (
            "ce-source",
            "/%3Cscript%3Ewindow.hacked=1%3C/script%3E#<script>window.hacked=1</script>",
        ),
        ("ce-subject", EVIL),
        ("ce-evil", EVIL),
    ];
    let post = |extra: &[(&str, &str)], body: &[u8]| {
        visit
            .display
            .post(&[&attributes[..], extra].concat(), body)
            .status
    };
    assert_eq!(
        post(&[("content-type", "application/json")], json.as_bytes()),
        200
    );
    assert_eq!(
        post(&[("content-type", "application/xml")], EVIL.as_bytes()),
        200
    );
    assert_eq!(post(&[("content-type", "text/html")], EVIL.as_bytes()), 200);
    assert_eq!(post(&[("ce-time", EVIL)], EVIL.as_bytes()), 500);
    assert_eq!(post(&[("content-type", EVIL)], EVIL.as_bytes()), 400);
    visit
        .browser
        .until(&format!("({ROWS}).length === 5"), DEADLINE);
    for place in 1..=5 {
        let click =
            format!("document.querySelector('#rows .row[aria-posinset=\"{place}\"]').click()");
        visit.browser.run(
            "document.getElementById('detail').replaceChildren()",
            Value::Null,
        );
        visit.browser.run(&click, Value::Null);
        visit.shows("#detail h2", "<script>window.hacked=1</script>");
        visit.shows("#detail", "onerror=window.hacked=1");
        visit.browser.run(
            "for (const details of document.querySelectorAll('#detail details')) details.open = true;
             for (const button of document.querySelectorAll('#detail .part .line button')) button.click();",
            Value::Null,
        );
    }
    visit.picture("script");
    visit.shows("#types", "<script>");
    visit.browser.click("#types button");
    visit.browser.until(
        "document.getElementById('filter').value.includes('script')",
        DEADLINE,
    );
    assert_eq!(visit.browser.value("window.hacked === undefined"), true);
    assert_eq!(
        visit
            .browser
            .value("document.querySelectorAll('script').length"),
        1
    );
    assert_eq!(
        visit
            .browser
            .value("document.querySelectorAll('img, iframe, object').length"),
        0
    );
    visit.is_quiet();
    // Where the policy would be needed, it holds.
    visit.browser.run(
        "const script = document.createElement('script');
         script.textContent = 'window.hacked = 2';
         document.body.append(script);",
        Value::Null,
    );
    assert_eq!(visit.browser.value("window.hacked === undefined"), true);
    assert!(
        visit
            .browser
            .console()
            .iter()
            .any(|line| line.contains("Content Security Policy"))
    );
}

/// Colours of texts that differ less from what is behind them than WCAG's AA asks for.
const PALE_TEXTS: &str = r"
    const light = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((v) => {
        const c = v / 255;
        return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (!/, 0\)$/.test(colour)) return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const pale = [];
    for (const element of document.querySelectorAll('body *')) {
      const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
      if (!own || !element.checkVisibility() || element.disabled) continue;
      const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5) pale.push(`${element.className || element.tagName} ${element.innerText.slice(0, 30)} ${contrast.toFixed(2)}`);
    }
    return pale;";

#[test]
fn dark_and_light_and_phone() {
    let Some(visit) = Visit::start("dark_and_light_and_phone", &[]) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    feed(&visit.display, 60);
    visit.open("/");
    visit.first_row("com.example.order.created");
    let background = "getComputedStyle(document.body).backgroundColor";
    let light = visit.browser.value(background);
    for is_dark in [false, true] {
        visit.browser.dark(is_dark);
        assert_eq!(visit.browser.value(background) == light, !is_dark);
        visit.browser.run(
            "document.querySelector('#rows .row:not(.refused)').click()",
            Value::Null,
        );
        visit.shows("#detail .tree", "Ada");
        std::thread::sleep(Duration::from_secs(2));
        assert_eq!(
            visit.browser.run(PALE_TEXTS, Value::Null),
            json!([]),
            "dark: {is_dark}"
        );
        if is_dark {
            visit.picture("dark-detail");
        }
        visit.browser.run(
            "document.querySelector('#rows .row.refused').click()",
            Value::Null,
        );
        visit.shows("#detail .alert", "Refused");
        assert_eq!(
            visit.browser.run(PALE_TEXTS, Value::Null),
            json!([]),
            "dark: {is_dark}"
        );
        visit.browser.press(ESCAPE);
    }
    visit.picture("dark");
    visit.browser.dark(false);
    visit.browser.size(360, 740, 2);
    let width = "document.documentElement.scrollWidth";
    assert_eq!(visit.browser.value(width), 360);
    visit.shows("#rows .row .source", "shop.example.com");
    std::thread::sleep(Duration::from_secs(2));
    visit.picture("phone");
    visit.browser.click("#rows .row");
    visit.shows("#detail .tree", "Ada");
    let covers = "JSON.stringify(document.getElementById('detail').getBoundingClientRect())";
    let covers: Value =
        serde_json::from_str(visit.browser.value(covers).as_str().expect("text")).expect("JSON");
    assert_eq!(
        (&covers["x"], &covers["y"], &covers["width"]),
        (&json!(0), &json!(0), &json!(360))
    );
    assert_eq!(visit.browser.value(width), 360);
    visit.picture("phone-detail");
    visit.browser.click("#detail .close");
    visit
        .browser
        .until("!document.querySelector('[inert]')", DEADLINE);
    visit.is_quiet();
}

#[test]
fn the_token_is_asked_for_once() {
    let env = [("DISPLAY_UI_TOKEN", "open sesame")];
    let Some(visit) = Visit::start("the_token_is_asked_for_once", &env) else {
        return;
    };
    visit.browser.size(1280, 800, 1);
    visit.post(&[("ce-type", "guarded")], b"");
    visit.open("/#filter=type%3Dguarded");
    visit.shows("h1", "event-display");
    visit.picture("login");
    visit.browser.fill("#token", "open says me");
    visit.browser.click("button");
    visit.shows("#wrong", "This is not the token.");
    assert_eq!(visit.browser.value("location.search"), "");
    visit.browser.fill("#token", "open sesame");
    visit.browser.click("button");
    visit.first_row("guarded");
    assert_eq!(visit.browser.value("location.search"), "");
    visit.open("/");
    visit.first_row("guarded");
    assert_eq!(visit.browser.value("document.cookie"), "");
}
