//! The watches of one adapter: how they are doing, and whether that is ready.
//!
//! The numbers for telemetry are in `meters`.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adapter::admin::Latch;
use cluster::watch::{State, Status};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::follower::Repairs;

/// A watch that has been down for longer makes the adapter unready.
const DOWN: Duration = Duration::from_mins(1);
/// How often the watches are looked at while none of them says anything.
const LOOK: Duration = Duration::from_secs(1);
/// How often a long start is told of.
const PROGRESS: Duration = Duration::from_secs(5);

/// One watch.
#[derive(Clone, Debug)]
pub struct Row {
    /// The real name of the resource.
    pub resource: String,
    /// The namespace; empty for all.
    pub namespace: String,
    /// How it is doing.
    pub status: Status,
    /// What it made good.
    pub repairs: Repairs,
}

/// All watches. A copy is the same table.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    completed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    rows: Vec<Row>,
    /// Resources that the API server does not have.
    missing: usize,
    /// All that are planned are in the table.
    complete: bool,
}

impl Watches {
    /// Adds one.
    pub fn add(&self, row: Row) {
        self.table().rows.push(row);
    }

    /// Sets how many resources the API server does not have. They do not keep the adapter unready.
    pub fn set_missing(&self, missing: usize) {
        self.table().missing = missing;
    }

    /// How many resources the API server does not have.
    pub fn missing(&self) -> usize {
        self.table().missing
    }

    /// Every watch that is planned is there.
    pub fn complete(&self) {
        self.table().complete = true;
        self.0.completed.notify_one();
    }

    /// Calls `look` with each watch.
    pub fn each(&self, look: impl FnMut(&Row)) {
        self.table().rows.iter().for_each(look);
    }

    /// Whether every watch is up or was definitely refused, and none has been down for a minute.
    pub fn are_ready(&self) -> bool {
        let table = self.table();
        table.complete && table.rows.iter().all(|row| is_ready(&row.status))
    }

    /// Keeps the latch as [`Watches::are_ready`] says, and tells of a long start. Never ends.
    pub async fn keep(&self, ready: Latch) {
        let mut was_ready = false;
        let mut next_word = Instant::now() + PROGRESS;
        loop {
            let is_ready = self.are_ready();
            ready.set(is_ready);
            if is_ready != was_ready {
                self.tell(is_ready);
            } else if !is_ready && Instant::now() >= next_word {
                next_word += PROGRESS;
                let (up, watches) = self.count(|state| *state == State::Up);
                tracing::info!(up, watches, "Waiting for watches.");
            }
            was_ready = is_ready;
            // Nobody says that a minute is over, so it also looks by itself.
            let _ = timeout(LOOK, self.next_to_settle()).await;
        }
    }

    /// Waits for the next watch that is not ready; for ever if all are.
    async fn next_to_settle(&self) {
        if !self.table().complete {
            self.0.completed.notified().await;
        }
        let is_awaited = |row: &&Row| !is_ready(&row.status);
        let next = self
            .table()
            .rows
            .iter()
            .find(is_awaited)
            .map(|row| row.status.clone());
        match next {
            Some(status) => status.settled().await,
            None => pending().await,
        }
    }

    fn tell(&self, is_ready: bool) {
        let (refused, watches) = self.count(|state| matches!(state, State::Refused(_)));
        if is_ready {
            let missing = self.missing();
            tracing::info!(
                watches,
                refused,
                missing,
                "Every watch is up or was refused."
            );
        } else {
            let (down, _) = self.count(|state| *state == State::Down);
            tracing::warn!(
                watches,
                down,
                "A watch has been down for a minute: not ready."
            );
        }
    }

    /// How many are so, and how many there are.
    fn count(&self, is: impl Fn(&State) -> bool) -> (usize, usize) {
        let table = self.table();
        (
            table
                .rows
                .iter()
                .filter(|row| is(&row.status.state()))
                .count(),
            table.rows.len(),
        )
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_ready(status: &Status) -> bool {
    match status.state() {
        State::Up | State::Refused(_) => true,
        State::Starting => false,
        State::Down => status.down_for().is_none_or(|down| down < DOWN),
    }
}

#[cfg(test)]
mod tests;
