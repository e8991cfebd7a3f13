//! What was measured, round by round, as it is kept in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::candidate::Side;
use crate::figure::{Figure, Figures};
use crate::machine::Machine;
use crate::stats::Spread;

/// One run of `bench`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Where and when.
    pub machine: Machine,
    /// Whether it was only a try: less load, less time.
    pub quick: bool,
    /// Scenarios at their sizes, in the order of the document.
    pub rows: Vec<Row>,
}

/// One scenario at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The scenario's key.
    pub scenario: String,
    /// The size.
    pub size: u64,
    /// The scenario's title with the size, for readers of the JSON.
    pub title: String,
    /// Each round: who gave which figures. Who failed or was not asked is not in it.
    pub rounds: Vec<BTreeMap<Side, Figures>>,
}

impl Results {
    /// The row of a scenario at a size.
    pub fn row(&self, scenario: &str, size: u64) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.scenario == scenario && row.size == size)
    }

    /// Puts a row in the place of an older one of the same scenario and size, else at the end.
    pub fn put(&mut self, row: Row) {
        let same = |old: &&mut Row| (&old.scenario, old.size) == (&row.scenario, row.size);
        match self.rows.iter_mut().find(same) {
            Some(old) => *old = row,
            None => self.rows.push(row),
        }
    }

    /// Whether anybody else than ours was measured.
    pub fn has(&self, side: Side) -> bool {
        let mut rounds = self.rows.iter().flat_map(|row| &row.rounds);
        rounds.any(|round| round.contains_key(&side))
    }
}

impl Row {
    /// A figure of one side over the rounds.
    pub fn spread(&self, side: Side, figure: Figure) -> Option<Spread> {
        let values = self.rounds.iter().map(|round| value(round, side, figure));
        Spread::of(values.flatten())
    }

    /// Ours / that side, round by round.
    pub fn ratio(&self, side: Side, figure: Figure) -> Option<Spread> {
        let pairs = self.rounds.iter().map(|round| {
            let ours = value(round, Side::Ours, figure)?;
            Some((ours, value(round, side, figure)?))
        });
        Spread::of_ratios(pairs.flatten())
    }
}

fn value(round: &BTreeMap<Side, Figures>, side: Side, figure: Figure) -> Option<f64> {
    round.get(&side)?.get(&figure).copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row whose CPU per event is this in each round: ours, theirs, floor.
    pub(crate) fn row(scenario: &str, size: u64, rounds: &[[f64; 3]]) -> Row {
        let figures = |value| Figures::from([(Figure::CpuPerEvent, value)]);
        let round = |values: &[f64; 3]| {
            let sides = Side::ALL.into_iter().zip(values.map(figures));
            sides.collect::<BTreeMap<_, _>>()
        };
        Row {
            scenario: scenario.to_owned(),
            size,
            title: format!("{scenario} at {size}"),
            rounds: rounds.iter().map(round).collect(),
        }
    }

    pub(crate) fn results(rows: Vec<Row>) -> Results {
        let machine = Machine {
            processor: "A CPU".to_owned(),
            cores: 2,
            gibibytes: 16,
            kernel: "Linux 7.0".to_owned(),
            commit: "abc1234".to_owned(),
            date: "2026-11-22T18:00:00Z".to_owned(),
        };
        Results {
            machine,
            quick: false,
            rows,
        }
    }

    #[test]
    fn pairs_rounds() {
        let mut row = row("s", 1, &[[1.0, 4.0, 1.0], [3.0, 6.0, 1.0]]);
        let ratio = row.ratio(Side::Theirs, Figure::CpuPerEvent);
        assert_eq!(ratio, Spread::of([0.25, 0.5]));
        row.rounds[0].remove(&Side::Theirs);
        let ratio = row.ratio(Side::Theirs, Figure::CpuPerEvent);
        assert_eq!(ratio, Spread::of([0.5]));
        assert_eq!(row.spread(Side::Ours, Figure::Peak), None);
    }

    #[test]
    fn a_new_row_replaces_the_old_one_and_json_keeps_all() {
        let mut results = results(vec![row("a", 1, &[]), row("b", 1, &[])]);
        results.put(row("a", 1, &[[1.0, 2.0, 3.0]]));
        results.put(row("a", 2, &[]));
        assert_eq!(results.rows.len(), 3);
        assert_eq!(results.row("a", 1).unwrap().rounds.len(), 1);
        let text = serde_json::to_string(&results).unwrap();
        assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
        assert!(results.has(Side::Floor));
    }
}
