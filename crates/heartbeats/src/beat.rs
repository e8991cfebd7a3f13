//! One heartbeat as an event. Pure: number and time come in.
//!
//! Contract: containersource-heartbeats.md 5.2 and 5.3.

use adapter::event::{Overrides, random_id};
use adapter::go;
use chrono::{DateTime, Utc};
use cloudevents::{Event, EventBuilder, EventBuilderV10};

use crate::config::or_none;

/// What every heartbeat of this process has in common.
#[derive(Clone, Debug)]
pub struct Beat {
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `type`.
    pub ty: String,
    /// The label in the data; any bytes.
    pub label: Vec<u8>,
    /// The message in the data, left out when empty.
    pub msg: String,
    /// Extensions that the controller asks for.
    pub overrides: Overrides,
}

impl Beat {
    /// The heartbeat with this number, counted from 1, with an id of its own.
    pub fn event(&self, number: u64, time: DateTime<Utc>) -> Event {
        let built = EventBuilderV10::new()
            .id(random_id())
            .source(self.source.clone())
            .ty(self.ty.clone())
            .time(time)
            .data("application/json", self.data(number))
            .extension("the", 42)
            .extension("heart", "yes")
            .extension("beats", true)
            .build();
        let Ok(mut event) = built else {
            unreachable!("source is never empty, and time is a time");
        };
        // After the built-in ones, which may be replaced.
        self.overrides.apply(&mut event);
        event
    }

    /// Its part of `--check`.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let extensions = self.overrides.extensions().iter();
        let extensions = extensions.map(|(name, value)| format!("{name}={value}"));
        let dropped = self.overrides.rejected().iter();
        let dropped = dropped.map(|(name, reason)| format!("{name:?}: {reason}"));
        let joined = |texts: Vec<String>| or_none(texts.join(", "));
        vec![
            ("event source", self.source.clone()),
            ("event type", or_none(self.ty.clone())),
            (
                "label",
                or_none(String::from_utf8_lossy(&self.label).into_owned()),
            ),
            ("msg", or_none(self.msg.clone())),
            ("overrides", joined(extensions.collect())),
            ("overrides dropped", joined(dropped.collect())),
        ]
    }

    /// The JSON text with the members in upstream's order and no blanks.
    fn data(&self, number: u64) -> Vec<u8> {
        let mut data = format!("{{\"id\":{number},\"label\":").into_bytes();
        go::json::write_string(&mut data, &self.label);
        if !self.msg.is_empty() {
            data.extend_from_slice(b",\"msg\":");
            go::json::write_string(&mut data, self.msg.as_bytes());
        }
        data.push(b'}');
        data
    }
}

/// The source of a heartbeat that is given none; note that the namespace stands first.
pub fn default_source(namespace: &str, pod: &str) -> String {
    format!("https://knative.dev/eventing-contrib/cmd/heartbeats/#{namespace}/{pod}")
}

#[cfg(test)]
mod tests {
    use super::{Beat, default_source};
    use adapter::event::Overrides;
    use adapter::wire;
    use chrono::{DateTime, Utc};

    fn beat() -> Beat {
        Beat {
            source: default_source("default", "heartbeats"),
            ty: "dev.knative.eventing.samples.heartbeat".to_owned(),
            label: Vec::new(),
            msg: String::new(),
            overrides: Overrides::default(),
        }
    }

    fn time() -> DateTime<Utc> {
        "2026-11-22T18:15:18.004284034Z".parse().unwrap()
    }

    fn headers(beat: &Beat) -> Vec<(String, String)> {
        let message = wire::encode(beat.event(1, time())).unwrap();
        let mut headers: Vec<_> = message
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .filter(|(name, _)| name != "ce-id")
            .collect();
        headers.sort();
        headers
    }

    #[test]
    fn headers_are_those_of_upstream() {
        let expected = [
            ("ce-beats", "true"),
            ("ce-heart", "yes"),
            (
                "ce-source",
                "https://knative.dev/eventing-contrib/cmd/heartbeats/#default/heartbeats",
            ),
            ("ce-specversion", "1.0"),
            ("ce-the", "42"),
            ("ce-time", "2026-11-22T18:15:18.004284034Z"),
            ("ce-type", "dev.knative.eventing.samples.heartbeat"),
            ("content-type", "application/json"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers(&beat()), expected);
    }

    #[test]
    fn overrides_beat_what_is_built_in() {
        let overrides = r#"{"extensions":{"The":"43","beats":"","city":"Zürich a%20b"}}"#;
        let beat = Beat {
            overrides: Overrides::parse(overrides).unwrap(),
            ..beat()
        };
        let headers = headers(&beat);
        for (name, value) in [
            ("ce-the", "43"),
            ("ce-beats", ""),
            ("ce-city", "Zürich a%20b"),
        ] {
            assert!(
                headers.contains(&(name.to_owned(), value.to_owned())),
                "{name}: {headers:?}"
            );
        }
    }

    #[test]
    fn each_event_has_its_own_id() {
        let ids: Vec<String> = (1..=2)
            .map(|number| {
                wire::encode(beat().event(number, time()))
                    .unwrap()
                    .id()
                    .to_owned()
            })
            .collect();
        assert_ne!(ids[0], ids[1]);
        assert_eq!((ids[0].len(), ids[0].as_bytes()[14]), (36, b'4'));
    }

    #[test]
    fn data_is_written_as_go_writes_it() {
        for (number, label, msg, expected) in [
            (1, &b""[..], "", r#"{"id":1,"label":""}"#),
            (42, b"hello", "", r#"{"id":42,"label":"hello"}"#),
            (
                2,
                b"<3>",
                "this & that",
                r#"{"id":2,"label":"\u003c3\u003e","msg":"this \u0026 that"}"#,
            ),
            (
                3,
                b"\xff",
                "a b",
                r#"{"id":3,"label":"\ufffd","msg":"a b"}"#,
            ),
        ] {
            let beat = Beat {
                label: label.to_vec(),
                msg: msg.to_owned(),
                ..beat()
            };
            let message = wire::encode(beat.event(number, time())).unwrap();
            assert_eq!(message.body(), expected.as_bytes());
        }
    }
}
