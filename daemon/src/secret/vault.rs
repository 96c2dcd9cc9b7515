//! The key-value store of HashiCorp Vault, version 2 of its engine.
//!
//! Requests leave through a [`VaultHttp`], so that they pass the same gateway as every other. A
//! credential is one secret of the engine at `PATH/SCOPE/NAME` with the fields `origin`, `secret`,
//! and where they are needed `api_origin`, `kind`, `account`, `version`, `created_ms` and
//! `rotated_ms`; one that was written by hand needs the first two.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ccm_proto::SafeText;
use ccm_proto::model::{Name, Scope, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::private::{self, Guard};
use super::provider::{Answer, Provider, ProviderError, ProviderKind, ProviderState};
use super::{Credential, CredentialId, CredentialInfo, CredentialKind, Material, Pins, Secret};

/// How long Vault may take for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The most secrets of one scope that are listed.
const SECRETS_MAX: usize = 1_024;

/// The longest token in bytes.
const TOKEN_BYTES_MAX: usize = 8_192;

/// Room for what goes with a secret in a body.
const BODY_EXTRA_BYTES: usize = 4_096;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultMethod {
    /// Reads.
    Get,
    /// Writes the body, which is JSON.
    Post,
    /// Deletes.
    Delete,
}

/// A request to Vault. It is sent with the header `X-Vault-Token`, is never redirected, and its
/// answer has at most a megabyte.
pub struct VaultRequest {
    /// What it does.
    pub method: VaultMethod,
    /// Where.
    pub url: Url,
    /// For the header `X-Vault-Token`.
    pub token: Secret,
    /// JSON; empty for none.
    pub body: Secret,
}

/// What Vault answered.
pub struct VaultResponse {
    /// The status of HTTP.
    pub status: u16,
    /// JSON, with secrets in it.
    pub body: Secret,
}

/// Sends requests to Vault. An error is a sentence without anything secret.
pub trait VaultHttp: Send + Sync {
    /// Sends one.
    fn send(&self, request: VaultRequest) -> BoxFuture<'_, Result<VaultResponse, SafeText>>;
}

/// Where a Vault is.
pub(super) struct VaultPlace {
    /// Such as `https://vault.example.org:8200`.
    pub address: Url,
    /// Where the engine is mounted.
    pub mount: String,
    /// Below what secrets of this daemon lie.
    pub path: String,
    /// The file that holds what lets the daemon in; read for each request, as agents renew it.
    pub token_file: PathBuf,
}

/// Keeps credentials in Vault.
pub(super) struct Vault {
    place: VaultPlace,
    http: Arc<dyn VaultHttp>,
}

/// The fields of a secret in Vault.
#[derive(Deserialize)]
struct Fields {
    origin: String,
    #[serde(default)]
    api_origin: Option<String>,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    secret_base64: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    account: String,
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    created_ms: i64,
    #[serde(default)]
    rotated_ms: i64,
}

#[derive(Serialize)]
struct Written<'a> {
    data: WrittenFields<'a>,
}

#[derive(Serialize)]
struct WrittenFields<'a> {
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_origin: Option<String>,
    kind: &'static str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_base64: Option<&'a str>,
    version: u32,
    created_ms: i64,
    rotated_ms: i64,
}

#[derive(Deserialize)]
struct Read {
    data: ReadData,
}

#[derive(Deserialize)]
struct ReadData {
    data: Option<Fields>,
}

#[derive(Deserialize)]
struct Listed {
    data: ListedKeys,
}

#[derive(Deserialize)]
struct ListedKeys {
    keys: Vec<String>,
}

impl Vault {
    /// At a place, spoken to through `http`.
    pub(super) fn new(place: VaultPlace, http: Arc<dyn VaultHttp>) -> Self {
        Self { place, http }
    }

