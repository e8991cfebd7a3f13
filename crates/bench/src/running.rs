//! One started process that is measured, whatever it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use testkit::{Launch, Process};

use crate::candidate::Prepared;
use crate::figure::{Figure, Figures};
use crate::meter::{Meter, Reading};

/// How often something is looked for: a start takes milliseconds.
const PAUSE: Duration = Duration::from_micros(500);
/// Enough for a program with a hundred thousand objects.
const PATIENCE: Duration = Duration::from_mins(3);
/// Less than this in [`CALM`] is no work.
const CALM_CPU: Duration = Duration::from_millis(5);
const CALM: Duration = Duration::from_millis(500);
/// Some never get calm.
const CALM_AT_LAST: Duration = Duration::from_secs(30);
/// How often connections are counted.
const COUNTING: Duration = Duration::from_millis(100);

const MEBIBYTE: f64 = 1024.0 * 1024.0;

/// A process under measurement. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    process: Process,
    meter: Meter,
    address: SocketAddr,
    health: SocketAddr,
}

/// The span from one look at a process to another.
#[derive(Debug)]
pub struct Span {
    before: Reading,
    meter: Meter,
    started: Instant,
    most: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    counting: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts it. What it prints is read and dropped, as fast as it comes.
    pub fn start(prepared: Prepared) -> Self {
        let process = prepared.launch.stdout(drain()).start();
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            meter: Meter::of(process.id()),
            process,
            address: local(prepared.port),
            health: local(prepared.health_port),
        }
    }

    /// Starts a floor, `bench floor` with these arguments, that listens on this port if at all.
    pub fn floor(args: impl IntoIterator<Item = String>, port: u16) -> Self {
        let this = std::env::current_exe().expect("this program");
        let launch = Launch::new(this).args(["floor".to_owned()]).args(args);
        Self::start(Prepared {
            launch,
            port,
            health_port: port,
        })
    }

    /// Where it takes requests.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it answers probes.
    pub fn health(&self) -> SocketAddr {
        self.health
    }

    /// Just before it was started.
    pub fn started(&self) -> Instant {
        self.process.started()
    }

    /// Looks until `is_so`; panics if the process ends before, or with `what` after three minutes.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            let exit = self.process.exited();
            assert!(exit.is_none(), "{exit:?}: {}", self.process.stderr().text());
            assert!(
                Instant::now() < end,
                "never: {what}\n{}",
                self.process.stderr().text()
            );
            thread::sleep(PAUSE);
        }
    }

    /// Waits until it has nothing left to do of what its start brought.
    pub fn until_calm(&self) {
        let end = Instant::now() + CALM_AT_LAST;
        let mut before = self.meter.read().cpu;
        loop {
            thread::sleep(CALM);
            let now = self.meter.read().cpu;
            if now.saturating_sub(before) < CALM_CPU || Instant::now() > end {
                return;
            }
            before = now;
        }
    }

    /// What it has used since its start.
    pub fn read(&self) -> Reading {
        self.meter.read()
    }

    /// Begins a span.
    pub fn span(&self) -> Span {
        Span::begin(self.meter, self.meter.read())
    }

    /// A span that began with the process.
    pub fn span_from_start(&self) -> Span {
        Span::begin(self.meter, Reading::default())
    }

    /// Its memory now, as figures.
    pub fn memory(&self) -> Figures {
        memory(self.meter.read())
    }
}

impl Span {
    fn begin(meter: Meter, before: Reading) -> Self {
        let (most, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, stop) = (Arc::clone(&most), Arc::clone(&over));
        let counting = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                count.fetch_max(meter.connections(), Ordering::Relaxed);
                thread::park_timeout(COUNTING);
            }
        });
        Self {
            before,
            meter,
            started: Instant::now(),
            most,
            over,
            counting: Some(counting),
        }
    }

    /// Ends it: what each of so many events took, and the memory now.
    pub fn per_event(mut self, events: usize) -> Figures {
        let (cpu, switches, mut figures) = self.end();
        let events = count(events.max(1));
        figures.insert(Figure::CpuPerEvent, cpu.as_secs_f64() * 1e6 / events);
        figures.insert(Figure::SwitchesPerEvent, switches / events);
        figures
    }

    /// Ends it: what a minute takes, and the memory now.
    pub fn per_minute(mut self) -> Figures {
        let minutes = self.started.elapsed().as_secs_f64() / 60.0;
        let (cpu, switches, mut figures) = self.end();
        figures.insert(Figure::CpuPerMinute, cpu.as_secs_f64() * 1e3 / minutes);
        figures.insert(Figure::SwitchesPerMinute, switches / minutes);
        figures
    }

    fn end(&mut self) -> (Duration, f64, Figures) {
        let now = self.meter.read();
        self.stop();
        let mut figures = memory(now);
        figures.insert(
            Figure::Connections,
            count(self.most.load(Ordering::Relaxed)),
        );
        let switches = now.switches.saturating_sub(self.before.switches);
        let switches = count(usize::try_from(switches).unwrap_or(usize::MAX));
        (now.cpu.saturating_sub(self.before.cpu), switches, figures)
    }

    fn stop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(counting) = self.counting.take() {
            counting.thread().unpark();
            // It panics when the process ends, which whoever waits for it says better.
            let _ = counting.join();
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub fn count(number: usize) -> f64 {
    number as f64
}

fn memory(reading: Reading) -> Figures {
    let mebibytes = |bytes| count(usize::try_from(bytes).unwrap_or(usize::MAX)) / MEBIBYTE;
    Figures::from([
        (Figure::Resident, mebibytes(reading.resident)),
        (Figure::Anonymous, mebibytes(reading.anonymous)),
        (Figure::Peak, mebibytes(reading.peak)),
    ])
}

/// A pipe with a reader, as a container runtime gives one to its programs.
fn drain() -> File {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while reader.read(&mut buffer).is_ok_and(|count| count > 0) {}
    });
    OwnedFd::from(writer).into()
}
