//! A minute of torture with fixed seeds: every row but those that take minutes, once and short, and
//! the runs that once found a defect, as long as they were then.

use std::time::Duration;

use bench::torture::crew::run_all;
use bench::torture::fault::About;
use bench::torture::programs::Programs;
use bench::torture::report;
use bench::torture::row::{self, Row};
use bench::torture::run::{DRIVE, Outcome, Pace};
use testkit::{Lag, skip};

const SEED: u64 = 8;
const SHORT: Duration = Duration::from_secs(3);
/// Runs mostly wait: for time to pass, and for attempts to be made again.
const JOBS: usize = 16;
const FEW_JOBS: usize = 3;
/// A machine that is later than this cannot keep promises about time.
const LATE: Duration = Duration::from_millis(250);

/// What a seed has found, and what was wrong.
const FOUND: &[(&str, u64)] = &[
    // A replica that lost its lease and got it back skipped the ticks that were scheduled before
    // the loss and due, by their place in the spread, after it.
    ("ping-adapter/api-away", 2),
    ("ping-adapter/api-away", 5),
];

/// Of a program with two modes each fault of the line and of trust meets only one of them.
fn is_short(row: &Row) -> bool {
    let only_the_mode_matters = matches!(
        row.about,
        About::Sink | About::Line | About::Trust | About::Machine
    );
    let twins = [
        "gitlab-receiver",
        "apiserver-adapter-reference",
        "ping-adapter-standalone",
    ];
    let even = row.fault.name().len().is_multiple_of(2);
    let is_twin = twins.contains(&row.subject.name());
    let has_twin = is_twin || !matches!(row.subject.name(), "heartbeats" | "event-display");
    let left_out = only_the_mode_matters && has_twin && is_twin == even;
    !row.is_long() && !left_out
}

fn pace(drive: Duration) -> Pace {
    Pace {
        drive,
        programs: Programs::built(),
    }
}

/// Runs these and panics with what was broken. A machine that woke its sleepers late may have broken
/// a promise that hangs on time, so there only what breaks again counts.
#[track_caller]
fn judge(runs: Vec<(usize, u64)>, rows: &[Row], pace: &Pace) -> usize {
    let lag = Lag::start();
    let outcomes = run_all(runs, rows, pace, JOBS, None, |_| {});
    for outcome in &outcomes {
        if let Err(reason) = &outcome.result {
            skip(&outcome.row, reason);
        }
    }
    let count = outcomes.len();
    let mut broken: Vec<Outcome> = outcomes.into_iter().filter(Outcome::is_broken).collect();
    if lag.worst() > LATE {
        let index = |name: &str| rows.iter().position(|row| row.name() == name);
        let again = broken
            .iter()
            .map(|it| (index(&it.row).expect("a row"), it.seed));
        let again = run_all(
            again.collect::<Vec<_>>(),
            rows,
            pace,
            FEW_JOBS,
            None,
            |_| {},
        );
        broken = again.into_iter().filter(Outcome::is_broken).collect();
    }
    let words: Vec<String> = broken
        .iter()
        .map(|outcome| format!("{}\n{}", report::line(outcome), report::log(outcome)))
        .collect();
    assert!(words.is_empty(), "{}", words.join("\n"));
    count
}

#[test]
fn every_row_keeps_its_promise_for_a_short_time() {
    let rows: Vec<Row> = row::all().into_iter().filter(is_short).collect();
    let runs = (0..rows.len()).map(|row| (row, SEED)).collect();
    assert_eq!(judge(runs, &rows, &pace(SHORT)), rows.len());
}

#[test]
fn what_a_seed_has_found_stays_mended() {
    let wanted = |row: &Row| FOUND.iter().any(|(name, _)| *name == row.name());
    let rows: Vec<Row> = row::all().into_iter().filter(wanted).collect();
    let runs = FOUND.iter().map(|(name, seed)| {
        let index = rows.iter().position(|row| row.name() == *name);
        (index.expect("a row of this name"), *seed)
    });
    judge(runs.collect(), &rows, &pace(DRIVE));
}
