use super::*;
use proptest::prelude::*;

const UID: &str = "e468dd7c-37ce-4279-9119-421c537a9e10";

fn origin() -> Origin {
    Origin {
        namespace: "ns1".into(),
        name: "nm".into(),
        uid: UID.into(),
    }
}

fn payload(content_type: &str, data: &str) -> Payload {
    Payload {
        content_type: content_type.into(),
        data: data.into(),
        ..Payload::default()
    }
}

fn with_extensions(extensions: &[(&str, &str)]) -> Payload {
    let pairs = extensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Payload {
        extensions: pairs.collect(),
        ..payload("", "")
    }
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn stamped(payload: &Payload) -> Message {
    let template = Template::new(&origin(), payload).expect("a good source");
    template.stamp(
        instant("2026-11-22T18:47:16Z"),
        instant("2026-11-22T18:47:16.750861460Z"),
    )
}

fn headers(message: &Message) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: Vec<_> = message
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    headers.sort();
    headers
}

fn header(message: &Message, name: &str) -> Option<String> {
    headers(message)
        .into_iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value)
}

#[test]
fn is_the_contracts_to_the_byte() {
    let payload = Payload {
        extensions: [("fooBar".to_owned(), "baz".to_owned())].into(),
        ..payload(" application/json ", r#"{"a":1}"#)
    };
    let message = stamped(&payload);
    let id = Uuid::new_v5(&UID.parse().unwrap(), b"2026-11-22T18:47:16Z").to_string();
    let expected = [
        ("ce-foobar", "baz"),
        ("ce-id", &id),
        ("ce-source", "/apis/v1/namespaces/ns1/pingsources/nm"),
        ("ce-specversion", "1.0"),
        ("ce-time", "2026-11-22T18:47:16.75086146Z"),
        ("ce-type", "dev.knative.sources.ping"),
        ("content-type", "application/json"),
        ("kn-namespace", "ns1"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(headers(&message), expected);
    assert_eq!(message.body(), r#"{"a":1}"#);
}

#[test]
fn data_is_sent_as_it_is() {
    for data in [
        "{\"message\": \"Hello Eventing!\"}",
        "{ \"b\":1 ,\"a\":\"<é>\" }\n",
        "hi",
        " ",
    ] {
        let message = stamped(&payload("text/plain", data));
        assert_eq!(message.body(), data);
    }
    let plain = stamped(&payload("  ", "hi"));
    assert_eq!(
        (header(&plain, "content-type"), plain.body().as_ref()),
        (None, &b"hi"[..])
    );
}

#[test]
fn without_a_body_there_is_no_content_type_and_a_bad_one_does_not_matter() {
    for content_type in ["", "application/json", "not a type"] {
        let message = stamped(&payload(content_type, ""));
        assert_eq!(header(&message, "content-type"), None, "{content_type}");
        assert!(message.body().is_empty());
    }
}

#[test]
fn base64_is_that_of_go() {
    let body = |text: &str| {
        let payload = Payload {
            data_base64: text.into(),
            ..payload("", "loses")
        };
        Template::new(&origin(), &payload).map(|template| template.sample().body().to_vec())
    };
    for (text, bytes) in [
        ("aGVsbG8=", &b"hello"[..]),
        ("aGVs\r\nbG8=\n", b"hello"),
        ("aG\nVsb\rG8\n=", b"hello"),
        // Bits behind the last byte that are not zero.
        ("aGVsbG9=", b"hello"),
        ("/+8=", b"\xff\xef"),
        ("\n", b""),
    ] {
        assert_eq!(body(text).expect(text), bytes, "{text:?}");
    }
    for text in ["aGVsbG8", "aGVs bG8=", "_-8=", "a", "====", "aGVsbG8=="] {
        let error = body(text).expect_err(text).to_string();
        assert!(error.starts_with("dataBase64 is not base64"), "{error}");
    }
}

#[test]
fn what_must_not_be_sent_is_refused() {
    let error = Template::new(&origin(), &payload("not a type", "x"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("contentType \"not a type\" is not a media type: mime:"),
        "{error}"
    );
    let error = Template::new(&origin(), &with_extensions(&[("a", "b\nc")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "attribute \"a\" holds a control character, which no HTTP header can carry"
    );
}

#[test]
fn overrides_never_touch_an_attribute_and_a_bad_name_costs_only_itself() {
    let payload = with_extensions(&[
        ("type", "t"),
        ("Subject", "s"),
        ("a-b", "x"),
        ("data", "d"),
        ("empty", ""),
        ("City", "Zürich 100%"),
    ]);
    let message = stamped(&payload);
    assert_eq!(header(&message, "ce-type").as_deref(), Some(TYPE));
    assert_eq!(header(&message, "ce-subject"), None);
    assert_eq!(header(&message, "ce-data").as_deref(), Some("d"));
    assert_eq!(header(&message, "ce-empty").as_deref(), Some(""));
    assert_eq!(header(&message, "ce-city").as_deref(), Some("Zürich 100%"));
    let template = Template::new(&origin(), &payload).unwrap();
    let names: Vec<&str> = template
        .rejected()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["Subject", "a-b", "type"]);
}

#[test]
fn the_id_is_that_of_the_tick() {
    let (tick, later) = (
        instant("2026-01-01T00:00:00Z"),
        instant("2026-01-01T00:00:01Z"),
    );
    let template = Template::new(&origin(), &payload("", "one")).unwrap();
    let again = Template::new(&origin(), &payload("", "one")).unwrap();
    let id = |template: &Template, scheduled, now| template.stamp(scheduled, now).id().to_owned();
    assert_eq!(id(&template, tick, tick), id(&again, tick, later));
    assert_ne!(id(&template, tick, tick), id(&template, later, later));
    let other = Origin {
        uid: "other".into(),
        ..origin()
    };
    let other = Template::new(&other, &payload("", "one")).unwrap();
    assert_ne!(id(&template, tick, tick), id(&other, tick, tick));
    assert_eq!(id(&template, tick, tick).as_bytes()[14], b'5');
}

#[test]
fn the_spread_is_even_enough() {
    let mut slots = [0_u32; 5];
    for number in 0..1000_u128 {
        let uid = Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string();
        let origin = Origin {
            uid: uid.into(),
            ..origin()
        };
        let spread = Template::new(&origin, &payload("", ""))
            .unwrap()
            .spread()
            .num_milliseconds();
        slots[usize::try_from(spread / 100).unwrap()] += 1;
    }
    assert!(
        slots.iter().all(|count| (150..250).contains(count)),
        "{slots:?}"
    );
}

proptest! {
    #[test]
    fn survives_any_object(uid: String, namespace: String, name: String, content_type: String,
                           data: String, data_base64: String, extension: (String, String)) {
        let payload = Payload {
            content_type: content_type.into(),
            data: data.into(),
            data_base64: data_base64.into(),
            extensions: [extension].into(),
        };
        let origin = Origin { namespace: namespace.into(), name: name.into(), uid: uid.into() };
        if let Ok(template) = Template::new(&origin, &payload) {
            let message = template.stamp(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
            prop_assert_eq!(message.ty(), TYPE);
            prop_assert!((0..500).contains(&template.spread().num_milliseconds()));
        }
    }

    #[test]
    fn base64_comes_back(bytes: Vec<u8>) {
        let payload = Payload { data_base64: BASE64.encode(&bytes).into(), ..Payload::default() };
        prop_assert_eq!(body(&payload).unwrap(), bytes);
    }
}
