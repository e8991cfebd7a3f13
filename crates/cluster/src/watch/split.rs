//! A list cut into its items while it arrives: it takes the memory of one object, even if the
//! server does not know pages.
//!
//! Pure: bytes in, items out. What is in an item is read elsewhere.

use serde::Deserialize;

/// Longer than any object that an API server stores.
const ITEM_BYTES: usize = 16 << 20;
/// Everything around the items: kind, apiVersion, metadata.
const FRAME_BYTES: usize = 64 << 10;

/// Why a response is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum SplitError {
    /// Not the JSON of a list.
    #[error("it is no list: {0}")]
    NoList(#[from] serde_json::Error),
    /// More than anything sensible.
    #[error("something in it is over {0} bytes long")]
    TooLong(usize),
}

/// What a list says of itself.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListMetadata {
    pub(super) resource_version: Option<String>,
    /// Where the next page begins; empty or missing on the last one.
    #[serde(rename = "continue")]
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
struct Frame {
    metadata: ListMetadata,
}

/// Cuts one response.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The response without its items.
    frame: Vec<u8>,
    item: Vec<u8>,
    /// The item was handed out: the next byte begins another one.
    handed_out: bool,
    depth: usize,
    in_items: bool,
    string: InString,
}

/// Whether the next byte is part of a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum InString {
    #[default]
    No,
    Yes,
    /// And it follows a backslash.
    Escaped,
}

impl Splitter {
    /// Takes bytes off the front of `chunk` until an item is whole; `None` when all are taken. To
    /// be called again with what is left.
    pub(super) fn item(&mut self, chunk: &mut &[u8]) -> Result<Option<&[u8]>, SplitError> {
        if std::mem::take(&mut self.handed_out) {
            self.item.clear();
        }
        let bytes = *chunk;
        let mut kept = 0;
        for (index, byte) in bytes.iter().enumerate() {
            let structural = self.string == InString::No;
            if self.in_items && structural && self.depth == 2 && matches!(byte, b',' | b']') {
                self.keep(&bytes[kept..index])?;
                kept = index + 1;
                if *byte == b']' {
                    (self.in_items, self.depth) = (false, 1);
                    self.frame.push(b']');
                }
                if !self.item.trim_ascii().is_empty() {
                    *chunk = &bytes[kept..];
                    self.handed_out = true;
                    return Ok(Some(self.item.trim_ascii()));
                }
                self.item.clear();
            } else if *byte == b'[' && structural && self.depth == 1 {
                self.keep(&bytes[kept..index])?;
                self.in_items = follows_items(&self.frame);
                self.frame.push(b'[');
                kept = index + 1;
                self.depth = 2;
            } else {
                self.follow(*byte);
            }
        }
        self.keep(&bytes[kept..])?;
        *chunk = &[];
        Ok(None)
    }

    /// The response is over.
    pub(super) fn finish(self) -> Result<ListMetadata, SplitError> {
        let Frame { metadata } = serde_json::from_slice(&self.frame)?;
        Ok(metadata)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), SplitError> {
        let (kept, limit) = if self.in_items {
            (&mut self.item, ITEM_BYTES)
        } else {
            (&mut self.frame, FRAME_BYTES)
        };
        if kept.len() + bytes.len() > limit {
            return Err(SplitError::TooLong(limit));
        }
        kept.extend_from_slice(bytes);
        Ok(())
    }

    /// Keeps track of strings and nesting.
    fn follow(&mut self, byte: u8) {
        match (self.string, byte) {
            (InString::Escaped, _) | (InString::No, b'"') => self.string = InString::Yes,
            (InString::Yes, b'\\') => self.string = InString::Escaped,
            (InString::Yes, b'"') => self.string = InString::No,
            (InString::No, b'{' | b'[') => self.depth += 1,
            (InString::No, b'}' | b']') => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Whether what comes next is the value of the member `items`.
fn follows_items(frame: &[u8]) -> bool {
    let key = frame.trim_ascii_end().strip_suffix(b":");
    key.is_some_and(|key| key.trim_ascii_end().ends_with(b"\"items\""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(json: &[u8], step: usize) -> Result<(Vec<String>, ListMetadata), SplitError> {
        let mut splitter = Splitter::default();
        let mut items = Vec::new();
        for mut chunk in json.chunks(step) {
            while let Some(item) = splitter.item(&mut chunk)? {
                items.push(String::from_utf8_lossy(item).into_owned());
            }
        }
        Ok((items, splitter.finish()?))
    }

    #[test]
    fn items_come_out_whole_whatever_the_chunks() {
        let json = br#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"c\"]"},"x":["items",[1]],
            "items" : [ {"a":[1,{"items":[2]}],"s":"]},\"\\"} , {"b":{}},
            {"c":"\u005d"} ],"z":"items"}"#;
        for step in 1..json.len() {
            let (items, list) = split(json, step).unwrap();
            assert_eq!(items.len(), 3, "{step}: {items:?}");
            assert_eq!(items[0], r#"{"a":[1,{"items":[2]}],"s":"]},\"\\"}"#);
            assert_eq!(items[2], r#"{"c":"\u005d"}"#);
            assert_eq!(list.resource_version.as_deref(), Some("7"));
            assert_eq!(list.next.as_deref(), Some("c\"]"));
        }
    }

    #[test]
    fn a_list_may_be_empty() {
        for (json, version) in [
            (
                r#"{"metadata":{"resourceVersion":"1"},"items":[]}"#,
                Some("1"),
            ),
            (
                r#"{"metadata":{"resourceVersion":"2"},"items":null}"#,
                Some("2"),
            ),
            (
                r#"{"metadata":{"resourceVersion":"3","continue":null}}"#,
                Some("3"),
            ),
            (r#"{"items":[ ],"metadata":{}}"#, None),
        ] {
            let (items, list) = split(json.as_bytes(), 3).unwrap();
            assert_eq!(
                (items.len(), list.resource_version.as_deref()),
                (0, version)
            );
        }
    }

    #[test]
    fn a_response_that_breaks_off_is_no_list() {
        let json = br#"{"metadata":{"resourceVersion":"1"},"items":[{"a":1},{"b":2}]}"#;
        for end in 0..json.len() {
            assert!(split(&json[..end], 8).is_err(), "{end}");
        }
    }

    #[test]
    fn nothing_endless_is_kept() {
        let long = vec![b'x'; FRAME_BYTES + 1];
        assert!(matches!(
            split(&long, 4096),
            Err(SplitError::TooLong(FRAME_BYTES))
        ));
        let mut long = br#"{"items":[""#.to_vec();
        long.resize(ITEM_BYTES + 64, b'x');
        assert!(matches!(
            split(&long, 4096),
            Err(SplitError::TooLong(ITEM_BYTES))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_it(json: Vec<u8>, step in 1_usize..9) {
            let _ = split(&json, step);
        }

        #[test]
        fn every_item_comes_out_as_it_went_in(texts: Vec<String>, step in 1_usize..50) {
            let items: Vec<String> =
                texts.iter().map(|text| serde_json::json!({ "t": text }).to_string()).collect();
            let list = format!(
                r#"{{"items":[{}],"metadata":{{"resourceVersion":"9"}}}}"#,
                items.join(",")
            );
            let (read, list) = split(list.as_bytes(), step).unwrap();
            prop_assert_eq!(read, items);
            prop_assert_eq!(list.resource_version.as_deref(), Some("9"));
        }
    }
}
