//! JSON as bytes: where a value ends, what is in an object, what a string says.
//!
//! Upstream keeps the data of an event byte for byte, and accepts text that is not UTF-8 inside
//! strings (event-display.md 3.1). A parser that builds values and prints them again can do
//! neither, so these are scanners that hand out slices.

mod indent;
mod scalar;
mod text;
mod write;

use std::borrow::Cow;
use std::ops::Range;

use scalar::{scalar_end, string_end};

pub use indent::{Layout, indented_room, pretty};
pub use text::unescape;
pub use write::{Object, compact, write_text};

#[cfg(test)]
mod tests;

/// Deepest nesting that Go accepts.
const MAX_DEPTH: usize = 10_000;

/// The text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid JSON from byte {at} on")]
pub struct Invalid {
    /// Offset of the first byte that does not fit.
    pub at: usize,
}

/// Why a walk over a value ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Invalid(Invalid),
    /// The visitor has had enough.
    Enough,
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

/// Sees the parts of a value in order; white space between them is left out.
trait Visitor {
    /// A string with its quotes, a number or a word, and its place in the text; a string may be a
    /// member's name.
    fn token(&mut self, text: &[u8], place: Range<usize>);
    /// `{}` or `[]`.
    fn empty(&mut self, brackets: [u8; 2]);
    /// An opening bracket that is followed by something. `depth` counts the open ones.
    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), Stop>;
    /// A comma. `depth` counts the open brackets.
    fn comma(&mut self, depth: usize) -> Result<(), Stop>;
    /// A colon.
    fn colon(&mut self);
    /// A closing bracket. `depth` counts those that stay open.
    fn close(&mut self, bracket: u8, depth: usize) -> Result<(), Stop>;
}

/// Looks at nothing: the walk alone tells whether the text is valid.
struct Nobody;

impl Visitor for Nobody {
    fn token(&mut self, _: &[u8], _: Range<usize>) {}
    fn empty(&mut self, _: [u8; 2]) {}
    fn open(&mut self, _: u8, _: usize) -> Result<(), Stop> {
        Ok(())
    }
    fn comma(&mut self, _: usize) -> Result<(), Stop> {
        Ok(())
    }
    fn colon(&mut self) {}
    fn close(&mut self, _: u8, _: usize) -> Result<(), Stop> {
        Ok(())
    }
}

/// The members of the object that `text` is, in order: name and place of the value, white space
/// between colon and value included.
///
/// `Ok(false)` if it is a valid value of another kind. The whole text is checked; members seen
/// before an error was met have been visited.
pub fn members<'a>(
    text: &'a [u8],
    mut visit: impl FnMut(Cow<'a, [u8]>, Range<usize>),
) -> Result<bool, Invalid> {
    let start = skip_blanks(text, 0);
    if text.get(start) != Some(&b'{') {
        let end = valid_value(text, start, 0)?;
        return expect_end(text, end).map(|()| false);
    }
    let mut at = skip_blanks(text, start + 1);
    if text.get(at) == Some(&b'}') {
        return expect_end(text, at + 1).map(|()| true);
    }
    loop {
        let name_end = string_end(text, at)?;
        let name = unescape(&text[at + 1..name_end - 1]);
        let value_start = expect(text, skip_blanks(text, name_end), b':')?;
        let value_end = valid_value(text, value_start, 1)?;
        visit(name, value_start..value_end);
        at = skip_blanks(text, value_end);
        match text.get(at) {
            Some(b',') => at = skip_blanks(text, at + 1),
            Some(b'}') => return expect_end(text, at + 1).map(|()| true),
            _ => return Err(Invalid { at }),
        }
    }
}

fn valid_value(text: &[u8], at: usize, depth: usize) -> Result<usize, Invalid> {
    walk(text, at, depth, &mut Nobody).map_err(|stop| match stop {
        Stop::Invalid(invalid) => invalid,
        Stop::Enough => unreachable!("nobody has enough"),
    })
}

/// Walks over the value that begins at `at`, perhaps with white space, inside of `depth` brackets.
/// Gives the offset of its end.
fn walk(text: &[u8], at: usize, depth: usize, visitor: &mut impl Visitor) -> Result<usize, Stop> {
    // The closing brackets still to come: no recursion, since strangers choose the depth.
    let mut open: Vec<u8> = Vec::new();
    let mut at = skip_blanks(text, at);
    loop {
        if let Some(&bracket @ (b'{' | b'[')) = text.get(at) {
            if depth + open.len() == MAX_DEPTH {
                return Err(Invalid { at }.into());
            }
            // In ASCII the closing bracket is two places behind the opening one.
            let close = bracket + 2;
            at = skip_blanks(text, at + 1);
            if text.get(at) != Some(&close) {
                open.push(close);
                visitor.open(bracket, open.len())?;
                if close == b'}' {
                    at = member_name(text, at, visitor)?;
                }
                continue;
            }
            visitor.empty([bracket, close]);
            at += 1;
        } else {
            let end = scalar_end(text, at)?;
            visitor.token(text, at..end);
            at = end;
        }
        match after_value(text, at, &mut open, visitor)? {
            After::Value(next) => at = next,
            After::End(end) => return Ok(end),
        }
    }
}

enum After {
    /// Another value begins here.
    Value(usize),
    /// The outermost value has ended here.
    End(usize),
}

/// Closing brackets, and the comma with a member's name in front of the next value.
fn after_value(
    text: &[u8],
    mut at: usize,
    open: &mut Vec<u8>,
    visitor: &mut impl Visitor,
) -> Result<After, Stop> {
    while let Some(&close) = open.last() {
        at = skip_blanks(text, at);
        match text.get(at) {
            Some(b',') => {
                visitor.comma(open.len())?;
                at = skip_blanks(text, at + 1);
                if close == b'}' {
                    at = member_name(text, at, visitor)?;
                }
                return Ok(After::Value(at));
            }
            Some(&bracket) if bracket == close => {
                open.pop();
                visitor.close(bracket, open.len())?;
                at += 1;
            }
            _ => return Err(Invalid { at }.into()),
        }
    }
    Ok(After::End(at))
}

/// Name and colon of a member; gives the start of its value.
fn member_name(text: &[u8], at: usize, visitor: &mut impl Visitor) -> Result<usize, Invalid> {
    let end = string_end(text, at)?;
    visitor.token(text, at..end);
    let value = expect(text, skip_blanks(text, end), b':')?;
    visitor.colon();
    Ok(skip_blanks(text, value))
}

fn expect(text: &[u8], at: usize, byte: u8) -> Result<usize, Invalid> {
    if text.get(at) == Some(&byte) {
        Ok(at + 1)
    } else {
        Err(Invalid { at })
    }
}

fn expect_end(text: &[u8], at: usize) -> Result<(), Invalid> {
    let at = skip_blanks(text, at);
    if at == text.len() {
        Ok(())
    } else {
        Err(Invalid { at })
    }
}

fn skip_blanks(text: &[u8], at: usize) -> usize {
    // Mostly there are none, which is quickly seen.
    if text.get(at).is_none_or(|&b| b > b' ') {
        return at;
    }
    let is_blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    at + text[at..].iter().take_while(is_blank).count()
}
