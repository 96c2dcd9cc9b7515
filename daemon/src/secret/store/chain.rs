//! Each provider of the chain as the settings and the surroundings say.

use std::path::Path;
use std::sync::Arc;

use ccm_proto::SafeText;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use url::Url;

use super::Surroundings;
use crate::secret::keyring::Keyring;
use crate::secret::provider::{Answer, Provider, ProviderError, ProviderKind, ProviderState};
use crate::secret::sealed::{self, KeySource, SealedFile};
use crate::secret::systemd::Systemd;
use crate::secret::vault::{Vault, VaultPlace};
use crate::secret::{Credential, CredentialId, CredentialInfo, PinnedOrigin, Secret};
use crate::settings::{CredentialSettings, VaultSettings};

/// The provider of a kind, or what stands for it and says why it cannot be had.
pub(super) fn provider(
    kind: ProviderKind,
    settings: &CredentialSettings,
    surroundings: &Surroundings,
) -> Box<dyn Provider> {
    let data = surroundings.data.as_path();
    match kind {
        ProviderKind::Keyring => Box::new(Keyring::new(data)),
        ProviderKind::Systemd => Box::new(Systemd::new(surroundings.systemd.clone())),
        ProviderKind::Sealed => match key_source(settings, data) {
            Ok(source) => Box::new(SealedFile::new(data, source)),
            Err(cause) => Box::new(Unset { kind, state: ProviderState::Failing(cause) }),
        },
        ProviderKind::Vault => match (&settings.vault, &surroundings.vault) {
            (None, _) => {
                let cause = SafeText::new("[credentials.vault] of the settings names none");
                Box::new(Unset { kind, state: ProviderState::Absent(cause) })
            }
            (Some(_), None) => {
                let cause = SafeText::new("this daemon sends no requests to Vault");
                Box::new(Unset { kind, state: ProviderState::Failing(cause) })
            }
            (Some(vault), Some(http)) => match vault_place(vault) {
                Ok(place) => Box::new(Vault::new(place, Arc::clone(http))),
                Err(cause) => Box::new(Unset { kind, state: ProviderState::Failing(cause) }),
            },
        },
    }
}

fn key_source(settings: &CredentialSettings, data: &Path) -> Result<KeySource, SafeText> {
    if let Some(number) = settings.passphrase_fd {
        let read = Secret::from_descriptor(number);
        let unread = |error| {
            SafeText::new(&format!(
                "the passphrase cannot be read from descriptor {number}: {error}"
            ))
        };
        return Ok(KeySource::Passphrase(read.map_err(unread)?.without_line_end()));
    }
    if let Some(path) = &settings.passphrase_file {
        return Ok(KeySource::PassphraseFile(path.clone()));
    }
    let path = settings.key_file.clone();
    Ok(KeySource::File(path.unwrap_or_else(|| data.join(sealed::KEY_FILE))))
}

fn vault_place(settings: &VaultSettings) -> Result<VaultPlace, SafeText> {
    let unfit = |problem: String| SafeText::new(&format!("the address of Vault: {problem}"));
    let address = Url::parse(&settings.address).map_err(|error| unfit(error.to_string()))?;
    PinnedOrigin::of(&address).map_err(|error| unfit(error.to_string()))?;
    Ok(VaultPlace {
        address,
        mount: settings.mount.clone(),
        path: settings.path.clone(),
        token_file: settings.token_file.clone(),
    })
}

/// Stands where a provider would be.
struct Unset {
    kind: ProviderKind,
    state: ProviderState,
}

impl Unset {
    fn refuse<T>(&self) -> Answer<'_, T> {
        let error = match &self.state {
            ProviderState::Failing(cause) => ProviderError::Failing(cause.clone()),
            ProviderState::Absent(cause) => ProviderError::Absent(cause.clone()),
            ProviderState::Available => ProviderError::refused("nothing is kept here"),
        };
        async move { Err(error) }.boxed()
    }
}

impl Provider for Unset {
    fn kind(&self) -> ProviderKind {
        self.kind
    }

    fn place(&self) -> String {
        String::new()
    }

    fn writable(&self) -> bool {
        self.kind != ProviderKind::Systemd
    }

    fn state(&self) -> BoxFuture<'_, ProviderState> {
        let state = self.state.clone();
        async move { state }.boxed()
    }

    fn get<'a>(&'a self, _: &'a CredentialId) -> Answer<'a, Option<Credential>> {
        self.refuse()
    }

    fn set<'a>(&'a self, _: &'a CredentialId, _: &'a Credential) -> Answer<'a, ()> {
        self.refuse()
    }

    fn delete<'a>(&'a self, _: &'a CredentialId) -> Answer<'a, bool> {
        self.refuse()
    }

    fn list(&self) -> Answer<'_, Vec<CredentialInfo>> {
        self.refuse()
    }
}
