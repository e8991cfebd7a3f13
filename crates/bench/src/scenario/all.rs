//! What every program has: a size, a start, and memory while nothing happens.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Advice, fadvise};
use testkit::ApiServer;

use super::{Scenario, Stage, apiserver, event_display, gitlab, heartbeats, ping};
use crate::candidate::{Adapter, Programs};
use crate::figure::{Figure, Figures};
use crate::running::{Running, count};

const MEBIBYTE: f64 = 1024.0 * 1024.0;
/// A start takes milliseconds, so that one alone says more about the machine than about the program.
const STARTS: usize = 5;

pub(super) const SCENARIOS: &[Scenario] = &[
    of(
        Adapter::EventDisplay,
        "all-event-display",
        "start of event-display, until it answers",
    ),
    of(
        Adapter::GitlabReceiver,
        "all-gitlab-receiver",
        "start of gitlab-receiver, until its port is open",
    ),
    of(
        Adapter::PingAdapter,
        "all-ping-adapter",
        "start of ping-adapter, until it watches",
    ),
    of(
        Adapter::ApiserverAdapter,
        "all-apiserver-adapter",
        "start of apiserver-adapter, until it watches",
    ),
    of(
        Adapter::Heartbeats,
        "all-heartbeats",
        "start of heartbeats, until the first beat arrives",
    ),
];

const fn of(adapter: Adapter, key: &'static str, title: &'static str) -> Scenario {
    Scenario {
        key,
        adapter,
        title,
        axis: "",
        sizes: &[1],
        rows: &[1],
        shows: &[
            Figure::Ready,
            Figure::Resident,
            Figure::Anonymous,
            Figure::File,
            Figure::Packed,
        ],
        goals: &[
            (Figure::Ready, 1.0 / 6.0),
            (Figure::Resident, 1.0 / 6.0),
            (Figure::File, 1.0 / 5.0),
        ],
        above_floor: None,
        measure: match adapter {
            Adapter::EventDisplay => |stage, _| measure(stage, Adapter::EventDisplay),
            Adapter::GitlabReceiver => |stage, _| measure(stage, Adapter::GitlabReceiver),
            Adapter::PingAdapter => |stage, _| measure(stage, Adapter::PingAdapter),
            Adapter::ApiserverAdapter => |stage, _| measure(stage, Adapter::ApiserverAdapter),
            Adapter::Heartbeats => |stage, _| measure(stage, Adapter::Heartbeats),
        },
    }
}

fn measure(stage: &Stage, adapter: Adapter) -> Option<Figures> {
    let programs = stage.programs?;
    let file = programs.file(adapter);
    evict(&file);
    let mut starts: Vec<Duration> = (1..STARTS)
        .map(|_| start(stage, programs, adapter).1)
        .collect();
    let (running, ready, _api) = start(stage, programs, adapter);
    starts.push(ready);
    starts.sort_unstable();
    // A process takes a moment to reach the memory it stays at.
    std::thread::sleep(stage.window(2));
    let mut figures = running.memory();
    let median = starts[STARTS / 2];
    figures.insert(Figure::Ready, median.as_secs_f64() * 1e3);
    let size = fs::metadata(&file).expect("a program").len();
    let mebibytes = |bytes| count(usize::try_from(bytes).unwrap_or(usize::MAX)) / MEBIBYTE;
    figures.insert(Figure::File, mebibytes(size));
    figures.insert(Figure::Packed, mebibytes(stage.world.packed(&file)));
    Some(figures)
}

/// Out of the page cache, so that the first start brings in what it needs. A file that was just written
/// or read lies there in larger pieces, and those count whole as resident.
fn evict(program: &Path) {
    let program = File::open(program).expect("a program");
    // What is not on disk yet would stay.
    program.sync_all().expect("a disk");
    fadvise(&program, 0, None, Advice::DontNeed).expect("a file");
}

/// Starts it, and says how long that took. It stays at rest only while there is its API server.
fn start(
    stage: &Stage,
    programs: &Programs,
    adapter: Adapter,
) -> (Running, Duration, Option<ApiServer>) {
    let world = stage.world;
    let mut running;
    let mut api = None;
    match adapter {
        Adapter::EventDisplay => {
            running = event_display::start(stage);
            event_display::until_open(&mut running);
        }
        Adapter::GitlabReceiver => {
            running = gitlab::start(stage, None);
            gitlab::until_open(&mut running);
        }
        Adapter::PingAdapter => {
            let api = api.insert(world.ping_sources(0, ""));
            running = ping::start(programs, &api.kubeconfig());
            ping::until_watching(&mut running, api);
        }
        Adapter::ApiserverAdapter => {
            let api = api.insert(ApiServer::start());
            running = apiserver::start(stage, programs, "Reference", &api.kubeconfig());
            apiserver::until_watching(&mut running, api);
        }
        Adapter::Heartbeats => {
            world.sink.clear();
            running = heartbeats::start(stage, 5);
            running.until("a beat", || world.sink.count() > 0);
        }
    }
    let ready = running.started().elapsed();
    (running, ready, api)
}
