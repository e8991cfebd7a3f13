//! Where a program is put before it starts: its sink's address, what it sees of the machine, and
//! what is laid around it. A fault that needs more than a proxy changes this first.

use std::any::Any;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use testkit::{Launch, Root, free_port};

use super::proxy::Certificate;

/// Why a row cannot be run on this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Skip(pub String);

/// A place for one program.
pub struct Setting {
    /// The binary.
    pub program: PathBuf,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The host of the sink's URL as the program sees it.
    pub sink_host: String,
    /// The address of this machine from which the program reaches an API server.
    pub api_host: IpAddr,
    /// Where the program's own port is reached.
    pub program_host: IpAddr,
    /// Variables beside those of the subject.
    pub env: Vec<(String, String)>,
    /// The file system that the program sees.
    pub root: Option<Root>,
    /// The words in front of the program, such as `ip netns exec`.
    pub wrap: Vec<OsString>,
    /// A directory for the outbox; `None`: one of its own.
    pub spool: Option<PathBuf>,
    /// What the line shows to the program at first.
    pub certificate: Certificate,
    /// Bytes that are added to each event, where its sender decides how long it is.
    pub padding: usize,
    /// Whether events are made as fast as they go.
    pub hurries: bool,
    /// How many processes serve at a time.
    pub replicas: usize,
    /// Whether the API server forgets its history.
    pub gaps: bool,
    keep: Vec<Box<dyn Any + Send + Sync>>,
}

impl Setting {
    /// The plain machine.
    pub fn plain(program: PathBuf) -> Self {
        Self {
            program,
            scheme: "http",
            sink_host: Ipv4Addr::LOCALHOST.to_string(),
            api_host: Ipv4Addr::LOCALHOST.into(),
            program_host: Ipv4Addr::LOCALHOST.into(),
            env: Vec::new(),
            root: None,
            wrap: Vec::new(),
            spool: None,
            certificate: None,
            padding: 0,
            hurries: false,
            replicas: 1,
            gaps: false,
            keep: Vec::new(),
        }
    }

    /// The sink's URL, given its port.
    pub fn sink_url(&self, port: u16) -> String {
        format!("{}://{}:{port}", self.scheme, self.sink_host)
    }

    /// Holds something for as long as the run lasts.
    pub fn keep(&mut self, thing: impl Any + Send + Sync) {
        self.keep.push(Box::new(thing));
    }

    /// The program at this place, without its own variables yet.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            wrap: self.wrap.clone(),
            program: self.program.clone(),
            root: self.root.clone(),
            args: Vec::new(),
            env: self.env.clone(),
        }
    }
}

/// How to start a program, again and again.
#[derive(Clone, Debug)]
pub struct Recipe {
    wrap: Vec<OsString>,
    program: PathBuf,
    root: Option<Root>,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Recipe {
    /// Adds an argument; `{number}` in it and in variables becomes the number of the process, from 0.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Process `number`, with its probes on `port`.
    pub fn launch(&self, number: usize, port: u16) -> Launch {
        let launch = match self.wrap.split_first() {
            None => Launch::new(&self.program),
            Some((first, rest)) => Launch::new(first).args(rest).args([&self.program]),
        };
        let numbered = |text: &String| text.replace("{number}", &number.to_string());
        let launch = launch
            .args(self.args.iter().map(numbered))
            .envs(self.env.iter().map(|(name, value)| (name, numbered(value))))
            .env("HEALTH_PORT", port.to_string())
            .env("PROFILING_PORT", free_port().to_string());
        match &self.root {
            Some(root) => launch.root(root),
            None => launch,
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("sink_host", &self.sink_host)
            .field("wrap", &self.wrap)
            .finish_non_exhaustive()
    }
}

/// Where a tool of the system is.
pub fn tool(name: &str) -> Result<PathBuf, Skip> {
    ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.exists())
        .ok_or_else(|| Skip(format!("there is no {name} on this machine")))
}
