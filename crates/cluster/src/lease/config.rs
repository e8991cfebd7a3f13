//! `K_LEADER_ELECTION_CONFIG`, read as Go reads it.
//!
//! A value that Go could not decode means the defaults, as there. One that it decodes and that
//! cannot work, where a stock adapter is healthy and never leads, is a problem.

use std::time::Duration;

use adapter::env::Problem;
use adapter::gojson::{self, Value};

use crate::bucket::SLOTS;

/// The variable with the election's configuration.
pub const LEADER_ELECTION_CONFIG: &str = "K_LEADER_ELECTION_CONFIG";

const EXAMPLE: &str = r#"{"Buckets":1,"LeaseDuration":60000000000,"RenewDeadline":40000000000,"RetryPeriod":10000000000}"#;
/// client-go spreads tries by this factor and wants room for it.
const JITTER: f64 = 1.2;
/// API servers refuse a Lease with fewer seconds.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LONGEST_NAME: usize = 253;

/// An election that can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Election {
    /// The names of the Leases, one for each bucket.
    pub leases: Vec<String>,
    /// Who we are; empty means the hostname and a random UUID.
    pub identity: String,
    /// How long a holder keeps its Lease without being heard of. Whole seconds are written.
    pub lease_duration: Duration,
    /// How long a leader goes on without a renewal.
    pub renew_deadline: Duration,
    /// Time between two renewals.
    pub retry_period: Duration,
    /// What was wrong with the text, to be logged once there is a log.
    pub warning: Option<String>,
}

/// The members that count. `Component` is ignored (adapter-runtime.md 6).
struct Members {
    buckets: u32,
    lease_duration: i64,
    renew_deadline: i64,
    retry_period: i64,
    identity: String,
    prefix: Option<String>,
}

impl Default for Members {
    /// Of an adapter that is told nothing; not what the stock controller writes.
    fn default() -> Self {
        let seconds = |seconds: i64| seconds * 1_000_000_000;
        Self {
            buckets: 1,
            lease_duration: seconds(15),
            renew_deadline: seconds(10),
            retry_period: seconds(2),
            identity: String::new(),
            prefix: None,
        }
    }
}

impl Election {
    /// Reads the text of the variable; absent and empty are the defaults: 1 bucket, 15 s, 10 s, 2 s.
    ///
    /// `prefix` is what the Leases' names begin with unless the configuration maps it.
    pub fn read(text: Option<&str>, prefix: &str) -> Result<Self, Problem> {
        let text = text.unwrap_or_default();
        let (members, warning) = match text {
            "" => (Members::default(), None),
            text => match Members::read(text, prefix) {
                Ok(members) => (members, None),
                Err(error) => {
                    let words = format!("{LEADER_ELECTION_CONFIG} is unusable: {error}");
                    (Members::default(), Some(words))
                }
            },
        };
        let election = members.election(prefix, warning);
        election.map_err(|want| Problem::new(LEADER_ELECTION_CONFIG, text, &want, EXAMPLE))
    }
}

impl Members {
    fn read(text: &str, prefix: &str) -> Result<Self, gojson::Error> {
        let document = gojson::parse(text)?;
        document.members(LEADER_ELECTION_CONFIG)?;
        string(&document, "Component")?;
        Ok(Self {
            buckets: integer(&document, "Buckets", 0, serde_json::Number::as_u64)?,
            lease_duration: integer(&document, "LeaseDuration", 0, serde_json::Number::as_i64)?,
            renew_deadline: integer(&document, "RenewDeadline", 0, serde_json::Number::as_i64)?,
            retry_period: integer(&document, "RetryPeriod", 0, serde_json::Number::as_i64)?,
            identity: string(&document, "Identity")?,
            prefix: mapped(&document, prefix)?,
        })
    }

