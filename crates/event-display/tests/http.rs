//! What is answered to what, beyond the recorded requests (event-display.md 6, 8.1).

mod support;

use std::io::{Read as _, Write as _};

use support::{Answer, DEADLINE, Display, event, request};

#[test]
fn health_checks() {
    let display = Display::start(&[]);
    for method in ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "BREW"] {
        let answer = display.ask(&request(method, "/healthz", &[], b"x"));
        assert_eq!((answer.status, &*answer.body), (204, &b""[..]), "{method}");
    }
    for path in [
        "/healthz?x",
        "/healthz/",
        "/health%7A",
        "http://x/healthz",
        "/healthz?",
    ] {
        assert_eq!(
            display.ask(&request("GET", path, &[], b"")).status,
            405,
            "{path}"
        );
    }
    let swallowed = event(&[], b"x")
        .escape_ascii()
        .to_string()
        .replace("POST / ", "POST /healthz ");
    let swallowed = swallowed.replace("\\r\\n", "\r\n");
    assert_eq!(display.ask(swallowed.as_bytes()).status, 204);
    assert!(display.process.stdout().bytes().is_empty());
}

#[test]
fn methods_and_targets() {
    let mut display = Display::start(&[]);
    let mut with = |method: &str, target: &str| {
        let text = String::from_utf8(event(&[], b"")).expect("text");
        let answer = display.ask(
            text.replace("POST / ", &format!("{method} {target} "))
                .as_bytes(),
        );
        let has_printed = !display
            .printed(usize::from(answer.status == 200))
            .is_empty();
        assert_eq!(
            has_printed,
            answer.status == 200 && target != "*",
            "{method} {target}"
        );
        answer.status
    };
    for method in ["POST", "PUT", "PATCH", "HEAD", "TRACE", "BREW", "post"] {
        assert_eq!(with(method, "/"), 200, "{method}");
    }
    for method in ["GET", "OPTIONS", "DELETE"] {
        assert_eq!(with(method, "/"), 405, "{method}");
    }
    for target in [
        "/a/../b",
        "//a",
        "/./",
        "/a?b=%zz",
        "http://other/x",
        "/%41",
        "/%2f",
    ] {
        assert_eq!(with("POST", target), 200, "{target}");
    }
    for target in ["/%zz", "/a%", "*", "x"] {
        assert_eq!(with("POST", target), 400, "{target}");
    }
    assert_eq!(display.ask(&request("OPTIONS", "*", &[], b"")).status, 200);
}

#[test]
fn what_go_refuses_before_anyone_sees_it() {
    let display = Display::start(&[]);
    let text = String::from_utf8(event(&[], b"")).expect("text");
    let without_host = text.replace("Host: x\r\n", "");
    let answer = display.ask(without_host.as_bytes());
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body,
        b"400 Bad Request: missing required Host header"
    );
    assert_eq!(
        display
            .ask(without_host.replace("HTTP/1.1", "HTTP/1.0").as_bytes())
            .status,
        200
    );
    assert_eq!(
        display
            .ask(text.replace("Host: x", "Host: x\r\nHost: y").as_bytes())
            .status,
        400
    );
    assert_eq!(
        display
            .ask(text.replace("Host: x", "Host: x y").as_bytes())
            .status,
        400
    );
    assert_eq!(display.post(&[("Expect", "a miracle")], b"").status, 417);
    assert_eq!(
        display.post(&[("Expect", "100-Continue")], b"x").status,
        200
    );
    assert_eq!(display.ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").status, 400);
    let long = event(&[("ce-x", &"x".repeat(1 << 21))], b"");
    assert_eq!(display.ask(&long).status, 431);
    let many: Vec<_> = (0..900)
        .map(|n| (format!("ce-x{n}"), n.to_string()))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(display.post(&many, b"").status, 200);
}

#[test]
fn framing() {
    let mut display = Display::start(&[]);
    let head = "POST / HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-type: t\r\n\
                ce-source: /s\r\n";
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n\
         1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: x\r\n\r\n"
    );
    assert_eq!(display.ask(chunked.as_bytes()).status, 200);
    display.printed_until(b"Data,\n  abc\n");
    // One packet, several requests.
    let three = format!("{head}Content-Length: 1\r\n\r\nx").repeat(2) + &chunked;
    let answers = String::from_utf8(display.send(three.as_bytes())).expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    // The sender may close its side.
    let whole = format!("{head}Content-Length: 1\r\n\r\nx");
    assert_eq!(
        Answer::parse(&display.send_half(whole.as_bytes()))
            .expect("an answer")
            .status,
        200
    );
    display.printed(1);
    // A body that is cut short.
    for start in [
        "Content-Length: 9\r\n\r\nx",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ] {
        let answer = Answer::parse(&display.send_half(format!("{head}{start}").as_bytes()));
        assert_eq!(
            answer.map(|a| (a.status, a.body)),
            Some((500, Vec::new())),
            "{start}"
        );
    }
    for bad in [
        "Content-Length: x\r\n\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    ] {
        assert_eq!(
            display.ask(format!("{head}{bad}").as_bytes()).status,
            400,
            "{bad}"
        );
    }
    assert!(display.printed(0).is_empty());
}

