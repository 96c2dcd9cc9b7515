//! Why a credential cannot be had or changed, as sentences with a remedy.

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Scope};

use crate::secret::CredentialId;
use crate::secret::provider::ProviderKind;

/// Why a credential cannot be had or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No provider has it.
    #[error("there is no credential {name} for {scope}; `ccm cred set {name}` makes one")]
    Missing {
        /// Its name.
        name: Name,
        /// For whom it was looked for.
        scope: Scope,
    },
    /// It may be in a provider that does not answer.
    #[error("the credential {name} is unavailable: {provider}: {cause}")]
    Unavailable {
        /// Its name.
        name: Name,
        /// Who does not answer.
        provider: ProviderKind,
        /// Why.
        cause: SafeText,
    },
    /// The provider that would be written does not do it.
    #[error("{provider}: {cause}")]
    Provider {
        /// Which.
        provider: ProviderKind,
        /// Why.
        cause: SafeText,
    },
    /// An earlier provider may hold it, or would hide it.
    #[error(
        "{provider} is asked first and does not answer ({cause}); mend that, or name another provider"
    )]
    Blocked {
        /// Which.
        provider: ProviderKind,
        /// Why.
        cause: SafeText,
    },
    /// An earlier provider holds it and cannot be written.
    #[error(
        "{id} comes from {provider}, which is asked first and cannot be written here; remove it there"
    )]
    Hidden {
        /// The credential.
        id: CredentialId,
        /// Who holds it.
        provider: ProviderKind,
    },
    /// There is nowhere to write.
    #[error("no provider takes credentials; `ccm doctor` says why")]
    Nowhere,
    /// The named provider is not part of the chain.
    #[error("{0} is not among the providers of the settings")]
    Unlisted(ProviderKind),
    /// What was given is no credential.
    #[error("{0}")]
    Unfit(&'static str),
}
