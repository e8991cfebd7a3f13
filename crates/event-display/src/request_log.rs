//! Whole requests on stderr, as `REQUEST_LOGGING_ENABLED` asks for (event-display.md 6).
//!
//! Text like Go's `json.MarshalIndent` behind a time like Go's `log`; secrets included, which is
//! why it is off by default.

use adapter::go::json::write_string;
use adapter::go::url::Url;
use adapter::server::{Peer, Whole};
use chrono::Local;
use http::header::{HOST, TRAILER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::head;

#[cfg(test)]
mod tests;

/// What is said at start.
pub const WARNING: &str = "Request logging enabled, request logging is not recommended for \
                           production since it might log sensitive information";

/// One entry, with the time and the line end; without a body if that did not arrive.
pub fn entry(parts: &Parts, body: Option<&Whole>) -> Vec<u8> {
    let time = Local::now().format("%Y/%m/%d %H:%M:%S ").to_string();
    let mut out = time.into_bytes();
    write(parts, body.unwrap_or(&Whole::default()), &mut out);
    out.push(b'\n');
    out
}

fn write(parts: &Parts, body: &Whole, out: &mut Vec<u8>) {
    let target = head::target(&parts.uri);
    let url = Url::parse_request(target.as_bytes()).unwrap_or_default();
    let is_chunked = parts.headers.contains_key(TRANSFER_ENCODING);
    let minor = i64::from(parts.version != Version::HTTP_10);
    let host = parts
        .headers
        .get(HOST)
        .map_or(&b""[..], |host| host.as_bytes());
    let host = if url.host().is_empty() {
        host
    } else {
        url.host()
    };

    let mut json = Indented {
        out,
        depth: 0,
        is_first: true,
    };
    json.open(b'{');
    json.string("method", parts.method.as_str().as_bytes());
    write_url(&url, &mut json);
    json.string("proto", format!("HTTP/1.{minor}").as_bytes());
    json.plain("protoMajor", "1");
    json.optional(minor != 0, |json| json.plain("protoMinor", "1"));
    write_headers("headers", &parts.headers, &mut json);
    json.optional(!body.bytes.is_empty(), |json| {
        json.string("body", &body.bytes);
    });
    match (is_chunked, body.bytes.len()) {
        (true, _) => json.plain("contentLength", "-1"),
        (false, 0) => {}
        (false, length) => json.plain("contentLength", &length.to_string()),
    }
    json.optional(is_chunked, |json| {
        json.list("transferEncoding", [&b"chunked"[..]]);
    });
    json.optional(!host.is_empty(), |json| json.string("host", host));
    write_headers("trailer", &body.trailers, &mut json);
    let peer = parts
        .extensions
        .get::<Peer>()
        .map_or_else(String::new, |peer| peer.0.to_string());
    json.string("remoteAddr", peer.as_bytes());
    json.string("requestURI", target.as_bytes());
    json.close(b'}');
}

fn write_url(url: &Url<'_>, json: &mut Indented<'_>) {
    json.name(b"URL");
    json.open(b'{');
    json.string("Scheme", url.scheme().as_bytes());
    json.string("Opaque", url.opaque());
    // Go shows user information as an object without members it could show.
    json.plain("User", if url.has_user() { "{}" } else { "null" });
    json.string("Host", url.host());
    json.string("Path", url.path());
    json.string("Fragment", b"");
    json.string("RawQuery", url.query());
    json.string("RawPath", url.raw_path());
    json.string("RawFragment", b"");
    json.plain(
        "ForceQuery",
        if url.force_query() { "true" } else { "false" },
    );
    json.plain("OmitHost", if url.omit_host() { "true" } else { "false" });
    json.close(b'}');
}

/// Names in canonical form and in order, without those that Go keeps elsewhere.
fn write_headers(member: &str, headers: &HeaderMap, json: &mut Indented<'_>) {
    let mut names: Vec<_> = headers
        .keys()
        .filter(|name| ![HOST, TRANSFER_ENCODING, TRAILER].contains(name))
        .map(|name| (canonical(name), name))
        .collect();
    if names.is_empty() {
        return;
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    json.name(member.as_bytes());
    json.open(b'{');
    for (canonical, name) in names {
        json.list(
            &canonical,
            headers.get_all(name).iter().map(HeaderValue::as_bytes),
        );
    }
    json.close(b'}');
}

/// `ce-specversion` as `Ce-Specversion`.
fn canonical(name: &HeaderName) -> String {
    let mut at_start = true;
    let letters = name.as_str().chars().map(|letter| {
        let letter = if at_start {
            letter.to_ascii_uppercase()
        } else {
            letter
        };
        at_start = letter == '-';
        letter
    });
    letters.collect()
}

/// Writes members and items on lines of their own.
struct Indented<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    is_first: bool,
}

impl Indented<'_> {
    fn line(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
        self.out.push(b'\n');
        self.out.extend(std::iter::repeat_n(b' ', self.depth * 2));
    }

    fn name(&mut self, name: &[u8]) {
        self.line();
        write_string(self.out, name);
        self.out.extend_from_slice(b": ");
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.depth += 1;
        self.is_first = true;
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        self.is_first = true;
        self.line();
        self.out.push(bracket);
    }

    fn string(&mut self, name: &str, value: &[u8]) {
        self.name(name.as_bytes());
        write_string(self.out, value);
    }

    fn plain(&mut self, name: &str, value: &str) {
        self.name(name.as_bytes());
        self.out.extend_from_slice(value.as_bytes());
    }

    fn list<'v>(&mut self, name: &str, values: impl IntoIterator<Item = &'v [u8]>) {
        self.name(name.as_bytes());
        self.open(b'[');
        for value in values {
            self.line();
            write_string(self.out, value);
        }
        self.close(b']');
    }

    fn optional(&mut self, is_there: bool, write: impl FnOnce(&mut Self)) {
        if is_there {
            write(self);
        }
    }
}
