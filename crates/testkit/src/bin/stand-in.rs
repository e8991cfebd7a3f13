//! What a cluster test needs beside our programs, as a program of its own: a GitLab to register
//! hooks at, and an HTTPS door with a certificate that only its own authority vouches for.
//! The work is in `testkit`; here are the two command lines, and SIGTERM.

use std::io::{self, Write};
use std::process::ExitCode;

use testkit::{Answer, Authority, GitLab, Reply, Request, Sink, exchange};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "stand-in gitlab PROJECT ACCESS-TOKEN   GitLab's API of hooks, on port 8080
stand-in https HOST ADDRESS            passes HTTPS for HOST on port 8443 on to ADDRESS;
                                       its authority's certificate goes to stdout";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["gitlab", project, token] => {
            GitLab::remote("0.0.0.0:8080", project, token).and_then(until_told_to_stop)
        }
        ["https", host, address] => https(host, address).and_then(until_told_to_stop),
        _ => Err(io::Error::other(format!("wants\n{USAGE}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told.
            let _ = writeln!(io::stderr(), "stand-in: {error}");
            ExitCode::FAILURE
        }
    }
}

fn https(host: &str, address: &str) -> io::Result<Sink> {
    let authority = Authority::new();
    let identity = authority.identity(&[host]);
    let address = address.to_owned();
    let door = Sink::answering_at(
        "0.0.0.0:8443",
        Some(identity),
        move |request, _| match pass_on(request, &address) {
            Ok(reply) => Answer::status(reply.status).body(reply.body),
            Err(error) => Answer::status(502).body(error.to_string()),
        },
    )?;
    io::stdout().write_all(authority.pem().as_bytes())?;
    Ok(door)
}

/// The request as it came, but for the length, which is that of the whole body now.
fn pass_on(request: &Request, address: &str) -> io::Result<Reply> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", request.method, request.path).into_bytes();
    for (name, value) in request.headers.raw() {
        let framing = [
            "content-length",
            "transfer-encoding",
            "connection",
            "expect",
        ];
        if !framing.contains(&name.to_ascii_lowercase().as_str()) {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    write!(
        bytes,
        "Content-Length: {}\r\nConnection: close\r\n\r\n",
        request.body.len()
    )?;
    bytes.extend_from_slice(&request.body);
    exchange(address, &bytes)
}

/// Waits for SIGTERM; a process 1 has to ask for it.
fn until_told_to_stop<T>(_running: T) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        signal(SignalKind::terminate())?.recv().await;
        Ok(())
    })
}
