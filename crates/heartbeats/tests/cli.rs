//! Flags, `--check`, and starts that cannot work.

mod common;

use common::{SOON, bare, heartbeats};
use testkit::{Answer, Launch, Sink};

/// Exit code, stdout and stderr of a run that ends by itself.
fn ended(launch: Launch) -> (i32, String, String) {
    let mut process = launch.start();
    let code = process.wait(SOON).code.expect("an exit code");
    (code, process.stdout().text(), process.stderr().text())
}

#[test]
fn help_and_mistakes_show_the_usage_on_stderr() {
    for (args, first, code) in [
        (&["-h"][..], "Usage of heartbeats:", 0),
        (&["--help"], "Usage of heartbeats:", 0),
        (&["-foo"], "flag provided but not defined: -foo", 2),
        (&["-period"], "flag needs an argument: -period", 2),
        (&["---x"], "bad flag syntax: ---x", 2),
    ] {
        // Flags are read before the environment is looked at.
        let (found, stdout, stderr) = ended(bare().args(args));
        assert_eq!((found, stdout.as_str()), (code, ""), "{args:?}");
        assert_eq!(stderr.lines().next(), Some(first), "{args:?}");
        assert!(
            stderr.contains("  -sink string\n    \tthe host url to heartbeat to\n"),
            "{stderr}"
        );
    }
}

#[test]
fn the_version_is_one_line_on_stdout() {
    let (code, stdout, stderr) = ended(bare().args(["--version"]));
    let expected = concat!("heartbeats ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, expected, ""));
}

#[test]
fn check_prints_the_settings_with_secrets_masked_and_sends_nothing() {
    let sink = Sink::start([Answer::status(202)]);
    let with_password = sink.url().replace("//", "//me:s3cret@");
    let launch = heartbeats(&with_password)
        .env(
            "K_CE_OVERRIDES",
            r#"{"extensions":{"region":"eu","b-d":"x"}}"#,
        )
        .args(["--check", "-period=1m30s", "-label=hello"]);
    let (code, stdout, stderr) = ended(launch);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for part in [
        "***@127.0.0.1",
        "90s",
        "hello",
        "region=eu",
        "\"b-d\": ",
        "#default/heartbeats",
    ] {
        assert!(stdout.contains(part), "no {part:?} in\n{stdout}");
    }
    assert!(!stdout.contains("s3cret"), "{stdout}");
    assert!(sink.requests().is_empty());
}

#[test]
fn check_shows_every_problem_at_once() {
    let launch = bare()
        .env("ONE_SHOT", "yes")
        .env("K_CE_OVERRIDES", "{")
        .env("K_SINK", "http://me:s3cret@%zz")
        .env("HEALTH_PORT", "99999")
        .args(["--check", "-period=1.5"]);
    let (code, stdout, stderr) = ended(launch);
    assert_eq!((code, stdout.as_str()), (64, ""));
    for name in [
        "POD_NAME",
        "POD_NAMESPACE",
        "ONE_SHOT",
        "K_CE_OVERRIDES",
        "K_SINK",
        "\"1.5\"",
        "HEALTH_PORT",
    ] {
        assert!(stderr.contains(name), "no {name} in\n{stderr}");
    }
    assert_eq!(stderr.lines().count(), 7, "{stderr}");
    assert!(!stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_run_ends_with_the_code_of_the_first_problem_and_shows_all() {
    let (code, _, stderr) = ended(bare().env("K_SINK", "").args(["-period=0"]));
    assert_eq!(code, 1, "{stderr}");
    for name in ["required key POD_NAME missing value", "K_SINK", "-period=5"] {
        assert!(stderr.contains(name), "no {name} in\n{stderr}");
    }
}

#[test]
fn no_usable_sink_is_64_and_hints_at_the_binding() {
    for sink in [
        None,
        Some(""),
        Some(" "),
        Some("http://%zz"),
        Some("localhost:8080"),
        Some("/x"),
    ] {
        let launch = bare().env("POD_NAME", "p").env("POD_NAMESPACE", "n");
        let launch = sink
            .into_iter()
            .fold(launch, |launch, text| launch.env("K_SINK", text));
        let (code, _, stderr) = ended(launch);
        assert_eq!(
            (code, stderr.lines().count()),
            (64, 1),
            "{sink:?}: {stderr}"
        );
        assert!(
            stderr.contains("K_SINK") && stderr.contains("SinkBinding"),
            "{stderr}"
        );
    }
}
