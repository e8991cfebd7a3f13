//! Receives GitLab webhooks and sends each as a CloudEvent (contract: `gitlabsource.md`).
//!
//! The way of a delivery: `webhook` takes the request, `door` lets it in, `payload` and
//! `event_name` check it, `repeats` recognises copies, and `post` delivers it as `delivery` says,
//! at once or through `outbox`.

pub mod answer;
pub mod config;
pub mod delivery;
pub mod door;
pub mod event_name;
pub mod hook;
pub mod outbox;
pub mod payload;
pub mod post;
pub mod repeats;
pub mod run;
pub mod secret;
pub mod signature;
pub mod token;
pub mod webhook;

use std::process::ExitCode;
use std::time::Duration;

use adapter::env::{Env, Problems};
use adapter::program::{Command, Program, Usage, version};
use adapter::shutdown::Shutdown;
use adapter::telemetry;
use adapter::telemetry::config::{LOGGING, Logging, OBSERVABILITY, Observability};

use crate::config::Config;
use crate::hook::tool::Task;

/// How long requests in flight go on after SIGTERM, as under stock (3.2).
const GRACE: Duration = Duration::from_secs(10);
/// What stock calls itself in metrics and spans (2).
const COMPONENT: &str = "gitlabsource";

const USAGE: &str = "\
usage: gitlab-receiver            receive webhooks, as the environment says
       gitlab-receiver --check    print the settings and end
       gitlab-receiver --version
       gitlab-receiver hook ensure [--dry-run]
                                  create the webhook at GitLab, or set it right
       gitlab-receiver hook ensure --add FLAG[,FLAG] [--dry-run]
                                  only switch flags on, at a hook that somebody else made
       gitlab-receiver hook list
       gitlab-receiver hook delete [--dry-run]
";

/// The program.
#[derive(Debug)]
pub struct Receiver {
    config: Config,
    observability: Observability,
}

impl Program for Receiver {
    const NAME: &'static str = "gitlab-receiver";
    type Flags = ();

    fn command(args: &[String]) -> Result<Command<()>, Usage> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        match args[..] {
            [] => Ok(Command::Run(())),
            ["--check"] => Ok(Command::Check(())),
            ["--version"] => Ok(Command::Say(version::<Self>())),
            ["--help" | "-h"] => Ok(Command::Say(USAGE.to_owned())),
            ["hook", ref rest @ ..] if let Some(task) = Task::parse(rest) => {
                Ok(Command::Tool(Box::new(move |env| task.run(env))))
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
            config: Config::from_env(env)?,
            observability,
        })
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.config.settings()
    }

    fn telemetry(&self, env: &Env) -> telemetry::Options {
        telemetry::Options {
            component: COMPONENT,
            version: env!("CARGO_PKG_VERSION"),
            // As in stock, whose first logger is built before it knows its name (5.1).
            logger: "",
            crates: &["adapter", "gitlab_receiver"],
            log_fields: self.config.adapter.log_fields(),
            logging: Logging::read(env.get(LOGGING), COMPONENT, false),
            observability: self.observability.clone(),
            profiling_listener: true,
            env: env.clone(),
        }
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    async fn run(self, shutdown: Shutdown) -> Result<ExitCode, Box<dyn std::error::Error>> {
        Ok(run::run(&self.config, &shutdown).await?)
    }
}
