//! A list in pages, each cut into its items while it arrives.

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use kube::client::Body;

use super::split::{ListMetadata, SplitError, Splitter};
use crate::client::ApiError;

/// One page, however many objects, is about this long.
const PAGE_BYTES: usize = 1 << 20;
const FIRST_LIMIT: usize = 100;
const LARGEST_LIMIT: usize = 500;
const SMALLEST_LIMIT: usize = 10;

/// One page on its way.
pub(super) struct Page {
    body: Body,
    splitter: Splitter,
    /// What came and is not yet cut.
    chunk: Bytes,
    items: usize,
    bytes: usize,
}

impl Page {
    pub(super) fn new(answer: Response<Body>) -> Self {
        Self {
            body: answer.into_body(),
            splitter: Splitter::default(),
            chunk: Bytes::new(),
            items: 0,
            bytes: 0,
        }
    }

    /// Waits until there is something to cut; `false` at the end.
    pub(super) async fn arrives(&mut self) -> Result<bool, ApiError> {
        while self.chunk.is_empty() {
            let Some(frame) = self.body.frame().await else {
                return Ok(false);
            };
            let frame = frame.map_err(|error| ApiError::unreachable(&error))?;
            self.chunk = frame.into_data().unwrap_or_default();
            self.bytes += self.chunk.len();
        }
        Ok(true)
    }

    /// The next item that has arrived whole.
    pub(super) fn item(&mut self) -> Result<Option<&str>, ApiError> {
        let mut rest = &self.chunk[..];
        let item = self
            .splitter
            .item(&mut rest)
            .map_err(|error| unreadable(&error))?;
        let taken = self.chunk.len() - rest.len();
        self.items += usize::from(item.is_some());
        let item = item.map(str::from_utf8).transpose();
        self.chunk = self.chunk.slice(taken..);
        item.map_err(|error| ApiError::Unreadable(error.to_string()))
    }

    /// What the page says of itself, and how large the next one may be.
    pub(super) fn finish(self, limit: Limit) -> Result<(ListMetadata, Limit), ApiError> {
        let limit = limit.after(self.items, self.bytes);
        Ok((
            self.splitter.finish().map_err(|error| unreadable(&error))?,
            limit,
        ))
    }
}

fn unreadable(error: &SplitError) -> ApiError {
    ApiError::Unreadable(error.to_string())
}

/// How many objects to ask for, so that pages of small objects are few and those of large ones
/// stay small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(usize);

impl Limit {
    /// One object is enough to learn the version of the list.
    pub(super) const ONE: Self = Self(1);

    pub(super) fn first() -> Self {
        Self(FIRST_LIMIT)
    }

    pub(super) fn get(self) -> usize {
        self.0
    }

    fn after(self, items: usize, bytes: usize) -> Self {
        if items == 0 || bytes == 0 {
            return self;
        }
        Self((PAGE_BYTES * items / bytes).clamp(SMALLEST_LIMIT, LARGEST_LIMIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_the_size_of_the_objects() {
        let first = Limit::first();
        assert_eq!(first.get(), 100);
        for (items, bytes, limit) in [
            (100, 480_000, 218),
            (100, 30_000, 500),
            (10, 10_000_000, 10),
            (0, 50, 100),
        ] {
            assert_eq!(first.after(items, bytes).get(), limit, "{items} in {bytes}");
        }
    }
}
