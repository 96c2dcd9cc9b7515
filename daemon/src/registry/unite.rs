//! A change that was made on one revision, united with what was written since.

use std::collections::BTreeSet;
use std::sync::Arc;

use ccm_proto::model::Scope;
use serde_json::Value;

use super::change::{Collision, rebase};
use super::layer::Layer;
use super::path::Path;
use super::request::{ApplyError, Conflict, Revisions, Write};
use super::statement::Statement;

/// The layer that a change was made on.
pub(super) fn base(
    write: &Write,
    scope: &Scope,
    current: Option<&Arc<Layer>>,
    revisions: &dyn Revisions,
) -> Result<Option<Arc<Layer>>, ApplyError> {
    let newest = current.map_or(0, |layer| layer.revision);
    match write.base_revision {
        None => Ok(current.map(Arc::clone)),
        Some(revision) if revision == newest => Ok(current.map(Arc::clone)),
        Some(0) => Ok(None),
        Some(revision) => revisions
            .revision(&write.id, scope, revision)
            .filter(|_| revision < newest)
            .map(Some)
            .ok_or(ApplyError::UnknownRevision { id: write.id.clone(), revision }),
    }
}

/// Unites a proposal with what was written since its base.
pub(super) fn merge(
    write: &Write,
    base: Option<&Arc<Layer>>,
    current: Option<&Arc<Layer>>,
    proposed: &Statement,
) -> Result<Statement, ApplyError> {
    let (before, _) = Layer::base(base);
    let (now, _) = Layer::base(current);
    let merged = if *proposed == *now {
        // Who says what is said already changes nothing, whatever it was made on.
        Ok(proposed.clone())
    } else if write.base_revision == Some(0) && !now.is_empty() {
        // Who says that there is none does not want to be united with what there is.
        Err(everything(&now, proposed))
    } else {
        rebase(&before, &now, proposed)
    };
    merged.map_err(|collisions| {
        ApplyError::Conflict(Box::new(Conflict {
            id: write.id.clone(),
            base_revision: base.map_or(0, |layer| layer.revision),
            current_revision: current.map_or(0, |layer| layer.revision),
            collisions,
            current: current.map(|layer| layer.provenance.clone()),
        }))
    })
}

/// Every place in which two statements differ, as a conflict without a common base.
fn everything(current: &Statement, proposed: &Statement) -> Vec<Collision> {
    let value = |statement: &Statement, path: &Path| -> Option<Value> {
        statement.get(path)?.value.clone()
    };
    let places: BTreeSet<&Path> = current.keys().chain(proposed.keys()).collect();
    let differing = places.into_iter().filter(|path| current.get(path) != proposed.get(path));
    differing
        .map(|path| Collision {
            path: path.clone(),
            base: None,
            current: value(current, path),
            proposed: value(proposed, path),
        })
        .collect()
}
