//! On what, of what and when: the head of the document.

use std::fs;
use std::process::Command;

use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Where and when figures were taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many of its cores there are for us.
    pub cores: usize,
    /// Of memory.
    pub gibibytes: u64,
    /// Name and version.
    pub kernel: String,
    /// Ours, as git names it.
    pub commit: String,
    /// Time in UTC, RFC 3339.
    pub date: String,
}

impl Machine {
    /// This one, now.
    pub fn here() -> Self {
        let file = |path| fs::read_to_string(path).unwrap_or_default();
        let kilobytes: u64 = field(&file("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse().ok())
            .unwrap_or(0);
        Self {
            processor: field(&file("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            // What the kernel keeps for itself is not in it.
            gibibytes: (kilobytes + (1 << 19)) >> 20,
            kernel: format!("Linux {}", file("/proc/sys/kernel/osrelease").trim()),
            commit: commit().unwrap_or_else(|| "unknown".to_owned()),
            date: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

/// The first `name : value` of a file of `/proc`.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

fn commit() -> Option<String> {
    let git = ["describe", "--always", "--dirty", "--exclude", "*"];
    let output = Command::new("git").args(git).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields() {
        let text = "processor\t: 0\nmodel name\t: A CPU: fast\n";
        assert_eq!(field(text, "model name").as_deref(), Some("A CPU: fast"));
        assert_eq!(field(text, "model"), None);
    }

    #[test]
    fn this_machine_has_cores() {
        let machine = Machine::here();
        assert!(machine.cores > 0 && machine.gibibytes > 0, "{machine:?}");
    }
}
