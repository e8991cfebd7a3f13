//! URL references as Go's `net/url` (Go 1.26, setting `urlstrictcolons=0`) reads and prints them.
//!
//! Stock sinks and senders parse `source`, `dataschema` and `schemaurl` and print them again, so
//! the bytes change in ways that no RFC or WHATWG parser repeats (event-display.md 5.2,
//! adapter-runtime.md 2.2). Only reading and printing live here: no joining, no queries.

use std::borrow::Cow;
use std::net::Ipv6Addr;

mod escape;

#[cfg(test)]
mod tests;

use escape::{Part, escape, must_escape, stays_verbatim, unescape};

/// Why a text is not a URL reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// A byte below 0x20 or 0x7f in front of the fragment.
    #[error("a control character in the URL")]
    ControlByte,
    /// The text starts with a colon.
    #[error("nothing in front of the first colon; a scheme looks like `https:`")]
    MissingScheme,
    /// A relative reference such as `10.0.0.1:443`.
    #[error("a colon in the first path segment; put `//` or a scheme in front")]
    ColonInFirstSegment,
    /// A `%` without two hexadecimal digits, or one that a host cannot hold.
    #[error("`{0}` is not a valid percent escape here")]
    Escape(String),
    /// A character that a host cannot hold.
    #[error("the character `{0}` in the host name")]
    HostByte(char),
    /// Something other than digits behind the last colon of the host.
    #[error("the port is not a number")]
    Port,
    /// `[` without `]`.
    #[error("no `]` behind the host")]
    MissingBracket,
    /// Something other than an IPv6 address in brackets.
    #[error("the host in brackets is not an IPv6 address")]
    IpLiteral,
    /// A character that user information cannot hold.
    #[error("a character in the user information in front of `@`")]
    UserInfo,
    /// A request target that is neither absolute nor a path; only from [`Url::parse_request`].
    #[error("the request target is neither a path nor an absolute URL")]
    RequestTarget,
}

/// A URL reference; borrows from the text it was read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url<'a> {
    scheme: Cow<'a, str>,
    opaque: &'a [u8],
    user: Option<User<'a>>,
    host: Cow<'a, [u8]>,
    path: Escaped<'a>,
    omit_host: bool,
    force_query: bool,
    query: &'a [u8],
    fragment: Escaped<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User<'a> {
    name: Cow<'a, [u8]>,
    password: Option<Cow<'a, [u8]>>,
}

/// A part in decoded form, and as it was written when that is not how it would be encoded anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Escaped<'a> {
    decoded: Cow<'a, [u8]>,
    raw: &'a [u8],
}

impl<'a> Url<'a> {
    /// Reads any URL reference, relative ones and the empty text included.
    pub fn parse(text: &'a [u8]) -> Result<Self, UrlError> {
        let (left, fragment) = cut(text, b'#').unwrap_or((text, b""));
        let mut url = Self::parse_left(left, false)?;
        url.fragment = Escaped::read(fragment, Part::Fragment)?;
        Ok(url)
    }

    /// Reads the target of an HTTP request: a path or an absolute URL, without a fragment.
    pub fn parse_request(target: &'a [u8]) -> Result<Self, UrlError> {
        if target.is_empty() {
            return Err(UrlError::RequestTarget);
        }
        Self::parse_left(target, true)
    }

    fn parse_left(text: &'a [u8], request: bool) -> Result<Self, UrlError> {
        if text.iter().any(u8::is_ascii_control) {
            return Err(UrlError::ControlByte);
        }
        let mut url = Self::default();
        if text == b"*" {
            url.path.decoded = Cow::Borrowed(text);
            return Ok(url);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = lower(scheme);
        if let Some(bare) = rest.strip_suffix(b"?").filter(|bare| !bare.contains(&b'?')) {
            url.force_query = true;
            rest = bare;
        } else if let Some((left, query)) = cut(rest, b'?') {
            (rest, url.query) = (left, query);
        }
        if !rest.starts_with(b"/") {
            if !scheme.is_empty() {
                url.opaque = rest;
                return Ok(url);
            }
            if request {
                return Err(UrlError::RequestTarget);
            }
            if first_segment(rest).contains(&b':') {
                return Err(UrlError::ColonInFirstSegment);
            }
        }
        let may_have_authority = !scheme.is_empty() || !request && !rest.starts_with(b"///");
        if let Some(behind) = rest.strip_prefix(b"//").filter(|_| may_have_authority) {
            let authority = first_segment(behind);
            rest = &behind[authority.len()..];
            (url.user, url.host) = parse_authority(authority)?;
        } else {
            url.omit_host = !scheme.is_empty() && rest.starts_with(b"/");
        }
        url.path = Escaped::read(rest, Part::Path)?;
        Ok(url)
    }

    /// The URL as Go prints it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.length_hint());
        if !self.scheme.is_empty() {
            out.extend_from_slice(self.scheme.as_bytes());
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.print_hierarchy(&mut out);
        } else {
            out.extend_from_slice(self.opaque);
        }
        if self.force_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(self.query);
        }
        if !self.fragment.decoded.is_empty() {
            out.push(b'#');
            self.fragment.print(Part::Fragment, &mut out);
        }
        out
    }

    fn print_hierarchy(&self, out: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        let marks_empty_host =
            !self.scheme.is_empty() && !self.path.decoded.is_empty() && !self.omit_host;
        if has_authority || marks_empty_host {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            escape(&user.name, Part::User, out);
            if let Some(password) = &user.password {
                out.push(b':');
                escape(password, Part::User, out);
            }
            out.push(b'@');
        }
        escape(&self.host, Part::Host, out);
        let start = out.len();
        self.path.print(Part::Path, out);
        // Decoding can bring a colon to light that would now read as the end of a scheme.
        if start == 0 && first_segment(out).contains(&b':') {
            out.splice(0..0, *b"./");
        }
    }

    fn length_hint(&self) -> usize {
        let parts = self.scheme.len() + self.opaque.len() + self.host.len() + self.query.len();
        parts + self.path.decoded.len() + self.fragment.decoded.len() + 8
    }

    /// The scheme in lower case; empty for a relative reference.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What follows the scheme of a URL such as `mailto:a@b`, as it stood; else empty.
    pub fn opaque(&self) -> &[u8] {
        self.opaque
    }

    /// Whether user information is there, be it empty.
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }

    /// Host and port, decoded; case is kept.
    pub fn host(&self) -> &[u8] {
        &self.host
    }

    /// The path, decoded.
    pub fn path(&self) -> &[u8] {
        &self.path.decoded
    }

    /// The path as it stood; empty when encoding [`Self::path`] anew gives the same.
    pub fn raw_path(&self) -> &[u8] {
        self.path.raw
    }

    /// What follows the first `?`, as it stood.
    pub fn query(&self) -> &[u8] {
        self.query
    }

    /// Whether a single `?` stood at the very end.
    pub fn force_query(&self) -> bool {
        self.force_query
    }

    /// Whether a scheme is followed by a path without `//`.
    pub fn omit_host(&self) -> bool {
        self.omit_host
    }
}

