//! ping-adapter, the dispatcher of a cluster: many sources, all on one second, and nothing to do.
//! One replica, without a Lease.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use testkit::{ApiServer, get};

use super::heartbeats::IDLE;
use super::{Scenario, Stage, is_watch, stock};
use crate::candidate::{Adapter, Programs};
use crate::figure::{Figure, Figures};
use crate::floor::{Rhythm, until_tick};
use crate::running::Running;
use crate::stats::quantile;

const PATIENCE: Duration = Duration::from_mins(2);
/// Over which both ours and stock spread the sources that fire on one second.
const SPREAD: Duration = Duration::from_millis(500);
const SECOND: Duration = Duration::from_secs(1);
/// The rhythm of the sources that all fire on one second.
const TICK: Duration = Duration::from_secs(20);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        key: "ping-adapter-steady",
        adapter: Adapter::PingAdapter,
        title: "{} sources every 2 s",
        axis: "sources",
        sizes: &[125, 250, 500, 1_000],
        rows: &[500],
        shows: &[
            Figure::CpuPerEvent,
            Figure::Resident,
            Figure::SwitchesPerEvent,
            Figure::Connections,
        ],
        goals: &[(Figure::CpuPerEvent, 1.0 / 8.0)],
        above_floor: Some(2.0),
        measure: |stage, size| Some(steady(stage, size)),
    },
    Scenario {
        key: "ping-adapter-second",
        adapter: Adapter::PingAdapter,
        title: "{} sources on one second",
        axis: "sources",
        sizes: &[1_250, 2_500, 5_000, 10_000],
        rows: &[10_000],
        shows: &[
            Figure::OffsetLast,
            Figure::OffsetP99,
            Figure::OffsetMedian,
            Figure::CpuPerEvent,
            Figure::Peak,
            Figure::Connections,
        ],
        goals: &[(Figure::CpuPerEvent, 1.0 / 8.0)],
        above_floor: Some(2.0),
        measure: |stage, size| Some(on_one_second(stage, size)),
    },
    Scenario {
        key: "ping-adapter-idle",
        adapter: Adapter::PingAdapter,
        title: "idle with {} sources",
        axis: "sources",
        sizes: &[1_250, 2_500, 5_000, 10_000],
        rows: &[10_000],
        shows: IDLE,
        goals: &[(Figure::Resident, 1.0 / 6.0)],
        above_floor: None,
        measure: |stage, size| stage.programs.map(|programs| idle(stage, programs, size)),
    },
];

fn steady(stage: &Stage, sources: u64) -> Figures {
    let (sink, number) = (&stage.world.sink, index(sources));
    let every = Duration::from_secs(2);
    sink.clear();
    let (running, _api) = start_firing(stage, number, "*/2 * * * * *", every);
    sink.wait_for(2 * number, PATIENCE);
    // Half way between two ticks, so that whole ticks are counted.
    sleep(until_tick(every) + SECOND);
    let (before, span) = (sink.count(), running.span());
    sleep(stage.window(10).max(every));
    span.per_event(sink.count() - before)
}

fn on_one_second(stage: &Stage, sources: u64) -> Figures {
    let (sink, number) = (&stage.world.sink, index(sources));
    let (mut running, api) = start_firing(stage, number, "*/20 * * * * *", TICK);
    // All of them are to be known, and those of an earlier tick gone.
    if let Some(api) = &api {
        until_watching(&mut running, api);
        running.until_calm();
    }
    sleep(until_tick(TICK).saturating_sub(SECOND));
    let tick = SystemTime::now() + until_tick(TICK);
    sink.clear();
    let span = running.span();
    sink.wait_for(number, SECOND + TICK);
    let mut figures = span.per_event(number);
    let mut offsets: Vec<Duration> = sink
        .arrivals()
        .iter()
        .map(|arrival| arrival.duration_since(tick).unwrap_or_default())
        .collect();
    offsets.sort_unstable();
    for (figure, share) in [
        (Figure::OffsetMedian, 0.5),
        (Figure::OffsetP99, 0.99),
        (Figure::OffsetLast, 1.0),
    ] {
        figures.insert(figure, quantile(&offsets, share).as_secs_f64() * 1e3);
    }
    figures
}

fn idle(stage: &Stage, programs: &Programs, sources: u64) -> Figures {
    let api = stage.world.ping_sources(index(sources), "0 0 1 1 *");
    let mut running = start(programs, &api.kubeconfig());
    until_watching(&mut running, &api);
    running.until_calm();
    let span = running.span();
    sleep(stage.window(10));
    span.per_minute()
}

/// The program with its sources, or the floor that does what they would.
fn start_firing(
    stage: &Stage,
    sources: usize,
    schedule: &str,
    every: Duration,
) -> (Running, Option<ApiServer>) {
    let world = stage.world;
    if let Some(programs) = stage.programs {
        let api = world.ping_sources(sources, schedule);
        return (start(programs, &api.kubeconfig()), Some(api));
    }
    let rhythm = Rhythm {
        sink: world.sink.address(),
        bytes: 30,
        count: u32::try_from(sources).expect("a number of sources"),
        every,
        spread: SPREAD,
    };
    (Running::floor(rhythm.args(), 0), None)
}

pub(super) fn start(programs: &Programs, kubeconfig: &Path) -> Running {
    let mut prepared = programs.prepare(Adapter::PingAdapter);
    prepared.launch = prepared
        .launch
        // Stock writes its Lease in protobuf, which the scripted API server does not read.
        .args(["--disable-ha"])
        .envs(stock::ping())
        .env("KUBECONFIG", kubeconfig);
    Running::start(prepared)
}

/// Waits until it is ready and watches the sources. Stock says that it is ready before it watches.
pub(super) fn until_watching(running: &mut Running, api: &ApiServer) {
    let health = running.health();
    running.until("a watch of the sources", || {
        api.call(|call| is_watch(call, "pingsources")).is_some()
    });
    running.until("readiness", || {
        get(health, "/readiness").is_ok_and(|reply| reply.status == 200)
    });
}

fn index(sources: u64) -> usize {
    usize::try_from(sources).expect("a number of sources")
}
