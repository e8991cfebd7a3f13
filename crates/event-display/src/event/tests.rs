//! Rules that the recorded vectors do not touch; those are in `tests/vectors.rs`.

mod structured;

use proptest::prelude::*;

use super::*;
use crate::print::print;

fn structured(body: &str) -> Result<String, (u16, String)> {
    let mut headers = HeaderMap::new();
    let content_type = "application/cloudevents+json".parse().expect("a value");
    headers.insert(CONTENT_TYPE, content_type);
    read(&headers, body.as_bytes())
}

/// An event of these members on top of the required ones.
fn with(members: &str) -> Result<String, (u16, String)> {
    structured(&format!(
        r#"{{"specversion":"1.0","id":"1","type":"t","source":"/s",{members}}}"#
    ))
}

fn v03(members: &str) -> Result<String, (u16, String)> {
    structured(&format!(
        r#"{{"specversion":"0.3","id":"1","type":"t","source":"/s",{members}}}"#
    ))
}

fn binary(version: &str, lines: &[(&str, &[u8])], body: &[u8]) -> Result<String, (u16, String)> {
    let mut headers = HeaderMap::new();
    let required = [
        ("ce-specversion", version.as_bytes()),
        ("ce-id", b"1"),
        ("ce-type", b"t"),
    ];
    for (name, value) in required
        .iter()
        .chain(&[("ce-source", &b"/s"[..])])
        .chain(lines)
    {
        let name: http::HeaderName = name.parse().expect("a name");
        headers.append(name, http::HeaderValue::from_bytes(value).expect("a value"));
    }
    read(&headers, body)
}

/// The printed text behind the required lines, or status and reason.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<String, (u16, String)> {
    let body = Bytes::copy_from_slice(body);
    let refused = |refusal: Refusal| (refusal.status().as_u16(), refusal.to_string());
    let mode = Mode::of(headers).map_err(refused)?;
    let event = Event::read(mode, headers, &body).map_err(refused)?;
    let text = String::from_utf8_lossy(&print(&event).pieces().concat()).into_owned();
    let rest = text
        .split_once("  source: /s\n")
        .map(|(_, rest)| rest.to_owned());
    Ok(rest.unwrap_or(text).replace("  id: 1\n", ""))
}

#[expect(clippy::unnecessary_wraps, reason = "compared with results")]
fn ok(text: &str) -> Result<String, (u16, String)> {
    Ok(text.to_owned())
}

fn status(result: &Result<String, (u16, String)>) -> u16 {
    result.as_ref().map_or_else(|(status, _)| *status, |_| 200)
}

#[test]
fn content_modes() {
    let mode = |content_type: &'static str, version: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        if let Some(version) = version {
            headers.insert("ce-specversion", http::HeaderValue::from_static(version));
        }
        Mode::of(&headers).map_err(|refusal| refusal.status().as_u16())
    };
    assert_eq!(
        mode(" Application/CloudEvents+JSON ;x", None),
        Ok(Mode::Structured)
    );
    assert_eq!(
        mode("application/cloudevents+json", Some("1.0")),
        Ok(Mode::Structured)
    );
    assert_eq!(
        mode("application/cloudevents-batch+json", Some("1.0")),
        Err(500)
    );
    assert_eq!(
        mode("application/json", Some("1.0")),
        Ok(Mode::Binary(SpecVersion::V1))
    );
    assert_eq!(
        mode("application/cloudevents+xml", Some("0.3")),
        Ok(Mode::Binary(SpecVersion::V03))
    );
    for version in [
        None,
        Some(""),
        Some("1"),
        Some("1.0.2"),
        Some("0.2"),
        Some("V1.0"),
    ] {
        assert_eq!(mode("application/json", version), Err(415), "{version:?}");
    }
}

