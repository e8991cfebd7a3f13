//! What the metrics listener answers: `GET /metrics` in Prometheus' text format, nothing else.
//!
//! Contract: `adapter-runtime.md` 5.4. Listening is in `listeners`.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus::{Encoder, Registry, TextEncoder};

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Another method is answered 405, another path 404.
pub(super) fn router(registry: Registry) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(registry)
}

async fn scrape(State(registry): State<Registry>) -> Response {
    // Many thousand series take a while to spell; events must not wait for it.
    match tokio::task::spawn_blocking(move || text(&registry)).await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "The metrics could not be spelled.");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn text(registry: &Registry) -> prometheus::Result<Vec<u8>> {
    let mut text = Vec::new();
    TextEncoder::new().encode(&registry.gather(), &mut text)?;
    Ok(text)
}
