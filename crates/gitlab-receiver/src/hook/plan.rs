//! What has to be done so that a hook is as it should be.
//!
//! Pure. Hooks with another URL are never touched, and one that the stock controller may have made
//! is never deleted. Contract: `gitlabsource.md` 7 items 3 to 5.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::address::Scope;
use super::flags::{self, Flags};
use super::settings::Wanted;

/// The name that our hooks have; GitLab has names since 17.1.
pub const NAME: &str = "knative-gitlab-source";
const SSL: &str = "enable_ssl_verification";

/// A hook as GitLab shows it; secrets are never shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Hook {
    /// GitLab's number.
    pub id: u64,
    /// What it calls.
    pub url: String,
    name: Option<String>,
    alert_status: Option<String>,
    disabled_until: Option<String>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    field: &'static str,
    /// `None`: this GitLab does not have the field.
    from: Option<bool>,
    to: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// There is none yet.
    Create,
    /// This one, with these differences; none of them when only secrets are sent again.
    Edit(u64, Vec<Change>),
    /// GitLab has switched off this one, which is ours: delete it and make a new one, because that
    /// resets its count of failures without sending the sink an invented event.
    Replace(u64),
}

impl Hook {
    /// The value of a flag; `None` if this GitLab does not have it.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.fields.get(name)?.as_bool()
    }

    /// Whether it calls this URL; one slash at the end makes no difference.
    pub fn calls(&self, url: &str) -> bool {
        let bare = |url: &str| url.strip_suffix('/').unwrap_or(url).to_owned();
        bare(&self.url) == bare(url)
    }

    /// What GitLab thinks of its deliveries, if not that all is well.
    pub fn trouble(&self) -> Option<String> {
        match self.alert_status.as_deref() {
            Some("temporarily_disabled") => {
                let until = self.disabled_until.as_deref().unwrap_or("an unknown time");
                Some(format!(
                    "GitLab has paused hook {} until {until}, after deliveries that failed",
                    self.id
                ))
            }
            Some("disabled") => Some(format!(
                "GitLab has disabled hook {}, after many deliveries that failed",
                self.id
            )),
            _ => None,
        }
    }

    fn is_disabled(&self) -> bool {
        self.alert_status.as_deref() == Some("disabled")
    }

    fn is_ours(&self) -> bool {
        self.name.as_deref() == Some(NAME)
    }
}

/// Number, URL, events, and what is wrong.
impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events: Vec<&str> = flags::known(Scope::Group)
            .filter(|flag| self.flag(flag) == Some(true))
            .collect();
        let status = self.alert_status.as_deref().unwrap_or("executable");
        write!(
            f,
            "{}  {}  {}  {status}",
            self.id,
            self.url,
            events.join(",")
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self
            .from
            .map_or_else(|| "absent".to_owned(), |from| from.to_string());
        write!(f, "{}: {from} -> {}", self.field, self.to)
    }
}

/// The hooks that call this URL, the lowest number first: replicas that register at the same time
/// agree on that one.
pub fn matching<'a>(hooks: &'a [Hook], url: &str) -> Vec<&'a Hook> {
    let mut matching: Vec<&Hook> = hooks.iter().filter(|hook| hook.calls(url)).collect();
    matching.sort_by_key(|hook| hook.id);
    matching
}

/// What makes `hook` (the one to keep, if there is one) as wanted.
pub fn plan(hook: Option<&Hook>, wanted: &Wanted, scope: Scope) -> Plan {
    let Some(hook) = hook else {
        return Plan::Create;
    };
    if hook.is_disabled() && hook.is_ours() {
        return Plan::Replace(hook.id);
    }
    let flags = flags::known(scope).map(|flag| (flag, wanted.flags.has(flag)));
    let changes = flags
        .chain([(SSL, wanted.ssl_verify)])
        .filter_map(|(field, to)| change(hook, field, to))
        .collect();
    Plan::Edit(hook.id, changes)
}

/// What adds flags to a hook and leaves everything else to whoever made it.
pub fn addition(hook: &Hook, added: &Flags) -> Vec<Change> {
    added
        .iter()
        .filter_map(|flag| change(hook, flag, true))
        .collect()
}

/// A field that is absent counts as off: an older GitLab ignores what it does not know.
fn change(hook: &Hook, field: &'static str, to: bool) -> Option<Change> {
    let from = hook.flag(field);
    (from.unwrap_or(false) != to).then_some(Change { field, from, to })
}

/// The flags asked for that this GitLab did not switch on.
pub fn ignored(answer: &Hook, asked: &Flags) -> Vec<&'static str> {
    asked
        .iter()
        .filter(|flag| answer.flag(flag) != Some(true))
        .collect()
}

