//! The runs: which scenario at which size how often, in turns, with a line for each round.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::candidate::{Programs, Side};
use crate::figure::Figures;
use crate::results::{Results, Row};
use crate::scenario::{Scenario, Stage};
use crate::world::World;

/// Who is measured, and how thoroughly.
#[derive(Debug)]
pub struct Session {
    /// Our programs.
    pub ours: Programs,
    /// Those of `--against`.
    pub theirs: Option<Programs>,
    /// Of each row.
    pub rounds: u32,
    /// A tenth of the load, and only the rows.
    pub quick: bool,
}

/// A scenario at a size, so many times.
#[derive(Clone, Copy, Debug)]
struct Item {
    scenario: Scenario,
    size: u64,
    rounds: u32,
}

impl Session {
    /// Measures these scenarios; `save` is called after each row. Gives how many runs failed.
    pub fn run(
        &self,
        scenarios: &[Scenario],
        results: &mut Results,
        mut save: impl FnMut(&Results),
    ) -> usize {
        let world = World::new();
        let plan = self.plan(scenarios);
        let mut failed = 0;
        for (index, item) in plan.iter().enumerate() {
            let (scenario, size) = (item.scenario, item.size);
            let mut row = Row {
                scenario: scenario.key.to_owned(),
                size,
                title: format!("{}: {}", scenario.adapter.name(), scenario.title_at(size)),
                rounds: Vec::new(),
            };
            for round in 0..item.rounds {
                let (figures, misses) = self.round(item, round, &world);
                failed += misses;
                let place = format!("[{}/{}] {}", index + 1, plan.len(), row.title);
                say(&format!(
                    "{place}, round {} of {}: {}",
                    round + 1,
                    item.rounds,
                    summary(&scenario, &figures)
                ));
                row.rounds.push(figures);
            }
            results.put(row);
            save(results);
        }
        failed
    }

    /// Rows first: how cost grows is worth less when somebody stops it.
    fn plan(&self, scenarios: &[Scenario]) -> Vec<Item> {
        let sizes = scenarios
            .iter()
            .flat_map(|scenario| scenario.sizes.iter().map(move |size| (*scenario, *size)));
        let (rows, others): (Vec<_>, Vec<_>) =
            sizes.partition(|(scenario, size)| scenario.rows.contains(size));
        let item = |rounds| {
            move |(scenario, size)| Item {
                scenario,
                size,
                rounds,
            }
        };
        let mut plan: Vec<Item> = rows.into_iter().map(item(self.rounds)).collect();
        if !self.quick {
            plan.extend(others.into_iter().map(item(1)));
        }
        plan
    }

    /// Everybody once; who begins changes from round to round.
    fn round(&self, item: &Item, round: u32, world: &World) -> (BTreeMap<Side, Figures>, usize) {
        let mut sides = Side::ALL.to_vec();
        sides.retain(|side| *side != Side::Theirs || self.theirs.is_some());
        let first = round as usize % sides.len();
        sides.rotate_left(first);
        let (mut figures, mut failed) = (BTreeMap::new(), 0);
        for side in sides {
            let stage = Stage {
                programs: match side {
                    Side::Ours => Some(&self.ours),
                    Side::Theirs => self.theirs.as_ref(),
                    Side::Floor => None,
                },
                world,
                quick: self.quick,
            };
            // Whoever cannot do it leaves a blank; the rest is still worth measuring. What the
            // panic says is on stderr.
            match catch_unwind(AssertUnwindSafe(|| {
                (item.scenario.measure)(&stage, item.size)
            })) {
                Ok(Some(measured)) => drop(figures.insert(side, measured)),
                Ok(None) => {}
                Err(_) => failed += 1,
            }
        }
        (figures, failed)
    }
}

/// `CPU per event: ours 31.4 µs, theirs 160 µs`.
fn summary(scenario: &Scenario, figures: &BTreeMap<Side, Figures>) -> String {
    let figure = scenario.shows[0];
    let sides = figures.iter().filter_map(|(side, figures)| {
        let value = figure.write(*figures.get(&figure)?);
        Some(format!("{} {value}", side.name()))
    });
    let sides: Vec<String> = sides.collect();
    format!("{}: {}", figure.label(), sides.join(", "))
}

/// Writes a line of progress.
pub fn say(line: &str) {
    // A lost line is no reason to stop measuring.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::figure::Figure;
    use crate::scenario;

    fn session(quick: bool) -> Session {
        Session {
            ours: Programs::find(Path::new("/there"), None).unwrap(),
            theirs: None,
            rounds: 5,
            quick,
        }
    }

    #[test]
    fn rows_come_first_and_oftener() {
        let scenarios = scenario::all();
        let rows: usize = scenarios.iter().map(|scenario| scenario.rows.len()).sum();
        let sizes: usize = scenarios.iter().map(|scenario| scenario.sizes.len()).sum();
        let plan = session(false).plan(&scenarios);
        assert_eq!(plan.len(), sizes);
        assert!(plan[..rows].iter().all(|item| item.rounds == 5));
        assert!(plan[rows..].iter().all(|item| item.rounds == 1));
        assert_eq!(session(true).plan(&scenarios).len(), rows);
    }

    #[test]
    fn sums_up_the_first_figure() {
        let scenario = scenario::all()[0];
        let figures = BTreeMap::from([
            (Side::Ours, Figures::from([(Figure::CpuPerEvent, 31.44)])),
            (Side::Theirs, Figures::new()),
        ]);
        assert_eq!(summary(&scenario, &figures), "CPU per event: ours 31.4 µs");
    }
}
