//! Which traces are recorded: `samplingRate` and the two `OTEL_TRACES_SAMPLER` variables.
//!
//! Contract: `adapter-runtime.md` 5.6.

use std::fmt;

use crate::env::{Env, Problem};

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

/// Which traces are recorded. A trace that is not still travels, with flag `00`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampler {
    /// All of them.
    Always,
    /// None.
    Never,
    /// This share, by trace id.
    Ratio(f64),
    /// As the caller decided; all where there is no caller.
    ParentOrAlways,
    /// As the caller decided; none where there is no caller.
    ParentOrNever,
    /// As the caller decided; this share where there is no caller.
    ParentOrRatio(f64),
}

impl Sampler {
    /// The configured rate, unless `OTEL_TRACES_SAMPLER` replaces it.
    pub fn read(rate: f64, env: &Env) -> Result<Self, Problem> {
        let argument = env.non_empty(SAMPLER_ARG);
        if let Some(name) = env.non_empty(SAMPLER) {
            return Ok(Self::named(name, argument));
        }
        let asked = match argument {
            None => rate,
            Some(text) => text.trim().parse().map_err(|_| {
                Problem::new(SAMPLER_ARG, text, "want a number from 0 to 1", "0.1")
                    .with_exit_code(1)
            })?,
        };
        // Upstream compares the argument with 1 and nothing else; below that the rate counts.
        Ok(if asked >= 1.0 {
            Self::Always
        } else if rate <= 0.0 {
            Self::Never
        } else {
            Self::ParentOrRatio(rate)
        })
    }

    /// The names of the OpenTelemetry specification; an unknown one means its default.
    fn named(name: &str, argument: Option<&str>) -> Self {
        let ratio = || {
            argument
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(1.0)
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "always_on" => Self::Always,
            "always_off" => Self::Never,
            "traceidratio" => Self::Ratio(ratio()),
            "parentbased_always_off" => Self::ParentOrNever,
            "parentbased_traceidratio" => Self::ParentOrRatio(ratio()),
            _ => Self::ParentOrAlways,
        }
    }
}

impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("all traces"),
            Self::Never => f.write_str("no trace recorded"),
            Self::Ratio(share) => write!(f, "{share} of the traces"),
            Self::ParentOrAlways => f.write_str("as the caller decided, else all"),
            Self::ParentOrNever => f.write_str("as the caller decided, else none"),
            Self::ParentOrRatio(share) => write!(f, "as the caller decided, else {share}"),
        }
    }
}