/// The body that makes a hook as wanted. Every flag is in it, because GitLab switches pushes on
/// when they are not named (D21), and the token, because a changed URL makes GitLab forget it.
pub fn body(wanted: &Wanted, scope: Scope) -> Value {
    let mut body = Map::new();
    body.insert("url".to_owned(), json!(wanted.url));
    body.insert("name".to_owned(), json!(NAME));
    body.insert(SSL.to_owned(), json!(wanted.ssl_verify));
    for flag in flags::known(scope) {
        body.insert(flag.to_owned(), json!(wanted.flags.has(flag)));
    }
    if let Some(token) = wanted.tokens.newest() {
        body.insert("token".to_owned(), json!(token));
    }
    if let Some(token) = wanted
        .signing
        .as_ref()
        .and_then(crate::secret::Secrets::newest)
    {
        body.insert("signing_token".to_owned(), json!(token));
    }
    Value::Object(body)
}

/// The body that only switches on flags; GitLab wants the URL in each edit.
pub fn addition_body(hook: &Hook, added: &Flags) -> Value {
    let flags = added.iter().map(|flag| (flag.to_owned(), json!(true)));
    Value::Object(flags.chain([("url".to_owned(), json!(hook.url))]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secrets;

    const URL: &str = "https://hooks.example/a";

    fn wanted(events: &str) -> Wanted {
        Wanted {
            url: URL.to_owned(),
            flags: Flags::parse(events, Scope::Project).unwrap(),
            ssl_verify: true,
            tokens: Secrets::fixed(["new", "old"]),
            signing: None,
        }
    }

    fn hook(json: Value) -> Hook {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_lowest_number_with_the_url_counts() {
        let hooks: Vec<Hook> = [
            (7, URL),
            (3, "https://hooks.example/a/"),
            (1, "https://hooks.example/b"),
        ]
        .map(|(id, url)| hook(json!({"id": id, "url": url})))
        .into();
        let ids: Vec<u64> = matching(&hooks, URL).iter().map(|hook| hook.id).collect();
        assert_eq!(ids, [3, 7]);
    }

    #[test]
    fn differences_are_named() {
        assert_eq!(
            plan(None, &wanted("push_events"), Scope::Project),
            Plan::Create
        );
        let present = hook(
            json!({"id": 3, "url": URL, "push_events": true, "note_events": true,
            "enable_ssl_verification": true, "emoji_events": null}),
        );
        let Plan::Edit(3, changes) = plan(
            Some(&present),
            &wanted("push_events,emoji_events"),
            Scope::Project,
        ) else {
            panic!("no edit")
        };
        let texts: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["note_events: true -> false", "emoji_events: absent -> true"]
        );
        assert_eq!(
            ignored(&present, &wanted("push_events,emoji_events").flags),
            ["emoji_events"]
        );
    }

    #[test]
    fn only_a_disabled_hook_of_our_own_is_replaced() {
        let disabled = |name: Value| {
            let present =
                hook(json!({"id": 3, "url": URL, "name": name, "alert_status": "disabled"}));
            assert!(present.trouble().is_some());
            plan(Some(&present), &wanted(""), Scope::Project)
        };
        assert_eq!(disabled(json!(NAME)), Plan::Replace(3));
        assert!(matches!(disabled(json!(null)), Plan::Edit(3, _)));
        assert!(matches!(disabled(json!("by hand")), Plan::Edit(3, _)));
    }

    #[test]
    fn a_body_names_every_flag_and_the_newest_token() {
        let body = body(&wanted("job_events"), Scope::Project);
        let on: Vec<&str> = flags::known(Scope::Project)
            .filter(|flag| body[flag] == true)
            .collect();
        assert_eq!(on, ["job_events"]);
        assert_eq!(body["push_events"], false);
        assert_eq!((&body["token"], &body["url"]), (&json!("new"), &json!(URL)));
        assert!(body.get("member_events").is_none() && body.get("signing_token").is_none());
    }

    #[test]
    fn an_addition_touches_nothing_else() {
        let present =
            hook(json!({"id": 3, "url": URL, "push_events": true, "deployment_events": false}));
        let added = Flags::parse("deployment_events,push_events", Scope::Project).unwrap();
        let texts: Vec<String> = addition(&present, &added)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(texts, ["deployment_events: false -> true"]);
        assert_eq!(
            addition_body(&present, &added),
            json!({"url": URL, "deployment_events": true, "push_events": true})
        );
    }
}
