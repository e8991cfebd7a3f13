//! A unary gRPC call as an HTTP/2 POST: five bytes in front of the message, the status behind it.
//!
//! All that OTLP needs of gRPC. A gRPC library would make every image half a megabyte larger.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use http::{Request, Response, StatusCode};
use opentelemetry_http::HttpError;

use super::Client;

/// A flag byte (1 = compressed) and the length, big endian.
const PREFIX: usize = 5;

/// Makes the call, and answers as an OTLP collector over HTTP would.
///
/// A gRPC status becomes the HTTP status that the exporters treat the same: 503 for what may be
/// sent again, 400 for what may not.
pub(super) async fn call(
    client: &Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let (mut parts, message) = request.into_parts();
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    parts
        .headers
        .insert(TE, HeaderValue::from_static("trailers"));
    let answer = client
        .send(Request::from_parts(parts, framed(&message)?))
        .await?;
    let (answer, trailers) = super::read(answer).await?;
    if !answer.status().is_success() {
        return Ok(answer);
    }
    // A refusal without a message has its status among the headers.
    let trailers = trailers.as_ref().unwrap_or(answer.headers());
    match Status::of(trailers) {
        Status { code: 0, .. } => Ok(Response::new(unframed(answer.into_body()))),
        status => {
            // What the exporters log has no room for it.
            tracing::debug!(
                signal = client.signal,
                grpc_status = status.code,
                error = status.message,
                "The collector refused telemetry."
            );
            let mut refusal = Response::new(Bytes::new());
            *refusal.status_mut() = status.as_http();
            Ok(refusal)
        }
    }
}

fn framed(message: &[u8]) -> Result<Bytes, HttpError> {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len())?);
    frame.put_slice(message);
    Ok(frame.freeze())
}

/// The message of the answer; empty if there is none, or one that we cannot read: nothing is
/// taken from it but hints.
fn unframed(mut body: Bytes) -> Bytes {
    if body.remaining() < PREFIX || body.get_u8() != 0 {
        return Bytes::new();
    }
    let length = usize::try_from(body.get_u32()).unwrap_or(usize::MAX);
    body.truncate(length);
    body
}

/// What a call ended with.
struct Status {
    code: u32,
    message: String,
}

impl Status {
    /// A status that is missing or unreadable counts as `UNKNOWN`.
    fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let code = text("grpc-status")
            .and_then(|code| code.parse().ok())
            .unwrap_or(2);
        Self {
            code,
            message: text("grpc-message").unwrap_or("").to_owned(),
        }
    }

    /// Retriable by the OTLP specification: cancelled, deadline exceeded, aborted, out of range,
    /// unavailable, data loss.
    fn as_http(&self) -> StatusCode {
        match self.code {
            1 | 4 | 10 | 11 | 14 | 15 => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_its_frame() {
        assert_eq!(framed(b"abc").unwrap(), &b"\0\0\0\0\x03abc"[..]);
        assert_eq!(unframed(framed(b"abc").unwrap()), &b"abc"[..]);
        for unreadable in [&b""[..], b"\0\0\0", b"\x01\0\0\0\x01x"] {
            assert_eq!(unframed(Bytes::from_static(unreadable)), Bytes::new());
        }
    }

    #[test]
    fn only_passing_failures_are_sent_again() {
        for (code, http) in [
            (14, 503),
            (4, 503),
            (3, 400),
            (16, 400),
            (12, 400),
            (8, 400),
        ] {
            let status = Status {
                code,
                message: String::new(),
            };
            assert_eq!(status.as_http().as_u16(), http, "{code}");
        }
        assert_eq!(Status::of(&HeaderMap::new()).code, 2);
    }
}
