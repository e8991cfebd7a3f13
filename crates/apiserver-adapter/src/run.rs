//! From a good configuration to the exit code: look up the resources, open the watches, go on
//! until told to stop, hand over, send what is queued.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use adapter::admin::Readiness;
use adapter::server::{self, Limits};
use adapter::shutdown::Shutdown;
use cluster::client::Client;
use cluster::clock;
use cluster::token::Tokens;
use cluster::watch::{Form, Start, Trouble, Watch};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::announcer::Announcer;
use crate::config::ResourceWatch;
use crate::discovery::{self, Found};
use crate::follower::Follower;
use crate::meters;
use crate::outbox::{Bounds, Outbox};
use crate::plan::{self, Planned};
use crate::post::Post;
use crate::settings::Settings;
use crate::watches::{Row, Watches};

/// How many watches are opened at once; each begins with a list.
const OPENING: usize = 16;
/// One that does not come up for so long lets the next one begin.
const OPENING_TIME: Duration = Duration::from_secs(10);
/// How often a resource that the API server did not have is looked for again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// What is queued gets this long when the process ends by itself.
const LAST_EVENTS: Duration = Duration::from_secs(5);

/// Works until `shutdown` says to stop, and for the time of the hand-over after that.
pub async fn run(settings: Settings, shutdown: &Shutdown) -> Result<ExitCode, Box<dyn Error>> {
    settings.adapter.log();
    for note in settings.source.filters.notes() {
        tracing::warn!("A filter is odd: {note}.");
    }
    let readiness = Readiness::default();
    let ready = readiness.latch("every watch to be up or refused");
    // Answered to the very end: a pod that hands over is alive.
    let probes = Shutdown::default();
    serve_probes(settings.health_port, &readiness, &probes);

    let adapter = Adapter::new(settings, shutdown)?;
    meters::install(&adapter.watches, &adapter.outbox);
    let watches = adapter.watches.clone();
    let readying = tokio::spawn(async move { watches.keep(ready).await });
    let ended = tokio::select! {
        Err(error) = adapter.work() => Err(error),
        () = adapter.until_stopped(shutdown) => Ok(ExitCode::SUCCESS),
    };
    readying.abort();
    adapter.send_the_rest(ended.is_ok()).await;
    probes.cut();
    ended
}

/// Answers probes in the background. A port that is taken is no reason to end: the kubelet sees
/// that nobody answers.
fn serve_probes(port: u16, readiness: &Readiness, shutdown: &Shutdown) {
    match server::bind(server::everywhere(port)) {
        Ok(listener) => {
            let (routes, shutdown) = (readiness.routes(), shutdown.clone());
            tokio::spawn(async move {
                server::serve(listener, routes, Limits::default(), &shutdown).await
            });
        }
        Err(error) => tracing::error!(%error, "Probes cannot be answered."),
    }
}

/// The parts that do the work.
struct Adapter {
    settings: Settings,
    client: Client,
    announcer: Arc<Announcer>,
    outbox: Outbox,
    watches: Watches,
    opening: Arc<Semaphore>,
}

/// A task for each watch. It ends only with `failFast`.
type Following = JoinSet<(String, Trouble)>;

/// A configured resource, and what it is.
type There<'a> = (&'a ResourceWatch, Found);

impl Adapter {
    fn new(settings: Settings, shutdown: &Shutdown) -> Result<Self, Box<dyn Error>> {
        let client = Client::new(&settings.access).map_err(|problem| problem.message)?;
        let adapter = &settings.adapter;
        let token = settings.oidc.as_ref().map(|oidc| {
            let tokens = Tokens::new(client.clone(), clock::system());
            tokens.source(&adapter.namespace, &oidc.service_account, &oidc.audience)
        });
        let post = Post::new(&settings, token, shutdown.grace_over().clone())?;
        let (namespace, name) = (&adapter.namespace, &adapter.name);
        let url = settings.source_url();
        Ok(Self {
            announcer: Arc::new(Announcer::new(namespace, name, url, &settings.source)),
            outbox: Outbox::new(Bounds::STANDARD, post),
            watches: Watches::default(),
            opening: Arc::new(Semaphore::new(OPENING)),
            client,
            settings,
        })
    }

