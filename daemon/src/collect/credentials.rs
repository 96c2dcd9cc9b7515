//! From a credential's name to what goes on a request.
//!
//! A credential is sent as its source's document says, to the one origin that it is pinned to. For
//! OAuth2 (RFC 6749) the credential itself goes to where tokens are given, and what goes on requests
//! is a token, which is kept in memory and fetched anew before it expires. A token goes to the
//! credential's origin, or to the API's origin that the credential names, and nowhere else.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::source::external_api::{Auth, Grant};
use ccm_proto::model::{Name, Scope};
use futures_util::future::BoxFuture;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use url::Url;
use zeroize::Zeroizing;

use super::http::request::parse;
use super::http::{
    Answers, Attached, Caching, Call, Expose, FetchError, Gateway, Origin, Placement, Priority,
    Request,
};
use super::{CollectError, Retry};
use crate::clock::Clock;
use crate::secret::{Credential, CredentialProbe, Probed, Secret, SecretError, SecretStore};

/// How long before its end a token is fetched anew, at most: a call under way may still need it.
const MARGIN: Duration = Duration::from_mins(1);

/// How long a token holds whose end nobody tells.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most tokens that are kept.
const TOKENS_MAX: usize = 1_024;

/// Why there is nothing to put on a request: one sentence with a remedy.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The credential is not there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The credential is of another kind than the service wants.
    #[error(
        "the credential {name} is a {found}, and the source sends {wanted}; set it anew with ccm cred set"
    )]
    Kind {
        /// The credential.
        name: Name,
        /// What it is.
        found: &'static str,
        /// What is wanted.
        wanted: &'static str,
    },
    /// A header or address of the document is none.
    #[error("{0} in the source's auth is not valid; see its document")]
    Field(&'static str),
    /// A token would go where the credential may not be sent.
    #[error(
        "a token of the credential {name} goes to {pinned} only, not to {wanted}; set the credential with --api-origin {wanted} if that is its service"
    )]
    Origin {
        /// The credential.
        name: Name,
        /// Where it may go.
        pinned: String,
        /// Where it would have gone.
        wanted: SafeText,
    },
    /// The token's place does not take the client (RFC 6749, section 5.2, which has one status for
    /// all that may be wrong).
    #[error(
        "no token: {0} answers 400, as the credential's id, secret or refresh token, or auth.scopes, are not valid there; set it anew by `ccm cred rotate`"
    )]
    Denied(SafeText),
    /// The token's place does not answer.
    #[error("no token: {0}")]
    Fetch(FetchError),
    /// The token's place answers something else.
    #[error("no token: {0} answers without one; see auth.token_url")]
    NoToken(SafeText),
}

impl AuthError {
    /// The error as a collector's.
    pub fn to_collect_error(&self) -> CollectError {
        let retry = match self {
            Self::Fetch(error) => return prefixed(error),
            Self::Secret(SecretError::Unavailable { .. }) | Self::NoToken(_) | Self::Denied(_) => {
                Retry::Backoff
            }
            _ => Retry::Hold,
        };
        CollectError::Source { cause: SafeText::new(&self.to_string()), retry }
    }
}

fn prefixed(error: &FetchError) -> CollectError {
    let retry = error.to_collect_error().retry();
    CollectError::Source { cause: SafeText::new(&format!("no token: {error}")), retry }
}

/// Finds credentials and tokens. Clones share both.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    secrets: SecretStore,
    gateway: Gateway,
    clock: Clock,
    tokens: Mutex<HashMap<TokenKey, Arc<tokio::sync::Mutex<Option<Token>>>>>,
}

/// What tokens are told apart by.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    credential: String,
    version: u32,
    token_url: String,
    scopes: Vec<String>,
}

struct Token {
    secret: Arc<Secret>,
    /// Since the clock's beginning.
    until: Duration,
}

/// The bytes of a credential that is shared.
struct Held(Arc<Credential>);

impl Expose for Held {
    fn expose(&self) -> &[u8] {
        self.0.material.secret().expose()
    }
}

