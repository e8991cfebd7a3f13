//! How a watch is doing, for readiness and telemetry.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::Trouble;
use super::backoff::is_refusal;

/// How a watch is doing. A copy looks at the same watch.
#[derive(Clone, Debug)]
pub struct Status(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    record: Mutex<Record>,
    changed: Notify,
}

#[derive(Debug)]
struct Record {
    state: State,
    /// When the state began to be what it is; refused and down count as one.
    since: Instant,
    last_message: Option<Instant>,
    watches: u64,
    gaps: u64,
}

/// One word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There was no watch yet, and no refusal.
    Starting,
    /// A watch is open, or was closed in order a moment ago.
    Up,
    /// The API server said no, with 401, 403, 404 or 405.
    Refused(u16),
    /// It does not work for another reason.
    Down,
}

impl Default for Status {
    fn default() -> Self {
        let record = Record {
            state: State::Starting,
            since: Instant::now(),
            last_message: None,
            watches: 0,
            gaps: 0,
        };
        Self(Arc::new(Shared {
            record: Mutex::new(record),
            changed: Notify::new(),
        }))
    }
}

impl Status {
    /// How it is now.
    pub fn state(&self) -> State {
        self.record().state
    }

    /// For how long it has not been up; `None` while it is.
    pub fn down_for(&self) -> Option<Duration> {
        let record = self.record();
        (record.state != State::Up).then(|| record.since.elapsed())
    }

    /// The time since the last event, bookmark or page of a list; `None` before the first.
    pub fn silent_for(&self) -> Option<Duration> {
        self.record().last_message.map(|last| last.elapsed())
    }

    /// How many watches were opened.
    pub fn watches(&self) -> u64 {
        self.record().watches
    }

    /// How often the version to go on from had expired.
    pub fn gaps(&self) -> u64 {
        self.record().gaps
    }

    /// Waits until it is up, or definitely refused.
    pub async fn settled(&self) {
        loop {
            let changed = self.0.changed.notified();
            if matches!(self.state(), State::Up | State::Refused(_)) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn message(&self) {
        self.record().last_message = Some(Instant::now());
    }

    pub(super) fn opened(&self) {
        let mut record = self.record();
        record.watches += 1;
        record.set(State::Up);
        drop(record);
        self.0.changed.notify_waiters();
    }

    pub(super) fn trouble(&self, trouble: &Trouble) {
        let mut record = self.record();
        record.gaps += u64::from(matches!(trouble, Trouble::Gap(_)));
        let state = match trouble.code().filter(|code| is_refusal(Some(*code))) {
            Some(code) => State::Refused(code),
            // Before the first success or refusal it is still starting.
            None if record.state == State::Starting => State::Starting,
            None => State::Down,
        };
        record.set(state);
        drop(record);
        self.0.changed.notify_waiters();
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn set(&mut self, state: State) {
        if (self.state == State::Up) != (state == State::Up) {
            self.since = Instant::now();
        }
        self.state = state;
    }
}
