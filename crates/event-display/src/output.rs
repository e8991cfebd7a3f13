//! The stream that events are printed on, written by a thread of its own.
//!
//! A pipe whose reader has stopped blocks whoever writes to it; here that is neither a health check
//! nor another request. What is ready at one turn of the runtime, or while the thread writes, goes
//! into one write: waking the thread for each event costs more than all the rest of it.
//! Contract: event-display.md 3.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::print::Printed;

/// Texts that may wait for the thread; each belongs to a request that waits for it in turn.
const QUEUE: usize = 1024;
/// Texts taken into one write: three pieces each, of which Linux takes 1024 at once.
const BATCH: usize = 256;
/// How long to wait for a stream that was made non-blocking by someone else.
const PAUSE: Duration = Duration::from_millis(5);

/// Why a text was not written; shared by those that were in the same write.
pub type Failure = Arc<io::Error>;

struct Job {
    text: Printed,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// A way to the stream. Copies are cheap; thread and task end with the last one.
#[derive(Clone, Debug)]
pub struct Output(mpsc::Sender<Job>);

impl Output {
    /// Starts the thread, and the task that feeds it. Needs a running tokio runtime.
    pub fn start(name: &str, stream: impl Write + Send + 'static) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (batches, thread_queue) = std_mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || Writer::new(stream).run(&thread_queue))?;
        tokio::spawn(feed(queue, batches));
        Ok(Self(jobs))
    }

    /// Writes a text whole; returns when the system has taken it.
    pub async fn write(&self, text: Printed) -> Result<(), Failure> {
        let (done, written) = oneshot::channel();
        let gone = || Arc::new(io::Error::from(ErrorKind::BrokenPipe));
        self.0.send(Job { text, done }).await.map_err(|_| gone())?;
        written.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Texts for one write, and what became of each.
struct Batch {
    texts: Vec<Printed>,
    written: oneshot::Sender<Vec<Result<(), Failure>>>,
}

/// Hands one batch after the other to the thread.
async fn feed(mut queue: mpsc::Receiver<Job>, batches: std_mpsc::SyncSender<Batch>) {
    let mut jobs = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut jobs, BATCH).await > 0 {
        // Other requests that have arrived by now get their turn first.
        tokio::task::yield_now().await;
        while jobs.len() < BATCH
            && let Ok(next) = queue.try_recv()
        {
            jobs.push(next);
        }
        let (texts, waiting): (Vec<_>, Vec<_>) =
            jobs.drain(..).map(|job| (job.text, job.done)).unzip();
        let (written, results) = oneshot::channel();
        // The thread has taken the last batch, so that there is room and nobody blocks here.
        if batches.send(Batch { texts, written }).is_err() {
            return;
        }
        let Ok(results) = results.await else { return };
        for (done, result) in waiting.into_iter().zip(results) {
            // Nobody waits any more for a request that was cut.
            let _ = done.send(result);
        }
    }
}

struct Writer<W> {
    stream: W,
    /// The last write stopped inside a text: the next one begins a new line.
    is_torn: bool,
}

impl<W: Write> Writer<W> {
    fn new(stream: W) -> Self {
        Self {
            stream,
            is_torn: false,
        }
    }

    fn run(mut self, queue: &std_mpsc::Receiver<Batch>) {
        while let Ok(batch) = queue.recv() {
            let results = self.write(&batch.texts);
            // Nobody waits any more when the program ends.
            let _ = batch.written.send(results);
        }
    }

    /// Writes all texts; those that are not there whole have failed.
    fn write(&mut self, texts: &[Printed]) -> Vec<Result<(), Failure>> {
        let new_line: &[u8] = if self.is_torn { b"\n" } else { b"" };
        let mut slices: Vec<_> = std::iter::once(new_line)
            .chain(texts.iter().flat_map(Printed::pieces))
            .filter(|piece| !piece.is_empty())
            .map(IoSlice::new)
            .collect();
        let (mut written, result) = write_all(&mut self.stream, &mut slices);
        let failure = result.err().map(Arc::new);
        self.is_torn &= written == 0;
        written = written.saturating_sub(new_line.len());
        let results = texts.iter().map(|text| {
            let is_whole = written >= text.len();
            self.is_torn |= !is_whole && written > 0;
            written = written.saturating_sub(text.len());
            match &failure {
                Some(failure) if !is_whole => Err(Arc::clone(failure)),
                _ => Ok(()),
            }
        });
        results.collect()
    }
}

/// Bytes written, and why it were not all.
fn write_all(stream: &mut impl Write, slices: &mut [IoSlice<'_>]) -> (usize, io::Result<()>) {
    let mut rest = slices;
    let mut written = 0;
    while !rest.is_empty() {
        match stream.write_vectored(rest) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => {
                written += count;
                IoSlice::advance_slices(&mut rest, count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use super::*;

    /// Takes a few bytes at a time and fails when its script says so.
    #[derive(Clone, Default)]
    struct Scripted {
        taken: Arc<Mutex<Vec<u8>>>,
        /// Total of bytes at which it fails once.
        fails_at: Vec<usize>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let room = self
                .fails_at
                .first()
                .map_or(usize::MAX, |end| end - taken.len());
            if room == 0 {
                self.fails_at.remove(0);
                return Err(ErrorKind::StorageFull.into());
            }
            let count = bytes.len().min(room).min(7);
            taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(writer: &mut Writer<Scripted>, texts: &[&str]) -> Vec<bool> {
        let texts: Vec<_> = texts
            .iter()
            .map(|text| text.as_bytes().to_vec().into())
            .collect();
        writer.write(&texts).iter().map(Result::is_ok).collect()
    }

    #[test]
    fn a_failed_write_fails_only_what_was_not_written() {
        let stream = Scripted {
            fails_at: vec![12, 12, 25],
            ..Scripted::default()
        };
        let taken = Arc::clone(&stream.taken);
        let mut writer = Writer::new(stream);
        assert_eq!(
            write(&mut writer, &["one\n", "two\n", "three\n", "four\n"]),
            [true, true, false, false]
        );
        assert_eq!(write(&mut writer, &["five\n"]), [false]);
        // On a line of its own, because a part of `three` is there.
        assert_eq!(
            write(&mut writer, &["six\n", "seven\n", ""]),
            [true, true, true]
        );
        assert_eq!(write(&mut writer, &["eight\n", "nine\n"]), [false, false]);
        assert_eq!(write(&mut writer, &["ten\n"]), [true]);
        let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(
            String::from_utf8_lossy(&taken),
            "one\ntwo\nthre\nsix\nseven\nei\nten\n"
        );
    }

    #[tokio::test]
    async fn what_is_acknowledged_is_written() {
        let stream = Scripted::default();
        let taken = Arc::clone(&stream.taken);
        let output = Output::start("test", stream).expect("a thread");
        let writes = (0..5000).map(|n| {
            let output = output.clone();
            async move {
                output
                    .write(format!("line {n}\n").into_bytes().into())
                    .await
            }
        });
        let results = futures::future::join_all(writes).await;
        assert!(results.iter().all(Result::is_ok));
        let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<_> = std::str::from_utf8(&taken).expect("text").lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 5000);
    }
}