    /// The error says what is wanted instead.
    fn election(self, prefix: &str, warning: Option<String>) -> Result<Election, String> {
        let count = usize::try_from(self.buckets).unwrap_or(usize::MAX);
        if !(1..=SLOTS).contains(&count) {
            return Err(format!("Buckets is {count}, want 1 to 10"));
        }
        let duration = |name: &str, nanoseconds: i64| match u64::try_from(nanoseconds) {
            Ok(nanoseconds) if nanoseconds > 0 => Ok(Duration::from_nanos(nanoseconds)),
            _ => Err(format!("{name} is {nanoseconds}, want nanoseconds above 0")),
        };
        let lease_duration = duration("LeaseDuration", self.lease_duration)?;
        let renew_deadline = duration("RenewDeadline", self.renew_deadline)?;
        let retry_period = duration("RetryPeriod", self.retry_period)?;
        if lease_duration < SHORTEST_LEASE {
            return Err("LeaseDuration is less than a second".to_owned());
        }
        if lease_duration <= renew_deadline {
            return Err("LeaseDuration is not above RenewDeadline".to_owned());
        }
        if renew_deadline <= retry_period.mul_f64(JITTER) {
            return Err("RenewDeadline is not above 1.2 times RetryPeriod".to_owned());
        }
        let prefix = self.prefix.as_deref().unwrap_or(prefix).to_lowercase();
        let name = |number| format!("{prefix}.{number:02}-of-{count:02}");
        if !is_name(&name(0)) {
            return Err(format!(
                "LeaseNamesPrefixMapping gives {prefix:?}, which no Lease can be called"
            ));
        }
        let leases = (0..count).map(name).collect();
        let identity = self.identity;
        Ok(Election {
            leases,
            identity,
            lease_duration,
            renew_deadline,
            retry_period,
            warning,
        })
    }
}

fn string(document: &Value, name: &str) -> Result<String, gojson::Error> {
    document
        .get(name)
        .map_or(Ok(""), |value| value.text(name))
        .map(str::to_owned)
}

fn integer<N, T: TryFrom<N>>(
    document: &Value,
    name: &str,
    zero: T,
    as_integer: impl Fn(&serde_json::Number) -> Option<N>,
) -> Result<T, gojson::Error> {
    let Some(value) = document.get(name) else {
        return Ok(zero);
    };
    let number = match value {
        Value::Number(number) => as_integer(number).and_then(|number| T::try_from(number).ok()),
        _ => None,
    };
    number.ok_or_else(|| value.not(name, "a whole number in range"))
}

/// The value for exactly this prefix. All values must be strings, as for Go.
fn mapped(document: &Value, prefix: &str) -> Result<Option<String>, gojson::Error> {
    const NAME: &str = "LeaseNamesPrefixMapping";
    let Some(mapping) = document.get(NAME) else {
        return Ok(None);
    };
    let mut found = None;
    for (key, value) in mapping.members(NAME)? {
        let value = value.text(NAME)?;
        if key == prefix {
            found = Some(value.to_owned());
        }
    }
    Ok(found.filter(|prefix| !prefix.is_empty()))
}

