//! The command line of `torture`.

use std::time::Duration;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long new runs are begun.
    pub budget: Duration,
    /// The first seed; each round takes the next one.
    pub seed: Option<u64>,
    /// Only rows whose name contains this; behind a `=`, has exactly this name.
    pub only: Option<String>,
    /// Only print the names.
    pub list: bool,
    /// The page to write.
    pub write: Option<String>,
    /// The folder of the programs.
    pub programs: Option<String>,
    /// How many rows run at a time.
    pub jobs: usize,
    /// The memory soak instead.
    pub soak: bool,
    /// Only print how it is used.
    pub help: bool,
}

/// How it is used.
pub const USAGE: &str = "usage: torture [soak] [--minutes 10] [--seed N] [--only PATTERN] [--list]
               [--write FILE] [--programs DIR] [--jobs 8] [--help]
Breaks what is around the programs and counts what arrives. Exit code 1: a promise was broken.
  soak        two hours of events as fast as they go; memory and connections must not grow
  --minutes   how long new runs are begun; each row runs at least once if there is time
  --seed      replays the faults of this seed; without it a new one is taken and printed
  --only      rows whose name contains this; '=NAME' for that row alone
  --list      the names of all rows
  --write     the page to write, such as docs/torture.md
  --programs  the folder of the programs, also stock ones; else those built here
  --jobs      how many rows run at a time
  --help      this text
";

impl Options {
    /// Reads the arguments behind the program's name; the error is a sentence.
    pub fn read(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            budget: Duration::from_mins(10),
            seed: None,
            only: None,
            list: false,
            write: None,
            programs: None,
            jobs: 8,
            soak: false,
            help: false,
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "soak" => options.soak = true,
                "--list" => options.list = true,
                "--help" | "-h" => options.help = true,
                "--minutes" => options.budget = minutes(&value()?)?,
                "--seed" => options.seed = Some(number(&arg, &value()?)?),
                "--jobs" => options.jobs = jobs(&value()?)?,
                "--only" => options.only = Some(value()?),
                "--write" => options.write = Some(value()?),
                "--programs" => options.programs = Some(value()?),
                _ => return Err(format!("{arg:?} is not known")),
            }
        }
        Ok(options)
    }

    /// Whether a row is wanted.
    pub fn wants(&self, row: &str) -> bool {
        match self.only.as_deref() {
            None => true,
            Some(only) => match only.strip_prefix('=') {
                Some(name) => row == name,
                None => row.contains(only),
            },
        }
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text
        .parse()
        .map_err(|_| format!("--minutes {text:?} is no number"))?;
    Duration::try_from_secs_f64(minutes * 60.0)
        .map_err(|_| format!("--minutes {text:?} is no length of time"))
}

fn jobs(text: &str) -> Result<usize, String> {
    let jobs: Option<usize> = text.parse().ok().filter(|jobs| *jobs > 0);
    jobs.ok_or_else(|| format!("--jobs {text:?} is not a whole number from 1"))
}

fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("{name} {text:?} is not a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let options = read("--minutes 0.5 --seed 7 --only gitlab/ --jobs 3").unwrap();
        assert_eq!(options.budget, Duration::from_secs(30));
        assert_eq!(
            (options.seed, options.jobs, options.list),
            (Some(7), 3, false)
        );
        assert!(options.wants("gitlab/x") && !options.wants("ping/x"));
        let one = read("--only =a/b").unwrap();
        assert!(one.wants("a/b") && !one.wants("a/bc"));
        assert!(read("").unwrap().wants("anything"));
        assert!(read("--help").unwrap().help);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(read("--seed").unwrap_err(), "--seed needs a value");
        assert_eq!(
            read("--seed x").unwrap_err(),
            "--seed \"x\" is not a whole number"
        );
        assert_eq!(
            read("--minutes -1").unwrap_err(),
            "--minutes \"-1\" is no length of time"
        );
        assert_eq!(read("twist").unwrap_err(), "\"twist\" is not known");
    }
}
