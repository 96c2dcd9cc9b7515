//! What people configure: documents in layers, from their text to their effective value.
//!
//! [`Registry`] is the pure core: [`Registry::plan`] says what a request would do, and
//! [`Registry::commit`] does it. [`actor`] is the loop around it, which writes the ledger.
//!
//! What is shipped lies below everything that anyone writes, at revision 0 of the platform's scope,
//! and is not in the ledger: a new version of the program changes it, and what people wrote on top
//! stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ccm_proto::model::document::{LayerRef, canonical};
use ccm_proto::model::{Document, DocumentId, Kind, Provenance, Scope, Timestamp, Version};
use serde_json::Value;

pub mod actor;
mod admit;
pub mod change;
pub mod check;
pub mod diagnostic;
pub mod index;
mod instances;
mod intent;
pub mod layer;
mod needs;
pub mod path;
mod plan;
pub mod record;
mod references;
pub mod request;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod snapshot;
pub mod statement;
mod text;
mod unite;

pub use actor::RegistryHandle;
pub use layer::Layer;
pub use plan::Plan;
pub use request::{Action, Applied, ApplyError, Conflict, Outcome, OutcomeResult, Request, Write};
pub use schema::Text;
pub use snapshot::Snapshot;

use check::{Problem, Spec, check};
use diagnostic::Diagnostic;
use layer::Managed;
use request::{BUILTIN, Revisions};
use resolve::{Contribution, Resolution, resolve};
use rules::Rules;
use schema::Origin;
use statement::state;

/// A document that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub toml: &'static str,
}

/// The pure core: every layer, and what follows from them.
#[derive(Debug, Default)]
pub struct Registry {
    builtins: BTreeMap<DocumentId, Arc<Layer>>,
    layers: BTreeMap<(DocumentId, Scope), Arc<Layer>>,
    snapshot: Arc<Snapshot>,
}

impl Registry {
    /// A registry of what is shipped. Documents that are not right are left out and told.
    pub fn new(shipped: &[Shipped]) -> (Self, Vec<Diagnostic>) {
        let mut registry = Self::default();
        let mut problems = Vec::new();
        for document in shipped {
            match builtin(document) {
                Ok(layer) => {
                    registry.builtins.insert(layer.id.clone(), Arc::new(layer));
                }
                Err(found) => problems.extend(found),
            }
        }
        problems.extend(registry.rebuild(0));
        (registry, problems)
    }

    /// Takes over layers as they are, the newest revision of each, as after a restart. Tells which
    /// documents are not valid any more and what holds instead.
    pub fn restore(
        &mut self,
        layers: impl IntoIterator<Item = Arc<Layer>>,
        generation: u64,
    ) -> Vec<Diagnostic> {
        for layer in layers {
            self.layers.insert((layer.id.clone(), layer.scope.clone()), layer);
        }
        self.rebuild(generation)
    }

    /// What is in effect.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The newest revision of a layer; what is shipped when the platform has said nothing.
    pub fn layer(&self, id: &DocumentId, scope: &Scope) -> Option<&Arc<Layer>> {
        let written = self.layers.get(&(id.clone(), scope.clone())).filter(|l| !l.deleted);
        written.or_else(|| self.builtins.get(id).filter(|_| *scope == Scope::Platform))
    }

    /// What is shipped under this name.
    pub fn builtin(&self, id: &DocumentId) -> Option<&Arc<Layer>> {
        self.builtins.get(id)
    }

    /// The newest revision of every layer that anyone wrote, deleted ones too.
    pub fn layers(&self) -> impl Iterator<Item = &Arc<Layer>> {
        self.layers.values()
    }

    /// A document's value for a subject, with the reason for every part.
    pub fn explain(
        &self,
        id: &DocumentId,
        subject: &Scope,
        revisions: &dyn Revisions,
        now: Timestamp,
    ) -> Option<Resolution> {
        let chain = self.chain(id, subject);
        let read = |scope: &Scope, revision| {
            let layer = revisions.revision(id, scope, revision)?;
            Some(Arc::clone(&layer.statement))
        };
        let contributions: Vec<Contribution> = chain.iter().map(contribution).collect();
        (!chain.is_empty()).then(|| resolve(&Rules::of(id.kind), &contributions, &read, now))
    }

