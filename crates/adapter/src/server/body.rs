//! Reading a request body whole, within a limit.

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt as _;

/// What is reserved for a body before its bytes arrive.
const FIRST_ROOM: usize = 16 << 10;

/// A body that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than the limit.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// It ended early, stalled, or its framing is wrong.
    #[error("the body did not arrive whole")]
    Broken(#[source] axum::BoxError),
}

/// A body and what came behind it.
#[derive(Debug, Default)]
pub struct Whole {
    /// The body.
    pub bytes: Bytes,
    /// Headers behind a chunked body; usually none.
    pub trailers: HeaderMap,
}

/// Reads a body of at most `limit` bytes.
///
/// A body that arrives in one piece is not copied. Memory grows with what has arrived, not with
/// what a `Content-Length` promises; one that exceeds the limit is refused before a byte is read.
pub async fn read_body<B>(body: B, limit: usize) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    Ok(read_whole(body, limit).await?.bytes)
}

/// The same, with the trailers.
pub async fn read_whole<B>(mut body: B, limit: usize) -> Result<Whole, BodyError>
where
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Unpin,
{
    let too_large = || BodyError::TooLarge { limit };
    let promised = body.size_hint();
    if promised.lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let promised = promised
        .upper()
        .and_then(|upper| usize::try_from(upper).ok());
    let mut trailers = HeaderMap::new();
    let mut first = Bytes::new();
    let mut joined = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(error.into()))?;
        let piece = match frame.into_data() {
            Ok(piece) => piece,
            Err(frame) => {
                trailers = frame.into_trailers().unwrap_or_default();
                continue;
            }
        };
        let arrived = first.len() + joined.len() + piece.len();
        if arrived > limit {
            return Err(too_large());
        }
        if arrived == piece.len() {
            first = piece;
            continue;
        }
        reserve(&mut joined, arrived, promised.unwrap_or(usize::MAX));
        joined.extend_from_slice(&std::mem::take(&mut first));
        joined.extend_from_slice(&piece);
    }
    let bytes = if joined.is_empty() {
        first
    } else {
        Bytes::from(joined)
    };
    Ok(Whole { bytes, trailers })
}

/// Makes room for `arrived` bytes and as many again, but not for more than were promised.
fn reserve(whole: &mut Vec<u8>, arrived: usize, promised: usize) {
    if whole.capacity() < arrived {
        let target = (arrived * 2).max(FIRST_ROOM).min(promised).max(arrived);
        whole.reserve_exact(target - whole.len());
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http_body::Frame;
    use http_body_util::{Full, Limited, StreamBody};

    use super::*;

    fn pieces(count: usize, size: usize) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let piece = Bytes::from(vec![b'x'; size]);
        StreamBody::new(stream::iter(
            (0..count).map(move |_| Ok(Frame::data(piece.clone()))),
        ))
    }

    #[tokio::test]
    async fn one_piece_is_not_copied() {
        let sent = Bytes::from_static(b"whole");
        let read = read_body(Full::new(sent.clone()), 5)
            .await
            .expect("within the limit");
        assert_eq!((read.as_ptr(), read.len()), (sent.as_ptr(), 5));
        assert_eq!(
            read_body(Full::new(Bytes::new()), 0).await.expect("empty"),
            Bytes::new()
        );
    }

    #[tokio::test]
    async fn pieces_are_joined() {
        let read = read_body(pieces(1000, 1000), 1_000_000)
            .await
            .expect("within the limit");
        assert!(read.len() == 1_000_000 && read.iter().all(|&b| b == b'x'));
    }

    #[tokio::test]
    async fn the_limit_holds_with_and_without_a_promise() {
        for (count, size) in [(1, 11), (2, 6), (11, 1)] {
            let error = read_body(pieces(count, size), 10)
                .await
                .expect_err("too long");
            assert_eq!(error.to_string(), "the body is longer than 10 bytes");
        }
        let promised = Full::new(Bytes::from_static(b"hello"));
        assert!(matches!(
            read_body(promised, 4).await,
            Err(BodyError::TooLarge { limit: 4 })
        ));
    }

    #[tokio::test]
    async fn a_broken_body_says_so() {
        let error = read_body(Limited::new(pieces(3, 10), 15), 100)
            .await
            .expect_err("cut short");
        assert!(matches!(error, BodyError::Broken(_)));
    }

    #[test]
    fn room_follows_what_arrived() {
        let mut whole = Vec::new();
        reserve(&mut whole, 10, 1 << 40);
        assert_eq!(whole.capacity(), FIRST_ROOM);
        whole.resize(FIRST_ROOM, 0);
        reserve(&mut whole, FIRST_ROOM + 1, FIRST_ROOM + 100);
        assert_eq!(whole.capacity(), FIRST_ROOM + 100);
    }
}
