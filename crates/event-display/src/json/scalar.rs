//! Where a string, a number or a word ends: most of the time that JSON takes is spent here.

use super::{Invalid, expect};

/// Bytes that are looked at together in the short strings of which data is mostly made.
const WORD: usize = 8;
/// The same in long ones.
const BLOCK: usize = 32;

pub(super) fn scalar_end(text: &[u8], at: usize) -> Result<usize, Invalid> {
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b'-' | b'0'..=b'9') => number_end(text, at),
        Some(b't') => word_end(text, at, b"true"),
        Some(b'f') => word_end(text, at, b"false"),
        Some(b'n') => word_end(text, at, b"null"),
        _ => Err(Invalid { at }),
    }
}

fn word_end(text: &[u8], at: usize, word: &[u8]) -> Result<usize, Invalid> {
    if text[at..].starts_with(word) {
        Ok(at + word.len())
    } else {
        Err(Invalid { at })
    }
}

pub(super) fn string_end(text: &[u8], start: usize) -> Result<usize, Invalid> {
    let mut at = expect(text, start, b'"')?;
    loop {
        at += plain_length(&text[at..]);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match text.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') if is_hex(text.get(at + 2..at + 6)) => at += 6,
                _ => return Err(Invalid { at }),
            },
            _ => return Err(Invalid { at }),
        }
    }
}

/// How many bytes at the start mean themselves inside a string.
pub(super) fn plain_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk() {
        let specials = specials(u64::from_le_bytes(*word));
        if specials != 0 {
            return at + specials.trailing_zeros() as usize / 8;
        }
        at += WORD;
        if at.is_multiple_of(BLOCK) {
            at += plain_blocks(&text[at..]);
        }
    }
    let rest = text[at..].iter().position(|&b| is_special(b));
    rest.map_or(text.len(), |rest| at + rest)
}

/// The highest bit of each byte that ends a string or does not mean itself. Bits above the lowest
/// one may be wrong, since a subtraction borrows from the next byte.
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; WORD]);
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | equal(b'"') | equal(b'\\')) & (ONES << 7)
}

/// The bytes of all blocks in front of the first one with something special.
fn plain_blocks(text: &[u8]) -> usize {
    // Without a way out in between, each block becomes a few vector instructions.
    let is_plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, &b| any | is_special(b));
    let (blocks, _) = text.as_chunks();
    blocks.iter().take_while(is_plain).count() * BLOCK
}

fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn is_hex(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn number_end(text: &[u8], start: usize) -> Result<usize, Invalid> {
    let mut at = start + usize::from(text[start] == b'-');
    let integer = at;
    at = digits_end(text, at)?;
    if text[integer] == b'0' && at > integer + 1 {
        return Err(Invalid { at: integer + 1 });
    }
    if text.get(at) == Some(&b'.') {
        at = digits_end(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at = digits_end(text, at)?;
    }
    Ok(at)
}

/// The end of at least one digit.
fn digits_end(text: &[u8], start: usize) -> Result<usize, Invalid> {
    let count = text[start.min(text.len())..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    if count == 0 {
        Err(Invalid { at: start })
    } else {
        Ok(start + count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte, as one would write it first.
    fn counted(text: &[u8]) -> usize {
        text.iter()
            .position(|&b| is_special(b))
            .unwrap_or(text.len())
    }

    #[test]
    fn every_byte_at_every_place() {
        for filler in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xa0, 0xff] {
            for place in 0..2 * BLOCK + WORD {
                for byte in 0..=255 {
                    let mut text = vec![filler; 3 * BLOCK];
                    text[place] = byte;
                    // What comes behind must not matter.
                    text[place + 1] = b'"';
                    assert_eq!(plain_length(&text), counted(&text), "{byte:#x} at {place}");
                }
            }
        }
    }

    #[test]
    fn strings_of_all_lengths() {
        for length in 0..3 * BLOCK {
            let text = format!("\"{}\",\"", "x".repeat(length));
            let end = length + 2;
            assert_eq!(string_end(text.as_bytes(), 0), Ok(end));
            let cut = &text.as_bytes()[..end - 1];
            assert_eq!(string_end(cut, 0), Err(Invalid { at: end - 1 }));
        }
    }

    proptest! {
        #[test]
        fn plain_bytes_are_counted(
            plain in proptest::collection::vec(prop_oneof![Just(b' '), b'#'..=b'[', 0x7f_u8..], 0..100),
            rest in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let text = [plain, rest].concat();
            prop_assert_eq!(plain_length(&text), counted(&text));
        }
    }
}