    /// The layers that have a say for a subject, root first.
    fn chain(&self, id: &DocumentId, subject: &Scope) -> Vec<Arc<Layer>> {
        let written = subject.chain().into_iter().filter_map(|scope| {
            self.layers.get(&(id.clone(), scope)).filter(|layer| !layer.deleted)
        });
        self.builtins.get(id).into_iter().chain(written).map(Arc::clone).collect()
    }

    /// Derives the snapshot anew. A document that is not valid falls back to what is shipped.
    fn rebuild(&mut self, generation: u64) -> Vec<Diagnostic> {
        let ids: BTreeSet<DocumentId> =
            self.builtins.keys().chain(self.layers.keys().map(|(id, _)| id)).cloned().collect();
        let mut snapshot = Snapshot { generation, ..Snapshot::default() };
        let mut problems = Vec::new();
        for id in ids {
            let chain = self.chain(&id, &Scope::Platform);
            let found = match effective(&id, &chain) {
                Ok(found) => found,
                Err((tree, broken)) => {
                    let origin = Origin::nameless(&id.to_string());
                    problems.extend(broken.iter().map(|p| origin.merged(id.kind, &tree, p)));
                    let shipped: Vec<Arc<Layer>> =
                        self.builtins.get(&id).into_iter().map(Arc::clone).collect();
                    effective(&id, &shipped).ok().flatten()
                }
            };
            if let Some((document, spec)) = found {
                snapshot.documents.insert(id.clone(), Arc::new(document));
                snapshot.specs.insert(id, spec);
            }
        }
        snapshot.configure();
        self.snapshot = Arc::new(snapshot);
        problems
    }
}

fn contribution(layer: &Arc<Layer>) -> Contribution {
    Contribution {
        scope: layer.scope.clone(),
        revision: layer.revision,
        statement: Arc::clone(&layer.statement),
    }
}

/// A resolved tree that is not valid, and why.
type Unfit = (Value, Vec<Problem>);

/// The value of a chain of layers for the platform's subject, which no pin can concern; none when
/// there are no layers.
fn effective(id: &DocumentId, chain: &[Arc<Layer>]) -> Result<Option<(Document, Spec)>, Unfit> {
    if chain.is_empty() {
        return Ok(None);
    }
    let contributions: Vec<Contribution> = chain.iter().map(contribution).collect();
    let resolution = resolve(&Rules::of(id.kind), &contributions, &|_, _| None, Timestamp::EPOCH);
    let spec = match check(id.kind, &resolution.spec) {
        Ok(spec) => spec,
        Err(problems) => return Err((resolution.spec, problems)),
    };
    let layer = |layer: &Arc<Layer>| LayerRef {
        scope: layer.scope.clone(),
        revision: layer.revision,
        provenance: layer.provenance.clone(),
    };
    let document = Document {
        id: id.clone(),
        version: Version::of(&canonical(&resolution.spec)),
        spec: resolution.spec,
        layers: chain.iter().map(layer).collect(),
    };
    Ok(Some((document, spec)))
}

fn builtin(shipped: &Shipped) -> Result<Layer, Vec<Diagnostic>> {
    let label = format!("{}/{}.toml", shipped.kind.directory(), shipped.name);
    let id: DocumentId = format!("{}/{}", shipped.kind, shipped.name).parse().map_err(
        |error: ccm_proto::model::document::DocumentIdError| {
            vec![Diagnostic::new(&label, error.to_string())]
        },
    )?;
    let parsed = schema::parse(&Text::Toml(shipped.toml.to_owned()), &label)?;
    if let Err(problems) = check(id.kind, &parsed.tree) {
        return Err(problems.iter().map(|problem| parsed.origin.diagnostic(problem)).collect());
    }
    let statement = state(&Rules::of(id.kind), &parsed.tree, &parsed.directives, false);
    Ok(Layer {
        id,
        scope: Scope::Platform,
        revision: 0,
        generation: 0,
        deleted: false,
        managed: Managed::from([(BUILTIN.to_owned(), statement.keys().cloned().collect())]),
        statement: Arc::new(statement),
        source_toml: Some(shipped.toml.to_owned()),
        provenance: Provenance {
            actor: "ccm".to_owned(),
            manager: BUILTIN.to_owned(),
            reason: concat!("shipped with ccm ", env!("CARGO_PKG_VERSION")).to_owned(),
            at: Timestamp::EPOCH,
        },
    })
}

#[cfg(test)]
mod tests;
