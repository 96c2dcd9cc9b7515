//! Trying a credential at its API.

use std::sync::Arc;

use ccm_proto::SafeText;
use futures_util::future::BoxFuture;
use url::Url;

use super::Credential;

/// What an API answered to a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// The API took the credential.
    pub accepted: bool,
    /// What it said, such as `status 200 in 120 ms`; without anything secret.
    pub sentence: SafeText,
}

/// Makes a request with a credential, through the gateway that all requests pass.
pub trait CredentialProbe: Send + Sync {
    /// Asks for `url`, which is of the credential's origin; for an OAuth2 client it is where tokens
    /// are given. An error is a sentence without anything secret.
    fn probe<'a>(
        &'a self,
        credential: &'a Arc<Credential>,
        url: &'a Url,
    ) -> BoxFuture<'a, Result<Probed, SafeText>>;
}