/// A DNS subdomain, as API servers want names.
fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= LONGEST_NAME
        && name.split('.').all(|label| {
            let (first, last) = (label.bytes().next(), label.bytes().last());
            first.is_some_and(inside)
                && last.is_some_and(inside)
                && label.bytes().all(|byte| inside(byte) || byte == b'-')
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREFIX: &str = "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.Reconciler";
    const STOCK: &str = r#"{"Component":"pingsource","Buckets":1,"LeaseDuration":60000000000,"RenewDeadline":40000000000,"RetryPeriod":10000000000,"Identity":"","LeaseNamesPrefixMapping":null}"#;

    fn read(text: &str) -> Election {
        Election::read(Some(text), PREFIX).unwrap()
    }

    fn seconds(election: &Election) -> [u64; 3] {
        let Election {
            lease_duration,
            renew_deadline,
            retry_period,
            ..
        } = election;
        [lease_duration, renew_deadline, retry_period].map(Duration::as_secs)
    }

    #[test]
    fn what_the_stock_controller_writes() {
        let election = read(STOCK);
        assert_eq!(
            election.leases,
            ["pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.reconciler.00-of-01"]
        );
        assert_eq!(
            (seconds(&election), election.identity.as_str()),
            ([60, 40, 10], "")
        );
        assert_eq!(election.warning, None);
    }

    #[test]
    fn names_of_buckets_and_mapped_prefixes() {
        let mapping = |value: &str| {
            let mapping = format!(r#"{{"other":"x","{PREFIX}":"{value}"}}"#);
            let text = STOCK.replace(":1,", ":12,").replace("null", &mapping);
            read(&text).leases.pop().unwrap()
        };
        assert_eq!(mapping("My-Lease"), "my-lease.11-of-12");
        assert!(mapping("").ends_with("mtping.reconciler.11-of-12"));
        let lower = STOCK.replace("null", &format!(r#"{{"{}":"x"}}"#, PREFIX.to_lowercase()));
        assert!(
            read(&lower).leases[0].starts_with("pingsource-mt-adapter"),
            "keys have a case"
        );
    }

    #[test]
    fn what_go_cannot_decode_means_the_defaults() {
        for text in [
            "",
            "junk",
            "[]",
            "5",
            r#"{"Buckets":-1}"#,
            r#"{"Buckets":1.5}"#,
            r#"{"Buckets":"1"}"#,
            r#"{"LeaseDuration":"60s"}"#,
            r#"{"LeaseDuration":1e9}"#,
            r#"{"Identity":5}"#,
            r#"{"Component":5}"#,
            r#"{"LeaseNamesPrefixMapping":{"a":1}}"#,
            r#"{"Buckets":5000000000}"#,
            "{} x",
        ] {
            let election = read(text);
            assert_eq!(
                (election.leases.len(), seconds(&election)),
                (1, [15, 10, 2]),
                "{text}"
            );
            assert_eq!(election.warning.is_some(), !text.is_empty(), "{text}");
        }
        assert_eq!(seconds(&Election::read(None, PREFIX).unwrap()), [15, 10, 2]);
    }

    #[test]
    fn keys_match_in_any_case_and_the_last_counts() {
        let election = read(
            &STOCK
                .to_lowercase()
                .replace(r#""identity":"""#, r#""identity":"a","Identity":"b""#),
        );
        assert_eq!(
            (election.identity.as_str(), seconds(&election)),
            ("b", [60, 40, 10])
        );
    }

    #[test]
    fn what_decodes_and_cannot_work_is_a_problem_that_names_the_member() {
        let with = |from: &str, to: &str| STOCK.replace(from, to);
        let bad_prefix = format!(r#"{{"{PREFIX}":"a_b"}}"#);
        for (text, member) in [
            ("{}".to_owned(), "Buckets"),
            ("null".to_owned(), "Buckets"),
            (with(r#""Buckets":1"#, r#""Buckets":0"#), "Buckets is 0"),
            (
                with(r#""Buckets":1"#, r#""Buckets":2049"#),
                "Buckets is 2049",
            ),
            (
                with("60000000000", "40000000000"),
                "LeaseDuration is not above RenewDeadline",
            ),
            (with("10000000000", "33333333334"), "1.2 times RetryPeriod"),
            (with("10000000000", "0"), "RetryPeriod is 0"),
            (with("40000000000", "-1"), "RenewDeadline is -1"),
            (with("60000000000", "null"), "LeaseDuration is 0"),
            (
                r#"{"Buckets":1,"LeaseDuration":9,"RenewDeadline":5,"RetryPeriod":1}"#.to_owned(),
                "less than a second",
            ),
            (with("null", &bad_prefix), "LeaseNamesPrefixMapping"),
        ] {
            let problem = Election::read(Some(&text), PREFIX).unwrap_err();
            assert!(problem.message.contains(member), "{text}: {problem}");
            assert!(
                problem
                    .message
                    .contains(r#"for example K_LEADER_ELECTION_CONFIG={"Buckets":1"#)
            );
            assert_eq!(problem.exit_code, 64);
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = Election::read(Some(&text), PREFIX);
        }

        #[test]
        fn whatever_is_taken_can_work(buckets in -1_i64..3000, durations: [i64; 3]) {
            let [lease, renew, retry] = durations;
            let text = format!(
                r#"{{"Buckets":{buckets},"LeaseDuration":{lease},"RenewDeadline":{renew},"RetryPeriod":{retry}}}"#
            );
            if let Ok(election) = Election::read(Some(&text), PREFIX) {
                prop_assert!(election.lease_duration > election.renew_deadline);
                prop_assert!(election.renew_deadline > election.retry_period);
                prop_assert!(!election.retry_period.is_zero());
                prop_assert!((1..=SLOTS).contains(&election.leases.len()));
            }
        }
    }
}
