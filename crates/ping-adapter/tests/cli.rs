//! Flags, `--check`, `next`, and starts that cannot work.

mod common;

use common::{bare, ended};
use testkit::{Answer, Sink};

#[test]
fn help_and_version_are_on_stdout() {
    let (code, stdout, stderr) = ended(bare().args(["--help"]));
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.starts_with("Usage: ping-adapter [flags]\n"),
        "{stdout}"
    );
    let (code, stdout, _) = ended(bare().args(["-version"]));
    assert_eq!(
        (code, stdout.as_str()),
        (0, concat!("ping-adapter ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn an_unknown_flag_ends_with_2() {
    let (code, stdout, stderr) = ended(bare().args(["--nope"]));
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(
        stderr.starts_with("flag provided but not defined: -nope\nUsage:"),
        "{stderr}"
    );
}

#[test]
fn next_prints_when_a_schedule_fires() {
    let args = [
        "next",
        "--schedule",
        "0 9 * * 1-5",
        "--timezone",
        "Europe/Berlin",
        "--from",
        "2026-03-27T12:00:00Z",
        "--count",
        "2",
    ];
    // Summer time begins on the weekend in between.
    let expected = "2026-03-30T07:00:00Z\n2026-03-31T07:00:00Z\n";
    assert_eq!(
        ended(bare().args(args)),
        (0, expected.to_owned(), String::new())
    );
    let args = [
        "next",
        "--schedule",
        "0 6 * * *",
        "--from",
        "2025-01-15T10:00:00Z",
        "--count=1",
    ];
    let (_, stdout, _) = ended(bare().env("TZ", ":Europe/Paris").args(args));
    assert_eq!(stdout, "2025-01-16T05:00:00Z\n");
}

#[test]
fn next_refuses_in_one_sentence_with_64() {
    let (code, stdout, stderr) = ended(bare().args(["next", "--schedule", "61 * * * *"]));
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (64, "", 1));
    assert!(stderr.contains("minute field"), "{stderr}");
}

#[test]
fn check_prints_the_settings_with_secrets_masked_and_sends_nothing() {
    let sink = Sink::start([Answer::status(202)]);
    let launch = bare()
        .env("K_SINK", sink.url().replace("//", "//me:s3cret@"))
        .env("SCHEDULE", "* * * * * *")
        .env("TIMEZONE", "Europe/Berlin")
        .env("DATA", r#"{"a":1}"#)
        .args(["--check"]);
    let (code, stdout, stderr) = ended(launch);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for part in [
        "standalone",
        "***@127.0.0.1",
        "Europe/Berlin",
        "application/json",
        "7 bytes",
        "30s",
        "8080",
    ] {
        assert!(stdout.contains(part), "no {part:?} in\n{stdout}");
    }
    assert!(!stdout.contains("s3cret"), "{stdout}");
    assert!(sink.requests().is_empty());
}

#[test]
fn a_start_that_cannot_work_names_every_mistake_and_ends_with_64() {
    let launch = bare()
        .env("K_SINK", "sink:8080")
        .env("SCHEDULE", "every minute")
        .env("DATA_BASE64", "a")
        .env("K_NO_SHUTDOWN_AFTER", "60")
        .env("HEALTH_PORT", "99999");
    let (code, stdout, stderr) = ended(launch);
    assert_eq!(
        (code, stdout.as_str(), stderr.lines().count()),
        (64, "", 5),
        "{stderr}"
    );
    for name in [
        "K_SINK",
        "SCHEDULE",
        "DATA_BASE64",
        "K_NO_SHUTDOWN_AFTER",
        "HEALTH_PORT",
    ] {
        assert!(stderr.contains(name), "no {name} in\n{stderr}");
    }
}