    fn url(&self, area: &str, rest: &[&str]) -> Result<Url, ProviderError> {
        let mut url = self.place.address.clone();
        {
            let unfit = |()| ProviderError::failing("the address of Vault cannot hold a path");
            let mut segments = url.path_segments_mut().map_err(unfit)?;
            segments.pop_if_empty().push("v1");
            segments.extend(self.place.mount.split('/').filter(|part| !part.is_empty()));
            segments.push(area);
            segments.extend(self.place.path.split('/').filter(|part| !part.is_empty()));
            segments.extend(rest);
        }
        Ok(url)
    }

    fn of(&self, area: &str, id: &CredentialId) -> Result<Url, ProviderError> {
        let scope = scope_path(id.scope());
        let mut parts: Vec<&str> = scope.split('/').collect();
        parts.push(id.name().as_str());
        self.url(area, &parts)
    }

    fn token(&self) -> Result<Secret, ProviderError> {
        let path = &self.place.token_file;
        let bytes = private::read(path, TOKEN_BYTES_MAX, Guard::Owner);
        let bytes =
            bytes.map_err(ProviderError::failing)?.map(|mut bytes| std::mem::take(&mut *bytes));
        let token = bytes.map(|bytes| Secret::new(bytes).without_line_end());
        token.filter(|token| !token.is_empty()).ok_or_else(|| {
            ProviderError::failing(format!("there is no token for Vault in {}", path.display()))
        })
    }

    async fn send(
        &self,
        method: VaultMethod,
        url: Url,
        body: Secret,
    ) -> Result<VaultResponse, ProviderError> {
        let token = self.token()?;
        let request = VaultRequest { method, url, token, body };
        match tokio::time::timeout(DEADLINE, self.http.send(request)).await {
            Ok(answer) => answer.map_err(ProviderError::failing),
            Err(_) => Err(ProviderError::failing(format!(
                "Vault has not answered for {} s",
                DEADLINE.as_secs()
            ))),
        }
    }

    async fn ask(&self, url: Url) -> Result<Option<Secret>, ProviderError> {
        let nothing = Secret::new(Vec::new());
        let response = self.send(VaultMethod::Get, url, nothing).await?;
        match response.status {
            200 => Ok(Some(response.body)),
            404 => Ok(None),
            status => Err(refusal(status)),
        }
    }
}

/// The scope as a path: `platform`, `tenant/T`, `team/T/G`, `user/T/U`.
fn scope_path(scope: &Scope) -> String {
    scope.to_string().replace(':', "/")
}

fn refusal(status: u16) -> ProviderError {
    ProviderError::failing(match status {
        401 | 403 => {
            "Vault refuses the token; give one whose policy allows this path in token_file"
                .to_owned()
        }
        503 => "Vault is sealed or in maintenance; unseal it".to_owned(),
        status => format!("Vault answered with status {status}"),
    })
}

fn foreign(id: &CredentialId) -> ProviderError {
    ProviderError::failing(format!(
        "what Vault keeps for {id} has no usable origin and secret; write both fields"
    ))
}

fn decode(id: &CredentialId, body: &Secret) -> Result<Option<Credential>, ProviderError> {
    let read: Read = serde_json::from_slice(body.expose()).map_err(|_| foreign(id))?;
    let Some(fields) = read.data.data else { return Ok(None) };
    let secret = match (fields.secret, fields.secret_base64) {
        (Some(text), None) => Secret::new(text.into_bytes()),
        (None, Some(text)) => {
            let text = Zeroizing::new(text);
            Secret::new(STANDARD.decode(text.as_bytes()).map_err(|_| foreign(id))?)
        }
        _ => return Err(foreign(id)),
    };
    let kind = fields.kind.as_deref().map_or(Ok(CredentialKind::Token), str::parse);
    if secret.is_empty() {
        return Err(foreign(id));
    }
    let pin = |text: &str| text.parse().map_err(|_| foreign(id));
    Ok(Some(Credential {
        material: Material::new(kind.map_err(|_| foreign(id))?, fields.account, secret),
        pins: Pins {
            origin: pin(&fields.origin)?,
            api_origin: fields.api_origin.as_deref().map(pin).transpose()?,
        },
        version: fields.version.unwrap_or(1),
        created: Timestamp::from_millis(fields.created_ms),
        rotated: Timestamp::from_millis(fields.rotated_ms),
    }))
}

