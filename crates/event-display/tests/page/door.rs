//! Who sees the page, and what it allows itself.

use crate::support::viewer::{HTML, JSON, STREAM};
use crate::support::{Display, request};
use crate::{ON, post, start};

#[test]
fn it_is_off_by_default() {
    let display = Display::start(&[]);
    for accept in [JSON, HTML, STREAM] {
        for path in ["/", "/events", "/events/stream", "/stats"] {
            let reply = display.get(path, &[accept]);
            assert_eq!((reply.status, &*reply.body), (405, &b""[..]), "{path}");
        }
    }
    assert_eq!(display.get("/healthz", &[HTML]).status, 204);
}

#[test]
fn only_gets_that_ask_for_it_see_it() {
    let mut display = start();
    for accept in ["*/*", "text/*", "image/png", "text/html;q=0"] {
        let reply = display.get("/", &[("Accept", accept)]);
        assert_eq!((reply.status, &*reply.body), (405, &b""[..]), "{accept}");
    }
    assert_eq!(display.get("/", &[]).status, 405);
    assert_eq!(display.get("/healthz", &[HTML]).status, 204);
    for method in ["OPTIONS", "DELETE"] {
        assert_eq!(
            display
                .ask(&request(method, "/events", &[JSON], b""))
                .status,
            405
        );
    }
    assert_eq!(display.ask(&request("GET", "*", &[JSON], b"")).status, 400);
    assert_eq!(display.get("/nowhere", &[JSON]).status, 404);
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-type", "t"),
        ("ce-source", "/s"),
    ];
    for path in ["/", "/events", "/events/stream", "/stats"] {
        for method in ["POST", "PUT", "HEAD"] {
            let answer = display.ask(&request(
                method,
                path,
                &[&headers[..], &[JSON]].concat(),
                b"x",
            ));
            assert_eq!(
                (answer.status, &*answer.body),
                (200, &b""[..]),
                "{method} {path}"
            );
            display.printed_until(b"Data,\n  x\n");
        }
    }
}

#[test]
fn the_document_is_strict_about_itself() {
    let display = start();
    let reply = display.get("/?anything", &[HTML]);
    assert_eq!(reply.status, 200);
    let header = |name: &str| reply.headers.get(name).unwrap_or_default();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'sha256-",
        "style-src 'sha256-",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "no {part} in {policy}");
    }
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let tag = header("etag");
    let again = display.get("/", &[HTML, ("If-None-Match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    for path in ["/events", "/events/x", "/stats"] {
        let reply = display.get(path, &[JSON, ("Origin", "http://elsewhere")]);
        assert_eq!(
            reply.headers.get("cache-control").as_deref(),
            Some("no-store")
        );
        assert_eq!(reply.headers.get("access-control-allow-origin"), None);
        let foreign = display.get(path, &[JSON, ("Sec-Fetch-Site", "cross-site")]);
        assert_eq!(foreign.status, 403);
    }
    let link = [
        HTML,
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
    ];
    assert_eq!(display.get("/", &link).status, 200);
}

#[test]
fn a_token_guards_all_of_it() {
    let token = "open sesame; 7&=ü";
    let display = Display::start(&[
        ON,
        ("DISPLAY_UI_TOKEN", token),
        ("REQUEST_LOGGING_ENABLED", "true"),
    ]);
    post(&display, &[("ce-id", "secret-event")], b"");
    for path in [
        "/",
        "/?token=wrong",
        "/events",
        "/events/stream",
        "/stats",
        "/events?token=x",
    ] {
        for accept in [HTML, JSON] {
            let reply = display.get(path, &[accept]);
            assert_eq!(reply.status, 401, "{path}");
            assert!(!reply.text().contains("secret-event"));
        }
    }
    let bearer = format!("Bearer {token}");
    let reply = display.get("/events", &[JSON, ("Authorization", &bearer)]);
    assert!(reply.status == 200 && reply.text().contains("secret-event"));
    let wrong = display.get("/events", &[JSON, ("Authorization", "Bearer open")]);
    assert_eq!(wrong.status, 401);
    let encoded = "open+sesame%3B+7%26%3D%C3%BC";
    let entered = display.get(&format!("/?a=b&token={encoded}"), &[HTML]);
    assert_eq!(entered.status, 303);
    assert_eq!(entered.headers.get("location").as_deref(), Some("/?a=b"));
    let cookie = entered.headers.get("set-cookie").expect("a cookie");
    let (pair, rest) = cookie.split_once(';').expect("attributes");
    assert!(
        rest.contains("HttpOnly") && rest.contains("SameSite=Lax"),
        "{rest}"
    );
    assert!(!pair.contains("sesame"));
    for (path, accept) in [("/", HTML), ("/events", JSON), ("/stats", JSON)] {
        assert_eq!(
            display.get(path, &[accept, ("Cookie", pair)]).status,
            200,
            "{path}"
        );
    }
    // Posting needs none of it.
    post(&display, &[], b"");
    let log = display.process.stderr().text();
    assert!(!log.contains("sesame") && !log.contains(pair), "{log}");
}
