//! Which events become lines.

use std::sync::{Arc, Mutex};

use tracing::{debug, error, info, info_span, trace, warn};
use tracing_subscriber::layer::SubscriberExt as _;

use super::super::output::Outputs;
use super::super::{Identity, LevelHandle, LogLayer};
use super::{moment, stock};
use crate::telemetry::config::{self, Logging, Sampling};

const OURS: &[&str] = &["adapter"];

/// What a layer writes while `work` runs, one element a write.
fn written(logging: &Logging, work: impl FnOnce(&LevelHandle)) -> Vec<String> {
    let (outputs, writes): (_, Arc<Mutex<Vec<Vec<u8>>>>) = Outputs::memory();
    let layer = LogLayer::with_outputs(logging, Identity::default(), OURS, outputs);
    let level = layer.level();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || work(&level));
    let writes = writes.lock().unwrap();
    writes
        .iter()
        .map(|line| String::from_utf8(line.clone()).unwrap())
        .collect()
}

/// The lines as JSON.
fn objects(logging: &Logging, work: impl FnOnce(&LevelHandle)) -> Vec<serde_json::Value> {
    written(logging, work)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn messages(logging: &Logging, work: impl FnOnce(&LevelHandle)) -> Vec<String> {
    let key = logging.keys.message.as_str();
    objects(logging, work)
        .iter()
        .map(|line| line[key].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn an_event_is_one_write_with_its_own_and_its_spans_fields() {
    let lines = objects(&stock(), |_| {
        let span = info_span!("tick", source = "p1", attempt = tracing::field::Empty);
        span.record("attempt", 2_u64);
        let _entered = span.enter();
        let error = std::io::Error::other("gone");
        let error: &dyn std::error::Error = &error;
        info!(sink = %"http://sink", ok = true, share = 0.25, left = -1, error, "Event {}.", "sent");
    });
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!(line["msg"], "Event sent.");
    assert_eq!(line["level"], "info");
    assert_eq!(
        (&line["source"], &line["attempt"]),
        (&"p1".into(), &2.into())
    );
    assert_eq!(line["sink"], "http://sink");
    assert_eq!((&line["ok"], &line["left"]), (&true.into(), &(-1).into()));
    assert_eq!(line["share"], 0.25);
    assert_eq!(line["error"], "gone");
    assert!(
        line["caller"]
            .as_str()
            .unwrap()
            .starts_with("tests/layer.rs:"),
        "{line}"
    );
    let age = chrono::Utc::now() - moment(line["ts"].as_str().unwrap()).to_utc();
    assert!(age.num_seconds() < 60, "{line}");
}

#[derive(Debug, thiserror::Error)]
#[error("the send failed")]
struct SendFailed(#[source] std::io::Error);

#[test]
fn an_error_is_written_with_its_causes() {
    let lines = objects(&stock(), |_| {
        let error = SendFailed(std::io::Error::other("connection reset"));
        let error: &dyn std::error::Error = &error;
        error!(error, "Lost.");
    });
    assert_eq!(lines[0]["error"], "the send failed: connection reset");
}

#[test]
fn lines_below_the_level_are_not_written_until_the_level_changes() {
    let say = || {
        trace!("trace");
        debug!("debug");
        info!("info");
        warn!("warn");
        error!("error");
    };
    let all = messages(&stock(), |level| {
        say();
        level.set_level(config::Level::Debug);
        say();
        level.set_level(config::Level::Error);
        say();
        level.set_level(config::Level::Fatal);
        say();
    });
    assert_eq!(
        all,
        [
            "info", "warn", "error", "debug", "info", "warn", "error", "error"
        ]
    );
}

#[test]
fn other_crates_only_warn() {
    let all = messages(
        &Logging {
            level: config::Level::Debug,
            ..stock()
        },
        |_| {
            debug!(target: "adapter::deliver", "ours");
            info!(target: "adapterish", "not ours");
            info!(target: "hyper_util::client", "not ours");
            warn!(target: "hyper_util::client", "theirs");
        },
    );
    assert_eq!(all, ["ours", "theirs"]);
}

#[test]
fn repeated_lines_are_sampled() {
    let logging = Logging {
        sampling: Some(Sampling {
            initial: 2,
            thereafter: 4,
        }),
        ..stock()
    };
    let all = messages(&logging, |_| {
        for number in 0..10 {
            info!(number, "again");
        }
        info!("once");
    });
    assert_eq!(all, ["again", "again", "again", "again", "once"]);
    let unlimited = messages(
        &Logging {
            sampling: None,
            ..stock()
        },
        |_| {
            (0..300).for_each(|_| info!("again"));
        },
    );
    assert_eq!(unlimited.len(), 300);
}

#[test]
fn lines_go_to_every_output_and_files_are_appended_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    std::fs::write(&path, "before\n").unwrap();
    let outputs = Outputs::open(&[
        config::Output::File(path.clone()),
        config::Output::File(path.clone()),
    ]);
    outputs.write(b"line\n");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "before\nline\nline\n"
    );
}
