//! JSON with line ends and blanks put in, as Go's `json.Indent` with prefix and indent of two
//! blanks (event-display.md 3.1).

use std::ops::Range;

use super::{Stop, Visitor, expect_end, skip_blanks, walk};

/// How many bytes of line ends and blanks may be put in. Twenty kilobytes of nested brackets would
/// become 200 megabytes; beyond this the text is printed compact instead.
const MAX_ADDED: usize = 1 << 20;
const BLANKS: usize = 2;
/// A line end, and the blanks of what is not nested deeply.
const NEW_LINE: &[u8; 32] = b"\n                               ";
/// Longest piece that is copied as [`append`] does it.
const SHORT: usize = 16;

/// What [`pretty`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A line for each element.
    Indented,
    /// No white space at all: indented it would have grown by more than a mebibyte.
    Compact,
    /// Nothing: the text is not JSON.
    None,
}

/// A guess of what a text of this length takes with its line ends and blanks. Too little would have
/// all of it copied while it grows; of too much the system never gives what is not written to.
pub fn indented_room(length: usize) -> usize {
    length + (length + length / 4).min(2 * MAX_ADDED)
}

/// Appends `text` indented, or compact if that would take too much room. Every other byte than
/// white space between the parts stays as it is. What is not JSON is not written.
pub fn pretty(text: &[u8], out: &mut Vec<u8>) -> Layout {
    let start = out.len();
    out.reserve(indented_room(text.len()));
    let mut indenter = Indenter { out, added: 0 };
    match walk(text, 0, 0, &mut indenter) {
        Ok(end) if expect_end(text, end).is_ok() => {
            // Go copies what follows the value, and drops what precedes it.
            out.extend_from_slice(&text[end..]);
            Layout::Indented
        }
        Err(Stop::Enough) => {
            out.truncate(start);
            compact(text, out)
        }
        Ok(_) | Err(Stop::Invalid(_)) => {
            out.truncate(start);
            Layout::None
        }
    }
}

pub(super) fn compact(text: &[u8], out: &mut Vec<u8>) -> Layout {
    let start = out.len();
    let end = walk(text, 0, 0, &mut Compacter { out });
    if end.is_ok_and(|end| skip_blanks(text, end) == text.len()) {
        return Layout::Compact;
    }
    out.truncate(start);
    Layout::None
}

struct Indenter<'a> {
    out: &'a mut Vec<u8>,
    added: usize,
}

impl Indenter<'_> {
    fn new_line(&mut self, depth: usize) -> Result<(), Stop> {
        let width = 1 + BLANKS + BLANKS * depth;
        self.added += width;
        if self.added > MAX_ADDED {
            return Err(Stop::Enough);
        }
        let end = self.out.len() + width;
        self.out.extend_from_slice(NEW_LINE);
        self.out.resize(end, b' ');
        Ok(())
    }
}

impl Visitor for Indenter<'_> {
    fn token(&mut self, text: &[u8], place: Range<usize>) {
        append(self.out, text, place);
    }

    fn empty(&mut self, brackets: [u8; 2]) {
        self.out.extend_from_slice(&brackets);
    }

    fn open(&mut self, bracket: u8, depth: usize) -> Result<(), Stop> {
        self.out.push(bracket);
        self.new_line(depth)
    }

    fn comma(&mut self, depth: usize) -> Result<(), Stop> {
        self.out.push(b',');
        self.new_line(depth)
    }

    fn colon(&mut self) {
        self.out.extend_from_slice(b": ");
    }

    fn close(&mut self, bracket: u8, depth: usize) -> Result<(), Stop> {
        self.new_line(depth)?;
        self.out.push(bracket);
        Ok(())
    }
}

/// Appends a piece of `text`. Most pieces are short: it takes less time to copy sixteen bytes, whatever
/// they are, and to drop what is too much than to have the right number copied.
fn append(out: &mut Vec<u8>, text: &[u8], place: Range<usize>) {
    match text[place.start..].first_chunk::<SHORT>() {
        Some(more) if place.len() <= SHORT => {
            let end = out.len() + place.len();
            out.extend_from_slice(more);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&text[place]),
    }
}

struct Compacter<'a> {
    out: &'a mut Vec<u8>,
}

impl Visitor for Compacter<'_> {
    fn token(&mut self, text: &[u8], place: Range<usize>) {
        append(self.out, text, place);
    }

    fn empty(&mut self, brackets: [u8; 2]) {
        self.out.extend_from_slice(&brackets);
    }

    fn open(&mut self, bracket: u8, _: usize) -> Result<(), Stop> {
        self.out.push(bracket);
        Ok(())
    }

    fn comma(&mut self, _: usize) -> Result<(), Stop> {
        self.out.push(b',');
        Ok(())
    }

    fn colon(&mut self) {
        self.out.push(b':');
    }

    fn close(&mut self, bracket: u8, _: usize) -> Result<(), Stop> {
        self.out.push(bracket);
        Ok(())
    }
}
