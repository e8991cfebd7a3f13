//! Signed webhooks: `webhook-signature` over id, time and body.
//!
//! Pure apart from the secrets. Contract: `gitlabsource.md` 3.6.

use std::time::Duration;

use adapter::env::Problem;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::secret::{Names, Secrets};

/// Where the signing tokens come from.
pub const NAMES: Names = Names {
    value: "GITLAB_SIGNING_TOKEN",
    previous: "GITLAB_SIGNING_TOKEN_PREVIOUS",
    file: "GITLAB_SIGNING_TOKEN_FILE",
};

/// How far the clocks of GitLab and of this machine may be apart.
const TOLERANCE: Duration = Duration::from_mins(5);
/// How every signing token starts.
const SECRET_PREFIX: &str = "whsec_";
/// The one version of signatures there is.
const VERSION: &str = "v1,";

/// The three headers of a signed delivery, taken before the body is there.
#[derive(Clone, Debug)]
pub struct Signed {
    id: Vec<u8>,
    timestamp: Vec<u8>,
    tags: Vec<Vec<u8>>,
}

/// Refuses tokens that no signature could be made with.
pub fn check_tokens(tokens: &Secrets) -> Result<(), Problem> {
    if tokens.any(|token| key(token).is_none()) {
        return Err(Problem::said(
            NAMES.value,
            format!(
                "{} must be whsec_ and the base64 text of the key, for example {0}=whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=.",
                NAMES.value
            ),
        ));
    }
    Ok(())
}

impl Signed {
    /// Takes the headers; `None` when one is missing, the time is not near `now` (Unix seconds) or
    /// there is no signature of a known version. All of that is refused before the body is read.
    pub fn from_headers(headers: &HeaderMap, now: i64) -> Option<Self> {
        let text = |name| headers.get(name).map(http::HeaderValue::as_bytes);
        let timestamp = text("webhook-timestamp")?;
        let sent: i64 = str::from_utf8(timestamp).ok()?.parse().ok()?;
        if sent.abs_diff(now) > TOLERANCE.as_secs() {
            return None;
        }
        let entries = text("webhook-signature")?.split(|byte| *byte == b' ');
        let tags: Vec<Vec<u8>> = entries
            .filter_map(|entry| entry.strip_prefix(VERSION.as_bytes()))
            .filter_map(|tag| BASE64_STANDARD.decode(tag).ok())
            .collect();
        if tags.is_empty() {
            return None;
        }
        Some(Self {
            id: text("webhook-id")?.to_owned(),
            timestamp: timestamp.to_owned(),
            tags,
        })
    }

    /// Whether one of the signatures was made over this body with one of the live tokens.
    pub fn covers(&self, body: &[u8], tokens: &Secrets) -> bool {
        tokens.any(|token| key(token).is_some_and(|key| self.is_made_with(&key, body)))
    }

    fn is_made_with(&self, key: &hmac::Key, body: &[u8]) -> bool {
        let mut context = hmac::Context::with_key(key);
        for part in [&self.id[..], b".", &self.timestamp, b".", body] {
            context.update(part);
        }
        let made = context.sign();
        self.tags.iter().any(|tag| made.as_ref().ct_eq(tag).into())
    }
}

fn key(token: &str) -> Option<hmac::Key> {
    let bytes = BASE64_STANDARD
        .decode(token.strip_prefix(SECRET_PREFIX)?)
        .ok()?;
    (!bytes.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

    #[derive(Deserialize)]
    struct File {
        signature_unit_vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        key: String,
        webhook_id: String,
        webhook_timestamp: i64,
        body_file: Option<String>,
        body_text: Option<String>,
        webhook_signature: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = fs::read(format!("{DATA}/gitlab-vectors.json")).unwrap();
        serde_json::from_slice::<File>(&text)
            .unwrap()
            .signature_unit_vectors
    }

    fn body(vector: &Vector) -> Vec<u8> {
        match &vector.body_file {
            Some(file) => fs::read(format!("{DATA}/{file}")).unwrap(),
            None => vector.body_text.clone().unwrap().into_bytes(),
        }
    }

    fn headers(vector: &Vector, signature: &str) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", value(&vector.webhook_id));
        headers.insert("webhook-timestamp", vector.webhook_timestamp.into());
        headers.insert("webhook-signature", value(signature));
        headers
    }

    #[test]
    fn the_vectors_verify_and_nothing_near_them_does() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let (tokens, body) = (Secrets::fixed([vector.key.clone()]), body(&vector));
            let signed =
                |signature: &str, now| Signed::from_headers(&headers(&vector, signature), now);
            let now = vector.webhook_timestamp;
            let right = signed(&vector.webhook_signature, now + 300).unwrap();
            assert!(right.covers(&body, &tokens), "{}", vector.webhook_id);
            let among = format!("v2,AAAA v1,AAAA {} v1a,x", vector.webhook_signature);
            assert!(signed(&among, now - 300).unwrap().covers(&body, &tokens));

            assert!(!right.covers(&[&body[..], b" "].concat(), &tokens));
            assert!(!right.covers(&body, &Secrets::fixed(["whsec_AAAA"])));
            assert!(right.covers(&body, &Secrets::fixed(["whsec_AAAA", &vector.key])));
            for late in [now + 301, now - 301] {
                assert!(signed(&vector.webhook_signature, late).is_none());
            }
            for bad in [
                "",
                "v1,",
                "v1,!",
                "v2,AAAA",
                &vector.webhook_signature["v1,".len()..],
            ] {
                assert!(
                    signed(bad, now).is_none_or(|s| !s.covers(&body, &tokens)),
                    "{bad:?}"
                );
            }
        }
    }

    #[test]
    fn every_header_is_needed() {
        let vector = &vectors()[0];
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut headers = headers(vector, &vector.webhook_signature);
            headers.remove(name);
            assert!(
                Signed::from_headers(&headers, vector.webhook_timestamp).is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_token_that_is_no_key_is_found_at_start() {
        assert!(check_tokens(&Secrets::fixed(["whsec_AAAA"])).is_ok());
        for bad in ["AAAA", "whsec_", "whsec_!", "secret"] {
            let problem = check_tokens(&Secrets::fixed([bad])).unwrap_err();
            assert!(
                problem.message.contains("GITLAB_SIGNING_TOKEN=whsec_"),
                "{problem}"
            );
        }
    }
}
