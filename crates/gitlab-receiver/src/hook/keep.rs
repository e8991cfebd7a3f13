//! The registration while the receiver runs: made at start, looked after, deleted if asked for.
//!
//! At start a refusal ends the process, because nobody would send anything; later it is only said,
//! since the hook that is there goes on working. Contract: `gitlabsource.md` 7 items 5 to 8.

use std::time::Duration;

use adapter::admin::Latch;
use adapter::shutdown::Shutdown;
use tokio::time::Instant;

use super::api::{Api, ApiError};
use super::ensure::{self, Outcome};
use super::plan::Plan;
use super::settings::Registration;

/// How often the hook is looked at (D22: somebody may have deleted it by hand).
const CHECK: Duration = Duration::from_mins(10);
/// How often the secret is looked at: a new one has to reach GitLab while the old one counts.
const LOOK: Duration = Duration::from_secs(5);
/// The first wait when GitLab cannot be used, doubled up to the second.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));

/// Registers, then keeps the hook as wanted until the stop. An error means it was never registered.
pub async fn keep(
    registration: &Registration,
    registered: &Latch,
    shutdown: &Shutdown,
) -> Result<(), ApiError> {
    let api = Api::new(registration.access.clone())?;
    let work = async {
        let outcome = patiently(&api, registration).await?;
        say(&outcome, "The webhook is registered at GitLab.");
        registered.set(true);
        look_after(&api, registration).await;
        Ok::<_, ApiError>(())
    };
    tokio::select! {
        result = work => result?,
        () = shutdown.stopping().cancelled() => {}
    }
    if registration.delete_on_shutdown {
        delete(&api, registration, shutdown).await;
    }
    Ok(())
}

/// Tries for as long as GitLab only is not available.
async fn patiently(api: &Api, registration: &Registration) -> Result<Outcome, ApiError> {
    let (mut wait, longest) = WAITS;
    loop {
        match ensure::ensure(api, &registration.wanted, false).await {
            Err(error @ (ApiError::Unavailable { .. } | ApiError::Gone)) => {
                let asked = match &error {
                    ApiError::Unavailable { retry_after, .. } => *retry_after,
                    _ => None,
                };
                let wait_now = asked.map_or(wait, |asked| asked.clamp(wait, longest));
                tracing::warn!(%error, wait = ?wait_now, "The webhook could not be registered; trying again.");
                tokio::time::sleep(wait_now).await;
                wait = (wait * 2).min(longest);
            }
            result => return result,
        }
    }
}

/// Looks at the secret often and at the hook now and then, for ever.
async fn look_after(api: &Api, registration: &Registration) {
    let newest = || registration.wanted.tokens.newest();
    let (mut sent, mut checked) = (newest(), Instant::now());
    loop {
        tokio::time::sleep(LOOK).await;
        let secret = newest();
        if secret == sent && checked.elapsed() < CHECK {
            continue;
        }
        checked = Instant::now();
        match patiently(api, registration).await {
            Ok(outcome) => {
                if secret != sent {
                    tracing::info!(
                        hook = outcome.hook,
                        "GitLab has the new secret of the webhook."
                    );
                }
                sent = secret;
                if is_news(&outcome) {
                    say(
                        &outcome,
                        "The webhook at GitLab was not as wanted and has been set right.",
                    );
                }
            }
            Err(error) => {
                tracing::error!(%error, "The webhook at GitLab could not be looked after.");
            }
        }
    }
}

fn is_news(outcome: &Outcome) -> bool {
    !outcome.notes.is_empty()
        || !matches!(&outcome.plan, Plan::Edit(_, changes) if changes.is_empty())
}

fn say(outcome: &Outcome, sentence: &str) {
    tracing::info!(hook = outcome.hook, done = %outcome.to_string().trim_end(), "{sentence}");
    for note in &outcome.notes {
        tracing::warn!(hook = outcome.hook, "{note}");
    }
}

async fn delete(api: &Api, registration: &Registration, shutdown: &Shutdown) {
    let deleted = tokio::select! {
        deleted = ensure::delete(api, &registration.wanted.url, false) => deleted,
        () = shutdown.grace_over().cancelled() => {
            Err(ApiError::Unavailable { reason: "the time to stop is over".to_owned(), retry_after: None })
        }
    };
    match deleted {
        Ok(hooks) => tracing::info!(?hooks, "The webhook was deleted at GitLab."),
        Err(error) => tracing::error!(%error, "The webhook could not be deleted at GitLab."),
    }
}
