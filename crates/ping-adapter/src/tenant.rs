//! The role without `K_SINK`: all `PingSource`s of a cluster, shared out to replicas by leases
//! (pingsource.md 2).
//!
//! Here everything is tied together and one loop runs it. What is known of the sources is in
//! `roster`, which of them fire in `stage`, how they come in from the API server in `intake`, and
//! what is told about them to Kubernetes in `notices`.

mod intake;
mod notices;
mod roster;
mod stage;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use adapter::env::Problem;
use adapter::shutdown::Shutdown;
use adapter::tls::Trust;
use adapter::token::{NoToken, TokenSource};
use chrono::Utc;
use cluster::client::Client;
use cluster::config_maps::{Bundles, Live};
use cluster::lease::Candidate;
use cluster::{clock, config_maps, events, token};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::intake::{Change, Intake};
use self::notices::Notices;
use self::stage::Stage;
use crate::COMPONENT;
use crate::config::{Common, tenant::Config};
use crate::dispatch::{Dispatch, Failure};
use crate::firing::Firing;
use crate::meter::Meter;
use crate::pool::{Account, Pool, Tokens};
use crate::stop;

/// Changes of sources between the watch and the loop; the watch waits when it is full.
const CHANGES: usize = 256;
/// Failed sends waiting to be told; more are only logged.
const FAILURES: usize = 256;
/// What the last writes to the API server may take.
const RELEASE_TIME: Duration = Duration::from_secs(3);
const FLUSH_TIME: Duration = Duration::from_secs(1);
/// On top of the time of a lease: the ticks that a taken over source makes up for at most.
const CATCH_UP: Duration = Duration::from_mins(2);

/// Works until the stop; the problem is a bad way to reach the API server.
pub async fn run(
    config: Config,
    common: Common,
    report_sink_errors: bool,
    shutdown: &Shutdown,
) -> Result<(), Problem> {
    let client = Client::new(&config.access)?;
    let mut background = JoinSet::new();
    let (live, reports) = watch::channel(Live { report_sink_errors });
    let bundles = Arc::new(Bundles::default());
    background.spawn(config_maps::follow(
        client.clone(),
        config.namespace.clone(),
        config.config_maps.clone(),
        COMPONENT,
        live,
        Arc::clone(&bundles),
    ));
    let (changes, incoming) = mpsc::channel(CHANGES);
    background.spawn(Intake::new(changes).run(client.clone()));

    let no_shutdown_after = common.no_shutdown_after;
    let pool = pool(&client, &config, &common, bundles, shutdown);
    let candidate = candidate(&client, &config);
    let reporter = events::Reporter::start(client, clock::system());
    let notices = Notices::new(reporter.clone(), reports);
    let meter = Meter::of_process();
    let (failures, failed) = mpsc::channel(FAILURES);
    let firing = Firing::new(Dispatch::new(meter.clone(), Some(failures)), meter);
    let catch_up = CATCH_UP
        + config
            .election
            .map_or(Duration::ZERO, |it| it.lease_duration);
    let mut stage = Stage::new(candidate, firing, pool, notices, common.zone, catch_up);

    let ending = async {
        shutdown.stopping().cancelled().await;
        tokio::time::sleep(stop::delay(Utc::now(), no_shutdown_after)).await;
    };
    work(&mut stage, incoming, failed, Box::pin(ending)).await;
    stage.leave(RELEASE_TIME).await;
    reporter.flush(FLUSH_TIME).await;
    Ok(())
}

/// The loop: whatever happens first, and then what is due.
async fn work(
    stage: &mut Stage,
    mut incoming: mpsc::Receiver<Change>,
    mut failed: mpsc::Receiver<Failure>,
    mut ending: Pin<Box<impl Future<Output = ()>>>,
) {
    let mut leaderships = stage.leaderships();
    leaderships.mark_changed();
    loop {
        stage.fire_due();
        tokio::select! {
            biased;
            () = &mut ending => return,
            Ok(()) = leaderships.changed() => stage.lead(&leaderships.borrow_and_update()),
            Some(change) = incoming.recv() => stage.take(change),
            Some(failure) = failed.recv() => stage.tell(&failure),
            () = stage.wait() => {}
        }
    }
}

fn candidate(client: &Client, config: &Config) -> Candidate {
    match &config.election {
        None => Candidate::alone(),
        Some(election) => {
            let namespace = &config.system_namespace;
            Candidate::start(client, namespace, election.clone(), &clock::system())
        }
    }
}

fn pool(
    client: &Client,
    config: &Config,
    common: &Common,
    bundles: Arc<Bundles>,
    shutdown: &Shutdown,
) -> Pool {
    let tokens = Requested(token::Tokens::new(client.clone(), clock::system()));
    let trust = Trust::new(common.tls.clone(), Some(bundles));
    Pool::new(
        trust,
        config.timeout,
        Arc::new(tokens),
        shutdown.grace_over().clone(),
    )
}

/// Tokens by TokenRequest, for sources with a service account (3.1).
struct Requested(token::Tokens);

impl Tokens for Requested {
    fn of(&self, account: Option<&Account>) -> Arc<dyn TokenSource> {
        match account {
            None => Arc::new(NoToken),
            Some(Account {
                namespace,
                name,
                audience,
            }) => self.0.source(namespace, name, audience),
        }
    }
}
