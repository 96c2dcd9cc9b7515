//! Where credentials are kept.

use std::path::PathBuf;

use serde::Deserialize;

use crate::secret::ProviderKind;

/// Where credentials are kept.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialSettings {
    /// Who is asked, in this order; new credentials go to the first that can be written.
    pub providers: Vec<ProviderKind>,
    /// The key of the sealed file; `credentials.key` in the data directory when not given.
    pub key_file: Option<PathBuf>,
    /// A file that holds a passphrase, which takes the place of the key file.
    pub passphrase_file: Option<PathBuf>,
    /// An open descriptor that gives the passphrase; read to its end when the daemon starts.
    pub passphrase_fd: Option<u32>,
    /// A HashiCorp Vault.
    pub vault: Option<VaultSettings>,
}

impl Default for CredentialSettings {
    fn default() -> Self {
        Self {
            providers: ProviderKind::ALL.to_vec(),
            key_file: None,
            passphrase_file: None,
            passphrase_fd: None,
            vault: None,
        }
    }
}

/// A key-value store of HashiCorp Vault, version 2 of its engine.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    /// Such as `https://vault.example.org:8200`.
    pub address: String,
    /// Where the engine is mounted.
    #[serde(default = "mount")]
    pub mount: String,
    /// Below what credentials lie.
    #[serde(default = "path")]
    pub path: String,
    /// The file that holds the token.
    pub token_file: PathBuf,
}

fn mount() -> String {
    "secret".to_owned()
}

fn path() -> String {
    "ccm".to_owned()
}

impl CredentialSettings {
    /// What is wrong, with the key that is.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let mut seen = self.providers.clone();
        seen.sort();
        seen.dedup();
        if seen.is_empty() || seen.len() != self.providers.len() {
            let problem = "`credentials.providers` names one or more of keyring, systemd, sealed \
                           and vault, each once";
            return Some(("providers", problem));
        }
        let keys =
            [self.key_file.is_some(), self.passphrase_file.is_some(), self.passphrase_fd.is_some()];
        if keys.into_iter().filter(|given| *given).count() > 1 {
            let problem = "the sealed file has one key: give one of `key_file`, `passphrase_file` \
                           and `passphrase_fd`";
            return Some(("credentials", problem));
        }
        None
    }
}

/// Where systemd has put the service's credentials.
pub fn systemd_credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute())
}
