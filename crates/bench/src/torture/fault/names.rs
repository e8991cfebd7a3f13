//! A sink whose name cannot be looked up. The program sees an `/etc` of its own.

use std::thread;
use std::time::Duration;

use testkit::Root;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

const NAME: &str = "sink.torture.test";
const HOSTS: &str = "/etc/hosts";
/// How long open connections are refused, so that the name is needed again.
const BREAK: Duration = Duration::from_millis(100);

/// The name is gone for a while.
pub(super) struct Unresolvable;

impl Fault for Unresolvable {
    fn name(&self) -> &'static str {
        "name-fails"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let root = Root::with_directories(&["etc"]).map_err(Skip)?;
        root.write("/etc/nsswitch.conf", "hosts: files\n");
        root.write(HOSTS, format!("127.0.0.1 localhost {NAME}\n"));
        NAME.clone_into(&mut setting.sink_host);
        setting.root = Some(root);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        let root = stage.setting.root.as_ref().expect("an /etc");
        root.write(HOSTS, "127.0.0.1 localhost\n");
        stage.line.set(Weather::Refuse);
        thread::sleep(BREAK);
        stage.line.set(Weather::Fair);
        thread::sleep(length);
        root.write(HOSTS, format!("127.0.0.1 localhost {NAME}\n"));
    }
}
