//! Upstream's recorded answers and output, request by request (event-display.md 9).

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Answer, Display, event};

#[test]
fn requests() {
    check_all(Display::start(&[]), |_| true);
}

/// All but what GET gets.
#[test]
fn requests_with_the_page_on() {
    check_all(Display::start(&[("DISPLAY_UI", "true")]), |vector| {
        vector["request"]["method"] != "GET"
    });
}

fn check_all(mut display: Display, is_wanted: impl Fn(&Value) -> bool) {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("data/event-display-vectors.json")).expect("vectors");
    assert_eq!(vectors.len(), 87);
    let failures: Vec<String> = vectors
        .iter()
        .filter(|vector| is_wanted(vector))
        .filter_map(|vector| {
            let problem = check(&mut display, vector).err()?;
            Some(format!("{}: {problem}", vector["name"]))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn check(display: &mut Display, vector: &Value) -> Result<(), String> {
    let answer = display.ask(&wire(&vector["request"]));
    let outcomes = match &vector["accept"]["outcomes"] {
        Value::Array(outcomes) => outcomes.clone(),
        _ => vec![vector.clone()],
    };
    let status_of = |outcome: &Value| match &vector["match"] {
        Value::String(kind) if kind == "accept" => {
            let accept = &vector["accept"];
            if accept["outcomes"].is_array() {
                outcome["status"].clone()
            } else {
                accept["status"].clone()
            }
        }
        _ => outcome["response"]["status"].clone(),
    };
    let outcome = outcomes
        .iter()
        .find(|outcome| fits(&status_of(outcome), answer.status))
        .ok_or_else(|| format!("answered {answer:?}"))?;
    let expected = stdout(outcome, answer.status);
    let printed = display.printed(expected.as_ref().map_or(0, Expected::len));
    if let Some(expected) = expected {
        expected.check(&printed)?;
    }
    if vector["match"].is_null() || vector["match"] == "body-lines-any-order" {
        check_answer(&answer, &vector["response"], vector["match"].is_null())?;
    }
    Ok(())
}

fn fits(expected: &Value, status: u16) -> bool {
    match expected {
        Value::Array(all) => all.iter().any(|one| fits(one, status)),
        one => one.as_u64() == Some(u64::from(status)),
    }
}

fn check_answer(answer: &Answer, response: &Value, in_order: bool) -> Result<(), String> {
    let expected = response["body"].as_str().unwrap_or_default();
    let lines = |text: &str| {
        let mut lines: Vec<_> = text.split_inclusive('\n').map(str::to_owned).collect();
        if !in_order {
            lines.sort_unstable();
        }
        lines
    };
    let body = String::from_utf8_lossy(&answer.body);
    if lines(&body) != lines(expected) {
        return Err(format!("the body is {body:?}"));
    }
    for (name, value) in response["headers"].as_object().expect("headers") {
        if answer.header(name) != value.as_str() {
            return Err(format!("{name} is {:?}", answer.header(name)));
        }
    }
    let has_type = response["headers"].get("content-type").is_some();
    if answer.header("content-type").is_some() != has_type {
        return Err("a content type without need".to_owned());
    }
    Ok(())
}

/// The output that a vector asks for.
enum Expected {
    Whole(Vec<u8>),
    Outline {
        length: usize,
        start: Vec<u8>,
        end: Vec<u8>,
    },
}

impl Expected {
    fn len(&self) -> usize {
        match self {
            Self::Whole(text) => text.len(),
            Self::Outline { length, .. } => *length,
        }
    }

    fn check(&self, printed: &[u8]) -> Result<(), String> {
        let fits = match self {
            Self::Whole(text) => printed == text,
            Self::Outline { length, start, end } => {
                // In between there is nothing but one letter.
                printed.len() == *length
                    && printed.starts_with(start)
                    && printed.ends_with(end)
                    && printed[start.len()..length - end.len()]
                        .iter()
                        .all(|b| b == &end[0])
            }
        };
        let shown = &printed[..printed.len().min(2000)];
        if fits {
            Ok(())
        } else {
            Err(format!("printed {:?}", shown.escape_ascii().to_string()))
        }
    }
}

fn stdout(outcome: &Value, status: u16) -> Option<Expected> {
    let text = |name: &str| outcome[name].as_str().map(|text| text.as_bytes().to_vec());
    if let Some(text) = text("stdout") {
        // Where upstream crashed there is no output to compare with.
        return (outcome["accept"].is_null() || status != 200).then_some(Expected::Whole(text));
    }
    if let Some(encoded) = outcome["stdout_base64"].as_str() {
        return Some(Expected::Whole(STANDARD.decode(encoded).expect("base64")));
    }
    let length = outcome["stdout_length"].as_u64()?;
    Some(Expected::Outline {
        length: usize::try_from(length).expect("a length"),
        start: text("stdout_prefix")?,
        end: text("stdout_suffix")?,
    })
}

fn wire(request: &Value) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let repeated = |body: &Value| {
        let count = usize::try_from(body["count"].as_u64().unwrap_or(0)).expect("a count");
        text(&body["prefix"]) + &text(&body["unit"]).repeat(count) + &text(&body["suffix"])
    };
    let body = match (request["body_base64"].as_str(), &request["body_repeat"]) {
        (Some(encoded), _) => STANDARD.decode(encoded).expect("base64"),
        (None, Value::Null) => text(&request["body"]).into_bytes(),
        (None, body) => repeated(body).into_bytes(),
    };
    let mut head = format!(
        "{} {} HTTP/1.1\r\n",
        text(&request["method"]),
        text(&request["path"])
    );
    head += "Host: 127.0.0.1\r\nConnection: close\r\n";
    for header in request["headers"].as_array().expect("headers") {
        head.extend([&*text(&header[0]), ": ", &text(&header[1]), "\r\n"]);
    }
    let framed = match text(&request["framing"]).as_str() {
        "content-length" => {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
            body
        }
        "chunked" => {
            head += "Transfer-Encoding: chunked\r\n";
            let (left, right) = body.split_at(body.len() / 2);
            let chunk = |piece: &[u8]| {
                [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()
            };
            [chunk(left), chunk(right), b"0\r\n\r\n".to_vec()].concat()
        }
        _ => Vec::new(),
    };
    [head.as_bytes(), b"\r\n", &framed].concat()
}

/// The one header of each list, and the line that it is printed on.
#[test]
fn attributes() {
    let lists: Value =
        serde_json::from_str(include_str!("data/event-display-attribute-vectors.json"))
            .expect("vectors");
    let mut display = Display::start(&[]);
    let mut count = 0;
    let mut failures = Vec::new();
    for (name, vectors) in lists.as_object().expect("lists") {
        for vector in vectors.as_array().expect("a list") {
            count += 1;
            if let Err(problem) = check_attribute(&mut display, name, vector) {
                failures.push(format!("{name} {vector}: {problem}"));
            }
        }
    }
    assert_eq!(count, 183);
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn check_attribute(display: &mut Display, name: &str, vector: &Value) -> Result<(), String> {
    let value = vector["value"].as_str().expect("a value");
    let (header, body) = match name {
        "datacontenttype" => ("content-type".to_owned(), &b"{\"a\":1}"[..]),
        _ => (format!("ce-{name}"), &b""[..]),
    };
    let answer = display.ask(&event(&[(&header, value)], body));
    if vector["status"].as_u64() != Some(u64::from(answer.status)) {
        return Err(format!("answered {answer:?}"));
    }
    if let Some(body) = vector["body"].as_str()
        && answer.body != body.as_bytes()
    {
        return Err(format!("answered {answer:?}"));
    }
    let printed = display.printed(usize::from(answer.status == 200));
    let printed = String::from_utf8(printed).expect("text");
    let start = format!("  {name}: ");
    let line = printed.lines().find_map(|line| line.strip_prefix(&start));
    if line == vector["printed"].as_str() {
        Ok(())
    } else {
        Err(format!("printed {printed:?}"))
    }
}
