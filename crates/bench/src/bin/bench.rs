//! `bench`: reads the command line, measures, and writes what came of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench::candidate::Programs;
use bench::machine::Machine;
use bench::options::{Options, Task, USAGE};
use bench::results::Results;
use bench::scenario::{self, Scenario};
use bench::session::{Session, say};
use bench::{document, floor, table};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("floor", rest)) = args
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        floor::main(rest);
    }
    match Options::read(&args).and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(sentence) => {
            say(&sentence);
            ExitCode::from(64)
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let scenarios = scenario::all();
    let file = options.output.join("results.json");
    match options.task {
        Task::Help => print(USAGE),
        Task::List => {
            let names = scenarios
                .iter()
                .map(|scenario| format!("{}\n", scenario.key));
            print(&names.collect::<String>());
        }
        Task::Report => show(options, &read(&file)?, &scenarios)?,
        Task::Measure => {
            let (results, failed) = measure(options, &scenarios, &file)?;
            show(options, &results, &scenarios)?;
            if failed > 0 {
                say(&format!("{failed} runs failed; why is above."));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    options: &Options,
    scenarios: &[Scenario],
    file: &Path,
) -> Result<(Results, usize), String> {
    let wanted: Vec<Scenario> = scenarios
        .iter()
        .filter(|scenario| scenario.key.contains(&options.only))
        .copied()
        .collect();
    if wanted.is_empty() {
        return Err(format!(
            "No scenario has {:?} in its name; see --list.",
            options.only
        ));
    }
    let session = session(options, &wanted)?;
    let mut results = Results {
        machine: Machine::here(),
        quick: options.quick,
        rows: Vec::new(),
    };
    if options.keep {
        results.rows = read(file)?.rows;
    }
    fs::create_dir_all(&options.output).map_err(|error| error.to_string())?;
    let failed = session.run(&wanted, &mut results, |results| {
        let text = serde_json::to_string_pretty(results).expect("figures are JSON");
        fs::write(file, text).expect("a file for the results");
    });
    say(&format!("Everything is in {}.", file.display()));
    Ok((results, failed))
}

fn session(options: &Options, wanted: &[Scenario]) -> Result<Session, String> {
    let beside = || {
        let this = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok::<PathBuf, String>(this.with_file_name(""))
    };
    let ours = options.ours.clone().map_or_else(beside, Ok)?;
    let ours = Programs::find(&ours, None)?;
    let theirs = options.against.as_deref();
    let theirs = theirs.map(|folder| Programs::find(folder, options.map.as_deref()));
    let theirs = theirs.transpose()?;
    for programs in [Some(&ours), theirs.as_ref()].into_iter().flatten() {
        for scenario in wanted {
            let file = programs.file(scenario.adapter);
            if !file.is_file() {
                return Err(format!(
                    "There is no {}; build it, or name it in a --map file.",
                    file.display()
                ));
            }
        }
    }
    Ok(Session {
        ours,
        theirs,
        rounds: options.rounds,
        quick: options.quick,
    })
}

fn show(options: &Options, results: &Results, scenarios: &[Scenario]) -> Result<(), String> {
    match &options.document {
        None => print(&table::write(results, scenarios)),
        Some(folder) => {
            document::write(folder, results, scenarios)
                .map_err(|error| format!("{}: {error}", folder.display()))?;
            say(&format!(
                "{} is written.",
                folder.join("benchmarks.md").display()
            ));
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Results, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string());
    let results =
        text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    results.map_err(|error| format!("{}: {error}", file.display()))
}

fn print(text: &str) {
    // Who closes the pipe has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
}