#[test]
fn bodies_have_a_limit() {
    let mut display = Display::start(&[("MAX_BODY_BYTES", "1000000")]);
    assert_eq!(display.post(&[], &vec![b'x'; 1_000_000]).status, 200);
    display.printed(1_000_000);
    let too_long = display.post(&[], &vec![b'x'; 1_000_001]);
    assert_eq!((too_long.status, &*too_long.body), (413, &b""[..]));
    let chunk = format!("7a120\r\n{}\r\n", "x".repeat(500_000));
    let head = "POST / HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-id: 1\r\nce-type: t\r\n\
                ce-source: /s\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{}0\r\n\r\n", chunk.repeat(3));
    assert_eq!(display.ask(chunked.as_bytes()).status, 413);
    // A promise costs nothing.
    let mut promise = display.connect();
    promise
        .write_all(
            head.replace("Transfer-Encoding: chunked", "Content-Length: 999999")
                .as_bytes(),
        )
        .expect("somebody listens");
    assert!(display.printed(0).is_empty());
    display
        .process
        .stderr()
        .line_with("longer than 1000000 bytes", DEADLINE);
}

/// Each of these ends upstream's process.
#[test]
fn three_requests_that_crash_upstream() {
    let mut display = Display::start(&[]);
    let structured = [("content-type", "application/cloudevents+json")];
    let requests = [
        event(&[("ce-", "x")], b""),
        request(
            "POST",
            "/",
            &structured,
            br#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data_base64":1}"#,
        ),
        request(
            "POST",
            "/",
            &structured,
            br#"{"datacontentencoding":"","specversion":"0.3","type":"t","source":"/s","id":"1"}"#,
        ),
    ];
    for request in requests {
        let answer = display.ask(&request);
        assert!([400, 500].contains(&answer.status), "{answer:?}");
        assert_eq!(display.post(&[], b"").status, 200);
    }
    assert_eq!(display.process.exited(), None);
}

#[test]
fn nested_json_stays_small() {
    let mut display = Display::start(&[]);
    let json = [("content-type", "application/json")];
    for depth in [10_000, 10_001, 1_000_000] {
        let body = [vec![b'['; depth], vec![b']'; depth]].concat();
        assert_eq!(display.post(&json, &body).status, 200);
        display.printed_until(&[b"Data,\n  ", &*body, b"\n"].concat());
    }
    // Here the line ends and blanks stay below a mebibyte.
    let depth = 700;
    let body = [vec![b'['; depth], b"1".to_vec(), vec![b']'; depth]].concat();
    let mut indented = String::from("Data,\n  ");
    for level in 1..=depth {
        indented += "[\n";
        indented += &"  ".repeat(level + 1);
    }
    indented.push('1');
    for level in (0..depth).rev() {
        indented.push('\n');
        indented += &"  ".repeat(level + 1);
        indented.push(']');
    }
    indented.push('\n');
    assert_eq!(display.post(&json, &body).status, 200);
    display.printed_until(indented.as_bytes());
    let peak = display.process.peak_resident();
    assert!(peak < 40 << 20, "{peak} bytes");
}

#[test]
fn terminal_escapes_and_any_bytes_come_out_as_they_went_in() {
    let mut display = Display::start(&[]);
    let data: Vec<u8> = (0..=255).chain(*b"\x1b[2J\x1b]0;title\x07\r\n").collect();
    let head = String::from_utf8(event(&[("content-type", "text/plain")], b"")).expect("text");
    let head = head.replace(
        "Content-Length: 0",
        &format!("Content-Length: {}", data.len()),
    );
    let head = head.replace("Content-Length", "ce-raw: caf\u{e9}\r\nContent-Length");
    // A header value that is not UTF-8.
    let mut wire: Vec<u8> = head
        .chars()
        .map(|letter| u8::try_from(letter).expect("latin"))
        .collect();
    wire.extend_from_slice(&data);
    assert_eq!(display.ask(&wire).status, 200);
    display.printed_until(&[b"Extensions,\n  raw: caf\xe9\nData,\n  ", &*data, b"\n"].concat());
}

#[test]
fn connections_are_kept_and_closed_as_asked() {
    let display = Display::start(&[]);
    let keep = String::from_utf8(event(&[], b"x"))
        .expect("text")
        .replace("Connection: close\r\n", "");
    let mut stream = display.connect();
    let mut bytes = [0; 4096];
    for _ in 0..3 {
        stream.write_all(keep.as_bytes()).expect("somebody listens");
        let count = stream.read(&mut bytes).expect("an answer");
        assert!(bytes[..count].starts_with(b"HTTP/1.1 200 OK"));
    }
    stream
        .write_all(&event(&[], b"x"))
        .expect("somebody listens");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end");
    assert!(rest.starts_with(b"HTTP/1.1 200 OK"));
}
