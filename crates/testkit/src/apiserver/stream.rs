//! The stream of one watch, pulled piece by piece by whatever carries it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Call;
use super::fault::{Cut, Gone};
use super::script::Step;
use super::selector::Selector;
use super::state::{Shared, State};
use super::status::Status;
use super::store::{Action, Change, Stored};

/// The rest of an answer that is a watch.
pub struct Stream {
    shared: Arc<Shared>,
    source: Source,
    metadata: bool,
    cut: Option<(u64, Cut)>,
    sent: u64,
    /// Said when this is over.
    last_word: Option<Piece>,
    ends_at_generation: u64,
    breaks_at_generation: u64,
    bookmarks_seen: u64,
    time_limit: Duration,
}

enum Source {
    Store {
        resource: String,
        namespace: Option<String>,
        selector: Selector,
        position: u64,
    },
    Script {
        path: String,
        number: u64,
        since: Option<Instant>,
    },
}

/// What comes next on the stream of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing before something changes, or this time has passed.
    Nothing(Option<Duration>),
    /// The end, in this way. After [`Cut::Silent`] nothing more comes and nothing ends.
    End(Cut),
}

impl Stream {
    pub(super) fn of_store(
        shared: &Arc<Shared>,
        state: &mut State,
        call: &Call,
        selector: Selector,
    ) -> Self {
        let target = call.target().expect("a collection");
        let asked = call.query.get("resourceVersion").map_or("", String::as_str);
        let position = asked.parse().unwrap_or(0);
        let mut stream = Self::new(
            shared,
            state,
            call,
            Source::Store {
                resource: target.resource(),
                namespace: target.namespace,
                selector,
                position,
            },
        );
        if state.store.has_expired(position) {
            let status = Status::expired(position, state.store.version());
            let line = line("ERROR", &status.json());
            stream.last_word = Some(Piece::Bytes(line));
        }
        stream
    }

    pub(super) fn of_script(shared: &Arc<Shared>, state: &State, call: &Call, number: u64) -> Self {
        let path = call.path.clone();
        Self::new(
            shared,
            state,
            call,
            Source::Script {
                path,
                number,
                since: None,
            },
        )
    }

    fn new(shared: &Arc<Shared>, state: &State, call: &Call, source: Source) -> Self {
        let seconds = call
            .query
            .get("timeoutSeconds")
            .and_then(|text| text.parse().ok());
        Self {
            shared: Arc::clone(shared),
            source,
            metadata: call.wants_metadata(),
            cut: None,
            sent: 0,
            last_word: None,
            ends_at_generation: state.ended_watches,
            breaks_at_generation: state.broken_watches,
            bookmarks_seen: state.bookmarks,
            time_limit: Duration::from_secs(seconds.unwrap_or(1800)),
        }
    }

    pub(super) fn cut(mut self, cut: Option<(u64, Cut)>) -> Self {
        self.cut = cut;
        self
    }

    /// For how long the client asked to watch.
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// What comes next. Never waits.
    pub fn pull(&mut self) -> Piece {
        if let Some((after, how)) = self.cut
            && self.sent >= after
        {
            return Piece::End(how);
        }
        match self.uncut() {
            Piece::Bytes(mut bytes) => {
                if let Some((after, _)) = self.cut {
                    let room = usize::try_from(after - self.sent).unwrap_or(usize::MAX);
                    bytes.truncate(room);
                }
                self.sent += bytes.len() as u64;
                Piece::Bytes(bytes)
            }
            other => other,
        }
    }

    fn uncut(&mut self) -> Piece {
        if let Some(word) = self.last_word.take() {
            let end = match &word {
                Piece::End(_) => word.clone(),
                _ => Piece::End(Cut::End),
            };
            self.last_word = Some(end);
            return word;
        }
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        if state.broken_watches != self.breaks_at_generation {
            return Piece::End(Cut::Reset);
        }
        if state.ended_watches != self.ends_at_generation {
            return Piece::End(Cut::End);
        }
        match &mut self.source {
            Source::Script {
                path,
                number,
                since,
            } => {
                let step = state.script_step(path, *number, since);
                self.scripted(step)
            }
            Source::Store {
                resource,
                namespace,
                selector,
                position,
            } => {
                let wanted = |change: &Change| {
                    change.resource == *resource
                        && namespace
                            .as_ref()
                            .is_none_or(|only| *only == change.object.namespace)
                        && word(change, selector).is_some()
                };
                if let Some(change) = state.store.change_after(*position, wanted) {
                    *position = change.version;
                    let word = word(change, selector).expect("just wanted");
                    let text = if self.metadata {
                        change.object.metadata_only()
                    } else {
                        change.object.text.clone()
                    };
                    return Piece::Bytes(line(word, &text));
                }
                *position = state.store.version().max(*position);
                if self.bookmarks_seen == state.bookmarks {
                    return Piece::Nothing(None);
                }
                self.bookmarks_seen = state.bookmarks;
                Piece::Bytes(line("BOOKMARK", &bookmark(resource, *position, &state)))
            }
        }
    }

    fn scripted(&mut self, step: Step) -> Piece {
        match step {
            Step::Wait(time) => Piece::Nothing(time),
            Step::End(how) => Piece::End(how),
            Step::Event { word, object, only } => {
                let text = if self.metadata && word != "ERROR" {
                    super::store::metadata_only(&object)
                } else {
                    object.to_string()
                };
                let mut line = line(&word, &text);
                if word == "ERROR" {
                    self.last_word = Some(Piece::End(Cut::End));
                }
                if let Some(only) = only {
                    line.truncate(only);
                    self.last_word = Some(Piece::End(Cut::Reset));
                }
                Piece::Bytes(line)
            }
        }
    }
}

/// What a change is to a watcher with this selector; `None` if it is nothing.
fn word(change: &Change, selector: &Selector) -> Option<&'static str> {
    let fits = |object: &Arc<Stored>| selector.matches(object);
    let before = change.before.as_ref().is_some_and(fits);
    let now = change.action != Action::Deleted && fits(&change.object);
    match (before, now) {
        (false, true) => Some("ADDED"),
        (true, true) => Some("MODIFIED"),
        (true, false) => Some("DELETED"),
        (false, false) => None,
    }
}

fn bookmark(resource: &str, version: u64, state: &State) -> String {
    let served = &state.store.resources[resource];
    let group_version = resource
        .rsplit_once('/')
        .map_or("", |(group_version, _)| group_version);
    let kind = &served.kind;
    format!(
        r#"{{"kind":"{kind}","apiVersion":"{group_version}","metadata":{{"resourceVersion":"{version}","creationTimestamp":null}}}}"#
    )
}

fn line(word: &str, object: &str) -> Vec<u8> {
    format!("{{\"type\":\"{word}\",\"object\":{object}}}\n").into_bytes()
}

/// How watches of expired versions are refused, if not by a word in the stream.
pub(super) fn expired(state: &State, query: &BTreeMap<String, String>) -> Option<Status> {
    let version = query
        .get("resourceVersion")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let refused = state.gone == Gone::Status && state.store.has_expired(version);
    refused.then(|| Status::expired(version, state.store.version()))
}
