//! The `ping-adapter` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    adapter::program::main::<ping_adapter::PingAdapter>()
}
