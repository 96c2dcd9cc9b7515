//! Every revision of every layer, for reading history without scanning the ledger.
//!
//! The index is never the only copy: it is refilled from the ledger whenever its head is not the
//! ledger's.

use std::sync::Arc;

use ccm_proto::model::{DocumentId, Kind, Scope};

use super::layer::Layer;
use crate::storage::index::{Batch, Index, IndexError};
use crate::storage::key::Key;

/// What keys of layers are called, after the tenant.
const LAYERS: &str = "layer";

/// What the key of the index's generation is called.
const HEAD: &str = "layer-head";

/// Why an earlier revision cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum LayerIndexError {
    /// The index does not answer.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// An entry is not a layer.
    #[error("a revision in the index cannot be read: {0}")]
    Entry(#[from] serde_json::Error),
}

/// The revisions of layers.
#[derive(Debug)]
pub struct LayerIndex {
    index: Index,
}

impl LayerIndex {
    /// Over the store's index.
    pub fn new(index: Index) -> Self {
        Self { index }
    }

    /// The generation and the chain up to which the index goes; none when it holds nothing useful.
    pub fn head(&self) -> Option<Vec<u8>> {
        self.index.get(&head_key()).ok().flatten()
    }

    /// Adds the layers of a change.
    pub fn add(&mut self, layers: &[Arc<Layer>], head: &[u8]) -> Result<(), LayerIndexError> {
        let mut batch = Batch::default();
        for layer in layers {
            let key = revision_key(&layer.id, &layer.scope, layer.revision);
            batch.put(&key, serde_json::to_vec(layer.as_ref())?);
        }
        batch.put(&head_key(), head);
        Ok(self.index.apply(batch)?)
    }

    /// Removes everything: nothing else lives in the index, and what does is refilled as well.
    pub fn clear(&mut self) -> Result<(), LayerIndexError> {
        Ok(self.index.clear()?)
    }

    /// One revision.
    pub fn revision(
        &self,
        id: &DocumentId,
        scope: &Scope,
        revision: u64,
    ) -> Result<Option<Arc<Layer>>, LayerIndexError> {
        let value = self.index.get(&revision_key(id, scope, revision))?;
        Ok(value.map(|value| serde_json::from_slice(&value)).transpose()?.map(Arc::new))
    }

    /// Revisions before one, the newest first.
    pub fn history(
        &self,
        id: &DocumentId,
        scope: &Scope,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Layer>>, LayerIndexError> {
        let behind = revision_key(id, scope, before);
        let entries = self.index.range(&layer_key(id, scope), Some(behind.as_bytes()), limit)?;
        let read = |(_, value): (_, Vec<u8>)| Ok(Arc::new(serde_json::from_slice(&value)?));
        entries.into_iter().map(read).collect()
    }
}

fn head_key() -> Key {
    Key::platform().text(HEAD)
}

/// The prefix of a layer's revisions: tenant, then what it is of, then whose it is.
fn layer_key(id: &DocumentId, scope: &Scope) -> Key {
    let (root, team, user) = match scope {
        Scope::Platform => (Key::platform(), None, None),
        Scope::Tenant(tenant) => (Key::tenant(tenant.as_str()), None, None),
        Scope::Team(tenant, team) => (Key::tenant(tenant.as_str()), Some(team), None),
        Scope::User { tenant, team, user } => {
            (Key::tenant(tenant.as_str()), team.as_ref(), Some(user))
        }
    };
    // The number is part of the store's format; names of kinds may change.
    let kind = match id.kind {
        Kind::Layout => 1,
        Kind::Widget => 2,
        Kind::Source => 3,
        Kind::Theme => 4,
        Kind::Egress => 5,
        Kind::Module => 6,
        Kind::Connector => 7,
    };
    let name =
        |name: Option<&ccm_proto::model::Name>| name.map_or("", |name| name.as_str()).to_owned();
    root.text(LAYERS).number(kind).text(id.name.as_str()).text(&name(team)).text(&name(user))
}

/// Revisions count down, so that the newest comes first.
fn revision_key(id: &DocumentId, scope: &Scope, revision: u64) -> Key {
    layer_key(id, scope).number(u64::MAX - revision)
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Name;

    use super::*;

    #[test]
    fn newer_revisions_come_first_and_other_layers_lie_elsewhere() {
        let id: DocumentId = "widget/cpu".parse().unwrap();
        let other: DocumentId = "widget/cpu2".parse().unwrap();
        let tenant = Scope::Tenant(Name::new("acme").unwrap());
        assert!(revision_key(&id, &Scope::Platform, 256) < revision_key(&id, &Scope::Platform, 1));
        let prefix = layer_key(&id, &Scope::Platform);
        for (id, scope) in [(&other, &Scope::Platform), (&id, &tenant)] {
            assert!(!revision_key(id, scope, 1).as_bytes().starts_with(prefix.as_bytes()));
        }
    }
}
