//! One collection, listed and then watched without an end: everything an [`Observer`] needs to
//! know of it, in order and without gaps that it is not told of.
//!
//! The loop goes on from the last version after every disconnect, and lists again when that
//! version has expired. It keeps no objects and does not know what they mean.
//! Contract: `apiserversource.md` 2.2 and 9, `pingsource.md` 2.1.

mod backoff;
mod collection;
mod lines;
mod list;
mod object;
mod run;
mod split;
mod status;

use std::ops::ControlFlow;

pub use self::collection::{Collection, Form};
pub use self::object::Object;
pub use self::run::Watch;
pub use self::status::{State, Status};
use crate::client::ApiError;

/// Where the first watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At a list of all objects in this form, which the observer gets.
    Listed(Form),
    /// At the collection's present version: existing objects are neither fetched nor told of.
    Now,
}

/// What an observer is told, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A list begins: at the start, after a gap, or again because the last one broke off.
    Listing,
    /// An object of the list.
    Listed(Object<'a>),
    /// The list was whole: what was not in it does not exist. Changes follow from here on.
    Synced,
    /// Created, or begun to match the selector.
    Added(Object<'a>),
    /// Changed.
    Modified(Object<'a>),
    /// Deleted, or no longer matching: its last state, with the version of the deletion.
    Deleted(Object<'a>),
}

/// Why the loop is not watching just now. It goes on by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A list failed.
    #[error("it cannot be listed: {0}")]
    List(#[source] ApiError),
    /// A watch could not be started, or the API server ended it with an error.
    #[error("it cannot be watched: {0}")]
    Watch(#[source] ApiError),
    /// The connection broke or was silent for too long.
    #[error("the watch broke off: {0}")]
    Broken(String),
    /// The version to go on from has expired. A list follows; what happened meanwhile shows only
    /// in comparing it with what was known.
    #[error("changes were missed: {0}")]
    Gap(#[source] ApiError),
}

impl Trouble {
    /// The code of the refusal, if the API server said one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::List(error) | Self::Watch(error) | Self::Gap(error) => error.code(),
            Self::Broken(_) => None,
        }
    }
}

/// Whoever wants to know.
pub trait Observer: Send {
    /// Takes one event.
    ///
    /// Before it returns, the loop reads no further and does not move the version to go on from:
    /// an observer that waits for a full queue slows the reading, not the memory.
    fn event(&mut self, event: Event<'_>) -> impl Future<Output = ()> + Send;

    /// Hears why the loop will wait and try again; `Break` ends it instead.
    ///
    /// `streak` counts failures from 1 until a watch works again.
    fn trouble(&mut self, trouble: &Trouble, streak: u32) -> ControlFlow<()> {
        let _ = (trouble, streak);
        ControlFlow::Continue(())
    }
}
