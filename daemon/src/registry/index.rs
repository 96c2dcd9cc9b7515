//! Every revision of every layer, ordered by key, for reading history without scanning the ledger.
//!
//! The index is never the only copy: it is rebuilt from the ledger whenever its head is not the
//! ledger's.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::{DocumentId, Kind, Scope};

use super::layer::Layer;

/// Keys and values in order.
pub trait Ordered: Send {
    /// Writes all entries.
    fn put(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), OrderedError>;
    /// Reads one value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, OrderedError>;
    /// Values of at most `limit` keys from `from` on and before `to`, the last key first.
    fn latest(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, OrderedError>;
    /// Removes everything.
    fn clear(&mut self) -> Result<(), OrderedError>;
}

/// Why the index does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index does not answer: {0}")]
pub struct OrderedError(pub String);

impl Ordered for BTreeMap<Vec<u8>, Vec<u8>> {
    fn put(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), OrderedError> {
        self.extend(entries);
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, OrderedError> {
        Ok(Self::get(self, key).cloned())
    }

    fn latest(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, OrderedError> {
        let within = self.range(from.to_vec()..to.to_vec()).rev().take(limit);
        Ok(within.map(|(_, value)| value.clone()).collect())
    }

    fn clear(&mut self) -> Result<(), OrderedError> {
        Self::clear(self);
        Ok(())
    }
}

/// Where the index's generation is kept. No tenant's keys begin like this, because names have no
/// upper-case letters.
const HEAD: &[u8] = b"HEAD\0registry";

/// Says what a key is of, after the tenant.
const LAYERS: u8 = b'd';

/// The revisions of layers.
pub struct LayerIndex {
    entries: Box<dyn Ordered>,
}

impl std::fmt::Debug for LayerIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerIndex").finish_non_exhaustive()
    }
}

impl LayerIndex {
    /// Over an ordered store.
    pub fn new(entries: Box<dyn Ordered>) -> Self {
        Self { entries }
    }

    /// The generation and the chain up to which the index goes; none when it holds nothing useful.
    pub fn head(&self) -> Option<Vec<u8>> {
        self.entries.get(HEAD).ok().flatten()
    }

    /// Adds the layers of a change.
    pub fn add(&mut self, layers: &[Arc<Layer>], head: &[u8]) -> Result<(), OrderedError> {
        let mut entries = Vec::with_capacity(layers.len() + 1);
        for layer in layers {
            let value = serde_json::to_vec(layer.as_ref())
                .map_err(|error| OrderedError(error.to_string()))?;
            entries.push((key(&layer.id, &layer.scope, layer.revision), value));
        }
        entries.push((HEAD.to_vec(), head.to_vec()));
        self.entries.put(entries)
    }

    /// Begins anew.
    pub fn clear(&mut self) -> Result<(), OrderedError> {
        self.entries.clear()
    }

    /// One revision.
    pub fn revision(
        &self,
        id: &DocumentId,
        scope: &Scope,
        revision: u64,
    ) -> Result<Option<Arc<Layer>>, OrderedError> {
        self.entries.get(&key(id, scope, revision))?.map(|value| read(&value)).transpose()
    }

    /// Revisions before one, the newest first.
    pub fn history(
        &self,
        id: &DocumentId,
        scope: &Scope,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Arc<Layer>>, OrderedError> {
        let (from, to) = (key(id, scope, 0), key(id, scope, before));
        self.entries.latest(&from, &to, limit)?.iter().map(|value| read(value)).collect()
    }
}

fn read(value: &[u8]) -> Result<Arc<Layer>, OrderedError> {
    serde_json::from_slice(value).map(Arc::new).map_err(|error| OrderedError(error.to_string()))
}

/// The key of a layer's revision: tenant, then what it is of, then the rest. Every part ends with a
/// zero byte, which no name holds, so no tenant's prefix is a prefix of another's; the platform's
/// is the empty name.
fn key(id: &DocumentId, scope: &Scope, revision: u64) -> Vec<u8> {
    let (tenant, team, user) = match scope {
        Scope::Platform => (None, None, None),
        Scope::Tenant(tenant) => (Some(tenant), None, None),
        Scope::Team(tenant, team) => (Some(tenant), Some(team), None),
        Scope::User { tenant, team, user } => (Some(tenant), team.as_ref(), Some(user)),
    };
    let mut key = Vec::with_capacity(64);
    let text = |key: &mut Vec<u8>, name: Option<&ccm_proto::model::Name>| {
        key.extend_from_slice(name.map_or("", |name| name.as_str()).as_bytes());
        key.push(0);
    };
    text(&mut key, tenant);
    key.push(LAYERS);
    // The number is part of the store's format; names of kinds may change.
    key.push(match id.kind {
        Kind::Layout => 1,
        Kind::Widget => 2,
        Kind::Source => 3,
        Kind::Theme => 4,
    });
    text(&mut key, Some(&id.name));
    text(&mut key, team);
    text(&mut key, user);
    key.extend_from_slice(&revision.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Name;

    use super::*;

    #[test]
    fn keys_of_a_layer_are_ordered_by_revision_and_stay_apart_from_other_tenants() {
        let id: DocumentId = "widget/cpu".parse().unwrap();
        let scope = |tenant: &str| Scope::Tenant(Name::new(tenant).unwrap());
        assert!(key(&id, &Scope::Platform, 1) < key(&id, &Scope::Platform, 256));
        assert!(key(&id, &scope("a"), 0).starts_with(b"a\0"));
        assert!(!key(&id, &scope("ab"), 0).starts_with(b"a\0"));
        assert!(!key(&id, &scope("a"), 0).starts_with(b"\0"));
        assert!(key(&id, &Scope::Platform, 0).starts_with(b"\0"));
    }
}
