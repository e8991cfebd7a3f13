//! Containers on a network without a way out, with the settings that a pod would have.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use e2e::{Event, Undo, docker, image, printed, say};
use serde_json::{Value, json};
use testkit::{Reply, eventually, get};

/// Longer than anything here takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// Runs docker and gives its stdout; panics with its stderr.
#[track_caller]
pub(crate) fn run(args: &[&str]) -> String {
    let (text, error, success) = ask(args);
    assert!(success, "{} {}: {error}", docker(), args.join(" "));
    text
}

fn ask(args: &[&str]) -> (String, String, bool) {
    let output = Command::new(docker()).args(args).output().expect("docker");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.success(),
    )
}

/// A network on which nothing but this machine and its containers can be reached. Dropping it
/// removes them; this happens also when the test is killed.
pub(crate) struct Network {
    name: String,
    _undo: Undo,
}

impl Network {
    pub(crate) fn new() -> Self {
        let name = format!("images-check-{}", std::process::id());
        let script = r#"
            "$1" ps --all --quiet --filter "network=$2" | xargs -r "$1" rm --force >/dev/null
            "$1" network rm "$2" >/dev/null"#;
        let undo = Undo::with(script, &[&docker(), &name]);
        run(&["network", "create", "--internal", &name]);
        Self { name, _undo: undo }
    }

    /// This machine, as the containers see it.
    pub(crate) fn host(&self) -> IpAddr {
        let format = "{{(index .IPAM.Config 0).Gateway}}";
        let address = run(&["network", "inspect", "--format", format, &self.name]);
        address.parse().expect("an address")
    }
}

impl Drop for Network {
    /// A test that fails says what its containers said.
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        let network = format!("network={}", self.name);
        let (ids, _, _) = ask(&["ps", "--all", "--quiet", "--filter", &network]);
        for id in ids.lines() {
            let (image, _, _) = ask(&["inspect", "--format={{.Config.Image}}", id]);
            let (out, error, _) = ask(&["logs", "--tail=20", id]);
            say(&image, &format!("the last lines:\n{out}\n{error}"));
        }
    }
}

/// A container about to be started, as a container of a pod is described.
pub(crate) struct Pod<'a> {
    network: &'a Network,
    program: &'static str,
    /// A container of a Deployment: `env`, `args`, `ports`, `securityContext`, `resources`.
    container: Value,
    env: BTreeMap<String, String>,
    options: Vec<String>,
}

impl<'a> Pod<'a> {
    /// The first container of a golden Deployment, with one of our images in it.
    pub(crate) fn of(network: &'a Network, program: &'static str, deployment: &Value) -> Self {
        let container = deployment["spec"]["template"]["spec"]["containers"][0].clone();
        let variables = container["env"].as_array().cloned().unwrap_or_default();
        let namespace = deployment["metadata"]["namespace"]
            .as_str()
            .unwrap_or("default");
        let env = variables.iter().map(|variable| {
            let name = variable["name"].as_str().expect("a name").to_owned();
            (name, value(variable, program, namespace))
        });
        Self {
            network,
            program,
            env: env.collect(),
            container,
            options: Vec::new(),
        }
    }