fn encode(credential: &Credential) -> Secret {
    let secret = credential.material.secret();
    let armoured = match secret.expose_text() {
        Some(_) => None,
        None => Some(Zeroizing::new(STANDARD.encode(secret.expose()))),
    };
    let written = Written {
        data: WrittenFields {
            origin: credential.pins.origin.to_string(),
            api_origin: credential.pins.api_origin.as_ref().map(ToString::to_string),
            kind: credential.material.kind().as_str(),
            account: credential.material.account(),
            secret: secret.expose_text(),
            secret_base64: armoured.as_ref().map(|text| text.as_str()),
            version: credential.version,
            created_ms: credential.created.as_millis(),
            rotated_ms: credential.rotated.as_millis(),
        },
    };
    // Room for every byte escaped, so that the buffer never grows and leaves no copy.
    let mut bytes = Vec::with_capacity(secret.len().saturating_mul(6) + BODY_EXTRA_BYTES);
    // Writing numbers and texts to memory cannot fail; an empty body would be refused by Vault.
    let _ = serde_json::to_writer(&mut bytes, &written);
    Secret::new(bytes)
}

impl Provider for Vault {
    fn kind(&self) -> ProviderKind {
        ProviderKind::Vault
    }

    fn place(&self) -> String {
        let VaultPlace { address, mount, path, token_file: _ } = &self.place;
        format!("{} {mount}/{path}", address.origin().ascii_serialization())
    }

    fn writable(&self) -> bool {
        true
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        async move {
            // A list, as this is what the token's policy must allow here.
            let asked = async { self.ask(self.url("metadata", &["platform"]).map(listing)?).await };
            asked.await.map_or_else(Into::into, |_| ProviderState::Available)
        }
        .boxed()
    }

    fn get<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        async move {
            let body = self.ask(self.of("data", id)?).await?;
            body.map_or(Ok(None), |body| decode(id, &body))
        }
        .boxed()
    }

    fn set<'a>(&'a self, id: &'a CredentialId, credential: &'a Credential) -> Answer<'a, ()> {
        async move {
            let url = self.of("data", id)?;
            let response = self.send(VaultMethod::Post, url, encode(credential)).await?;
            if matches!(response.status, 200 | 204) {
                Ok(())
            } else {
                Err(refusal(response.status))
            }
        }
        .boxed()
    }

    fn delete<'a>(&'a self, id: &'a CredentialId) -> Answer<'a, bool> {
        async move {
            if self.get(id).await?.is_none() {
                return Ok(false);
            }
            // With the metadata go all earlier versions.
            let url = self.of("metadata", id)?;
            let nothing = Secret::new(Vec::new());
            let response = self.send(VaultMethod::Delete, url, nothing).await?;
            if matches!(response.status, 200 | 204) {
                Ok(true)
            } else {
                Err(refusal(response.status))
            }
        }
        .boxed()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        // The platform's: what others own is not looked for without being asked.
        async move {
            let url = listing(self.url("metadata", &["platform"])?);
            let Some(body) = self.ask(url).await? else { return Ok(Vec::new()) };
            let unread = |_| ProviderError::failing("Vault's list cannot be read");
            let listed: Listed = serde_json::from_slice(body.expose()).map_err(unread)?;
            let mut infos = Vec::new();
            for key in listed.data.keys.iter().take(SECRETS_MAX) {
                let Ok(name) = Name::new(key) else { continue };
                let id = CredentialId::new(Scope::Platform, name);
                infos.extend(self.get(&id).await?.map(|credential| credential.info(id.clone())));
            }
            Ok(infos)
        }
        .boxed()
    }
}

fn listing(mut url: Url) -> Url {
    url.set_query(Some("list=true"));
    url
}
