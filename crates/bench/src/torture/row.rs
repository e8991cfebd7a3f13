//! The rows: which fault meets which subject, and what is promised then.
//!
//! Promises come from the programs' pages in `docs`. A promise that is weaker than the plain one
//! has its reason beside it, which the report shows.

use super::fault::{self, About, Fault};
use super::scene::Subject;
use super::subject;

/// Which events may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// None.
    None,
    /// Those that the program has named in its log, for this reason.
    Logged(&'static str),
    /// Any, for this reason.
    Any(&'static str),
}

/// What is promised. Two ids for one event, and events that nobody caused, are never allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Which events may be missing.
    pub loss: Loss,
    /// Whether the events of a key come in order.
    pub order: bool,
    /// Why the program may refuse events, so that their senders know; `None`: it may not.
    pub refuses: Option<&'static str>,
}

/// One subject and one fault.
pub struct Row {
    /// The program and who makes it send.
    pub subject: Box<dyn Subject>,
    /// What the fault is about.
    pub about: About,
    /// What goes wrong.
    pub fault: Box<dyn Fault>,
    /// What is promised.
    pub promise: Promise,
}

impl Row {
    /// `gitlab-receiver/resets-request`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.subject.name(), self.fault.name())
    }

    /// Whether it takes minutes, because a program looks at something only now and then.
    pub fn is_long(&self) -> bool {
        self.fault.name() == "api-half-open"
    }
}

/// Every row.
pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for index in 0..subject::all().len() {
        for (about, fault) in fault::all() {
            let subject = subject::all().swap_remove(index);
            if meets(subject.name(), about, fault.name()) {
                let promise = promise(subject.name(), fault.name());
                rows.push(Row {
                    subject,
                    about,
                    fault,
                    promise,
                });
            }
        }
    }
    rows
}

fn meets(subject: &str, about: About, fault: &str) -> bool {
    let receives = subject == "event-display";
    let serves = receives || subject.starts_with("gitlab");
    let is_pair = matches!(fault, "replaced" | "sigkill-of-two");
    match about {
        About::Sink | About::Trust => !receives,
        About::Api => subject.starts_with("apiserver") || subject == "ping-adapter",
        // One port, or one outbox: only one process at a time.
        About::Process if is_pair => {
            subject == "ping-adapter" || (subject.starts_with("apiserver") && fault == "replaced")
        }
        About::Door => serves,
        About::Disk => subject == "gitlab-receiver-spool",
        About::Line | About::Process => true,
        // Two ticks that are made up for at one moment look the same.
        About::Machine => !(subject == "ping-adapter-standalone" && fault == "clock-steps"),
    }
}

fn promise(subject: &str, fault: &str) -> Promise {
    Promise {
        loss: loss(subject, fault),
        order: is_ordered(subject, fault),
        refuses: refuses(subject, fault),
    }
}

/// Hooks and ticks are sent each on its own, and two pods that serve at a time do not wait for each
/// other.
fn is_ordered(subject: &str, fault: &str) -> bool {
    let each_alone = matches!(
        subject,
        "gitlab-receiver" | "ping-adapter" | "ping-adapter-standalone"
    );
    !each_alone && fault != "replaced"
}

fn loss(subject: &str, fault: &str) -> Loss {
    let relies = !subject.starts_with("gitlab") && subject != "event-display";
    match (subject, fault) {
        (_, "answers-302") if relies => Loss::Logged("a 302 is a final answer"),
        ("ping-adapter-standalone", "sigterm" | "sigkill" | "sigkill-while-refused") => {
            Loss::Any("nobody makes up for ticks of a program that does not run")
        }
        ("heartbeats", "sigterm") => Loss::Logged("the one on its way gets half a second"),
        ("ping-adapter", "sigkill-while-refused") => {
            Loss::Any("a tick that is tried again goes with the process")
        }
        ("heartbeats", "sigkill" | "sigkill-while-refused") => {
            Loss::Any("the one on its way goes with the process")
        }
        (name, "sigterm" | "sigkill" | "sigkill-while-refused")
            if name.starts_with("apiserver") =>
        {
            Loss::Any("what changes while no adapter runs is not seen")
        }
        // Also of gitlab-receiver and event-display, which owe only what they have taken, and of
        // ping-adapter under SIGKILL, whose next leader makes up for it.
        _ => Loss::None,
    }
}

fn refuses(subject: &str, fault: &str) -> Option<&'static str> {
    match (subject, fault) {
        ("gitlab-receiver", "answers-302") => Some("a 302 is a final answer"),
        (name, "sigterm" | "sigkill" | "sigkill-while-refused") if name.starts_with("gitlab") => {
            Some("nobody listens while no receiver runs")
        }
        ("gitlab-receiver-spool", "disk-full") => Some("503 while the disk is full"),
        (name, "packet-loss" | "silent-connections" | "header-floods")
            if name.starts_with("gitlab") =>
        {
            Some("a hook may not arrive in its 10 s")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_row_has_a_name_of_its_own() {
        let rows = all();
        let names: BTreeSet<String> = rows.iter().map(Row::name).collect();
        assert_eq!(names.len(), rows.len());
    }

    #[test]
    fn promises_are_those_of_the_issue() {
        for row in all() {
            let name = row.name();
            let is_kept_under_kill = ["gitlab-receiver-spool/sigkill", "ping-adapter/sigkill"];
            let may_lose = matches!(row.promise.loss, Loss::Any(_));
            assert!(!may_lose || row.about == About::Process, "{name}");
            assert!(
                !may_lose || !is_kept_under_kill.contains(&name.as_str()),
                "{name}"
            );
        }
    }
}
