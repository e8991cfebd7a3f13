//! `LIKE`: `%` for any bytes, `_` for one byte, `\%` and `\_` for themselves.

/// Whether the whole text matches; time is at most the product of both lengths, no stack is used.
///
/// As in the Go module, a pattern byte that equals the text's byte is taken for itself before it
/// is taken for a wildcard: `'%a' LIKE '%'` is false, and `\%` also matches a backslash followed by
/// anything.
pub(super) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut rest, mut at) = (pattern, 0);
    // Behind the last `%`: what is left of the pattern there, and how far that `%` reaches.
    let mut retry: Option<(&[u8], usize)> = None;
    while let Some(&byte) = text.get(at) {
        match rest {
            [b'\\', wildcard @ (b'%' | b'_'), after @ ..] if *wildcard == byte => {
                (rest, at) = (after, at + 1);
            }
            [first, after @ ..] if *first == b'_' || *first == byte => {
                (rest, at) = (after, at + 1);
            }
            [b'%', after @ ..] => {
                retry = Some((after, at));
                rest = after;
            }
            _ => {
                let Some((after, reach)) = &mut retry else {
                    return false;
                };
                *reach += 1;
                (rest, at) = (after, *reach);
            }
        }
    }
    rest.iter().all(|byte| *byte == b'%')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_and_their_escapes() {
        for (text, pattern, expected) in [
            ("beta", "beta", true),
            ("beta", "be%", true),
            ("beta", "%ta", true),
            ("beta", "%e%a%", true),
            ("beta", "b__a", true),
            ("beta", "b_a", false),
            ("beta", "bet", false),
            ("beta", "betas", false),
            ("beta", "%%%", true),
            ("", "%", true),
            ("", "_", false),
            ("", "", true),
            ("x", "", false),
            ("é", "_", false),
            ("é", "__", true),
            ("aXbXc", "a%X_", true),
            ("abab", "%ab", true),
            (r"a%b", r"a\%b", true),
            (r"axb", r"a\%b", false),
            (r"a_b", r"%\_b", true),
            (r"a\b", r"a\b", true),
            (r"a\", r"a\", true),
            (r"\\", r"\\", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn an_equal_byte_is_taken_for_itself_first() {
        for (text, pattern, expected) in [
            ("%a", "%", false),
            ("%", "%", true),
            ("a%cb", "a%b", false),
            ("xa%cb", "%a%b", false),
            (r"a\xyz", r"a\%", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{text} {pattern}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_more_than_the_product_of_the_lengths() {
        let text = "a".repeat(2_000);
        let pattern = "%a".repeat(500) + "b";
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
    }
}
