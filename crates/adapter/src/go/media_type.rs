//! Media types as Go's `mime.ParseMediaType` accepts them (event-display.md 5.3).
//!
//! Only the verdict: nothing here takes a media type apart, because the attribute is printed and
//! sent as it came.

/// Why a text is not a media type, in Go's words: they are part of the answer that stock sinks
/// give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaTypeError {
    /// No token at the start.
    #[error("mime: no media type")]
    NoMediaType,
    /// The first token is followed by something else than `/` or `;`.
    #[error("mime: expected slash after first token")]
    ExpectedSlash,
    /// Nothing usable behind the slash.
    #[error("mime: expected token after slash")]
    ExpectedToken,
    /// More text between the subtype and the parameters.
    #[error("mime: unexpected content after media subtype")]
    UnexpectedContent,
    /// Something that is not `; name=value`.
    #[error("mime: invalid media parameter")]
    InvalidParameter,
    /// One name twice with different values.
    #[error("mime: duplicate parameter name")]
    DuplicateParameter,
}

/// Accepts what Go accepts: `application/json; charset="utf-8"`, but also a single token, and one
/// `;` at the end.
pub fn validate(text: &[u8]) -> Result<(), MediaTypeError> {
    let end = text.iter().position(|&b| b == b';').unwrap_or(text.len());
    let (essence, mut rest) = text.split_at(end);
    check_essence(trim(essence))?;
    let mut seen: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    while !trim(rest).is_empty() {
        let Some((name, value, behind)) = take_parameter(trim_start(rest)) else {
            let is_last_semicolon = trim(rest) == b";";
            return if is_last_semicolon {
                Ok(())
            } else {
                Err(MediaTypeError::InvalidParameter)
            };
        };
        let name = name.to_ascii_lowercase();
        match seen.iter().find(|(other, _)| *other == name) {
            Some((_, first)) if *first != value => return Err(MediaTypeError::DuplicateParameter),
            Some(_) => {}
            None => seen.push((name, value)),
        }
        rest = behind;
    }
    Ok(())
}

fn check_essence(text: &[u8]) -> Result<(), MediaTypeError> {
    let (main, rest) = take_token(text);
    if main.is_empty() {
        return Err(MediaTypeError::NoMediaType);
    }
    if rest.is_empty() {
        return Ok(());
    }
    let rest = rest
        .strip_prefix(b"/")
        .ok_or(MediaTypeError::ExpectedSlash)?;
    match take_token(rest) {
        (b"", _) => Err(MediaTypeError::ExpectedToken),
        (_, b"") => Ok(()),
        _ => Err(MediaTypeError::UnexpectedContent),
    }
}

/// Name, value and the rest of `; name=value…`; `None` when it is not of that form.
fn take_parameter(text: &[u8]) -> Option<(&[u8], Vec<u8>, &[u8])> {
    let text = trim_start(text.strip_prefix(b";")?);
    let (name, text) = take_token(text);
    let text = trim_start(trim_start(text).strip_prefix(b"=")?);
    if name.is_empty() {
        return None;
    }
    if let Some(quoted) = text.strip_prefix(b"\"") {
        let (value, rest) = take_quoted(quoted)?;
        return Some((name, value, rest));
    }
    let (value, rest) = take_token(text);
    (!value.is_empty()).then(|| (name, value.to_vec(), rest))
}

