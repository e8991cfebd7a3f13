//! Sends a small CloudEvent every few seconds: the sample source of Knative Eventing, run under a
//! ContainerSource or a SinkBinding (contract: containersource-heartbeats.md).
//!
//! The way of the data: `flags` and `config` say what to do, `rhythm` when, `beat` makes the event,
//! and `adapter` delivers it.

pub mod beat;
pub mod config;
pub mod flags;
pub mod istio;
pub mod label;
pub mod period;
pub mod rhythm;
pub mod run;

use std::process::ExitCode;
use std::time::Duration;

use adapter::env::{Env, Problems};
use adapter::program::{Command, Program, Usage, version};
use adapter::shutdown::Shutdown;
use adapter::telemetry;
use adapter::telemetry::config::{LOGGING, Logging};

use crate::config::Config;
use crate::flags::{Flags, Task};

/// What a heartbeat in flight gets after SIGTERM; the process is gone within a second.
const GRACE: Duration = Duration::from_millis(500);

/// `service.name` as upstream has it; `OTEL_SERVICE_NAME` overrides it.
const SERVICE: &str = "heartbeat";

/// The program.
#[derive(Debug)]
pub struct Heartbeats {
    config: Config,
}

impl Program for Heartbeats {
    const NAME: &'static str = "heartbeats";
    type Flags = Flags;

    fn command(args: &[String]) -> Result<Command<Flags>, Usage> {
        match flags::parse(args) {
            Ok((Task::Run, flags)) => Ok(Command::Run(flags)),
            Ok((Task::Check, flags)) => Ok(Command::Check(flags)),
            Ok((Task::Version, _)) => Ok(Command::Say(version::<Self>())),
            Err(error) => Err(Usage {
                message: format!("{error}{}", flags::usage()),
                exit_code: error.exit_code(),
            }),
        }
    }

    fn configure(flags: Flags, env: &Env) -> Result<Self, Problems> {
        Ok(Self {
            config: Config::read(flags, env)?,
        })
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.config.settings()
    }

    fn telemetry(&self, env: &Env) -> telemetry::Options {
        telemetry::Options {
            component: SERVICE,
            version: env!("CARGO_PKG_VERSION"),
            logger: "",
            crates: &["adapter", "heartbeats"],
            log_fields: Vec::new(),
            // Nobody configures the logs of a ContainerSource; upstream's are lines for people.
            logging: Logging::read(env.get(LOGGING), Self::NAME, true),
            observability: self.config.observability.clone(),
            profiling_listener: false,
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