/// The first line of a secret of two.
struct FirstLine(Arc<Credential>);

impl Expose for FirstLine {
    fn expose(&self) -> &[u8] {
        lines(self.0.material.secret().expose()).0
    }
}

/// The bytes of a token.
struct Bearer(Arc<Secret>);

impl Expose for Bearer {
    fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Over the store, with tokens fetched through the gateway.
    pub fn new(secrets: SecretStore, gateway: Gateway, clock: Clock) -> Self {
        Self(Arc::new(Inner { secrets, gateway, clock, tokens: Mutex::default() }))
    }

    /// What goes on a request of `source` to `to`. Without `auth` the credential is sent as its
    /// kind suggests.
    pub async fn attach(
        &self,
        source: &Name,
        name: &Name,
        auth: Option<&Auth>,
        to: &Origin,
    ) -> Result<Attached, AuthError> {
        let found = self.0.secrets.find(&Scope::Platform, name).await?;
        let credential = found.credential;
        let shown: Arc<str> = found.id.to_string().into();
        let revision = u64::from(credential.version);
        let origin = origin_of(&credential)?;
        if let Some(Auth::Oauth2 { token_url, scopes, grant }) = auth {
            want(name, &credential, CredentialKind::Oauth2, "an OAuth2 client")?;
            if *to != origin && api_origin_of(&credential)?.as_ref() != Some(to) {
                let (name, pinned) = (name.clone(), credential.pins.to_string());
                return Err(AuthError::Origin {
                    name,
                    pinned,
                    wanted: SafeText::new(&to.to_string()),
                });
            }
            let key = TokenKey {
                credential: shown.to_string(),
                version: credential.version,
                token_url: token_url.clone(),
                scopes: scopes.clone(),
            };
            let token = self.token(source, key, &credential, *grant, &shown).await?;
            let secret = Arc::new(Bearer(token));
            return Ok(Attached {
                name: shown,
                revision,
                origin: to.clone(),
                placement: Placement::Bearer,
                secret,
            });
        }
        let placement = placement(name, &credential, auth)?;
        Ok(Attached {
            name: shown,
            revision,
            origin,
            placement,
            secret: Arc::new(Held(credential)),
        })
    }

    /// Forgets the tokens of a credential, as one that should still hold was refused.
    pub fn forget_tokens(&self, shown: &str) {
        let mut tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|key, _| key.credential != shown);
    }

    /// The token in force; those who need the same one wait for one fetch.
    async fn token(
        &self,
        source: &Name,
        key: TokenKey,
        credential: &Arc<Credential>,
        grant: Grant,
        shown: &Arc<str>,
    ) -> Result<Arc<Secret>, AuthError> {
        let place = {
            let mut tokens = self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            if tokens.len() >= TOKENS_MAX {
                tokens.clear();
            }
            Arc::clone(tokens.entry(key.clone()).or_default())
        };
        let mut token = place.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.until > self.0.clock.elapsed()) {
            return Ok(Arc::clone(&token.secret));
        }
        let fresh = self.fetch_token(source, &key, credential, grant, shown).await?;
        let secret = Arc::clone(&fresh.secret);
        *token = Some(fresh);
        Ok(secret)
    }

    async fn fetch_token(
        &self,
        source: &Name,
        key: &TokenKey,
        credential: &Arc<Credential>,
        grant: Grant,
        shown: &Arc<str>,
    ) -> Result<Token, AuthError> {
        let url = parse(&key.token_url).map_err(|_| AuthError::Field("token_url"))?;
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = Request::new(Method::POST, &url)
            .and_then(|request| request.with_header(CONTENT_TYPE, form))
            .map_err(|_| AuthError::Field("token_url"))?
            .with_body(form_of(grant, &key.scopes, credential));
        let host = SafeText::new(url.host_str().unwrap_or_default());
        let user = credential.material.account().to_owned();
        let secret: Arc<dyn Expose> = match grant {
            Grant::ClientCredentials => Arc::new(Held(Arc::clone(credential))),
            Grant::RefreshToken => Arc::new(FirstLine(Arc::clone(credential))),
        };
        let attached = Attached {
            name: Arc::clone(shown),
            revision: u64::from(credential.version),
            origin: origin_of(credential)?,
            placement: Placement::Basic { user },
            secret,
        };
        let call = Call {
            credential: Some(attached),
            caching: Caching::Off,
            ..Call::new(source.clone(), Arc::new(request))
        };
        let asked = self.0.clock.elapsed();
        let fetched = self.0.gateway.fetch(call).await.map_err(|error| match error {
            FetchError::Status { api, status: 400 } => AuthError::Denied(api),
            error => AuthError::Fetch(error),
        })?;
        let answer: TokenAnswer = serde_json::from_slice(&fetched.response.body)
            .map_err(|_| AuthError::NoToken(host.clone()))?;
        if answer.access_token.is_empty() {
            return Err(AuthError::NoToken(host));
        }
        let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs);
        let margin = MARGIN.min(lifetime / 10);
        let bytes = answer.access_token.into_bytes();
        Ok(Token {
            secret: Arc::new(Secret::new(bytes)),
            until: asked + lifetime.saturating_sub(margin),
        })
    }
}

