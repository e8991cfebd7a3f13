//! The label, which upstream takes as a Go string literal when it starts with a double quote.
//!
//! People meet this through manifests such as `--label="<3"`. Contract:
//! containersource-heartbeats.md 4.3.

use std::str::Chars;

/// The label's bytes: as given, or unquoted; a bad quoted label is empty, as upstream has it.
///
/// Bytes, because `\x` and octal escapes may make what is not UTF-8.
pub fn bytes(flag: &str) -> Vec<u8> {
    if flag.starts_with('"') {
        unquote(flag).unwrap_or_default()
    } else {
        flag.as_bytes().to_vec()
    }
}

/// Go's `strconv.Unquote` for text in double quotes; `None` if it is not such a literal.
fn unquote(text: &str) -> Option<Vec<u8>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\n' => return None,
            '\\' => match escape(&mut chars)? {
                Escaped::Char(c) => push(&mut out, c),
                Escaped::Byte(byte) => out.push(byte),
            },
            c => push(&mut out, c),
        }
    }
    Some(out)
}

enum Escaped {
    Char(char),
    Byte(u8),
}

/// What stands behind a backslash.
fn escape(chars: &mut Chars<'_>) -> Option<Escaped> {
    let byte = match chars.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(number(chars, 2, 16, 0)?).ok()?,
        'u' => return char::from_u32(number(chars, 4, 16, 0)?).map(Escaped::Char),
        'U' => return char::from_u32(number(chars, 8, 16, 0)?).map(Escaped::Char),
        first @ '0'..='7' => u8::try_from(number(chars, 2, 8, first.to_digit(8)?)?).ok()?,
        _ => return None,
    };
    Some(Escaped::Byte(byte))
}

/// Exactly `count` more digits behind the ones that make `start`.
fn number(chars: &mut Chars<'_>, count: u32, radix: u32, start: u32) -> Option<u32> {
    (0..count).try_fold(start, |value, _| {
        let digit = chars.next()?.to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::bytes;
    use proptest::prelude::*;

    #[test]
    fn without_a_quote_it_is_taken_as_it_is() {
        for label in ["", "hello", "a\"b\"", r"a\n", "'x'", "`x`"] {
            assert_eq!(bytes(label), label.as_bytes(), "{label}");
        }
    }

    #[test]
    fn quoted_labels_are_unquoted() {
        for (label, expected) in [
            (r#""""#, &b""[..]),
            (r#""my label""#, b"my label"),
            (r#""<3""#, b"<3"),
            (r#""\a\b\f\n\r\t\v\\\"""#, b"\x07\x08\x0c\n\r\t\x0b\\\""),
            ("\"raw\ttab\"", b"raw\ttab"),
            (r#""\x41\xff\xC3\xA9""#, b"A\xff\xc3\xa9"),
            (r#""\000\101\377""#, b"\0A\xff"),
            (r#""\u0041\u00e9\U0001F600""#, "A\u{e9}\u{1f600}".as_bytes()),
            (r#""é'`""#, "é'`".as_bytes()),
            (r#""\U0010FFFF""#, "\u{10ffff}".as_bytes()),
        ] {
            assert_eq!(bytes(label), expected, "{label}");
        }
    }

    #[test]
    fn a_bad_quoted_label_is_empty() {
        for label in [
            r#"""#,
            r#""oops"#,
            r#""a"b""#,
            r#""a" "#,
            r#""a\""#,
            "\"a\nb\"",
            r#""\'""#,
            r#""\q""#,
            r#""\x4""#,
            r#""\x4g""#,
            r#""\400""#,
            r#""\08""#,
            r#""\u00e""#,
            r#""\ud800""#,
            r#""\U00110000""#,
            r#""\UFFFFFFFF""#,
            r#""\U100000000""#,
            r#""\+41""#,
        ] {
            // The last but one has nine digits: the ninth is text, but 10000000 is no character.
            assert_eq!(bytes(label), b"", "{label}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(label in "\"[\\\\xuUabnrt0-9\"é\n]{0,16}\"?") {
            let _ = bytes(&label);
        }

        #[test]
        fn plain_text_in_quotes_comes_through(text in "[^\"\\\\\n]*") {
            prop_assert_eq!(bytes(&format!("\"{text}\"")), text.into_bytes());
        }

        #[test]
        fn every_byte_can_be_written_in_hex_and_octal(byte: u8) {
            prop_assert_eq!(bytes(&format!("\"\\x{byte:02x}\\x{byte:02X}\\{byte:03o}\"")), [byte; 3]);
        }

        #[test]
        fn every_character_can_be_written_by_its_number(c: char) {
            let text = format!("\"\\U{:08x}\"", u32::from(c));
            prop_assert_eq!(bytes(&text), c.to_string().into_bytes());
        }
    }
}