impl<'a> Escaped<'a> {
    fn read(text: &'a [u8], part: Part) -> Result<Self, UrlError> {
        let decoded = unescape(text, part)?;
        let is_default =
            text.len() == decoded.len() && !decoded.iter().any(|&b| must_escape(b, part)) || {
                let mut anew = Vec::with_capacity(text.len());
                escape(&decoded, part, &mut anew);
                anew == text
            };
        Ok(Self {
            decoded,
            raw: if is_default { b"" } else { text },
        })
    }

    fn print(&self, part: Part, out: &mut Vec<u8>) {
        if !self.raw.is_empty() && stays_verbatim(self.raw, part) {
            out.extend_from_slice(self.raw);
        } else if part == Part::Path && *self.decoded == *b"*" {
            out.push(b'*');
        } else {
            escape(&self.decoded, part, out);
        }
    }
}

fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), UrlError> {
    let end = text
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b));
    match end {
        Some(0) if text[0] == b':' => Err(UrlError::MissingScheme),
        Some(end) if text[end] == b':' && text[0].is_ascii_alphabetic() => {
            Ok((&text[..end], &text[end + 1..]))
        }
        _ => Ok((b"", text)),
    }
}

type Authority<'a> = (Option<User<'a>>, Cow<'a, [u8]>);

fn parse_authority(text: &[u8]) -> Result<Authority<'_>, UrlError> {
    let Some(at) = text.iter().rposition(|&b| b == b'@') else {
        return Ok((None, parse_host(text)?));
    };
    let host = parse_host(&text[at + 1..])?;
    let info = &text[..at];
    if !info
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b))
    {
        return Err(UrlError::UserInfo);
    }
    let (name, password) = match cut(info, b':') {
        Some((name, password)) => (name, Some(unescape(password, Part::User)?)),
        None => (info, None),
    };
    Ok((
        Some(User {
            name: unescape(name, Part::User)?,
            password,
        }),
        host,
    ))
}

fn parse_host(text: &[u8]) -> Result<Cow<'_, [u8]>, UrlError> {
    match text.iter().rposition(|&b| b == b'[') {
        Some(0) => parse_ip_literal(text),
        Some(_) => Err(UrlError::IpLiteral),
        None => {
            if let Some(colon) = text.iter().rposition(|&b| b == b':') {
                check_port(&text[colon..])?;
            }
            unescape(text, Part::Host)
        }
    }
}

/// Only an IPv6 address may stand in brackets, with an optional zone behind `%25` (RFC 6874).
fn parse_ip_literal(text: &[u8]) -> Result<Cow<'_, [u8]>, UrlError> {
    let close = text
        .iter()
        .rposition(|&b| b == b']')
        .ok_or(UrlError::MissingBracket)?;
    check_port(&text[close + 1..])?;
    let name = &text[1..close];
    let zone = name
        .windows(3)
        .position(|w| w == b"%25")
        .unwrap_or(name.len());
    let address = unescape(&name[..zone], Part::Host)?;
    let zone = unescape(&name[zone..], Part::Zone)?;
    let is_v6 = std::str::from_utf8(&address).is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok());
    if !is_v6 || *zone == *b"%" {
        return Err(UrlError::IpLiteral);
    }
    if zone.is_empty() {
        return Ok(Cow::Borrowed(text));
    }
    Ok(Cow::Owned(
        [b"[", &*address, &*zone, &text[close..]].concat(),
    ))
}

/// `text` is empty or a colon and digits, as many as you like.
fn check_port(text: &[u8]) -> Result<(), UrlError> {
    match text.split_first() {
        None => Ok(()),
        Some((b':', digits)) if digits.iter().all(u8::is_ascii_digit) => Ok(()),
        Some(_) => Err(UrlError::Port),
    }
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = text.iter().position(|&b| b == at)?;
    Some((&text[..index], &text[index + 1..]))
}

fn first_segment(text: &[u8]) -> &[u8] {
    cut(text, b'/').map_or(text, |(left, _)| left)
}

fn lower(scheme: &[u8]) -> Cow<'_, str> {
    // A scheme is ASCII by `split_scheme`, so nothing is lost.
    let scheme = std::str::from_utf8(scheme).unwrap_or_default();
    if scheme.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(scheme.to_ascii_lowercase())
    } else {
        Cow::Borrowed(scheme)
    }
}
