//! How late this machine wakes a sleeper, so that timing tests can allow for a busy one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(5);

/// Measures, from its start on, the worst delay of a thread that only sleeps.
#[derive(Debug)]
pub struct Lag {
    worst_micros: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Lag {
    /// Starts measuring, until dropped.
    pub fn start() -> Self {
        let worst_micros = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (worst, stopped) = (Arc::clone(&worst_micros), Arc::clone(&stop));
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let before = Instant::now();
                thread::sleep(NAP);
                let late = before.elapsed().saturating_sub(NAP).as_micros();
                worst.fetch_max(u64::try_from(late).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { worst_micros, stop }
    }

    /// The worst delay so far.
    pub fn worst(&self) -> Duration {
        Duration::from_micros(self.worst_micros.load(Ordering::Relaxed))
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
