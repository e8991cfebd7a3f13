//! The programs, each with somebody who makes it send.

mod apiserver;
mod display;
mod gitlab;
mod heartbeats;
mod ping;
mod pings;
mod rhythm;

pub use self::apiserver::ApiServerAdapter;
pub use self::display::EventDisplay;
pub use self::gitlab::GitLabReceiver;
pub use self::heartbeats::Heartbeats;
pub use self::ping::StandalonePing;
pub use self::pings::PingSources;

use super::scene::Subject;

/// All of them, in the order of the report.
pub fn all() -> Vec<Box<dyn Subject>> {
    vec![
        Box::new(GitLabReceiver { spools: false }),
        Box::new(GitLabReceiver { spools: true }),
        Box::new(ApiServerAdapter { mode: "Resource" }),
        Box::new(ApiServerAdapter { mode: "Reference" }),
        Box::new(PingSources),
        Box::new(StandalonePing),
        Box::new(Heartbeats),
        Box::new(EventDisplay),
    ]
}
