//! How cost grows, as SVG: one line for each side over the sizes, both axes logarithmic. Pure.

use std::fmt::Write as _;

use crate::candidate::Side;
use crate::figure::{Figure, number};
use crate::results::Results;
use crate::scenario::{Scenario, spelled};

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Size and median.
type Points = Vec<(u64, f64)>;

/// From values to places on the page.
struct Axes {
    x: (f64, f64),
    y: (f64, f64),
}

/// The plot of one figure, or `None` if there are not two sizes of it.
pub fn draw(results: &Results, scenario: &Scenario, figure: Figure) -> Option<String> {
    let lines: Vec<(Side, Points)> = Side::ALL
        .into_iter()
        .map(|side| (side, points(results, scenario, side, figure)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    let all = lines.iter().flat_map(|(_, points)| points);
    let axes = Axes::around(all)?;
    let mut svg = frame(scenario, figure);
    axes.ticks(&mut svg, scenario);
    for (side, points) in &lines {
        axes.line(&mut svg, *side, points);
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn points(results: &Results, scenario: &Scenario, side: Side, figure: Figure) -> Points {
    let of_size = |size: &u64| {
        let spread = results.row(scenario.key, *size)?.spread(side, figure)?;
        // A logarithm needs something above nothing.
        (spread.median > 0.0).then_some((*size, spread.median))
    };
    scenario.sizes.iter().filter_map(of_size).collect()
}

impl Axes {
    fn around<'a>(points: impl Iterator<Item = &'a (u64, f64)>) -> Option<Self> {
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.map(|(x, y)| (log(*x), *y)).unzip();
        xs.sort_by(f64::total_cmp);
        ys.sort_by(f64::total_cmp);
        let x = (*xs.first()?, *xs.last()?);
        // Whole powers of ten, so that a flat line looks flat.
        let y = (
            ys.first()?.log10().floor(),
            ys.last()?.log10().floor() + 1.0,
        );
        (x.0 < x.1).then_some(Self { x, y })
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let share = |value, (from, to): (f64, f64)| (value - from) / (to - from);
        let across = LEFT + share(x, self.x) * (WIDTH - LEFT - RIGHT);
        let down = HEIGHT - BOTTOM - share(y, self.y) * (HEIGHT - TOP - BOTTOM);
        (across, down)
    }

    fn ticks(&self, svg: &mut String, scenario: &Scenario) {
        let mut power = self.y.0;
        while power <= self.y.1 {
            let (x, y) = self.at(self.x.0, power);
            let (label, right) = (number(10f64.powf(power)), WIDTH - RIGHT);
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(
                svg,
                r##"<line x1="{x:.1}" y1="{y:.1}" x2="{right:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{:.1}" y="{:.1}" text-anchor="end">{label}</text>"##,
                x - 6.0,
                y + 4.0,
            );
            power += 1.0;
        }
        let measured = |size: &&u64| (self.x.0..=self.x.1).contains(&log(**size));
        for size in scenario.sizes.iter().filter(measured) {
            let (x, y) = self.at(log(*size), self.y.0);
            let _ = writeln!(
                svg,
                r#"<text x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                y + 16.0,
                spelled(*size),
            );
        }
    }

    fn line(&self, svg: &mut String, side: Side, points: &Points) {
        let colour = colour(side);
        let places: Vec<(f64, f64)> = points
            .iter()
            .map(|(size, value)| self.at(log(*size), value.log10()))
            .collect();
        let path: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            path.join(" "),
        );
        for (x, y) in &places {
            let _ = writeln!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
            );
        }
        if let (Some((x, y)), Some((_, value))) = (places.last(), points.last()) {
            let _ = writeln!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" fill="{colour}">{} {}</text>"#,
                x + 8.0,
                y + 4.0,
                side.name(),
                number(*value),
            );
        }
    }
}

fn frame(scenario: &Scenario, figure: Figure) -> String {
    let (label, unit) = (figure.label(), figure.unit());
    let comma = if unit.is_empty() { "" } else { ", " };
    let title = scenario.title.replace("{}", "n");
    let name = scenario.adapter.name();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"13\">{name}, {title}: {label}{comma}{unit}</text>\n\
         <text x=\"{LEFT}\" y=\"{}\">{}</text>\n",
        HEIGHT - 12.0,
        scenario.axis,
    )
}

fn colour(side: Side) -> &'static str {
    match side {
        Side::Ours => "#0a6",
        Side::Theirs => "#c40",
        Side::Floor => "#888",
    }
}

#[expect(clippy::cast_precision_loss, reason = "no size here comes near 2^52")]
fn log(size: u64) -> f64 {
    (size as f64).log10()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{results, row};
    use crate::scenario;

    #[test]
    fn a_line_for_each_side_inside_of_the_page() {
        let scenarios = scenario::all();
        let rows = scenarios[0].sizes.iter().zip([1.0, 10.0, 100.0, 5000.0]);
        let rows =
            rows.map(|(size, cost)| row(scenarios[0].key, *size, &[[cost, 3.0 * cost, 0.5]]));
        let results = results(rows.collect());
        let svg = draw(&results, &scenarios[0], Figure::CpuPerEvent).unwrap();
        assert_eq!(svg.matches("<polyline").count(), 3);
        assert!(
            svg.contains("theirs 15000") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
        let numbers = svg.split('"').filter_map(|part| part.parse::<f64>().ok());
        assert!(
            numbers
                .into_iter()
                .all(|number| (0.0..=WIDTH).contains(&number))
        );
    }

    #[test]
    fn one_size_is_no_plot() {
        let scenarios = scenario::all();
        let results = results(vec![row(scenarios[0].key, 30, &[[1.0, 2.0, 3.0]])]);
        assert_eq!(draw(&results, &scenarios[0], Figure::CpuPerEvent), None);
    }
}
