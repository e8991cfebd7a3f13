use proptest::prelude::*;

use super::*;

fn printed(text: &str) -> Option<String> {
    let url = Url::parse(text.as_bytes()).ok()?;
    Some(String::from_utf8(url.to_bytes()).expect("text in, text out"))
}

fn check(table: &[(&str, Option<&str>)]) {
    for (text, expected) in table {
        assert_eq!(printed(text).as_deref(), *expected, "{text}");
    }
}

fn same<'a>(texts: &[&'a str]) -> Vec<(&'a str, Option<&'a str>)> {
    texts.iter().map(|&text| (text, Some(text))).collect()
}

#[test]
fn recorded_vectors() {
    let recorded = include_str!("../../../tests/data/event-display-attribute-vectors.json");
    let recorded: serde_json::Value = serde_json::from_str(recorded).expect("the vector file");
    for list in ["source", "dataschema"] {
        for vector in recorded[list].as_array().expect("a list") {
            let text = vector["value"].as_str().expect("a text");
            let url = Url::parse(text.as_bytes());
            match vector["status"].as_u64() {
                Some(500) => assert!(url.is_err(), "{vector}"),
                Some(200) => {
                    let printed = url.expect("accepted").to_bytes();
                    assert_eq!(printed, vector["printed"].as_str().unwrap_or("").as_bytes());
                }
                // Readable, but not what the attribute asks for.
                _ => assert!(list == "dataschema" || url.is_ok_and(|u| u.to_bytes().is_empty())),
            }
        }
    }
}

/// adapter-runtime.md, vector V10.
#[test]
fn sources_that_senders_normalise() {
    check(&same(&[
        "https://x/#a/b",
        "unit/test",
        "urn:a:b",
        "//h/p",
        "https://10.96.0.1:443",
        "http://H.example/%7Ea",
    ]));
    check(&[
        (
            "/apis/v1/namespaces/default/pods/x y",
            Some("/apis/v1/namespaces/default/pods/x%20y"),
        ),
        ("http://h/ü?q=a b", Some("http://h/%C3%BC?q=a b")),
        ("http://h:99/#fr ag", Some("http://h:99/#fr%20ag")),
        ("10.0.0.1:443", None),
        ("http://h/%zz", None),
    ]);
}

#[test]
fn hosts() {
    check(&same(&[
        "http://[::]/",
        "http://[::ffff:1.2.3.4]:80/",
        "http://[fe80::1%25a%20b]/",
        "http://[fe80::1%25%25]/",
        "http://a.b_c~d!$&'()*+,;=<>\"/",
        "//:",
        "x://:1",
        "http://h%25x/",
    ]));
    check(&[
        ("http://[1.2.3.4]/", None),
        ("http://[abc]/", None),
        ("http://[]/", None),
        ("http://[::1%25]/", None),
        ("http://[::1%en0]/", None),
        ("http://[::1%25\u{e4}]/", Some("http://[::1%25%C3%A4]/")),
        ("http://[::1%25%C3%A4]/", None),
        ("http://[::1%25%2F]/", None),
        ("http://a[::1]/", None),
        ("http://[::1]:x/", None),
        ("http://h%41/", None),
        ("http://h%4/", None),
        ("http://h\\x/", None),
        ("http://h^x/", None),
        ("http://h:-1/", None),
        ("http://HÄ/", Some("http://H%C3%84/")),
        ("http://h%c3%84/", Some("http://h%C3%84/")),
    ]);
}

#[test]
fn user_information() {
    check(&same(&[
        "http://:@h/",
        "http://u:@h",
        "//u@",
        "//@//p",
        "http://u%3Ap:q%2F@h/",
    ]));
    check(&[
        ("http://a:b:c@h/", Some("http://a:b%3Ac@h/")),
        ("http://u!*()@h/", Some("http://u%21%2A%28%29@h/")),
        ("http://%41@h/", Some("http://A@h/")),
        ("http://ü@h/", None),
        ("http://u%zz@h/", None),
        ("http://u[@h/", None),
        ("http://u#@h/", Some("http://u#@h/")),
    ]);
}

