//! Trust bundles in `ConfigMap`s, as roots for sinks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapter::tls::ExtraRoots;

/// The bundles of a namespace, for [`adapter::tls::Trust`]; empty until [`follow`] has found some.
///
/// [`follow`]: super::follow
#[derive(Debug, Default)]
pub struct Bundles(Mutex<Arc<Vec<Vec<u8>>>>);

impl ExtraRoots for Bundles {
    fn bundles(&self) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(&self.current())
    }
}

impl Bundles {
    fn current(&self) -> MutexGuard<'_, Arc<Vec<Vec<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same `Arc` stays while nothing changes: a new one means that all is parsed again.
    pub(super) fn set(&self, texts: Vec<Vec<u8>>) {
        let mut current = self.current();
        if **current != texts {
            *current = Arc::new(texts);
        }
    }
}
