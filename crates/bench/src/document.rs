//! The document: `benchmarks.md`, its plots, and the part of it that people write.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::candidate::Side;
use crate::results::Results;
use crate::scenario::Scenario;
use crate::{plot, table};

/// What stands behind this line is kept when the document is written anew.
const KEPT: &str = "<!-- Written by hand from here on; `make bench` keeps it. -->";

/// The last part of a document that nobody has added to.
const NOTHING_YET: &str = "\n## What was found\n\nNothing yet.\n";

/// Writes `benchmarks.md` and `benchmarks/*.svg` in a folder.
pub fn write(folder: &Path, results: &Results, scenarios: &[Scenario]) -> io::Result<()> {
    let plots = folder.join("benchmarks");
    fs::create_dir_all(&plots)?;
    let mut shown = String::new();
    for scenario in scenarios {
        let Some(svg) = plot::draw(results, scenario, scenario.shows[0]) else {
            continue;
        };
        let file = format!("{}.svg", scenario.key);
        fs::write(plots.join(&file), svg)?;
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "![{}](benchmarks/{file})", scenario.key);
    }
    let file = folder.join("benchmarks.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let text = text(results, scenarios, &shown, kept(&before));
    fs::write(file, text)
}

/// The whole document.
fn text(results: &Results, scenarios: &[Scenario], plots: &str, kept: &str) -> String {
    let tables = table::write(results, scenarios);
    let head = head(results);
    let growth = if plots.is_empty() {
        String::new()
    } else {
        format!(
            "## How cost grows\n\nBoth axes are logarithmic. Sizes that are not in the tables were \
             measured once.\n\n{plots}\n"
        )
    };
    format!("{head}{tables}{growth}{KEPT}{kept}")
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let quick = if results.quick {
        "\n**A quick try: a tenth of the load, so do not quote it.**\n"
    } else {
        ""
    };
    let theirs = if results.has(Side::Theirs) {
        "*Theirs* are the stock images' programs or whatever else `AGAINST` names, started in turns \
         with ours under the same environment: ping-adapter as one replica without a Lease, which \
         stock writes in protobuf and the API server here does not read; where ours spools to \
         disk, theirs does not. "
    } else {
        ""
    };
    format!(
        "# Benchmarks\n\n\
         Written by `make bench` (`make bench AGAINST=folder` for a column *theirs*).\n{quick}\n\
         | commit | date | machine |\n|---|---|---|\n\
         | {} | {} | {}, {} cores, {} GiB, {} |\n\n\
         ## How to read it\n\n\
         Figures are medians over the rounds. A ratio is taken round by round, so that what slows \
         the machine for a while slows both sides; it is given as median (smallest–largest). \
         CPU is the processor time of the process alone, from `/proc`: sink, load and API server \
         run in another one. {theirs}The *floor* is a raw hyper loop on one thread that does the \
         same accept or the same POST and nothing else: for event-display it reads the request and \
         answers, for gitlab-receiver it also posts the body on, for the others it posts in the \
         same rhythm. It is no adapter: it does not look at what it gets.\n\n\
         *Memory* is what is resident, the pages of the program's own file included; *without \
         code* leaves them out. *Binary* is the program's file and *packed* the same as a gzip \
         layer: of ours that is the whole image, of a stock one the base system comes on top. A \
         round's *start to ready* is the median of five starts, before which \
         its file is thrown out of the page cache.\n\n",
        machine.commit,
        machine.date,
        machine.processor,
        machine.cores,
        machine.gibibytes,
        machine.kernel,
    )
}

fn kept(document: &str) -> &str {
    let behind = document.split_once(KEPT).map(|(_, behind)| behind);
    behind.unwrap_or(NOTHING_YET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{results, row};
    use crate::scenario;

    #[test]
    fn what_people_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("benchmarks.md");
        let scenarios = scenario::all();
        let key = scenarios[0].key;
        let rows = vec![
            row(key, 30, &[[1.0, 2.0, 3.0]]),
            row(key, 1_000, &[[1.0, 2.0, 3.0]]),
        ];
        let results = results(rows);
        write(folder.path(), &results, &scenarios).unwrap();
        let first = fs::read_to_string(&file).unwrap();
        assert!(
            first.contains("| abc1234 | 2026-11-22T18:00:00Z | A CPU, 2 cores"),
            "{first}"
        );
        assert!(first.contains("![event-display-16](benchmarks/event-display-16.svg)"));
        assert!(
            folder
                .path()
                .join("benchmarks/event-display-16.svg")
                .exists()
        );

        fs::write(&file, first.replace("Nothing yet.", "A copy too many.")).unwrap();
        write(folder.path(), &results, &scenarios).unwrap();
        let second = fs::read_to_string(&file).unwrap();
        assert_eq!(second, first.replace("Nothing yet.", "A copy too many."));
    }
}
