//! Tokens, and the flows that lead to them. Errors are OAuth's, not ARM's.
//!
//! Whoever asks gets one: any client with any secret, and a device code needs nobody to enter it. The user of the flows
//! with a user is always the same.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::complete::guid;
use crate::identity::{TOKEN_LIFE, Tokens};

/// How long a device code and a refresh token live, in seconds.
const DEVICE_LIFE: i64 = 900;
const REFRESH_LIFE: i64 = 90 * 24 * 3600;

/// The name of the user who signs in.
pub(crate) const USER: &str = "user@sandbox.onmicrosoft.com";

fn refuse(error: &str, description: &str) -> ArmError {
    ArmError::whole(400, json!({"error": error, "error_description": description}).into())
}

/// Issues tokens of one tenant.
pub(crate) struct Grants<'a> {
    pub(crate) tokens: &'a Tokens,
    pub(crate) tenant: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) now: i64,
}

impl Grants<'_> {
    fn form(&self, call: &Call) -> Result<Call, ArmError> {
        let text = String::from_utf8_lossy(&call.body);
        Call::new("POST", "/", &text).map_err(|_| refuse("invalid_request", "the body is not a form"))
    }

    /// `POST /{tenant}/oauth2/v2.0/token`
    pub(crate) fn token(&self, call: &Call) -> Reply {
        let form = self.form(call)?;
        let grant = form.parameter("grant_type").ok_or_else(|| refuse("invalid_request", "`grant_type` is missing"))?;
        let client = form.parameter("client_id").ok_or_else(|| refuse("invalid_request", "`client_id` is missing"))?;
        match grant {
            "client_credentials" => {
                let access = self.access(&audience(&form, self.endpoint), client, Some(client), "app");
                Ok(Answer::ok(json!({
                    "token_type": "Bearer",
                    "expires_in": TOKEN_LIFE - 1,
                    "ext_expires_in": TOKEN_LIFE - 1,
                    "access_token": access,
                })))
            }
            "device_code" | "urn:ietf:params:oauth:grant-type:device_code" => {
                let code = form.parameter("device_code").or_else(|| form.parameter("code")).unwrap_or_default();
                self.of_use(code, "device").ok_or_else(|| {
                    refuse("expired_token", "the device code is not one of this sandbox, or has expired")
                })?;
                Ok(self.of_user(&form, client))
            }
            "refresh_token" => {
                let refresh = form.parameter("refresh_token").unwrap_or_default();
                self.of_use(refresh, "refresh").ok_or_else(|| {
                    refuse(
                        "invalid_grant",
                        "AADSTS700082: the refresh token is not one of this sandbox, or has expired",
                    )
                })?;
                Ok(self.of_user(&form, client))
            }
            other => Err(refuse("unsupported_grant_type", &format!("grant type `{other}` is not supported"))),
        }
    }

    /// `POST /{tenant}/oauth2/v2.0/devicecode`
    pub(crate) fn device_code(&self, call: &Call) -> Reply {
        let form = self.form(call)?;
        if form.parameter("client_id").is_none() {
            return Err(refuse("invalid_request", "`client_id` is missing"));
        }
        let code = self.tokens.issue(&json!({"use": "device", "iat": self.now, "exp": self.now + DEVICE_LIFE}));
        let page = format!("{}/devicelogin", self.endpoint);
        Ok(Answer::ok(json!({
            "user_code": "SANDBOX01",
            "device_code": code,
            "verification_uri": page,
            "verification_url": page,
            "expires_in": DEVICE_LIFE,
            "interval": 1,
            "message": "The sandbox signs you in by itself; there is nothing to enter.",
        })))
    }

    /// `GET /msi/token`
    pub(crate) fn managed_identity(&self, call: &Call) -> Reply {
        let resource = call.parameter("resource").unwrap_or(self.endpoint).trim_end_matches('/');
        let own = guid(self.tenant, "managed-identity");
        let client = call.parameter("client_id").or_else(|| call.parameter("object_id")).unwrap_or(&own);
        Ok(Answer::ok(json!({
            "access_token": self.access(resource, client, Some(client), "app"),
            "client_id": client,
            "expires_in": (TOKEN_LIFE - 1).to_string(),
            "expires_on": (self.now + TOKEN_LIFE - 1).to_string(),
            "not_before": self.now.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        })))
    }

    fn of_use(&self, token: &str, wanted: &str) -> Option<Json> {
        let claims = self.tokens.claims(token, self.now)?;
        (claims.get("use").and_then(Json::as_str) == Some(wanted)).then_some(claims)
    }

    fn of_user(&self, form: &Call, client: &str) -> Answer {
        let user = user_id(self.tenant);
        let issued = |claims: Json| self.tokens.issue(&claims);
        let issuer = format!("{}/{}/v2.0", self.endpoint, self.tenant);
        let id_token = issued(json!({
            "use": "id", "aud": client, "iss": issuer, "iat": self.now, "nbf": self.now, "exp": self.now + TOKEN_LIFE,
            "name": "Sandbox User", "preferred_username": USER, "oid": user, "sub": user, "tid": self.tenant, "ver": "2.0",
        }));
        let refresh = issued(json!({"use": "refresh", "oid": user, "exp": self.now + REFRESH_LIFE}));
        let info = json!({"uid": user, "utid": self.tenant}).to_string();
        Answer::ok(json!({
            "token_type": "Bearer",
            "scope": form.parameter("scope").unwrap_or_default(),
            "expires_in": TOKEN_LIFE - 1,
            "ext_expires_in": TOKEN_LIFE - 1,
            "access_token": self.access(&audience(form, self.endpoint), &user, None, "user"),
            "refresh_token": refresh,
            "foci": "1",
            "id_token": id_token,
            "client_info": URL_SAFE_NO_PAD.encode(info),
        }))
    }

    fn access(&self, audience: &str, principal: &str, client: Option<&str>, kind: &str) -> String {
        let mut claims = json!({
            "aud": audience, "iss": format!("{}/{}/v2.0", self.endpoint, self.tenant), "tid": self.tenant, "ver": "2.0",
            "oid": principal, "sub": principal, "idtyp": kind,
            "iat": self.now, "nbf": self.now, "exp": self.now + TOKEN_LIFE,
        });
        if let Some(object) = claims.as_object_mut() {
            match client {
                Some(client) => {
                    object.insert("appid".to_owned(), client.into());
                    object.insert("azp".to_owned(), client.into());
                }
                None => {
                    object.insert("upn".to_owned(), USER.into());
                    object.insert("name".to_owned(), "Sandbox User".into());
                }
            }
        }
        self.tokens.issue(&claims)
    }
}

/// The object id of the user of a tenant.
pub(crate) fn user_id(tenant: &str) -> String {
    guid(tenant, "user")
}

/// What the token is for: of several scopes the one that is an address.
fn audience(form: &Call, endpoint: &str) -> String {
    let wanted = form.parameter("scope").or_else(|| form.parameter("resource")).unwrap_or(endpoint);
    let scope = wanted.split_whitespace().find(|s| s.contains("://")).unwrap_or(endpoint);
    scope.trim_end_matches(".default").trim_end_matches('/').to_owned()
}
