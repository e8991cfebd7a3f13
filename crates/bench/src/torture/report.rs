//! What was seen, as lines while it goes on and as the table of `docs/torture.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::row::{Loss, Row};
use super::run::{Findings, Outcome};
use super::schedule::Strike;

const LOG_LINES: usize = 40;

/// One line about a run.
pub fn line(outcome: &Outcome) -> String {
    let Outcome { row, seed, .. } = outcome;
    match &outcome.result {
        Err(reason) => format!("skipped  {row}: {reason}"),
        Ok(findings) if findings.broken.is_empty() => {
            format!("kept     {row}, seed {seed}: {}", seen(findings))
        }
        Ok(findings) => format!(
            "BROKEN   {row}, seed {seed}: {}\n         {}\n         struck {}\n         again: {}",
            seen(findings),
            findings.broken.join("\n         "),
            struck(&outcome.strikes),
            replay(row, *seed)
        ),
    }
}

fn struck(strikes: &[Strike]) -> String {
    let words = strikes
        .iter()
        .map(|strike| format!("at {:?} for {:?}", strike.at, strike.length));
    words.collect::<Vec<_>>().join(", ")
}

/// The end of what the program logged in a run that broke a promise; else nothing.
pub fn log(outcome: &Outcome) -> String {
    let log = outcome.result.as_ref().map_or("", |findings| &findings.log);
    let lines: Vec<&str> = log.lines().collect();
    let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
    end.iter().fold(String::new(), |mut log, line| {
        let _ = writeln!(log, "         | {line}");
        log
    })
}

/// The command that runs the same again.
pub fn replay(row: &str, seed: u64) -> String {
    format!("cargo run --bin torture -- --seed {seed} --only '={row}'")
}

/// The page: every row with the sums of its runs, and the seed of its worst.
pub fn page(rows: &[Row], outcomes: &[Outcome], head: &str) -> String {
    let mut by_row: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        by_row.entry(&outcome.row).or_default().push(outcome);
    }
    let mut page = head.to_owned();
    let mut subject = "";
    for row in rows {
        let name = row.name();
        let Some(outcomes) = by_row.get(name.as_str()) else {
            continue;
        };
        if row.subject.name() != subject {
            subject = row.subject.name();
            let _ = write!(page, "\n## {subject}\n\n{COLUMNS}");
        }
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            row.fault.name(),
            promised(row),
            seen_of(outcomes),
            seed_of(outcomes)
        );
    }
    page
}

const COLUMNS: &str = "| fault | promised | seen | seed |\n|---|---|---|---|\n";

fn promised(row: &Row) -> String {
    let mut words = vec![match row.promise.loss {
        Loss::None => "0 lost".to_owned(),
        Loss::Logged(why) => format!("what is lost is in the log ({why})"),
        Loss::Any(why) => format!("losses possible ({why})"),
    }];
    if row.promise.order {
        words.push("in order".to_owned());
    }
    match row.promise.refuses {
        Some(why) => words.push(format!("may refuse ({why})")),
        None if row.subject.name().starts_with("gitlab") => words.push("0 refused".to_owned()),
        None => {}
    }
    words.join(", ")
}

fn seen_of(outcomes: &[&Outcome]) -> String {
    let found = outcomes
        .iter()
        .filter_map(|outcome| outcome.result.as_ref().ok());
    let found: Vec<&Findings> = found.collect();
    if found.is_empty() {
        let reason = outcomes
            .first()
            .and_then(|outcome| outcome.result.as_ref().err());
        return format!("not run: {}", reason.map_or("", String::as_str));
    }
    let mut sum = Findings::default();
    for one in &found {
        let (all, seen) = (&mut sum.seen, &one.seen);
        all.expected += seen.expected;
        all.repeated += seen.repeated;
        all.latest = all.latest.max(seen.latest);
        all.lost.extend(seen.lost.iter().cloned());
        all.two_ids.extend(seen.two_ids.iter().cloned());
        all.disordered.extend(seen.disordered.iter().cloned());
        all.late.extend(seen.late.iter().cloned());
        all.unknown.extend(seen.unknown.iter().cloned());
        sum.refused += one.refused;
        sum.logged += one.logged;
    }
    let runs = found.len();
    let times = if runs == 1 {
        String::new()
    } else {
        format!(" in {runs} runs")
    };
    let broken = found.iter().filter(|one| !one.broken.is_empty()).count();
    let verdict = if broken == 0 {
        String::new()
    } else {
        format!("**broken in {broken}**: ")
    };
    format!("{verdict}{}{times}", seen(&sum))
}

/// The seed of a run that broke a promise, else the first.
fn seed_of(outcomes: &[&Outcome]) -> u64 {
    let is_broken = |outcome: &&&Outcome| {
        outcome
            .result
            .as_ref()
            .is_ok_and(|it| !it.broken.is_empty())
    };
    let worst = outcomes.iter().find(is_broken).or(outcomes.first());
    worst.map_or(0, |outcome| outcome.seed)
}

/// Only what is not zero, but for the losses.
fn seen(findings: &Findings) -> String {
    let seen = &findings.seen;
    let mut words = vec![format!("{} of {} lost", seen.lost.len(), seen.expected)];
    for (count, what) in [
        (findings.logged, "given up in the log"),
        (seen.repeated, "repeated with the same id"),
        (seen.two_ids.len(), "with two ids"),
        (seen.disordered.len(), "out of order"),
        (seen.late.len(), "late"),
        (seen.unknown.len(), "that nobody sent"),
        (findings.refused, "refused"),
    ] {
        if count > 0 {
            words.push(format!("{count} {what}"));
        }
    }
    if seen.latest.as_secs() > 0 {
        words.push(format!(
            "the last {:.1} s after the fault",
            seen.latest.as_secs_f64()
        ));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::oracle::Seen;
    use super::super::row;
    use super::*;

    fn outcome(row: &str, seed: u64, broken: &[&str]) -> Outcome {
        let seen = Seen {
            expected: 10,
            ..Seen::default()
        };
        let findings = Findings {
            seen,
            refused: 2,
            broken: broken.iter().map(|it| (*it).to_owned()).collect(),
            ..Findings::default()
        };
        Outcome {
            row: row.to_owned(),
            seed,
            strikes: Vec::new(),
            result: Ok(findings),
        }
    }

    #[test]
    fn a_row_sums_up_its_runs_and_names_the_worst_seed() {
        let (name, skipped) = ("gitlab-receiver/refuses", "gitlab-receiver/packet-loss");
        let runs = [
            outcome(name, 1, &[]),
            outcome(name, 2, &["4 refused"]),
            Outcome {
                result: Err("no network".to_owned()),
                ..outcome(skipped, 1, &[])
            },
        ];
        let page = page(&row::all(), &runs, "# Head\n");
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[..3], ["# Head", "", "## gitlab-receiver"]);
        assert_eq!(
            lines[6],
            "| refuses | 0 lost, 0 refused | **broken in 1**: 0 of 20 lost, 4 refused in 2 runs | 2 |"
        );
        assert!(
            lines[7].ends_with("| not run: no network | 1 |"),
            "{}",
            lines[7]
        );
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn a_broken_run_says_how_to_see_it_again() {
        let text = line(&outcome("a/b", 7, &["lost: x 1"]));
        assert!(
            text.starts_with("BROKEN   a/b, seed 7: 0 of 10 lost, 2 refused"),
            "{text}"
        );
        assert!(text.contains("lost: x 1"));
        assert!(text.ends_with("cargo run --bin torture -- --seed 7 --only '=a/b'"));
    }
}
