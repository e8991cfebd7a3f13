//! What a GET asks for: media types, parameters, the place to go on from.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use url::form_urlencoded;

/// The media types that open the page (docs/event-display.md).
const TYPES: [&str; 3] = ["text/html", "application/json", "text/event-stream"];

/// Whether the headers ask for one of the page's media types by name.
pub(super) fn asks_for_page(headers: &HeaderMap) -> bool {
    TYPES.iter().any(|wanted| asks_for(headers, wanted))
}

/// Whether the headers ask for this media type by name; `*/*` does not.
pub(super) fn asks_for(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes);
    let mut items = values.flat_map(|value| value.split(|&b| b == b','));
    items.any(|item| {
        let mut parts = item.split(|&b| b == b';').map(<[u8]>::trim_ascii);
        let is_it = parts
            .next()
            .unwrap_or_default()
            .eq_ignore_ascii_case(wanted.as_bytes());
        is_it && !parts.any(is_never)
    })
}

/// `q=0` says that it is not wanted.
fn is_never(parameter: &[u8]) -> bool {
    let weight = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="));
    let weight = weight.and_then(|weight| std::str::from_utf8(weight).ok());
    weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
}

/// The parameters of a query.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them; names are taken as they are.
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// The first value of a parameter; empty counts as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// The same query without this parameter, as it is written behind `?`.
    pub(super) fn without(&self, name: &str) -> String {
        let rest = self.0.iter().filter(|(found, _)| found != name);
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(rest)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept() {
        for (accept, is_asked) in [
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("application/json", true),
            ("Text/Event-Stream", true),
            ("image/png, application/json; charset=utf-8; q=0.1", true),
            ("*/*", false),
            ("text/*", false),
            ("", false),
            ("text/html;q=0", false),
            ("text/html; q=0.0, */*", false),
            ("image/avif,image/webp,*/*;q=0.8", false),
        ] {
            let value = HeaderValue::from_static(accept);
            let headers = HeaderMap::from_iter([(ACCEPT, value)]);
            assert_eq!(asks_for_page(&headers), is_asked, "{accept}");
        }
        assert!(!asks_for_page(&HeaderMap::new()));
    }

    #[test]
    fn parameters() {
        let query = Query::read(Some("a=1%202&token=x+y&empty=&a=3"));
        assert_eq!(query.get("a"), Some("1 2"));
        assert_eq!(query.get("token"), Some("x y"));
        assert_eq!((query.get("empty"), query.get("b")), (None, None));
        assert_eq!(query.without("token"), "a=1+2&empty=&a=3");
        assert_eq!(Query::read(None).without("token"), "");
    }
}
