//! The folders of deploy/: what is written in them, and what kustomize makes of it. Without kubectl
//! the part of kustomize that we use is done here: resources, components and JSON patches.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// An object, and where it is written.
pub(crate) struct Written {
    /// The file, below the project's folder; for rendered ones the folder.
    pub(crate) place: String,
    /// The object.
    pub(crate) object: Value,
}

/// The folder deploy/.
pub(crate) fn deploy() -> PathBuf {
    e2e::root().join("deploy")
}

/// How a path is named in a message.
pub(crate) fn shown(path: &Path) -> String {
    let root = e2e::root();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Every folder that kustomize can build, in a fixed order.
pub(crate) fn all() -> Vec<PathBuf> {
    fn look(folder: &Path, found: &mut Vec<PathBuf>) {
        if folder.join("kustomization.yaml").exists() {
            found.push(folder.to_owned());
        }
        let entries =
            fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", shown(folder)));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                look(&path, found);
            }
        }
    }
    let mut found = Vec::new();
    look(&deploy(), &mut found);
    found.sort();
    found
}

/// The samples that can be applied: those with a namespace.
pub(crate) fn samples() -> Vec<PathBuf> {
    let samples = deploy().join("samples");
    all()
        .into_iter()
        .filter(|folder| {
            folder.starts_with(&samples) && kustomization(folder)["namespace"].is_string()
        })
        .collect()
}

/// The objects of a YAML file.
pub(crate) fn read(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", shown(file)));
    parse(&text).unwrap_or_else(|error| panic!("{}: {error}", shown(file)))
}

fn parse(text: &str) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple(text).map_err(|error| error.to_string())
}

/// A folder's kustomization.
pub(crate) fn kustomization(folder: &Path) -> Value {
    let mut documents = read(&folder.join("kustomization.yaml"));
    assert_eq!(documents.len(), 1, "{}", shown(folder));
    documents.remove(0)
}

/// What a kustomization says of files and folders, as paths.
pub(crate) fn listed(folder: &Path, member: &str) -> Vec<PathBuf> {
    kustomization(folder)[member]
        .as_array()
        .into_iter()
        .flatten()
        .map(|path| folder.join(path.as_str().expect("a path")))
        .collect()
}

/// All objects of a folder and of those that it is built on, with its patches applied.
pub(crate) fn gather(folder: &Path) -> Vec<Written> {
    let mut gathered = Vec::new();
    for path in [listed(folder, "resources"), listed(folder, "components")].concat() {
        let path = path.canonicalize().unwrap_or(path);
        if path.is_dir() {
            gathered.extend(gather(&path));
        } else {
            let place = shown(&path);
            gathered.extend(read(&path).into_iter().map(|object| Written {
                place: place.clone(),
                object,
            }));
        }
    }
    for patch in kustomization(folder)["patches"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let operations = parse(patch["patch"].as_str().expect("a patch")).expect("YAML");
        let operations = operations[0].as_array().expect("a JSON patch");
        let mut targets: Vec<_> = gathered
            .iter_mut()
            .filter(|written| fits(&patch["target"], &written.object))
            .collect();
        assert!(
            !targets.is_empty(),
            "{}: a patch is for nothing",
            shown(folder)
        );
        for target in &mut targets {
            for operation in operations {
                apply(operation, &mut target.object);
            }
        }
    }
    gathered
}

fn fits(target: &Value, object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let wants =
        |member: &str, found: &str| target[member].as_str().is_none_or(|wanted| wanted == found);
    wants("group", group)
        && wants("kind", object["kind"].as_str().unwrap_or_default())
        && wants(
            "name",
            object["metadata"]["name"].as_str().unwrap_or_default(),
        )
}

/// The two operations that our patches need: `replace`, and `add` at the end of a list.
fn apply(operation: &Value, object: &mut Value) {
    let path = operation["path"].as_str().expect("a path");
    let value = operation["value"].clone();
    let missing = || panic!("there is no {path} to patch");
    match operation["op"].as_str() {
        Some("replace") => *object.pointer_mut(path).unwrap_or_else(missing) = value,
        Some("add") => {
            let list = path.strip_suffix("/-").expect("the end of a list");
            let list = object.pointer_mut(list).and_then(Value::as_array_mut);
            list.unwrap_or_else(|| panic!("there is no {path} to patch"))
                .push(value);
        }
        other => panic!("{other:?} is not known here"),
    }
}

/// What kustomize makes of a folder, with these variables for `deploy/render`; `None` where there is
/// no kubectl.
pub(crate) fn rendered(folder: &Path, variables: &[(&str, &str)]) -> Option<Vec<Written>> {
    if !has_kubectl() {
        return None;
    }
    let mut command = Command::new(deploy().join("render"));
    for name in ["REGISTRY", "TAG", "PULL_POLICY", "NAMESPACE"] {
        command.env_remove(name);
    }
    let output = command
        .arg(folder)
        .envs(variables.iter().copied())
        .output()
        .expect("deploy/render");
    let place = shown(folder);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{place}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let objects = if text.trim().is_empty() {
        Vec::new()
    } else {
        parse(&text).expect("YAML")
    };
    Some(
        objects
            .into_iter()
            .map(|object| Written {
                place: format!("{place} (rendered)"),
                object,
            })
            .collect(),
    )
}

fn has_kubectl() -> bool {
    static IS_HERE: LazyLock<bool> = LazyLock::new(|| {
        let told = Command::new("kubectl")
            .args(["version", "--client"])
            .output();
        !told.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    });
    *IS_HERE
}
