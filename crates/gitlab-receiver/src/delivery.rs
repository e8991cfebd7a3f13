//! One accepted webhook, and the CloudEvent it becomes.
//!
//! Pure apart from the random id. The payload is moved, never copied and never read.
//! Contract: `gitlabsource.md` 4.1.

use adapter::event::{Overrides, random_id};
use adapter::wire::{self, InvalidEvent, Message};
use chrono::{DateTime, Utc};
use cloudevents::{EventBuilder as _, EventBuilderV10};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::event_name::EventName;

const KN_NAMESPACE: HeaderName = HeaderName::from_static("kn-namespace");
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Beyond this an `Idempotency-Key` is not taken for one of GitLab's.
const LONGEST_KEY: usize = 200;

/// A webhook that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The id of the event.
    pub id: String,
    /// The kind of hook.
    pub event: EventName,
    /// When it arrived.
    pub received: DateTime<Utc>,
    /// The request body.
    pub body: Vec<u8>,
}

/// What all events of this receiver have in common.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `GITLAB_EVENT_SOURCE`.
    pub source: String,
    /// `K_CE_OVERRIDES`.
    pub overrides: Overrides,
    /// `NAMESPACE`, sent beside the event.
    pub kn_namespace: HeaderValue,
}

impl Envelope {
    /// The event as it is sent, the same in every attempt.
    pub fn seal(&self, delivery: Delivery) -> Result<Message, InvalidEvent> {
        let built = EventBuilderV10::new()
            .id(delivery.id)
            .ty(delivery.event.event_type())
            .source(self.source.as_str())
            .time(delivery.received)
            .extension("comgitlabevent", delivery.event.as_str())
            .data("application/json", delivery.body)
            .build();
        let Ok(mut event) = built else {
            unreachable!("id, type and source are given, and a time is a time");
        };
        self.overrides.apply(&mut event);
        let message = wire::encode(event)?;
        Ok(message.with_header(KN_NAMESPACE, self.kn_namespace.clone()))
    }
}

/// GitLab's own id of the delivery, the same when it is sent again; `None` before GitLab 17.4 and
/// for anything but 1 to 200 visible ASCII characters.
///
/// `X-Gitlab-Event-UUID` is no substitute: recursive hooks share it (3.1).
pub fn idempotency_key(headers: &HeaderMap) -> Option<&str> {
    let key = headers.get(IDEMPOTENCY_KEY)?.as_bytes();
    let visible = (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    str::from_utf8(key).ok().filter(|_| visible)
}

/// The id of the event: GitLab's, else a random one.
pub fn id(headers: &HeaderMap) -> String {
    idempotency_key(headers).map_or_else(random_id, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(source: &str, overrides: &str) -> Envelope {
        Envelope {
            source: source.to_owned(),
            overrides: Overrides::parse(overrides).unwrap(),
            kn_namespace: HeaderValue::from_static("cellar"),
        }
    }

    fn delivery() -> Delivery {
        Delivery {
            id: "51a1".to_owned(),
            event: EventName::read("Tag Push Hook").unwrap(),
            received: "2026-03-02T08:31:12.004117Z".parse().unwrap(),
            body: br#"{ "a":1.0 }"#.to_vec(),
        }
    }

    #[test]
    fn the_example_of_the_contract() {
        let message = envelope("https://git.example/a b/\u{fc}", "")
            .seal(delivery())
            .unwrap();
        let mut headers: Vec<String> = message
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        assert_eq!(
            headers,
            [
                "ce-comgitlabevent: Tag Push Hook",
                "ce-id: 51a1",
                "ce-source: https://git.example/a%20b/%C3%BC",
                "ce-specversion: 1.0",
                "ce-time: 2026-03-02T08:31:12.004117Z",
                "ce-type: dev.knative.sources.gitlab.tag_push",
                "content-type: application/json",
                "kn-namespace: cellar",
            ]
        );
        assert_eq!(message.body(), &br#"{ "a":1.0 }"#[..]);
    }

    #[test]
    fn the_body_is_moved() {
        let delivery = delivery();
        let address = delivery.body.as_ptr();
        let message = envelope("https://git.example/a", "")
            .seal(delivery)
            .unwrap();
        assert_eq!(message.body().as_ptr(), address);
    }

    #[test]
    fn overrides_come_last() {
        let overrides = r#"{"extensions":{"comgitlabevent":"custom","Stage":"3"}}"#;
        let message = envelope("https://git.example/a", overrides)
            .seal(delivery())
            .unwrap();
        assert_eq!(message.headers()["ce-comgitlabevent"], "custom");
        assert_eq!(message.headers()["ce-stage"], "3");
    }

    #[test]
    fn only_a_sane_key_becomes_the_id() {
        let key = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_bytes(bytes).unwrap());
            idempotency_key(&headers).map(str::to_owned)
        };
        assert_eq!(key(b"51a0-1"), Some("51a0-1".to_owned()));
        assert_eq!(key(&[b'k'; 200]).map(|key| key.len()), Some(200));
        for bad in [&b""[..], b"a b", "\u{fc}".as_bytes(), &[b'k'; 201]] {
            assert_eq!(key(bad), None);
        }
        let (one, other) = (id(&HeaderMap::new()), id(&HeaderMap::new()));
        assert_eq!(one.len(), 36);
        assert_ne!(one, other);
    }
}
