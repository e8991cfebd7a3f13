//! Listening, serving, stopping.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;

use adapter::server::{self, BindError, Limits, Throttle};
use adapter::shutdown::Shutdown;
use adapter::telemetry;
use tokio::sync::Mutex;

use crate::config::Config;
use crate::output::Output;
use crate::page::Page;
use crate::receive::{Display, log_left_out, routes};
use crate::request_log;
use crate::room::Room;

/// What keeps the program from running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The port cannot be listened on; upstream's words, which people search for.
    #[error("Error during receiver's runtime: error while opening the inbound connection: {0}")]
    Listen(#[from] BindError),
    /// No thread to write with, or no stream to write to.
    #[error("cannot write to {stream}: {source}")]
    Output {
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Shows events until the stop.
pub async fn run(config: Config, shutdown: &Shutdown) -> Result<ExitCode, RunError> {
    let listener = server::bind(server::everywhere(config.port))?;
    // A handle of our own: Rust's `Stdout` would search each text for its last line end.
    let events = output("stdout", io::stdout().as_fd())?;
    let requests = if config.log_requests {
        Some(output("stderr", io::stderr().as_fd())?)
    } else {
        None
    };
    if requests.is_some() {
        tracing::info!("{}", request_log::WARNING);
    }
    let address = listener
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default();
    tracing::info!(address, "Listening for CloudEvents.");
    if let Some(settings) = &config.page {
        let is_guarded = settings.guard.is_some();
        tracing::info!(
            is_guarded,
            "The live page is on: open this address in a browser."
        );
    }

    let instruments = telemetry::handle();
    let refusals = Throttle::default();
    let display = Arc::new(Display {
        events,
        requests,
        page: config.page.map(|settings| Page::new(settings, shutdown)),
        format: config.format,
        room: Room::default(),
        printing: Mutex::default(),
        max_body: config.max_body,
        port: config.port,
        meter: instruments.receive_meter(),
        tracing: instruments.tracing().clone(),
        refusals: refusals.clone(),
    });
    let cut = server::serve(listener, routes(display), Limits::default(), shutdown).await;
    if cut > 0 {
        tracing::warn!(
            requests = cut,
            "Requests were cut off: their senders got no answer."
        );
    }
    let left_out = refusals.take();
    if left_out > 0 {
        log_left_out(left_out);
    }
    Ok(ExitCode::SUCCESS)
}

fn output(stream: &'static str, handle: impl AsFd) -> Result<Output, RunError> {
    let failed = |source| RunError::Output { stream, source };
    let handle = handle.as_fd().try_clone_to_owned().map_err(failed)?;
    Output::start(stream, File::from(handle)).map_err(failed)
}
