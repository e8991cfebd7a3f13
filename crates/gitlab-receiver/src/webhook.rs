//! The HTTP side: probes, the door, the body, and who delivers it.
//!
//! One handler for every path, since GitLab may be told any URL. Contract: `gitlabsource.md` 3.
//! Delivery itself is in `post`; listening and stopping are in `run`.

use std::sync::Arc;
use std::time::Duration;

use adapter::admin::Readiness;
use adapter::server::{BodyError, Throttle, read_body};
use adapter::telemetry::metrics::{ReceiveMeter, Received};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::answer::Answer;
use crate::delivery::{self, Delivery};
use crate::door::{Admitted, Door};
use crate::event_name::EventName;
use crate::payload;
use crate::post::Post;
use crate::repeats::{ContentHash, Repeats, Turn};

/// How this server is called in measurements.
const SERVER: &str = "gitlab-receiver";
/// How long a body may take; GitLab itself gives up then.
const BODY_TIME: Duration = Duration::from_secs(10);
/// From this size on, checks run beside the event loop: they take milliseconds.
const LARGE: usize = 1 << 20;
/// How much of a refused body is thrown away, and for how long, so that the answer is read.
const LINGER: (usize, Duration) = (128 << 20, Duration::from_secs(2));

/// Everything that a request meets.
pub struct Webhook {
    /// Tokens and signatures.
    pub door: Door,
    /// `GITLAB_MAX_BODY_BYTES`.
    pub max_body: usize,
    /// Copies of one delivery.
    pub repeats: Repeats,
    /// Where deliveries go.
    pub post: Post,
    /// What `/readiness` says.
    pub readiness: Readiness,
    /// Cancelled when the process is told to stop.
    pub stopping: CancellationToken,
    /// Deliveries on their way; they outlive the connection they came on.
    pub tasks: TaskTracker,
    /// What is measured of each request.
    pub meter: ReceiveMeter,
    /// `PORT`, for the measurements.
    pub port: u16,
    /// How many refusals get a line in the log.
    pub refusals: Throttle,
}

/// The service for the webhook's listener.
pub fn routes(webhook: Webhook) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(webhook))
}

async fn answer(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let path = request.uri().path();
    match *request.method() {
        Method::GET | Method::HEAD if path == "/health" => StatusCode::OK.into_response(),
        Method::GET | Method::HEAD if path == "/readiness" => webhook.probe(),
        _ => webhook.measured(request).await.into_response(),
    }
}

impl Webhook {
    fn probe(&self) -> Response {
        let missing = self.readiness.missing();
        let text = if self.stopping.is_cancelled() {
            "stopping\n".to_owned()
        } else if missing.is_empty() {
            return StatusCode::OK.into_response();
        } else {
            format!("waiting for {}\n", missing.join(", "))
        };
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }

    /// Answers, counts the request, and says in the log why one was refused.
    async fn measured(&self, request: Request) -> Answer {
        let (began, method) = (Instant::now(), request.method().clone());
        let request_size = request.body().size_hint().exact().unwrap_or(0);
        let instance = instance(request.headers()).map(str::to_owned);
        let answer = if method == Method::POST {
            self.receive(request).await
        } else {
            Answer::NotPost
        };
        self.meter.answered(&Received {
            method: &method,
            route: "/",
            protocol_version: "1.1",
            server: (SERVER, self.port),
            status: answer.status().as_u16(),
            took: began.elapsed(),
            request_size,
            response_size: 0,
        });
        // What the sink did not take has been logged with its event, what the disk did not, there.
        if !matches!(
            answer,
            Answer::Accepted | Answer::Undelivered | Answer::Full
        ) {
            self.refused(answer, instance.as_deref());
        }
        answer
    }

    /// A wrong secret is found here or never; strangers who try must not fill the log.
    fn refused(&self, answer: Answer, instance: Option<&str>) {
        self.refusals.line(
            || {
                tracing::warn!(
                    status = answer.status().as_u16(),
                    instance,
                    error = answer.sentence(),
                    "A request was refused."
                );
            },
            |count| {
                tracing::warn!(
                    count,
                    "More requests were refused, without a line for each."
                );
            },
        );
    }

