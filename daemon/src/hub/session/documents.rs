//! The documents that a client watches, and the versions it has.

use std::collections::{BTreeMap, BTreeSet};

use ccm_proto::convert::ConvertError;
use ccm_proto::model::{DocumentId, Version};
use ccm_proto::wire;

use crate::registry::Snapshot;

/// Watched documents of one stream.
#[derive(Debug, Default)]
pub(super) struct WatchedDocuments {
    wanted: Vec<(DocumentId, bool)>,
    /// What the client has; none where it was told that there is no such document.
    sent: BTreeMap<DocumentId, Option<Version>>,
    /// The generation that was looked at last, and whether the watch changed since.
    seen: Option<u64>,
}

impl WatchedDocuments {
    /// Replaces what is watched.
    pub(super) fn watch(
        &mut self,
        documents: Vec<wire::DocumentWatch>,
    ) -> Result<(), ConvertError> {
        let mut wanted = Vec::with_capacity(documents.len());
        for (index, document) in documents.into_iter().enumerate() {
            let within = |error: ConvertError| error.within(format!("documents[{index}]"));
            let id = document.id.ok_or_else(|| within(ConvertError::missing("id")))?;
            let id = DocumentId::try_from(id).map_err(within)?;
            if !document.have.is_empty() {
                let version = Version::try_from(document.have.to_vec()).map_err(within)?;
                self.sent.entry(id.clone()).or_insert(Some(version));
            }
            wanted.push((id, document.with_references));
        }
        self.wanted = wanted;
        self.seen = None;
        Ok(())
    }

    /// What the client does not have yet; none when nothing can have changed.
    pub(super) fn updates(&mut self, snapshot: &Snapshot) -> Option<Vec<wire::DocumentUpdate>> {
        if self.seen == Some(snapshot.generation) {
            return None;
        }
        self.seen = Some(snapshot.generation);
        let mut updates = Vec::new();
        let mut reached = BTreeSet::new();
        for (id, with_references) in &self.wanted {
            let documents = if *with_references {
                snapshot.closure(id)
            } else {
                snapshot.documents.get(id).cloned().into_iter().collect()
            };
            for document in documents {
                if !reached.insert(document.id.clone()) {
                    continue;
                }
                let known = self.sent.insert(document.id.clone(), Some(document.version));
                if known != Some(Some(document.version)) {
                    updates.push(wire::DocumentUpdate {
                        id: Some((&document.id).into()),
                        document: Some((&*document).into()),
                    });
                }
            }
            if reached.insert(id.clone()) && self.sent.insert(id.clone(), None) != Some(None) {
                updates.push(wire::DocumentUpdate { id: Some(id.into()), document: None });
            }
        }
        for (id, version) in &mut self.sent {
            if !reached.contains(id) && version.take().is_some() {
                updates.push(wire::DocumentUpdate { id: Some(id.into()), document: None });
            }
        }
        (!updates.is_empty()).then_some(updates)
    }
}
