//! apiserver-adapter, and pods that are created, changed and deleted.
//!
//! Each pod is created once, changed once and perhaps deleted once, so that name and kind of change
//! tell which event it is, in Reference mode as well.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Request, eventually, get};

use super::super::oracle::{Arrival, Content, Expected};
use super::super::program::Program;
use super::super::rng::Rng;
use super::super::scene::{ATTEMPT_SECONDS, Limits, Scene, Stage, Subject, api_server, sink};
use super::super::setting::Setting;
use super::super::sink::since;

const PODS: &str = "v1/pods";
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(100);
/// A pod is changed so many steps after it was created, and deleted after as many more.
const STEPS: u64 = 5;
const CHANGES: [&str; 3] = ["add", "update", "delete"];
/// Changes that the sink does not have yet, at most, when they are made as fast as they go.
const AHEAD: usize = 500;
const PATIENCE: Duration = Duration::from_mins(1);
const CREATED: u64 = 0;
const CHANGED: u64 = 1;
const DELETED: u64 = 2;

/// The adapter in one of its modes.
#[derive(Clone, Copy, Debug)]
pub struct ApiServerAdapter {
    /// `Resource` or `Reference`.
    pub mode: &'static str,
}

struct Running {
    stage: Stage,
    mode: &'static str,
    /// Steps so far.
    next: AtomicU64,
    caused: Mutex<Vec<Expected>>,
}

impl Subject for ApiServerAdapter {
    fn name(&self) -> &'static str {
        match self.mode {
            "Resource" => "apiserver-adapter-resource",
            _ => "apiserver-adapter-reference",
        }
    }

    fn program(&self) -> &'static str {
        "apiserver-adapter"
    }

    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_secs(8),
            rest: Duration::from_secs(1),
        }
    }

    /// Five changes a second.
    fn two_hours(&self) -> usize {
        36_000
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let (sink, line) = sink(&setting, started, read);
        let api = api_server(&setting);
        let config = json!({
            "namespaces": ["default"], "allNamespaces": false, "mode": self.mode,
            "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "pods"}}],
        });
        let recipe = setting
            .recipe()
            .env("K_SINK", setting.sink_url(line.address().port()))
            .env("K_SINK_TIMEOUT", ATTEMPT_SECONDS)
            .env("K_SOURCE_CONFIG", config.to_string())
            .env("KUBECONFIG", api.kubeconfig().display().to_string())
            .env("NAMESPACE", "src-ns")
            .env("NAME", "my-source")
            .env("HANDOVER_SECONDS", "2");
        let host = setting.program_host;
        let program = Program::new(
            recipe,
            Box::new(move |_, port| {
                get((host, port), "/readiness").is_ok_and(|reply| reply.status == 200)
            }),
        );
        program.start();
        let stage = Stage {
            started,
            setting,
            sink,
            line,
            program,
            api: Some(api),
            door: None,
        };
        Box::new(Running {
            stage,
            mode: self.mode,
            next: AtomicU64::new(0),
            caused: Mutex::default(),
        })
    }
}

impl Scene for Running {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn drive(&self, until: Instant, rng: &mut Rng) {
        while Instant::now() < until {
            self.step(self.next.fetch_add(1, Ordering::Relaxed));
            if self.stage.setting.hurries {
                self.wait_for_the_sink();
            } else {
                thread::sleep(rng.time(PAUSE));
            }
        }
    }

    fn expected(&self) -> Vec<Expected> {
        let mut caused = lock(&self.caused).clone();
        if self.stage.setting.gaps {
            self.forgive(&mut caused);
        }
        caused
    }
}

impl Running {
    fn step(&self, step: u64) {
        let api = self.stage.api.as_ref().expect("an API server");
        let apply = |number: u64, revision: u64| {
            let name = name(number);
            self.cause(&name, revision);
            let metadata = json!({"name": name, "namespace": "default"});
            api.apply(
                PODS,
                json!({"metadata": metadata, "spec": {"revision": revision}}),
            );
        };
        apply(step, CREATED);
        if let Some(number) = step.checked_sub(STEPS) {
            apply(number, CHANGED);
        }
        if let Some(number) = step.checked_sub(2 * STEPS)
            && (number % 2 == 0 || self.stage.setting.hurries)
        {
            self.cause(&name(number), DELETED);
            api.delete(PODS, "default", &name(number));
        }
    }

    /// In a hurry, too, a watch goes no further ahead than a queue holds.
    fn wait_for_the_sink(&self) {
        let caused = lock(&self.caused).len();
        eventually("events at the sink", PATIENCE, || {
            (self.stage.sink.count() + AHEAD >= caused).then_some(())
        });
    }

    fn cause(&self, name: &str, number: u64) {
        lock(&self.caused).push(Expected {
            content: Content::new(name, number),
            must: true,
            due: since(self.stage.started),
        });
    }

    /// What a gap in the history takes with it (docs/apiserver-adapter.md): of several changes all
    /// but the last, pods that came and went in it, and in Resource mode deletes.
    fn forgive(&self, caused: &mut [Expected]) {
        let deleted: BTreeSet<String> = caused
            .iter()
            .filter(|one| one.content.number == DELETED)
            .map(|one| one.content.key.clone())
            .collect();
        let announced: BTreeSet<String> = self
            .arrivals()
            .into_iter()
            .filter(|arrival: &Arrival| arrival.taken && arrival.content.number == CREATED)
            .map(|arrival| arrival.content.key)
            .collect();
        for one in caused {
            one.must = match one.content.number {
                CREATED => !deleted.contains(&one.content.key),
                DELETED => self.mode == "Reference" && announced.contains(&one.content.key),
                _ => false,
            };
        }
    }
}

fn name(number: u64) -> String {
    format!("pod-{number}")
}

fn read(request: &Request) -> Option<Content> {
    let body: Value = serde_json::from_slice(&request.body).ok()?;
    // The object itself in Resource mode, a reference in the other.
    let name = body["metadata"]["name"]
        .as_str()
        .or(body["name"].as_str())?;
    let change = request.headers.get("ce-type")?;
    let number = CHANGES.iter().position(|word| change.ends_with(word))?;
    Some(Content::new(name, number as u64))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
