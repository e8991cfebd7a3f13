//! Where lines go: whole lines, one write each, so that lines of several programs never mix.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use crate::telemetry::config::Output;

/// All the places that every line goes to.
pub(super) struct Outputs(Vec<Place>);

enum Place {
    Stdout,
    Stderr,
    File(File),
    #[cfg(test)]
    Memory(std::sync::Arc<std::sync::Mutex<Vec<Vec<u8>>>>),
}

impl Outputs {
    pub(super) fn open(outputs: &[Output]) -> Self {
        Self(outputs.iter().map(open).collect())
    }

    /// One element for each write.
    #[cfg(test)]
    pub(super) fn memory() -> (Self, std::sync::Arc<std::sync::Mutex<Vec<Vec<u8>>>>) {
        let writes = std::sync::Arc::default();
        (
            Self(vec![Place::Memory(std::sync::Arc::clone(&writes))]),
            writes,
        )
    }

    /// A line that cannot be written is lost: there is no other place to say so.
    pub(super) fn write(&self, line: &[u8]) {
        for place in &self.0 {
            let _ = match place {
                // Standard output is buffered by line; a line ending of another kind needs the flush.
                Place::Stdout => {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(line).and_then(|()| stdout.flush())
                }
                Place::Stderr => io::stderr().lock().write_all(line),
                Place::File(file) => { file }.write_all(line),
                #[cfg(test)]
                Place::Memory(writes) => {
                    writes
                        .lock()
                        .expect("no test panics in here")
                        .push(line.to_vec());
                    Ok(())
                }
            };
        }
    }
}

fn open(output: &Output) -> Place {
    match output {
        Output::Stdout => Place::Stdout,
        Output::Stderr => Place::Stderr,
        Output::File(path) => match OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Place::File(file),
            Err(error) => {
                let path = path.display();
                let _ = writeln!(
                    io::stderr(),
                    "{path} cannot be opened for log lines: {error}."
                );
                Place::Stderr
            }
        },
    }
}
