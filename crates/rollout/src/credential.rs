//! Who we are to the target. The only place that holds secrets; they are never written anywhere.

use std::fmt;
use std::time::{Duration, Instant};

use glidepath_arm::Value;

use crate::ClientError;

/// A secret: shown as `***` wherever a program would show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where access tokens come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenSource {
    /// OAuth 2.0 client credentials: `POST {authority}/{tenant}/oauth2/v2.0/token`. What the sandbox and Entra ID speak.
    ClientSecret {
        /// `https://login.microsoftonline.com`, or the sandbox.
        authority: String,
        /// Tenant id.
        tenant: String,
        /// Application id.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// `https://management.azure.com/.default`
        scope: String,
    },
    /// A token somebody else got, as by `az account get-access-token`. It cannot be renewed.
    Token(Secret),
}

/// A token with its end of life.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: Secret,
    renew_at: Option<Instant>,
}

/// A token is renewed this long before its end, or at half its life when that is shorter.
const MARGIN: Duration = Duration::from_secs(300);

impl Token {
    pub(crate) fn is_fresh(&self) -> bool {
        self.renew_at.is_none_or(|at| Instant::now() < at)
    }
}

impl TokenSource {
    /// Asks for a token, once.
    ///
    /// # Errors
    /// [`ClientError::SignIn`] with what the authority says; [`ClientError::NoAnswer`] when it says nothing.
    pub(crate) async fn token(&self, http: &reqwest::Client) -> Result<Token, ClientError> {
        match self {
            TokenSource::Token(text) => Ok(Token { text: text.clone(), renew_at: None }),
            TokenSource::ClientSecret { authority, tenant, client_id, client_secret, scope } => {
                let url = format!("{}/{tenant}/oauth2/v2.0/token", authority.trim_end_matches('/'));
                if !url.starts_with("https://") {
                    return Err(ClientError::Insecure(url));
                }
                let form = [
                    ("grant_type", "client_credentials"),
                    ("client_id", client_id.as_str()),
                    ("client_secret", client_secret.reveal()),
                    ("scope", scope.as_str()),
                ];
                let no_answer =
                    |e: reqwest::Error| ClientError::NoAnswer { url: url.clone(), detail: crate::client::cause(&e) };
                let answer = http.post(&url).form(&form).send().await.map_err(no_answer)?;
                let status = answer.status().as_u16();
                let bytes = answer.bytes().await.map_err(no_answer)?;
                if status == 429 || status >= 500 {
                    return Err(ClientError::NoAnswer { url, detail: format!("status {status}") });
                }
                let body = serde_json::from_slice(&bytes).map(|json: serde_json::Value| Value::from(json));
                read(status, &body.unwrap_or(Value::Null))
            }
        }
    }
}

fn read(status: u16, body: &Value) -> Result<Token, ClientError> {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    match text("access_token") {
        Some(token) if (200..300).contains(&status) => {
            // Some authorities write the seconds as text.
            let seconds = match body.get("expires_in") {
                Some(Value::String(s)) => s.parse().ok(),
                other => other.and_then(Value::as_int),
            };
            let life = Duration::from_secs(seconds.and_then(|s| u64::try_from(s).ok()).unwrap_or(600));
            let renew_at = Instant::now() + life.saturating_sub(MARGIN).max(life / 2);
            Ok(Token { text: Secret::new(token), renew_at: Some(renew_at) })
        }
        _ => {
            let why = text("error_description").or(text("error")).map(|t| t.lines().next().unwrap_or_default());
            Err(ClientError::SignIn(why.map_or_else(|| format!("status {status}"), str::to_owned)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let source = TokenSource::Token(Secret::new("eyJ-very-secret"));
        assert_eq!(format!("{source:?}"), "Token(***)");
    }

    #[test]
    fn a_refusal_says_why() {
        let body = Value::from(
            serde_json::json!({"error": "invalid_client", "error_description": "AADSTS7000215: no\r\nTrace"}),
        );
        let error = read(401, &body).err().unwrap();
        assert_eq!(error.to_string(), "sign-in failed: AADSTS7000215: no");
    }
}
