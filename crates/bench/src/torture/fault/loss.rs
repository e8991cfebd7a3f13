//! A network that loses every tenth packet: the program lives in a network namespace, at the other
//! end of a pair of virtual cables.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use super::Fault;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip, tool};

/// Every tenth packet, all the time.
pub(super) struct Packets;

impl Fault for Packets {
    fn name(&self) -> &'static str {
        "packet-loss"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let network = Network::new()?;
        network.lose()?;
        setting.wrap = vec![
            tool("ip")?.into(),
            "netns".into(),
            "exec".into(),
            network.name.clone().into(),
        ];
        setting.api_host = network.here.into();
        setting.sink_host = network.here.to_string();
        setting.program_host = network.there.into();
        setting.keep(network);
        Ok(())
    }

    /// It is there all the time.
    fn strike(&self, _stage: &Stage, length: Duration, _rng: &mut Rng) {
        thread::sleep(length);
    }
}

/// Dropping it removes namespace and cables.
struct Network {
    name: String,
    here: Ipv4Addr,
    there: Ipv4Addr,
}

impl Network {
    fn new() -> Result<Self, Skip> {
        static NEXT: AtomicU8 = AtomicU8::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        // Of the network that is set aside for benchmarks (RFC 2544).
        let third = u8::try_from(process % 256).unwrap_or(0);
        let base = (number % 64) * 4;
        let network = Self {
            name: format!("torture-{process}-{number}"),
            here: Ipv4Addr::new(198, 18, third, base + 1),
            there: Ipv4Addr::new(198, 18, third, base + 2),
        };
        let (name, here, there) = (&network.name, network.here, network.there);
        let (near, far) = (
            format!("tn{process}x{number}"),
            format!("tf{process}x{number}"),
        );
        ip(&format!("netns add {name}"))?;
        ip(&format!(
            "link add {near} type veth peer name {far} netns {name}"
        ))?;
        ip(&format!("addr add {here}/30 dev {near}"))?;
        ip(&format!("link set {near} up"))?;
        ip(&format!("-n {name} addr add {there}/30 dev {far}"))?;
        ip(&format!("-n {name} link set {far} up"))?;
        ip(&format!("-n {name} link set lo up"))?;
        Ok(network)
    }

    /// With netem, or where the kernel has none with a rule that drops at random.
    fn lose(&self) -> Result<(), Skip> {
        let inside = format!("netns exec {} ", self.name);
        let netem = format!(
            "{inside}tc qdisc add dev {} root netem loss 10%",
            self.far()
        );
        let rule = "-m statistic --mode random --probability 0.1 -j DROP";
        let device = format!("! -i lo {rule}");
        ip(&netem).or_else(|_| ip(&format!("{inside}iptables -A INPUT {device}")))?;
        Ok(())
    }

    fn far(&self) -> String {
        self.name.replacen("torture-", "tf", 1).replace('-', "x")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Nothing to be done about one that stays.
        let _ = ip(&format!("netns del {}", self.name));
    }
}

fn ip(words: &str) -> Result<(), Skip> {
    let output = Command::new(tool("ip")?).args(words.split(' ')).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            Err(Skip(format!(
                "no network of its own here: {}",
                reason.trim()
            )))
        }
        Err(error) => Err(Skip(format!("no network of its own here: {error}"))),
    }
}
