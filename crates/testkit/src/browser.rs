//! A headless Chromium, driven over `WebDriver`: JSON over HTTP, so that no client crate is needed.
//!
//! The browser of the distribution (`chromium` and `chromium-driver`); where it is missing there is
//! none, and the test says so. Each one has a profile of its own and keeps to itself.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::read_reply;
use crate::process::{Launch, Process};
use crate::wait::eventually;

/// Where distributions put them.
const DRIVERS: [&str; 3] = [
    "/usr/bin/chromedriver",
    "/usr/lib/chromium/chromedriver",
    "/usr/lib/chromium-browser/chromedriver",
];
const BROWSERS: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];
/// Its start takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const ARGUMENTS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
];

/// A browser with one page. Dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    /// Ended behind the browser, see `drop`.
    _driver: Process,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// A new browser, or `None` where none is installed.
    #[track_caller]
    pub fn start() -> Option<Self> {
        let installed =
            |paths: [&'static str; 3]| paths.into_iter().find(|p| Path::new(p).exists());
        let (driver, browser) = (installed(DRIVERS)?, installed(BROWSERS)?);
        let profile = tempfile::tempdir().expect("a directory for the profile");
        let driver = Launch::new(driver)
            .args(["--port=0"])
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", profile.path())
            .start();
        let line = driver
            .stdout()
            .line_with("started successfully on port ", PATIENCE);
        let port = line
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {line:?}"));
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let arguments: Vec<_> = ARGUMENTS.into_iter().chain([&*profile_argument]).collect();
        let options = json!({"binary": browser, "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let session = call(port, "POST", "/session", Some(&wanted));
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(Self {
            _driver: driver,
            port,
            session,
            _profile: profile,
        })
    }

    /// Opens an address and waits until it is loaded.
    #[track_caller]
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Runs a script in the page and gives what it returns. What is given is `arguments[0]`; a
    /// promise is waited for.
    #[track_caller]
    pub fn run(&self, script: &str, argument: impl Into<Value>) -> Value {
        let body = json!({"script": script, "args": [argument.into()]});
        self.post("/execute/sync", &body)
    }

    /// The value of an expression.
    #[track_caller]
    pub fn value(&self, expression: &str) -> Value {
        self.run(&format!("return {expression}"), Value::Null)
    }

    /// Waits until an expression is true, or anything that counts as that, and gives it.
    #[track_caller]
    pub fn until(&self, expression: &str, deadline: Duration) -> Value {
        eventually(expression, deadline, || {
            let value = self.value(expression);
            let is_there =
                !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value != 0;
            is_there.then_some(value)
        })
    }

    /// Clicks on the first element that fits a CSS selector, as a mouse does.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into the first element that fits a CSS selector.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Presses and releases keys, wherever the focus is: letters, or codes of `WebDriver` such as
    /// `'\u{e015}'` for the arrow down.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let pressed = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let pressed: Vec<_> = pressed.collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": pressed});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// Makes the page this wide and high, in CSS pixels, drawn with so many dots for each.
    #[track_caller]
    pub fn size(&self, width: u32, height: u32, dots: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": dots, "mobile": width < 600,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Lets the page see that its viewer prefers dark colours, or light ones.
    #[track_caller]
    pub fn dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Lets pages read and write the clipboard, as a viewer who agrees does.
    #[track_caller]
    pub fn allow_clipboard(&self) {
        let permissions = json!(["clipboardReadWrite", "clipboardSanitizedWrite"]);
        self.devtools(
            "Browser.grantPermissions",
            &json!({"permissions": permissions}),
        );
    }

    /// What is in sight, as PNG.
    #[track_caller]
    pub fn screenshot(&self) -> Vec<u8> {
        let encoded = self.call("GET", "/screenshot", None);
        STANDARD
            .decode(encoded.as_str().expect("base64"))
            .expect("base64")
    }

    /// What scripts wrote on the console so far, and errors, violations of the policy among them;
    /// each is told once.
    #[track_caller]
    pub fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let text = |entry: &Value| entry["message"].as_str().map(str::to_owned);
        entries.iter().filter_map(text).collect()
    }

    fn devtools(&self, command: &str, parameters: &Value) {
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        );
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post(
            "/element",
            &json!({"using": "css selector", "value": selector}),
        );
        let id = found.as_object().and_then(|found| found.values().next());
        id.and_then(Value::as_str).expect("an element").to_owned()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, Some(body))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        call(
            self.port,
            method,
            &format!("/session/{}{path}", self.session),
            body,
        )
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It would outlive its driver. An error means that it is gone already.
        let path = format!("/session/{}", self.session);
        let _ = ask(self.port, "DELETE", &path, None);
    }
}

#[track_caller]
fn call(port: u16, method: &str, path: &str, body: Option<&Value>) -> Value {
    let answer = ask(port, method, path, body);
    answer
        .unwrap_or_else(|error| panic!("{method} {path} {}: {error}", body.unwrap_or(&Value::Null)))
}

fn ask(port: u16, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        read_reply(&mut BufReader::new(stream))
    };
    let reply = reply().map_err(|error| error.to_string())?;
    let mut answer: Value =
        serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    if reply.status == 200 {
        Ok(answer["value"].take())
    } else {
        Err(answer["value"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }
}
