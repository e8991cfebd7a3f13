use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;

use super::*;

fn entry_of(request: Request<&'static str>, trailers: HeaderMap) -> String {
    let (mut parts, body) = request.into_parts();
    parts
        .extensions
        .insert(Peer(SocketAddr::from(([127, 0, 0, 1], 53358))));
    let mut out = Vec::new();
    write(
        &parts,
        &Whole {
            bytes: Bytes::from(body),
            trailers,
        },
        &mut out,
    );
    String::from_utf8(out).expect("text")
}

#[test]
fn the_example_of_the_contract() {
    let request = Request::post("/p/q?x=1&y=%20")
        .header("host", "127.0.0.1:8080")
        .header("transfer-encoding", "chunked")
        .header("ce-id", "1")
        .body("{\"a\":\"<\u{e9}>\"}")
        .expect("a request");
    let expected = r#"{
  "method": "POST",
  "URL": {
    "Scheme": "",
    "Opaque": "",
    "User": null,
    "Host": "",
    "Path": "/p/q",
    "Fragment": "",
    "RawQuery": "x=1\u0026y=%20",
    "RawPath": "",
    "RawFragment": "",
    "ForceQuery": false,
    "OmitHost": false
  },
  "proto": "HTTP/1.1",
  "protoMajor": 1,
  "protoMinor": 1,
  "headers": {
    "Ce-Id": [
      "1"
    ]
  },
  "body": "{\"a\":\"\u003cé\u003e\"}",
  "contentLength": -1,
  "transferEncoding": [
    "chunked"
  ],
  "host": "127.0.0.1:8080",
  "remoteAddr": "127.0.0.1:53358",
  "requestURI": "/p/q?x=1\u0026y=%20"
}"#;
    assert_eq!(entry_of(request, HeaderMap::new()), expected);
}

#[test]
fn what_is_empty_is_left_out() {
    let request = Request::get("/")
        .version(Version::HTTP_10)
        .body("")
        .expect("a request");
    let text = entry_of(request, HeaderMap::new());
    for member in [
        "protoMinor",
        "headers",
        "body",
        "contentLength",
        "host",
        "trailer",
    ] {
        assert!(
            !text.contains(&format!("\"{member}\"")),
            "{member} in {text}"
        );
    }
    assert!(text.contains("\"proto\": \"HTTP/1.0\",\n  \"protoMajor\": 1,\n  \"remoteAddr\""));
}

#[test]
fn headers_in_canonical_form_and_order() {
    let request = Request::put("http://u@h:1/%41?")
        .header("x-b", "2")
        .header("host", "other")
        .header("a", "1")
        .header("x-b", "3")
        .body("hi")
        .expect("a request");
    let mut trailers = HeaderMap::new();
    trailers.insert("x-end", "z".parse().expect("a value"));
    let text = entry_of(request, trailers);
    let headers = "  \"headers\": {\n    \"A\": [\n      \"1\"\n    ],\n    \"X-B\": [\n      \
                   \"2\",\n      \"3\"\n    ]\n  },\n  \"body\": \"hi\",\n  \"contentLength\": 2,\n  \
                   \"host\": \"h:1\",\n  \"trailer\": {\n    \"X-End\": [\n      \"z\"\n    ]\n  },\n";
    assert!(text.contains(headers), "{text}");
    let url = "\"Scheme\": \"http\",\n    \"Opaque\": \"\",\n    \"User\": {},\n    \
               \"Host\": \"h:1\",\n    \"Path\": \"/A\",\n";
    assert!(
        text.contains(url) && text.contains("\"RawPath\": \"/%41\""),
        "{text}"
    );
    assert!(text.contains("\"ForceQuery\": true"), "{text}");
}
