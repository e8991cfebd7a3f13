//! What a JSON string says.

use std::borrow::Cow;

/// The content of a valid JSON string, without its quotes, with the escapes undone.
///
/// Bytes that are not UTF-8 stay. A surrogate without its other half becomes U+FFFD, and so do both
/// escapes of two that do not belong together, as in upstream's reader (event-display.md 4.3).
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = text.iter().position(|&b| b == b'\\') else {
        return Cow::Borrowed(text);
    };
    let mut out = Vec::with_capacity(text.len());
    out.extend_from_slice(&text[..first]);
    let mut rest = &text[first..];
    while let Some((&byte, behind)) = rest.split_first() {
        rest = match behind.split_first() {
            Some((b'u', digits)) if byte == b'\\' => push_code(digits, &mut out),
            Some((&kind, behind)) if byte == b'\\' => {
                out.push(match kind {
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    itself => itself,
                });
                behind
            }
            _ => {
                out.push(byte);
                behind
            }
        };
    }
    Cow::Owned(out)
}

/// Undoes an escape whose `\u` is gone, together with the next one if it is a surrogate.
fn push_code<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let (unit, mut rest) = code_unit(text);
    let mut units = [unit, 0];
    let mut count = 1;
    if let Some(text) = rest
        .strip_prefix(br"\u")
        .filter(|_| (0xd800..0xe000).contains(&unit))
    {
        (units[1], rest) = code_unit(text);
        count = 2;
    }
    for letter in char::decode_utf16(units[..count].iter().copied()) {
        let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    rest
}

/// Four hexadecimal digits, and the rest. A valid string has them.
fn code_unit(text: &[u8]) -> (u16, &[u8]) {
    let (digits, rest) = text.split_at(text.len().min(4));
    let unit = std::str::from_utf8(digits)
        .ok()
        .and_then(|d| u16::from_str_radix(d, 16).ok());
    (unit.unwrap_or(0xfffd), rest)
}
