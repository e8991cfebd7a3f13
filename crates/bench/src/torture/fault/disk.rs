//! A disk that is full: the outbox lies on a small file system of its own, in a mount namespace
//! that ends with the process.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip, tool};

const SIZE: &str = "size=8m";
const SCRIPT: &str = r#"mount -t tmpfs -o "$0" tmpfs "$1" && shift && exec "$@""#;
const PADDING: usize = 20_000;

/// No room for a while.
pub(super) struct Full;

impl Fault for Full {
    fn name(&self) -> &'static str {
        "disk-full"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().to_owned();
        let wrap = [
            "-m".into(),
            "/bin/sh".into(),
            "-c".into(),
            SCRIPT.into(),
            SIZE.into(),
        ];
        let wrap = [
            vec![tool("unshare")?.into()],
            wrap.to_vec(),
            vec![path.clone().into()],
        ]
        .concat();
        let tried = Command::new(&wrap[0])
            .args(&wrap[1..])
            .arg("/bin/true")
            .output();
        match tried {
            Ok(output) if output.status.success() => {}
            _ => {
                return Err(Skip(
                    "no file system can be mounted here; it needs root".to_owned(),
                ));
            }
        }
        setting.wrap = wrap;
        setting.spool = Some(path);
        setting.padding = PADDING;
        setting.keep(directory);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        // With a sink that is away the outbox fills what is left.
        stage.line.set(Weather::Refuse);
        let filler = fill(stage);
        thread::sleep(length);
        drop(filler);
        stage.line.set(Weather::Fair);
    }
}

/// Takes all room until it is dropped.
struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).expect("the file that filled the disk");
    }
}

fn fill(stage: &Stage) -> Filler {
    let spool = stage.setting.spool.as_ref().expect("a spool");
    let process = stage.program.id().expect("a running program");
    let path = PathBuf::from(format!("/proc/{process}/root{}/filler", spool.display()));
    let mut file = File::create(&path).expect("a file beside the outbox");
    let block = [0; 4096];
    while file.write_all(&block).is_ok() {}
    Filler(path)
}
