//! ping-adapter alone: one schedule, every two seconds. All ticks look the same but for the time
//! in them.

use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use testkit::Request;

use super::super::oracle::{Content, Expected};
use super::super::program::Program;
use super::super::proxy::Proxy;
use super::super::rng::Rng;
use super::super::scene::{Limits, Scene, Stage, Subject, without_holes};
use super::super::setting::Setting;
use super::super::sink::Sink;

const SCHEDULE: &str = "*/2 * * * * *";
const EACH_SECOND: &str = "* * * * * *";
const STEP: u64 = 2;

/// The adapter in its standalone role.
#[derive(Clone, Copy, Debug)]
pub struct StandalonePing;

struct Running(Stage);

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
        let sink = Sink::start(started, read);
        let line = Proxy::start(sink.address());
        line.certify(setting.certificate.clone());
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
        Box::new(Running(Stage {
            started,
            setting,
            sink,
            line,
            program,
            api: None,
            door: None,
        }))
    }
}

impl Scene for Running {
    fn stage(&self) -> &Stage {
        &self.0
    }

    fn drive(&self, until: Instant, _rng: &mut Rng) {
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    /// Every tick between the first and the last that was seen.
    fn expected(&self) -> Vec<Expected> {
        without_holes(&self.arrivals(), None, STEP)
    }
}

fn read(request: &Request) -> Option<Content> {
    let time: DateTime<Utc> = request.headers.get("ce-time")?.parse().ok()?;
    let second = u64::try_from(time.timestamp()).ok()?;
    Some(Content::new("tick", second - second % STEP))
}
