//! Signals into one token; a grace for what is in flight.
//!
//! The only place that waits for a signal. As PID 1 a process has no default action for SIGTERM,
//! so without this room a container would only end by SIGKILL. Contract: `adapter-runtime.md` 7.2.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal (7.2).
const EXIT_SECOND_SIGNAL: i32 = 1;

/// The two moments of a stop: taking no more work, and giving up what is still running.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    stopping: CancellationToken,
    cut: CancellationToken,
}

impl Shutdown {
    /// Starts listening for SIGTERM and SIGINT; needs a running tokio runtime.
    ///
    /// The first signal begins the stop and `grace` later what is in flight is cut. The second one
    /// ends the process at once with exit code 1.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::default();
        let task = shutdown.clone();
        tokio::spawn(async move {
            let mut next = async || tokio::select! { _ = terminate.recv() => "SIGTERM", _ = interrupt.recv() => "SIGINT" };
            let name = next().await;
            tracing::info!(signal = name, "Stopping.");
            task.stop();
            tokio::select! {
                () = tokio::time::sleep(grace) => task.cut(),
                _ = next() => std::process::exit(EXIT_SECOND_SIGNAL),
            }
            next().await;
            std::process::exit(EXIT_SECOND_SIGNAL);
        });
        Ok(shutdown)
    }

    /// Begins the stop, as the first signal does.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Ends the grace.
    pub fn cut(&self) {
        self.stopping.cancel();
        self.cut.cancel();
    }

    /// Cancelled when no more work is to be taken.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when what is still in flight is to be given up.
    pub fn grace_over(&self) -> &CancellationToken {
        &self.cut
    }
}
