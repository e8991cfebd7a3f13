//! Doing what a plan says, and looking whether it worked.
//!
//! One round, without waiting: who may wait, and for how long, is decided in `keep` and `tool`.
//! Contract: `gitlabsource.md` 7 items 3 to 5.

use std::fmt;

use super::api::{Api, ApiError};
use super::flags::Flags;
use super::plan::{self, Change, Hook, Plan};
use super::settings::Wanted;

/// What was done, or would be done.
#[derive(Debug)]
pub struct Outcome {
    /// The plan.
    pub plan: Plan,
    /// The hook that is there now; `None` in a dry run of a creation.
    pub hook: Option<u64>,
    /// What the operator should know besides, one sentence each.
    pub notes: Vec<String>,
}

/// Makes the hook as wanted, or with `dry_run` only says what that would take.
pub async fn ensure(api: &Api, wanted: &Wanted, dry_run: bool) -> Result<Outcome, ApiError> {
    let scope = api.access().address.scope;
    let hooks = api.list().await?;
    let matching = plan::matching(&hooks, &wanted.url);
    let kept = matching.first().copied();
    let mut notes = notes(&matching);
    let plan = plan::plan(kept, wanted, scope);
    if dry_run {
        return Ok(Outcome {
            plan,
            hook: kept.map(|hook| hook.id),
            notes,
        });
    }
    let body = plan::body(wanted, scope);
    let answer = match &plan {
        Plan::Create => create(api, wanted, &body).await?,
        Plan::Replace(id) => {
            api.delete(*id).await?;
            create(api, wanted, &body).await?
        }
        Plan::Edit(id, _) => api.edit(*id, &body).await?,
    };
    let ignored = plan::ignored(&answer, &wanted.flags);
    if !ignored.is_empty() {
        notes.push(format!(
            "This GitLab did not switch on {}; it may be too old or not licensed for it.",
            ignored.join(", ")
        ));
    }
    Ok(Outcome {
        plan,
        hook: Some(answer.id),
        notes,
    })
}

/// Switches flags on at a hook that somebody else made, the stock controller for instance.
/// `Ok(None)`: there is no such hook.
pub async fn add(
    api: &Api,
    url: &str,
    added: &Flags,
    dry_run: bool,
) -> Result<Option<Outcome>, ApiError> {
    let hooks = api.list().await?;
    let matching = plan::matching(&hooks, url);
    let Some(hook) = matching.first() else {
        return Ok(None);
    };
    let mut notes = notes(&matching);
    let changes = plan::addition(hook, added);
    if !dry_run && !changes.is_empty() {
        let answer = api.edit(hook.id, &plan::addition_body(hook, added)).await?;
        let ignored = plan::ignored(&answer, added);
        if !ignored.is_empty() {
            notes.push(format!(
                "This GitLab did not switch on {}.",
                ignored.join(", ")
            ));
        }
    }
    Ok(Some(Outcome {
        plan: Plan::Edit(hook.id, changes),
        hook: Some(hook.id),
        notes,
    }))
}

/// Deletes every hook with the URL, or with `dry_run` only names them.
pub async fn delete(api: &Api, url: &str, dry_run: bool) -> Result<Vec<u64>, ApiError> {
    let hooks = api.list().await?;
    let ids: Vec<u64> = plan::matching(&hooks, url)
        .iter()
        .map(|hook| hook.id)
        .collect();
    if !dry_run {
        for id in &ids {
            api.delete(*id).await?;
        }
    }
    Ok(ids)
}

/// Creates, and looks again: two replicas may have done so at the same moment. Both then keep the
/// lowest number, and each deletes only what it made itself.
async fn create(api: &Api, wanted: &Wanted, body: &serde_json::Value) -> Result<Hook, ApiError> {
    let made = api.create(body).await?;
    let hooks = api.list().await?;
    match plan::matching(&hooks, &wanted.url).first() {
        Some(first) if first.id < made.id => {
            let first = (*first).clone();
            api.delete(made.id).await?;
            Ok(first)
        }
        _ => Ok(made),
    }
}

fn notes(matching: &[&Hook]) -> Vec<String> {
    let mut notes = Vec::new();
    if let [kept, others @ ..] = matching {
        if let Some(trouble) = kept.trouble() {
            notes.push(format!(
                "{trouble}; a test delivery that succeeds switches it on again."
            ));
        }
        let others: Vec<String> = others.iter().map(|hook| hook.id.to_string()).collect();
        if !others.is_empty() {
            notes.push(format!(
                "More hooks call the same URL, so every event arrives more than once: delete {}.",
                others.join(", ")
            ));
        }
    }
    notes
}

/// One line for each thing that is or would be done.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plan {
            Plan::Create => match self.hook {
                Some(id) => writeln!(f, "created hook {id}")?,
                None => writeln!(f, "create a hook")?,
            },
            Plan::Replace(id) => writeln!(f, "replace hook {id}, which GitLab has disabled")?,
            Plan::Edit(id, changes) if changes.is_empty() => {
                writeln!(f, "hook {id} has every flag as wanted")?;
            }
            Plan::Edit(id, changes) => writeln!(f, "hook {id}: {}", listed(changes))?,
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

fn listed(changes: &[Change]) -> String {
    changes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
