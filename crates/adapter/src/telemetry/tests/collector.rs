//! A collector on loopback that keeps what it is sent, over HTTP/1.1 or gRPC.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// What was sent in one request.
#[derive(Clone)]
pub(super) struct Export {
    pub(super) path: String,
    pub(super) content_type: String,
    pub(super) message: Bytes,
}

/// A running collector.
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    exports: Arc<Mutex<Vec<Export>>>,
}

/// How the collector answers, one element a request; the last one repeats.
pub(super) type Answers = &'static [u32];

impl Collector {
    /// Answers with these HTTP statuses.
    pub(super) async fn over_http(answers: Answers) -> Self {
        Self::start(answers, false).await
    }

    /// Answers with these gRPC statuses.
    pub(super) async fn over_grpc(answers: Answers) -> Self {
        Self::start(answers, true).await
    }

    async fn start(answers: Answers, grpc: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let exports: Arc<Mutex<Vec<Export>>> = Arc::default();
        let kept = Arc::clone(&exports);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service =
                    service_fn(move |request| take(request, Arc::clone(&kept), answers, grpc));
                let io = TokioIo::new(stream);
                if grpc {
                    let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    tokio::spawn(async move { http2.serve_connection(io, service).await });
                } else {
                    let http1 = hyper::server::conn::http1::Builder::new();
                    tokio::spawn(async move { http1.serve_connection(io, service).await });
                }
            }
        });
        Self { address, exports }
    }

    pub(super) fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap().clone()
    }

    /// All spans so far, in the order of arrival.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.traces()
            .into_iter()
            .flat_map(|(_, spans)| spans)
            .collect()
    }

    /// The spans with the name of their scope.
    pub(super) fn traces(&self) -> Vec<(String, Vec<Span>)> {
        let decode = |export: &Export| ExportTraceServiceRequest::decode(export.message.clone());
        self.exports()
            .iter()
            .filter(|export| export.path.contains("trace"))
            .flat_map(|export| decode(export).unwrap().resource_spans)
            .flat_map(|of_resource| of_resource.scope_spans)
            .map(|of_scope| (of_scope.scope.unwrap().name, of_scope.spans))
            .collect()
    }

    /// The attributes of the resource of the first export.
    pub(super) fn resource(&self) -> Vec<(String, String)> {
        let first = self
            .exports()
            .into_iter()
            .find(|export| export.path.contains("trace"))
            .unwrap();
        let traces = ExportTraceServiceRequest::decode(first.message).unwrap();
        let resource = traces
            .resource_spans
            .into_iter()
            .next()
            .unwrap()
            .resource
            .unwrap();
        pairs(&resource.attributes)
    }

    /// The metrics of the last export.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let exports = self.exports();
        let last = exports
            .iter()
            .rfind(|export| export.path.contains("metrics"))
            .unwrap();
        ExportMetricsServiceRequest::decode(last.message.clone())
            .unwrap()
            .resource_metrics
            .into_iter()
            .flat_map(|of_resource| of_resource.scope_metrics)
            .flat_map(|of_scope| of_scope.metrics)
            .collect()
    }
}

/// Attributes as text, sorted by name.
pub(super) fn pairs(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |attribute: &KeyValue| match attribute.value.clone().unwrap().value.unwrap() {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let mut all: Vec<_> = attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), text(attribute)))
        .collect();
    all.sort();
    all
}

async fn take(
    request: Request<Incoming>,
    exports: Arc<Mutex<Vec<Export>>>,
    answers: Answers,
    grpc: bool,
) -> Result<Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let path = request.uri().path().to_owned();
    let content_type = request.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = if grpc { body.slice(5..) } else { body };
    let number = {
        let mut exports = exports.lock().unwrap();
        exports.push(Export {
            path,
            content_type,
            message,
        });
        exports.len() - 1
    };
    let answer = answers[number.min(answers.len() - 1)];
    Ok(if grpc {
        grpc_answer(answer)
    } else {
        http_answer(answer)
    })
}

fn http_answer(
    status: u32,
) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    response
}

/// An empty message and the status behind it; a refusal has the status among the headers.
fn grpc_answer(
    status: u32,
) -> Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>> {
    let status = http::HeaderValue::from(status);
    if status != "0" {
        let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
        response.headers_mut().insert("grpc-status", status);
        return response;
    }
    let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), status)]);
    let frames = [
        Frame::data(Bytes::from_static(&[0; 5])),
        Frame::trailers(trailers),
    ];
    Response::new(StreamBody::new(futures::stream::iter(frames.map(Ok))).boxed_unsync())
}