    /// The strict settings, and nothing else: for an image that no controller deploys.
    pub(crate) fn strict(network: &'a Network, program: &'static str, args: &[&str]) -> Self {
        let container = json!({
            "args": args,
            "ports": [{"containerPort": 8080, "name": "probes"}],
            "readinessProbe": {"tcpSocket": {"port": 8080}},
        });
        Self {
            network,
            program,
            env: BTreeMap::new(),
            container,
            options: Vec::new(),
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Listens there instead of on port 8080.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.container["ports"] = json!([{"containerPort": port}]);
        self.container["readinessProbe"] = json!({"tcpSocket": {"port": port}});
        self.env("PORT", &port.to_string())
    }

    /// Options for `docker run` that no pod has a field for.
    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        self.options
            .extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// Starts it under the golden security settings. Where a Deployment has none, because the owner
    /// of the source decides, it gets the strictest.
    pub(crate) fn start(self) -> Container {
        let mut args: Vec<String> = ["run", "--detach", "--network", &self.network.name]
            .map(str::to_owned)
            .into();
        args.extend(self.options.clone());
        for (name, value) in &self.env {
            args.extend(["--env".to_owned(), format!("{name}={value}")]);
        }
        // Docker's own seccomp profile is what a container runtime calls RuntimeDefault.
        args.extend(
            [
                "--read-only",
                "--cap-drop=ALL",
                "--security-opt=no-new-privileges",
            ]
            .map(str::to_owned),
        );
        if let Some(memory) = self.container["resources"]["limits"]["memory"].as_str() {
            args.push(format!(
                "--memory={}",
                memory.trim_end_matches('i').to_lowercase()
            ));
        }
        args.push(image(self.program));
        let given = self.container["args"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        args.extend(given.iter().filter_map(Value::as_str).map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let id = run(&args);
        let format = format!(
            "{{{{(index .NetworkSettings.Networks {:?}).IPAddress}}}}",
            self.network.name
        );
        let address = run(&["inspect", "--format", &format, &id]);
        Container {
            program: self.program,
            address: address
                .parse()
                .unwrap_or_else(|_| panic!("{} ended: {}", self.program, run(&["logs", &id]))),
            id,
            spec: self.container,
        }
    }
}

/// What the kubelet would put into a variable.
fn value(variable: &Value, pod: &str, namespace: &str) -> String {
    let from = &variable["valueFrom"];
    match from["fieldRef"]["fieldPath"].as_str() {
        Some("metadata.name") => pod.to_owned(),
        Some("metadata.namespace") => namespace.to_owned(),
        Some(path) => panic!("no value for {path}"),
        None if from["secretKeyRef"].is_object() => "from-a-secret".to_owned(),
        None => variable["value"].as_str().unwrap_or_default().to_owned(),
    }
}

/// A running container; its network removes it.
pub(crate) struct Container {
    program: &'static str,
    id: String,
    address: IpAddr,
    spec: Value,
}

impl Container {
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }

    pub(crate) fn log(&self) -> String {
        let (out, error, _) = ask(&["logs", &self.id]);
        format!("{out}\n{error}")
    }

    /// Waits until the declared probes pass, as a kubelet would ask: `readinessProbe` and
    /// `livenessProbe`.
    #[track_caller]
    pub(crate) fn becomes_ready(&self) {
        let begun = Instant::now();
        for probe in ["livenessProbe", "readinessProbe"] {
            let probe = &self.spec[probe];
            if !probe.is_null() {
                self.wait(probe);
            }
        }
        say(
            self.program,
            &format!("ready after {:.1} s", begun.elapsed().as_secs_f32()),
        );
    }

    fn wait(&self, probe: &Value) {
        let deadline = Instant::now() + SOON;
        while !self.passes(probe) {
            assert!(
                Instant::now() < deadline,
                "{} fails {probe}:\n{}",
                self.program,
                self.log()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn passes(&self, probe: &Value) -> bool {
        let action = ["httpGet", "tcpSocket"].map(|kind| &probe[kind]);
        let port = self.port(action.iter().find_map(|action| action.get("port")));
        match probe["httpGet"]["path"].as_str() {
            // The kubelet puts the slash in front that the controller leaves out.
            Some(path) => get(self.at(port), &format!("/{}", path.trim_start_matches('/')))
                .is_ok_and(|reply: Reply| (200..400).contains(&reply.status)),
            None => std::net::TcpStream::connect(self.at(port)).is_ok(),
        }
    }

    fn port(&self, port: Option<&Value>) -> u16 {
        let ports = self.spec["ports"].as_array().cloned().unwrap_or_default();
        let named = ports.iter().find(|known| Some(&known["name"]) == port);
        let only = ports.first().filter(|_| port.is_none());
        let declared = named.or(only).map(|known| &known["containerPort"]);
        let number = declared.or(port);
        let number = number.and_then(Value::as_u64).expect("a port");
        u16::try_from(number).expect("a port")
    }

    /// Waits for an event in the log of this event-display.
    #[track_caller]
    pub(crate) fn receives(&self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let event = eventually(what, SOON, || {
            thread::sleep(Duration::from_millis(100));
            printed(&self.log()).into_iter().find(&fits)
        });
        say(event.attribute("type"), "reached event-display");
        event
    }

    /// SIGTERM for process 1, the stock grace period, and an exit code of 0: nothing had to be killed.
    #[track_caller]
    pub(crate) fn stops(&self) {
        let begun = Instant::now();
        run(&["stop", "--time=30", &self.id]);
        let code = run(&["inspect", "--format={{.State.ExitCode}}", &self.id]);
        assert_eq!(code, "0", "{}:\n{}", self.program, self.log());
        say(
            self.program,
            &format!(
                "stopped by SIGTERM after {:.1} s",
                begun.elapsed().as_secs_f32()
            ),
        );
    }
}
