//! Layers: what one scope says of a document, with who owns which part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ccm_proto::model::{DocumentId, Provenance, Scope};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::check;
use super::path::Path;
use super::rules::Rules;
use super::schema::with_directives;
use super::statement::{Statement, unstate};

/// Which places each manager has stated. Places that several managers state alike have several
/// owners.
pub type Managed = BTreeMap<String, BTreeSet<Path>>;

/// What managers of modules are called: this and the module's name.
pub const MODULE_MANAGER: &str = "module:";

/// One revision of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The document.
    pub id: DocumentId,
    /// Whose layer.
    pub scope: Scope,
    /// From 1; what is shipped has 0. A deletion is a revision too.
    pub revision: u64,
    /// Position in the order of all changes.
    pub generation: u64,
    /// The layer says nothing any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// What it says.
    #[serde(with = "entries")]
    pub statement: Arc<Statement>,
    /// Who owns what of it.
    pub managed: Managed,
    /// The text it was written as, when it is exactly one TOML text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_toml: Option<String>,
    /// Who wrote this revision, through what, and why.
    pub provenance: Provenance,
}

impl Layer {
    /// The statement as people write it, with the table `layer` where it is needed.
    pub fn spec(&self) -> Value {
        let (tree, directives) = unstate(&self.statement);
        let complete = check(self.id.kind, &tree).is_ok();
        with_directives(&tree, &directives, complete)
    }

    /// The layer that a change of it builds on: nothing, when it is deleted.
    pub fn base(layer: Option<&Arc<Self>>) -> (Arc<Statement>, Managed) {
        match layer {
            Some(layer) if !layer.deleted => (Arc::clone(&layer.statement), layer.managed.clone()),
            _ => (Arc::default(), Managed::new()),
        }
    }

    /// The rules that its kind merges by.
    pub fn rules(&self) -> Rules {
        Rules::of(self.id.kind)
    }
}

/// Paths as keys of a JSON object.
mod entries {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::registry::statement::Statement;

    pub(super) fn serialize<S: Serializer>(
        statement: &Arc<Statement>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        statement.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Statement>, D::Error> {
        Statement::deserialize(deserializer).map(Arc::new)
    }
}
