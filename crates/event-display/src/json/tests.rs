use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn indented(text: &[u8]) -> Option<String> {
    let mut out = b"> ".to_vec();
    match pretty(text, &mut out) {
        Layout::Indented => Some(String::from_utf8(out.split_off(2)).expect("text")),
        Layout::Compact => panic!("too large for this test"),
        Layout::None => {
            assert_eq!(out, b"> ", "what is not JSON leaves no trace");
            None
        }
    }
}

#[test]
fn indentation() {
    let table = [
        ("{}", "{}"),
        ("[ \n]", "[]"),
        (" 1", "1"),
        ("1 \n", "1 \n"),
        ("[1,[ ],{}]", "[\n    1,\n    [],\n    {}\n  ]"),
        (
            r#"{"a":{"b" : [ true , null ]}}"#,
            "{\n    \"a\": {\n      \"b\": [\n        true,\n        null\n      ]\n    }\n  }",
        ),
        (
            r#"{"a":1,"a":1.50}"#,
            "{\n    \"a\": 1,\n    \"a\": 1.50\n  }",
        ),
        ("1e400", "1e400"),
        (r#""\u00e9 \ud800 é <""#, r#""\u00e9 \ud800 é <""#),
    ];
    for (text, expected) in table {
        assert_eq!(
            indented(text.as_bytes()).as_deref(),
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn what_is_not_json() {
    let table = [
        "",
        " ",
        "\u{feff}1",
        "{",
        "}",
        "[1",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "01",
        "-",
        "-a",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "tru",
        "nul",
        "truee",
        "nulll",
        "1 2",
        "[1}",
        "{\"a\":1]",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\u{1f}\"",
        "'a'",
        "[1 2]",
        "{\"a\" 1}",
        "NaN",
        "-0123",
        "//",
        "1,",
    ];
    for text in table {
        assert_eq!(indented(text.as_bytes()), None, "{text}");
        assert!(members(text.as_bytes(), |_, _| {}).is_err(), "{text}");
    }
}

#[test]
fn strings_need_not_be_utf_8() {
    let mut out = Vec::new();
    assert_eq!(pretty(b"[\"\xff\x7f\"]", &mut out), Layout::Indented);
    assert_eq!(out, b"[\n    \"\xff\x7f\"\n  ]");
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    assert_eq!(pretty(&nested(10_001), &mut Vec::new()), Layout::None);
    let deepest = nested(10_000);
    let mut out = Vec::new();
    assert_eq!(pretty(&deepest, &mut out), Layout::Compact);
    assert_eq!(out, deepest);
    assert!(members(&deepest, |_, _| {}).is_ok());
    let inside = |depth| [&b"{\"a\":"[..], &nested(depth), b"}"].concat();
    assert!(members(&inside(9_999), |_, _| {}).is_ok());
    assert!(members(&inside(10_000), |_, _| {}).is_err());
}

#[test]
fn growth_has_an_end() {
    // Four bytes for each line end and blanks at depth 1... five with the bracket's two.
    let list = |count: usize| format!(" [{}] ", vec!["1"; count].join(" ,"));
    let mut out = Vec::new();
    assert_eq!(pretty(list(200_000).as_bytes(), &mut out), Layout::Indented);
    assert!(out.len() > 1_200_000 && out.ends_with(b"\n  ] "));
    out.clear();
    assert_eq!(pretty(list(250_000).as_bytes(), &mut out), Layout::Compact);
    assert_eq!(out, list(250_000).replace(' ', "").as_bytes());
    // Too much of something that turns out not to be JSON.
    out.clear();
    assert_eq!(
        pretty(format!("{}x", list(250_000)).as_bytes(), &mut out),
        Layout::None
    );
    assert!(out.is_empty());
    // A long string grows by nothing.
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(5 << 20));
    assert_eq!(pretty(long.as_bytes(), &mut out), Layout::Indented);
}

#[test]
fn pieces_and_nesting_of_all_sizes() {
    for size in 0..80 {
        let mut value = serde_json::json!({ "n".repeat(size): ["t".repeat(size), size] });
        for _ in 0..size / 2 {
            value = serde_json::json!([true, { "v": value }]);
        }
        let expected = serde_json::to_string_pretty(&value).expect("a value");
        let text = value.to_string();
        assert_eq!(
            indented(text.as_bytes()),
            Some(expected.replace('\n', "\n  "))
        );
        let mut out = Vec::new();
        let layout = indent::compact(expected.as_bytes(), &mut out);
        assert_eq!((layout, out), (Layout::Compact, text.into_bytes()));
    }
}

#[test]
fn members_of_an_object() {
    let text = br#" { "a" : 1 , "\u0062\n":{"x":[1,{}]}, "": "s" } "#;
    let mut seen = Vec::new();
    let is_object = members(text, |name, place| {
        let value = String::from_utf8_lossy(&text[place]).into_owned();
        seen.push((String::from_utf8_lossy(&name).into_owned(), value));
    });
    assert_eq!(is_object, Ok(true));
    let expected = [("a", " 1"), ("b\n", r#"{"x":[1,{}]}"#), ("", r#" "s""#)];
    assert_eq!(
        seen,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(members(b" {} ", |_, _| panic!("no members")), Ok(true));
    assert_eq!(members(b"[{}]", |_, _| panic!("no members")), Ok(false));
    assert_eq!(members(b"{} x", |_, _| {}), Err(Invalid { at: 3 }));
}

#[test]
fn escapes() {
    let table: [(&[u8], &[u8]); 11] = [
        (b"plain \xff", b"plain \xff"),
        (br#"\"\\\/\b\f\n\r\t"#, b"\"\\/\x08\x0c\n\r\t"),
        (br"\u00e9\u20AC", "é€".as_bytes()),
        (br"\ud83d\ude00", "😀".as_bytes()),
        (br"\ud83d", "\u{fffd}".as_bytes()),
        (br"\ud83dx", "\u{fffd}x".as_bytes()),
        (br"\ud83d\n", "\u{fffd}\n".as_bytes()),
        (br"\ud83d\u0041", "\u{fffd}A".as_bytes()),
        (
            br"\ude00\ud83d\ude00",
            "\u{fffd}\u{fffd}\u{fffd}".as_bytes(),
        ),
        (br"\u0000", b"\0"),
        (b"", b""),
    ];
    for (text, expected) in table {
        assert_eq!(&*unescape(text), expected, "{}", text.escape_ascii());
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(".{0,4}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn indents_as_serde_json_does(value in any_json()) {
        let expected = serde_json::to_string_pretty(&value).expect("a value").replace('\n', "\n  ");
        prop_assert_eq!(indented(value.to_string().as_bytes()), Some(expected.clone()));
        prop_assert_eq!(indented(expected.as_bytes()), Some(expected));
        let mut out = Vec::new();
        prop_assert_eq!(indent::compact(value.to_string().as_bytes(), &mut out), Layout::Compact);
        prop_assert_eq!(out, value.to_string().into_bytes());
    }

    #[test]
    fn accepts_what_serde_json_accepts(text in r#"[\[\]{}:,"\\u0-9a-e.+ -]{0,14}|(\[|\{|"a":|1|,|\]|\}|""|true|null| ){0,9}"#) {
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(indented(text.as_bytes()).is_some(), theirs);
        prop_assert_eq!(members(text.as_bytes(), |_, _| {}).is_ok(), theirs);
    }

    #[test]
    fn unescapes_as_serde_json_does(text in r#"([a-zé]|\\[\\/bfnrt"]|\\u00[0-9a-f]{2}|\\u[1-9a-c][0-9A-F]{3}|\\ud83d\\ude0[0-9]){0,8}"#) {
        let theirs: String = serde_json::from_str(&format!("\"{text}\"")).expect("a string");
        prop_assert_eq!(&*unescape(text.as_bytes()), theirs.as_bytes());
    }

    #[test]
    fn any_bytes_are_walked(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = pretty(&text, &mut Vec::new());
        let _ = members(&text, |_, _| {});
    }
}
