//! The stream of a watch cut into lines, and a line read.

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Object;
use crate::client::{ApiError, Refusal};

/// Longer than any object that an API server stores.
const LINE_BYTES: usize = 16 << 20;

/// The lines of one answer. What follows the last line break is never a line: the connection broke
/// inside it, and the next watch brings it again.
pub(super) struct Lines {
    body: Body,
    /// What came and is not yet part of a line.
    rest: BytesMut,
    /// How far `rest` has no line break.
    searched: usize,
}

impl Lines {
    pub(super) fn new(answer: Response<Body>) -> Self {
        Self {
            body: answer.into_body(),
            rest: BytesMut::new(),
            searched: 0,
        }
    }

    /// The next line without its break; `None` at an orderly end. May be dropped while waiting.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(length) = self.rest[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let line = self.rest.split_to(self.searched + length + 1).freeze();
                self.searched = 0;
                return Ok(Some(line.slice(..line.len() - 1)));
            }
            self.searched = self.rest.len();
            if self.searched > LINE_BYTES {
                return Err(ApiError::Unreadable(format!(
                    "a line is over {LINE_BYTES} bytes long"
                )));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ApiError::unreachable(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.rest.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}

/// What one line of a watch says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Added(Object<'a>),
    Modified(Object<'a>),
    Deleted(Object<'a>),
    Bookmark(Object<'a>),
    Error(Refusal),
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl<'a> Line<'a> {
    /// The error says why a line says nothing that we know of.
    pub(super) fn read(line: &'a [u8]) -> Result<Self, String> {
        let raw: Raw<'a> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if raw.kind == "ERROR" {
            return Ok(Self::Error(Refusal::from_status(raw.object.get())));
        }
        let object = Object::read(raw.object.get()).map_err(|error| error.to_string())?;
        match &*raw.kind {
            "ADDED" => Ok(Self::Added(object)),
            "MODIFIED" => Ok(Self::Modified(object)),
            "DELETED" => Ok(Self::Deleted(object)),
            "BOOKMARK" => Ok(Self::Bookmark(object)),
            other => Err(format!("its type is {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&'static [u8]]) -> Lines {
        let mut lines = Lines::new(Response::new(Body::empty()));
        for chunk in chunks {
            lines.rest.extend_from_slice(chunk);
        }
        lines
    }

    #[tokio::test]
    async fn a_line_without_its_break_is_none() {
        let mut all = lines(&[b"{\"a\":", b"1}\n\n", b"{\"half\":"]);
        assert_eq!(all.next().await.unwrap().unwrap(), "{\"a\":1}");
        assert_eq!(all.next().await.unwrap().unwrap(), "");
        assert_eq!(all.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_without_end_is_an_error() {
        let mut endless = lines(&[]);
        endless.rest.resize(LINE_BYTES + 1, b'x');
        assert!(matches!(endless.next().await, Err(ApiError::Unreadable(_))));
    }

    #[test]
    fn types_and_what_is_none() {
        let read = |line: &'static str| Line::read(line.as_bytes());
        let object = |line| match read(line) {
            Ok(Line::Added(object) | Line::Modified(object) | Line::Deleted(object)) => object,
            other => panic!("{other:?}"),
        };
        let added = object(r#"{"type":"ADDED","object":{"metadata":{"name":"n"} , "z":1}}"#);
        assert_eq!(added.json, r#"{"metadata":{"name":"n"} , "z":1}"#);
        assert_eq!(object(r#"{"object":{},"type":"DELETED"}"#).name, "");
        assert!(matches!(
            read(r#"{"type":"BOOKMARK","object":{}}"#),
            Ok(Line::Bookmark(_))
        ));
        let error = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old","details":{"retryAfterSeconds":3}}}"#;
        let Ok(Line::Error(refusal)) = read(error) else {
            panic!("no error")
        };
        assert_eq!((refusal.code, &*refusal.reason), (410, "Expired"));
        assert_eq!(refusal.retry_after, Some(std::time::Duration::from_secs(3)));
        for line in [
            "",
            "{}",
            "x",
            r#"{"type":"added","object":{}}"#,
            r#"{"type":"ADDED","object":1}"#,
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line: Vec<u8>, word: String, json: String) {
            let _ = Line::read(&line);
            let _ = Line::read(format!(r#"{{"type":{word:?},"object":{json}}}"#).as_bytes());
        }
    }
}
