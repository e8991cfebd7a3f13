//! Collections that follow a script, as `apiserver-vectors.json` has them
//! (`apiserversource.md` 8.1): what a list gives, and step by step what a watch says.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fault::Cut;
use super::state::State;
use super::status::Status;

/// How often a step that waits for the sink looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// One collection.
#[derive(Debug, Default)]
pub(super) struct Script {
    version: String,
    items: Vec<Value>,
    steps: VecDeque<Value>,
    errors: VecDeque<u16>,
    kind: String,
    api_version: String,
    /// Only the newest watch is served.
    watches: u64,
}

/// What the script says next to a watch.
#[derive(Debug)]
pub(super) enum Step {
    Event {
        word: String,
        object: Value,
        only: Option<usize>,
    },
    Wait(Option<Duration>),
    End(Cut),
}

impl Script {
    pub(super) fn read(text: &Value) -> Self {
        let word = |name: &str| text[name].as_str().unwrap_or_default().to_owned();
        let errors = text["list_errors"].as_array().into_iter().flatten();
        let mut script = Self {
            steps: text["script"]
                .as_array()
                .cloned()
                .unwrap_or_default()
                .into(),
            errors: errors.map(code_of).collect(),
            kind: word("kind"),
            api_version: word("apiVersion"),
            ..Self::default()
        };
        script.set(&text["initial"]);
        script
    }

    fn set(&mut self, list: &Value) {
        list["resourceVersion"]
            .as_str()
            .unwrap_or("1")
            .clone_into(&mut self.version);
        self.items = list["items"].as_array().cloned().unwrap_or_default();
    }

    pub(super) fn push(&mut self, step: Value) {
        self.steps.push_back(step);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.steps.is_empty()
    }

    /// The list: version, kind, apiVersion and items.
    pub(super) fn list(&mut self) -> Result<(String, String, String, Vec<Value>), Status> {
        if let Some(code) = self.errors.pop_front() {
            return Err(Status::of(code));
        }
        let first = |name: &str| self.items.first().and_then(|item| item[name].as_str());
        let text = |own: &str, name: &str, fallback: &str| match own {
            "" => first(name).unwrap_or(fallback).to_owned(),
            own => own.to_owned(),
        };
        let kind = text(&self.kind, "kind", "Object");
        let api_version = text(&self.api_version, "apiVersion", "v1");
        Ok((self.version.clone(), kind, api_version, self.items.clone()))
    }

    /// A new watch begins; gives its number.
    pub(super) fn watch(&mut self) -> Result<u64, Status> {
        if let Some(code) = self
            .steps
            .front()
            .and_then(|step| step.get("refuse_watch"))
            .map(code_of)
        {
            self.steps.pop_front();
            return Err(Status::of(code));
        }
        self.watches += 1;
        Ok(self.watches)
    }

    fn next(&mut self, number: u64, since: &mut Option<Instant>, sink: usize) -> Step {
        if number != self.watches {
            return Step::End(Cut::End);
        }
        let Some(step) = self.steps.front() else {
            return Step::Wait(None);
        };
        let milliseconds = |name: &str| step[name].as_u64().map(Duration::from_millis);
        if let Some(time) = milliseconds("sleep_ms").or(milliseconds("after_ms")) {
            let passed = since.get_or_insert_with(Instant::now).elapsed();
            if passed < time {
                return Step::Wait(Some(time.saturating_sub(passed)));
            }
        }
        if step["wait_sink"]
            .as_u64()
            .is_some_and(|count| (sink as u64) < count)
        {
            return Step::Wait(Some(LOOK_AGAIN));
        }
        if step.get("refuse_watch").is_some() {
            return Step::Wait(None);
        }
        *since = None;
        let step = self.steps.pop_front().unwrap_or_default();
        if step["close"] == json!(true) {
            return Step::End(Cut::End);
        }
        if step["abort"] == json!(true) {
            return Step::End(Cut::Reset);
        }
        if let Some(list) = step.get("set_list") {
            self.set(list);
        }
        match step["event"].as_str() {
            Some(word) => self.event(word, &step),
            None => self.next(number, since, sink),
        }
    }

    /// What the watch said, lists say from then on.
    fn event(&mut self, word: &str, step: &Value) -> Step {
        let object = step["object"].clone();
        let only = step["partial"]
            .as_u64()
            .map(|bytes| usize::try_from(bytes).unwrap_or(0));
        if word != "ERROR" {
            if let Some(version) = object["metadata"]["resourceVersion"].as_str() {
                version.clone_into(&mut self.version);
            }
            if word != "BOOKMARK" {
                let uid = &object["metadata"]["uid"];
                self.items.retain(|item| item["metadata"]["uid"] != *uid);
            }
            if matches!(word, "ADDED" | "MODIFIED") {
                self.items.push(object.clone());
            }
        }
        Step::Event {
            word: word.to_owned(),
            object,
            only,
        }
    }
}

impl State {
    pub(super) fn script_step(
        &mut self,
        path: &str,
        number: u64,
        since: &mut Option<Instant>,
    ) -> Step {
        let sink = self.sink_count.as_ref().map_or(usize::MAX, |count| count());
        match self.scripts.get_mut(path) {
            Some(script) => script.next(number, since, sink),
            None => Step::End(Cut::End),
        }
    }
}

/// The collections of a vector's `apiserver`.
pub(super) fn read(apiserver: &Value) -> BTreeMap<String, Script> {
    let collections = apiserver["collections"].as_object().into_iter().flatten();
    collections
        .map(|(path, script)| (path.clone(), Script::read(script)))
        .collect()
}

fn code_of(code: &Value) -> u16 {
    code.as_u64()
        .and_then(|code| u16::try_from(code).ok())
        .expect("an HTTP status")
}
