//! gitlab-receiver: hooks of two sizes, posted on at once or through the outbox on disk.

use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use testkit::free_port;

use super::event_display::{UNDER_LOAD, requests_of, under_load};
use super::{Scenario, Stage, stock};
use crate::candidate::Adapter;
use crate::figure::{Figure, Figures};
use crate::load::{Load, NUMBER};
use crate::running::Running;

pub(super) const SECRET: &str = "cz-4Qe8_Lw2.9vB!";
const PUSH: &str = include_str!("../../../gitlab-receiver/tests/data/gitlab/push_events.json");
const CONNECTIONS: usize = 16;
const DEADLINE: Duration = Duration::from_mins(2);
const SIZES: &[u64] = &[2_500, 20_000, 150_000, 1_000_000];
const ROWS: &[u64] = &[2_500, 1_000_000];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        key: "gitlab-receiver",
        adapter: Adapter::GitlabReceiver,
        title: "16 connections, hooks of {} B",
        axis: "bytes of a hook",
        sizes: SIZES,
        rows: ROWS,
        shows: UNDER_LOAD,
        goals: &[(Figure::CpuPerEvent, 1.0 / 5.0)],
        above_floor: None,
        measure: |stage, size| Some(measure(stage, size, false)),
    },
    Scenario {
        key: "gitlab-receiver-spool",
        adapter: Adapter::GitlabReceiver,
        title: "16 connections, hooks of {} B, with `SPOOL_DIR`",
        axis: "bytes of a hook",
        sizes: SIZES,
        rows: ROWS,
        shows: UNDER_LOAD,
        goals: &[],
        above_floor: None,
        measure: |stage, size| Some(measure(stage, size, true)),
    },
];

fn measure(stage: &Stage, bytes: u64, spool: bool) -> Figures {
    let sink = &stage.world.sink;
    let folder = tempfile::tempdir().expect("a directory");
    let spool = spool.then(|| folder.path().to_string_lossy().into_owned());
    let mut running = start(stage, spool.as_deref());
    until_open(&mut running);
    let head = format!(
        "POST / HTTP/1.1\r\nHost: hooks.example\r\nUser-Agent: GitLab/18.9.1-ee\r\n\
         X-Gitlab-Token: {SECRET}\r\nX-Gitlab-Event: Push Hook\r\nIdempotency-Key: {NUMBER}\r\n\
         Content-Type: application/json\r\n"
    );
    let load = Load {
        address: running.address(),
        connections: CONNECTIONS,
        requests: stage.requests(requests_of(bytes) / 4),
        first: 0,
        head,
        body: push_of(bytes),
    };
    sink.clear();
    under_load(&running, load, |events| sink.wait_for(events, DEADLINE))
}

pub(super) fn start(stage: &Stage, spool: Option<&str>) -> Running {
    let world = stage.world;
    let Some(programs) = stage.programs else {
        let port = free_port();
        let sink = world.sink.address().to_string();
        return Running::floor(["relay".to_owned(), port.to_string(), sink], port);
    };
    let mut prepared = programs.prepare(Adapter::GitlabReceiver);
    prepared.launch = prepared
        .launch
        .envs(stock::gitlab())
        .env("K_SINK", world.sink.url())
        .env("KUBECONFIG", world.empty.kubeconfig())
        .envs(spool.map(|folder| ("SPOOL_DIR", folder)));
    Running::start(prepared)
}

/// Waits until somebody listens.
pub(super) fn until_open(running: &mut Running) {
    let address = running.address();
    running.until("an open port", || TcpStream::connect(address).is_ok());
}

/// A push of at least this size: it has as many commits as that takes.
fn push_of(bytes: u64) -> Bytes {
    let mut push: Value = serde_json::from_str(PUSH).expect("a push");
    let commits = push["commits"].as_array_mut().expect("commits");
    let commit = commits[0].clone();
    let each = commit.to_string().len() + 1;
    let size = usize::try_from(bytes).expect("a size");
    let missing = size.saturating_sub(PUSH.len()) / each;
    commits.extend(std::iter::repeat_n(commit, missing));
    push["total_commits_count"] = json!(push["commits"].as_array().map_or(0, Vec::len));
    push.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_have_about_the_size() {
        for bytes in SIZES {
            let length = push_of(*bytes).len();
            let off = u64::try_from(length).unwrap().abs_diff(*bytes);
            assert!(off < 1_000, "{bytes}: {length}");
        }
    }
}
