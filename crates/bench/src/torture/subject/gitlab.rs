//! gitlab-receiver, and a GitLab that sends each hook once and believes what it is answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Request, exchange, get};

use super::super::oracle::{Content, Expected};
use super::super::program::Program;
use super::super::rng::Rng;
use super::super::scene::{ATTEMPT_SECONDS, Limits, Scene, Stage, Subject, door, sink};
use super::super::setting::Setting;
use super::super::sink::since;

const SECRET: &str = "secret";
const SENDERS: u64 = 3;
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(60)..Duration::from_millis(200);

/// The receiver, in one of its modes.
#[derive(Clone, Copy, Debug)]
pub struct GitLabReceiver {
    /// With an outbox on disk.
    pub spools: bool,
}

struct Running {
    stage: Stage,
    door: SocketAddr,
    /// Hooks so far.
    next: AtomicU64,
    expected: Mutex<Vec<Expected>>,
    refused: AtomicUsize,
    _spool: TempDir,
}

impl Subject for GitLabReceiver {
    fn name(&self) -> &'static str {
        if self.spools {
            "gitlab-receiver-spool"
        } else {
            "gitlab-receiver"
        }
    }

    fn program(&self) -> &'static str {
        "gitlab-receiver"
    }

    /// Without an outbox a hook is answered 500 after 8.5 s (docs/gitlab.md).
    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_secs(if self.spools { 8 } else { 3 }),
            rest: Duration::from_secs(2),
        }
    }

    /// A hook a second.
    fn two_hours(&self) -> usize {
        7200
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let (sink, line) = sink(&setting, started, read);
        let door = door(setting.program_host);
        let own_spool = tempfile::tempdir().expect("a directory");
        let spool = setting.spool.clone();
        let spool = spool.unwrap_or_else(|| own_spool.path().to_owned());
        let recipe = setting
            .recipe()
            .env("K_SINK", setting.sink_url(line.address().port()))
            .env("K_SINK_TIMEOUT", ATTEMPT_SECONDS)
            .env("PORT", door.port().to_string())
            .env("GITLAB_SECRET_TOKEN", SECRET)
            .env("GITLAB_EVENT_SOURCE", "https://gitlab.example/g/p");
        let recipe = if self.spools {
            recipe.env("SPOOL_DIR", spool.display().to_string())
        } else {
            recipe
        };
        let program = Program::new(
            recipe,
            Box::new(move |_, _| get(door, "/readiness").is_ok_and(|reply| reply.status == 200)),
        );
        program.start();
        Box::new(Running {
            stage: Stage {
                started,
                setting,
                sink,
                line,
                program,
                api: None,
                door: Some(door),
            },
            door,
            next: AtomicU64::new(0),
            expected: Mutex::default(),
            refused: AtomicUsize::new(0),
            _spool: own_spool,
        })
    }
}

impl Scene for Running {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn drive(&self, until: Instant, rng: &mut Rng) {
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let mut rng = Rng::new(rng.draw(), "sender");
                scope.spawn(move || {
                    while Instant::now() < until {
                        let number = self.next.fetch_add(1, Ordering::Relaxed);
                        self.send(&format!("sender-{sender}"), number);
                        if !self.stage.setting.hurries {
                            thread::sleep(rng.time(PAUSE));
                        }
                    }
                });
            }
        });
    }

    fn expected(&self) -> Vec<Expected> {
        let expected = self.expected.lock();
        expected.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Running {
    /// Once; GitLab does not retry.
    fn send(&self, key: &str, number: u64) {
        let pad = "x".repeat(self.stage.setting.padding);
        let body = json!({"object_kind": "push", "key": key, "number": number, "pad": pad});
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: hooks.example\r\nConnection: close\r\n\
             X-Gitlab-Token: {SECRET}\r\nX-Gitlab-Event: Push Hook\r\n\
             Idempotency-Key: {key}-{number}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let due = since(self.stage.started);
        let answer = exchange(self.door, request.as_bytes());
        let must = answer.is_ok_and(|reply| reply.status == 202);
        if !must {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        let one = Expected {
            content: Content::new(key, number),
            must,
            due,
        };
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.push(one);
    }
}

fn read(request: &Request) -> Option<Content> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    Some(Content::new(
        body["key"].as_str()?,
        body["number"].as_u64()?,
    ))
}