#[test]
fn paths_and_fragments() {
    check(&same(&[
        "",
        "a%3Ab",
        "/%2A",
        "/*",
        "*?x",
        "*#x",
        "////x",
        "x:?",
        "x:#f",
        "/a%2f%2F",
        "#!()*?/:@[]'",
        "#a%0a",
        "/[a]%20",
        "x:a?b?",
        "a?:",
    ]));
    check(&[
        ("%2A", Some("*")),
        ("a%3Ab c", Some("./a:b%20c")),
        ("x/a%3Ab c", Some("x/a:b%20c")),
        ("#a\nb", Some("#a%0Ab")),
        ("#a<b", Some("#a%3Cb")),
        ("#%4", None),
        ("#%", None),
        ("/a\tb", None),
        ("/a\u{7f}", None),
        ("/%", None),
        ("/%1", None),
        ("/a?%", Some("/a?%")),
        ("?#", Some("?")),
        ("??", Some("??")),
        ("/a b?", Some("/a%20b?")),
        ("x:/%2Fb c", Some("x://b%20c")),
        ("A+-.9:b", Some("a+-.9:b")),
        ("+a:b", None),
        (".:b", None),
        ("é:b", None),
        ("a_b:c", None),
        ("a_b/c:d", Some("a_b/c:d")),
    ]);
}

#[test]
fn bytes_that_are_not_text() {
    let url = Url::parse(b"/a\xff?\xfe#\xfd").expect("accepted");
    assert_eq!(url.to_bytes(), b"/a%FF?\xfe#%FD");
    let url = Url::parse(b"urn:\xff").expect("accepted");
    assert_eq!(url.to_bytes(), b"urn:\xff");
}

#[test]
fn parts() {
    let url = Url::parse(b"HTTPS://u@H:1/a%2Fb%20c?q#f%41").expect("accepted");
    assert_eq!(
        (url.scheme(), url.host(), url.has_user()),
        ("https", &b"H:1"[..], true)
    );
    assert_eq!(
        (url.path(), url.raw_path()),
        (&b"/a/b c"[..], &b"/a%2Fb%20c"[..])
    );
    assert_eq!((url.query(), url.opaque()), (&b"q"[..], &b""[..]));
    assert!(!url.omit_host() && !url.force_query());
    assert!(Url::parse(b"x:/p").expect("accepted").omit_host());
    assert!(Url::parse(b"/p?").expect("accepted").force_query());
}

#[test]
fn request_targets() {
    for target in [
        "/",
        "//a",
        "///",
        "*",
        "http://h/p?q",
        "/p?a b#c",
        "x:y",
        "/a%41",
    ] {
        assert!(Url::parse_request(target.as_bytes()).is_ok(), "{target}");
    }
    for target in ["", "a", "?q", "/%zz", "http://h h/", "/\u{1}"] {
        assert!(Url::parse_request(target.as_bytes()).is_err(), "{target}");
    }
    let url = Url::parse_request(b"//a/b").expect("a path");
    assert_eq!((url.host(), url.path()), (&b""[..], &b"//a/b"[..]));
}

#[test]
fn errors_name_the_place() {
    let message = |text: &[u8]| Url::parse(text).expect_err("refused").to_string();
    assert_eq!(
        message(b"/a%zzb"),
        "`%zz` is not a valid percent escape here"
    );
    assert_eq!(message(b"/a%"), "`%` is not a valid percent escape here");
    assert_eq!(
        message(b"http://a b/"),
        "the character ` ` in the host name"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(url) = Url::parse(&text) {
            let _ = url.to_bytes();
        }
        let _ = Url::parse_request(&text);
    }

    #[test]
    fn crowded_text_is_read_or_refused(text in "[a-c:/?#@%\\[\\]0-2 .*é]{0,16}") {
        if let Some(once) = printed(&text) {
            prop_assert!(!once.contains(|c: char| c.is_ascii_control()));
        }
    }

    /// What needs no escaping comes out as it went in, and what came out once stays as it is.
    #[test]
    fn printing_is_stable(text in "(https?://[a-z.]{1,9}(:[0-9]{1,5})?)?/[a-z0-9._~$&'()*+,;=:@!\\[\\]-]{0,12}(\\?[ -~&&[^#?]]{1,9})?(#[a-z/?]{1,5})?") {
        prop_assert_eq!(printed(&text), Some(text));
    }

    #[test]
    fn escaping_a_path_is_undone_by_reading(path in "/x[ -~é&&[^?#%]]{0,20}") {
        let once = printed(&path).expect("any path without a percent sign is fine");
        let again = Url::parse(once.as_bytes()).expect("printed form");
        prop_assert_eq!(again.to_bytes(), once.as_bytes());
    }
}
