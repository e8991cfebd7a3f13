//! The processes of one program: started, stopped, started again, and what they logged.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testkit::{Output, Process, Signal, eventually, free_port};

use super::setting::Recipe;

/// Longer than any start or stop on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// What an adapter logs about each event that it gives up.
const LOSSES: [&str; 2] = ["failed to send cloudevent", "A tick is dropped"];

/// Whether the process with its probes on this port does its work.
pub type Ready = Box<dyn Fn(&Process, u16) -> bool + Send + Sync>;

/// One program, of which any number of processes may run.
pub struct Program {
    recipe: Recipe,
    ready: Ready,
    running: Mutex<Vec<(Process, u16)>>,
    outputs: Mutex<Vec<(Output, Output)>>,
}

impl Program {
    /// None runs yet.
    pub fn new(recipe: Recipe, ready: Ready) -> Self {
        Self {
            recipe,
            ready,
            running: Mutex::default(),
            outputs: Mutex::default(),
        }
    }

    /// Starts one more, and waits until it does its work.
    #[track_caller]
    pub fn start(&self) {
        self.start_without_waiting();
        eventually("a ready process", PATIENCE, || {
            let mut running = lock(&self.running);
            let (process, port) = running.last_mut()?;
            let exit = process.exited();
            assert!(exit.is_none(), "{exit:?}: {}", process.stderr().text());
            (self.ready)(process, *port).then_some(())
        });
    }

    /// Starts one more.
    pub fn start_without_waiting(&self) {
        let port = free_port();
        let mut outputs = lock(&self.outputs);
        let process = self.recipe.launch(outputs.len(), port).start();
        outputs.push((process.stdout().clone(), process.stderr().clone()));
        lock(&self.running).push((process, port));
    }

    /// Sends the oldest this signal and waits for its end.
    #[track_caller]
    pub fn end_oldest(&self, signal: Signal) {
        let (mut process, _) = {
            let mut running = lock(&self.running);
            if running.is_empty() {
                return;
            }
            running.remove(0)
        };
        process.signal(signal);
        process.wait(PATIENCE);
    }

    /// The id of the oldest.
    pub fn id(&self) -> Option<u32> {
        lock(&self.running).first().map(|(process, _)| process.id())
    }

    /// Whether one has ended that nobody ended, and what it said at last.
    pub fn crashed(&self) -> Option<String> {
        lock(&self.running).iter_mut().find_map(|(process, _)| {
            let exit = process.exited()?;
            Some(format!("{exit:?}: {}", tail(&process.stderr().text())))
        })
    }

    /// How many events were given up, by the logs of all processes so far.
    pub fn losses(&self) -> usize {
        let is_loss = |line: &&str| LOSSES.iter().any(|words| line.contains(words));
        let logs = self.logs();
        logs.lines().filter(is_loss).count()
    }

    /// All stderr, by process.
    pub fn logs(&self) -> String {
        let outputs = lock(&self.outputs);
        outputs.iter().map(|(_, stderr)| stderr.text()).collect()
    }

    /// All stdout, by process.
    pub fn printed(&self) -> Vec<u8> {
        let outputs = lock(&self.outputs);
        outputs
            .iter()
            .flat_map(|(stdout, _)| stdout.bytes())
            .collect()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.recipe).finish()
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
