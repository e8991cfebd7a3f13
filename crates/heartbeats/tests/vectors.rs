//! The 38 recorded runs of upstream heartbeats against the real binary.
//!
//! Format: containersource-heartbeats.md 10. A vector marked `accept` states conditions instead of
//! a recording; those listed in [`superseded`] are answered differently on purpose
//! (docs/compatibility.md).

mod common;
mod vector;

use std::thread;

use testkit::Lag;
use vector::Vector;

/// Most vectors only wait; this many of them wait together.
const AT_ONCE: usize = 8;

/// What we answer instead of the recording, and nothing less strict than it.
fn superseded(vector: &mut Vector) {
    let recorded = &mut vector.upstream;
    match vector.name.as_str() {
        // A configuration that cannot work is exit code 64.
        "no-sink" | "bad-sink" => recorded.exit_code = Some(64),
        // 500 is retried, so the first event arrives with its second request.
        "failure-goes-on" => {
            let again = recorded.requests[0].clone();
            recorded.requests.insert(1, again);
            recorded.request_at_ms = vec![0, 40, 1000];
            recorded.same_id_as_previous = vec![true, false];
        }
        _ => {}
    }
}

#[test]
fn all_recorded_runs() {
    let mut vectors: Vec<Vector> =
        serde_json::from_str(include_str!("data/heartbeats-vectors.json")).expect("the vectors");
    assert_eq!(vectors.len(), 38);
    vectors.iter_mut().for_each(superseded);

    let lag = Lag::start();
    // Every run with ONE_SHOT calls Istio's port, so whoever listens there must be alone.
    let (with_istio, others): (Vec<_>, Vec<_>) =
        vectors.into_iter().partition(|vector| vector.istio);
    let mut failed = Vec::new();
    for group in others.chunks(AT_ONCE).chain(with_istio.chunks(1)) {
        thread::scope(|scope| {
            let runs: Vec<_> = group
                .iter()
                .map(|vector| (vector, scope.spawn(|| vector.check(&lag))))
                .collect();
            let bad = runs
                .into_iter()
                .filter_map(|(vector, run)| run.join().err().map(|_| vector));
            failed.extend(bad.map(|vector| vector.name.clone()));
        });
    }
    assert!(failed.is_empty(), "failed (see above): {failed:?}");
}
