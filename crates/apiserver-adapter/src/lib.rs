//! The receive adapter of ApiServerSource: a cluster's changes as CloudEvents
//! (contract: `apiserversource.md`).
//!
//! The way of a change: `cluster` watches, `follower` keeps the ledger and notices what was missed,
//! `announcer` decides with `owner` and `filter` and builds the `announcement`, `outbox` and `line`
//! put it in order, and `post` gives it to the courier of `adapter`.

pub mod announcement;
pub mod announcer;
pub mod attributes;
pub mod cesql;
pub mod change;
pub mod config;
pub mod discovery;
pub mod filter;
pub mod follower;
pub mod handover;
pub mod ledger;
pub mod line;
pub mod meters;
pub mod object;
pub mod outbox;
pub mod owner;
pub mod plan;
pub mod plural;
pub mod post;
pub mod run;
pub mod settings;
pub mod source;
mod text;
pub mod watches;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use adapter::env::{Env, Problems};
use adapter::program::{Command, Program, Usage, version};
use adapter::shutdown::Shutdown;
use adapter::telemetry;
use adapter::telemetry::config::{LOGGING, Logging, OBSERVABILITY, Observability};

use crate::settings::Settings;

/// What stock calls itself in metrics and spans.
const COMPONENT: &str = "apiserversource";

const USAGE: &str = "\
usage: apiserver-adapter            send changes as the environment says
       apiserver-adapter --check    print the settings and end
       apiserver-adapter --version
       apiserver-adapter filter --filters JSON
                                    say pass or drop for each CloudEvent on stdin, one a line
";

/// The program.
#[derive(Debug)]
pub struct ApiServerAdapter {
    settings: Settings,
    observability: Observability,
}

impl Program for ApiServerAdapter {
    const NAME: &'static str = "apiserver-adapter";
    type Flags = ();

    fn command(args: &[String]) -> Result<Command<()>, Usage> {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        match words[..] {
            [] => Ok(Command::Run(())),
            ["--check"] => Ok(Command::Check(())),
            ["--version"] => Ok(Command::Say(version::<Self>())),
            ["--help" | "-h"] => Ok(Command::Say(USAGE.to_owned())),
            ["filter", ..] => {
                let args = args[1..].to_vec();
                Ok(Command::Tool(Box::new(move |_| try_filter(args))))
            }
            _ => Err(Usage {
                message: USAGE.to_owned(),
                exit_code: 2,
            }),
        }
    }

    fn configure((): (), env: &Env) -> Result<Self, Problems> {
        let observability = Observability::read(env.get(OBSERVABILITY), env)?;
        Ok(Self {
            settings: Settings::from_env(env)?,
            observability,
        })
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.settings.list()
    }

    fn telemetry(&self, env: &Env) -> telemetry::Options {
        telemetry::Options {
            component: COMPONENT,
            version: env!("CARGO_PKG_VERSION"),
            // As in stock, whose first logger is built before it knows its name (5.1).
            logger: "",
            crates: &["adapter", "cluster", "apiserver_adapter"],
            log_fields: self.settings.adapter.log_fields(),
            logging: Logging::read(env.get(LOGGING), COMPONENT, false),
            observability: self.observability.clone(),
            profiling_listener: true,
            env: env.clone(),
        }
    }

    fn grace(&self) -> Duration {
        handover::GRACE
    }

    async fn run(self, shutdown: Shutdown) -> Result<ExitCode, Box<dyn std::error::Error>> {
        run::run(self.settings, &shutdown).await
    }
}

/// The `filter` subcommand over this process's streams.
fn try_filter(args: Vec<String>) -> ExitCode {
    let (mut out, mut notes) = (io::stdout().lock(), io::stderr().lock());
    match filter::filter_tool(args, io::stdin().lock(), &mut out, &mut notes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody reads it: the exit code says it too.
            let _ = io::Write::write_fmt(&mut notes, format_args!("{error}\n"));
            ExitCode::from(error.exit_code())
        }
    }
}
