//! The command line, read as Go's `flag` package reads it.
//!
//! What the values mean is decided in `config`. Contract: containersource-heartbeats.md 4.1.

use std::collections::BTreeMap;

/// The values of the flags of upstream, each as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags {
    /// CloudEvents `source`; empty means the default.
    pub event_source: String,
    /// CloudEvents `type`.
    pub event_type: String,
    /// Sink URL, used when `K_SINK` is unset or empty.
    pub sink: String,
    /// PEM text, used when `K_CA_CERTS` is unset or empty.
    pub ca_certs: String,
    /// Goes into the data; see `label`.
    pub label: String,
    /// See `period`.
    pub period: String,
    /// Goes into the data when not empty.
    pub msg: String,
}

/// What the flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Send heartbeats.
    Run,
    /// `--check`: say what the configuration comes to, and end.
    Check,
    /// `--version`: say the version, and end.
    Version,
}

/// Why the command line ends the program; every variant is followed by the usage on stderr.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// `-h`, `-help`, `--help`.
    #[error("")]
    Help,
    /// No flag of that name. Names are case-sensitive.
    #[error("flag provided but not defined: -{0}\n")]
    Unknown(String),
    /// The last argument names a flag and its value is missing.
    #[error("flag needs an argument: -{0}\n")]
    NoValue(&'static str),
    /// `---name`, `-=x`.
    #[error("bad flag syntax: {0}\n")]
    Syntax(String),
    /// A boolean flag with a value that Go does not take.
    #[error("invalid boolean value {value:?} for -{name}: parse error\n")]
    Boolean {
        /// The flag.
        name: &'static str,
        /// What was found.
        value: String,
    },
}

impl FlagError {
    /// 0 for help, 2 for everything else.
    pub fn exit_code(&self) -> u8 {
        if *self == Self::Help { 0 } else { 2 }
    }
}

struct Flag {
    name: &'static str,
    /// `None` for a boolean flag, which takes no value from the next argument.
    default: Option<&'static str>,
    usage: &'static str,
}

/// All flags, sorted by name as the usage lists them. The boolean ones are ours.
const FLAGS: [Flag; 9] = [
    Flag {
        name: "cacerts",
        default: Some(""),
        usage: "the ca cert for the host url to heartbeat to",
    },
    Flag {
        name: "check",
        default: None,
        usage: "read the flags and the environment, print what they come to, and exit: 0, or 64 with every problem",
    },
    Flag {
        name: "eventSource",
        default: Some(""),
        usage: "the event-source (CloudEvents)",
    },
    Flag {
        name: "eventType",
        default: Some("dev.knative.eventing.samples.heartbeat"),
        usage: "the event-type (CloudEvents)",
    },
    Flag {
        name: "label",
        default: Some(""),
        usage: "a special label",
    },
    Flag {
        name: "msg",
        default: Some(""),
        usage: "message content in data.msg",
    },
    Flag {
        name: "period",
        default: Some("5s"),
        usage: "the duration between heartbeats. Supported formats: Go (https://pkg.go.dev/time#ParseDuration), integers (interpreted as seconds)",
    },
    Flag {
        name: "sink",
        default: Some(""),
        usage: "the host url to heartbeat to",
    },
    Flag {
        name: "version",
        default: None,
        usage: "print the version and exit",
    },
];

/// Reads the arguments, the program's name not among them.
///
/// Parsing stops at the first argument that is not a flag, at `-`, and after `--`; what follows is
/// ignored, as upstream does.
pub fn parse(args: &[String]) -> Result<(Task, Flags), FlagError> {
    let mut values = Values::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(text) = arg.strip_prefix('-').filter(|text| !text.is_empty()) else {
            break;
        };
        if text == "-" {
            break;
        }
        let text = text.strip_prefix('-').unwrap_or(text);
        if text.starts_with(['-', '=']) {
            return Err(FlagError::Syntax(arg.clone()));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        values.set(name, value, || args.next().cloned())?;
    }
    Ok(values.finish())
}

#[derive(Default)]
struct Values(BTreeMap<&'static str, String>);

impl Values {
    fn set(
        &mut self,
        name: &str,
        value: Option<String>,
        next: impl FnOnce() -> Option<String>,
    ) -> Result<(), FlagError> {
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
            return Err(match name {
                "h" | "help" => FlagError::Help,
                _ => FlagError::Unknown(name.to_owned()),
            });
        };
        let value = if flag.default.is_none() {
            let value = value.unwrap_or_else(|| "true".to_owned());
            if adapter::env::go_bool(&value).is_none() {
                return Err(FlagError::Boolean {
                    name: flag.name,
                    value,
                });
            }
            value
        } else {
            value.or_else(next).ok_or(FlagError::NoValue(flag.name))?
        };
        self.0.insert(flag.name, value);
        Ok(())
    }

    fn finish(mut self) -> (Task, Flags) {
        let task = match (self.is_on("version"), self.is_on("check")) {
            (true, _) => Task::Version,
            (false, true) => Task::Check,
            (false, false) => Task::Run,
        };
        let flags = Flags {
            event_source: self.take("eventSource"),
            event_type: self.take("eventType"),
            sink: self.take("sink"),
            ca_certs: self.take("cacerts"),
            label: self.take("label"),
            period: self.take("period"),
            msg: self.take("msg"),
        };
        (task, flags)
    }

    fn is_on(&self, name: &str) -> bool {
        self.0
            .get(name)
            .and_then(|value| adapter::env::go_bool(value))
            .unwrap_or(false)
    }

    fn take(&mut self, name: &'static str) -> String {
        let default = FLAGS
            .iter()
            .find(|flag| flag.name == name)
            .and_then(|flag| flag.default);
        self.0
            .remove(name)
            .unwrap_or_else(|| default.unwrap_or_default().to_owned())
    }
}

/// The usage text in Go's form.
pub fn usage() -> String {
    let flags = FLAGS.iter().map(
        |Flag {
             name,
             default,
             usage,
         }| {
            let kind = if default.is_some() { " string" } else { "" };
            let default = default.filter(|text| !text.is_empty());
            let default = default
                .map(|text| format!(" (default {text:?})"))
                .unwrap_or_default();
            format!("  -{name}{kind}\n    \t{usage}{default}\n")
        },
    );
    format!("Usage of heartbeats:\n{}", flags.collect::<String>())
}

#[cfg(test)]
mod tests;
