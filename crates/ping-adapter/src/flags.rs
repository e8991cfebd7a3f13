//! The command line, read as Go's `flag` package reads it: one dash or two.
//!
//! The stock controllers pass no arguments; these are the flags that stock adapters accept
//! (adapter-runtime.md 1.2), and those of our own.

use adapter::env::go_bool;

/// What the flags say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--disable-ha`: fire for all sources without holding a lease.
    pub disable_ha: bool,
    /// `--kubeconfig`; `KUBECONFIG` counts when it is absent.
    pub kubeconfig: Option<String>,
    /// `--server`: the API server's URL instead of the kubeconfig's.
    pub server: Option<String>,
}

/// What the flags ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Fire.
    Run,
    /// `--check`: say what the configuration comes to, and end.
    Check,
    /// `--help`.
    Help,
    /// `--version`.
    Version,
}

/// Why the command line ends the program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// No flag of that name.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// The last argument names a flag and its value is missing.
    #[error("flag needs an argument: -{0}")]
    NoValue(String),
    /// A boolean flag with a value that Go does not take.
    #[error("invalid boolean value {value:?} for -{name}: parse error")]
    Boolean {
        /// The flag.
        name: String,
        /// What was found.
        value: String,
    },
    /// An argument that is no flag.
    #[error("{0:?} is not a flag; the only command is next")]
    NotAFlag(String),
}

/// Stock flags without a meaning here: of other ways to reach a cluster, and of klog.
const IGNORED_WITH_VALUE: [&str; 10] = [
    "cluster",
    "kube-api-burst",
    "kube-api-qps",
    "log_backtrace_at",
    "log_dir",
    "log_file",
    "log_file_max_size",
    "stderrthreshold",
    "v",
    "vmodule",
];
const IGNORED_BOOLEAN: [&str; 6] = [
    "add_dir_header",
    "alsologtostderr",
    "logtostderr",
    "one_output",
    "skip_headers",
    "skip_log_headers",
];

/// The text of `--help`.
pub const USAGE: &str = "\
Usage: ping-adapter [flags]
       ping-adapter next --schedule EXPR [--timezone ZONE] [--from RFC3339] [--count N]

With K_SINK set: sends an event there whenever SCHEDULE says so. Without: serves all PingSources of
a cluster, in place of the stock pingsource-mt-adapter. `next` prints when a schedule fires.

  --check            read the environment, print what it comes to, and exit: 0, or 64 with every problem
  --disable-ha       serve all PingSources without a lease; for a single replica
  --kubeconfig PATH  how to reach the cluster from outside; KUBECONFIG counts otherwise
  --server URL       the API server's address instead of the kubeconfig's
  --help, --version

Variables of the first role: K_SINK, SCHEDULE, TIMEZONE, DATA or DATA_BASE64, CONTENT_TYPE, NAME,
NAMESPACE, K_CE_OVERRIDES, K_CA_CERTS, K_SINK_TIMEOUT, K_NO_SHUTDOWN_AFTER, HEALTH_PORT.
";

/// Reads the arguments, the program's name not among them.
pub fn parse(args: &[String]) -> Result<(Task, Flags), FlagError> {
    let (mut task, mut flags) = (Task::Run, Flags::default());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(text) = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-')) else {
            return Err(FlagError::NotAFlag(arg.clone()));
        };
        let (name, joined) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let mut value = || {
            let value = joined.or_else(|| args.next().map(String::as_str));
            value
                .map(str::to_owned)
                .ok_or_else(|| FlagError::NoValue(name.to_owned()))
        };
        match name {
            "h" | "help" => task = Task::Help,
            "version" if boolean(name, joined)? => task = Task::Version,
            "check" if boolean(name, joined)? => task = Task::Check,
            "version" | "check" => {}
            "disable-ha" => flags.disable_ha = boolean(name, joined)?,
            "kubeconfig" => flags.kubeconfig = Some(value()?),
            "server" | "master" => flags.server = Some(value()?),
            _ if IGNORED_WITH_VALUE.contains(&name) => drop(value()?),
            _ if IGNORED_BOOLEAN.contains(&name) => drop(boolean(name, joined)?),
            _ => return Err(FlagError::Unknown(name.to_owned())),
        }
    }
    Ok((task, flags))
}

/// A boolean flag takes its value only after `=`.
fn boolean(name: &str, value: Option<&str>) -> Result<bool, FlagError> {
    let Some(text) = value else { return Ok(true) };
    let error = || FlagError::Boolean {
        name: name.to_owned(),
        value: text.to_owned(),
    };
    go_bool(text).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<(Task, Flags), FlagError> {
        parse(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn one_dash_or_two() {
        for args in [
            &["-disable-ha"][..],
            &["--disable-ha"],
            &["--disable-ha=true"],
        ] {
            let (task, flags) = read(args).expect("flags");
            assert_eq!((task, flags.disable_ha), (Task::Run, true), "{args:?}");
        }
        assert!(!read(&["--disable-ha=F"]).expect("flags").1.disable_ha);
        let (_, flags) = read(&["-server", "https://api", "--kubeconfig=k"]).expect("flags");
        assert_eq!(flags.server.as_deref(), Some("https://api"));
        assert_eq!(flags.kubeconfig.as_deref(), Some("k"));
    }

    #[test]
    fn stock_flags_are_accepted() {
        let args = [
            "--kube-api-qps=5",
            "--kube-api-burst",
            "10",
            "--cluster",
            "c",
            "-v=2",
        ];
        assert_eq!(read(&args), Ok((Task::Run, Flags::default())));
        assert_eq!(
            read(&["-v", "9", "-logtostderr"]),
            Ok((Task::Run, Flags::default()))
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (args, message) in [
            (&["--foo"][..], "flag provided but not defined: -foo"),
            (&["--server"], "flag needs an argument: -server"),
            (
                &["--disable-ha=ja"],
                "invalid boolean value \"ja\" for -disable-ha: parse error",
            ),
            (
                &["serve"],
                "\"serve\" is not a flag; the only command is next",
            ),
        ] {
            assert_eq!(read(args).expect_err(message).to_string(), message);
        }
        assert_eq!(read(&["-h"]).expect("help").0, Task::Help);
        assert_eq!(read(&["--version"]).expect("version").0, Task::Version);
        assert_eq!(read(&["--check"]).expect("check").0, Task::Check);
    }
}
