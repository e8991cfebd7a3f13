//! The page's files, compiled in and sent as one document.
//!
//! Browsers fetch scripts and styles with `Accept: */*`, which upstream answers 405, and so do we:
//! so they stand in the document, and its policy allows exactly these by their digests. The scripts
//! are joined in this order into one module; each file opens with what it is for.

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use ring::digest::{SHA256, digest};

use super::answer::answer;

const STYLE: &str = include_str!("assets/page.css");
const PAGE: &str = include_str!("assets/page.html");
const LOGIN: &str = include_str!("assets/login.html");
const LOGIN_SCRIPT: &str = include_str!("assets/login.js");
const PAGE_SCRIPTS: [&str; 11] = [
    include_str!("assets/dom.js"),
    include_str!("assets/filter.js"),
    include_str!("assets/json.js"),
    include_str!("assets/format.js"),
    include_str!("assets/store.js"),
    include_str!("assets/list.js"),
    include_str!("assets/detail.js"),
    include_str!("assets/chart.js"),
    include_str!("assets/counts.js"),
    include_str!("assets/live.js"),
    include_str!("assets/main.js"),
];

/// A document with its style and its script.
#[derive(Debug)]
pub(super) struct Document {
    html: Bytes,
    policy: HeaderValue,
    tag: HeaderValue,
}

impl Document {
    /// The page itself.
    pub(super) fn page() -> Self {
        Self::new(PAGE, &PAGE_SCRIPTS.concat())
    }

    /// The form that asks for the token.
    pub(super) fn login() -> Self {
        Self::new(LOGIN, LOGIN_SCRIPT)
    }

    fn new(html: &str, script: &str) -> Self {
        let html = html
            .replace("/*STYLE*/", STYLE)
            .replace("/*SCRIPT*/", script);
        let policy = format!(
            "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; \
             connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
            sha256(script),
            sha256(STYLE),
        );
        let tag = format!("\"{}\"", sha256(&html));
        Self {
            html: html.into(),
            policy: policy.try_into().expect("plain words and base64"),
            tag: tag.try_into().expect("base64"),
        }
    }

    /// The document, or that the browser has it already.
    pub(super) fn answer(&self, status: StatusCode, headers: &HeaderMap) -> Response {
        let is_known = status == StatusCode::OK && headers.get(IF_NONE_MATCH) == Some(&self.tag);
        let (status, body) = if is_known {
            (StatusCode::NOT_MODIFIED, Body::empty())
        } else {
            (status, Body::from(self.html.clone()))
        };
        let mut response = answer(status, "text/html; charset=utf-8", body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        if matches!(status, StatusCode::OK | StatusCode::NOT_MODIFIED) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
            headers.insert(ETAG, self.tag.clone());
        }
        response
    }
}

/// A digest as a policy names it.
fn sha256(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_from_elsewhere_and_nothing_becomes_markup() {
        for document in [Document::page(), Document::login()] {
            let html = std::str::from_utf8(&document.html).expect("UTF-8");
            assert_eq!(html.matches("<script").count(), 1);
            assert_eq!(html.matches("</script").count(), 1);
            assert_eq!(html.matches("</style").count(), 1);
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                " style=\"",
                " onclick=",
                "src=\"http",
                "@import",
                "url(http",
            ] {
                assert!(!html.contains(forbidden), "{forbidden}");
            }
            assert!(!html.contains("/*S"), "a part is missing");
        }
    }

    #[test]
    fn the_page_is_small() {
        let size = Document::page().html.len();
        assert!(size < 100_000, "{size} bytes");
    }
}
