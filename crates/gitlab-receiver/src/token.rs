//! `X-Gitlab-Token` against the live secrets, in constant time.
//!
//! Contract: `gitlabsource.md` 3.2 row 2 and the end of 3.6.

use http::HeaderValue;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq as _;

use crate::secret::{Names, Secrets};

/// Where the secret tokens come from.
pub const NAMES: Names = Names {
    value: "GITLAB_SECRET_TOKEN",
    previous: "GITLAB_SECRET_TOKEN_PREVIOUS",
    file: "GITLAB_SECRET_TOKEN_FILE",
};

/// Whether the first `X-Gitlab-Token` is one of the live secrets.
pub fn is_right(secrets: &Secrets, token: Option<&HeaderValue>) -> bool {
    let Some(token) = token else { return false };
    // Digests have one length, so that not even the length of a secret shows in the time.
    let given = digest(&SHA256, token.as_bytes());
    secrets.any(|secret| {
        digest(&SHA256, secret.as_bytes())
            .as_ref()
            .ct_eq(given.as_ref())
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_pass() {
        let secrets = Secrets::fixed(["cz-4Qe8_Lw2.9vB!", "élan"]);
        let passes =
            |token: &[u8]| is_right(&secrets, Some(&HeaderValue::from_bytes(token).unwrap()));
        assert!(passes(b"cz-4Qe8_Lw2.9vB!"));
        assert!(passes("élan".as_bytes()));
        for wrong in [
            &b""[..],
            b"cz-4Qe8_Lw2.9vB",
            b"cz-4Qe8_Lw2.9vB!!",
            b"CZ-4QE8_LW2.9VB!",
            b"x",
        ] {
            assert!(!passes(wrong), "{}", String::from_utf8_lossy(wrong));
        }
        assert!(!is_right(&secrets, None));
    }
}
