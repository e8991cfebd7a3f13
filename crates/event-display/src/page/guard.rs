//! Who may see the page: everyone, or whoever knows `DISPLAY_UI_TOKEN`.
//!
//! The token itself is not kept, only its digest; a browser gets another digest as its cookie, so
//! that the token is neither in the address nor in what a browser stores.

use std::fmt::{self, Write as _};

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use ring::digest::{Digest, SHA256, digest};
use subtle::ConstantTimeEq as _;

/// The cookie's name.
const NAME: &str = "event-display";

/// What a visitor must show.
#[derive(Clone)]
pub struct Guard {
    token: Digest,
    cookie: Cookie,
}

#[derive(Clone)]
struct Cookie {
    value: String,
    digest: Digest,
}

impl Guard {
    /// Asks for this token; blanks around it do not count.
    pub fn new(token: &str) -> Self {
        let token = token.trim_ascii();
        let digest_of = |text: &str| digest(&SHA256, text.as_bytes());
        // The same after a restart: visitors stay.
        let value = hex(digest_of(&format!("{NAME} cookie {token}")).as_ref());
        Self {
            token: digest_of(token),
            cookie: Cookie {
                digest: digest_of(&value),
                value,
            },
        }
    }

    /// Whether this is the token; blanks around it came from pasting.
    pub(super) fn is_right(&self, token: &[u8]) -> bool {
        is_same(&self.token, token.trim_ascii())
    }

    /// Whether a request brings the token, or the cookie that stands for it.
    pub(super) fn lets_in(&self, headers: &HeaderMap) -> bool {
        let tokens = headers.get_all(AUTHORIZATION).iter().filter_map(bearer);
        let cookies = headers.get_all(COOKIE).iter().flat_map(cookies);
        tokens.into_iter().any(|token| self.is_right(token))
            || cookies
                .into_iter()
                .any(|value| is_same(&self.cookie.digest, value))
    }

    /// The header that gives a visitor the cookie; over TLS it stays there.
    ///
    /// `Lax`, not `Strict`: a link to a filtered view should open from a chat, too. All that is
    /// behind it is GETs, whose answers other sites cannot read.
    pub(super) fn cookie(&self, is_secure: bool) -> HeaderValue {
        let secure = if is_secure { "; Secure" } else { "" };
        let value = &self.cookie.value;
        format!("{NAME}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
            .try_into()
            .expect("hex digits and plain words")
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(..)")
    }
}

impl PartialEq for Guard {
    fn eq(&self, other: &Self) -> bool {
        self.token.as_ref() == other.token.as_ref()
    }
}

impl Eq for Guard {}

/// Digests have one length, so that not even the length of a secret shows in the time.
fn is_same(expected: &Digest, given: &[u8]) -> bool {
    let given = digest(&SHA256, given);
    expected.as_ref().ct_eq(given.as_ref()).into()
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn cookies(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&b| b == b';').filter_map(|pair| {
        let rest = pair.trim_ascii().strip_prefix(NAME.as_bytes())?;
        rest.strip_prefix(b"=")
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lets_in(name: http::HeaderName, value: &str) -> bool {
        let headers =
            HeaderMap::from_iter([(name, HeaderValue::try_from(value).expect("a value"))]);
        Guard::new("open sesame; 7").lets_in(&headers)
    }

    #[test]
    fn only_the_token_or_its_cookie_opens() {
        assert!(lets_in(AUTHORIZATION, "Bearer open sesame; 7"));
        assert!(lets_in(AUTHORIZATION, "bearer  open sesame; 7 "));
        for wrong in [
            "Bearer open sesame",
            "Bearer ",
            "Basic open sesame; 7",
            "open sesame; 7",
        ] {
            assert!(!lets_in(AUTHORIZATION, wrong), "{wrong}");
        }
        let cookie = Guard::new("open sesame; 7").cookie(false);
        let cookie = cookie.to_str().expect("text");
        let (pair, rest) = cookie.split_once(';').expect("attributes");
        assert_eq!(rest, " Path=/; HttpOnly; SameSite=Lax");
        assert!(lets_in(COOKIE, pair));
        assert!(lets_in(COOKIE, &format!("a=b; {pair};c")));
        assert!(!lets_in(COOKIE, &pair[..pair.len() - 1]));
        assert!(!lets_in(COOKIE, "event-display=open sesame; 7"));
        assert!(!cookie.contains("sesame"));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let guard = Guard::new("open sesame");
        assert_eq!(format!("{guard:?}"), "Guard(..)");
        let cookie = guard.cookie(true);
        assert!(cookie.to_str().expect("text").ends_with("; Secure"));
    }
}
