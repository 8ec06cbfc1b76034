//! One HTTP client for Azure Resource Manager: the sandbox and Azure alike.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use glidepath_arm::Value;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use tokio::sync::OnceCell;

use crate::credential::Token;
use crate::retry::{asked_wait, is_busy, is_consistency, is_transient};
use crate::{ArmError, ClientError, Patience, Secret, TokenSource, Verb};

/// How to reach a target.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// `https://management.azure.com`, or the sandbox.
    pub base: String,
    /// The only certificate authorities to trust, in PEM; without them those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// Where tokens come from.
    pub tokens: TokenSource,
    /// How patient to be.
    pub patience: Patience,
}

/// What the target answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status, below 300.
    pub status: u16,
    /// The body; `null` when there is none.
    pub body: Value,
    /// `x-ms-request-id`
    pub request_id: Option<String>,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    /// A header, if it is text.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    pub(crate) fn asked_wait(&self) -> Option<Duration> {
        asked_wait(&|name| self.header(name), jiff::Timestamp::now())
    }

    /// The answer as the error it is, or stands for (a failed operation answers 200).
    pub(crate) fn error(&self) -> ArmError {
        ArmError::read(self.status, &self.body, &self.text, self.request_id.clone())
    }
}

/// An ARM client. Clones share connections, token and state.
#[derive(Clone)]
pub struct ArmClient {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    tokens: TokenSource,
    token: tokio::sync::Mutex<Option<Token>>,
    patience: Patience,
    last_write: Mutex<Option<Instant>>,
    registrations: Mutex<BTreeMap<String, Arc<OnceCell<()>>>>,
}

/// Errors that pass when replicas agree are believed for this long after our last write; later they are meant.
const REPLICATION: Duration = Duration::from_secs(300);
const PROVIDERS_API: &str = "2021-04-01";
/// Pages of one list; ARM's largest lists have a few thousand.
const PAGES: usize = 100_000;

impl fmt::Debug for ArmClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArmClient").field("base", &self.inner.base.as_str()).finish_non_exhaustive()
    }
}

