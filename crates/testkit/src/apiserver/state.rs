//! What all connections share: the store, the scripts, what goes wrong, and what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::ApiAnswer;
use super::answer;
use super::call::Call;
use super::fault::{Cut, Fault, Gone};
use super::page::Rest;
use super::rules::Rule;
use super::script::Script;
use super::store::Store;
use crate::http::Request;

/// What all connections share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
    /// For transports that cannot wait for a condition.
    pub(super) listeners: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

pub(super) type SinkCount = Box<dyn Fn() -> usize + Send>;

pub(super) struct State {
    pub(super) store: Store,
    pub(super) scripts: BTreeMap<String, Script>,
    pub(super) discovery: Option<BTreeMap<String, Value>>,
    pub(super) sink_count: Option<SinkCount>,
    pub(super) rules: Option<Vec<Rule>>,
    pub(super) faults: Vec<Fault>,
    pub(super) cuts: VecDeque<(String, u64, Cut)>,
    pub(super) gone: Gone,
    pub(super) calls: Vec<Call>,
    pub(super) forbidden: Vec<Call>,
    pub(super) rests: BTreeMap<String, Rest>,
    pub(super) pages: u64,
    pub(super) tokens: u64,
    pub(super) token_seconds: Option<u64>,
    pub(super) ended_watches: u64,
    pub(super) broken_watches: u64,
    pub(super) bookmarks: u64,
    pub(super) frozen: bool,
    /// Counts everything that a waiting connection should look at.
    pub(super) changes: u64,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
            listeners: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> u64 {
        self.state().changes
    }

    pub(super) fn changed(&self) {
        self.state().changes += 1;
        self.changed.notify_all();
        for listener in self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            listener();
        }
    }

    /// Waits until something changed since, or this time has passed.
    pub(super) fn wait(&self, seen: u64, time: Duration) {
        let state = self.state();
        let unchanged = |state: &mut State| state.changes == seen;
        drop(self.changed.wait_timeout_while(state, time, unchanged));
    }

    /// Waits while nothing is to be said.
    pub(super) fn thaw(&self) {
        drop(self.changed.wait_while(self.state(), |state| state.frozen));
    }

    /// Keeps a request; gives how long to wait, and then what to answer.
    pub(super) fn take(
        self: &Arc<Self>,
        request: &Request,
    ) -> (Duration, impl FnOnce() -> ApiAnswer + use<>) {
        let call = Call::read(request);
        let fault = {
            let mut state = self.state();
            state.calls.push(call.clone());
            Fault::take(&mut state.faults, &call)
        };
        self.changed();
        let delay = fault.as_ref().map_or(Duration::ZERO, |fault| fault.delay);
        let shared = Arc::clone(self);
        (delay, move || answer::answer(&shared, &call, fault))
    }
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            store: Store::new(),
            scripts: BTreeMap::new(),
            discovery: None,
            sink_count: None,
            rules: None,
            faults: Vec::new(),
            cuts: VecDeque::new(),
            gone: Gone::default(),
            calls: Vec::new(),
            forbidden: Vec::new(),
            rests: BTreeMap::new(),
            pages: 0,
            tokens: 0,
            token_seconds: None,
            ended_watches: 0,
            broken_watches: 0,
            bookmarks: 0,
            frozen: false,
            changes: 0,
        }
    }

    /// The cut that is meant for a watch of this path.
    pub(super) fn taken_cut(&mut self, path: &str) -> Option<(u64, Cut)> {
        let index = self
            .cuts
            .iter()
            .position(|(part, ..)| path.contains(part))?;
        self.cuts.remove(index).map(|(_, after, how)| (after, how))
    }
}
