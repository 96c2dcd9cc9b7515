//! What was found on the daemon's machine.

use super::{ConvertError, required};
use crate::SafeText;
use crate::model::connector::CredentialKind;
use crate::model::offer::CredentialNeed;
use crate::model::{Name, Offer};
use crate::wire;

/// Documents of one offer; more are not taken.
const DOCUMENTS_MAX: usize = 64;

impl From<&Offer> for wire::Offer {
    fn from(offer: &Offer) -> Self {
        let document = |(id, toml): &(crate::model::DocumentId, String)| wire::OfferedDocument {
            id: Some(id.into()),
            toml: toml.clone(),
        };
        Self {
            key: offer.key.to_string(),
            title: offer.title.to_string(),
            what: offer.what.to_string(),
            evidence: offer.evidence.iter().map(ToString::to_string).collect(),
            documents: offer.documents.iter().map(document).collect(),
            needs_credential: offer.needs_credential.as_ref().map(in_words).unwrap_or_default(),
            credential: offer.needs_credential.as_ref().map(Into::into),
            taken: offer.taken,
        }
    }
}

impl TryFrom<wire::Offer> for Offer {
    type Error = ConvertError;

    fn try_from(offer: wire::Offer) -> Result<Self, ConvertError> {
        let key = named("key", &offer.key)?;
        let need = offer.credential.map(CredentialNeed::try_from).transpose();
        let mut documents = Vec::new();
        for (index, document) in offer.documents.into_iter().take(DOCUMENTS_MAX).enumerate() {
            let id = required("id", document.id)
                .map_err(|error| error.within(format!("documents[{index}]")))?;
            documents.push((id, document.toml));
        }
        Ok(Self {
            key,
            title: SafeText::new(&offer.title),
            what: SafeText::new(&offer.what),
            evidence: offer.evidence.iter().map(|line| SafeText::new(line)).collect(),
            documents,
            needs_credential: need.map_err(|error| error.within("credential"))?,
            taken: offer.taken,
        })
    }
}

fn in_words(need: &CredentialNeed) -> String {
    let CredentialNeed { name, kind, origin } = need;
    format!("it wants a login: ccm cred set {name} --kind {kind} --origin {origin}")
}

impl From<&CredentialNeed> for wire::CredentialNeed {
    fn from(need: &CredentialNeed) -> Self {
        Self {
            name: need.name.to_string(),
            kind: wire::CredentialKind::from(need.kind).into(),
            origin: need.origin.to_string(),
        }
    }
}

impl TryFrom<wire::CredentialNeed> for CredentialNeed {
    type Error = ConvertError;

    fn try_from(need: wire::CredentialNeed) -> Result<Self, ConvertError> {
        let kind = CredentialKind::try_from(need.kind());
        Ok(Self {
            name: named("name", &need.name)?,
            kind: kind.map_err(|error| error.within("kind"))?,
            origin: SafeText::new(&need.origin),
        })
    }
}

fn named(field: &'static str, text: &str) -> Result<Name, ConvertError> {
    Name::new(text).map_err(|error| ConvertError::new(error.to_string()).within(field))
}
