//! Where the binaries are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that holds the programs under their names.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
    /// Whether it is a folder of cargo's, in which one that is missing can be built.
    builds: bool,
}

impl Programs {
    /// Those of this folder; by its whole path, because not every program sees this directory.
    pub fn in_folder(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        Self {
            folder: folder.canonicalize().unwrap_or_else(|_| folder.to_owned()),
            builds: false,
        }
    }

    /// Those that were built with the running binary or test. One that is missing is built; one
    /// that is there is taken as it is, because whoever builds this builds them, too.
    pub fn built() -> Self {
        let own = env::current_exe().expect("the path of the running program");
        let folder = own.parent().expect("a folder");
        // Tests run from `deps`.
        let folder = if folder.ends_with("deps") {
            folder.parent().expect("the folder above")
        } else {
            folder
        };
        Self {
            folder: folder.to_owned(),
            builds: true,
        }
    }

    /// The program of this name; panics if it is missing.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        if self.builds && !path.exists() {
            build(name, &self.folder);
        }
        assert!(path.exists(), "there is no {}", path.display());
        path
    }
}

fn build(name: &str, folder: &Path) {
    let target = folder.parent().expect("the target folder");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--quiet", "--bin", name])
        .arg("--target-dir")
        .arg(target);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{name} is not in {} and could not be built: {status:?}",
        folder.display()
    );
}
