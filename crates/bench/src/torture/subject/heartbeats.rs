//! heartbeats, ten a second. Each process has a label of its own, because it counts from 1.

use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::Request;

use super::super::oracle::Content;
use super::super::program::Program;
use super::super::scene::{ATTEMPT_SECONDS, Limits, Scene, Stage, Subject, sink};
use super::super::setting::Setting;
use super::rhythm::Rhythm;

/// The program with a fast rhythm.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeats;

impl Subject for Heartbeats {
    fn name(&self) -> &'static str {
        "heartbeats"
    }

    fn program(&self) -> &'static str {
        "heartbeats"
    }

    /// A heartbeat is tried for 41 s (docs/heartbeats.md).
    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_secs(8),
            rest: Duration::from_secs(1),
        }
    }

    /// One in five seconds, as by default.
    fn two_hours(&self) -> usize {
        1440
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let (sink, line) = sink(&setting, started, read);
        let recipe = setting
            .recipe()
            .arg(if setting.hurries {
                "-period=5ms"
            } else {
                "-period=100ms"
            })
            .arg("-label=run-{number}")
            .env("K_SINK", setting.sink_url(line.address().port()))
            .env("K_SINK_TIMEOUT", ATTEMPT_SECONDS)
            .env("POD_NAME", "heartbeats")
            .env("POD_NAMESPACE", "default");
        let program = Program::new(
            recipe,
            Box::new(|process, _| process.stderr().text().contains("sending cloudevent")),
        );
        program.start();
        let stage = Stage {
            started,
            sink,
            line,
            program,
            api: None,
            door: None,
            setting,
        };
        Box::new(Rhythm {
            stage,
            first: Some(1),
            step: 1,
        })
    }
}

fn read(request: &Request) -> Option<Content> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    Some(Content::new(body["label"].as_str()?, body["id"].as_u64()?))
}
