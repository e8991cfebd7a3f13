//! What GitLab is answered: one status and one fixed sentence per case.
//!
//! GitLab shows answers to everybody who maintains the project, so no address, no token and nothing
//! that the sink said is in them. Contract: `gitlabsource.md` 3.3.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::event_name::EventNameError;
use crate::payload::PayloadError;

/// When whoever can repeat a request should do so: by then an outbox has usually drained a little.
const LATER: Duration = Duration::from_secs(30);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The sink has the event, or the disk has.
    Accepted,
    /// Token or signature missing or wrong.
    Unauthorized,
    /// No usable `X-Gitlab-Event`.
    BadEvent(EventNameError),
    /// No usable body.
    BadPayload(PayloadError),
    /// The body broke off or came too slowly.
    Unreadable,
    /// The body is over the limit.
    TooLarge,
    /// Neither `POST` nor a probe.
    NotPost,
    /// The sink did not take the event in time, or ever.
    Undelivered,
    /// The outbox takes no more for now.
    Full,
}

impl Answer {
    /// The status; GitLab counts any 4xx and 5xx alike as a failure (3.1).
    pub fn status(self) -> StatusCode {
        match self {
            Self::Accepted => StatusCode::ACCEPTED,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::BadEvent(_) | Self::BadPayload(_) | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            // Not 503: a mesh repeats requests that got it, after we did so for seconds (3.5).
            Self::Undelivered => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The body; empty when there is nothing to say.
    pub fn sentence(self) -> String {
        match self {
            Self::Accepted => String::new(),
            Self::Unauthorized => {
                "The secret token or the signature of this webhook is missing or wrong.".to_owned()
            }
            Self::BadEvent(error) => format!("{error}."),
            Self::BadPayload(error) => format!("The request was refused: {error}."),
            Self::Unreadable => "The body could not be read in time.".to_owned(),
            Self::TooLarge => "The body is larger than this receiver accepts.".to_owned(),
            Self::NotPost => "Webhooks arrive by POST.".to_owned(),
            Self::Undelivered => {
                "The event could not be delivered; the receiver's log says why.".to_owned()
            }
            Self::Full => "The outbox is full; the event was not accepted.".to_owned(),
        }
    }

    fn header(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::NotPost => Some((ALLOW, HeaderValue::from_static("POST"))),
            Self::Full => Some((RETRY_AFTER, LATER.as_secs().into())),
            // What is left of the body would be read as the next request.
            Self::Unauthorized | Self::BadEvent(_) | Self::Unreadable | Self::TooLarge => {
                Some((CONNECTION, HeaderValue::from_static("close")))
            }
            Self::Accepted | Self::BadPayload(_) | Self::Undelivered => None,
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.sentence()).into_response();
        if self == Self::Accepted {
            response.headers_mut().remove(http::header::CONTENT_TYPE);
        }
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
