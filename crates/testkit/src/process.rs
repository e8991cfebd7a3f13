//! A real binary, started with an exact environment, watched and ended.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process};

use crate::output::Output;
use crate::root::Root;
use crate::wait::spawn;

pub use rustix::process::Signal;

/// A binary about to be started. It gets the variables named here and no others.
#[derive(Debug)]
pub struct Launch {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    stdout: Option<File>,
    root: Option<Root>,
}

impl Launch {
    /// This program, usually `env!("CARGO_BIN_EXE_name")`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            stdout: None,
            root: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Adds one variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds variables.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        pairs
            .into_iter()
            .fold(self, |launch, (name, value)| launch.env(name, value))
    }

    /// Lets stdout go to a file instead of being kept in memory.
    #[must_use]
    pub fn stdout(mut self, file: File) -> Self {
        self.stdout = Some(file);
        self
    }

    /// Lets the program see this file system, with files at fixed paths such as `/oidc/token`.
    #[must_use]
    pub fn root(mut self, root: &Root) -> Self {
        self.root = Some(root.clone());
        self
    }

    fn command(&self) -> Command {
        if let Some(root) = &self.root {
            return root.command(&self.program, &self.args, &self.env);
        }
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it.
    #[track_caller]
    pub fn start(self) -> Process {
        let mut command = self.command();
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        command.stdout(self.stdout.map_or_else(Stdio::piped, Stdio::from));
        let started = Instant::now();
        let mut child =
            spawn(&mut command).unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Process {
            root: self.root,
            started,
            stdout: child
                .stdout
                .take()
                .map_or_else(Output::nothing, Output::capture),
            stderr: child
                .stderr
                .take()
                .map_or_else(Output::nothing, Output::capture),
            child,
        }
    }
}

/// A started binary. Dropping it kills it if it still runs.
#[derive(Debug)]
pub struct Process {
    /// Its directories must outlive the process.
    #[allow(dead_code, reason = "held, not read")]
    root: Option<Root>,
    child: Child,
    started: Instant,
    stdout: Output,
    stderr: Output,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl Process {
    /// What it wrote on stdout so far.
    pub fn stdout(&self) -> &Output {
        &self.stdout
    }

    /// What it wrote on stderr so far.
    pub fn stderr(&self) -> &Output {
        &self.stderr
    }

    /// Just before it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal; panics if the process is gone and its exit was already seen.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(id, signal).unwrap_or_else(|error| panic!("{signal:?} to {id:?}: {error}"));
    }

    /// How it ended, or `None` while it runs.
    pub fn exited(&mut self) -> Option<Exit> {
        let status = self.child.try_wait().expect("the state of a child")?;
        Some(Exit {
            code: status.code(),
            signal: status.signal(),
        })
    }

    /// Waits for the end, and for the end of its output; panics after `deadline`.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Exit {
        let end = Instant::now() + deadline;
        loop {
            if let Some(exit) = self.exited() {
                self.stdout.wait_for_end(deadline);
                self.stderr.wait_for_end(deadline);
                return exit;
            }
            assert!(
                Instant::now() < end,
                "still running after {deadline:?}:\n{}",
                self.stderr.text()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Resident memory now, in bytes.
    #[track_caller]
    pub fn resident(&self) -> u64 {
        self.status_kilobytes("VmRSS:") * 1024
    }

    /// The most resident memory so far, in bytes.
    #[track_caller]
    pub fn peak_resident(&self) -> u64 {
        self.status_kilobytes("VmHWM:") * 1024
    }

    /// Processor time so far, user and system.
    #[track_caller]
    pub fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // Fields 14 and 15; the second field is the name in parentheses and may hold blanks.
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = behind_name
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("clock ticks"))
            .sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Duration::from_millis(ticks * 1000 / per_second)
    }

    /// How many file descriptors are open now.
    #[track_caller]
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.id());
        fs::read_dir(path)
            .expect("the descriptors of a running process")
            .count()
    }

    fn status_kilobytes(&self, field: &str) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {field} in:\n{status}"))
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.id());
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it is gone, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
