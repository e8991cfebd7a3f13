//! The webhook at GitLab: finding it by URL, creating, editing and deleting it through the API.
//!
//! The stock controller does this itself; here it serves who runs without it, and who needs a flag
//! that it cannot set. `flags`, `address`, `settings` and `plan` are pure, `api` speaks to GitLab,
//! `ensure` does what a plan says, `keep` repeats it while the receiver runs, `tool` is the
//! command line. Contract: `gitlabsource.md` 1.4 and 7.

pub mod address;
pub mod api;
pub mod ensure;
pub mod flags;
pub mod keep;
pub mod plan;
pub mod settings;
pub mod tool;
