//! The real `bench` with the real `heartbeats`: one quick scenario, from the command line to the
//! document. That the figures are small is not looked at: a debug build has no small ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bench::torture::programs::Programs;
use serde_json::Value;

const BENCH: &str = env!("CARGO_BIN_EXE_bench");

/// Where `heartbeats` is.
fn programs() -> PathBuf {
    let heartbeats = Programs::built().path("heartbeats");
    heartbeats.with_file_name("")
}

fn bench(args: &[&str]) -> Output {
    let output = Command::new(BENCH).args(args).output();
    output.expect("a started bench")
}

#[test]
fn measures_heartbeats_against_themselves_and_the_floor() {
    let programs = programs();
    let folder = tempfile::tempdir().unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (output, document) = (text(&folder.path().join("out")), text(folder.path()));
    let measured = bench(&[
        "--quick",
        "--only",
        "all-heartbeats",
        "--against",
        &text(&programs),
        "--output",
        &output,
        "--document",
        &document,
    ]);
    let progress = String::from_utf8(measured.stderr).unwrap();
    assert!(measured.status.success(), "{progress}");
    assert!(
        progress.contains("round 1 of 1: start to ready: ours "),
        "{progress}"
    );

    let results = fs::read_to_string(folder.path().join("out/results.json")).unwrap();
    let results: Value = serde_json::from_str(&results).unwrap();
    let round = &results["rows"][0]["rounds"][0];
    for side in ["ours", "theirs"] {
        assert!(round[side]["resident"].as_f64().unwrap() > 1.0, "{round}");
        assert!(round[side]["ready"].as_f64().unwrap() > 0.0, "{round}");
    }
    let page = fs::read_to_string(folder.path().join("benchmarks.md")).unwrap();
    assert!(
        page.contains("| start of heartbeats, until the first beat arrives | start to ready |")
    );

    let again = bench(&["report", "--output", &output]);
    let table = String::from_utf8(again.stdout).unwrap();
    assert!(page.contains(table.trim()), "{table}");
}

#[test]
fn mistakes_end_with_a_sentence() {
    for (args, part) in [
        (
            &["--only", "no-such"][..],
            "No scenario has \"no-such\" in its name",
        ),
        (
            &["--ours", "/nowhere"],
            "There is no /nowhere/event-display",
        ),
        (&["--fast"], "\"--fast\" is no option"),
    ] {
        let output = bench(args);
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{sentence}");
        assert!(sentence.contains(part), "{sentence}");
    }
}
