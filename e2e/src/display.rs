//! A sink that prints, followed: the events of all its pods, those that are gone included.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::{Launch, Output};

use crate::event::{Event, printed};
use crate::kubectl::try_kubectl;
use crate::settings::environment;

/// How often new pods are looked for. A pod that came and went in between is missed; one that
/// printed something lives longer.
const PAUSE: Duration = Duration::from_secs(1);

/// A log that did not grow for that long ends with a whole event.
const SETTLED: Duration = Duration::from_millis(300);

/// An event-display, whose log is read while it runs.
#[derive(Debug)]
pub struct Display {
    shared: Arc<Shared>,
    following: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    namespace: String,
    selector: String,
    container: String,
    /// One for each container that ever ran, the oldest first.
    logs: Mutex<Vec<(String, Output)>>,
    stopping: AtomicBool,
}

impl Display {
    /// Follows this container of the pods with these labels (`app=event-display`), from now on.
    pub fn follow(namespace: &str, selector: &str, container: &str) -> Self {
        let shared = Arc::new(Shared {
            namespace: namespace.to_owned(),
            selector: selector.to_owned(),
            container: container.to_owned(),
            logs: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let follower = Arc::clone(&shared);
        let following = Some(thread::spawn(move || follower.follow()));
        Self { shared, following }
    }

    /// Every event so far; those of one pod in the order in which it printed them.
    pub fn events(&self) -> Vec<Event> {
        let length = |(_, log): &(String, Output)| log.bytes().len();
        let lengths: Vec<usize> = self.shared.logs().iter().map(length).collect();
        thread::sleep(SETTLED);
        let logs = self.shared.logs();
        let events = logs.iter().zip(lengths).flat_map(|((_, log), length)| {
            let text = log.text();
            let mut events = printed(&text);
            // A log comes in pieces, and the last event may be one.
            if text.len() != length {
                events.pop();
            }
            events
        });
        events.collect()
    }

    /// Looks at all events again and again until `probe` finds what it wants; panics after
    /// `deadline` with what came.
    #[track_caller]
    pub fn wait_for<T>(
        &self,
        what: &str,
        deadline: Duration,
        mut probe: impl FnMut(&[Event]) -> Option<T>,
    ) -> T {
        let end = Instant::now() + deadline;
        loop {
            let events = self.events();
            if let Some(found) = probe(&events) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "not within {deadline:?}: {what}; {} events came, the last: {:#?}",
                events.len(),
                events.last(),
            );
            thread::sleep(PAUSE / 2);
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        if let Some(following) = self.following.take() {
            // A panic there would have been seen already.
            let _ = following.join();
        }
    }
}

impl Shared {
    fn logs(&self) -> MutexGuard<'_, Vec<(String, Output)>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self) {
        // They end with this thread.
        let mut processes = Vec::new();
        while !self.stopping.load(Ordering::Relaxed) {
            for (pod, run) in self.runs().unwrap_or_default() {
                if self.logs().iter().any(|(known, _)| *known == run) {
                    continue;
                }
                let process = Launch::new("kubectl")
                    .envs(environment())
                    .args(["--namespace", &self.namespace, "logs", "--follow"])
                    .args([&pod, "--container", &self.container])
                    .start();
                self.logs().push((run, process.stdout().clone()));
                processes.push(process);
            }
            thread::sleep(PAUSE);
        }
    }

    /// The pods whose container has started, each with what tells this run from others.
    fn runs(&self) -> Option<Vec<(String, String)>> {
        let args = [
            "--namespace",
            &self.namespace,
            "get",
            "pods",
            "--selector",
            &self.selector,
            "--output=json",
        ];
        // A cluster that does not answer for once is asked again.
        let pods: Value = serde_json::from_str(&try_kubectl(&args, "").ok()?).ok()?;
        let runs = pods["items"].as_array()?.iter().filter_map(|pod| {
            let statuses = pod["status"]["containerStatuses"].as_array()?;
            let status = statuses.iter().find(|one| one["name"] == *self.container)?;
            let run = status["containerID"].as_str()?;
            let started = status["state"].get("waiting").is_none();
            let name = pod["metadata"]["name"].as_str()?;
            started.then(|| (name.to_owned(), run.to_owned()))
        });
        Some(runs.collect())
    }
}
