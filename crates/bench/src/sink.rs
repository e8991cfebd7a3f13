//! A sink that costs little: it notes when each request had arrived, and nothing else.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::{floor, one_thread};

/// How often waiting looks again.
const PAUSE: Duration = Duration::from_millis(1);

/// A running sink; it lives as long as the process.
#[derive(Clone, Debug)]
pub struct Sink {
    address: SocketAddr,
    arrivals: Arc<Mutex<Vec<SystemTime>>>,
}

impl Sink {
    /// One on a free port, on a thread of its own.
    pub fn start() -> Self {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&arrivals);
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            one_thread().block_on(async move {
                let listener = floor::listen(0).await;
                tell.send(listener.local_addr().expect("an address"))
                    .expect("somebody waits for it");
                let note = move || lock(&noted).push(SystemTime::now());
                floor::accept(listener, note).await;
            });
        });
        let address = told.recv().expect("a listening sink");
        Self { address, arrivals }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have arrived since the last [`Sink::clear`].
    pub fn count(&self) -> usize {
        lock(&self.arrivals).len()
    }

    /// When each arrived, in order.
    pub fn arrivals(&self) -> Vec<SystemTime> {
        lock(&self.arrivals).clone()
    }

    /// Forgets what has arrived.
    pub fn clear(&self) {
        lock(&self.arrivals).clear();
    }

    /// Waits until so many have arrived; panics after `deadline`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, deadline: Duration) {
        let end = Instant::now() + deadline;
        while self.count() < count {
            let seen = self.count();
            assert!(
                Instant::now() < end,
                "{seen} of {count} events within {deadline:?}"
            );
            thread::sleep(PAUSE);
        }
    }
}

fn lock(arrivals: &Mutex<Vec<SystemTime>>) -> MutexGuard<'_, Vec<SystemTime>> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::{Rhythm, beat};

    #[test]
    fn notes_what_a_beating_floor_sends() {
        let sink = Sink::start();
        let rhythm = Rhythm {
            sink: sink.address(),
            bytes: 100,
            count: 5,
            every: Duration::ZERO,
            spread: Duration::ZERO,
        };
        thread::spawn(move || one_thread().block_on(beat(rhythm)));
        sink.wait_for(5, Duration::from_secs(10));
        sink.clear();
        assert_eq!(sink.count(), 0);
    }
}
