//! Two hours of events as fast as they go: after the first ten minutes' worth, memory must not grow
//! and connections must stay few.

use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use super::programs::Programs;
use super::rng::Rng;
use super::scene::Subject;
use super::setting::Setting;
use super::subject;
use crate::meter::Meter;

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often arrivals are counted.
const SLICE: Duration = Duration::from_secs(1);
/// Ten minutes of two hours.
const FIRST: usize = 12;
/// Caches that are still filling may take so much after the first ten minutes.
const FILLING: u64 = 8 << 20;
/// What counts as growth from the first hour to the second.
const GROWTH: u64 = 2 << 20;
/// What a connection in use may cost: its buffers and the event on it.
const CONNECTION: u64 = 100 << 10;
/// A program sends that many events at a time at most (docs/ping-adapter.md, Delivery).
const CONNECTIONS: usize = 512;
/// Nothing takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(15);
const MEGABYTE: f64 = (1 << 20) as f64;

/// What a soak has shown.
#[derive(Clone, Copy, Debug)]
pub struct Soaked {
    /// The subject.
    pub name: &'static str,
    /// Events that arrived.
    pub events: usize,
    /// How long they took.
    pub took: Duration,
    /// Resident memory after the first ten minutes' worth, in bytes.
    pub first: u64,
    /// The most in the first hour's worth.
    pub hour: u64,
    /// The most in the second.
    pub most: u64,
    /// The most connections seen in the first hour's worth.
    pub connections_hour: usize,
    /// The most in the second.
    pub connections: usize,
}

impl Soaked {
    /// Whether memory and connections have stayed within their bounds.
    pub fn is_well(&self) -> bool {
        let more = self.connections.saturating_sub(self.connections_hour) as u64;
        let most = self.most.max(self.hour);
        most <= self.first + FILLING + CONNECTION * self.connections_hour as u64
            && self.most <= self.hour + GROWTH + CONNECTION * more
            && self.connections.max(self.connections_hour) <= CONNECTIONS
    }

    /// One row of the table.
    pub fn row(&self) -> String {
        format!(
            "| {} | {} in {:.0} s | {:.1} MB | {:.1} MB | {:.1} MB | {} | {} |",
            self.name,
            self.events,
            self.took.as_secs_f64(),
            megabytes(self.first),
            megabytes(self.hour),
            megabytes(self.most),
            self.connections.max(self.connections_hour),
            if self.is_well() { "kept" } else { "**broken**" }
        )
    }
}

/// Soaks every subject that is wanted, one after the other.
pub fn all(programs: &Programs, wants: impl Fn(&str) -> bool, say: impl Fn(&str)) -> Vec<Soaked> {
    let wanted = subject::all()
        .into_iter()
        .filter(|subject| wants(subject.name()));
    wanted
        .map(|subject| {
            let soaked = soak(subject.as_ref(), programs);
            say(&soaked.row());
            soaked
        })
        .collect()
}

/// The section of the page; `programs` says which ones were soaked, such as "builds for tests".
pub fn section(soaked: &[Soaked], programs: &str) -> String {
    let mut text = HEAD.replace("{programs}", programs);
    for one in soaked {
        let _ = writeln!(text, "{}", one.row());
    }
    text
}

/// What the section begins with.
pub const TITLE: &str = "\n## Memory soak\n";
const HEAD: &str = "
## Memory soak

The events of two hours, as fast as they go: `cargo run --bin torture -- soak`. Promised: after the
first ten minutes resident memory grows by no more than 8 MiB, while caches fill; the second hour
takes no more than 2 MiB over the first. A connection in use may cost 100 KiB beside that, and there
are never more than 512. Memory is that of {programs}.

| program | events | most in ten minutes | in the first hour | in the second | most connections | promise |
|---|---|---|---|---|---|---|
";

fn soak(subject: &dyn Subject, programs: &Programs) -> Soaked {
    let mut setting = Setting::plain(programs.path(subject.program()));
    setting.hurries = true;
    let scene = subject.begin(setting);
    let meter = Meter::of(scene.stage().program.id().expect("a running program"));
    let total = subject.two_hours();
    let begun = Instant::now();
    let mut rng = Rng::new(0, subject.name());
    let mut soaked = Soaked {
        name: subject.name(),
        events: 0,
        took: Duration::ZERO,
        first: 0,
        hour: 0,
        most: 0,
        connections_hour: 0,
        connections: 0,
    };
    while soaked.events < total && begun.elapsed() < PATIENCE {
        let until = Instant::now() + SLICE;
        thread::scope(|scope| {
            let driving = scope.spawn(|| scene.drive(until, &mut rng));
            while !driving.is_finished() {
                look(&mut soaked, meter, total);
                thread::sleep(LOOK);
            }
        });
        soaked.events = scene.arrivals().len();
    }
    assert!(soaked.events >= total, "{soaked:?}: only so many events");
    soaked.took = begun.elapsed();
    soaked
}

fn look(soaked: &mut Soaked, meter: Meter, total: usize) {
    let resident = meter.read().resident;
    let connections = meter.connections();
    if soaked.events < total / FIRST {
        soaked.first = soaked.first.max(resident);
    }
    if soaked.events < total / 2 {
        soaked.hour = soaked.hour.max(resident);
        soaked.connections_hour = soaked.connections_hour.max(connections);
    } else {
        soaked.most = soaked.most.max(resident);
        soaked.connections = soaked.connections.max(connections);
    }
}

#[allow(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MEGABYTE
}
