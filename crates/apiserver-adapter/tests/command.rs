//! What the binary does with arguments and with an environment that cannot work.

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{BINARY, SOON, accepting, launch, pods};
use serde_json::{Value, json};
use testkit::{ApiServer, Launch};

#[test]
fn what_cannot_work_is_one_readable_sentence_each_and_the_stock_exit_code() {
    let pods = r#"{"namespaces":["default"],"resources":[{"gvr":{"Group":"","Version":"v1","Resource":"pods"}}]}"#;
    let no_version = pods.replace("\"v1\"", "\"\"");
    for (name, value, code) in [
        ("NAME", None, 2),
        ("K_SOURCE_CONFIG", None, 2),
        ("K_SOURCE_CONFIG", Some(""), 2),
        ("K_SOURCE_CONFIG", Some("{"), 2),
        ("K_SOURCE_CONFIG", Some(r#"{"resources":"pods"}"#), 2),
        ("K_SOURCE_CONFIG", Some(no_version.as_str()), 1),
        ("K_SINK", Some("http://%zz"), 1),
        ("K_CE_OVERRIDES", Some("quack"), 1),
        (
            "K_OBSERVABILITY_CONFIG",
            Some(r#"{"metrics":{"protocol":"smoke"}}"#),
            1,
        ),
        ("KUBECONFIG", Some("/no/such/file"), 1),
        ("HANDOVER_SECONDS", Some("soon"), 64),
        ("HEALTH_PORT", Some("http"), 64),
    ] {
        let (api, sink) = (ApiServer::start(), accepting());
        let adapter = launch(&api, &sink.url()).env("K_SOURCE_CONFIG", pods);
        let mut running = match value {
            Some(value) => adapter.env(name, value),
            None => adapter.without(name),
        }
        .start();
        assert_eq!(
            running.process.wait(SOON).code,
            Some(code),
            "{name}={value:?}"
        );
        let log = running.log();
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(
            log.starts_with("apiserver-adapter: ") && log.contains(name),
            "{log}"
        );
        assert!(log.trim_end().ends_with(['.', '}']), "{log}");
    }
}

#[test]
fn the_golden_deployment_starts() {
    let deployment: Value =
        serde_json::from_str(include_str!("data/deployment-apiserversource.json")).unwrap();
    let (api, sink) = (ApiServer::start(), accepting());
    let mut adapter = launch(&api, &sink.url());
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    for variable in container["env"].as_array().expect("variables") {
        let (name, value) = (
            variable["name"].as_str().unwrap(),
            variable["value"].as_str(),
        );
        if let Some(value) = value.filter(|_| name != "K_SINK") {
            adapter = adapter.env(name, value);
        }
    }
    let running = adapter.ready();
    // On stdout, as the logging configuration of the stock ConfigMap says.
    running
        .process
        .stdout()
        .line_with("Every watch is up", SOON);
}

#[test]
fn check_prints_the_settings() {
    let (api, sink) = (ApiServer::start(), accepting());
    let mut check = Launch::new(BINARY)
        .args(["--check"])
        .env("KUBECONFIG", api.kubeconfig())
        .env("NAME", "my-source")
        .env("NAMESPACE", "src-ns")
        .env("K_SINK", sink.url())
        .env(
            "K_SOURCE_CONFIG",
            r#"{"allNamespaces":true,"mode":"Reference"}"#,
        )
        .start();
    assert_eq!(check.wait(SOON).code, Some(0));
    let text = check.stdout().text();
    for part in [
        "src-ns/my-source",
        &api.url(),
        &sink.url(),
        "Reference",
        "all",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(api.calls().is_empty());
}

#[test]
fn unknown_arguments_are_2_and_the_usage() {
    for (args, code) in [
        (&["--what"][..], 2),
        (&["filters"], 2),
        (&["--version"], 0),
        (&["--help"], 0),
    ] {
        let mut process = Launch::new(BINARY).args(args).start();
        assert_eq!(process.wait(SOON).code, Some(code), "{args:?}");
    }
}

/// Runs `filter` with these lines on stdin: exit code, stdout, stderr.
fn filter(filters: &str, lines: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(BINARY)
        .args(["filter", "--filters", filters])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    let mut stdin = child.stdin.take().expect("its input");
    // A broken filter is refused before anything is read.
    let _ = stdin.write_all(lines.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_filter_can_be_tried() {
    let event = |name: &str| {
        json!({"specversion": "1.0", "id": "1", "source": "/", "type": "t", "name": name})
            .to_string()
    };
    let lines = format!("{}\n{}\n", event("web-1"), event("db-1"));
    let (code, out, _) = filter(r#"[{"cesql":"name LIKE 'web-%'"}]"#, &lines);
    assert_eq!((code, out.as_str()), (Some(0), "pass\ndrop\n"));
    for broken in ["{", "[1]", r#"[{"cesql":"name LIKE"}]"#] {
        let (code, out, error) = filter(broken, &lines);
        assert_eq!(
            (code, out.as_str(), error.lines().count()),
            (Some(64), "", 1),
            "{error}"
        );
    }
}

#[test]
fn an_odd_filter_is_told_of_at_the_start() {
    let (api, sink) = (ApiServer::start(), accepting());
    let running = pods(&api, &sink.url(), "Reference")
        .config(&json!({"namespaces": [], "filters": [{"exact": {}}]}))
        .ready();
    assert!(running.log().contains("filters[0]"), "{}", running.log());
}
