//! The sink at the end of the line: it answers as it is in the mood to, and keeps what arrives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use testkit::{Answer, Request};

use super::oracle::{Arrival, Content};

/// Reads from an event what it is about; `None`: it is no event of this run.
pub type Reader = fn(&Request) -> Option<Content>;

/// How the sink answers.
#[derive(Clone, Debug)]
pub struct Mood {
    answer: Answer,
    takes: bool,
    left: usize,
}

impl Mood {
    /// Answers with this; `takes`: the event counts as arrived.
    pub fn answering(answer: Answer, takes: bool) -> Self {
        Self {
            answer,
            takes,
            left: usize::MAX,
        }
    }

    /// For so many requests only.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            left: count,
            ..self
        }
    }
}

/// A running sink.
#[derive(Debug)]
pub struct Sink {
    sink: testkit::Sink,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    mood: Mutex<Option<Mood>>,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Sink {
    /// One that takes everything. Times count from `started`.
    pub fn start(started: Instant, reader: Reader) -> Self {
        let shared = Arc::new(Shared {
            started,
            mood: Mutex::default(),
            arrivals: Mutex::default(),
        });
        let answering = Arc::clone(&shared);
        let sink = testkit::Sink::answering(move |request, _| answering.answer(request, reader));
        Self { sink, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.sink.address()
    }

    /// From now on; `None`: 202 for everything.
    pub fn set(&self, mood: Option<Mood>) {
        *lock(&self.shared.mood) = mood;
    }

    /// How many requests have arrived so far.
    pub fn count(&self) -> usize {
        lock(&self.shared.arrivals).len()
    }

    /// What has arrived so far, in order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.shared.arrivals).clone()
    }
}

impl Shared {
    fn answer(&self, request: &Request, reader: Reader) -> Answer {
        let (answer, taken) = self.next();
        let at = request.at.saturating_duration_since(self.started);
        if let Some(content) = reader(request) {
            let id = request.headers.get("ce-id").unwrap_or_default();
            let arrival = Arrival {
                content,
                id,
                taken,
                at,
            };
            lock(&self.arrivals).push(arrival);
        }
        answer
    }

    fn next(&self) -> (Answer, bool) {
        let mut mood = lock(&self.mood);
        match mood.as_mut() {
            Some(mood) if mood.left > 0 => {
                mood.left -= 1;
                (mood.answer.clone(), mood.takes)
            }
            _ => (Answer::status(202), true),
        }
    }
}

/// When something happened, on the clock of a run.
pub fn since(started: Instant) -> Duration {
    Instant::now().saturating_duration_since(started)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
