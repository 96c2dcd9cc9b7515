//! What was found on the daemon's machine.

use super::{ConvertError, optional_text, required};
use crate::SafeText;
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
            needs_credential: offer
                .needs_credential
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            taken: offer.taken,
        }
    }
}

impl TryFrom<wire::Offer> for Offer {
    type Error = ConvertError;

    fn try_from(offer: wire::Offer) -> Result<Self, ConvertError> {
        let key = Name::new(&offer.key);
        let key = key.map_err(|error| ConvertError::new(error.to_string()).within("key"))?;
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
            needs_credential: optional_text(&offer.needs_credential),
            taken: offer.taken,
        })
    }
}
