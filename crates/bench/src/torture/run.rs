//! One run of a row: start, drive and strike at the same time, heal, wait, judge.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::oracle::{self, Seen};
use super::programs::Programs;
use super::rng::Rng;
use super::row::{Loss, Row};
use super::scene::Scene;
use super::schedule::{Strike, strikes};
use super::setting::Setting;

/// How long after the last fault a promised event may take. Waits between attempts grow up to 36 s.
const PATIENCE: Duration = Duration::from_secs(75);
/// The same where a program looks at a silent connection only now and then.
const LONG_PATIENCE: Duration = Duration::from_mins(7);
/// Where events may be missing, nothing more is expected when nothing came for this time.
const QUIET: Duration = Duration::from_secs(5);
/// Repeats are looked for this long after everything has arrived.
const AFTERMATH: Duration = Duration::from_millis(700);
const SECOND: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);

/// How long events are made in one run, unless somebody is in a hurry.
pub const DRIVE: Duration = Duration::from_secs(12);

/// How a row is run.
#[derive(Clone, Debug)]
pub struct Pace {
    /// How long events are made.
    pub drive: Duration,
    /// Where the programs are.
    pub programs: Programs,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The row.
    pub row: String,
    /// The seed that replays its faults.
    pub seed: u64,
    /// When the fault struck.
    pub strikes: Vec<Strike>,
    /// What was seen; an error says why nothing could be.
    pub result: Result<Findings, String>,
}

impl Outcome {
    /// Whether a promise was broken.
    pub fn is_broken(&self) -> bool {
        self.result
            .as_ref()
            .is_ok_and(|findings| !findings.broken.is_empty())
    }
}

/// What was seen, and which promises it breaks.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// By the oracle.
    pub seen: Seen,
    /// How many events the program openly refused.
    pub refused: usize,
    /// How many it has named in its log as given up.
    pub logged: usize,
    /// Broken promises, in words.
    pub broken: Vec<String>,
    /// The end of the log, if a promise was broken.
    pub log: String,
}

/// Runs a row once. Never panics.
pub fn run(row: &Row, seed: u64, pace: &Pace) -> Outcome {
    let name = row.name();
    let mut rng = Rng::new(seed, &name);
    let strikes = strikes(pace.drive, row.subject.limits(), &mut rng);
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut setting = Setting::plain(pace.programs.path(row.subject.program()));
        match row.fault.prepare(&mut setting) {
            Err(skip) => Err(skip.to_string()),
            Ok(()) => Ok(play(row, setting, &strikes, rng, pace)),
        }
    }));
    let result = result.unwrap_or_else(|panic| {
        Ok(Findings {
            broken: vec![words(panic.as_ref())],
            ..Findings::default()
        })
    });
    Outcome {
        row: name,
        seed,
        strikes,
        result,
    }
}

fn play(row: &Row, setting: Setting, strikes: &[Strike], mut rng: Rng, pace: &Pace) -> Findings {
    let mut faults = Rng::new(rng.draw(), "faults");
    // Ticks and leases hang on the wall clock, so the seed says at which part of a second.
    let mut phases = Rng::new(rng.clone().draw(), "phases");
    sleep_until_phase(phases.time(Duration::ZERO..SECOND));
    let scene = row.subject.begin(setting);
    let scene = scene.as_ref();
    sleep_until_phase(phases.time(Duration::ZERO..SECOND));
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| scene.drive(begun + pace.drive, &mut rng));
        for strike in strikes {
            thread::sleep((begun + strike.at).saturating_duration_since(Instant::now()));
            row.fault.strike(scene.stage(), strike.length, &mut faults);
        }
    });
    let healed = scene.stage().started.elapsed();
    settle(row, scene);
    findings(row, scene, healed)
}

/// Until the wall clock is so far into a second.
fn sleep_until_phase(phase: Duration) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = Duration::from_nanos(now.map_or(0, |now| now.subsec_nanos().into()));
    let later = if phase < now { phase + SECOND } else { phase };
    thread::sleep(later.saturating_sub(now));
}

/// Waits until everything that is promised is there.
fn settle(row: &Row, scene: &dyn Scene) {
    let begun = Instant::now();
    let mut quiet_since = (begun, 0);
    while begun.elapsed() < patience(row) {
        let arrivals = scene.arrivals();
        if arrivals.len() != quiet_since.1 {
            quiet_since = (Instant::now(), arrivals.len());
        }
        let missing = oracle::missing(&scene.expected(), &arrivals);
        let is_over = match row.promise.loss {
            Loss::None => missing == 0,
            Loss::Logged(_) => missing <= scene.stage().program.losses(),
            // Programs that send for ever are never quiet, but what is lost is then overtaken.
            Loss::Any(_) => quiet_since.0.elapsed() > QUIET || begun.elapsed() > QUIET * 2,
        };
        if is_over {
            break;
        }
        thread::sleep(LOOK);
    }
    thread::sleep(AFTERMATH);
}

fn patience(row: &Row) -> Duration {
    if row.is_long() {
        LONG_PATIENCE
    } else {
        PATIENCE
    }
}

fn findings(row: &Row, scene: &dyn Scene, healed: Duration) -> Findings {
    let arrivals = scene.arrivals();
    let mut expected = scene.expected();
    for one in &mut expected {
        one.due = one.due.max(healed);
    }
    let mut findings = Findings {
        seen: oracle::judge(&expected, &arrivals, patience(row)),
        refused: scene.refused(),
        logged: scene.stage().program.losses(),
        ..Findings::default()
    };
    findings.broken = broken(row, &findings);
    if let Some(crash) = scene.stage().program.crashed() {
        findings.broken.push(format!("the program ended: {crash}"));
    }
    if !findings.broken.is_empty() {
        findings.log = scene.stage().program.logs();
    }
    findings
}

fn broken(row: &Row, findings: &Findings) -> Vec<String> {
    let seen = &findings.seen;
    let mut broken = Vec::new();
    let mut is_wrong = |wrong: bool, words: String| {
        if wrong {
            broken.push(words);
        }
    };
    is_wrong(
        seen.expected == 0 && findings.refused == 0,
        "nothing was sent".to_owned(),
    );
    let lost = seen.lost.len();
    match row.promise.loss {
        Loss::None => is_wrong(lost > 0, format!("lost: {}", list(&seen.lost))),
        Loss::Logged(_) => is_wrong(
            lost > findings.logged,
            format!(
                "{lost} lost, {} in the log: {}",
                findings.logged,
                list(&seen.lost)
            ),
        ),
        Loss::Any(_) => {}
    }
    is_wrong(
        !seen.two_ids.is_empty(),
        format!("two ids: {}", list(&seen.two_ids)),
    );
    is_wrong(
        !seen.unknown.is_empty(),
        format!("nobody sent: {}", list(&seen.unknown)),
    );
    is_wrong(!seen.late.is_empty(), format!("late: {}", list(&seen.late)));
    is_wrong(
        row.promise.order && !seen.disordered.is_empty(),
        format!("out of order: {}", list(&seen.disordered)),
    );
    is_wrong(
        row.promise.refuses.is_none() && findings.refused > 0,
        format!("{} refused", findings.refused),
    );
    broken
}

fn list(contents: &[oracle::Content]) -> String {
    let shown = contents
        .iter()
        .take(5)
        .map(|it| format!("{} {}", it.key, it.number));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if contents.len() > 5 {
        let _ = write!(text, " and {} more", contents.len() - 5);
    }
    text
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    format!("the run panicked: {}", text.unwrap_or("without words"))
}
