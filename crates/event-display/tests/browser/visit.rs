//! Somebody who looks at a page, what there is to see, and what is looked for.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Browser, skip};

use crate::support::{DEADLINE, Display, request};

/// Codes of keys.
pub(crate) const DOWN: &str = "\u{e015}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";

pub(crate) const ORDER: &[u8] = br#"{"order":4711,"customer":{"name":"Ada","vip":true},"items":[{"sku":"x-1","price":1.50},{"sku":"x-2","price":1e400}],"notes":{},"coupon":null}"#;

/// What a row says, cell by cell.
pub(crate) const ROWS: &str = "[...document.querySelectorAll('#rows .row')]
    .sort((a, b) => a.ariaPosInSet - b.ariaPosInSet)
    .map((row) => [...row.children].map((cell) => cell.innerText).join('|') || row.innerText)";

/// A page and somebody who looks at it.
pub(crate) struct Visit {
    pub(crate) display: Display,
    pub(crate) browser: Browser,
}

impl Visit {
    /// Starts both, or says that there is no browser.
    pub(crate) fn start(test: &str, env: &[(&str, &str)]) -> Option<Self> {
        let browser = Self::browser(test)?;
        let display = Display::start(&[&[("DISPLAY_UI", "true")], env].concat());
        Some(Self { display, browser })
    }

    pub(crate) fn browser(test: &str) -> Option<Browser> {
        let browser = Browser::start();
        if browser.is_none() {
            skip(test, "no browser; install chromium and chromium-driver");
        }
        browser
    }

    pub(crate) fn open(&self, path: &str) {
        self.browser
            .open(&format!("http://{}{path}", self.display.address));
    }

    /// Leaves a picture of what is in sight.
    pub(crate) fn picture(&self, name: &str) {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .expect("target");
        let folder = target.join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(path, self.browser.screenshot()).expect("a picture");
    }

    /// Waits until the first row in the list begins with this type.
    #[track_caller]
    pub(crate) fn first_row(&self, ty: &str) -> String {
        let expression = format!(
            "({ROWS})[0]?.split('|')[1]?.startsWith({}) && ({ROWS})[0]",
            json!(ty)
        );
        let row = self.browser.until(&expression, DEADLINE);
        row.as_str().expect("a row").to_owned()
    }

    #[track_caller]
    pub(crate) fn post(&self, headers: &[(&str, &str)], body: &[u8]) {
        assert_eq!(self.display.post(headers, body).status, 200);
    }

    /// Opens the newest request.
    pub(crate) fn open_first(&self) {
        let script = "document.querySelector('#rows .row[aria-posinset=\"1\"]').click()";
        self.browser.run(script, Value::Null);
    }

    /// The text of an element, as it is shown.
    pub(crate) fn text(&self, selector: &str) -> String {
        let text = self.browser.run(
            "return document.querySelector(arguments[0])?.innerText ?? ''",
            selector,
        );
        text.as_str().expect("text").to_owned()
    }

    /// Waits until an element shows this text.
    #[track_caller]
    pub(crate) fn shows(&self, selector: &str, text: &str) {
        let expression = format!(
            "document.querySelector({})?.innerText.includes({})",
            json!(selector),
            json!(text)
        );
        self.browser.until(&expression, DEADLINE);
    }

    /// Nothing was loaded that the policy forbids, and no script failed.
    #[track_caller]
    pub(crate) fn is_quiet(&self) {
        let console = self.browser.console();
        assert!(console.is_empty(), "{console:?}");
    }
}

/// A shop's events, a ping and a heartbeat, one event twice, and two that are refused.
pub(crate) fn feed(display: &Display, count: usize) {
    let json = ("content-type", "application/json");
    let shop = ("ce-source", "https://shop.example.com/orders#eu");
    let ping = ("ce-source", "/apis/v1/namespaces/default/pingsources/tick");
    for n in 0..count {
        let order = format!("order/{}", 4700 + n);
        let id = format!("0c1e7f3a-91f5-4a0e-8b54-{n:012}");
        let id = ("ce-id", &*id);
        let subject = ("ce-subject", &*order);
        let key = ("ce-partitionkey", ["eu", "us"][n % 2]);
        match n % 7 {
            0 | 2 | 4 => {
                let ty = ("ce-type", "com.example.order.created");
                display.post(&[id, ty, shop, subject, key, json], ORDER)
            }
            1 | 5 => {
                let ty = ("ce-type", "com.example.order.paid");
                display.post(&[id, ty, shop, subject, key, json], br#"{"amount":12.50}"#)
            }
            3 => display.post(
                &[id, ("ce-type", "dev.knative.sources.ping"), ping],
                b"hello",
            ),
            _ => display.post(
                &[
                    id,
                    ("ce-type", "dev.knative.eventing.samples.heartbeat"),
                    ping,
                ],
                b"1",
            ),
        };
    }
    let paid = [
        ("ce-type", "com.example.order.paid"),
        shop,
        ("ce-id", "b7ad6b71"),
    ];
    for _ in 0..2 {
        display.post(
            &[&paid[..], &[("ce-subject", "order/4711"), json]].concat(),
            ORDER,
        );
    }
    display.post(&[&paid[..], &[("ce-time", "yesterday")]].concat(), ORDER);
    let created = ("ce-type", "com.example.order.created");
    let structured = [("content-type", "application/cloudevents+json")];
    let no_id = br#"{"specversion":"1.0","type":"com.example.order.created","source":"https://shop.example.com/orders#eu"}"#;
    display.ask(&request("POST", "/", &structured, no_id));
    display.post(&[created, shop, ("ce-subject", "order/4712"), json], ORDER);
}