/// The content of a quoted string whose opening quote is gone, and what follows it.
///
/// A backslash only escapes RFC 2045's "tspecials": old browsers send `"C:\dir\file"` as it is.
fn take_quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match (*text.get(at)?, text.get(at + 1)) {
            (b'"', _) => return Some((value, &text[at + 1..])),
            (b'\r' | b'\n', _) => return None,
            (b'\\', Some(next)) if b"()<>@,;:\\\"/[]?=".contains(next) => {
                value.push(*next);
                at += 2;
            }
            (byte, _) => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

fn take_token(text: &[u8]) -> (&[u8], &[u8]) {
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let end = text.iter().position(|b| !is_token(b)).unwrap_or(text.len());
    text.split_at(end)
}

/// `text` without Unicode white space around it, as Go's `strings.TrimSpace`; bytes that are not
/// UTF-8 are no white space.
pub fn trim(text: &[u8]) -> &[u8] {
    let mut text = trim_start(text);
    while let Some(&last) = text.last() {
        let blank = if last.is_ascii() {
            usize::from(is_blank(&[last]))
        } else {
            (2..=3)
                .find(|&n| text.len() >= n && is_blank(&text[text.len() - n..]))
                .unwrap_or(0)
        };
        if blank == 0 {
            break;
        }
        text = &text[..text.len() - blank];
    }
    text
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some(&first) = text.first() {
        let blank = if first.is_ascii() {
            usize::from(is_blank(&[first]))
        } else {
            (2..=3)
                .find(|&n| text.len() >= n && is_blank(&text[..n]))
                .unwrap_or(0)
        };
        if blank == 0 {
            break;
        }
        text = &text[blank..];
    }
    text
}

/// Whether this is a white space character; none is longer than three bytes.
fn is_blank(piece: &[u8]) -> bool {
    match piece {
        [byte] => matches!(byte, b'\t'..=b'\r' | b' '),
        _ => std::str::from_utf8(piece).is_ok_and(|piece| piece.chars().all(char::is_whitespace)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn recorded_vectors() {
        let recorded = include_str!("../../tests/data/event-display-attribute-vectors.json");
        let recorded: serde_json::Value = serde_json::from_str(recorded).expect("the vector file");
        for vector in recorded["datacontenttype"].as_array().expect("a list") {
            let text = trim(vector["value"].as_str().expect("a text").as_bytes());
            let answer = validate(text).err().map(|error| {
                format!("datacontenttype: failed to parse RFC 2046 media type {error}\n")
            });
            // An empty attribute counts as absent before anyone validates it.
            if !text.is_empty() {
                assert_eq!(answer.as_deref(), vector["body"].as_str(), "{vector}");
            }
        }
    }

    #[test]
    fn parameters() {
        use MediaTypeError::{DuplicateParameter, InvalidParameter};
        let table: &[(&[u8], Result<(), MediaTypeError>)] = &[
            (b"a/b; x=\"\"", Ok(())),
            (b"a/b; x=\"\\\"\"", Ok(())),
            (b"a/b; x=\"c:\\d\"", Ok(())),
            (b"a/b; x=\"a\rb\"", Err(InvalidParameter)),
            (b"a/b; x=1; X=1", Ok(())),
            (b"a/b; x=1; x=\"1\"", Ok(())),
            (b"a/b; x=1; X=2", Err(DuplicateParameter)),
            (b"a/b; x*0=1; x*1=2", Ok(())),
            (b"a/b; x*=%zz", Ok(())),
            (b"a/b ; x = 1 ; ", Ok(())),
            (b"a/b;\xc2\xa0x=1", Ok(())),
            (b"a/b; x=1 y=2", Err(InvalidParameter)),
            (b"a/b; x", Err(InvalidParameter)),
            (b"a/b; x=\"1", Err(InvalidParameter)),
            (b"a/b; ; x=1", Err(InvalidParameter)),
            (b";", Err(MediaTypeError::NoMediaType)),
            (b"", Err(MediaTypeError::NoMediaType)),
            (b"a/", Err(MediaTypeError::ExpectedToken)),
            (b"a/;", Err(MediaTypeError::ExpectedToken)),
            (b"\xc2\xa0a/b\xe2\x80\x83", Ok(())),
            (b"a/b\xff", Err(MediaTypeError::UnexpectedContent)),
        ];
        for (text, expected) in table {
            assert_eq!(validate(text), *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn trimming() {
        let table: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b" \t\r\n\x0b\x0c", b""),
            (b" a b ", b"a b"),
            (b"\xc2\x85\xc2\xa0a\xe3\x80\x80", b"a"),
            (b" \xff ", b"\xff"),
            (b"\xff a \xff\xc2\xa0", b"\xff a \xff"),
            (b"\xffa ", b"\xffa"),
            (b"a\xe3\x80", b"a\xe3\x80"),
            (b"\xe2\x80\x8b", b"\xe2\x80\x8b"),
        ];
        for (text, expected) in table {
            assert_eq!(trim(text), *expected, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_a_verdict(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = validate(&text);
            if let Ok(text) = std::str::from_utf8(&text) {
                prop_assert_eq!(trim(text.as_bytes()), text.trim().as_bytes());
            }
        }

        #[test]
        fn well_formed_types_pass(text in "[a-z]{1,8}/[a-z+.-]{1,8}( ?; ?[a-z]{1,4}=([a-z0-9]{1,4}|\"[ a-z/;]{0,5}\")){0,1};? ?") {
            prop_assert_eq!(validate(text.as_bytes()), Ok(()));
        }
    }
}
