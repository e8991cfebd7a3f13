//! Events out of the text that event-display prints (`event-display.md` 3), ours or the stock one.

use std::collections::BTreeMap;

use serde_json::Value;

/// One event as the sink printed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// `specversion`, `type`, `source`, `id`, `time` and so on.
    pub attributes: BTreeMap<String, String>,
    /// The extension attributes.
    pub extensions: BTreeMap<String, String>,
    /// The data, and what else the container wrote until the next event.
    pub data: String,
}

impl Event {
    /// An attribute; empty if the event has none of that name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// An extension attribute; empty if the event has none of that name.
    pub fn extension(&self, name: &str) -> &str {
        self.extensions.get(name).map_or("", String::as_str)
    }

    /// The JSON value that the data begin with; `Null` if they begin with none.
    pub fn json(&self) -> Value {
        let mut values = serde_json::Deserializer::from_str(&self.data).into_iter();
        values.next().and_then(Result::ok).unwrap_or_default()
    }
}

/// All events in a log, in order. Lines of other writers in between do no harm.
pub fn printed(log: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut section = "";
    for line in log.lines() {
        let Some(event) = events.last_mut() else {
            if is_head(line) {
                events.push(Event::default());
            }
            continue;
        };
        match line {
            _ if is_head(line) => {
                events.push(Event::default());
                section = "";
            }
            "Context Attributes," | "Extensions," | "Data," => section = line,
            "Data (binary)," => section = "Data,",
            _ => event.take(section, line),
        }
    }
    events
}

fn is_head(line: &str) -> bool {
    line.starts_with('☁') && line.ends_with("cloudevents.Event")
}

impl Event {
    fn take(&mut self, section: &str, line: &str) {
        let Some(line) = line.strip_prefix("  ") else {
            return;
        };
        let part = match section {
            "Context Attributes," => &mut self.attributes,
            "Extensions," => &mut self.extensions,
            "Data," => {
                self.data.push_str(line);
                self.data.push('\n');
                return;
            }
            _ => return,
        };
        if let Some((name, value)) = line.split_once(": ") {
            part.insert(name.to_owned(), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOG: &str = "2026-11-22T20:00:00Z INFO Listening for CloudEvents.
☁️  cloudevents.Event
Context Attributes,
  specversion: 1.0
  type: a.b
  source: /s: t
  id: 1
  datacontenttype: application/json
Extensions,
  team: blue
Data,
  {
    \"Data,\": [
      1
    ]
  }
2026-11-22T20:00:01Z INFO Refused a request.
☁️  cloudevents.Event
Context Attributes,
  specversion: 1.0
  id: 2
";

    #[test]
    fn events_are_read_from_a_log() {
        let events = printed(LOG);
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].attribute("source"), "/s: t");
        assert_eq!(events[0].extension("team"), "blue");
        assert_eq!(events[0].json(), json!({"Data,": [1]}));
        assert_eq!(
            (events[1].attribute("id"), events[1].json()),
            ("2", Value::Null)
        );
    }
}
