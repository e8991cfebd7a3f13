//! What is in deploy/ fits together, without a cluster: every manifest against our own table of kinds,
//! every name against what it names, every metric against what the documentation says is exported.
//! Where kubectl is installed, what kustomize makes of each folder is checked in the same way.

mod folder;
mod kinds;
mod metrics;
mod names;
mod pods;
mod shape;

use std::fs;
use std::path::Path;

use folder::{Written, all, deploy, gather, kustomization, listed, rendered, samples, shown};
use serde_json::Value;
use shape::Extent;

/// The programs that have images.
const PROGRAMS: [&str; 5] = [
    "heartbeats",
    "event-display",
    "ping-adapter",
    "apiserver-adapter",
    "gitlab-receiver",
];

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Says so where there is no kubectl, once for each test.
#[expect(clippy::print_stdout, reason = "the test's own output")]
fn skipped() {
    println!("SKIPPED: what kustomize makes of it, because kubectl is not installed here");
}

fn check_shape(written: &Written, problems: &mut Vec<String>) {
    let Written { place, object } = written;
    let text = |member: &str| object[member].as_str().unwrap_or_default();
    let Some(shape) = kinds::shape(text("apiVersion"), text("kind")) else {
        problems.push(format!(
            "{place}: {} is not in the table",
            names::title(object)
        ));
        return;
    };
    // What belongs to Knative is patched, never made.
    let of_stock = ["knative-eventing", "knative-sources"].map(Value::from);
    let extent = if of_stock.contains(&object["metadata"]["namespace"]) {
        Extent::Patch
    } else {
        Extent::Whole
    };
    shape.check(
        object,
        &format!("{place}: {}", names::title(object)),
        extent,
        problems,
    );
}

