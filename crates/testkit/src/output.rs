//! What a process writes on one stream, kept while it runs.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A stream that a thread of its own reads, so that the writer never blocks on a full pipe.
#[derive(Clone, Debug, Default)]
pub struct Output(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ended: bool,
}

impl Output {
    pub(crate) fn capture(stream: impl Read + Send + 'static) -> Self {
        let output = Self::default();
        let shared = Arc::clone(&output.0);
        thread::spawn(move || shared.read(stream));
        output
    }

    /// A stream that goes elsewhere: it has ended, and nothing was written.
    pub(crate) fn nothing() -> Self {
        let output = Self::default();
        output.0.state().ended = true;
        output
    }

    /// Everything so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.state().bytes.clone()
    }

    /// Everything so far as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.state().bytes).into_owned()
    }

    /// The whole lines so far, and the unfinished last one if there is one.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// Waits for a whole line that contains `part` and gives it; panics after `deadline`, or when
    /// the stream ends without it.
    #[track_caller]
    pub fn line_with(&self, part: &str, deadline: Duration) -> String {
        let end = Instant::now() + deadline;
        let mut state = self.0.state();
        loop {
            let text = String::from_utf8_lossy(&state.bytes);
            let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
            if let Some(line) = whole.lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            let left = end.saturating_duration_since(Instant::now());
            let hopeless = state.ended || left.is_zero();
            assert!(
                !hopeless,
                "no line with {part:?} within {deadline:?} in:\n{text}"
            );
            state = self.0.wait(state, left);
        }
    }

    /// Waits for the end of the stream; `false` if it is still open after `deadline`.
    pub(crate) fn wait_for_end(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let mut state = self.0.state();
        while !state.ended {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.0.wait(state, left);
        }
        true
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&'a self, state: MutexGuard<'a, State>, left: Duration) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn read(&self, mut stream: impl Read) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = stream.read(&mut buffer).unwrap_or(0);
            let mut state = self.state();
            state.bytes.extend_from_slice(&buffer[..count]);
            state.ended = count == 0;
            self.changed.notify_all();
            if state.ended {
                return;
            }
        }
    }
}
