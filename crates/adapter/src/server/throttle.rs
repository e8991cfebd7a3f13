//! A cap on how often strangers can make the log grow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets a number of lines through in each window of time, and counts the others.
#[derive(Debug, Clone)]
pub struct Throttle {
    lines: u32,
    window: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    written: u32,
    left_out: u64,
}

/// What to do with a line.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Write,
    /// The first one left out; its window ends then.
    LeaveOutFirst(Instant),
    LeaveOut,
}

impl Default for Throttle {
    /// 20 lines in 10 seconds.
    fn default() -> Self {
        Self::new(20, Duration::from_secs(10))
    }
}

impl Throttle {
    /// At most `lines` in each `window`.
    pub fn new(lines: u32, window: Duration) -> Self {
        Self {
            lines,
            window,
            state: Arc::default(),
        }
    }

    /// Writes a line if it may be written now. If not, `report` gets the number of those left out
    /// when their window ends. Needs a running tokio runtime.
    pub fn line(&self, write: impl FnOnce(), report: impl FnOnce(u64) + Send + 'static) {
        match self.verdict() {
            Verdict::Write => write(),
            Verdict::LeaveOut => {}
            Verdict::LeaveOutFirst(until) => {
                let throttle = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep_until(until).await;
                    report(throttle.take());
                });
            }
        }
    }

    /// How many lines were left out and not reported yet; for the end of a run.
    pub fn take(&self) -> u64 {
        std::mem::take(
            &mut self
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .left_out,
        )
    }

    fn verdict(&self) -> Verdict {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let began = match state.began {
            Some(began) if now < began + self.window => began,
            _ => {
                state.written = 0;
                *state.began.insert(now)
            }
        };
        if state.written < self.lines {
            state.written += 1;
            return Verdict::Write;
        }
        state.left_out += 1;
        match state.left_out {
            1 => Verdict::LeaveOutFirst(began + self.window),
            _ => Verdict::LeaveOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_beyond_the_window_are_counted() {
        let throttle = Throttle::new(2, Duration::from_secs(10));
        let (written, report) = mpsc::channel();
        let line = || {
            let (write, report) = (written.clone(), written.clone());
            throttle.line(
                move || write.send(0).unwrap(),
                move |n| report.send(n).unwrap(),
            );
        };
        for _ in 0..5 {
            line();
        }
        assert_eq!(report.try_iter().collect::<Vec<_>>(), [0, 0]);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(report.try_iter().collect::<Vec<_>>(), [3]);
        line();
        assert_eq!(report.try_iter().collect::<Vec<_>>(), [0]);
        assert_eq!(throttle.take(), 0);
    }
}
