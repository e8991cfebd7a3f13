//! Go's `strings.ToUpper`, `ToLower` and `TrimSpace`, on bytes that need not be UTF-8.
//!
//! Go maps one character to one character; the standard library here knows `ß` to `SS` and the
//! final sigma. Each byte outside UTF-8 becomes U+FFFD when letters are mapped.

/// Every letter in upper case, one for one.
pub(crate) fn to_upper(text: &[u8]) -> Vec<u8> {
    map(text, upper)
}

/// Every letter in lower case, one for one.
pub(crate) fn to_lower(text: &[u8]) -> Vec<u8> {
    map(text, lower)
}

/// [`to_lower`] for text.
pub(crate) fn lower_str(text: &str) -> String {
    text.chars().map(lower).collect()
}

/// The bytes without Unicode white space at both ends.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    let blanks = |valid: &str, trimmed: &str| valid.len() - trimmed.len();
    let front = text
        .utf8_chunks()
        .next()
        .map_or(0, |chunk| blanks(chunk.valid(), chunk.valid().trim_start()));
    let text = &text[front..];
    let back = text
        .utf8_chunks()
        .last()
        .filter(|chunk| chunk.invalid().is_empty())
        .map_or(0, |chunk| blanks(chunk.valid(), chunk.valid().trim_end()));
    &text[..text.len() - back]
}

fn map(text: &[u8], letter: fn(char) -> char) -> Vec<u8> {
    let mut out = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars().map(letter));
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out.into_bytes()
}

fn upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next()) {
        (Some(one), None) => one,
        _ => upper_with_iota(c),
    }
}

/// The Greek letters with iota below: their full mapping is two letters, their simple one is one.
/// All other letters with a long mapping (`ß`, `ﬁ`) have no simple one and stay.
fn upper_with_iota(c: char) -> char {
    let distance = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => 0,
    };
    char::from_u32(u32::from(c) + distance).unwrap_or(c)
}

fn lower(c: char) -> char {
    // `İ` is the only one whose full mapping is longer; Go gives its first letter too.
    c.to_lowercase().next().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_map_one_for_one() {
        for (text, upper, lower) in [
            ("beta", "BETA", "beta"),
            ("héllo", "HÉLLO", "héllo"),
            ("straße", "STRAßE", "straße"),
            ("ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"),
            ("ﬁn", "ﬁN", "ﬁn"),
            ("ᾳ ᾀ", "ᾼ ᾈ", "ᾳ ᾀ"),
            ("ı", "I", "ı"),
            ("İ", "İ", "i"),
            ("ǆ", "Ǆ", "ǆ"),
        ] {
            assert_eq!(to_upper(text.as_bytes()), upper.as_bytes(), "{text}");
            assert_eq!(to_lower(text.as_bytes()), lower.as_bytes(), "{text}");
        }
    }

    #[test]
    fn each_byte_outside_utf8_becomes_a_replacement_character() {
        assert_eq!(to_upper(b"a\xe2\x82b"), "A\u{fffd}\u{fffd}B".as_bytes());
    }

    #[test]
    fn white_space_goes_from_both_ends_but_not_from_behind_a_broken_byte() {
        for (text, trimmed) in [
            (&b" \t x y \r\n"[..], &b"x y"[..]),
            ("\u{a0}\u{2003}x\u{3000}\u{85}".as_bytes(), b"x"),
            (b"   ", b""),
            (b"", b""),
            (b" \xff ", b"\xff"),
            (b" \xc3", b"\xc3"),
            ("\u{200b}x".as_bytes(), "\u{200b}x".as_bytes()),
        ] {
            assert_eq!(trim(text), trimmed, "{text:?}");
        }
    }
}
