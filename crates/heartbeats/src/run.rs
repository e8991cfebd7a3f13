//! The loop: one heartbeat after the other until told to stop.
//!
//! One event in flight at a time and no queue. Contract: containersource-heartbeats.md 6.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adapter::admin::{Latch, Readiness};
use adapter::deliver::{Courier, report_rejected};
use adapter::retry::{Backoff, Budget};
use adapter::server::{self, BindError, Limits};
use adapter::shutdown::Shutdown;
use adapter::sink::{Sink, TransportError};
use adapter::tls::Trust;
use adapter::token::TokenFile;
use adapter::wire;
use axum::routing::any;
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::beat::Beat;
use crate::config::{Config, Destination};
use crate::istio;
use crate::rhythm::Rhythm;

/// Eleven requests with the waits of `Backoff::HEARTBEATS` take 40.9 s upstream (6.2).
const BUDGET: Budget = Budget::retry_for(Duration::from_secs(41));

/// Why the work could not begin although the configuration is good.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The probes cannot be answered where they were asked for.
    #[error("HEALTH_PORT={port} cannot be used: {source}; leave it out or take another port")]
    HealthPort {
        /// The port.
        port: u16,
        /// What the system said.
        source: BindError,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Client(#[from] TransportError),
}

/// Everything between a good configuration and the exit code.
pub async fn run(config: &Config, shutdown: &Shutdown) -> Result<ExitCode, RunError> {
    if !config.source_given {
        tracing::info!("Heartbeats Source: {}", config.beat.source);
    }
    report_rejected(&config.beat.overrides);
    let readiness = Readiness::default();
    let arriving = readiness.latch("a heartbeat to reach the sink");
    if let Some(port) = config.health_port {
        serve_probes(port, &readiness, shutdown)?;
    }
    let courier = courier(&config.destination, shutdown)?;

    let arrived = beat_until_stopped(config, &courier, &arriving, shutdown.stopping()).await;
    if config.one_shot && !shutdown.stopping().is_cancelled() {
        istio::quit_proxy().await;
    }
    let failed = config.one_shot && config.exit_nonzero_on_failure && !arrived;
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn courier(to: &Destination, shutdown: &Shutdown) -> Result<Courier, TransportError> {
    let mut tls = Trust::new(to.tls.clone(), None).client_config(to.ca_certs.as_deref());
    // Unlike the other adapters, upstream's heartbeats offers HTTP/2 to https sinks (5.1).
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let sink = Sink::new(to.sink.clone(), to.timeout, tls)?;
    let token = Arc::new(TokenFile(to.token_file.clone()));
    Ok(Courier::new(
        Ok(sink),
        Backoff::HEARTBEATS,
        token,
        shutdown.grace_over().clone(),
    ))
}

/// Answers probes in the background until the stop.
fn serve_probes(port: u16, readiness: &Readiness, shutdown: &Shutdown) -> Result<(), RunError> {
    let listener = server::bind(server::everywhere(port))
        .map_err(|source| RunError::HealthPort { port, source })?;
    let routes = readiness.routes().route("/healthz", any(|| async {}));
    let shutdown = shutdown.clone();
    let serving =
        async move { server::serve(listener, routes, Limits::default(), &shutdown).await };
    tokio::spawn(serving);
    Ok(())
}

/// Sends heartbeats until `stopping`, or one with `ONE_SHOT`. Returns whether the last one arrived.
///
/// `arriving` is open while heartbeats do not reach the sink.
async fn beat_until_stopped(
    config: &Config,
    courier: &Courier,
    arriving: &Latch,
    stopping: &CancellationToken,
) -> bool {
    let mut rhythm = Rhythm::start(config.period);
    let mut number = 1;
    loop {
        tracing::info!("sending cloudevent to {}", config.destination.sink);
        let arrived = send(&config.beat, number, courier).await;
        arriving.set(arrived);
        if config.one_shot {
            return arrived;
        }
        // Goes up also when sending failed (5.3).
        number += 1;
        tokio::select! {
            biased;
            () = stopping.cancelled() => return arrived,
            () = rhythm.tick() => {}
        }
    }
}

/// Sends one heartbeat; a failure has been logged and counted when this returns `false`.
async fn send(beat: &Beat, number: u64, courier: &Courier) -> bool {
    match wire::encode(beat.event(number, Utc::now())) {
        Ok(message) => courier.deliver(&message, BUDGET).await.is_ok(),
        Err(invalid) => {
            courier.discard(&invalid);
            false
        }
    }
}
