//! Sends an event whenever a schedule says so: for all `PingSource`s of a cluster in place of the
//! stock adapter, or for one schedule of its own (contract: pingsource.md).
//!
//! The way of the data: `source` (an object) → `schedule` and `event` (what it means) → `agenda`
//! (when it fires) → `firing` (the clock) → `dispatch` and `pool` (sending). `standalone` and
//! `tenant` are the two roles.

pub mod agenda;
pub mod config;
pub mod dispatch;
pub mod event;
pub mod firing;
pub mod flags;
pub mod meter;
pub mod next;
pub mod pool;
pub mod schedule;
pub mod source;
pub mod standalone;
mod stop;
pub mod tenant;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use adapter::admin::Readiness;
use adapter::env::{Env, Problems};
use adapter::program::{Command, Program, Usage, version};
use adapter::server::{self, Limits};
use adapter::shutdown::Shutdown;
use adapter::telemetry::{
    self, config::LOGGING, config::Logging, config::OBSERVABILITY, config::Observability,
};
use chrono::Utc;

use crate::config::{Config, Role};
use crate::flags::{Flags, Task};
use crate::schedule::Zone;

/// What stock dashboards and ConfigMaps know the adapter by.
pub const COMPONENT: &str = "pingsource-mt-adapter";

/// Exit code of stock adapters for a bad flag (adapter-runtime.md 7.2).
const EXIT_BAD_FLAG: u8 = 2;

/// The program.
#[derive(Debug)]
pub struct PingAdapter {
    config: Config,
    observability: Observability,
}

impl Program for PingAdapter {
    const NAME: &'static str = "ping-adapter";
    type Flags = Flags;

    fn command(args: &[String]) -> Result<Command<Flags>, Usage> {
        if let Some((first, rest)) = args.split_first()
            && first == "next"
        {
            let rest = rest.to_vec();
            return Ok(Command::Tool(Box::new(move |env| run_next(&rest, env))));
        }
        match flags::parse(args) {
            Ok((Task::Run, flags)) => Ok(Command::Run(flags)),
            Ok((Task::Check, flags)) => Ok(Command::Check(flags)),
            Ok((Task::Help, _)) => Ok(Command::Say(flags::USAGE.to_owned())),
            Ok((Task::Version, _)) => Ok(Command::Say(version::<Self>())),
            Err(error) => Err(Usage {
                message: format!("{error}\n{}", flags::USAGE),
                exit_code: EXIT_BAD_FLAG,
            }),
        }
    }

    fn configure(flags: Flags, env: &Env) -> Result<Self, Problems> {
        let config = Config::read(&flags, env)?;
        let text = env.get(OBSERVABILITY);
        let observability = match &config.role {
            Role::Standalone(_) => Observability::read_tolerant(text, env),
            Role::Tenant(_) => Observability::read(text, env)?,
        };
        Ok(Self {
            config,
            observability,
        })
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = self.config.settings();
        settings.extend([
            ("metrics", self.observability.metrics.to_string()),
            ("traces", self.observability.traces.to_string()),
        ]);
        settings
    }

    fn telemetry(&self, env: &Env) -> telemetry::Options {
        let tenant = matches!(self.config.role, Role::Tenant(_));
        let pod = env
            .non_empty("POD_NAME")
            .map(|pod| ("knative.dev/pod".to_owned(), pod.to_owned()));
        telemetry::Options {
            component: COMPONENT,
            version: env!("CARGO_PKG_VERSION"),
            logger: COMPONENT,
            crates: &["adapter", "cluster", "ping_adapter"],
            log_fields: pod.into_iter().collect(),
            // A schedule run by hand speaks to people unless it is told otherwise.
            logging: Logging::read(env.get(LOGGING), COMPONENT, !tenant),
            observability: self.observability.clone(),
            profiling_listener: tenant,
            env: env.clone(),
        }
    }

    fn grace(&self) -> Duration {
        self.config.grace()
    }

    async fn run(self, shutdown: Shutdown) -> Result<ExitCode, Box<dyn std::error::Error>> {
        let Config { role, common } = self.config;
        // Probes answer until everything else has ended, a delayed stop included (2.7).
        let probes = Shutdown::default();
        serve_probes(common.probe_port, &probes);
        match role {
            Role::Standalone(config) => standalone::run(*config, &common, &shutdown).await?,
            Role::Tenant(config) => {
                let report = self.observability.report_sink_errors;
                tenant::run(*config, common, report, &shutdown)
                    .await
                    .map_err(|it| it.message)?;
            }
        }
        probes.cut();
        Ok(ExitCode::SUCCESS)
    }
}

/// 200 from the start to the end: readiness hangs on nothing (pingsource.md 1.6).
fn serve_probes(port: u16, shutdown: &Shutdown) {
    match server::bind(server::everywhere(port)) {
        Ok(listener) => {
            let (routes, shutdown) = (Readiness::default().routes(), shutdown.clone());
            tokio::spawn(async move {
                server::serve(listener, routes, Limits::default(), &shutdown).await
            });
        }
        // Stock adapters go on silently. Events need no probes.
        Err(error) => tracing::error!(%error, "No probe will be answered."),
    }
}

/// `ping-adapter next`, in the zone that schedules have in this container.
fn run_next(args: &[String], env: &Env) -> ExitCode {
    let zone = Zone::of_process(env.get("TZ"));
    match next::next_in(args, &zone, &mut std::io::stdout().lock(), Utc::now()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nobody to read it the exit code says enough.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(error.exit_code())
        }
    }
}
