//! A tiny HTTPS server whose answers a test scripts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use glidepath_rollout::{ArmClient, ClientOptions, Patience, Secret, TokenSource};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) verb: String,
    /// Path without query.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The how-many-th request with this verb and path, from 1.
    pub(crate) nth: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }

    /// `PUT /path`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.verb, self.path)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    after: Duration,
    hang_up: bool,
}

impl Answer {
    pub(crate) fn json(status: u16, body: Json) -> Self {
        Self { status, headers: Vec::new(), body: body.to_string(), after: Duration::ZERO, hang_up: false }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { body: String::new(), ..Self::json(status, Json::Null) }
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({"error": {"code": code, "message": message}}))
    }

    /// Closes the connection instead of answering.
    pub(crate) fn hang_up() -> Self {
        Self { hang_up: true, ..Self::empty(200) }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.after = wait;
        self
    }
}

type Script = dyn Fn(&Seen) -> Answer + Send + Sync;

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    under_way: usize,
    most_under_way: usize,
    tokens: usize,
}

/// The server; it lives as long as the test's runtime.
#[derive(Clone)]
pub(crate) struct Stub {
    pub(crate) base: String,
    ca_pem: Vec<u8>,
    state: Arc<Mutex<State>>,
}

impl Stub {
    /// Starts a server. The token endpoint is there already.
    pub(crate) async fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let stub = Self { base, ca_pem: made.cert.pem().into_bytes(), state: Arc::default() };
        let (acceptor, script): (_, Arc<Script>) = (TlsAcceptor::from(Arc::new(config)), Arc::new(script));
        let state = Arc::clone(&stub.state);
        tokio::spawn(async move {
            loop {
                let Ok((socket, _)) = listener.accept().await else { return };
                let (acceptor, script, state) = (acceptor.clone(), Arc::clone(&script), Arc::clone(&state));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(socket).await {
                        let _ = serve(stream, &*script, &state).await;
                    }
                });
            }
        });
        stub
    }

    /// A client with milliseconds of patience.
    pub(crate) fn client(&self) -> ArmClient {
        self.client_with(quick())
    }

    pub(crate) fn client_with(&self, patience: Patience) -> ArmClient {
        ArmClient::new(self.options(patience)).unwrap()
    }

    pub(crate) fn options(&self, patience: Patience) -> ClientOptions {
        let tokens = TokenSource::ClientSecret {
            authority: self.base.clone(),
            tenant: "tenant".into(),
            client_id: "app".into(),
            client_secret: Secret::new("s3cret"),
            scope: format!("{}/.default", self.base),
        };
        ClientOptions { base: self.base.clone(), ca_pem: Some(self.ca_pem.clone()), tokens, patience }
    }

    /// Every request but those for tokens, in the order of arrival.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// `VERB /path` of every request.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }

    pub(crate) fn tokens_given(&self) -> usize {
        self.state.lock().unwrap().tokens
    }

    /// How many requests were answered at the same time, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.state.lock().unwrap().most_under_way
    }
}

pub(crate) fn quick() -> Patience {
    let ms = Duration::from_millis;
    Patience {
        tries: 4,
        first: ms(1),
        longest: ms(5),
        budget: ms(500),
        consistency: ms(500),
        poll: ms(1),
        operation: ms(2000),
        ..Patience::default()
    }
}

async fn serve(
    stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>,
    script: &Script,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace();
        let (verb, url) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((key, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((key.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(key, _)| key == "content-length").map_or(0, |(_, v)| v.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let (path, query) = url.split_once('?').unwrap_or((&url, ""));
        let (path, query, body) = (path.to_owned(), query.to_owned(), String::from_utf8(body).unwrap());
        let answer = if path.ends_with("/oauth2/v2.0/token") {
            let mut state = state.lock().unwrap();
            state.tokens += 1;
            let good = body.contains("client_secret=s3cret") && body.contains("grant_type=client_credentials");
            if good {
                Answer::json(200, json!({"access_token": format!("token-{}", state.tokens), "expires_in": 3599}))
            } else {
                Answer::json(401, json!({"error": "invalid_client", "error_description": "wrong secret"}))
            }
        } else {
            let seen = {
                let mut state = state.lock().unwrap();
                let nth = 1 + state.seen.iter().filter(|s| s.verb == verb && s.path == path).count();
                let seen = Seen { verb, path, query, headers, body, nth };
                state.seen.push(seen.clone());
                state.under_way += 1;
                state.most_under_way = state.most_under_way.max(state.under_way);
                seen
            };
            let answer = script(&seen);
            tokio::time::sleep(answer.after).await;
            state.lock().unwrap().under_way -= 1;
            answer
        };
        if answer.hang_up {
            return Ok(());
        }
        let mut text = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
        for (key, value) in &answer.headers {
            text.push_str(&format!("{key}: {value}\r\n"));
        }
        text.push_str("\r\n");
        text.push_str(&answer.body);
        stream.get_mut().write_all(text.as_bytes()).await?;
        stream.get_mut().flush().await?;
    }
}
