//! Telemetry as a whole, against collectors and listeners on loopback. No process-wide state.

mod collector;
mod export;
mod failure;
mod listen;
mod listen_tls;

use std::future::Future;
use std::time::Duration;

use super::config::{Logging, Observability};
use super::{Options, Target, Telemetry};
use crate::env::Env;

/// No test takes longer than this.
const DEADLINE: Duration = Duration::from_secs(20);

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work)
        .await
        .expect("the test ends in time")
}

fn options(observability: &serde_json::Value, env: &[(&str, &str)]) -> Options {
    let env = Env::from_pairs(env.iter().copied());
    let observability = Observability::read(Some(&observability.to_string()), &env)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    Options {
        component: "pingsource-mt-adapter",
        version: "0.1.0",
        logger: "",
        crates: &[],
        log_fields: Vec::new(),
        logging: Logging::built_in(),
        observability,
        profiling_listener: false,
        env,
    }
}

fn start(observability: &serde_json::Value) -> Telemetry {
    Telemetry::start(&options(
        observability,
        &[("SYSTEM_NAMESPACE", "knative-eventing")],
    ))
}

fn target(url: &str) -> Target {
    Target::new(&url::Url::parse(url).unwrap())
}