    /// Opens every watch and follows it; ends only because of an error.
    async fn work(&self) -> Result<(), Box<dyn Error>> {
        let (found, mut missing) = self.look_up().await?;
        let mut following = Following::new();
        for (wanted, found) in &found {
            self.open(wanted, found, &mut following).await;
        }
        self.watches.set_missing(missing.len());
        self.watches.complete();
        loop {
            tokio::select! {
                Some(ended) = following.join_next() => {
                    let (path, trouble) = ended?;
                    return Err(format!("failFast is set, and {path} failed: {trouble}").into());
                }
                () = sleep(LOOK_AGAIN) => self.look_again(&mut missing, &mut following).await,
            }
        }
    }

    /// All before the first watch: a configuration that ends the process announces nothing.
    async fn look_up(&self) -> Result<(Vec<There<'_>>, Vec<&ResourceWatch>), Box<dyn Error>> {
        let config = &self.settings.source;
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for wanted in &config.resources {
            match discovery::find(&self.client, wanted).await? {
                Some(found) => there.push((wanted, found)),
                None if config.fail_fast => return Err(self.not_there(wanted).into()),
                None => {
                    tracing::warn!("{}. It is looked for every minute.", self.not_there(wanted));
                    missing.push(wanted);
                }
            }
        }
        Ok((there, missing))
    }

    fn not_there(&self, wanted: &ResourceWatch) -> String {
        let server = self.settings.source_url();
        let (resource, version) = (&wanted.resource, wanted.group_version());
        format!("The API server {server} has no resource {resource} in {version}")
    }

    /// A custom resource may have been installed meanwhile (7, weak spot 8).
    async fn look_again(&self, missing: &mut Vec<&ResourceWatch>, following: &mut Following) {
        let mut still = Vec::new();
        for wanted in missing.drain(..) {
            match discovery::look(&self.client, wanted).await {
                Ok(Some(found)) => {
                    tracing::info!(resource = found.name, "A resource is there now.");
                    self.open(wanted, &found, following).await;
                }
                Ok(None) | Err(_) => still.push(wanted),
            }
        }
        *missing = still;
        self.watches.set_missing(missing.len());
    }

    async fn open(&self, wanted: &ResourceWatch, found: &Found, following: &mut Following) {
        let config = &self.settings.source;
        let merged = plan::is_crowd(config, found)
            && plan::may_watch_everywhere(&self.client, wanted, found).await;
        if merged {
            tracing::info!(
                resource = found.name,
                namespaces = config.namespaces.len(),
                "One watch over all namespaces stands for many."
            );
        }
        for planned in plan::plan(config, wanted, found, merged) {
            self.follow(planned, following);
        }
    }

    fn follow(&self, planned: Planned, following: &mut Following) {
        let Planned {
            collection,
            scope,
            resource,
            namespace,
        } = planned;
        let path = collection.path.clone();
        let fail_fast = self.settings.source.fail_fast;
        let (announcer, outbox) = (Arc::clone(&self.announcer), self.outbox.clone());
        let mut follower = Follower::new(scope, announcer, outbox, fail_fast);
        // The ledger needs no more of an object than its metadata, in both modes.
        let start = Start::Listed(Form::Metadata);
        let watch = Watch::new(self.client.clone(), collection, start);
        let status = watch.status();
        self.watches.add(Row {
            resource,
            namespace,
            status: status.clone(),
            repairs: follower.repairs(),
        });
        let opening = Arc::clone(&self.opening);
        following.spawn(async move {
            let turn = opening.acquire_owned().await;
            let mut run = std::pin::pin!(watch.run(&mut follower));
            let trouble = tokio::select! {
                trouble = &mut run => trouble,
                _ = timeout(OPENING_TIME, status.settled()) => {
                    drop(turn);
                    run.await
                }
            };
            (path, trouble)
        });
    }

    /// Waits for the stop, and then for the end of the hand-over.
    async fn until_stopped(&self, shutdown: &Shutdown) {
        shutdown.stopping().cancelled().await;
        let handover = self.settings.handover;
        if handover.is_zero() || !self.watches.are_ready() {
            return;
        }
        tracing::info!(
            seconds = handover.as_secs(),
            "Going on until the successor is there."
        );
        tokio::select! {
            () = sleep(handover) => {}
            () = shutdown.grace_over().cancelled() => {}
        }
    }

    /// Waits for the queue to be empty. After a signal the courier gives up when the grace is over.
    async fn send_the_rest(&self, stopped: bool) {
        let events = self.outbox.depth();
        if events > 0 {
            tracing::info!(events, "Sending what is queued.");
        }
        if stopped {
            self.outbox.drained().await;
        } else if timeout(LAST_EVENTS, self.outbox.drained()).await.is_err() {
            tracing::error!(
                events = self.outbox.depth(),
                "Events were queued and are lost."
            );
        }
    }
}