    async fn receive(&self, request: Request) -> Answer {
        let arrived = Arrival {
            at: Instant::now(),
            time: Utc::now(),
        };
        let (head, mut body) = request.into_parts();
        let taken = match self.door.admit(&head.headers) {
            Ok(admitted) => self.read(&mut body).await.map(|bytes| (admitted, bytes)),
            Err(refusal) => Err(refusal),
        };
        match taken {
            Ok((admitted, bytes)) => {
                let accepted = self.accept(&head.headers, admitted, bytes, arrived).await;
                accepted.unwrap_or_else(|refusal| refusal)
            }
            Err(refusal) => {
                linger(body);
                refusal
            }
        }
    }

    async fn read(&self, body: &mut Body) -> Result<Vec<u8>, Answer> {
        match tokio::time::timeout(BODY_TIME, read_body(body, self.max_body)).await {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            Ok(Err(BodyError::TooLarge { .. })) => Err(Answer::TooLarge),
            Ok(Err(BodyError::Broken(_))) | Err(_) => Err(Answer::Unreadable),
        }
    }

    async fn accept(
        &self,
        headers: &HeaderMap,
        admitted: Admitted,
        body: Vec<u8>,
        arrived: Arrival,
    ) -> Result<Answer, Answer> {
        let Checked {
            event,
            body,
            content,
        } = self.check(admitted, body).await?;
        let delivery = Delivery {
            id: delivery::id(headers),
            event,
            received: arrived.time,
            body,
        };
        tracing::debug!(
            event_id = delivery.id,
            event = delivery.event.as_str(),
            instance = instance(headers),
            kind = tracing::enabled!(tracing::Level::DEBUG)
                .then(|| tracing::field::debug(payload::kind(&delivery.body))),
            "A webhook arrived."
        );
        let Some(key) = delivery::idempotency_key(headers) else {
            return Ok(self.deliver(delivery, arrived, |_| ()).await);
        };
        let copy = self
            .repeats
            .fingerprint(key, delivery.event.as_str(), content);
        let request = headers
            .get("x-gitlab-webhook-uuid")
            .map_or(&b""[..], |uuid| uuid.as_bytes());
        Ok(match self.repeats.turn(copy, request) {
            Turn::First(ticket) => {
                self.deliver(delivery, arrived, |answer| ticket.finish(answer))
                    .await
            }
            Turn::Join(joined) => joined.answer().await,
            Turn::Delivered => Answer::Accepted,
        })
    }

    /// Signature and syntax; for a large body on a thread where it holds nobody up.
    async fn check(&self, admitted: Admitted, body: Vec<u8>) -> Result<Checked, Answer> {
        let (door, repeats, large) = (self.door.clone(), self.repeats.clone(), body.len() >= LARGE);
        let check = move || {
            door.verify(&admitted, &body)?;
            payload::check(&body).map_err(Answer::BadPayload)?;
            let content = repeats.content(&body);
            Ok(Checked {
                event: admitted.event,
                body,
                content,
            })
        };
        if !large {
            return check();
        }
        tokio::task::spawn_blocking(check)
            .await
            .unwrap_or(Err(Answer::Unreadable))
    }

    /// Delivers in a task of its own: a peer that hangs up changes nothing, and whoever repeats
    /// the request meanwhile gets the same answer.
    async fn deliver(
        &self,
        delivery: Delivery,
        arrived: Arrival,
        done: impl FnOnce(Answer) + Send + 'static,
    ) -> Answer {
        let post = self.post.clone();
        let task = self.tasks.spawn(async move {
            let answer = post.deliver(delivery, arrived.at).await;
            done(answer);
            answer
        });
        task.await.unwrap_or(Answer::Undelivered)
    }
}

/// When a request came, by both clocks.
#[derive(Clone, Copy)]
struct Arrival {
    at: Instant,
    time: DateTime<Utc>,
}

/// A body that may be delivered.
struct Checked {
    event: EventName,
    body: Vec<u8>,
    content: ContentHash,
}

/// The instance that says it sent this, for the log.
fn instance(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("x-gitlab-instance")
        .and_then(|value| value.to_str().ok())
}

/// Reads on for a moment after a refusal and throws it away: closing on a peer that still sends
/// resets the connection, and with it goes the answer that says why.
fn linger(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    let (limit, time) = LINGER;
    tokio::spawn(tokio::time::timeout(time, async move {
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            let Some(rest) = left.checked_sub(length) else {
                return;
            };
            left = rest;
        }
    }));
}
