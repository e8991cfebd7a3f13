//! The environment into what the program works with, every problem at once.
//!
//! `K_SINK` decides the role: with it one schedule of our own, without it all `PingSource`s of a
//! cluster (pingsource.md 5). What both roles read is here, the rest in `standalone` and `tenant`.

pub mod standalone;
pub mod tenant;

use std::time::Duration;

use adapter::admin::PROBE_PORT;
use adapter::env::{Env, Problem, Problems};
use adapter::tls;

use crate::flags::Flags;
use crate::schedule::Zone;

/// What happens in flight after the first signal ends this long after it, so that the process is
/// gone before Kubernetes kills it after 30 s.
const GRACE: Duration = Duration::from_secs(22);
/// The same where nothing delays the stop: `docker stop` kills after 10 s.
const SHORT_GRACE: Duration = Duration::from_secs(8);
/// What a delayed stop leaves at least.
const LAST_GRACE: Duration = Duration::from_secs(4);

/// What the program works with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its role.
    pub role: Role,
    /// What both roles have.
    pub common: Common,
}

/// The two roles.
#[derive(Clone, Debug)]
pub enum Role {
    /// One schedule, one sink, no cluster.
    Standalone(Box<standalone::Config>),
    /// All `PingSource`s of a cluster.
    Tenant(Box<tenant::Config>),
}

/// What both roles read.
#[derive(Clone, Debug)]
pub struct Common {
    /// Where the probes are answered; 8080 unless `HEALTH_PORT` says otherwise.
    pub probe_port: u16,
    /// The TLS variables.
    pub tls: tls::Settings,
    /// The zone of schedules that name none: `TZ`, else UTC.
    pub zone: Zone,
    /// `K_NO_SHUTDOWN_AFTER`: a stop asked for after this second of a minute waits until the next
    /// minute has begun; `None`: never.
    pub no_shutdown_after: Option<u32>,
}

impl Config {
    /// Reads and checks everything.
    pub fn read(flags: &Flags, env: &Env) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let standalone = env.get("K_SINK").is_some();
        let probe_port = problems.keep(probe_port(env.non_empty("HEALTH_PORT")));
        let zone = Zone::of_process(env.get("TZ"));
        let (role, no_shutdown_after) = if standalone {
            let role = standalone::Config::read(env, &zone, &mut problems);
            let after = env.non_empty("K_NO_SHUTDOWN_AFTER");
            (
                role.map(Box::new).map(Role::Standalone),
                problems.keep(standalone::no_shutdown_after(after)),
            )
        } else {
            let role = tenant::Config::read(flags, env, &mut problems)
                .map(Box::new)
                .map(Role::Tenant);
            (
                role,
                Some(Some(tenant::no_shutdown_after(
                    env.get("K_NO_SHUTDOWN_AFTER"),
                ))),
            )
        };
        problems.into_result(|| {
            Some(Self {
                role: role?,
                common: Common {
                    probe_port: probe_port?,
                    tls: tls::Settings::from_env(env),
                    zone,
                    no_shutdown_after: no_shutdown_after?,
                },
            })
        })
    }

    /// The resolved values for `--check`, secrets masked.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let (role, mut settings) = match &self.role {
            Role::Standalone(config) => ("standalone, because K_SINK is set", config.settings()),
            Role::Tenant(config) => ("multi-tenant, because K_SINK is not set", config.settings()),
        };
        let common = &self.common;
        let after = common.no_shutdown_after;
        settings.insert(0, ("role", role.to_owned()));
        settings.extend([
            ("zone of the process", common.zone.name().to_owned()),
            (
                "no shutdown after",
                after.map_or("never delayed".to_owned(), |it| format!("second {it}")),
            ),
            ("probe port", common.probe_port.to_string()),
        ]);
        settings
    }

    /// How long work may go on after the first signal: the delay, and then what is in flight.
    pub fn grace(&self) -> Duration {
        match self.common.no_shutdown_after {
            None => SHORT_GRACE,
            Some(after) => GRACE.max(longest_delay(after) + LAST_GRACE),
        }
    }
}

/// How long a stop asked for at `second` of a minute is put off (pingsource.md 2.7).
pub fn stop_delay(second: u32, no_shutdown_after: Option<u32>) -> Duration {
    match no_shutdown_after {
        Some(after) if second > after => {
            Duration::from_secs(u64::from(60_u32.saturating_sub(second)) + 1)
        }
        _ => Duration::ZERO,
    }
}

fn longest_delay(after: u32) -> Duration {
    stop_delay(after + 1, Some(after))
}

/// A value from 0 to 59, as Go's `Atoi` reads it.
fn second_of_minute(text: &str) -> Option<u32> {
    text.parse().ok().filter(|second| *second < 60)
}

fn probe_port(text: Option<&str>) -> Result<u16, Problem> {
    let Some(text) = text else {
        return Ok(PROBE_PORT);
    };
    text.parse()
        .map_err(|_| Problem::new("HEALTH_PORT", text, "want a port number", "8080"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags() -> Flags {
        Flags {
            server: Some("http://127.0.0.1:1".to_owned()),
            ..Flags::default()
        }
    }

    #[test]
    fn a_stop_late_in_the_minute_waits_for_the_next() {
        for (second, after, delay) in [
            (55, Some(55), 0),
            (56, Some(55), 5),
            (59, Some(55), 2),
            (0, Some(55), 0),
            (59, None, 0),
            (1, Some(0), 60),
        ] {
            assert_eq!(
                stop_delay(second, after),
                Duration::from_secs(delay),
                "{second} {after:?}"
            );
        }
    }

    #[test]
    fn the_role_is_decided_by_the_sink_alone() {
        let read = |pairs: &[(&str, &str)]| {
            Config::read(&flags(), &Env::from_pairs(pairs.iter().copied()))
        };
        assert!(matches!(read(&[]).expect("tenant").role, Role::Tenant(_)));
        let role = read(&[("K_SINK", "http://s")]).expect("standalone").role;
        assert!(matches!(role, Role::Standalone(_)));
        // Set but empty is a mistake of whoever set it, not a reason to serve a whole cluster.
        assert!(read(&[("K_SINK", "")]).is_err());
        assert!(read(&[("HEALTH_PORT", "x")]).is_err());
    }

    #[test]
    fn the_process_is_gone_before_it_is_killed() {
        let grace = |pairs: &[(&str, &str)]| {
            let env = Env::from_pairs(pairs.iter().copied());
            Config::read(&flags(), &env)
                .expect("a configuration")
                .grace()
                .as_secs()
        };
        assert_eq!(grace(&[]), 22);
        assert_eq!(grace(&[("K_NO_SHUTDOWN_AFTER", "30")]), 34);
        assert_eq!(grace(&[("K_SINK", "http://s")]), 8);
    }
}
