//! Text into tokens. Characters that start no token vanish, as the generated Go lexer drops them.

use super::parser::ParseError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Comma,
    And,
    Or,
    Xor,
    Not,
    Star,
    Slash,
    Percent,
    Plus,
    Minus,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    Exists,
    In,
    True,
    False,
    /// A quoted text, quotes included.
    Text,
    /// Digits, with a sign if one is glued to them.
    Integer,
    /// Letters: an attribute or a function.
    Word,
    /// Letters and digits: an attribute.
    WordWithDigits,
    /// Letters and `_`: a function.
    WordWithUnderscore,
    /// Behind the last token.
    End,
}

/// A piece of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
    /// Byte offset in the whole text.
    pub(super) at: usize,
}

const KEYWORDS: [(&str, Kind); 9] = [
    ("AND", Kind::And),
    ("OR", Kind::Or),
    ("XOR", Kind::Xor),
    ("NOT", Kind::Not),
    ("LIKE", Kind::Like),
    ("EXISTS", Kind::Exists),
    ("IN", Kind::In),
    ("TRUE", Kind::True),
    ("FALSE", Kind::False),
];

/// All tokens, the last one being [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let found = match first {
            '\'' | '"' => match quoted(rest.as_bytes()) {
                Some(length) => Some((Kind::Text, length)),
                None => return Err(ParseError::unclosed(text, at)),
            },
            '+' | '-' if digits(&rest[1..]) > 0 => Some((Kind::Integer, 1 + digits(&rest[1..]))),
            'a'..='z' | 'A'..='Z' | '0'..='9' => Some(word(rest)),
            _ => symbol(rest.as_bytes()),
        };
        let Some((kind, length)) = found else {
            at += dropped(rest);
            continue;
        };
        tokens.push(Token {
            kind,
            text: &rest[..length],
            at,
        });
        at += length;
    }
    tokens.push(Token {
        kind: Kind::End,
        text: "",
        at,
    });
    Ok(tokens)
}

fn symbol(rest: &[u8]) -> Option<(Kind, usize)> {
    Some(match rest {
        [b'!', b'=', ..] | [b'<', b'>', ..] => (Kind::NotEqual, 2),
        [b'<', b'=', ..] => (Kind::LessOrEqual, 2),
        [b'>', b'=', ..] => (Kind::GreaterOrEqual, 2),
        [b'<', ..] => (Kind::Less, 1),
        [b'>', ..] => (Kind::Greater, 1),
        [b'=', ..] => (Kind::Equal, 1),
        [b'(', ..] => (Kind::Open, 1),
        [b')', ..] => (Kind::Close, 1),
        [b',', ..] => (Kind::Comma, 1),
        [b'*', ..] => (Kind::Star, 1),
        [b'/', ..] => (Kind::Slash, 1),
        [b'%', ..] => (Kind::Percent, 1),
        [b'+', ..] => (Kind::Plus, 1),
        [b'-', ..] => (Kind::Minus, 1),
        _ => return None,
    })
}

/// How much to drop where no token starts: one character, but two after a `!` without `=`, because
/// the Go lexer has looked at the second one by then and skips that too.
fn dropped(rest: &str) -> usize {
    let characters = if rest.starts_with('!') { 2 } else { 1 };
    rest.chars().take(characters).map(char::len_utf8).sum()
}

/// The longest word that starts here. Keywords are those of letters only, in any case.
fn word(rest: &str) -> (Kind, usize) {
    let count = |wanted: fn(&u8) -> bool| rest.bytes().take_while(wanted).count();
    let alphanumeric = count(u8::is_ascii_alphanumeric);
    let underscored = match rest.as_bytes()[0] {
        b'0'..=b'9' => 0,
        _ => count(|byte| byte.is_ascii_alphabetic() || *byte == b'_'),
    };
    if underscored > alphanumeric {
        return (Kind::WordWithUnderscore, underscored);
    }
    let word = &rest[..alphanumeric];
    let kind = if underscored == alphanumeric {
        let keyword = KEYWORDS
            .iter()
            .find(|(keyword, _)| keyword.eq_ignore_ascii_case(word));
        keyword.map_or(Kind::Word, |(_, kind)| *kind)
    } else if digits(word) == alphanumeric {
        Kind::Integer
    } else {
        Kind::WordWithDigits
    };
    (kind, alphanumeric)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The length of the quoted text that starts here, quotes included; `None` if it never ends.
///
/// A backslash hides the next character; a doubled quote does not end the text.
fn quoted(rest: &[u8]) -> Option<usize> {
    let quote = rest[0];
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        let doubled = byte == quote && rest.get(at + 1) == Some(&quote);
        match byte {
            b'\\' => at += 2, // of a longer character the first byte: the others are no quotes
            _ if doubled => at += 2,
            _ if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}
