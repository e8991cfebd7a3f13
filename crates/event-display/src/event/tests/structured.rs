//! Structured mode, version 1.0.

use super::{ok, status, structured, with};

#[test]
fn members_that_are_no_strings() {
    for name in [
        "id",
        "type",
        "source",
        "subject",
        "time",
        "dataschema",
        "datacontenttype",
    ] {
        for value in ["1", "true", "{}", "[]"] {
            assert_eq!(
                status(&with(&format!(r#""{name}":{value}"#))),
                500,
                "{name} {value}"
            );
        }
    }
    for (name, expected) in [
        ("id", 400),
        ("type", 400),
        ("source", 500),
        ("datacontenttype", 400),
        ("time", 200),
    ] {
        for value in ["null", "\"\""] {
            assert_eq!(
                status(&with(&format!(r#""{name}":{value}"#))),
                expected,
                "{name} {value}"
            );
        }
    }
    for name in ["id", "type", "subject"] {
        assert_eq!(
            status(&with(&format!(r#""{name}":" \t\u00a0""#))),
            400,
            "{name}"
        );
    }
}

#[test]
fn the_order_of_members() {
    let late = r#"{"data":"x","source":"/s","datacontenttype":"text/plain","type":"t","id":"1","specversion":"1.0"}"#;
    assert_eq!(
        structured(late),
        ok("  datacontenttype: text/plain\nData,\n  x\n")
    );
    let empty = r#"{"datacontenttype":"","source":"/s","type":"t","id":"1","specversion":"1.0"}"#;
    assert_eq!(structured(empty), ok(""));
    assert_eq!(with(r#""subject":"a","subject":"b""#), ok("  subject: b\n"));
    assert_eq!(status(&with(r#""specversion":"1.0""#)), 500);
    assert_eq!(
        status(&with(r#""datacontenttype":"a/b","datacontenttype":"a/b""#)),
        500
    );
    assert_eq!(
        with(r#""a":"1","":2,"id":{},"b":"2""#),
        ok("Extensions,\n  a: 1\n")
    );
    assert_eq!(with(r#""a":"1","A":"2","a":null"#), ok(""));
    assert_eq!(with(r#""a":null,"A":"2""#), ok("Extensions,\n  a: 2\n"));
    assert_eq!(with(r#""\u0073ubject":"s""#), ok("  subject: s\n"));
}

#[test]
fn versions_of_structured_events() {
    let text = |text: &str| (400, text.to_owned());
    assert_eq!(structured("[]"), Err(text("specversion: no specversion")));
    assert_eq!(structured("{}"), Err(text("specversion: no specversion")));
    assert_eq!(
        structured(r#"{"specversion":1}"#),
        Err(text("specversion: unknown value: "))
    );
    assert_eq!(
        structured(r#"{"specversion":null}"#),
        Err(text("specversion: unknown value: "))
    );
    let unknown = structured(r#"{"specversion":"\u0031.1"}"#);
    assert_eq!(unknown, Err(text("specversion: unknown value: 1.1")));
    for body in ["", " ", "{", "{} {}", "\u{feff}{}", "nul"] {
        assert_eq!(status(&structured(body)), 500, "{body}");
    }
}

#[test]
fn attribute_values_of_structured_events() {
    assert_eq!(with(r#""subject":" s ""#), ok("  subject:  s \n"));
    assert!(with(r#""source":" /x""#).is_ok_and(|text| text.contains("source: %20/x\n")));
    assert_eq!(
        with(r#""time":"0001-01-01T00:00:00Z""#),
        ok("  time: 0001-01-01T00:00:00Z\n")
    );
    assert_eq!(status(&with(r#""time":"now""#)), 500);
    assert_eq!(with(r#""dataschema":"http://x/%zz""#), ok(""));
    assert_eq!(status(&with(r#""dataschema":"/relative""#)), 400);
    assert_eq!(
        with("\"subject\":\"\u{e9}\\ud800\""),
        ok("  subject: \u{e9}\u{fffd}\n")
    );
}

#[test]
fn extensions_of_structured_events() {
    let table = [
        ("3.7", Some("3")),
        ("-3.7", Some("-3")),
        ("-0.5", Some("0")),
        ("1e3", Some("1000")),
        ("1E-400", Some("0")),
        ("2147483647", Some("2147483647")),
        ("-2147483648", Some("-2147483648")),
        ("2147483647.5", None),
        ("-2147483648.5", None),
        ("1e400", None),
        ("{}", None),
        ("[]", None),
        ("true", Some("true")),
        ("\"\"", Some("")),
        ("\"\\n\"", Some("\n")),
    ];
    for (value, printed) in table {
        let result = with(&format!(r#""x": {value}"#));
        match printed {
            Some(printed) => assert_eq!(result, ok(&format!("Extensions,\n  x: {printed}\n"))),
            None => assert_eq!(status(&result), 500, "{value}"),
        }
    }
    for name in [
        "a-b",
        "a_b",
        "\u{e9}",
        "Id",
        "SPECVERSION",
        "DataContentType",
    ] {
        assert_eq!(status(&with(&format!(r#""{name}":"x""#))), 500, "{name}");
    }
    assert_eq!(
        with(r#""schemaurl":"x","datacontentencoding":"y","Data":"z""#),
        ok("Extensions,\n  data: z\n  datacontentencoding: y\n  schemaurl: x\n")
    );
    let many: Vec<_> = (0..10_001).map(|n| format!(r#""x{n}":1"#)).collect();
    assert_eq!(status(&with(&many[1..].join(","))), 200);
    assert_eq!(status(&with(&many.join(","))), 500);
}

#[test]
fn data_of_structured_events() {
    let json = r#""datacontenttype":"application/json","data":"#;
    assert_eq!(
        with(&format!("{json} [ 1 ] ")),
        ok("  datacontenttype: application/json\nData,\n  [\n    1\n  ]\n")
    );
    let typed = |media_type: &str, data: &str| {
        with(&format!(
            r#""datacontenttype":"{media_type}","data":{data}"#
        ))
    };
    let printed = |media_type: &str, data: &str| {
        ok(&format!(
            "  datacontenttype: {media_type}\nData,\n  {data}\n"
        ))
    };
    assert_eq!(
        typed("text/json", "  [ 1 ]"),
        printed("text/json", "  [ 1 ]")
    );
    assert_eq!(
        typed("a/b+json", r#""\u00e9\n""#),
        printed("a/b+json", "\u{e9}\n")
    );
    assert_eq!(typed("text/plain", "null"), printed("text/plain", ""));
    assert_eq!(status(&typed("text/plain", "1")), 500);
    assert_eq!(status(&typed("a/b+json", "{}")), 500);
    // Case counts, and so do blanks where nothing follows them.
    assert_eq!(status(&typed("Application/JSON", "1")), 500);
    assert_eq!(status(&typed(" application/json", "1")), 500);
    assert_eq!(
        typed(" application/json ; x=y", "[1]"),
        printed(" application/json ; x=y", "[\n    1\n  ]")
    );
}

#[test]
fn base64_of_structured_events() {
    let data = |value: &str| with(&format!(r#""data_base64":{value}"#));
    assert_eq!(data(r#""aGk=""#), ok("Data (binary),\n  hi\n"));
    assert_eq!(data(r#" "aGl\/""#), ok("Data (binary),\n  hi\u{7f}\n"));
    assert_eq!(data(r#""""#), ok("Data (binary),\n  \n"));
    // Bits behind the last byte.
    assert_eq!(data(r#""aGl=""#), ok("Data (binary),\n  hi\n"));
    for value in [
        "\"aGk\"",
        "\"aGk==\"",
        "\"a-_k\"",
        "\"aG k=\"",
        r#""aG\nk=""#,
        "1",
        "null",
        "{}",
    ] {
        assert_eq!(status(&data(value)), 500, "{value}");
    }
    let both = |first: &str, second: &str| {
        with(&format!(
            r#""datacontenttype":"text/plain",{first},{second}"#
        ))
    };
    let (text, encoded) = (r#""data":"text""#, r#""data_base64":"aGk=""#);
    let printed = |data| {
        ok(&format!(
            "  datacontenttype: text/plain\nData (binary),\n  {data}\n"
        ))
    };
    assert_eq!(both(text, encoded), printed("hi"));
    assert_eq!(both(encoded, text), printed("text"));
}
