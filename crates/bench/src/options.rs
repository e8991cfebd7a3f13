//! The command line of `bench`.

use std::path::PathBuf;

/// What `bench --help` prints.
pub const USAGE: &str = "\
Measures the adapters, others that keep the same contract, and the floor: a raw hyper loop.

Usage: bench [OPTIONS]           measure
       bench report [OPTIONS]    write the document anew from what was measured last

  --against DIR    measure these programs as well, in turns with ours
  --map FILE       how they differ from ours: {\"ping-adapter\": {\"file\": \"mtping\", \"health_port\": 8080}};
                   also args, env, port. Without it DIR/bench-map.json, if there is one
  --ours DIR       our programs; the folder of this one unless set
  --rounds N       how often each row is measured; 5 unless set, 1 with --quick
  --only PATTERN   only scenarios with this in their name, e.g. event-display-16
  --quick          a tenth of the load, and only the sizes of the tables
  --keep           keep the rows of the last run that are not measured now
  --output DIR     for results.json; target/bench unless set
  --document DIR   write DIR/benchmarks.md and its plots; else the tables are printed
  --list           name the scenarios and end
";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Measure, keep the results, write the document.
    Measure,
    /// Only write the document.
    Report,
    /// Name the scenarios.
    List,
    /// Print the usage.
    Help,
}

/// How to do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to do.
    pub task: Task,
    /// Other programs.
    pub against: Option<PathBuf>,
    /// How they differ.
    pub map: Option<PathBuf>,
    /// Our programs, if not beside `bench`.
    pub ours: Option<PathBuf>,
    /// Of each row.
    pub rounds: u32,
    /// Part of a scenario's key.
    pub only: String,
    /// A try.
    pub quick: bool,
    /// Adds to the last results.
    pub keep: bool,
    /// For the results.
    pub output: PathBuf,
    /// For the document.
    pub document: Option<PathBuf>,
}

impl Options {
    /// Reads arguments; the error is a sentence for whoever gave them.
    pub fn read(args: &[String]) -> Result<Self, String> {
        let mut options = Self {
            task: Task::Measure,
            against: None,
            map: None,
            ours: None,
            rounds: 0,
            only: String::new(),
            quick: false,
            keep: false,
            output: "target/bench".into(),
            document: None,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value."));
            match arg.as_str() {
                "report" => options.task = Task::Report,
                "--list" => options.task = Task::List,
                "--help" | "-h" => options.task = Task::Help,
                "--against" => options.against = Some(value()?.into()),
                "--map" => options.map = Some(value()?.into()),
                "--ours" => options.ours = Some(value()?.into()),
                "--rounds" => options.rounds = rounds(value()?)?,
                "--only" => options.only.clone_from(value()?),
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--output" => options.output = value()?.into(),
                "--document" => options.document = Some(value()?.into()),
                _ => return Err(format!("{arg:?} is no option; see --help.")),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 1 } else { 5 };
        }
        Ok(options)
    }
}

fn rounds(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("--rounds {text:?} is no number such as 5."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Options::read(&args)
    }

    #[test]
    fn defaults_depend_on_quick() {
        assert_eq!(read("").unwrap().rounds, 5);
        assert_eq!(read("--quick").unwrap().rounds, 1);
        assert_eq!(read("--quick --rounds 3").unwrap().rounds, 3);
        assert_eq!(read("report").unwrap().task, Task::Report);
    }

    #[test]
    fn mistakes_are_sentences() {
        for (text, part) in [
            ("--fast", "\"--fast\" is no option"),
            ("--only", "--only needs a value"),
            ("--rounds 0", "no number"),
            ("--rounds x", "no number"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
