//! Why a request failed, in words for a log and as values to decide by.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// Why a request to the API server failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No connection, or it broke.
    #[error("the API server cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing came back in time.
    #[error("the API server did not answer within {0:?}")]
    Timeout(Duration),
    /// It answered with an error.
    #[error("the API server answered {0}")]
    Refused(Refusal),
    /// It answered with something else than what was asked for.
    #[error("the API server's answer cannot be read: {0}")]
    Unreadable(String),
}

impl ApiError {
    /// The code of a refusal.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Whether the namespace of the request is being deleted.
    pub fn namespace_ends(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.namespace_ends)
    }

    /// An error of the client library with its causes, which it hides from its own text.
    pub(crate) fn unreachable(error: &kube::Error) -> Self {
        let mut text = String::new();
        let mut next: Option<&dyn Error> = Some(error);
        while let Some(error) = next {
            let words = error.to_string();
            if text.is_empty() {
                text = words;
            } else if !text.contains(&words) {
                text = format!("{text}: {words}");
            }
            next = error.source();
        }
        Self::Unreachable(text)
    }
}

/// An error that the API server answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, or the code of an ERROR event.
    pub code: u16,
    /// `Expired`, `Forbidden` and so on; empty if it did not say.
    pub reason: String,
    /// Its words.
    pub message: String,
    /// How long it asks to wait.
    pub retry_after: Option<Duration>,
    /// Nothing can be made in this namespace any more: it is being deleted.
    pub namespace_ends: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.reason.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", self.message)
        }
    }
}

/// The part of a `Status` that we use. A proxy in between may answer with any text.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: Option<u16>,
    reason: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: Option<u64>,
    causes: Vec<Cause>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
}

impl Refusal {
    /// From the `Status` object in an ERROR event of a watch.
    pub(crate) fn from_status(json: &str) -> Self {
        let status: Status = serde_json::from_str(json).unwrap_or_default();
        let details = status.details.unwrap_or_default();
        Self {
            code: status.code.unwrap_or_default(),
            reason: status.reason.unwrap_or_default(),
            message: status.message.unwrap_or_default(),
            retry_after: details.retry_after_seconds.map(Duration::from_secs),
            namespace_ends: details
                .causes
                .iter()
                .any(|cause| cause.reason == "NamespaceTerminating"),
        }
    }
}

/// What a status of 300 or more says, with its headers and its body.
pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(body);
    let mut refusal = Refusal::from_status(&text);
    refusal.code = status.as_u16();
    if refusal.message.is_empty() && refusal.reason.is_empty() {
        text.trim()
            .chars()
            .take(200)
            .collect::<String>()
            .clone_into(&mut refusal.message);
    }
    let header = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    refusal.retry_after = header.map(Duration::from_secs).or(refusal.retry_after);
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_that_ends_is_told_from_missing_rights() {
        let status = |details: &str| {
            format!(r#"{{"kind":"Status","code":403,"reason":"Forbidden","details":{details}}}"#)
        };
        let ends = r#"{"causes":[{"reason":"NamespaceTerminating","field":"metadata.namespace"}]}"#;
        for (details, expected) in [(ends, true), ("{}", false), ("null", false)] {
            assert_eq!(
                Refusal::from_status(&status(details)).namespace_ends,
                expected,
                "{details}"
            );
        }
    }
}
