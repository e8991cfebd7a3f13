//! The role with `K_SINK`: one schedule, one sink, no cluster (pingsource.md 5).

use std::path::PathBuf;
use std::sync::Arc;

use adapter::shutdown::Shutdown;
use adapter::tls::Trust;
use adapter::token::{TokenFile, TokenSource};
use chrono::{TimeDelta, Utc};

use crate::agenda::Rhythm;
use crate::config::{Common, standalone::Config};
use crate::dispatch::{Dispatch, Plan};
use crate::firing::Firing;
use crate::meter::Meter;
use crate::pool::{Account, Address, AddressError, Pool, Tokens};
use crate::stop;

/// Where a SinkBinding mounts the token; without it none is sent (adapter-runtime.md 4).
const TOKEN_FILE: &str = "/oidc/token";

struct Mounted;

impl Tokens for Mounted {
    fn of(&self, _account: Option<&Account>) -> Arc<dyn TokenSource> {
        Arc::new(TokenFile(PathBuf::from(TOKEN_FILE)))
    }
}

/// Fires until the stop, and ends when nothing is in flight any more or the grace is over.
pub async fn run(config: Config, common: &Common, shutdown: &Shutdown) -> Result<(), AddressError> {
    let meter = Meter::of_process();
    let mut firing = Firing::new(Dispatch::new(meter.clone(), None), meter);
    put_on_agenda(config, common, shutdown, &mut firing)?;
    firing.count_sources();

    let mut ending = Box::pin(async {
        shutdown.stopping().cancelled().await;
        tokio::time::sleep(stop::delay(Utc::now(), common.no_shutdown_after)).await;
    });
    loop {
        firing.fire_due(|_| true);
        tokio::select! {
            biased;
            () = &mut ending => break,
            () = firing.wait() => {}
        }
    }
    firing.finish(Utc::now(), |_| true).await;
    firing.dispatch.drained().await;
    Ok(())
}

fn put_on_agenda(
    config: Config,
    common: &Common,
    shutdown: &Shutdown,
    firing: &mut Firing,
) -> Result<(), AddressError> {
    let trust = Trust::new(common.tls.clone(), None);
    let cut = shutdown.grace_over().clone();
    let mut pool = Pool::new(trust, config.timeout, Arc::new(Mounted), cut);
    let address = Address {
        uri: config.uri.into(),
        ca_certs: config.ca_certs.map(Into::into),
        account: None,
    };
    let destination = pool.destination(address)?;
    tracing::info!(
        sink = destination.shown,
        schedule = config.expression,
        zone = config.schedule.zone().map_or("none", |zone| zone.name()),
        next = config
            .schedule
            .next_after(Utc::now())
            .map(tracing::field::display),
        "Firing on schedule."
    );
    for (override_name, error) in config.template.rejected() {
        tracing::error!(override_name, %error, "An override was dropped; events go out without it.");
    }
    // One source alone has nobody to make way for.
    let rhythm = Rhythm {
        schedule: config.schedule,
        spread: TimeDelta::zero(),
    };
    let key = config.origin.key();
    let plan = Plan::new(Arc::new(config.origin), config.template, destination);
    let now = Utc::now();
    firing.agenda.put(&key, rhythm, Arc::new(plan), now, now);
    Ok(())
}
