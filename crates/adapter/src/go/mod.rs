//! Text formats of Go's standard library that stock controllers write and stock sinks print.
//!
//! Each room reproduces one Go package as far as the contracts need it, and nothing more.

pub mod duration;
pub mod json;
pub mod media_type;
pub mod time;
pub mod url;
