//! JSON on one line, for jsonl and the page's answers.
//!
//! All control characters are escaped, those above 0x7f too: no event can move a terminal's cursor
//! or begin a line that looks like another event.

use std::fmt::Display;
use std::io::Write as _;

use super::Layout;
use super::indent::compact as push_compact;

/// The members of one object.
pub struct Object<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
}

impl<'a> Object<'a> {
    /// Appends an object with the members that `members` gives it.
    pub fn write(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let is_first = true;
        members(&mut Object { out, is_first });
        out.push(b'}');
    }

    /// Adds members to the object that ends here.
    pub fn extend(out: &'a mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
        out.pop();
        let is_first = out.last() == Some(&b'{');
        members(&mut Object { out, is_first });
        out.push(b'}');
    }

    /// Begins a member; its value must follow.
    pub fn name(&mut self, name: &[u8]) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
        write_text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// A text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&mut self, name: &str, value: &[u8]) {
        write_text(self.name(name.as_bytes()), value);
    }

    /// A text, if there is one.
    pub fn optional(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// A number, `true`, `false` or `null`.
    pub fn bare(&mut self, name: &str, value: impl Display) {
        // Writing into memory cannot fail.
        let _ = write!(self.name(name.as_bytes()), "{value}");
    }

    /// An object.
    pub fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.name(name.as_bytes()), members);
    }

    /// A list; `item` appends the value of each.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Vec<u8>, T),
    ) {
        let out = self.name(name.as_bytes());
        out.push(b'[');
        for (at, value) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            item(out, value);
        }
        out.push(b']');
    }
}

/// Appends a JSON string; bytes that are not UTF-8 become U+FFFD.
pub fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        escape(out, chunk.valid(), |c| {
            matches!(c, '"' | '\\') || is_unfit(c)
        });
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
    out.push(b'"');
}

/// Appends a JSON text without the white space between its parts; `false`, and nothing is
/// appended, if it is no JSON or no UTF-8.
pub fn compact(text: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(valid) = std::str::from_utf8(text) else {
        return false;
    };
    let start = out.len();
    if push_compact(text, out) == Layout::None {
        return false;
    }
    // Such characters can only be inside of strings.
    if valid.contains(|c: char| c > '~' && is_unfit(c)) {
        let compacted = out.split_off(start);
        escape(out, &String::from_utf8_lossy(&compacted), is_unfit);
    }
    mend_surrogates(&mut out[start..]);
    true
}

/// Makes `\ufffd` of escaped halves of a character, as upstream reads them: JSON's grammar takes
/// them, many readers do not, and one event must not make a whole list unreadable.
fn mend_surrogates(json: &mut [u8]) {
    let unit = |json: &[u8]| {
        let digits = json.strip_prefix(br"\u")?.get(..4)?;
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(next) = json[at..].iter().position(|&b| b == b'\\') {
        at += next;
        at += match unit(&json[at..]) {
            Some(0xd800..0xdc00) if matches!(unit(&json[at + 6..]), Some(0xdc00..0xe000)) => 12,
            Some(0xd800..0xe000) => {
                json[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            Some(_) => 6,
            None => 2,
        };
    }
}

/// Control characters, and what JavaScript takes for the end of a line.
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn escape(out: &mut Vec<u8>, text: &str, is_special: impl Fn(char) -> bool) {
    let mut written = 0;
    for (at, c) in text.char_indices() {
        if !is_special(c) {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[written..at]);
        written = at + c.len_utf8();
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            '\n' => write!(out, "\\n"),
            '\r' => write!(out, "\\r"),
            '\t' => write!(out, "\\t"),
            _ => write!(out, "\\u{:04x}", u32::from(c)),
        };
    }
    out.extend_from_slice(&text.as_bytes()[written..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_text(&mut out, bytes);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn texts() {
        for (bytes, json) in [
            (&b""[..], r#""""#),
            (b"a<b>&'c'", r#""a<b>&'c'""#),
            (b"\"\\/", r#""\"\\/""#),
            (b"\x1b[2J\x07\r\n\t", r#""\u001b[2J\u0007\r\n\t""#),
            (
                "\u{7f}\u{9b}é😀\u{2028}".as_bytes(),
                r#""\u007f\u009bé😀\u2028""#,
            ),
            (b"a\xff\xfeb", "\"a\u{fffd}\u{fffd}b\""),
        ] {
            assert_eq!(text(bytes), json);
        }
    }

    #[test]
    fn compact_keeps_what_matters() {
        let compacted = |text: &str| {
            let mut out = b"x".to_vec();
            let is_json = compact(text.as_bytes(), &mut out);
            (is_json, String::from_utf8(out).expect("UTF-8"))
        };
        let (is_json, json) = compacted(" { \"a b\" : [ 1.50 , 1e400 , \"\u{9b}\u{7f}é\" ] }\n");
        assert!(is_json);
        assert_eq!(json, r#"x{"a b":[1.50,1e400,"\u009b\u007fé"]}"#);
        let halves = r#"["\ud83d\ude00","\ud83d","\uDE00x\\ud83d","\ud83d\ud83d\ude00"]"#;
        let mended = r#"x["\ud83d\ude00","\ufffd","\ufffdx\\ud83d","\ufffd\ud83d\ude00"]"#;
        assert_eq!(compacted(halves), (true, mended.to_owned()));
        for no_json in ["", "{", "1 2", "'a'"] {
            assert_eq!(compacted(no_json), (false, "x".to_owned()), "{no_json}");
        }
        assert!(!compact(b"\"\xff\"", &mut Vec::new()));
    }

    #[test]
    fn objects() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.text("a", b"1");
            object.optional("b", None);
            object.bare("c", 2);
            object.object("d", |_| {});
            object.list("e", [1, 2], |out, n| out.extend(n.to_string().bytes()));
        });
        assert_eq!(out, br#"{"a":"1","c":2,"d":{},"e":[1,2]}"#);
        Object::extend(&mut out, |object| object.bare("f", true));
        assert!(out.ends_with(br#"[1,2],"f":true}"#));
        let mut empty = b"{}".to_vec();
        Object::extend(&mut empty, |object| object.bare("f", true));
        assert_eq!(empty, br#"{"f":true}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_line_of_json(bytes: Vec<u8>) {
            let json = text(&bytes);
            let read: String = serde_json::from_str(&json).expect("JSON");
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
            prop_assert!(!json.contains(char::is_control));
        }

        #[test]
        fn any_text_comes_back(text_in: String) {
            let json = serde_json::to_string(&text_in).expect("JSON");
            let mut out = Vec::new();
            prop_assert!(compact(json.as_bytes(), &mut out));
            let line = String::from_utf8(out).expect("UTF-8");
            prop_assert!(!line.contains(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), text_in);
        }
    }
}
