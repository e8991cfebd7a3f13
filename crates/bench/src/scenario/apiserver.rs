//! apiserver-adapter: changes in both modes, a start with everything there, and silence.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use testkit::{ApiServer, get};

use super::heartbeats::IDLE;
use super::{Scenario, Stage, is_watch, stock};
use crate::candidate::{Adapter, Programs};
use crate::figure::{Figure, Figures};
use crate::floor::Rhythm;
use crate::running::{Running, count};
use crate::world::{CONFIG_MAPS, config_map, config_maps};

const PATIENCE: Duration = Duration::from_mins(3);
/// Of text in each changed object; with what stands around it 2.2 kB.
const TEXT: usize = 2_000;
const CHANGED: &[u64] = &[1_250, 2_500, 5_000, 10_000];
const CHANGES: &[Figure] = &[
    Figure::CpuPerEvent,
    Figure::Rate,
    Figure::Peak,
    Figure::SwitchesPerEvent,
    Figure::Connections,
];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        key: "apiserver-adapter-resource",
        adapter: Adapter::ApiserverAdapter,
        title: "{} objects updated and deleted, mode Resource",
        axis: "objects",
        sizes: CHANGED,
        rows: &[5_000],
        shows: CHANGES,
        goals: &[(Figure::CpuPerEvent, 1.0 / 6.0)],
        above_floor: None,
        measure: |stage, size| Some(changes(stage, size, "Resource")),
    },
    Scenario {
        key: "apiserver-adapter-reference",
        adapter: Adapter::ApiserverAdapter,
        title: "{} objects updated and deleted, mode Reference",
        axis: "objects",
        sizes: CHANGED,
        rows: &[5_000],
        shows: CHANGES,
        goals: &[(Figure::CpuPerEvent, 1.0 / 6.0)],
        above_floor: None,
        measure: |stage, size| Some(changes(stage, size, "Reference")),
    },
    Scenario {
        key: "apiserver-adapter-start",
        adapter: Adapter::ApiserverAdapter,
        title: "start with {} objects of 4.8 kB",
        axis: "objects",
        sizes: &[10_000, 30_000, 60_000, 100_000],
        rows: &[30_000, 100_000],
        shows: &[
            Figure::Peak,
            Figure::Resident,
            Figure::Ready,
            Figure::CpuToReady,
        ],
        goals: &[(Figure::Ready, 1.0 / 6.0)],
        above_floor: None,
        measure: |stage, size| {
            stage
                .programs
                .map(|programs| beginning(stage, programs, size))
        },
    },
    Scenario {
        key: "apiserver-adapter-idle",
        adapter: Adapter::ApiserverAdapter,
        title: "idle with {} objects",
        axis: "objects",
        sizes: &[100, 1_000, 3_000, 10_000],
        rows: &[1_000],
        shows: IDLE,
        goals: &[(Figure::Resident, 1.0 / 6.0)],
        above_floor: None,
        measure: |stage, size| stage.programs.map(|programs| idle(stage, programs, size)),
    },
];

fn changes(stage: &Stage, objects: u64, mode: &str) -> Figures {
    let (sink, objects) = (&stage.world.sink, stage.requests(index(objects)));
    let events = 2 * objects;
    sink.clear();
    let Some(programs) = stage.programs else {
        let rhythm = Rhythm {
            sink: sink.address(),
            bytes: if mode == "Resource" { TEXT + 200 } else { 100 },
            count: u32::try_from(events).expect("a number of events"),
            every: Duration::ZERO,
            spread: Duration::ZERO,
        };
        let started = Instant::now();
        let running = Running::floor(rhythm.args(), 0);
        sink.wait_for(events, PATIENCE);
        return with_rate(
            running.span_from_start().per_event(events),
            events,
            started.elapsed(),
        );
    };
    let api = config_maps(objects, TEXT);
    let mut running = start(stage, programs, mode, &api.kubeconfig());
    until_watching(&mut running, &api);
    running.until_calm();
    let (span, started) = (running.span(), Instant::now());
    for number in 0..objects {
        let object = config_map(number, 2, TEXT);
        api.apply(CONFIG_MAPS, object);
        api.delete(CONFIG_MAPS, "default", &format!("map-{number}"));
    }
    sink.wait_for(events, PATIENCE);
    with_rate(span.per_event(events), events, started.elapsed())
}

fn with_rate(mut figures: Figures, events: usize, took: Duration) -> Figures {
    let rate = count(events) / took.as_secs_f64();
    figures.insert(Figure::Rate, rate);
    figures
}

fn beginning(stage: &Stage, programs: &Programs, objects: u64) -> Figures {
    let api = stage.world.objects(stage.requests(index(objects)));
    let mut running = start(stage, programs, "Resource", &api.kubeconfig());
    until_watching(&mut running, &api);
    let (ready, cpu) = (running.started().elapsed(), running.read().cpu);
    running.until_calm();
    let mut figures = running.memory();
    figures.insert(Figure::Ready, ready.as_secs_f64() * 1e3);
    figures.insert(Figure::CpuToReady, cpu.as_secs_f64() * 1e3);
    figures
}

fn idle(stage: &Stage, programs: &Programs, objects: u64) -> Figures {
    let api = config_maps(index(objects), TEXT);
    let mut running = start(stage, programs, "Resource", &api.kubeconfig());
    until_watching(&mut running, &api);
    running.until_calm();
    let span = running.span();
    sleep(stage.window(10));
    span.per_minute()
}

pub(super) fn start(stage: &Stage, programs: &Programs, mode: &str, kubeconfig: &Path) -> Running {
    let config = json!({
        "namespaces": ["default"],
        "allNamespaces": false,
        "resources": [{"gvr": {"Group": "", "Version": "v1", "Resource": "configmaps"}}],
        "mode": mode,
    });
    let mut prepared = programs.prepare(Adapter::ApiserverAdapter);
    prepared.launch = prepared
        .launch
        .envs(stock::apiserver())
        .env("K_SOURCE_CONFIG", config.to_string())
        .env("K_SINK", stage.world.sink.url())
        .env("KUBECONFIG", kubeconfig);
    Running::start(prepared)
}

/// Waits until it is ready and watches. Stock says that it is ready before it watches.
pub(super) fn until_watching(running: &mut Running, api: &ApiServer) {
    let (health, started) = (running.health(), running.started());
    // An API server may be used again.
    running.until("a watch", || {
        let watch = api.call(|call| is_watch(call, "configmaps") && call.request.at > started);
        watch.is_some()
    });
    running.until("readiness", || {
        get(health, "/readiness").is_ok_and(|reply| reply.status == 200)
    });
}

fn index(objects: u64) -> usize {
    usize::try_from(objects).expect("a number of objects")
}
