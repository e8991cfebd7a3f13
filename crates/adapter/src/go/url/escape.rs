//! Percent escapes: which bytes need one in which part of a URL, writing and undoing them.

use std::borrow::Cow;

use super::UrlError;

/// The part of a URL that a byte stands in; each has its own reserved characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// Whether a byte is written as `%XX` when this part is encoded anew.
pub(super) fn must_escape(byte: u8, part: Part) -> bool {
    match byte {
        _ if byte.is_ascii_alphanumeric() => false,
        b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b',' | b';' | b'=' => false,
        b'!' | b'(' | b')' | b'*' => !matches!(part, Part::Host | Part::Zone | Part::Fragment),
        b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => !matches!(part, Part::Host | Part::Zone),
        b':' => part == Part::User,
        b'/' | b'@' => !matches!(part, Part::Path | Part::Fragment),
        b'?' => part != Part::Fragment,
        _ => true,
    }
}

/// Whether a part as written can be printed as it is, though Go would encode it differently.
pub(super) fn stays_verbatim(raw: &[u8], part: Part) -> bool {
    raw.iter()
        .all(|&b| b"!$&'()*+,;=:@[]%".contains(&b) || !must_escape(b, part))
}

pub(super) fn escape(text: &[u8], part: Part, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if must_escape(byte, part) {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'%', digits[0], digits[1]]);
        } else {
            out.push(byte);
        }
    }
}

pub(super) fn unescape(text: &[u8], part: Part) -> Result<Cow<'_, [u8]>, UrlError> {
    let in_host = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'%' {
            if in_host && text[at].is_ascii() && must_escape(text[at], part) {
                return Err(UrlError::HostByte(char::from(text[at])));
            }
            at += 1;
            continue;
        }
        let byte = decode_escape(&text[at..], part)?;
        out.extend_from_slice(&text[copied..at]);
        out.push(byte);
        at += 3;
        copied = at;
    }
    if copied == 0 {
        return Ok(Cow::Borrowed(text));
    }
    out.extend_from_slice(&text[copied..]);
    Ok(Cow::Owned(out))
}

/// The byte that the escape at the start of `text` stands for.
///
/// A host may only escape bytes outside ASCII and `%` itself; a zone also what a host could hold
/// unescaped, and a blank.
fn decode_escape(text: &[u8], part: Part) -> Result<u8, UrlError> {
    let wrong = || {
        let shown = &text[..text.len().min(3)];
        Err(UrlError::Escape(
            String::from_utf8_lossy(shown).into_owned(),
        ))
    };
    let digit = |at: usize| text.get(at).and_then(|&b| char::from(b).to_digit(16));
    let (Some(high), Some(low)) = (digit(1), digit(2)) else {
        return wrong();
    };
    let byte = u8::try_from(high * 16 + low).expect("two hexadecimal digits fit a byte");
    let allowed = match part {
        Part::Host => !byte.is_ascii() || byte == b'%',
        Part::Zone => byte == b'%' || byte == b' ' || !must_escape(byte, Part::Host),
        _ => true,
    };
    if allowed { Ok(byte) } else { wrong() }
}
