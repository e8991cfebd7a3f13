//! ping-adapter for all sources of a cluster. Each source fires at one second of its own, so that
//! its name, which is its data, tells the tick.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::{ApiServer, Request, Rule, eventually, get};

use super::super::oracle::{Content, Expected};
use super::super::program::Program;
use super::super::rng::Rng;
use super::super::scene::{ATTEMPT_SECONDS, Limits, Scene, Stage, Subject, api_server, sink};
use super::super::setting::Setting;
use super::super::sink::since;

const SOURCES: &str = "sources.knative.dev/v1/pingsources";
const LEASES: &str = "coordination.k8s.io/v1/leases";
const SYSTEM: &str = "knative-eventing";
const PREFIX: &str = "tick-";
/// The stock lease of 60 s is too long for a run.
const ELECTION: &str = r#"{"Buckets":1,"LeaseDuration":4000000000,"RenewDeadline":3000000000,"RetryPeriod":1000000000}"#;
/// Sources when events are made as fast as they go.
const CROWD: usize = 100;
const PATIENCE: Duration = Duration::from_mins(1);
/// Sources are known to the adapter this long after they were made.
const INTAKE: TimeDelta = TimeDelta::seconds(2);

/// The adapter in its multi-tenant role.
#[derive(Clone, Copy, Debug)]
pub struct PingSources;

struct Running {
    stage: Stage,
    /// That of each source: ready, with its sink.
    status: Value,
    expected: Mutex<Vec<Expected>>,
}

impl Subject for PingSources {
    fn name(&self) -> &'static str {
        "ping-adapter"
    }

    fn program(&self) -> &'static str {
        "ping-adapter"
    }

    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_secs(8),
            rest: Duration::from_secs(1),
        }
    }

    /// A hundred sources, a tick a minute each.
    fn two_hours(&self) -> usize {
        12_000
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let (sink, line) = sink(&setting, started, read);
        let api = api_server(&setting);
        api.serve(SOURCES, "PingSource", true);
        api.allow(Rule::of_ping_source_adapter());
        let trusted = setting.env.iter().find(|(name, _)| name == "K_CA_CERTS");
        let status = json!({
            "sinkUri": setting.sink_url(line.address().port()),
            "sinkCACerts": trusted.map(|(_, pem)| pem),
            "conditions": [
                {"type": "Deployed", "status": "True"},
                {"type": "OIDCIdentityCreated", "status": "True"},
                {"type": "Ready", "status": "True"},
                {"type": "SinkProvided", "status": "True"},
            ],
        });
        let recipe = setting
            .recipe()
            .env("KUBECONFIG", api.kubeconfig().display().to_string())
            .env("SYSTEM_NAMESPACE", SYSTEM)
            .env("NAMESPACE", SYSTEM)
            .env("POD_NAME", "pingsource-mt-adapter-{number}")
            .env("K_LEADER_ELECTION_CONFIG", ELECTION)
            .env("K_NO_SHUTDOWN_AFTER", "59")
            .env("K_SINK_TIMEOUT", ATTEMPT_SECONDS);
        let host = setting.program_host;
        let program = Program::new(
            recipe,
            Box::new(move |_, port| get((host, port), "/health").is_ok()),
        );
        for _ in 0..setting.replicas {
            program.start();
        }
        until_led(&api);
        Box::new(Running {
            stage: Stage {
                started,
                setting,
                sink,
                line,
                program,
                api: Some(api),
                door: None,
            },
            status,
            expected: Mutex::default(),
        })
    }
}

impl Scene for Running {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn drive(&self, until: Instant, rng: &mut Rng) {
        if self.stage.setting.hurries {
            return self.each_second(until);
        }
        let now = Utc::now();
        let left = TimeDelta::from_std(until.saturating_duration_since(Instant::now()));
        let end = now + left.unwrap_or_default();
        let mut tick = now + INTAKE;
        while tick < end {
            for number in 0..rng.within(1..4) {
                self.apply(tick, number, now);
            }
            tick += TimeDelta::seconds(1);
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn expected(&self) -> Vec<Expected> {
        let expected = self.expected.lock();
        expected.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Running {
    /// Many sources that fire each second.
    fn each_second(&self, until: Instant) {
        let api = self.stage.api.as_ref().expect("an API server");
        if api.objects(SOURCES).is_empty() {
            for number in 0..CROWD {
                let name = format!("{PREFIX}{number}");
                api.apply(SOURCES, source(&name, "* * * * * *", &self.status));
            }
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn apply(&self, tick: DateTime<Utc>, number: u64, now: DateTime<Utc>) {
        let name = format!("{PREFIX}{}-{number}", tick.timestamp());
        let wait = (tick - now).to_std().unwrap_or_default();
        let one = Expected {
            content: Content::new(&name, 0),
            must: true,
            due: since(self.stage.started) + wait,
        };
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.push(one);
        let api = self.stage.api.as_ref().expect("an API server");
        let schedule = tick.format("%-S %-M %-H %-d %-m *").to_string();
        api.apply(SOURCES, source(&name, &schedule, &self.status));
    }
}

fn source(name: &str, schedule: &str, status: &Value) -> Value {
    json!({
        "apiVersion": "sources.knative.dev/v1",
        "kind": "PingSource",
        "metadata": {"namespace": "ns1", "name": name},
        "spec": {
            "schedule": schedule, "timezone": "UTC", "data": name, "contentType": "text/plain",
        },
        "status": status,
    })
}

fn until_led(api: &ApiServer) {
    eventually("a holder of the lease", PATIENCE, || {
        let is_held = |lease: &Value| {
            let holder = lease["spec"]["holderIdentity"].as_str();
            holder.is_some_and(|holder| !holder.is_empty())
        };
        api.objects(LEASES).iter().any(is_held).then_some(())
    });
}

fn read(request: &Request) -> Option<Content> {
    let name = str::from_utf8(&request.body).ok()?;
    name.starts_with(PREFIX).then(|| Content::new(name, 0))
}
