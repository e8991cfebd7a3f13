//! The sample sink: takes CloudEvents over HTTP and prints each as text on stdout
//! (contract: event-display.md).
//!
//! The way of an event: `receive` takes the request, `event` reads and checks it, `print` makes
//! the text (or `structured` the line of JSON), `output` writes it; then the answer goes out.
//! `refusal` is every other end. `page` shows what came to browsers, if that is switched on.

pub mod config;
pub mod event;
pub mod head;
pub mod json;
pub mod output;
pub mod page;
pub mod print;
pub mod receive;
pub mod refusal;
pub mod request_log;
pub mod room;
pub mod run;
pub mod structured;

use std::process::ExitCode;
use std::time::Duration;

use adapter::env::{Env, Problems};
use adapter::program::{Command, Program, Usage, version};
use adapter::shutdown::Shutdown;
use adapter::telemetry;
use adapter::telemetry::config::{LOGGING, Logging, OBSERVABILITY, Observability};

use crate::config::Config;

const NAME: &str = "event-display";
/// What running requests get after SIGTERM; the process is gone within two seconds.
const GRACE: Duration = Duration::from_millis(1500);

const HELP: &str = "\
Takes CloudEvents over HTTP and prints them on stdout.

Usage: event-display [--check | --help | --version]

  --check    print the settings and end; exit code 64 if one of them is wrong
  --help     print this and end
  --version  print the version and end

Other arguments are ignored. Variables: PORT (8080), MAX_BODY_BYTES (67108864),
REQUEST_LOGGING_ENABLED, K_LOGGING_CONFIG, K_OBSERVABILITY_CONFIG.
DISPLAY_FORMAT=jsonl prints one line of JSON for each event.
DISPLAY_UI=true shows events at GET / (whoever reaches the port sees them, unless
DISPLAY_UI_TOKEN is set), the last HISTORY_EVENTS (1000) in HISTORY_BYTES (33554432).
";

/// The program.
#[derive(Debug)]
pub struct EventDisplay {
    config: Config,
}

impl Program for EventDisplay {
    const NAME: &'static str = NAME;
    type Flags = ();

    fn command(args: &[String]) -> Result<Command<()>, Usage> {
        // Upstream reads no arguments, so one that is unknown must do no harm.
        let known = args
            .iter()
            .find_map(|arg| match arg.trim_start_matches('-') {
                _ if !arg.starts_with('-') => None,
                "check" => Some(Command::Check(())),
                "help" | "h" => Some(Command::Say(HELP.to_owned())),
                "version" => Some(Command::Say(version::<Self>())),
                _ => None,
            });
        Ok(known.unwrap_or(Command::Run(())))
    }

    fn configure((): (), env: &Env) -> Result<Self, Problems> {
        Ok(Self {
            config: Config::from_env(env)?,
        })
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        self.config.settings()
    }

    fn telemetry(&self, env: &Env) -> telemetry::Options {
        telemetry::Options {
            component: NAME,
            version: env!("CARGO_PKG_VERSION"),
            logger: "",
            crates: &["adapter", "event_display"],
            log_fields: Vec::new(),
            // Nobody configures the logs of this image; upstream's are lines for people.
            logging: Logging::read(env.get(LOGGING), NAME, true),
            observability: Observability::read_tolerant(env.get(OBSERVABILITY), env),
            profiling_listener: false,
            env: env.clone(),
        }
    }

    fn grace(&self) -> Duration {
        GRACE
    }

    async fn run(self, shutdown: Shutdown) -> Result<ExitCode, Box<dyn std::error::Error>> {
        Ok(run::run(self.config, &shutdown).await?)
    }
}
