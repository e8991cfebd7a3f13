//! The vectors V1 to V4, V9 to V12 and V14 of `adapter-runtime.md`, as far as they concern spelling.

use cloudevents::{EventBuilder, EventBuilderV10};

use super::*;

/// The base event of the vectors.
fn base() -> EventBuilderV10 {
    EventBuilderV10::new()
        .id("id-1")
        .source("/src")
        .ty("t.y.p.e")
        .time("2026-01-02T03:04:05Z")
}

fn encoded(builder: EventBuilderV10) -> Message {
    encode(builder.build().unwrap()).unwrap()
}

/// Every header with its value as text, sorted.
fn headers(message: &Message) -> Vec<(String, String)> {
    let mut headers: Vec<_> = message
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8(value.as_bytes().to_vec()).unwrap(),
            )
        })
        .collect();
    headers.sort();
    headers
}

fn header(builder: EventBuilderV10, name: &str) -> String {
    let message = encoded(builder);
    let value = message
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(value.as_bytes().to_vec()).unwrap()
}

fn fault(builder: EventBuilderV10) -> String {
    encode(builder.build().unwrap()).unwrap_err().to_string()
}

#[test]
fn the_minimal_event() {
    let message = encoded(base().data("application/json", br#"{"a":1}"#.to_vec()));
    let expected = [
        ("ce-id", "id-1"),
        ("ce-source", "/src"),
        ("ce-specversion", "1.0"),
        ("ce-time", "2026-01-02T03:04:05Z"),
        ("ce-type", "t.y.p.e"),
        ("content-type", "application/json"),
    ];
    assert_eq!(
        headers(&message),
        expected.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(message.body(), &br#"{"a":1}"#[..]);
    assert_eq!(
        (
            message.id(),
            message.ty(),
            message.source(),
            message.subject()
        ),
        ("id-1", "t.y.p.e", "/src", None)
    );
}

#[test]
fn a_content_type_stands_without_a_body_and_a_body_without_a_content_type() {
    assert_eq!(
        header(base().data("application/json", Vec::new()), "content-type"),
        "application/json"
    );
    let mut event = base().build().unwrap();
    event.set_data_unchecked(b"hi\n".to_vec());
    let message = encode(event).unwrap();
    assert!(!message.headers().contains_key("content-type"));
    assert_eq!(message.body(), "hi\n");
}

#[test]
fn values_are_raw_utf8() {
    let subject = "héllo wörld \"q\" %41 日本";
    assert_eq!(header(base().subject(subject), "ce-subject"), subject);
    assert_eq!(
        header(base().extension("ext", "100% é"), "ce-ext"),
        "100% é"
    );
    assert_eq!(header(base().ty("typé"), "ce-type"), "typé");
    assert_eq!(header(base().subject("a\tb"), "ce-subject"), "a\tb");
    assert_eq!(header(base().extension("pad", " pad\t"), "ce-pad"), "pad");
}

#[test]
fn sources_are_written_as_go_writes_them() {
    for (given, sent) in [
        ("https://x/#a/b", "https://x/#a/b"),
        ("unit/test", "unit/test"),
        ("urn:a:b", "urn:a:b"),
        ("//h/p", "//h/p"),
        ("https://10.96.0.1:443", "https://10.96.0.1:443"),
        (
            "/apis/v1/namespaces/default/pods/x y",
            "/apis/v1/namespaces/default/pods/x%20y",
        ),
        ("http://h/ü?q=a b", "http://h/%C3%BC?q=a b"),
        ("http://H.example/%7Ea", "http://H.example/%7Ea"),
        ("http://h:99/#fr ag", "http://h:99/#fr%20ag"),
    ] {
        assert_eq!(header(base().source(given), "ce-source"), sent, "{given}");
    }
    for bad in ["10.0.0.1:443", "http://h/%zz"] {
        assert!(
            fault(base().source(bad)).contains(r#"attribute "source" is not a URI"#),
            "{bad}"
        );
    }
}

#[test]
fn extensions_have_their_text_forms() {
    let event = base()
        .extension("b", true)
        .extension("i", 42)
        .extension("UPPER", "v")
        .extension("fooBar9", "v")
        .extension("namespace", "");
    let message = encoded(event);
    for (name, value) in [
        ("ce-b", "true"),
        ("ce-i", "42"),
        ("ce-upper", "v"),
        ("ce-foobar9", "v"),
        ("ce-namespace", ""),
    ] {
        assert_eq!(message.headers()[name], value, "{name}");
    }
}

#[test]
fn times_are_utc_without_trailing_zeros() {
    for (given, sent) in [
        ("2020-01-01T01:02:03+01:00", "2020-01-01T00:02:03Z"),
        ("2020-01-01T01:02:03.120Z", "2020-01-01T01:02:03.12Z"),
        (
            "2020-01-01T01:02:03.123456789Z",
            "2020-01-01T01:02:03.123456789Z",
        ),
        ("2020-01-01T01:02:03.000001Z", "2020-01-01T01:02:03.000001Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(header(base().time(given), "ce-time"), sent);
    }
}

#[test]
fn blank_optional_attributes_are_unset_and_blank_required_ones_refused() {
    let message = encoded(base().subject("  ").id(" id-1 "));
    assert!(!message.headers().contains_key("ce-subject"));
    assert_eq!(message.id(), "id-1");
    assert!(fault(base().id(" ")).contains(r#"attribute "id" must not be empty"#));
    assert!(fault(base().ty("")).contains(r#"attribute "type" must not be empty"#));
    assert!(fault(base().source("#")).contains(r#"attribute "source" must not be empty"#));
}

#[test]
fn what_no_header_can_carry_names_its_attribute() {
    for bad in ["a\nb", "a\u{7f}b", "a\0b"] {
        let text = fault(base().subject(bad));
        assert!(
            text.contains(r#"attribute "subject" holds a control character"#),
            "{text}"
        );
        assert!(fault(base().extension("ext", bad)).contains(r#"attribute "ext""#));
    }
    assert!(fault(base().extension("big", 1_i64 << 31)).contains("32-bit"));
    assert!(fault(base().extension("foo-bar", "x")).contains(r#"attribute "foo-bar""#));
    assert!(fault(base().extension("Type", "x")).contains(r#"attribute "Type""#));
    assert!(fault(base().data("not a type", Vec::new())).contains("media type"));
}

#[test]
fn a_blank_keeps_all_but_id_and_time() {
    let builder = base()
        .subject("s")
        .extension("city", "Zürich")
        .extension("empty", "")
        .data("text/plain", b"body".to_vec());
    let message = encoded(builder);
    let value = |message: &Message, name| message.headers()[name].clone();
    let blank = Blank::of(&message);
    let again = blank.fill(value(&message, "ce-id"), value(&message, "ce-time"));
    assert_eq!(again.headers(), message.headers());
    assert_eq!(again.body(), message.body());
    let other = blank.fill(
        HeaderValue::from_static("id-2"),
        HeaderValue::from_static("t"),
    );
    assert_eq!((other.id(), other.text(&TIME)), ("id-2", "t"));
    assert_eq!(other.source(), message.source());

    let bodiless = Blank::of(&encoded(base()));
    let id = HeaderValue::from_static("id-1");
    assert!(bodiless.fill(id.clone(), id).body().is_empty());
}
