//! Why a request is refused: what the sender is told, and what the log says.
//!
//! Upstream refuses without a trace (event-display.md 8.1). The log names status, reason, the
//! offending attribute and whose event it was, never the data.

use std::fmt::Display;
use std::sync::Arc;

use adapter::server::BodyError;
use http::{HeaderMap, StatusCode};

use crate::event::{Mode, Violation, structured_identity};

/// Longest piece of an attribute in the log, in bytes.
const SHOWN: usize = 200;
/// How much of a structured body is read again to tell whose event it was.
const SEARCHED: usize = 64 << 10;

/// Why a request is refused. Displays as the reason.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// GET, OPTIONS or DELETE.
    #[error("events come with POST; GET, OPTIONS and DELETE bring none")]
    Method,
    /// Neither of the two content modes.
    #[error("not a CloudEvent: {0}")]
    NotAnEvent(String),
    /// Batched mode.
    #[error("batches are not taken; send one event in each request")]
    Batch,
    /// Something that the HTTP server under upstream refuses.
    #[error("{1}")]
    Http(StatusCode, &'static str),
    /// A body that is too long or did not arrive.
    #[error("{}", chain(.0))]
    Body(#[from] BodyError),
    /// A structured body that cannot be read.
    #[error("the body is no event: {0}")]
    Json(String),
    /// An attribute that cannot be read.
    #[error("{reason}")]
    Attribute {
        /// Its name, as far as it is one.
        name: String,
        /// What was found; empty if that must not be shown.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An event that was read and is invalid.
    #[error("{}", list(.0))]
    Invalid(Vec<Violation>),
    /// Nobody would see the event.
    #[error("the event cannot be printed: {0}")]
    Output(Arc<std::io::Error>),
}

fn list(violations: &[Violation]) -> String {
    let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

impl Refusal {
    /// No `ce-specversion` that is known, and no structured body.
    pub fn not_an_event(version: Option<&[u8]>) -> Self {
        Self::NotAnEvent(match version {
            Some(version) => format!("ce-specversion is {:?}: want 1.0 or 0.3", shown(version)),
            None => "no ce-specversion header (want 1.0 or 0.3), and the content type is not \
                     application/cloudevents+json"
                .to_owned(),
        })
    }

    /// A context attribute that cannot be read.
    pub fn attribute(name: &'static str, value: &[u8], reason: impl Display) -> Self {
        Self::Attribute {
            name: name.to_owned(),
            value: shown(value),
            reason: format!("{name}: {reason}"),
        }
    }

    /// An extension attribute whose value cannot be read. The value is the sender's business.
    pub fn extension(name: &[u8], reason: &str) -> Self {
        let name = shown(name);
        Self::Attribute {
            reason: format!("{name}: {reason}"),
            name,
            value: String::new(),
        }
    }

    /// An extension attribute that cannot have this name.
    pub fn extension_name(name: &[u8]) -> Self {
        let name = shown(name);
        let reason = format!(
            "{name:?} cannot be the name of an extension attribute; want letters and digits"
        );
        Self::Attribute {
            name,
            value: String::new(),
            reason,
        }
    }

    /// The status that upstream answers (event-display.md 4, 6).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAnEvent(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Http(status, _) => *status,
            Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Batch
            | Self::Body(BodyError::Broken(_))
            | Self::Json(_)
            | Self::Attribute { .. }
            | Self::Output(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body of the answer: a line for each violation (4.5), else almost always nothing.
    pub fn answer(&self) -> Option<String> {
        match self {
            Self::Invalid(violations) => {
                let lines = violations.iter().map(ToString::to_string);
                Some(lines.map(|line| line + "\n").collect())
            }
            Self::Http(StatusCode::BAD_REQUEST, reason) => {
                Some(format!("400 Bad Request: {reason}"))
            }
            _ => None,
        }
    }

    /// Whether the connection is closed behind the answer, as Go does for what is no good HTTP.
    pub fn ends_connection(&self) -> bool {
        matches!(self, Self::Http(..))
    }

    /// The names of the attributes at fault.
    pub fn attributes(&self) -> Option<String> {
        match self {
            Self::Attribute { name, .. } => Some(name.clone()),
            Self::Invalid(violations) => {
                let names: Vec<_> = violations.iter().map(|v| v.attribute).collect();
                Some(names.join(","))
            }
            _ => None,
        }
    }

    /// The names of the headers at fault, whether they are there or missing.
    pub fn headers(&self, mode: Option<Mode>) -> Vec<String> {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let of_attribute = |name: &str| format!("ce-{name}");
        match self {
            Self::NotAnEvent(_) => names(&["ce-specversion", "content-type"]),
            Self::Batch => names(&["content-type"]),
            Self::Http(StatusCode::EXPECTATION_FAILED, _) => names(&["expect"]),
            Self::Http(_, reason) if reason.contains("Host") => names(&["host"]),
            Self::Body(_) => names(&["content-length", "transfer-encoding"]),
            // In structured mode attributes are in the body.
            _ if mode == Some(Mode::Structured) => Vec::new(),
            Self::Attribute { name, .. } => vec![of_attribute(name)],
            Self::Invalid(violations) => {
                let headers = violations
                    .iter()
                    .map(|violation| match violation.attribute {
                        "datacontenttype" => "content-type".to_owned(),
                        name => of_attribute(name),
                    });
                headers.collect()
            }
            Self::Method | Self::Http(..) | Self::Json(_) | Self::Output(_) => Vec::new(),
        }
    }

    /// What was found in the attribute at fault, if it may be shown.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Attribute { value, .. } if !value.is_empty() => Some(value),
            _ => None,
        }
    }
}

/// Whose event it was, as far as the request tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// `id`
    pub id: Option<String>,
    /// `type`
    pub ty: Option<String>,
    /// `source`
    pub source: Option<String>,
}

impl Identity {
    /// Reads what a refused request says of its event.
    pub fn of(mode: Option<Mode>, headers: &HeaderMap, body: &[u8]) -> Self {
        if mode == Some(Mode::Structured) {
            return structured_identity(&body[..body.len().min(SEARCHED)]);
        }
        let mut identity = Self::default();
        for name in ["id", "type", "source"] {
            if let Some(value) = headers.get(format!("ce-{name}")) {
                identity.note(name.as_bytes(), value.as_bytes());
            }
        }
        identity
    }

    /// Takes an attribute if it is one of the three; empty counts as unknown.
    pub fn note(&mut self, name: &[u8], value: &[u8]) {
        let place = match name {
            b"id" => &mut self.id,
            b"type" => &mut self.ty,
            b"source" => &mut self.source,
            _ => return,
        };
        *place = Some(shown(value)).filter(|text| !text.is_empty());
    }
}

/// The start of what a stranger sent.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(SHOWN)]).into_owned();
    if value.len() > SHOWN {
        text + "…"
    } else {
        text
    }
}
