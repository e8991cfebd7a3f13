//! How the rest of a program gets at its instruments.

use std::sync::OnceLock;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use super::config::Level;
use super::logs::LevelHandle;
use super::metrics::{ReceiveMeter, SendMeter};
use super::target::Target;
use super::traces::Tracing;

/// Access to the instruments. A copy is cheap; the default one has everything off.
#[derive(Clone, Debug, Default)]
pub struct Handle {
    pub(super) meters: Option<SdkMeterProvider>,
    pub(super) tracing: Tracing,
    pub(super) level: Option<LevelHandle>,
}

static HANDLE: OnceLock<Handle> = OnceLock::new();

/// The instruments of this process; everything is off before [`init`](super::init).
pub fn handle() -> Handle {
    HANDLE.get().cloned().unwrap_or_default()
}

/// Makes these the instruments of the process; only the first ones count.
pub(super) fn install(handle: Handle) {
    let _ = HANDLE.set(handle);
}

impl Handle {
    /// What a sender measures.
    pub fn send_meter(&self, target: &Target) -> SendMeter {
        let provider = self.meters.as_ref();
        provider.map_or_else(SendMeter::off, |provider| SendMeter::new(provider, target))
    }

    /// What a receiver measures.
    pub fn receive_meter(&self) -> ReceiveMeter {
        let provider = self.meters.as_ref();
        provider.map_or_else(ReceiveMeter::off, |provider| ReceiveMeter::new(provider))
    }

    /// For instruments of one's own; `None` while metrics are off.
    pub fn meter(&self, scope: &'static str) -> Option<Meter> {
        self.meters.as_ref().map(|provider| provider.meter(scope))
    }

    /// What makes spans.
    pub fn tracing(&self) -> &Tracing {
        &self.tracing
    }

    /// Changes the level of the log lines, as the ConfigMap asks for it while the program runs.
    pub fn set_log_level(&self, level: Level) {
        if let Some(handle) = &self.level {
            handle.set_level(level);
        }
    }
}
