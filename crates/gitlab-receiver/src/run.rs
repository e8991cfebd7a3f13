//! From a good configuration to the exit code: open, serve, stop in order.
//!
//! The port is opened last, because an open port is what Serving takes for readiness
//! (gitlabsource.md 1.1).

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adapter::admin::{PROBE_PORT, Readiness};
use adapter::deliver::Courier;
use adapter::retry::Backoff;
use adapter::server::{self, BindError, Limits, Throttle};
use adapter::shutdown::Shutdown;
use adapter::sink::{Sink, TransportError};
use adapter::telemetry;
use adapter::tls::Trust;
use adapter::token::{NoToken, TokenFile, TokenSource};
use chrono::Utc;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::GRACE;
use crate::config::Config;
use crate::delivery::Envelope;
use crate::door::Door;
use crate::hook::api::ApiError;
use crate::hook::keep::keep;
use crate::outbox::{self, Ends, Level, Outbox, Writer};
use crate::post::{Direct, Post};
use crate::repeats::Repeats;
use crate::webhook::{self, Webhook};

/// Where a SinkBinding mounts the bearer token.
const TOKEN_FILE: &str = "/oidc/token";
/// Stock gives a whole request ten seconds; a body that stalls gets no longer.
const LIMITS: Limits = Limits {
    idle: Duration::from_mins(2),
    stall: Duration::from_secs(10),
    head_bytes: 64 << 10,
    headers: 200,
};
/// Kept of the grace for closing the outbox in order.
const CLOSING: Duration = Duration::from_secs(1);