#[test]
fn version_0_3() {
    assert_eq!(
        v03(r#""schemaurl":"a b","My_Ext":"x","dataschema":"y","data_base64":"z""#),
        ok("  schemaurl: a%20b\nExtensions,\n  My_Ext: x\n  data_base64: z\n  dataschema: y\n")
    );
    assert_eq!(
        v03(r#""data":"aGk=","datacontentencoding":"base64""#),
        ok("  datacontentencoding: base64\nData (binary),\n  hi\n")
    );
    for value in ["\"\"", "null", "\"gzip\"", "\"BASE64\""] {
        assert_eq!(
            status(&v03(&format!(r#""datacontentencoding":{value}"#))),
            400,
            "{value}"
        );
    }
    let early =
        r#"{"datacontentencoding":"","specversion":"0.3","id":"1","type":"t","source":"/s"}"#;
    assert_eq!(status(&structured(early)), 400);
    assert_eq!(
        v03(r##""schemaurl":"#""##),
        Err((
            400,
            "schemaurl: if present, MUST adhere to the format specified in RFC 3986".into()
        ))
    );
    assert_eq!(
        v03(r#""datacontenttype":"foo bar""#),
        Err((
            400,
            "datacontenttype: if present, MUST adhere to the format specified in RFC 2046".into()
        ))
    );
    assert_eq!(
        binary(
            "0.3",
            &[("ce-schemaurl", b" /x "), ("ce-dataschema", b"y")],
            b""
        ),
        ok("  schemaurl: /x\nExtensions,\n  dataschema: y\n")
    );
    let encoded = [("ce-datacontentencoding", &b"BASE64"[..])];
    assert_eq!(
        binary("0.3", &encoded, b"aGk="),
        ok("  datacontentencoding: BASE64\nData,\n  aGk=\n")
    );
    assert_eq!(
        status(&binary("0.3", &[("ce-datacontentencoding", b"gzip")], b"")),
        400
    );
    assert_eq!(status(&binary("0.3", &[("ce-my_ext", b"x")], b"")), 500);
}

#[test]
fn binary_events() {
    let one = |name: &str, value: &[u8]| binary("1.0", &[(name, value)], b"");
    assert_eq!(
        one("ce-subject", b" \xc2\xa0s\xe3\x80\x80 "),
        ok("  subject: s\n")
    );
    assert_eq!(one("ce-subject", b" "), ok(""));
    assert_eq!(one("ce-time", b"0001-01-01T01:00:00+01:00"), ok(""));
    assert_eq!(
        one("ce-dataschema", b" urn:a "),
        ok("  dataschema: urn:a\n")
    );
    assert_eq!(one("ce-data", b" x "), ok("Extensions,\n  data:  x \n"));
    assert_eq!(
        one("ce-schemaurl", b"x"),
        ok("Extensions,\n  schemaurl: x\n")
    );
    for name in [
        "ce-",
        "ce-a-b",
        "ce-a_b",
        "ce-a.b",
        "ce-a*",
        "ce-datacontenttype",
    ] {
        assert_eq!(status(&one(name, b"x")), 500, "{name}");
    }
    // A header that cannot be read counts for more than an event that is invalid.
    let both = [
        ("ce-dataschema", &b"/relative"[..]),
        ("ce-time", &b"now"[..]),
    ];
    assert_eq!(status(&binary("1.0", &both, b"")), 500);
}

#[test]
fn refusals_name_the_attribute() {
    let refusal = |members: &str| {
        let body =
            format!(r#"{{"specversion":"1.0","id":"7","type":"t","source":"/s",{members}}}"#);
        let body = Bytes::from(body);
        let refusal = Event::read(Mode::Structured, &HeaderMap::new(), &body).expect_err("refused");
        (refusal.attributes(), refusal.value().map(str::to_owned))
    };
    assert_eq!(
        refusal(r#""time":"now""#),
        (Some("time".into()), Some("now".into()))
    );
    assert_eq!(refusal(r#""a b":"secret""#), (Some("a b".into()), None));
    assert_eq!(refusal(r#""ext":1e99"#), (Some("ext".into()), None));
    assert_eq!(
        refusal(r#""id":"","subject":" ""#),
        (Some("id,subject".into()), None)
    );
    assert_eq!(
        refusal(r#""data_base64":"secret""#),
        (Some("data_base64".into()), None)
    );
}

#[test]
fn identity_of_what_cannot_be_read() {
    let body = br#"{"id":"7","source":"/s","type":5,"data":"secret","time":oops"#;
    let identity = structured_identity(body);
    assert_eq!(
        (identity.id.as_deref(), identity.source.as_deref()),
        (Some("7"), Some("/s"))
    );
    assert_eq!(identity.ty, None);
}

#[test]
fn data_is_not_copied() {
    let body = Bytes::from(r#"{"specversion":"1.0","id":"1","type":"t","source":"/s","data":[1]}"#);
    let headers = HeaderMap::new();
    let event = Event::read(Mode::Structured, &headers, &body).expect("valid");
    let data = event.data.expect("data").bytes;
    assert!(body.as_ptr_range().contains(&data.as_ptr()));
}

proptest! {
    #[test]
    fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = read(&HeaderMap::new(), &body);
        let _ = structured(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn crowded_members_are_read_or_refused(
        members in proptest::collection::vec(
            (
                "specversion|id|type|source|subject|time|data(_base64|schema|contenttype|contentencoding)?|schemaurl|x|X|",
                r#""(1\.0|0\.3|base64|/s|text/plain|application/json|a b|)"|null|1|-1\.5|true|\{\}|\[1\]"#,
            ),
            0..9,
        )
    ) {
        let members: Vec<_> = members.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        let result = structured(&format!("{{{}}}", members.join(",")));
        prop_assert!([200, 400, 500].contains(&status(&result)));
        let _ = with(&members.join(","));
        let _ = v03(&members.join(","));
    }
}