impl CredentialProbe for Credentials {
    fn probe<'a>(
        &'a self,
        credential: &'a Arc<Credential>,
        url: &'a Url,
    ) -> BoxFuture<'a, Result<Probed, SafeText>> {
        Box::pin(async move {
            let name = Name::new("credential-test");
            let name = name.map_err(|error| SafeText::new(&error.to_string()))?;
            match credential.material.kind() {
                CredentialKind::Oauth2 => self.try_token(&name, credential, url).await,
                CredentialKind::Token | CredentialKind::Basic => {
                    self.try_request(&name, credential, url).await
                }
            }
        })
    }
}

/// What a credential that is tried is called in the record of calls.
const UNDER_TEST: &str = "credential under test";

impl Credentials {
    /// Asks for an address with the credential.
    async fn try_request(
        &self,
        name: &Name,
        credential: &Credential,
        url: &Url,
    ) -> Result<Probed, SafeText> {
        let words = |error: &dyn std::error::Error| SafeText::new(&error.to_string());
        let request = Request::new(Method::GET, url).map_err(|error| words(&error))?;
        let placement = placement(name, credential, None).map_err(|error| words(&error))?;
        let secret = Bearer(Arc::new(credential.material.secret().duplicate()));
        let attached = Attached {
            name: UNDER_TEST.into(),
            revision: u64::from(credential.version),
            origin: origin_of(credential).map_err(|error| words(&error))?,
            placement,
            secret: Arc::new(secret),
        };
        let call = Call {
            credential: Some(attached),
            caching: Caching::Off,
            answers: Answers::Any,
            priority: Priority::Interactive,
            ..Call::new(name.clone(), Arc::new(request))
        };
        let fetched = self.0.gateway.fetch(call).await.map_err(|error| error.to_safe_text())?;
        let (status, ms) = (fetched.response.status, fetched.timing.total_ms);
        Ok(Probed {
            accepted: status.is_success(),
            sentence: SafeText::new(&format!("status {} in {ms:.0} ms", status.as_u16())),
        })
    }

    /// Asks for a token: with the refresh token where the secret has one.
    async fn try_token(
        &self,
        name: &Name,
        credential: &Arc<Credential>,
        url: &Url,
    ) -> Result<Probed, SafeText> {
        let refresh = !lines(credential.material.secret().expose()).1.is_empty();
        let grant = if refresh { Grant::RefreshToken } else { Grant::ClientCredentials };
        let key = TokenKey {
            credential: UNDER_TEST.to_owned(),
            version: credential.version,
            token_url: url.to_string(),
            scopes: Vec::new(),
        };
        let begun = self.0.clock.elapsed();
        let token = self.fetch_token(name, &key, credential, grant, &UNDER_TEST.into()).await;
        let ms = self.0.clock.elapsed().saturating_sub(begun).as_millis();
        let (accepted, sentence) = match token {
            Ok(_) => (true, format!("a token was given in {ms} ms")),
            Err(error @ (AuthError::Denied(_) | AuthError::Fetch(FetchError::Refused { .. }))) => {
                (false, error.to_string())
            }
            Err(error) => return Err(SafeText::new(&error.to_string())),
        };
        Ok(Probed { accepted, sentence: SafeText::new(&sentence) })
    }
}

