//! What can be measured, and how it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One measured quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Microseconds of processor time.
    CpuPerEvent,
    /// Milliseconds of processor time in a minute without work.
    CpuPerMinute,
    /// Milliseconds of processor time from the start to being ready.
    CpuToReady,
    /// Milliseconds from the start to being ready.
    Ready,
    /// MiB, at the end.
    Resident,
    /// MiB of it that no file backs: without the program's own code, which is most of ours.
    Anonymous,
    /// MiB, the most.
    Peak,
    /// Context switches for each event.
    SwitchesPerEvent,
    /// Context switches in a minute without work.
    SwitchesPerMinute,
    /// Established connections, the most seen.
    Connections,
    /// Events a second that came through.
    Rate,
    /// Milliseconds until an answer, of half of the requests at most.
    LatencyMedian,
    /// The same of 99 of 100.
    LatencyP99,
    /// Milliseconds from a tick to the arrival, of half of the events at most.
    OffsetMedian,
    /// The same of 99 of 100.
    OffsetP99,
    /// The same of the last one.
    OffsetLast,
    /// MiB, the program's file, which is all that is in our images.
    File,
    /// MiB, the same as a gzip layer.
    Packed,
}

/// The figures of one run.
pub type Figures = BTreeMap<Figure, f64>;

impl Figure {
    /// As the document calls it.
    pub fn label(self) -> &'static str {
        match self {
            Self::CpuPerEvent => "CPU per event",
            Self::CpuPerMinute => "CPU per minute",
            Self::CpuToReady => "CPU to ready",
            Self::Ready => "start to ready",
            Self::Resident => "memory",
            Self::Anonymous => "memory without code",
            Self::Peak => "peak memory",
            Self::SwitchesPerEvent => "context switches per event",
            Self::SwitchesPerMinute => "context switches per minute",
            Self::Connections => "connections",
            Self::Rate => "events per second",
            Self::LatencyMedian => "answer, median",
            Self::LatencyP99 => "answer, 99 %",
            Self::OffsetMedian => "after the tick, median",
            Self::OffsetP99 => "after the tick, 99 %",
            Self::OffsetLast => "after the tick, last",
            Self::File => "binary",
            Self::Packed => "binary, packed",
        }
    }

    /// The unit; empty for a number.
    pub fn unit(self) -> &'static str {
        match self {
            Self::CpuPerEvent => "µs",
            Self::CpuPerMinute
            | Self::CpuToReady
            | Self::Ready
            | Self::LatencyMedian
            | Self::LatencyP99
            | Self::OffsetMedian
            | Self::OffsetP99
            | Self::OffsetLast => "ms",
            Self::Resident | Self::Anonymous | Self::Peak | Self::File | Self::Packed => "MiB",
            Self::SwitchesPerEvent | Self::SwitchesPerMinute | Self::Connections | Self::Rate => "",
        }
    }

    /// With its unit: `31.4 µs`.
    pub fn write(self, value: f64) -> String {
        match self.unit() {
            "" => number(value),
            unit => format!("{} {unit}", number(value)),
        }
    }
}

/// Three digits, or all of those before the point.
pub fn number(value: f64) -> String {
    match value.abs() {
        // Also what would round up to 100 with a digit behind the point.
        99.95.. => format!("{value:.0}"),
        9.995.. => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, want) in [
            (0.0, "0"),
            (0.126, "0.13"),
            (1.0, "1.00"),
            (9.996, "10.0"),
            (31.44, "31.4"),
            (99.96, "100"),
            (12_345.6, "12346"),
        ] {
            assert_eq!(number(value), want);
        }
        assert_eq!(Figure::CpuPerEvent.write(31.44), "31.4 µs");
        assert_eq!(Figure::Rate.write(20_000.0), "20000");
    }
}
