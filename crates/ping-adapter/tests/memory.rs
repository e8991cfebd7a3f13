//! What a source costs while nothing happens: there may be ten thousand of them.

mod common;

use common::SOON;
use common::cluster::{SOURCES, api_server, golden, source};

/// In bytes: 1 400 when this was written, and 5 300 before anybody looked.
const EACH: u64 = 2_500;

#[test]
fn a_source_is_small() {
    let (few, many) = (1_000, 6_000);
    let grown = resident_with(many) - resident_with(few);
    let each = grown / (many - few);
    assert!(each <= EACH, "{each} bytes a source");
}

/// Resident memory once so many sources are on the agenda, in bytes.
fn resident_with(sources: u64) -> u64 {
    let server = api_server();
    for number in 0..sources {
        let name = format!("p{number}");
        server.apply(SOURCES, source(&name, "0 0 1 1 *", "http://sink"));
    }
    let process = golden(&server).args(["--disable-ha"]).start();
    let known = process
        .stdout()
        .line_with("All PingSources are known.", SOON);
    assert!(known.contains(&format!("\"sources\":{sources}")), "{known}");
    process.resident()
}
