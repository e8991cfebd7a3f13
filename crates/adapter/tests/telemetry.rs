//! What a process with telemetry really writes (adapter-runtime.md V22 and 5.6).
//!
//! The log is process-wide, so each case runs this test program once more as a child.

use std::process::Command;
use std::time::Duration;

use adapter::env::Env;
use adapter::telemetry::config::{LOGGING, Level, Logging, OBSERVABILITY, Observability};
use adapter::telemetry::traces::EventAttributes;
use adapter::telemetry::{self, Options};
use serde_json::Value;

const CHILD: &str = "TELEMETRY_CHILD";
const PLAIN: &str = "TELEMETRY_PLAIN";
const STOCK: &str = include_str!("data/logging-config.json");

/// Not a test of its own: what the children do.
#[test]
fn child() {
    let env = Env::from_process();
    if env.get(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let telemetry = telemetry::init(&Options {
            component: "child",
            version: "0.1.0",
            logger: "",
            crates: &["telemetry"],
            log_fields: vec![("knative.dev/pod".to_owned(), "p-1".to_owned())],
            logging: Logging::read(env.get(LOGGING), "child", env.get(PLAIN).is_some()),
            observability: Observability::read_tolerant(env.get(OBSERVABILITY), &env),
            profiling_listener: false,
            env,
        });
        tracing::debug!("quiet");
        tracing::info!(k = "v", "hello");
        telemetry::handle().set_log_level(Level::Error);
        tracing::info!("not any more");
        let event = EventAttributes {
            id: "id-1",
            ty: "t",
            source: "/s",
            subject: None,
            content_type: None,
        };
        drop(telemetry::handle().tracing().send(None, event));
        telemetry.shutdown(Duration::from_secs(5)).await;
    });
}

/// The lines of a child on standard output and standard error; those of the test program itself
/// are left out.
fn lines(variables: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let output = Command::new(std::env::current_exe().expect("this program has a path"))
        // With one thread, the test's name would stand before the first line.
        .args(["--exact", "child", "--nocapture", "--test-threads=2"])
        .env_clear()
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("this program can be started");
    assert!(output.status.success(), "{output:?}");
    let ours = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).expect("lines are UTF-8");
        let is_ours = |line: &&str| line.starts_with('{') || line.starts_with("20");
        text.lines().filter(is_ours).map(str::to_owned).collect()
    };
    (ours(output.stdout), ours(output.stderr))
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).expect(line)
}

#[test]
fn the_stock_configuration_writes_to_standard_output() {
    let (stdout, stderr) = lines(&[(LOGGING, STOCK.trim_end())]);
    let [line] = &stdout[..] else {
        panic!("{stdout:?}")
    };
    assert!(line.starts_with(r#"{"level":"info","ts":"20"#), "{line}");
    let line = json(line);
    assert_eq!((&line["msg"], &line["k"]), (&"hello".into(), &"v".into()));
    assert_eq!(line["knative.dev/pod"], "p-1");
    assert!(
        line["caller"]
            .as_str()
            .unwrap()
            .starts_with("tests/telemetry.rs:")
    );
    assert!(line.get("logger").is_none());
    assert_eq!(stderr, [""; 0]);
}

#[test]
fn without_a_usable_one_severities_go_to_standard_error() {
    for text in ["", "{}"] {
        let (stdout, stderr) = lines(&[(LOGGING, text)]);
        let [line] = &stderr[..] else {
            panic!("{stderr:?}")
        };
        assert!(
            line.starts_with(r#"{"severity":"INFO","timestamp":"20"#),
            "{line}"
        );
        assert_eq!(json(line)["message"], "hello");
        assert_eq!(stdout, [""; 0]);
    }
    for (text, logger) in [
        ("logging", None),
        (r#"{"zap-logger-config":"{bad"}"#, Some("fallback-logger")),
    ] {
        let (_, stderr) = lines(&[(LOGGING, text)]);
        let [warning, hello] = &stderr[..] else {
            panic!("{stderr:?}")
        };
        assert_eq!(json(warning)["severity"], "WARNING");
        assert!(
            json(warning)["error"]
                .as_str()
                .unwrap()
                .contains("unusable")
        );
        assert_eq!(json(hello)["message"], "hello");
        assert_eq!(json(hello)["logger"].as_str(), logger);
    }
}

#[test]
fn a_partial_one_keeps_the_rest() {
    let (_, stderr) = lines(&[(LOGGING, r#"{"zap-logger-config":"{\"level\":\"debug\"}"}"#)]);
    let messages: Vec<Value> = stderr
        .iter()
        .map(|line| json(line)["message"].clone())
        .collect();
    assert_eq!(messages, ["quiet", "hello"]);
}

#[test]
fn programs_for_people_write_lines_like_gos_log() {
    let (stdout, stderr) = lines(&[(PLAIN, "1")]);
    let [line] = &stderr[..] else {
        panic!("{stderr:?}")
    };
    let (time, rest) = line.split_at("2026/11/22 18:15:18".len());
    let digits: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(
        (digits.as_str(), rest),
        ("0000/00/00 00:00:00", " hello k=v")
    );
    assert_eq!(stdout, [""; 0]);
}

#[test]
fn observability_that_is_not_used_is_said_once() {
    let (_, stderr) = lines(&[(OBSERVABILITY, r#"{"tracing":{"protocol":"bogus"}}"#)]);
    let [warning, _] = &stderr[..] else {
        panic!("{stderr:?}")
    };
    assert!(
        json(warning)["error"]
            .as_str()
            .unwrap()
            .contains("tracing.protocol"),
        "{warning}"
    );
}

#[test]
fn spans_on_standard_output_are_there_when_the_process_has_ended() {
    let (stdout, _) = lines(&[(OBSERVABILITY, r#"{"tracing":{"protocol":"stdout"}}"#)]);
    let [line] = &stdout[..] else {
        panic!("{stdout:?}")
    };
    let span = json(line);
    assert_eq!(span["Name"], "cloudevents.client.t send");
    assert_eq!(span["SpanContext"]["TraceFlags"], "01");
    assert_eq!(span["SpanKind"], 4);
    let key = |attribute: &Value, key: &str| attribute["Key"] == key;
    let attributes = span["Attributes"].as_array().unwrap();
    assert!(
        attributes
            .iter()
            .any(|attribute| key(attribute, "cloudevents.id"))
    );
    let resource = span["Resource"].as_array().unwrap();
    let service = resource
        .iter()
        .find(|attribute| key(attribute, "service.name"))
        .unwrap();
    assert_eq!(service["Value"]["Value"], "child");
}
