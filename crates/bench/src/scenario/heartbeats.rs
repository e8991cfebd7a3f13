//! heartbeats: a process that does next to nothing for days.

use std::time::Duration;

use super::{Scenario, Stage};
use crate::candidate::Adapter;
use crate::figure::{Figure, Figures};
use crate::floor::Rhythm;
use crate::running::Running;

const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const IDLE: &[Figure] = &[
    Figure::Resident,
    Figure::Anonymous,
    Figure::CpuPerMinute,
    Figure::SwitchesPerMinute,
    Figure::Connections,
];

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    key: "heartbeats",
    adapter: Adapter::Heartbeats,
    title: "idle: {} beats a minute",
    axis: "beats a minute",
    sizes: &[6, 12, 30, 60],
    rows: &[12],
    shows: IDLE,
    goals: &[(Figure::Resident, 1.0 / 6.0)],
    above_floor: None,
    measure: |stage, size| Some(measure(stage, size)),
}];

fn measure(stage: &Stage, beats: u64) -> Figures {
    let sink = &stage.world.sink;
    sink.clear();
    let running = start(stage, 60 / beats);
    sink.wait_for(1, PATIENCE);
    running.until_calm();
    let span = running.span();
    std::thread::sleep(stage.window(10));
    span.per_minute()
}

pub(super) fn start(stage: &Stage, period: u64) -> Running {
    let sink = &stage.world.sink;
    let Some(programs) = stage.programs else {
        let rhythm = Rhythm {
            sink: sink.address(),
            bytes: 20,
            count: 1,
            every: Duration::from_secs(period),
            spread: Duration::ZERO,
        };
        return Running::floor(rhythm.args(), 0);
    };
    let mut prepared = programs.prepare(Adapter::Heartbeats);
    prepared.launch = prepared
        .launch
        .args([format!("--period={period}")])
        .env("K_SINK", sink.url())
        .env("POD_NAME", "heartbeats")
        .env("POD_NAMESPACE", "default");
    Running::start(prepared)
}
