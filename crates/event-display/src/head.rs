//! What Go's HTTP server refuses by the head of a request and hyper lets through, and the targets
//! that mean something (event-display.md 6).

use std::borrow::Cow;

use adapter::go::url::Url;
use http::header::{EXPECT, HOST};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};

use crate::refusal::Refusal;

/// The whole target of a health check.
const HEALTH: &str = "/healthz";

/// The request target as it was sent.
pub fn target(uri: &Uri) -> Cow<'_, str> {
    match uri.path_and_query() {
        Some(path) if uri.authority().is_none() => Cow::Borrowed(path.as_str()),
        _ => Cow::Owned(uri.to_string()),
    }
}

/// Compared with the whole target: `/healthz?x` and `http://host/healthz` are none.
pub fn is_health_check(parts: &Parts) -> bool {
    target(&parts.uri) == HEALTH
}

/// `OPTIONS *` asks the server, not a resource.
pub fn is_options_of_server(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && target(&parts.uri) == "*"
}

/// `*` is no place for an event; Go's router refuses it.
pub fn check_asterisk(parts: &Parts) -> Result<(), Refusal> {
    if target(&parts.uri) == "*" {
        return Err(Refusal::Http(
            StatusCode::BAD_REQUEST,
            "`*` takes OPTIONS only",
        ));
    }
    Ok(())
}

/// Checks what Go checks before anyone sees the request.
pub fn check(parts: &Parts) -> Result<(), Refusal> {
    let bad = |reason| Err(Refusal::Http(StatusCode::BAD_REQUEST, reason));
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if parts.version == Version::HTTP_11 && parts.method != Method::CONNECT => {
            return bad("missing required Host header");
        }
        (_, Some(_)) => return bad("too many Host headers"),
        (Some(host), None) if !host.as_bytes().iter().copied().all(is_host_byte) => {
            return bad("malformed Host header");
        }
        _ => {}
    }
    if parts.method != Method::CONNECT && Url::parse_request(target(&parts.uri).as_bytes()).is_err()
    {
        return bad("malformed request target");
    }
    match parts.headers.get(EXPECT) {
        Some(wish) if !wish.as_bytes().eq_ignore_ascii_case(b"100-continue") => Err(Refusal::Http(
            StatusCode::EXPECTATION_FAILED,
            "only 100-continue can be expected",
        )),
        _ => Ok(()),
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$%&()*+,-.:;=[']_~".contains(&byte)
}
