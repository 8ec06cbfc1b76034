//! Discovery and tokens: what clients ask for before they call Resource Manager.
//!
//! The shapes are those that az, the SDKs and the Terraform providers were seen to need. Any client credentials are
//! good; a token is three-part, carries the tenant and expires, and is signed with a key that never leaves memory.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use glidepath_arm::Value;
use ring::hmac;
use serde_json::json;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Caller};

/// How long a token lives, in seconds.
pub(crate) const TOKEN_LIFE: i64 = 3600;

/// Signs and checks tokens.
pub(crate) struct Tokens {
    key: hmac::Key,
}

impl Tokens {
    /// `None` when the machine gives no randomness.
    pub(crate) fn new() -> Option<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new()).ok()?;
        Some(Self { key })
    }

    pub(crate) fn issue(&self, claims: &serde_json::Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256","kid":"glidepath"}"#);
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let signature = hmac::sign(&self.key, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The claims of a token that is one of ours and not expired.
    pub(crate) fn claims(&self, token: &str, now: i64) -> Option<serde_json::Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key, signed.as_bytes(), &signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        let expires = claims.get("exp")?.as_i64()?;
        (now < expires).then_some(claims)
    }

    /// Whose access token is it? What is issued for something else (`use`) is none.
    fn caller(&self, token: &str, now: i64) -> Option<Caller> {
        let claims = self.claims(token, now).filter(|claims| claims.get("use").is_none())?;
        let text = |name: &str| claims.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let object = text("oid").unwrap_or_default();
        Some(Caller { client: text("appid").unwrap_or_else(|| object.clone()), object, bound: false })
    }

    /// Lets a call pass, and tells who makes it, or refuses it.
    pub(crate) fn check(
        &self,
        call: &Call,
        required: bool,
        now: i64,
        endpoint: &str,
        tenant: &str,
    ) -> Result<Option<Caller>, ArmError> {
        let refuse = |code: &str, message: &str, error: &str| {
            let challenge = format!(
                "Bearer authorization_uri=\"{endpoint}/{tenant}\", error=\"{error}\", error_description=\"{message}\""
            );
            Err(ArmError::new(401, code, message).with("www-authenticate", challenge))
        };
        match &call.authorization {
            None if required => refuse(
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                "invalid_token",
            ),
            None => Ok(None),
            Some(header) => {
                let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
                match token.and_then(|(_, token)| self.caller(token.trim(), now)) {
                    Some(caller) => Ok(Some(caller)),
                    None => refuse(
                        "InvalidAuthenticationToken",
                        "The access token is invalid or has expired.",
                        "invalid_token",
                    ),
                }
            }
        }
    }
}

/// `GET /metadata/endpoints`: one object from api-version 2022-09-01 on, an array before.
pub(crate) fn metadata(call: &Call, endpoint: &str) -> Reply {
    let document = Value::from(json!({
        "name": "Glidepath",
        "portal": format!("{endpoint}/portal"),
        "authentication": {
            "loginEndpoint": format!("{endpoint}/"),
            "audiences": [format!("{endpoint}/"), "https://management.core.windows.net/", "https://management.azure.com/"],
            // Anything else and azurerm takes the cloud for an Azure Stack.
            "tenant": "common",
            "identityProvider": "AAD",
        },
        // Without a trailing slash: azurerm joins paths by plain concatenation.
        "resourceManager": endpoint,
        "microsoftGraphResourceId": format!("{endpoint}/graph/"),
        "graph": format!("{endpoint}/graph/"),
        "graphAudience": format!("{endpoint}/graph/"),
        "media": format!("{endpoint}/media/"),
        "batch": "https://batch.core.windows.net/",
        "gallery": format!("{endpoint}/gallery/"),
        "sqlManagement": format!("{endpoint}/sql/"),
        "vmImageAliasDoc": format!("{endpoint}/aliases.json"),
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "attestationResourceId": "https://attest.azure.net",
        "appInsightsTelemetryChannelResourceId": format!("{endpoint}/telemetry"),
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
            "mhsmDns": "managedhsm.azure.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "mysqlServerEndpoint": "mysql.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
            "mariadbServerEndpoint": "mariadb.database.azure.com",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "synapseAnalytics": "dev.azuresynapse.net",
            "attestationEndpoint": "attest.azure.net",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        },
    }));
    let single = call.parameter("api-version").is_none_or(|version| version >= "2022-09-01");
    Ok(Answer::ok(if single { document } else { Value::array([document]) }))
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration`. MSAL for Go compares the issuer's host with the authority.
pub(crate) fn openid(tenant: &str, endpoint: &str) -> Reply {
    let authority = format!("{endpoint}/{tenant}");
    // AD FS knows no tenants and no versions.
    let (issuer, oauth) = match tenant.eq_ignore_ascii_case("adfs") {
        true => (authority.clone(), format!("{authority}/oauth2")),
        false => (format!("{authority}/v2.0"), format!("{authority}/oauth2/v2.0")),
    };
    Ok(Answer::ok(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{oauth}/authorize"),
        "token_endpoint": format!("{oauth}/token"),
        "device_authorization_endpoint": format!("{oauth}/devicecode"),
        "jwks_uri": format!("{authority}/discovery/v2.0/keys"),
        "response_types_supported": ["code", "id_token", "token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["HS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "scopes_supported": ["openid", "profile", "offline_access"],
        "tenant_region_scope": null,
        "cloud_instance_name": "glidepath",
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_unexpired_tokens_pass() {
        let (ours, theirs) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let token = ours.issue(&json!({"exp": 100}));
        assert!(ours.caller(&token, 99).is_some());
        assert!(ours.caller(&token, 100).is_none());
        assert!(theirs.caller(&token, 99).is_none());
        let (head, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{}.{}", head.split_once('.').unwrap().0, URL_SAFE_NO_PAD.encode(r#"{"exp":900}"#));
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert!(ours.caller(&format!("{forged}.{signature}"), 99).is_none());
        for bad in ["", "a", "a.b", "a.b.c", "..", &format!("{head}.")] {
            assert!(ours.caller(bad, 0).is_none(), "{bad}");
        }
    }
}
