//! Who is measured: our programs, others named as ours or by a map file, and the floor.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use testkit::{Launch, free_port};

/// One of the five programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adapter {
    /// `event-display`
    EventDisplay,
    /// `gitlab-receiver`
    GitlabReceiver,
    /// `ping-adapter`
    PingAdapter,
    /// `apiserver-adapter`
    ApiserverAdapter,
    /// `heartbeats`
    Heartbeats,
}

impl Adapter {
    /// In the order of the document.
    pub const ALL: [Self; 5] = [
        Self::EventDisplay,
        Self::GitlabReceiver,
        Self::PingAdapter,
        Self::ApiserverAdapter,
        Self::Heartbeats,
    ];

    /// The name of our program.
    pub fn name(self) -> &'static str {
        match self {
            Self::EventDisplay => "event-display",
            Self::GitlabReceiver => "gitlab-receiver",
            Self::PingAdapter => "ping-adapter",
            Self::ApiserverAdapter => "apiserver-adapter",
            Self::Heartbeats => "heartbeats",
        }
    }
}

/// Whose figures they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Our programs.
    Ours,
    /// The programs of `--against`.
    Theirs,
    /// The raw hyper loop.
    Floor,
}

impl Side {
    /// All, in the order of the document.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Theirs, Self::Floor];

    /// As the document calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Floor => "floor",
        }
    }
}

/// Five programs in a folder.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    map: BTreeMap<String, Entry>,
}

/// What a map file says about one program: how it differs from ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    /// In the folder; else our name.
    file: Option<String>,
    /// In front of ours.
    args: Vec<String>,
    /// Over ours.
    env: BTreeMap<String, String>,
    /// Where it listens, whatever `PORT` says.
    port: Option<u16>,
    /// Where it answers probes, whatever `HEALTH_PORT` says.
    health_port: Option<u16>,
}

/// A program about to be started.
#[derive(Debug)]
pub struct Prepared {
    /// With its ports; the rest of its environment comes from the scenario.
    pub launch: Launch,
    /// Where it takes requests, if it does.
    pub port: u16,
    /// Where it answers probes, if it does.
    pub health_port: u16,
}

impl Programs {
    /// Those in a folder, with a map file or the `bench-map.json` beside them, if there is one.
    ///
    /// The error names what is missing or wrong.
    pub fn find(folder: &Path, map: Option<&Path>) -> Result<Self, String> {
        let beside = folder.join("bench-map.json");
        let map = match map.or_else(|| beside.exists().then_some(beside.as_path())) {
            None => BTreeMap::new(),
            Some(file) => {
                let text = fs::read_to_string(file).map_err(|error| error.to_string());
                text.and_then(|text| read_map(&text))
                    .map_err(|error| format!("{}: {error}", file.display()))?
            }
        };
        let folder = folder.to_owned();
        Ok(Self { folder, map })
    }

    /// The file of this program.
    pub fn file(&self, adapter: Adapter) -> PathBuf {
        let entry = self.map.get(adapter.name());
        let mapped = entry.and_then(|entry| entry.file.as_deref());
        self.folder.join(mapped.unwrap_or(adapter.name()))
    }

    /// Prepares a start.
    pub fn prepare(&self, adapter: Adapter) -> Prepared {
        let entry = self.map.get(adapter.name()).cloned().unwrap_or_default();
        let port = entry.port.unwrap_or_else(free_port);
        let health_port = entry.health_port.unwrap_or_else(free_port);
        let launch = Launch::new(self.file(adapter))
            .args(&entry.args)
            .env("PORT", port.to_string())
            .env("HEALTH_PORT", health_port.to_string())
            .env("PROFILING_PORT", free_port().to_string())
            .envs(&entry.env);
        Prepared {
            launch,
            port,
            health_port,
        }
    }
}

fn read_map(text: &str) -> Result<BTreeMap<String, Entry>, String> {
    let map: BTreeMap<String, Entry> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let known = |name: &String| Adapter::ALL.iter().any(|adapter| adapter.name() == name);
    match map.keys().find(|name| !known(name)) {
        Some(name) => Err(format!(
            "{name:?} is none of our programs, such as \"heartbeats\""
        )),
        None => Ok(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_names_files_and_fixed_ports() {
        let map = read_map(r#"{"ping-adapter": {"file": "mtping", "health_port": 8080}}"#);
        let programs = Programs {
            folder: "/there".into(),
            map: map.unwrap(),
        };
        assert_eq!(
            programs.file(Adapter::PingAdapter),
            Path::new("/there/mtping")
        );
        assert_eq!(
            programs.file(Adapter::Heartbeats),
            Path::new("/there/heartbeats")
        );
        assert_eq!(programs.prepare(Adapter::PingAdapter).health_port, 8080);
        assert_ne!(programs.prepare(Adapter::Heartbeats).health_port, 8080);
    }

    #[test]
    fn a_wrong_map_is_refused() {
        for (text, part) in [
            ("[]", "expected a map"),
            (r#"{"mtping": {}}"#, "none of our programs"),
            (r#"{"heartbeats": {"path": "x"}}"#, "unknown field"),
        ] {
            let error = read_map(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn the_map_of_the_stock_images_is_right() {
        read_map(include_str!("../stock.json")).unwrap();
    }
}
