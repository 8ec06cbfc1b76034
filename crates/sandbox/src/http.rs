//! The server: TCP, TLS and HTTP/1.1. Types of axum, hyper and rustls stay in here.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::answer::{Answer, ArmError};
use crate::call::Call;
use crate::sandbox::Sandbox;
use crate::subscriptions::Subscription;
use crate::{Options, StartError, route, tls};

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 16 << 20;
/// How long a client may take for the TLS handshake, for its headers, and for its body.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
const HEADER_PATIENCE: Duration = Duration::from_secs(30);
const BODY_PATIENCE: Duration = Duration::from_secs(60);
/// How long open connections may take to finish when the sandbox stops.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// A sandbox that serves. Dropping it stops the server without waiting for open connections; nothing acknowledged is lost.
pub struct Running {
    address: SocketAddr,
    endpoint: String,
    ca_path: PathBuf,
    ca_pem: String,
    sandbox: Arc<Sandbox>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// Opens the state, makes the certificate and starts to serve. Needs a tokio runtime with time and I/O.
///
/// # Errors
/// See [`StartError`]. Nothing is left running.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let listener = TcpListener::bind(options.address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port: options.address.port() },
        _ => StartError::Listen { address: options.address, detail: error.to_string() },
    })?;
    let address =
        listener.local_addr().map_err(|e| StartError::Listen { address: options.address, detail: e.to_string() })?;
    let endpoint = format!("https://localhost:{}", address.port());
    let identity = tls::identity(&options.state_dir, address.ip())?;
    let sandbox = Arc::new(Sandbox::open(options, endpoint.clone()).await?);
    let (stop, stopped) = watch::channel(false);
    let server = tokio::spawn(serve(listener, TlsAcceptor::from(identity.server), Arc::clone(&sandbox), stopped));
    Ok(Running { address, endpoint, ca_path: identity.ca_path, ca_pem: identity.ca_pem, sandbox, stop, server })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The Resource Manager endpoint, `https://localhost:9443`, without a trailing slash. Also the token authority.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// The authority's certificate, which clients must trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The file that holds it.
    pub fn ca_path(&self) -> &Path {
        &self.ca_path
    }

    /// Every subscription of the tenant, by display name.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.sandbox.subscriptions()
    }

    /// Lets open requests finish, stops and closes the state file.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(SHUTDOWN_PATIENCE, &mut self.server).await.is_err() {
            self.server.abort();
        }
        self.sandbox.close().await;
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, sandbox: Arc<Sandbox>, mut stopped: watch::Receiver<bool>) {
    let router = Router::new().fallback(move |request: Request| {
        let sandbox = Arc::clone(&sandbox);
        async move { handle(sandbox, request).await }
    });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, tls.clone(), router.clone(), stopped.clone()));
                }
                // Out of descriptors, or the client is gone already: neither is worth stopping for.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, router: Router, mut stopped: watch::Receiver<bool>) {
    // Small answers must not wait for the client's acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let handshake = tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream));
    let Ok(Ok(stream)) = handshake.await else { return };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        // A connection that breaks is the client's affair.
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn handle(sandbox: Arc<Sandbox>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request_id = sandbox.next_request_id();
    let text = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let correlation = text("x-ms-correlation-request-id").unwrap_or_else(|| request_id.clone());
    let client_id = text("x-ms-return-client-request-id")
        .filter(|wanted| wanted.eq_ignore_ascii_case("true"))
        .and_then(|_| text("x-ms-client-request-id"));
    let call = match read(&parts.headers, body).await {
        Ok(bytes) => {
            Call::new(parts.method.as_str(), parts.uri.path(), parts.uri.query().unwrap_or_default()).map(|call| Call {
                authorization: text(header::AUTHORIZATION.as_str()),
                if_match: text(header::IF_MATCH.as_str()),
                if_none_match: text(header::IF_NONE_MATCH.as_str()),
                body: bytes,
                ..call
            })
        }
        Err(error) => Err(error),
    };
    let answer = match call {
        // In a task of its own: a client that hangs up must not stop a write half-way, and a defect in a handler costs
        // this one request.
        Ok(call) => tokio::spawn(async move { route::answer(&sandbox, call).await }).await.unwrap_or_else(|_| {
            ArmError::new(500, "InternalServerError", "The sandbox failed to handle the request.").into()
        }),
        Err(error) => error.into(),
    };
    respond(answer, &request_id, &correlation, client_id.as_deref())
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, ArmError> {
    let too_large =
        || ArmError::new(413, "RequestContentTooLarge", format!("The request content exceeds {BODY_LIMIT} bytes."));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > BODY_LIMIT) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_PATIENCE, to_bytes(body, BODY_LIMIT)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) if error.to_string().contains("length limit") => Err(too_large()),
        Ok(Err(_)) => Err(ArmError::bad_request("InvalidRequestContent", "The request content could not be read.")),
        Err(_) => Err(ArmError::new(408, "RequestTimeout", "The request content did not arrive in time.")),
    }
}

fn respond(answer: Answer, request_id: &str, correlation: &str, client_id: Option<&str>) -> Response {
    let body = answer.body.map(|body| serde_json::to_vec(&body).unwrap_or_default());
    let has_body = body.is_some();
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        // A value that is no header value (a client's id with control characters) is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("cache-control", "no-cache");
    set("pragma", "no-cache");
    set("strict-transport-security", "max-age=31536000; includeSubDomains");
    set("x-content-type-options", "nosniff");
    set("x-ms-request-id", request_id);
    set("x-ms-correlation-request-id", correlation);
    set("x-ms-routing-request-id", &format!("LOCAL:{request_id}"));
    if let Some(id) = client_id {
        set("x-ms-client-request-id", id);
    }
    if has_body {
        set("content-type", "application/json; charset=utf-8");
    }
    for (name, value) in &answer.headers {
        set(name, value);
    }
    response
}