impl ArmClient {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Insecure`] for a base that is not https, [`ClientError::Setup`] for one that is no URL or
    /// certificates that cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let setup = |e: &dyn fmt::Display| ClientError::Setup(e.to_string());
        let base = Url::parse(&options.base).map_err(|e| ClientError::Setup(format!("`{}`: {e}", options.base)))?;
        if base.scheme() != "https" {
            return Err(ClientError::Insecure(options.base));
        }
        // The process may have chosen a provider already; either one will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .https_only(true)
            // A redirect could carry the token elsewhere, and ARM has none.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.patience.connect)
            .read_timeout(options.patience.silence)
            .user_agent(concat!("glidepath/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &options.ca_pem {
            http = http.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem).map_err(|e| setup(&cause(&e)))?);
        }
        Ok(Self {
            inner: Arc::new(Inner {
                http: http.build().map_err(|e| setup(&cause(&e)))?,
                base,
                tokens: options.tokens,
                token: tokio::sync::Mutex::new(None),
                patience: options.patience,
                last_write: Mutex::new(None),
                registrations: Mutex::new(BTreeMap::new()),
            }),
        })
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.inner.patience
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// [`ClientError::Arm`] for every answer of 400 and above, and see [`ClientError`].
    pub async fn get(&self, path: &str, api_version: &str) -> Result<Reply, ClientError> {
        self.send(Verb::Get, &self.url(path, api_version, &[]), None).await
    }

    /// Creates or replaces `path` and waits until that is done. Registers the resource provider when the subscription lacks
    /// it, and waits out errors that pass when Azure's replicas agree.
    ///
    /// # Errors
    /// See [`ClientError`]; a failed operation is [`ClientError::Arm`] too.
    pub async fn put(&self, path: &str, api_version: &str, body: &Value) -> Result<Reply, ClientError> {
        self.write(Verb::Put, path, api_version, Some(body)).await
    }

    /// Deletes `path` and waits until that is done; returns `x-ms-request-id`. What is not there is deleted already.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&self, path: &str, api_version: &str) -> Result<Option<String>, ClientError> {
        match self.write(Verb::Delete, path, api_version, None).await {
            Ok(reply) => Ok(reply.request_id),
            Err(error) if error.is_not_found() => Ok(error.arm().and_then(|e| e.request_id.clone())),
            Err(error) => Err(error),
        }
    }

    /// Calls an action and waits until it is done.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn post(&self, path: &str, api_version: &str, body: Option<&Value>) -> Result<Reply, ClientError> {
        self.write(Verb::Post, path, api_version, body).await
    }

    /// Every item of a list, page after page, by `nextLink` or `@odata.nextLink`. `verb` is [`Verb::Query`] for those
    /// of PolicyInsights.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn list(
        &self,
        verb: Verb,
        path: &str,
        api_version: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<Value>, ClientError> {
        let mut items = Vec::new();
        let mut url = self.url(path, api_version, query);
        for _ in 0..PAGES {
            let page = self.send(verb, &url, None).await?;
            items.extend_from_slice(page.body.get("value").and_then(Value::as_array).unwrap_or_default());
            let next = page.body.get("nextLink").or_else(|| page.body.get("@odata.nextLink")).and_then(Value::as_str);
            let Some(next) = next.filter(|s| !s.is_empty()) else { return Ok(items) };
            let next = self.follow(next)?;
            if next == url {
                return Err(ClientError::Unreadable { url: bare(&url), detail: "a page points to itself".to_owned() });
            }
            url = next;
        }
        Err(ClientError::Unreadable { url: bare(&url), detail: "the list does not end".to_owned() })
    }

    async fn write(
        &self,
        verb: Verb,
        path: &str,
        api_version: &str,
        body: Option<&Value>,
    ) -> Result<Reply, ClientError> {
        let url = self.url(path, api_version, &[]);
        let bytes = body.map(|b| b.to_string().into_bytes());
        let started = Instant::now();
        let (mut tried, mut registered) = (0, false);
        loop {
            tried += 1;
            let result = match self.send(verb, &url, bytes.as_deref()).await {
                Ok(reply) => self.finish(verb, &url, reply).await,
                Err(error) => Err(error),
            };
            let error = match result {
                Ok(reply) => {
                    *self.inner.last_write.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    return Ok(reply);
                }
                Err(error) => error,
            };
            let Some(arm) = error.arm() else { return Err(error) };
            if !registered && arm.has_code("MissingSubscriptionRegistration") {
                registered = true;
                self.register(path, arm).await?;
                continue;
            }
            let wait = self.inner.patience.backoff(tried, luck());
            let in_time = started.elapsed() + wait <= self.inner.patience.consistency;
            let deleted = verb == Verb::Delete && error.is_not_found();
            let passes = is_busy(arm) || (self.wrote_lately() && is_consistency(arm));
            if deleted || !in_time || !passes {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn wrote_lately(&self) -> bool {
        let last = *self.inner.last_write.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|at| at.elapsed() < REPLICATION)
    }

    /// Registers the provider that `error` misses, once however many writes ask for it.
    async fn register(&self, path: &str, error: &ArmError) -> Result<(), ClientError> {
        let id = glidepath_arm::ResourceId::new(path);
        let quoted = error.chain().into_iter().find_map(|e| e.message.split_once("namespace '")?.1.split('\'').next());
        let own = id.resource_type();
        let namespace = quoted.or(own.as_ref().map(|t| t.namespace()));
        let (Some(subscription), Some(namespace)) = (id.subscription_id(), namespace) else {
            return Err(ClientError::Arm(Box::new(error.clone())));
        };
        let provider = format!("/subscriptions/{subscription}/providers/{namespace}");
        let cell = {
            let mut cells = self.inner.registrations.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(provider.to_ascii_lowercase()).or_default())
        };
        cell.get_or_try_init(|| self.register_now(&provider)).await.copied()
    }

    async fn register_now(&self, provider: &str) -> Result<(), ClientError> {
        let patience = &self.inner.patience;
        let started = Instant::now();
        let mut reply =
            self.send(Verb::Post, &self.url(&format!("{provider}/register"), PROVIDERS_API, &[]), None).await?;
        let mut wait = patience.poll;
        loop {
            let state = reply.body.get("registrationState").and_then(Value::as_str).unwrap_or_default();
            if state.eq_ignore_ascii_case("Registered") {
                return Ok(());
            }
            if started.elapsed() > patience.operation {
                let what = format!("registration of {provider}");
                return Err(ClientError::TimedOut { what, seconds: patience.operation.as_secs() });
            }
            tokio::time::sleep(reply.asked_wait().filter(|w| !w.is_zero()).unwrap_or(wait)).await;
            wait = (wait * 3 / 2).min(patience.longest);
            reply = self.get(provider, PROVIDERS_API).await?;
        }
    }

    /// One request with its retries.
    pub(crate) async fn send(&self, verb: Verb, url: &Url, body: Option<&[u8]>) -> Result<Reply, ClientError> {
        let patience = &self.inner.patience;
        let id = uuid::Uuid::new_v4().to_string();
        let (mut tried, mut waited, mut renewed) = (0, Duration::ZERO, false);
        loop {
            tried += 1;
            let token = self.token().await?;
            let (error, asked) = match self.once(verb, url, body, &token, &id).await {
                Ok(reply) if reply.status < 300 => return Ok(reply),
                Ok(reply) if reply.status < 400 => {
                    let detail = format!("status {}, but ARM does not redirect", reply.status);
                    return Err(ClientError::Unreadable { url: bare(url), detail });
                }
                Ok(reply) if reply.status == 401 => {
                    if renewed {
                        return Err(ClientError::SignIn(reply.error().to_string()));
                    }
                    renewed = true;
                    self.forget(&token).await;
                    continue;
                }
                Ok(reply) => {
                    let error = ClientError::Arm(Box::new(reply.error()));
                    if !is_transient(reply.status, verb) {
                        return Err(error);
                    }
                    (error, reply.asked_wait())
                }
                Err(Broken { error, sent }) => {
                    if sent && !verb.is_idempotent() {
                        return Err(error);
                    }
                    (error, None)
                }
            };
            let luck = luck();
            let wait = match asked {
                // Those who were sent away together shall not come back together.
                Some(asked) if !asked.is_zero() => asked + patience.first.mul_f64(luck),
                _ => patience.backoff(tried, luck),
            };
            waited += wait;
            if tried >= patience.tries || waited > patience.budget {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn once(
        &self,
        verb: Verb,
        url: &Url,
        body: Option<&[u8]>,
        token: &Secret,
        id: &str,
    ) -> Result<Reply, Broken> {
        let mut request = self
            .inner
            .http
            .request(verb.method(), url.clone())
            .bearer_auth(token.reveal())
            .header(ACCEPT, "application/json")
            .header("x-ms-client-request-id", id);
        match body {
            Some(body) => request = request.header(CONTENT_TYPE, "application/json").body(body.to_vec()),
            // Some front ends refuse a POST without a length.
            None if matches!(verb, Verb::Post | Verb::Query) => request = request.body(Vec::new()),
            None => {}
        }
        let broken = |e: reqwest::Error| Broken {
            sent: !e.is_connect(),
            error: ClientError::NoAnswer { url: bare(url), detail: cause(&e) },
        };
        let answer = request.send().await.map_err(broken)?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.map_err(broken)?;
        let json = serde_json::from_slice::<serde_json::Value>(&bytes);
        if let (Err(e), false, 200..400) = (&json, bytes.is_empty(), status) {
            let error = ClientError::Unreadable { url: bare(url), detail: e.to_string() };
            return Err(Broken { error, sent: true });
        }
        let request_id = headers.get("x-ms-request-id").and_then(|h| h.to_str().ok()).map(str::to_owned);
        let text = if json.is_err() { String::from_utf8_lossy(&bytes).into_owned() } else { String::new() };
        Ok(Reply { status, body: json.map_or(Value::Null, Value::from), request_id, headers, text })
    }

    /// The current token; a new one when there is none or it is about to end.
    async fn token(&self) -> Result<Secret, ClientError> {
        let patience = &self.inner.patience;
        let mut slot = self.inner.token.lock().await;
        if let Some(token) = slot.as_ref().filter(|t| t.is_fresh()) {
            return Ok(token.text.clone());
        }
        let mut tried = 0;
        let token = loop {
            tried += 1;
            match self.inner.tokens.token(&self.inner.http).await {
                Err(ClientError::NoAnswer { .. }) if tried < patience.tries => {
                    tokio::time::sleep(patience.backoff(tried, luck())).await;
                }
                other => break other?,
            }
        };
        let text = token.text.clone();
        *slot = Some(token);
        Ok(text)
    }

    /// Drops a token that was refused, unless somebody renewed it already.
    async fn forget(&self, refused: &Secret) {
        let mut slot = self.inner.token.lock().await;
        if slot.as_ref().is_some_and(|t| t.text == *refused) {
            *slot = None;
        }
    }

    fn url(&self, path: &str, api_version: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.inner.base.clone();
        url.set_path(&format!("{}{path}", self.inner.base.path().trim_end_matches('/')));
        url.set_query(None);
        url.query_pairs_mut().append_pair("api-version", api_version).extend_pairs(query);
        url
    }

    /// A link the target gave us, if it leads back to the target.
    pub(crate) fn follow(&self, link: &str) -> Result<Url, ClientError> {
        let base = &self.inner.base;
        let url = base.join(link).map_err(|_| ClientError::ForeignHost(link.to_owned()))?;
        let same = url.scheme() == base.scheme()
            && url.host_str() == base.host_str()
            && url.port_or_known_default() == base.port_or_known_default();
        if same { Ok(url) } else { Err(ClientError::ForeignHost(url.origin().ascii_serialization())) }
    }
}

/// A request without an answer; `sent` when the target may have seen it.
struct Broken {
    error: ClientError,
    sent: bool,
}

/// The URL without its query, which may hold continuation tokens.
pub(crate) fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

/// The innermost reason of a network error; the outer ones only repeat the URL.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut at: &dyn std::error::Error = error;
    while let Some(source) = at.source() {
        at = source;
    }
    if error.source().is_none() { "the connection failed".to_owned() } else { at.to_string() }
}

fn luck() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(bits) / f64::from(u32::MAX)
}
