//! `Status`: how an API server says no.

use serde_json::json;

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) code: u16,
    reason: String,
    message: String,
}

impl Status {
    pub(super) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn missing(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found"))
    }

    pub(super) fn expired(from: u64, oldest: u64) -> Self {
        Self::new(
            410,
            "Expired",
            format!("too old resource version: {from} ({oldest})"),
        )
    }

    /// With the reason that belongs to the code.
    pub(super) fn of(code: u16) -> Self {
        let reason = match code {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            410 => "Expired",
            422 => "Invalid",
            429 => "TooManyRequests",
            503 => "ServiceUnavailable",
            504 => "Timeout",
            _ => "InternalError",
        };
        Self::new(code, reason, format!("scripted {code}"))
    }

    pub(super) fn json(&self) -> String {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": self.code, "reason": self.reason, "message": self.message,
        })
        .to_string()
    }
}
