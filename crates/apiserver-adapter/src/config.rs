//! `NAME` and `K_SOURCE_CONFIG`: which source this is, what it watches and what it sends
//! (apiserversource.md 1.3 and 1.4).
//!
//! Read as Go reads it: member names in any case, unknown members ignored, `null` for nothing.
//! Whether the resources exist is found out later, by discovery.

use adapter::env::{Env, Problem};
use adapter::gojson::{self, Value};

use crate::change::Mode;
use crate::filter::Filters;
use crate::owner::OwnerFilter;

const NAME: &str = "NAME";
const SOURCE_CONFIG: &str = "K_SOURCE_CONFIG";

const EXAMPLE: &str = r#"K_SOURCE_CONFIG={"namespaces":["default"],"resources":[{"gvr":{"Group":"","Version":"v1","Resource":"pods"}}],"mode":"Reference"}"#;

/// Exit code of the stock adapter without `NAME` or a readable `K_SOURCE_CONFIG`.
const EXIT_UNREADABLE: u8 = 2;
/// Exit code of the stock adapter for a group-version that cannot be discovered.
const EXIT_NO_VERSION: u8 = 1;

/// The name of the ApiServerSource. Must be set; empty is taken as it is.
pub fn source_name(env: &Env) -> Result<&str, Problem> {
    env.get(NAME).ok_or_else(|| {
        let message =
            "NAME is not set: want the name of the ApiServerSource, for example NAME=my-source.";
        Problem::said(NAME, message.to_owned()).with_exit_code(EXIT_UNREADABLE)
    })
}

/// What the controller tells the adapter about its source.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The namespaces to watch, sorted; empty means none. Of no meaning with `all_namespaces`.
    pub namespaces: Vec<String>,
    /// One watch over all namespaces for each resource.
    pub all_namespaces: bool,
    /// The resources to watch, in order; the same one twice is watched twice.
    pub resources: Vec<ResourceWatch>,
    /// Only objects with this owner.
    pub owner: Option<OwnerFilter>,
    /// What is sent of an object.
    pub mode: Mode,
    /// Which events are sent.
    pub filters: Filters,
    /// End the process when a watch cannot be had, instead of trying on.
    pub fail_fast: bool,
}

/// One entry of `resources`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceWatch {
    /// API group; empty for the core group.
    pub group: String,
    /// Version in the group, never empty.
    pub version: String,
    /// Resource name as the controller guessed it from the kind; see [`crate::plural::find`].
    pub resource: String,
    /// Label selector, for the API server as it is written here.
    pub selector: Option<String>,
}

impl ResourceWatch {
    /// `v1`, or `apps/v1`.
    pub fn group_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl SourceConfig {
    /// Reads `K_SOURCE_CONFIG`; the problem says what is wrong and shows one that works.
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        let Some(text) = env.get(SOURCE_CONFIG) else {
            return Err(problem(&ConfigError::Missing));
        };
        Self::parse(text).map_err(|error| problem(&error))
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Err(ConfigError::Empty);
        }
        let document = gojson::parse(text)?;
        document.members("the configuration")?;
        let member = |name| document.get(name).unwrap_or(&Value::Null);
        let owner = document.get("owner").map(read_owner).transpose()?;
        Ok(Self {
            namespaces: items(member("namespaces"), "namespaces")?
                .enumerate()
                .map(|(at, name)| Ok(name.text(&format!("namespaces[{at}]"))?.to_owned()))
                .collect::<Result<_, ConfigError>>()?,
            all_namespaces: boolean(member("allNamespaces"), "allNamespaces")?,
            resources: items(member("resources"), "resources")?
                .enumerate()
                .map(|(at, resource)| ResourceWatch::read(resource, at))
                .collect::<Result<_, _>>()?,
            owner,
            mode: Mode::from_config(member("mode").text("mode")?),
            filters: Filters::from_json(member("filters"), "filters")?,
            fail_fast: boolean(member("failFast"), "failFast")?,
        })
    }
}

impl ResourceWatch {
    fn read(value: &Value, at: usize) -> Result<Self, ConfigError> {
        let path = format!("resources[{at}]");
        value.members(&path)?;
        let gvr = value.get("gvr").unwrap_or(&Value::Null);
        let gvr_path = format!("{path}.gvr");
        gvr.members(&gvr_path)?;
        let selector = text(value, "selector", &path)?;
        let watch = Self {
            group: text(gvr, "Group", &gvr_path)?,
            version: text(gvr, "Version", &gvr_path)?,
            resource: text(gvr, "Resource", &gvr_path)?,
            selector: Some(selector).filter(|selector| !selector.is_empty()),
        };
        if watch.version.is_empty() {
            return Err(ConfigError::NoVersion {
                path: gvr_path,
                resource: watch.resource,
            });
        }
        Ok(watch)
    }
}

fn read_owner(value: &Value) -> Result<OwnerFilter, gojson::Error> {
    value.members("owner")?;
    Ok(OwnerFilter {
        api_version: text(value, "apiVersion", "owner")?,
        kind: text(value, "kind", "owner")?,
    })
}

fn text(value: &Value, member: &str, path: &str) -> Result<String, gojson::Error> {
    let text = value
        .get(member)
        .unwrap_or(&Value::Null)
        .text(&format!("{path}.{member}"))?;
    Ok(text.to_owned())
}

fn boolean(value: &Value, path: &str) -> Result<bool, gojson::Error> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(truth) => Ok(*truth),
        _ => Err(value.not(path, "true or false")),
    }
}

fn items<'a>(value: &'a Value, path: &str) -> Result<std::slice::Iter<'a, Value>, gojson::Error> {
    match value {
        Value::Null => Ok([].iter()),
        Value::Array(items) => Ok(items.iter()),
        _ => Err(value.not(path, "an array")),
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("it is not set")]
    Missing,
    #[error("it is empty")]
    Empty,
    #[error(transparent)]
    Json(#[from] gojson::Error),
    #[error("{path}.Version is empty; the apiVersion of resource {resource:?} names no version")]
    NoVersion { path: String, resource: String },
}

fn problem(error: &ConfigError) -> Problem {
    let exit_code = match error {
        ConfigError::NoVersion { .. } => EXIT_NO_VERSION,
        _ => EXIT_UNREADABLE,
    };
    let message = format!(
        "{SOURCE_CONFIG} cannot be used: {error}. The controller writes it from the \
         ApiServerSource; one that works is {EXAMPLE}"
    );
    Problem::said(SOURCE_CONFIG, message).with_exit_code(exit_code)
}
