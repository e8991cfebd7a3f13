//! A process meter: what another process has used so far and holds now, from `/proc`.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

/// A process that is looked at from outside.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    id: u32,
}

/// One look at a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Processor time since its start, user and system, of all threads.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub resident: u64,
    /// Of it what no file backs, such as the heap, in bytes.
    pub anonymous: u64,
    /// The most resident memory so far, in bytes.
    pub peak: u64,
    /// Context switches since its start, voluntary or not, of the threads that still live.
    pub switches: u64,
}

impl Meter {
    /// Of the process with this id.
    pub fn of(id: u32) -> Self {
        Self { id }
    }

    /// Looks now; panics if the process is gone.
    #[track_caller]
    pub fn read(self) -> Reading {
        let status = self.file("status");
        let kilobytes = |field| number(&status, field).expect("memory in a status");
        let (mut on_cpu, mut switches) = (0, 0);
        for task in self.tasks() {
            // A thread may end between the listing and here.
            if let Ok(text) = fs::read_to_string(format!("{task}/schedstat")) {
                on_cpu += first_number(&text).unwrap_or(0);
            }
            if let Ok(text) = fs::read_to_string(format!("{task}/status")) {
                switches += number(&text, "voluntary_ctxt_switches:").unwrap_or(0);
                switches += number(&text, "nonvoluntary_ctxt_switches:").unwrap_or(0);
            }
        }
        Reading {
            // The first counts nanoseconds but not threads that ended, the second the reverse.
            cpu: Duration::from_nanos(on_cpu).max(ticks(&self.file("stat"))),
            resident: kilobytes("VmRSS:") * 1024,
            anonymous: kilobytes("RssAnon:") * 1024,
            peak: kilobytes("VmHWM:") * 1024,
            switches,
        }
    }

    /// How many TCP connections it holds now that are established.
    #[track_caller]
    pub fn connections(self) -> usize {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.id)).expect("its descriptors");
        let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let held: HashSet<String> = links
            .filter_map(|link| {
                let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(inode.to_owned())
            })
            .collect();
        let tables = ["net/tcp", "net/tcp6"].map(|table| self.file(table));
        let lines = tables.iter().flat_map(|table| table.lines());
        lines
            .filter_map(established)
            .filter(|inode| held.contains(*inode))
            .count()
    }

    fn tasks(self) -> Vec<String> {
        let folder = format!("/proc/{}/task", self.id);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
        entries
            .filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_owned()))
            .collect()
    }

    #[track_caller]
    fn file(self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.id);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// The inode of a line of `/proc/net/tcp`, if it is a connection in state 01, established.
fn established(line: &str) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    (fields.get(3) == Some(&"01")).then(|| fields.get(9).copied())?
}

fn number(status: &str, field: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| first_number(line.strip_prefix(field)?))
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of `/proc/PID/stat`, in hundredths of a second on every Linux.
fn ticks(stat: &str) -> Duration {
    // The second field is the name in parentheses and may hold blanks.
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = behind_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::time::Instant;

    use super::*;

    #[test]
    fn sees_what_this_process_uses() {
        let meter = Meter::of(std::process::id());
        let before = meter.read();
        let end = Instant::now() + Duration::from_millis(30);
        while Instant::now() < end {}
        let after = meter.read();
        assert!(after.cpu > before.cpu, "{after:?}");
        assert!(
            after.peak >= after.resident && after.resident > after.anonymous,
            "{after:?}"
        );
        assert!(after.switches >= before.switches);
    }

    #[test]
    fn counts_connections_and_no_listeners() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let meter = Meter::of(std::process::id());
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        assert!(meter.connections() >= 2);
    }

    #[test]
    fn reads_the_formats_of_proc() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 1 0 0 0 12 30 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Duration::from_millis(420));
        let line =
            "0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 4711 1";
        assert_eq!(established(line), Some("4711"));
        assert_eq!(established(&line.replace(" 01 ", " 0A ")), None);
        assert_eq!(number("VmRSS:\t  12 kB\n", "VmRSS:"), Some(12));
    }
}
