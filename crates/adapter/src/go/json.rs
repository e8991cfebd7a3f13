//! JSON text as Go's `encoding/json` writes it, for bodies that are compared byte by byte.
//!
//! Only strings: everything around them has the same form everywhere.

/// Appends `text` with quotes, escaped as Go escapes it (containersource-heartbeats.md 5.3).
///
/// `<`, `>`, `&`, U+2028 and U+2029 become `\u003c` and so on; each byte that is not part of
/// valid UTF-8 becomes `\ufffd`; 0x7f and all other text stay as they are.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        write_valid(out, chunk.valid());
        for _ in chunk.invalid() {
            out.extend_from_slice(br"\ufffd");
        }
    }
    out.push(b'"');
}

fn write_valid(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut written = 0;
    for (at, c) in text.char_indices() {
        let Some(escape) = escape_of(c) else { continue };
        out.extend_from_slice(&bytes[written..at]);
        match escape {
            Escape::Short(letter) => out.extend_from_slice(&[b'\\', letter]),
            Escape::Code => out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
        }
        written = at + c.len_utf8();
    }
    out.extend_from_slice(&bytes[written..]);
}

enum Escape {
    /// A backslash and one letter.
    Short(u8),
    /// `\u` and four hex digits in small letters.
    Code,
}

fn escape_of(c: char) -> Option<Escape> {
    Some(match c {
        '"' => Escape::Short(b'"'),
        '\\' => Escape::Short(b'\\'),
        '\u{8}' => Escape::Short(b'b'),
        '\u{c}' => Escape::Short(b'f'),
        '\n' => Escape::Short(b'n'),
        '\r' => Escape::Short(b'r'),
        '\t' => Escape::Short(b't'),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => Escape::Code,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::write_string;
    use proptest::prelude::*;

    fn written(text: &[u8]) -> String {
        let mut out = Vec::new();
        write_string(&mut out, text);
        String::from_utf8(out).expect("always valid UTF-8")
    }

    #[test]
    fn escapes_as_go_does() {
        for (text, json) in [
            (&b""[..], r#""""#),
            (b"hello", r#""hello""#),
            (b"<3>", r#""\u003c3\u003e""#),
            (b"this & that", r#""this \u0026 that""#),
            (b"a\"b\\c/d", r#""a\"b\\c/d""#),
            (b"\x08\x0c\n\r\t", r#""\b\f\n\r\t""#),
            (
                b"\x00\x01\x0b\x1b\x1f\x7f",
                "\"\\u0000\\u0001\\u000b\\u001b\\u001f\x7f\"",
            ),
            ("é € 😀".as_bytes(), "\"é € 😀\""),
            (
                "\u{2028}\u{2029}\u{2027}".as_bytes(),
                "\"\\u2028\\u2029\u{2027}\"",
            ),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
            (b"a\xffb", r#""a\ufffdb""#),
            (b"\xe2\x82", r#""\ufffd\ufffd""#),
            (b"\xed\xa0\x80", r#""\ufffd\ufffd\ufffd""#),
            (b"\xc3\x28", r#""\ufffd(""#),
        ] {
            assert_eq!(written(text), json, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_as_the_same_text(text: String) {
            let back: String = serde_json::from_str(&written(text.as_bytes())).expect("valid JSON");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn any_bytes_give_valid_json_without_markup(bytes: Vec<u8>) {
            let json = written(&bytes);
            prop_assert!(serde_json::from_str::<String>(&json).is_ok());
            let markup = json.contains(['<', '>', '&', '\n', '\u{2028}']);
            prop_assert!(!markup);
        }
    }
}
