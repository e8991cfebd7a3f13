//! Where the API server is and who we are to it: a kubeconfig, or the pod's service account.
//!
//! Proxies are not used on the way to the API server, neither the kubeconfig's nor the
//! environment's.

use std::path::{Path, PathBuf};

use adapter::env::{Env, Problem};
use http::Uri;
use kube::Config;
use kube::config::Kubeconfig;

/// Where a pod finds its credentials.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Exit code of stock adapters without a usable configuration (adapter-runtime.md 7.2).
const EXIT_STOCK: u8 = 1;

const KUBECONFIG: &str = "KUBECONFIG";
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";
const EXAMPLE: &str = "/home/me/.kube/config";

/// The API server's address and our credentials. Reading it does not connect.
#[derive(Clone, Debug)]
pub struct Access {
    pub(super) config: Config,
    server: String,
}

impl Access {
    /// From `KUBECONFIG` (files separated by colons), else from the pod's service account, else
    /// from `~/.kube/config`. Problems have exit code 1.
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        if let Some(files) = env.non_empty(KUBECONFIG) {
            return Self::from_files(files);
        }
        if let (Some(host), Some(port)) = (env.non_empty(HOST), env.non_empty(PORT)) {
            return Self::in_cluster(host, port, Path::new(SERVICE_ACCOUNT));
        }
        let home = env
            .non_empty("HOME")
            .map(|home| Path::new(home).join(".kube/config"));
        match home.filter(|file| file.exists()) {
            Some(file) => Self::from_files(&file.to_string_lossy()),
            None => Err(Problem::said(
                KUBECONFIG,
                format!(
                    "No API server is known: {KUBECONFIG} is not set, {HOST} and {PORT} of a pod \
                     are not either, and there is no ~/.kube/config; \
                     for example {KUBECONFIG}={EXAMPLE}."
                ),
            )
            .with_exit_code(EXIT_STOCK)),
        }
    }

    /// An API server that asks for no credentials, such as `kubectl proxy`.
    pub fn anonymous(url: &str) -> Result<Self, Problem> {
        let config = Config::new(uri(url).map_err(|words| problem("server", url, &words))?);
        Ok(Self {
            config: tidied(config),
            server: url.to_owned(),
        })
    }

    /// The server as the kubeconfig spells it, or `https://host:port` of the pod's variables; never
    /// normalised, because consumers compare it as text (apiserversource.md 3.2).
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The namespace of the service account, or of the kubeconfig's context.
    pub fn namespace(&self) -> &str {
        &self.config.default_namespace
    }

    pub(super) fn in_cluster(host: &str, port: &str, secrets: &Path) -> Result<Self, Problem> {
        let server = if host.contains(':') {
            format!("https://[{host}]:{port}")
        } else {
            format!("https://{host}:{port}")
        };
        let mut config = Config::new(uri(&server).map_err(|words| problem(HOST, host, &words))?);
        config.root_cert_file = Some(secrets.join("ca.crt"));
        // The file above is what counts, and is re-read; this only keeps the system's roots out.
        config.root_cert = Some(Vec::new());
        config.auth_info.token_file = Some(secrets.join("token").to_string_lossy().into_owned());
        if let Ok(namespace) = std::fs::read_to_string(secrets.join("namespace")) {
            namespace.trim().clone_into(&mut config.default_namespace);
        }
        Ok(Self {
            config: tidied(config),
            server,
        })
    }

    fn from_files(files: &str) -> Result<Self, Problem> {
        let wrong = |words: &str| problem(KUBECONFIG, files, words);
        let kubeconfig = merged(files).map_err(|words| wrong(&words))?;
        let cluster = cluster(&kubeconfig);
        let server = cluster.and_then(|cluster| cluster.server.clone());
        let server = server.ok_or_else(|| {
            wrong("it has no current-context that leads to a cluster with a server")
        })?;
        if cluster.is_some_and(|cluster| cluster.proxy_url.is_some()) {
            return Err(wrong(
                "its proxy-url is not supported; want a server reached directly",
            ));
        }
        let url = uri(&server).map_err(|words| wrong(&words))?;
        let mut config = Config::try_from(kubeconfig).map_err(|error| wrong(&error.to_string()))?;
        config.cluster_url = url;
        Ok(Self {
            config: tidied(config),
            server,
        })
    }
}

fn problem(variable: &str, found: &str, words: &str) -> Problem {
    let example = if variable == HOST {
        "10.96.0.1"
    } else {
        EXAMPLE
    };
    Problem::new(variable, found, words, example).with_exit_code(EXIT_STOCK)
}

/// `http::Uri` takes much that is no address of a server.
fn uri(server: &str) -> Result<Uri, String> {
    let without_rest = server.find(['?', '#']).map_or(server, |end| &server[..end]);
    let uri: Uri = without_rest
        .parse()
        .map_err(|error| format!("server {server:?} is no URL ({error})"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(uri),
        _ => Err(format!(
            "server {server:?} is not an http or https URL with a host"
        )),
    }
}

/// What holds for every way in.
fn tidied(mut config: Config) -> Config {
    // Retries are decided by whoever asks; see `watch` and `lease`.
    config.default_retry = false;
    config.proxy_url = None;
    if config.cluster_url.scheme_str() == Some("http") && config.root_cert.is_none() {
        // No TLS, no roots: an image without any would be refused here otherwise.
        config.root_cert = Some(Vec::new());
    }
    config
}

/// All files of the list that exist, the first one counting most.
fn merged(files: &str) -> Result<Kubeconfig, String> {
    let paths: Vec<PathBuf> = std::env::split_paths(files)
        .filter(|path| path.exists())
        .collect();
    if paths.is_empty() {
        return Err("there is no such file".to_owned());
    }
    paths
        .iter()
        .try_fold(Kubeconfig::default(), |merged, path| {
            let next = Kubeconfig::read_from(path).map_err(|error| error.to_string())?;
            merged.merge(next).map_err(|error| error.to_string())
        })
}

fn cluster(kubeconfig: &Kubeconfig) -> Option<&kube::config::Cluster> {
    let wanted = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == *wanted)?;
    let wanted = &context.context.as_ref()?.cluster;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == *wanted)?;
    cluster.cluster.as_ref()
}
