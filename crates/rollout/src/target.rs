//! A target in the design's words: ids and bodies with symbolic subscriptions, values that only running resources know.

use std::collections::BTreeMap;
use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Estate;

use crate::{ArmClient, Bindings, ClientError, reference};

/// A target as a design sees it. Clones share client and bindings.
#[derive(Debug, Clone)]
pub struct Target {
    client: ArmClient,
    bindings: Arc<Bindings>,
    versions: Arc<BTreeMap<ResourceId, String>>,
}

/// A write that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The resource as the target returned it, with symbolic ids; `null` for a delete.
    pub body: Value,
    /// `x-ms-request-id`
    pub request_id: Option<String>,
}

impl Target {
    /// A target for the resources of a desired estate, whose api-versions `reference` uses.
    pub fn new(client: ArmClient, bindings: Bindings, desired: &Estate) -> Self {
        let versions = desired.iter().map(|r| (r.id.clone(), r.api_version.clone())).collect();
        Self { client, bindings: Arc::new(bindings), versions: Arc::new(versions) }
    }

    /// The client, which speaks real ids.
    pub fn client(&self) -> &ArmClient {
        &self.client
    }

    /// What is known of the subscriptions.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// Reads a resource; `None` when it, or the subscription it would be in, does not exist.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, id: &ResourceId, api_version: &str) -> Result<Option<Value>, ClientError> {
        let path = match self.bindings.outgoing_text(id.as_str()) {
            Ok(path) => path,
            Err(ClientError::Unbound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        match self.client.get(&path, api_version).await {
            Ok(reply) => {
                self.bindings.learn(id, &reply.body);
                Ok(Some(self.bindings.incoming(&reply.body)))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates or replaces a resource; what is unknown in its body is asked for first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put(&self, id: &ResourceId, api_version: &str, body: &Value) -> Result<Written, ClientError> {
        let path = self.bindings.outgoing_text(id.as_str())?;
        let body = reference::resolve(self, body).await?;
        let body = self.bindings.outgoing(&body)?;
        let reply = self.client.put(&path, api_version, &body).await?;
        self.bindings.learn(id, &reply.body);
        Ok(Written { body: self.bindings.incoming(&reply.body), request_id: reply.request_id })
    }

    /// Deletes a resource; what is not there is deleted already.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete(&self, id: &ResourceId, api_version: &str) -> Result<Written, ClientError> {
        let path = self.bindings.outgoing_text(id.as_str())?;
        let request_id = self.client.delete(&path, api_version).await?;
        Ok(Written { body: Value::Null, request_id })
    }

    /// The api-version in which the design writes a resource.
    pub(crate) fn version_of(&self, id: &ResourceId) -> Option<&str> {
        self.versions.get(id).map(String::as_str)
    }
}
