//! ping-adapter alone: one schedule, every two seconds. All ticks look the same but for the time
//! in them.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use testkit::Request;

use super::super::oracle::Content;
use super::super::program::Program;
use super::super::scene::{Limits, Scene, Stage, Subject, sink};
use super::super::setting::Setting;
use super::rhythm::Rhythm;

const SCHEDULE: &str = "*/2 * * * * *";
const EACH_SECOND: &str = "* * * * * *";
const STEP: u64 = 2;

/// The adapter in its standalone role.
#[derive(Clone, Copy, Debug)]
pub struct StandalonePing;

impl Subject for StandalonePing {
    fn name(&self) -> &'static str {
        "ping-adapter-standalone"
    }

    fn program(&self) -> &'static str {
        "ping-adapter"
    }

    /// A tick is tried until the next one is due, at least for 3.1 s (docs/ping-adapter.md).
    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_millis(1800),
            rest: Duration::from_millis(3500),
        }
    }

    /// A tick a minute. They cannot go faster than a second each.
    fn two_hours(&self) -> usize {
        120
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let (sink, line) = sink(&setting, started, read);
        let recipe = setting
            .recipe()
            .env("K_SINK", setting.sink_url(line.address().port()))
            .env("K_SINK_TIMEOUT", "1")
            .env("K_NO_SHUTDOWN_AFTER", "59")
            .env(
                "SCHEDULE",
                if setting.hurries {
                    EACH_SECOND
                } else {
                    SCHEDULE
                },
            )
            .env("DATA", "{}");
        let program = Program::new(
            recipe,
            Box::new(|process, _| process.stderr().text().contains("Firing on schedule.")),
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
            first: None,
            step: STEP,
        })
    }
}

fn read(request: &Request) -> Option<Content> {
    let time: DateTime<Utc> = request.headers.get("ce-time")?.parse().ok()?;
    let second = u64::try_from(time.timestamp()).ok()?;
    Some(Content::new("tick", second - second % STEP))
}