/// What keeps the program from running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Somebody else listens on the webhook's port.
    #[error("PORT cannot be used: {0}")]
    Port(#[from] BindError),
    /// No HTTP client can be made.
    #[error("cannot make a client for K_SINK: {0}")]
    Client(#[from] TransportError),
    /// The outbox is broken, or its folder cannot be written.
    #[error("the outbox in SPOOL_DIR={} cannot be opened: {source}", directory.display())]
    Outbox {
        /// The folder.
        directory: PathBuf,
        /// Why.
        source: redb::Error,
    },
    /// Another process has the outbox, and this one was told to stop.
    #[error("stopped while the outbox was locked")]
    OutboxLocked,
    /// GitLab refused the webhook.
    #[error("the webhook could not be registered: {0}")]
    Registration(#[from] ApiError),
    /// The task that looks after the webhook is gone.
    #[error("the registration of the webhook broke off: {0}")]
    RegistrationTask(#[from] JoinError),
}

/// Works until `shutdown` says to stop.
pub async fn run(config: &Config, shutdown: &Shutdown) -> Result<ExitCode, RunError> {
    config.adapter.log();
    if config.wants_token && !Path::new(TOKEN_FILE).exists() {
        tracing::warn!(
            file = TOKEN_FILE,
            "K_AUDIENCE is set, but nobody has mounted a token; events go out without one."
        );
    }
    let door = Door::new(config.tokens.clone(), config.signing.clone());
    if door.is_open() {
        tracing::warn!(
            "GITLAB_SECRET_TOKEN is empty: whoever finds the address can send events. Set it to the secret of the webhook."
        );
    }
    let (post, outbox) = post(config, shutdown).await?;
    let tasks = TaskTracker::new();
    let readiness = Readiness::default();
    let webhook = Webhook {
        door,
        max_body: config.max_body,
        repeats: Repeats::new(config.dedupe_window),
        post,
        readiness: readiness.clone(),
        stopping: shutdown.stopping().clone(),
        tasks: tasks.clone(),
        meter: telemetry::handle().receive_meter(),
        port: config.port,
        refusals: Throttle::default(),
    };
    if config.port != PROBE_PORT {
        serve_probes(&readiness, shutdown);
    }
    let listener = server::bind(server::everywhere(config.port))?;
    tracing::info!(
        port = config.port,
        event_source = config.source,
        sink = config
            .adapter
            .sink
            .as_ref()
            .ok()
            .map(tracing::field::display),
        "Webhooks are received."
    );
    // Once somebody listens: GitLab may send a test at once.
    let registration = register(config, &readiness, shutdown);
    serve(listener, webhook, shutdown).await;
    tasks.close();
    tokio::select! {
        () = tasks.wait() => {}
        () = shutdown.grace_over().cancelled() => {}
    }
    if let Some(outbox) = outbox {
        outbox.close().await;
    }
    if let Some(registration) = registration {
        registration.await??;
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks after the hook at GitLab beside the serving. When it cannot even be registered, the
/// process stops: nobody would send anything.
fn register(
    config: &Config,
    readiness: &Readiness,
    shutdown: &Shutdown,
) -> Option<JoinHandle<Result<(), ApiError>>> {
    let registration = config.registration.clone()?;
    let registered = readiness.latch("the webhook to be registered at GitLab");
    let shutdown = shutdown.clone();
    Some(tokio::spawn(async move {
        let kept = keep(&registration, &registered, &shutdown).await;
        if kept.is_err() {
            shutdown.stop();
            // Without a signal nobody else ends the grace.
            tokio::spawn(async move {
                tokio::time::sleep(GRACE).await;
                shutdown.cut();
            });
        }
        kept
    }))
}

async fn serve(listener: TcpListener, webhook: Webhook, shutdown: &Shutdown) {
    let cut = server::serve(listener, webhook::routes(webhook), LIMITS, shutdown).await;
    if cut > 0 {
        tracing::warn!(
            requests = cut,
            "Requests were still running when the time to stop was over."
        );
    }
}

/// Where deliveries go, and what has to be closed at the end.
async fn post(config: &Config, shutdown: &Shutdown) -> Result<(Post, Option<Spool>), RunError> {
    let envelope = Envelope {
        source: config.source.clone(),
        overrides: config.adapter.overrides.clone(),
        kn_namespace: config.adapter.kn_namespace(),
    };
    let Some(place) = config.outbox.clone() else {
        let courier = courier(config, shutdown.grace_over().clone())?;
        return Ok((Post::Direct(Arc::new(Direct { courier, envelope })), None));
    };
    let directory = place.directory.clone();
    let (outbox, writer) = tokio::select! {
        opened = Outbox::open(place) => {
            opened.map_err(|source| RunError::Outbox { directory, source })?
        }
        () = shutdown.stopping().cancelled() => return Err(RunError::OutboxLocked),
    };
    observe(outbox.level());
    let ends = Ends {
        drain: CancellationToken::new(),
        stop: shutdown.grace_over().clone(),
    };
    let drain = ends.drain.clone();
    // Never cut: what is on disk is not lost when the process stops.
    let courier = courier(config, CancellationToken::new())?;
    let forward = outbox::forward(outbox.clone(), courier, envelope, ends);
    let forward = tokio::spawn(forward);
    Ok((
        Post::Outbox(outbox),
        Some(Spool {
            forward,
            drain,
            writer,
        }),
    ))
}

fn courier(config: &Config, cut: CancellationToken) -> Result<Courier, TransportError> {
    let adapter = &config.adapter;
    let sink = adapter.sink.clone().map(|url| {
        let tls = Trust::new(adapter.tls.clone(), None).client_config(adapter.ca_certs.as_deref());
        Sink::new(url, adapter.sink_timeout, tls)
    });
    let sink = match sink {
        Ok(sink) => Ok(sink?),
        Err(error) => Err(error),
    };
    // Most have no token: then no attempt looks for one.
    let token: Arc<dyn TokenSource> = if config.wants_token || Path::new(TOKEN_FILE).exists() {
        Arc::new(TokenFile(TOKEN_FILE.into()))
    } else {
        Arc::new(NoToken)
    };
    Ok(Courier::new(sink, Backoff::STANDARD, token, cut))
}

/// Probes on the port where stock has them. Somebody else having it is no reason to fail: the
/// webhook's own port answers them too (adapter-runtime.md 7.1).
fn serve_probes(readiness: &Readiness, shutdown: &Shutdown) {
    match server::bind(server::everywhere(PROBE_PORT)) {
        Ok(listener) => {
            let (routes, shutdown) = (readiness.routes(), shutdown.clone());
            tokio::spawn(async move {
                server::serve(listener, routes, Limits::default(), &shutdown).await
            });
        }
        Err(error) => tracing::debug!(%error, "Probes are answered on the webhook's port only."),
    }
}

/// Gauges of the outbox, if metrics are on.
fn observe(level: &Level) {
    let Some(meter) = telemetry::handle().meter("knative.adapter.gitlab") else {
        return;
    };
    let gauges = [
        (
            "kn.gitlab.outbox.events",
            "{event}",
            "Events on disk that the sink does not have yet.",
        ),
        ("kn.gitlab.outbox.size", "By", "Their size."),
    ];
    for (index, (name, unit, description)) in gauges.into_iter().enumerate() {
        let level = level.clone();
        meter
            .u64_observable_gauge(name)
            .with_unit(unit)
            .with_description(description)
            .with_callback(move |gauge| {
                gauge.observe(
                    if index == 0 {
                        level.events()
                    } else {
                        level.bytes()
                    },
                    &[],
                );
            })
            .build();
    }
    let level = level.clone();
    meter
        .f64_observable_gauge("kn.gitlab.outbox.oldest_age")
        .with_unit("s")
        .with_description("How long the oldest of them has waited.")
        .with_callback(move |gauge| gauge.observe(level.oldest_age(Utc::now()), &[]))
        .build();
}

/// The running parts of the outbox.
struct Spool {
    forward: JoinHandle<()>,
    drain: CancellationToken,
    writer: Writer,
}

impl Spool {
    /// Sends what there is until the grace is over; what is left then stays on disk.
    ///
    /// Scaled to zero, the next start may be far away (3.5).
    async fn close(self) {
        self.drain.cancel();
        // A panic in it has been printed; what it had not sent is on disk.
        let _ = self.forward.await;
        if tokio::time::timeout(CLOSING, self.writer.closed())
            .await
            .is_err()
        {
            tracing::warn!("The outbox could not be closed in time; the next start repairs it.");
        }
    }
}
