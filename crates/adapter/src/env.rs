//! The process environment as one value, and what is wrong with it, all at once.
//!
//! `main` takes the snapshot; everything below reads from it. Typed values of the shared variables
//! are in `settings`, those of one program in that program. Contract: `adapter-runtime.md` 1.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;

/// Exit code of a configuration that cannot work (`EX_USAGE` of sysexits).
pub const EXIT_USAGE: u8 = 64;

/// A snapshot of the environment variables.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process. Bytes that are not UTF-8 become U+FFFD.
    pub fn from_process() -> Self {
        Self(
            std::env::vars_os()
                .map(|(name, value)| {
                    (
                        name.to_string_lossy().into_owned(),
                        value.to_string_lossy().into_owned(),
                    )
                })
                .collect(),
        )
    }

    /// Exactly these variables, as tests want it.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// The text of a variable. Set but empty is `Some("")`: the contract tells it from unset (1.1).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The text of a variable, with empty and unset taken as the same.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// Fills a structure whose fields are the lower-case variable names.
    ///
    /// Fields are `Option<String>`, so that reading never fails and empty stays apart from unset;
    /// each value is parsed by whoever knows what a bad one means.
    ///
    /// # Panics
    /// When a field is of another type: a mistake in the program that any start would show.
    pub fn read<T: DeserializeOwned>(&self) -> T {
        // envy folds case; a lower-case twin of a variable would count as the field given twice.
        let upper_case = self
            .0
            .iter()
            .filter(|(name, _)| !name.contains(char::is_lowercase));
        envy::from_iter(upper_case.map(|(name, value)| (name.clone(), value.clone())))
            .expect("every field of a variables structure is an Option<String>")
    }
}

/// One thing wrong with the configuration, as one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable or flag at fault.
    pub variable: String,
    /// The sentence for the user: names the variable, what was found and an example that works.
    pub message: String,
    /// What the process exits with when this is the first problem.
    pub exit_code: u8,
}

impl Problem {
    /// `K_SINK_TIMEOUT is "soon": want whole seconds, for example K_SINK_TIMEOUT=30.`
    pub fn new(variable: &str, found: &str, want: &str, example: &str) -> Self {
        Self::said(
            variable,
            format!("{variable} is {found:?}: {want}, for example {variable}={example}."),
        )
    }

    /// A sentence of its own, for what [`Problem::new`] does not fit: a missing variable, a secret.
    pub fn said(variable: &str, message: String) -> Self {
        Self {
            variable: variable.to_owned(),
            message,
            exit_code: EXIT_USAGE,
        }
    }

    /// The same problem with the exit code that the contract asks for.
    #[must_use]
    pub fn with_exit_code(self, exit_code: u8) -> Self {
        Self { exit_code, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Every problem found so far, in the order in which the contract checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Keeps the error and goes on, so that the next variable is checked too.
    pub fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(problem)).ok()
    }

    /// `Ok` with what `make` builds if nothing was wrong, else all the problems.
    pub fn into_result<T>(self, make: impl FnOnce() -> Option<T>) -> Result<T, Self> {
        if !self.0.is_empty() {
            return Err(self);
        }
        make().ok_or(self)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// What a run exits with: the code of the first problem.
    pub fn exit_code(&self) -> u8 {
        self.0
            .first()
            .map_or(EXIT_USAGE, |problem| problem.exit_code)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// A boolean as Go's `strconv.ParseBool` takes it; `None` for anything else.
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Variables {
        k_sink: Option<String>,
        name: Option<String>,
    }

    #[test]
    fn empty_stays_apart_from_unset_and_case_twins_do_no_harm() {
        let env = Env::from_pairs([("K_SINK", ""), ("k_sink", "twin"), ("OTHER", "x")]);
        let variables: Variables = env.read();
        assert_eq!(variables.k_sink.as_deref(), Some(""));
        assert_eq!(variables.name, None);
        assert_eq!(env.non_empty("K_SINK"), None);
    }

    #[test]
    fn the_first_problem_decides_the_exit_code() {
        let mut problems = Problems::default();
        let kept: Option<()> = problems.keep(Err(
            Problem::new("A", "x", "want a number", "1").with_exit_code(1)
        ));
        problems.push(Problem::new("B", "y", "want a URL", "http://sink"));
        assert_eq!(kept, None);
        assert_eq!(problems.exit_code(), 1);
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            all,
            [
                r#"A is "x": want a number, for example A=1."#,
                r#"B is "y": want a URL, for example B=http://sink."#
            ]
        );
    }
}
