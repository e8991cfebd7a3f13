use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream as Client;

use testkit::{Answer, Sink, eventually};

use super::*;

const SOON: Duration = Duration::from_secs(10);
const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";

fn line() -> (Sink, Proxy) {
    let sink = Sink::start([Answer::status(202)]);
    let proxy = Proxy::start(sink.address());
    (sink, proxy)
}

fn ask(client: &mut Client) -> std::io::Result<Vec<u8>> {
    client.write_all(REQUEST)?;
    let mut answer = [0; 256];
    let count = client.read(&mut answer)?;
    Ok(answer[..count].to_vec())
}

fn connect(proxy: &Proxy) -> Client {
    let client = Client::connect(proxy.address()).unwrap();
    client
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    client
}

#[test]
fn it_refuses_resets_and_comes_back() {
    let (_sink, proxy) = line();
    let mut open = connect(&proxy);
    assert!(ask(&mut open).unwrap().starts_with(b"HTTP/1.1 202"));
    proxy.set(Weather::Refuse);
    eventually("a refusal", SOON, || Client::connect(proxy.address()).err());
    assert_eq!(
        open.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    proxy.set(Weather::Fair);
    let mut again = eventually("a connection", SOON, || {
        Client::connect(proxy.address()).ok()
    });
    assert!(ask(&mut again).unwrap().starts_with(b"HTTP/1.1 202"));
}

#[test]
fn a_request_and_an_answer_are_cut_in_the_middle() {
    let (sink, proxy) = line();
    proxy.set(Weather::ResetRequest(20));
    assert_eq!(
        ask(&mut connect(&proxy)).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(sink.requests().len(), 0);
    proxy.set(Weather::ResetResponse(5));
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client).unwrap(), b"HTTP/");
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(sink.requests().len(), 1);
}

#[test]
fn what_hangs_goes_on_and_what_is_half_open_does_not() {
    let (sink, proxy) = line();
    let mut waits = connect(&proxy);
    proxy.set(Weather::Hang);
    assert_eq!(ask(&mut waits).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.set(Weather::Fair);
    let mut answer = [0; 256];
    let count = waits.read(&mut answer).unwrap();
    assert!(answer[..count].starts_with(b"HTTP/1.1 202"));

    proxy.set(Weather::HalfOpen);
    assert_eq!(ask(&mut waits).unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.set(Weather::Fair);
    assert_eq!(ask(&mut waits).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(sink.requests().len(), 1);
    drop(waits);
    eventually("no open connection", SOON, || {
        (proxy.connections() == 0).then_some(())
    });
}

#[test]
fn slow_is_slow_and_whole() {
    let (_sink, proxy) = line();
    let pause = Duration::from_millis(10);
    proxy.set(Weather::Slow { piece: 10, pause });
    let mut client = connect(&proxy);
    let started = std::time::Instant::now();
    client.write_all(REQUEST).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 202");
    assert!(started.elapsed() >= pause * 4);
}
