//! Probes, and readiness as latches: ready when everything that must hold does.
//!
//! Liveness only says that the process answers: a dead sink must not restart it.
//! Contract: `adapter-runtime.md` 7.1.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

/// The port of the probes in every stock adapter.
pub const PROBE_PORT: u16 = 8080;

/// What must hold before the process is ready. Without any latch it is ready at once.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<Vec<(&'static str, bool)>>>);

/// One condition of readiness, open at first.
#[derive(Clone, Debug)]
pub struct Latch {
    readiness: Readiness,
    index: usize,
}

impl Readiness {
    /// Adds a condition; `name` says what is waited for, such as `the first list of PingSources`.
    pub fn latch(&self, name: &'static str) -> Latch {
        let mut latches = self.latches();
        latches.push((name, false));
        Latch {
            readiness: self.clone(),
            index: latches.len() - 1,
        }
    }

    /// The conditions that do not hold now.
    pub fn missing(&self) -> Vec<&'static str> {
        self.latches()
            .iter()
            .filter(|(_, holds)| !holds)
            .map(|(name, _)| *name)
            .collect()
    }

    /// `/health` and `/readiness`, any method; everything else is 404.
    pub fn routes(&self) -> Router {
        let readiness = self.clone();
        Router::new()
            .route("/health", any(|| async { StatusCode::OK }))
            .route("/readiness", any(move || async move { readiness.answer() }))
    }

    fn answer(&self) -> (StatusCode, String) {
        let missing = self.missing();
        if missing.is_empty() {
            return (StatusCode::OK, String::new());
        }
        (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("waiting for {}\n", missing.join(", ")),
        )
    }

    fn latches(&self) -> std::sync::MutexGuard<'_, Vec<(&'static str, bool)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latch {
    /// Sets whether the condition holds.
    pub fn set(&self, holds: bool) {
        self.readiness.latches()[self.index].1 = holds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_every_latch_holds() {
        let readiness = Readiness::default();
        assert_eq!(readiness.answer(), (StatusCode::OK, String::new()));
        let (watch, lease) = (readiness.latch("the watch"), readiness.latch("the lease"));
        watch.set(true);
        assert_eq!(
            readiness.answer(),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "waiting for the lease\n".to_owned()
            )
        );
        lease.set(true);
        assert_eq!(readiness.answer().0, StatusCode::OK);
        watch.set(false);
        assert_eq!(readiness.missing(), ["the watch"]);
    }
}