#[test]
fn every_manifest_has_the_fields_of_its_kind() {
    let mut problems = Vec::new();
    for folder in all() {
        let own = Written {
            place: shown(&folder.join("kustomization.yaml")),
            object: kustomization(&folder),
        };
        let object = &own.object;
        let (version, kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
        let shape = kinds::shape(version.unwrap_or_default(), kind.unwrap_or_default());
        let shape = shape.unwrap_or_else(|| panic!("{}: no kustomization", own.place));
        shape.check(object, &own.place, Extent::Whole, &mut problems);
        for path in [listed(&folder, "resources"), listed(&folder, "components")].concat() {
            if !path.exists() {
                problems.push(format!("{}: there is no {}", own.place, path.display()));
            }
        }
        for written in gather(&folder) {
            check_shape(&written, &mut problems);
        }
    }
    assert_none(&problems);
}

#[test]
fn every_name_in_a_sample_is_that_of_something() {
    let mut problems = Vec::new();
    for folder in samples() {
        names::check(
            &with_enclosing(&folder, gather),
            &readme(&folder),
            &mut problems,
        );
    }
    assert_none(&problems);
}

#[test]
fn every_container_is_locked_down_probed_and_limited() {
    let mut problems = Vec::new();
    for folder in samples() {
        pods::check(&gather(&folder), &mut problems);
    }
    assert_none(&problems);
}

#[test]
fn what_kustomize_makes_is_as_good() {
    let mut problems = Vec::new();
    for folder in all() {
        let Some(made) = rendered(&folder, &[]) else {
            return skipped();
        };
        for written in &made {
            check_shape(written, &mut problems);
        }
    }
    let render = |folder: &Path| rendered(folder, &[("NAMESPACE", "elsewhere")]).unwrap();
    for folder in samples() {
        let made = with_enclosing(&folder, render);
        names::check(&made, &readme(&folder), &mut problems);
        pods::check(&made, &mut problems);
        for Written { place, object } in &made {
            let metadata = &object["metadata"];
            let is_there = match object["kind"].as_str() {
                Some("Namespace") => metadata["name"] == "elsewhere",
                Some("RoleBinding") => object["subjects"][0]["namespace"] == "elsewhere",
                _ => metadata["namespace"] == "elsewhere",
            };
            if !is_there {
                problems.push(format!("{place}: {} stays elsewhere", names::title(object)));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_image_comes_from_the_one_place() {
    let wanted =
        |registry: &str, tag: &str| PROGRAMS.map(|name| format!("{registry}/{name}:{tag}"));
    let mut problems = Vec::new();
    let mut look = |set: Vec<Written>, wanted: &[String]| {
        for Written { place, object } in &set {
            for image in pods::images(object) {
                if !wanted.iter().any(|name| name == image) {
                    problems.push(format!("{place}: {image}"));
                }
            }
        }
    };
    let settings = &folder::read(&deploy().join("images/settings.yaml"))[0]["data"];
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(settings["registry"], "knative-adapters");
    assert_eq!(settings["tag"], version);
    for folder in all() {
        look(gather(&folder), &wanted("registry", "tag"));
    }
    for folder in [samples(), swaps()].concat() {
        let other = [
            ("REGISTRY", "host:5000/a/b"),
            ("TAG", "t-1"),
            ("PULL_POLICY", "Never"),
        ];
        let Some(made) = rendered(&folder, &other) else {
            return skipped();
        };
        for written in &made {
            for container in pods::containers(&written.object).filter(|it| it["image"].is_string())
            {
                assert_eq!(container["imagePullPolicy"], "Never", "{}", written.place);
            }
        }
        look(made, &wanted("host:5000/a/b", "t-1"));
    }
    assert_none(&problems);
}

/// The swap of the dispatcher against the Deployment as the stock controller leaves it.
#[test]
fn the_patch_fits_the_stock_dispatcher() {
    let stock = e2e::root().join("e2e/tests/data/golden/deployment-pingsource-mt-adapter.json");
    let stock: Value = serde_json::from_slice(&fs::read(stock).unwrap()).unwrap();
    let patch = gather(&deploy().join("ping")).remove(0).object;
    for object in [&stock, &patch] {
        assert_eq!(names::title(object), "Deployment pingsource-mt-adapter");
    }
    assert_eq!(
        patch["metadata"]["namespace"],
        stock["metadata"]["namespace"]
    );
    let (container, stock) = (
        &pods::pod(&patch)["containers"][0],
        &pods::pod(&stock)["containers"][0],
    );
    assert_eq!(container["name"], stock["name"]);
    // The API server refuses two ports of one name, and one port twice.
    let port = &container["ports"][0];
    for taken in stock["ports"].as_array().unwrap() {
        assert_ne!(port["name"], taken["name"]);
        assert_ne!(port["containerPort"], taken["containerPort"]);
    }
}

#[test]
fn the_gitlab_sample_asks_for_all_kinds() {
    let set = gather(&deploy().join("samples/gitlab"));
    let source = set
        .iter()
        .find(|written| written.object["kind"] == "GitLabSource")
        .unwrap();
    let asked = source.object["spec"]["eventTypes"].as_array().unwrap();
    assert_eq!(*asked, kinds::GITLAB_EVENTS);
}

#[test]
fn every_sample_says_what_to_look_for() {
    for folder in samples() {
        let text = readme(&folder);
        assert!(
            text.contains("line to look for"),
            "{}: no README.md",
            shown(&folder)
        );
        assert!(
            text.contains(&shown(&folder)),
            "{}: not in README.md",
            shown(&folder)
        );
    }
}

#[test]
fn what_the_documentation_names_is_there() {
    let mut pages: Vec<_> = samples().iter().map(|folder| readme(folder)).collect();
    pages.push(fs::read_to_string(e2e::root().join("docs/deploy.md")).unwrap());
    for page in &pages {
        let words =
            page.split(|letter: char| !(letter.is_ascii_alphanumeric() || "/-_.".contains(letter)));
        for path in words.filter(|word| word.starts_with("deploy/")) {
            let path = path.trim_end_matches('.');
            assert!(e2e::root().join(path).exists(), "there is no {path}");
        }
    }
}

fn swaps() -> Vec<std::path::PathBuf> {
    ["ping", "apiserver", "gitlab", "eventing"]
        .map(|name| deploy().join(name))
        .into()
}

/// A sample inside another one is applied on top of it.
fn with_enclosing(folder: &Path, read: impl Fn(&Path) -> Vec<Written>) -> Vec<Written> {
    let mut set = read(folder);
    let outer = folder.parent().expect("a folder").to_owned();
    let is_whole = set
        .iter()
        .any(|written| written.object["kind"] == "Namespace");
    if !is_whole && samples().contains(&outer) {
        set.extend(read(&outer));
    }
    set
}

/// Its README.md, or that of the folder around it.
fn readme(folder: &Path) -> String {
    let outer = folder.parent().expect("a folder");
    [folder, outer]
        .into_iter()
        .find_map(|place| fs::read_to_string(place.join("README.md")).ok())
        .unwrap_or_default()
}
