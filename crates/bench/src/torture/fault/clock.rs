//! A wall clock that is set forward and back, as libfaketime shows it to the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::Fault;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];
const CLOCK: &str = "FAKETIME_TIMESTAMP_FILE";
/// A program that a loader starts names it near its beginning.
const HEAD: usize = 4096;
/// The longest step forward after which ping-adapter makes up for all ticks is five seconds.
const STEP: std::ops::Range<u64> = 1..4;

/// Steps of a few seconds, forward and back.
pub(super) struct Steps;

impl Fault for Steps {
    fn name(&self) -> &'static str {
        "clock-steps"
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        let library = LIBRARIES.iter().find(|path| Path::new(path).exists());
        let library = library.ok_or_else(|| Skip("libfaketime is not installed".to_owned()))?;
        if is_static(&setting.program) {
            return Err(Skip("libfaketime cannot reach a static program".to_owned()));
        }
        let directory = tempfile::tempdir().expect("a directory");
        let clock = directory.path().join("clock");
        fs::write(&clock, "+0").expect("a written clock");
        for (name, value) in [
            ("LD_PRELOAD", (*library).to_owned()),
            (CLOCK, clock.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Both names: versions differ.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ] {
            setting.env.push((name.to_owned(), value));
        }
        setting.keep(directory);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, rng: &mut Rng) {
        let found = stage.setting.env.iter().find(|(name, _)| name == CLOCK);
        let clock = PathBuf::from(&found.expect("a clock").1);
        let sign = if rng.within(0..2) == 0 { "+" } else { "-" };
        set(&clock, &format!("{sign}{}", rng.within(STEP)));
        thread::sleep(length);
        set(&clock, "+0");
    }
}

fn set(clock: &Path, offset: &str) {
    let fresh = clock.with_extension("fresh");
    fs::write(&fresh, offset).expect("a written clock");
    fs::rename(&fresh, clock).expect("a rename in one directory");
}

fn is_static(program: &Path) -> bool {
    let bytes = fs::read(program).expect("a program");
    let head = &bytes[..bytes.len().min(HEAD)];
    !head.windows(6).any(|window| window == b"ld-lin")
}
