//! The kinds of events that a hook can ask for, by GitLab's names of its flags.
//!
//! Pure. Contract: `gitlabsource.md` 4.2 and 7.

use std::collections::BTreeSet;

use super::address::Scope;

/// Flags of projects and groups alike.
const COMMON: [&str; 17] = [
    "push_events",
    "tag_push_events",
    "issues_events",
    "confidential_issues_events",
    "merge_requests_events",
    "note_events",
    "confidential_note_events",
    "deployment_events",
    "job_events",
    "pipeline_events",
    "wiki_page_events",
    "releases_events",
    "feature_flag_events",
    "resource_access_token_events",
    "emoji_events",
    "milestone_events",
    "vulnerability_events",
];
/// Flags that only a group's hook has.
const GROUP: [&str; 3] = ["member_events", "subgroup_events", "project_events"];

/// A set of flags. An empty one asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags(BTreeSet<&'static str>);

/// A name that is not a flag of this kind of hook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no event type here; known are {}", known.join(", "))]
pub struct FlagError {
    name: String,
    known: Vec<&'static str>,
}

impl Flags {
    /// Reads a list with commas; blanks around a name and empty names do no harm.
    pub fn parse(text: &str, scope: Scope) -> Result<Self, FlagError> {
        let names = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let flag = |name: &str| known(scope).find(|flag| *flag == name);
        names
            .map(|name| {
                flag(name).ok_or_else(|| FlagError {
                    name: name.to_owned(),
                    known: known(scope).collect(),
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether it asks for this.
    pub fn has(&self, flag: &str) -> bool {
        self.0.contains(flag)
    }

    /// Its flags in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }
}

/// Every flag that a hook of this kind may have.
pub fn known(scope: Scope) -> impl Iterator<Item = &'static str> {
    let group: &[&str] = if scope == Scope::Group { &GROUP } else { &[] };
    COMMON.iter().chain(group).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_strangers_refused() {
        let flags = Flags::parse(" push_events,,deployment_events ", Scope::Project).unwrap();
        assert!(flags.iter().eq(["deployment_events", "push_events"]));
        assert!(flags.has("push_events") && !flags.has("note_events"));
        assert!(Flags::parse("member_events", Scope::Group).is_ok());
        for bad in ["member_events", "push", "Push_Events"] {
            let error = Flags::parse(bad, Scope::Project).unwrap_err().to_string();
            assert!(
                error.contains(bad) && error.contains("wiki_page_events"),
                "{error}"
            );
        }
    }
}
