//! Log lines as zap writes them, from `tracing` events.
//!
//! A layer of our own, because `K_LOGGING_CONFIG` decides names, order and spelling of every part
//! (adapter-runtime.md 5.1). What the configuration means is decided in `telemetry::config`.

mod encode;
mod fields;
mod output;
mod plain;
mod sampling;
mod zap;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use chrono::Local;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope};

use self::encode::{Encoder, Line};
pub use self::fields::FieldValue;
use self::fields::Fields;
use self::output::Outputs;
use self::sampling::Sampler;
use super::config::{self, Logging};

/// Turns events into lines.
pub struct LogLayer {
    encoder: Encoder,
    outputs: Outputs,
    sampler: Option<Sampler>,
    level: LevelHandle,
    /// Crates whose events are ours.
    crates: &'static [&'static str],
}

/// The lowest level that is written, changeable while the program runs.
#[derive(Clone, Debug)]
pub struct LevelHandle(Arc<AtomicU8>);

impl LevelHandle {
    fn new(level: config::Level) -> Self {
        let handle = Self(Arc::new(AtomicU8::new(0)));
        handle.store(level.filter());
        handle
    }

    /// From now on only lines of at least this level are written.
    pub fn set_level(&self, level: config::Level) {
        self.store(level.filter());
        // The macros remember which of them are switched off.
        tracing::callsite::rebuild_interest_cache();
    }

    fn store(&self, filter: LevelFilter) {
        let rank = FILTERS
            .iter()
            .position(|known| *known == filter)
            .unwrap_or(0);
        self.0
            .store(u8::try_from(rank).unwrap_or(0), Ordering::Relaxed);
    }

    fn filter(&self) -> LevelFilter {
        FILTERS[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

const FILTERS: [LevelFilter; 5] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
];

/// What every line carries besides its own fields.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The logger's name; empty leaves it out.
    pub logger: String,
    /// Fields in front of those of the event, such as `commit`.
    pub fields: Vec<(String, FieldValue)>,
}

impl LogLayer {
    /// A layer that writes as `logging` asks. A file that cannot be opened is replaced by standard
    /// error, and said there.
    pub fn new(logging: &Logging, identity: Identity, crates: &'static [&'static str]) -> Self {
        Self::with_outputs(logging, identity, crates, Outputs::open(&logging.outputs))
    }

    fn with_outputs(
        logging: &Logging,
        identity: Identity,
        crates: &'static [&'static str],
        outputs: Outputs,
    ) -> Self {
        Self {
            encoder: Encoder::new(logging, identity),
            outputs,
            sampler: logging.sampling.map(Sampler::new),
            level: LevelHandle::new(logging.level),
            crates,
        }
    }

    /// The switch for the level.
    pub fn level(&self) -> LevelHandle {
        self.level.clone()
    }

    /// Ours down to the configured level; of other crates' only what they warn about.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level.filter()
            && (*metadata.level() <= Level::WARN || self.is_ours(metadata.target()))
    }

    fn is_ours(&self, target: &str) -> bool {
        let name = target.split_once("::").map_or(target, |(name, _)| name);
        self.crates.contains(&name)
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.filter())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context
            .event_scope(event)
            .into_iter()
            .flat_map(Scope::from_root)
        {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        event.record(&mut fields);
        let metadata = event.metadata();
        let sampled = self.sampler.as_ref().is_none_or(|sampler| {
            sampler.admits(*metadata.level(), &fields.message, Instant::now())
        });
        if !sampled {
            return;
        }
        let line = Line {
            time: Local::now().fixed_offset(),
            level: *metadata.level(),
            caller: metadata.file().zip(metadata.line()),
            fields: &fields,
        };
        self.outputs.write(&self.encoder.encode(&line));
    }
}

#[cfg(test)]
mod tests;
