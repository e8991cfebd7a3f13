//! The `process_*` metrics that dashboards expect, read from `/proc` when Prometheus asks.
//!
//! Only there: an OTLP collector has its own host metrics.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};

/// Ticks per second in `/proc/self/stat`; Linux has told programs 100 on every architecture since
/// 2.6.
const TICKS: f64 = 100.0;

/// Reads `/proc/self`.
pub(super) struct Process {
    cpu: Counter,
    resident: Gauge,
    virtual_memory: Gauge,
    open_files: Gauge,
    max_files: Gauge,
    started: Gauge,
}

impl Process {
    pub(super) fn new() -> prometheus::Result<Self> {
        Ok(Self {
            cpu: Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )?,
            resident: Gauge::new(
                "process_resident_memory_bytes",
                "Resident memory size in bytes.",
            )?,
            virtual_memory: Gauge::new(
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes.",
            )?,
            open_files: Gauge::new("process_open_fds", "Number of open file descriptors.")?,
            max_files: Gauge::new(
                "process_max_fds",
                "Maximum number of open file descriptors.",
            )?,
            started: Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            )?,
        })
    }

    /// Takes what can be read; a value that cannot keeps its last state.
    fn read(&self) -> Option<()> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        self.resident.set(kilobytes(&status, "VmRSS:")?);
        self.virtual_memory.set(kilobytes(&status, "VmSize:")?);

        let times = Times::parse(&fs::read_to_string("/proc/self/stat").ok()?)?;
        self.cpu.reset();
        self.cpu.inc_by(times.cpu);
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let booted: f64 = field(&machine, "btime")?.parse().ok()?;
        self.started.set(booted + times.started);

        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let limit = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        // "unlimited" has no number.
        self.max_files.set(
            limit
                .split_whitespace()
                .next()?
                .parse()
                .unwrap_or(f64::INFINITY),
        );
        // One of them is the directory that is being read.
        let open = fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1);
        self.open_files.set(f64::from(u32::try_from(open).ok()?));
        Some(())
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        [
            &self.resident,
            &self.virtual_memory,
            &self.open_files,
            &self.max_files,
            &self.started,
        ]
        .into_iter()
        .flat_map(Collector::desc)
        .chain(self.cpu.desc())
        .collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Without /proc the values are those of the last time, at first zeros.
        let _ = self.read();
        [
            &self.resident,
            &self.virtual_memory,
            &self.open_files,
            &self.max_files,
            &self.started,
        ]
        .into_iter()
        .flat_map(Collector::collect)
        .chain(self.cpu.collect())
        .collect()
    }
}

/// Seconds of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Times {
    cpu: f64,
    /// Since the machine started.
    started: f64,
}

impl Times {
    fn parse(stat: &str) -> Option<Self> {
        // The name of the program stands in brackets and may itself hold some.
        let (_, numbers) = stat.rsplit_once(')')?;
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        // Fields 14, 15 and 22 of proc(5); the first one here is field 3.
        let seconds = |field: usize| Some(numbers.get(field - 3)?.parse::<f64>().ok()? / TICKS);
        Some(Self {
            cpu: seconds(14)? + seconds(15)?,
            started: seconds(22)?,
        })
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .map(str::trim)
}

/// `VmRSS:     3868 kB`, in bytes.
fn kilobytes(status: &str, name: &str) -> Option<f64> {
    Some(
        field(status, name)?
            .strip_suffix("kB")?
            .trim()
            .parse::<f64>()
            .ok()?
            * 1024.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b)) S 1 7 7 0 -1 4194560 120 0 0 0 250 50 0 0 20 0 1 0 12345 9 9 9";
        assert_eq!(
            Times::parse(stat),
            Some(Times {
                cpu: 3.0,
                started: 123.45
            })
        );
        assert_eq!(Times::parse("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_plausible_values() {
        let process = Process::new().unwrap();
        process.read().expect("/proc is there where tests run");
        assert!(process.resident.get() > 1e5, "{}", process.resident.get());
        assert!(process.open_files.get() >= 3.0);
        assert!(process.max_files.get() >= process.open_files.get());
        let now = f64::from(u32::try_from(chrono::Utc::now().timestamp()).unwrap());
        assert!(
            (now - process.started.get()).abs() < 86_400.0,
            "{}",
            process.started.get()
        );
        let names: Vec<String> = process
            .collect()
            .iter()
            .map(|family| family.name().to_owned())
            .collect();
        assert_eq!(names.len(), 6);
        assert!(names.iter().all(|name| name.starts_with("process_")));
    }
}
