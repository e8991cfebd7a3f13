//! What `make e2e` and `make images-check` say: whose images, and where the project is.

use std::path::{Path, PathBuf};

/// The image of one of our programs: `REGISTRY/program:TAG`, as the Makefile names it.
pub fn image(program: &str) -> String {
    let registry = variable("REGISTRY").unwrap_or_else(|| "knative-adapters".to_owned());
    let tag = variable("TAG").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned());
    format!("{registry}/{program}:{tag}")
}

/// The project's folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the project's folder").to_owned()
}

/// The command that stands for Docker: `DOCKER`, else `docker`.
pub fn docker() -> String {
    variable("DOCKER").unwrap_or_else(|| "docker".to_owned())
}

/// All variables, for the programs that are started.
#[expect(clippy::disallowed_methods, reason = "there is no `main`")]
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars().collect()
}

fn variable(name: &str) -> Option<String> {
    let named = |(found, value): (String, String)| (found == name).then_some(value);
    let value = environment().into_iter().find_map(named);
    value.filter(|value| !value.is_empty())
}
