//! Breaks what is around the programs and counts what arrives: see `bench::torture`.

use std::fs;
use std::io::{self, Write as _};
use std::panic;
use std::process::{ExitCode, exit};
use std::time::{Instant, SystemTime};

use bench::torture::cli::{Options, USAGE};
use bench::torture::crew::run_all;
use bench::torture::programs::Programs;
use bench::torture::row::{self, Row};
use bench::torture::run::{DRIVE, Outcome, Pace};
use bench::torture::{report, soak};

/// More rounds than any budget has time for.
const ROUNDS: u64 = 1000;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            say(&format!("torture: {reason}\n{USAGE}"));
            return ExitCode::from(64);
        }
    };
    if options.help {
        say(USAGE.trim_end());
        return ExitCode::SUCCESS;
    }
    let programs = options.programs.as_ref();
    let programs = programs.map_or_else(Programs::built, Programs::in_folder);
    if options.soak {
        return soak(&options, &programs);
    }
    let rows: Vec<Row> = row::all()
        .into_iter()
        .filter(|row| options.wants(&row.name()))
        .collect();
    if options.list {
        for row in &rows {
            say(&row.name());
        }
        return ExitCode::SUCCESS;
    }
    if rows.is_empty() {
        return nothing(&options);
    }
    let outcomes = torture(&options, &rows, programs);
    if let Some(file) = &options.write {
        let (_, soaked) = parts(file);
        write(file, &(report::page(&rows, &outcomes, HEAD) + &soaked));
    }
    if outcomes.iter().any(Outcome::is_broken) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn soak(options: &Options, programs: &Programs) -> ExitCode {
    let soaked = soak::all(programs, |name| options.wants(name), say);
    if soaked.is_empty() {
        return nothing(options);
    }
    if let Some(file) = &options.write {
        let (page, _) = parts(file);
        let folder = options.programs.as_ref();
        let which = folder.map_or("builds for tests".to_owned(), |folder| {
            format!("the programs in `{folder}`")
        });
        write(file, &(page + &soak::section(&soaked, &which)));
    }
    if soaked.iter().all(soak::Soaked::is_well) {
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// Nothing is wanted, so nothing was kept.
fn nothing(options: &Options) -> ExitCode {
    let only = options.only.as_deref().unwrap_or_default();
    say(&format!("torture: --only {only:?} is in no name"));
    ExitCode::from(64)
}

/// The page as it is: its rows, and its section about the soak, which each command leaves alone.
fn parts(file: &str) -> (String, String) {
    let page = fs::read_to_string(file).unwrap_or_default();
    match page.split_once(soak::TITLE) {
        Some((rows, soaked)) => (rows.to_owned(), format!("{}{soaked}", soak::TITLE)),
        None => (page, String::new()),
    }
}

fn write(file: &str, page: &str) {
    if let Err(error) = fs::write(file, page) {
        say(&format!("torture: {file}: {error}"));
        exit(1);
    }
}

fn torture(options: &Options, rows: &[Row], programs: Programs) -> Vec<Outcome> {
    let seed = options.seed.unwrap_or_else(seed_of_now);
    // A run that panics is told with its seed.
    panic::set_hook(Box::new(|_| {}));
    let minutes = options.budget.as_secs_f64() / 60.0;
    say(&format!(
        "{} rows, {minutes} minutes, seed {seed}",
        rows.len()
    ));
    let pace = Pace {
        drive: DRIVE,
        programs,
    };
    let end = Instant::now() + options.budget;
    let outcomes = run_all(
        runs(options, rows, seed),
        rows,
        &pace,
        options.jobs,
        Some(end),
        |it| {
            say(format!("{}\n{}", report::line(it), report::log(it)).trim_end());
        },
    );
    let broken = outcomes.iter().filter(|outcome| outcome.is_broken());
    say(&format!(
        "{} runs, {} with a broken promise",
        outcomes.len(),
        broken.clone().count()
    ));
    broken.for_each(|outcome| say(&report::line(outcome)));
    outcomes
}

/// Long rows first and once; a seed that was asked for is replayed once.
fn runs(options: &Options, rows: &[Row], seed: u64) -> Vec<(usize, u64)> {
    let (long, short): (Vec<_>, Vec<_>) = (0..rows.len()).partition(|row| rows[*row].is_long());
    let rounds = if options.seed.is_some() { 1 } else { ROUNDS };
    let short = (0..rounds).flat_map(|round| short.iter().map(move |row| (*row, seed + round)));
    long.into_iter()
        .map(|row| (row, seed))
        .chain(short)
        .collect()
}

/// Small enough to be typed.
fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |time| time.as_secs() % 1_000_000)
}

fn say(line: &str) {
    // Nobody reads: nothing to be done.
    let _ = writeln!(io::stdout(), "{line}");
}

const HEAD: &str = include_str!("../torture/page.md");