/// A token as RFC 6749, section 5.1 has it.
#[derive(serde::Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// The form of a request for a token.
fn form_of(grant: Grant, scopes: &[String], credential: &Credential) -> Bytes {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    match grant {
        Grant::ClientCredentials => {
            form.append_pair("grant_type", "client_credentials");
        }
        Grant::RefreshToken => {
            form.append_pair("grant_type", "refresh_token");
            let secret = credential.material.secret().expose();
            let token = std::str::from_utf8(lines(secret).1).unwrap_or_default();
            form.append_pair("refresh_token", token);
        }
    }
    if !scopes.is_empty() {
        form.append_pair("scope", &scopes.join(" "));
    }
    Bytes::from_owner(Zeroizing::new(form.finish().into_bytes()))
}

/// A client's secret and a refresh token: the two lines of one secret.
fn lines(secret: &[u8]) -> (&[u8], &[u8]) {
    match secret.iter().position(|byte| *byte == b'\n') {
        Some(at) => {
            let (first, second) = (&secret[..at], &secret[at + 1..]);
            (first.strip_suffix(b"\r").unwrap_or(first), second.trim_ascii())
        }
        None => (secret, &[]),
    }
}

fn origin_of(credential: &Credential) -> Result<Origin, AuthError> {
    credential.pins.origin.to_string().parse().map_err(|_| AuthError::Field("origin"))
}

/// Where tokens go beside the credential's origin.
fn api_origin_of(credential: &Credential) -> Result<Option<Origin>, AuthError> {
    let read = |origin: &crate::secret::PinnedOrigin| origin.to_string().parse();
    let read = credential.pins.api_origin.as_ref().map(read).transpose();
    read.map_err(|_| AuthError::Field("api_origin"))
}

fn want(
    name: &Name,
    credential: &Credential,
    kind: CredentialKind,
    wanted: &'static str,
) -> Result<(), AuthError> {
    if credential.material.kind() == kind {
        return Ok(());
    }
    Err(AuthError::Kind { name: name.clone(), found: credential.material.kind().as_str(), wanted })
}

fn placement(
    name: &Name,
    credential: &Credential,
    auth: Option<&Auth>,
) -> Result<Placement, AuthError> {
    let user = || credential.material.account().to_owned();
    match auth {
        None => match credential.material.kind() {
            CredentialKind::Token => Ok(Placement::Bearer),
            CredentialKind::Basic => Ok(Placement::Basic { user: user() }),
            CredentialKind::Oauth2 => {
                want(name, credential, CredentialKind::Token, "a token").map(|()| Placement::Bearer)
            }
        },
        Some(Auth::Bearer | Auth::Oauth2 { .. }) => {
            want(name, credential, CredentialKind::Token, "a token").map(|()| Placement::Bearer)
        }
        Some(Auth::Basic) => {
            want(name, credential, CredentialKind::Basic, "user name and password")?;
            Ok(Placement::Basic { user: user() })
        }
        Some(Auth::ApiKey { header, param, prefix }) => {
            want(name, credential, CredentialKind::Token, "a token")?;
            match (header, param) {
                (Some(header), _) => {
                    let name = HeaderName::from_bytes(header.as_bytes());
                    let name = name.map_err(|_| AuthError::Field("header"))?;
                    Ok(Placement::Header { name, prefix: prefix.clone().unwrap_or_default() })
                }
                (None, Some(param)) => Ok(Placement::Query { name: param.clone() }),
                (None, None) => Err(AuthError::Field("header")),
            }
        }
    }
}

#[cfg(test)]
mod tests;
