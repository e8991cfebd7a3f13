//! The page in a real browser (docs/event-display.md). Pictures are left in target/screenshots.
//! Where no browser is installed these tests say so and end.

#[path = "../support/mod.rs"]
mod support;

mod list;
mod live;
mod looks;
mod visit;
