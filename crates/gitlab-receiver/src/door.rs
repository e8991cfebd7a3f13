//! Who may come in: the checks that need no body, and the one that needs it.
//!
//! A secret token and a signing token are both required when both are set, and nothing is when
//! neither is. Contract: `gitlabsource.md` 3.2, 3.3 and 3.6.

use chrono::Utc;
use http::HeaderMap;

use crate::answer::Answer;
use crate::event_name::EventName;
use crate::secret::Secrets;
use crate::signature::Signed;
use crate::token;

/// What a request must show.
#[derive(Clone, Debug)]
pub struct Door {
    tokens: Secrets,
    signing: Option<Secrets>,
}

/// A request whose headers are in order.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The kind of hook.
    pub event: EventName,
    signed: Option<Signed>,
}

impl Door {
    /// Without any token no check is made, as under stock.
    pub fn new(tokens: Secrets, signing: Option<Secrets>) -> Self {
        Self {
            tokens,
            signing: signing.filter(|signing| !signing.is_empty()),
        }
    }

    /// Whether anybody who finds the address can send events.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty() && self.signing.is_none()
    }

    /// Checks the headers, before a byte of the body is read.
    pub fn admit(&self, headers: &HeaderMap) -> Result<Admitted, Answer> {
        if !self.tokens.is_empty() && !token::is_right(&self.tokens, headers.get("x-gitlab-token"))
        {
            return Err(Answer::Unauthorized);
        }
        let signed = match &self.signing {
            None => None,
            Some(_) => Some(
                Signed::from_headers(headers, Utc::now().timestamp())
                    .ok_or(Answer::Unauthorized)?,
            ),
        };
        let event = EventName::parse(headers.get("x-gitlab-event")).map_err(Answer::BadEvent)?;
        Ok(Admitted { event, signed })
    }

    /// Checks the signature, now that the body is there.
    pub fn verify(&self, admitted: &Admitted, body: &[u8]) -> Result<(), Answer> {
        match (&admitted.signed, &self.signing) {
            (Some(signed), Some(tokens)) if !signed.covers(body, tokens) => {
                Err(Answer::Unauthorized)
            }
            _ => Ok(()),
        }
    }
}
