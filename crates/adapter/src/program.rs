//! From `main` to `run`: arguments, environment, `--check`, runtime, telemetry, signals.
//!
//! The same frame for all five programs; what differs is in their [`Program`]. Nothing below this
//! room reads the process environment or its arguments.

use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::env::{EXIT_USAGE, Env, Problems};
use crate::shutdown::Shutdown;
use crate::telemetry;

/// Threads for name resolution, the only blocking work of a program.
const BLOCKING_THREADS: usize = 8;
/// How long the last spans and metrics may take to leave; never longer than work in flight may.
const FLUSH_TIME: Duration = Duration::from_secs(2);

/// One of the programs.
pub trait Program: Sized {
    /// Its name: of the binary, the image and the log's component.
    const NAME: &'static str;
    /// What its own flags say.
    type Flags;

    /// Reads the arguments, the program's name not among them.
    fn command(args: &[String]) -> Result<Command<Self::Flags>, Usage>;

    /// Reads the environment; every problem at once.
    fn configure(flags: Self::Flags, env: &Env) -> Result<Self, Problems>;

    /// The resolved settings for `--check`, name and value, secrets masked.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// What telemetry is set up with.
    fn telemetry(&self, env: &Env) -> telemetry::Options;

    /// How long work in flight may go on after the first signal.
    fn grace(&self) -> Duration;

    /// Works until `shutdown` says to stop.
    fn run(
        self,
        shutdown: Shutdown,
    ) -> impl Future<Output = Result<ExitCode, Box<dyn std::error::Error>>>;
}

/// What the arguments ask for.
pub enum Command<Flags> {
    /// The work itself.
    Run(Flags),
    /// `--check`: print the settings and end.
    Check(Flags),
    /// Print this on stdout and end: help, version.
    Say(String),
    /// A tool that shares the image: it has done its work and gives the exit code.
    Tool(Box<dyn FnOnce(&Env) -> ExitCode>),
}

/// Arguments that make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Usage {
    /// What to print on stderr, as it is.
    pub message: String,
    /// What to exit with.
    pub exit_code: u8,
}

/// `name version`, the answer to `--version`.
pub fn version<P: Program>() -> String {
    format!("{} {}\n", P::NAME, env!("CARGO_PKG_VERSION"))
}

/// The whole of a program's `main`.
pub fn main<P: Program>() -> ExitCode {
    let args: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let env = Env::from_process();
    match P::command(&args) {
        Ok(Command::Run(flags)) => match P::configure(flags, &env) {
            Ok(program) => run(program, &env),
            Err(problems) => {
                report::<P>(&problems);
                ExitCode::from(problems.exit_code())
            }
        },
        Ok(Command::Check(flags)) => check::<P>(flags, &env),
        Ok(Command::Say(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok(Command::Tool(tool)) => tool(&env),
        Err(usage) => {
            let _ = std::io::stderr().write_all(usage.message.as_bytes());
            ExitCode::from(usage.exit_code)
        }
    }
}

fn check<P: Program>(flags: P::Flags, env: &Env) -> ExitCode {
    match P::configure(flags, env) {
        Ok(program) => {
            let settings = program.settings();
            let width = settings
                .iter()
                .map(|(name, _)| name.len())
                .max()
                .unwrap_or(0);
            let lines = settings
                .iter()
                .map(|(name, value)| format!("{name:width$}  {value}\n"));
            say(&lines.collect::<String>());
            ExitCode::SUCCESS
        }
        Err(problems) => {
            report::<P>(&problems);
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn report<P: Program>(problems: &Problems) {
    for problem in problems.iter() {
        let _ = writeln!(std::io::stderr(), "{}: {problem}", P::NAME);
    }
}

/// A reader that went away is no reason to fail.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn run<P: Program>(program: P, env: &Env) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .expect("the system gives a timer and an event queue");
    let code = runtime.block_on(async {
        let shutdown =
            Shutdown::on_signals(program.grace()).expect("SIGTERM and SIGINT can be listened for");
        let flush_time = program.grace().min(FLUSH_TIME);
        let telemetry = telemetry::init(&program.telemetry(env));
        let code = program.run(shutdown).await.unwrap_or_else(|error| {
            let error: &(dyn std::error::Error + 'static) = &*error;
            tracing::error!(error, "The program cannot go on.");
            ExitCode::FAILURE
        });
        telemetry.shutdown(flush_time).await;
        code
    });
    // A name server that does not answer must not hold up the exit.
    runtime.shutdown_background();
    code
}
