//! The tables of the document. Pure.

use std::fmt::Write as _;

use crate::candidate::{Adapter, Side};
use crate::figure::{Figure, number};
use crate::results::{Results, Row};
use crate::scenario::Scenario;
use crate::stats::Spread;

/// A heading and a table for each program, then one for what all of them have.
pub fn write(results: &Results, scenarios: &[Scenario]) -> String {
    let (own, all): (Vec<Scenario>, Vec<Scenario>) = scenarios
        .iter()
        .partition(|scenario| !scenario.key.starts_with("all-"));
    let mut text = String::new();
    for adapter in Adapter::ALL {
        let of_it: Vec<Scenario> = own
            .iter()
            .filter(|scenario| scenario.adapter == adapter)
            .copied()
            .collect();
        section(&mut text, adapter.name(), results, &of_it);
    }
    section(&mut text, "Start, rest and size", results, &all);
    text
}

fn section(text: &mut String, title: &str, results: &Results, scenarios: &[Scenario]) {
    let lines: String = scenarios
        .iter()
        .flat_map(|scenario| scenario.rows.iter().map(move |size| (scenario, *size)))
        .filter_map(|(scenario, size)| {
            let row = results.row(scenario.key, size)?;
            Some(lines(scenario, row))
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        text,
        "### {title}\n\n\
         | what | figure | ours | theirs | ours / theirs | goal | floor | ours / floor | goal |\n\
         |---|---|---|---|---|---|---|---|---|\n{lines}\n"
    );
}

fn lines(scenario: &Scenario, row: &Row) -> String {
    let title = scenario.title_at(row.size);
    let shown = scenario.shows.iter().filter(|figure| {
        let values = Side::ALL.map(|side| row.spread(side, **figure));
        values.iter().any(Option::is_some)
    });
    let mut text = String::new();
    for (index, figure) in shown.enumerate() {
        let title = if index == 0 { title.as_str() } else { "" };
        let [ours, theirs, floor] =
            Side::ALL.map(|side| median(row.spread(side, *figure), *figure));
        let [to_theirs, to_floor] =
            [Side::Theirs, Side::Floor].map(|side| row.ratio(side, *figure));
        let above = scenario
            .above_floor
            .filter(|_| *figure == Figure::CpuPerEvent);
        let _ = writeln!(
            text,
            "| {title} | {} | {ours} | {theirs} | {} | {} | {floor} | {} | {} |",
            figure.label(),
            ratio(to_theirs),
            verdict(to_theirs, scenario.goal(*figure)),
            ratio(to_floor),
            verdict(to_floor, above),
        );
    }
    text
}

fn median(spread: Option<Spread>, figure: Figure) -> String {
    spread.map_or_else(String::new, |spread| figure.write(spread.median))
}

/// `0.21 (0.19–0.24)`.
fn ratio(spread: Option<Spread>) -> String {
    spread.map_or_else(String::new, |spread| {
        let [median, least, most] = [spread.median, spread.least, spread.most].map(number);
        format!("{median} ({least}–{most})")
    })
}

/// `1/3 met`, `1/3 **missed**`, `2 met`.
fn verdict(ratio: Option<Spread>, goal: Option<f64>) -> String {
    let (Some(ratio), Some(goal)) = (ratio, goal) else {
        return String::new();
    };
    let words = if ratio.median <= goal {
        "met"
    } else {
        "**missed**"
    };
    let goal = if goal < 1.0 {
        format!("1/{:.0}", 1.0 / goal)
    } else {
        format!("{goal:.0}")
    };
    format!("{goal} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{results, row};
    use crate::scenario;

    #[test]
    fn a_line_has_medians_ratios_and_verdicts() {
        let scenarios = scenario::all();
        let row = row(
            "event-display-16",
            30,
            &[[30.0, 100.0, 10.0], [32.0, 80.0, 16.0]],
        );
        let text = write(&results(vec![row]), &scenarios);
        let want = "| 16 connections, events of 30 B | CPU per event | 31.0 µs | 90.0 µs \
                    | 0.35 (0.30–0.40) | 1/3 **missed** | 13.0 µs | 2.50 (2.00–3.00) | 2 **missed** |";
        assert!(text.contains(want), "{text}");
        assert!(!text.contains("heartbeats"), "{text}");
    }

    #[test]
    fn who_was_not_measured_leaves_blanks() {
        let scenarios = scenario::all();
        let mut row = row("ping-adapter-steady", 500, &[[30.0, 0.0, 0.0]]);
        row.rounds[0].retain(|side, _| *side == Side::Ours);
        let text = write(&results(vec![row]), &scenarios);
        let want = "| 500 sources every 2 s | CPU per event | 30.0 µs |  |  |  |  |  |  |";
        assert!(text.contains(want), "{text}");
    }
}
