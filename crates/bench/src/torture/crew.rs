//! Many runs at a time, most of which only wait.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::row::Row;
use super::run::{Outcome, Pace, run};

/// Runs these, `jobs` at a time; begins none after `end`. `tell` hears of each as it ends.
pub fn run_all(
    runs: impl IntoIterator<Item = (usize, u64)>,
    rows: &[Row],
    pace: &Pace,
    jobs: usize,
    end: Option<Instant>,
    tell: impl Fn(&Outcome) + Sync,
) -> Vec<Outcome> {
    let waiting: Mutex<VecDeque<(usize, u64)>> = Mutex::new(runs.into_iter().collect());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = end.is_some_and(|end| Instant::now() >= end);
        if is_over { None } else { waiting.pop_front() }
    };
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((row, seed)) = next() {
                    let outcome = run(&rows[row], seed, pace);
                    tell(&outcome);
                    outcomes
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(outcome);
                }
            });
        }
    });
    outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}
