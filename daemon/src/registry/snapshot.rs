//! Everything in effect for the platform's subject, at one generation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ccm_proto::model::{Document, DocumentId, Name, SourceSpec};

use super::check::Spec;
use super::instances;
use crate::engine::event::Configuration;

/// The effective documents after a change.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The change.
    pub generation: u64,
    /// The documents.
    pub documents: BTreeMap<DocumentId, Arc<Document>>,
    /// The same, typed, as far as the engine works by them. The same `Arc` as before when nothing
    /// of it changed.
    pub configuration: Arc<Configuration>,
    pub(super) specs: BTreeMap<DocumentId, Spec>,
}

impl Snapshot {
    /// A document typed and checked.
    pub fn spec(&self, id: &DocumentId) -> Option<&Spec> {
        self.specs.get(id)
    }

    /// A document and all that it refers to, directly or not, in the order of their ids. What is
    /// referred to and does not exist is left out.
    pub fn closure(&self, id: &DocumentId) -> Vec<Arc<Document>> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![id.clone()];
        while let Some(id) = waiting.pop() {
            let Some(spec) = self.specs.get(&id) else { continue };
            if seen.insert(id) {
                waiting.extend(spec.references());
            }
        }
        seen.iter().filter_map(|id| self.documents.get(id).map(Arc::clone)).collect()
    }

    /// Who refers to a document.
    pub fn referrers(&self, id: &DocumentId) -> Vec<DocumentId> {
        let refers = |(_, spec): &(&DocumentId, &Spec)| spec.references().contains(id);
        self.specs.iter().filter(refers).map(|(from, _)| from.clone()).collect()
    }

    /// Derives the engine's part anew.
    pub(super) fn configure(&mut self) {
        let configuration = configuration(&self.specs);
        if configuration != *self.configuration {
            self.configuration = Arc::new(configuration);
        }
    }

    /// What the engine would work by, if these documents stood in place of those of their names.
    pub fn configuration_with(
        &self,
        documents: impl IntoIterator<Item = (DocumentId, Spec)>,
    ) -> Configuration {
        let mut specs = self.specs.clone();
        specs.extend(documents);
        configuration(&specs)
    }
}

/// The engine's part of documents: the sources settled, and one more for each set of parameters that
/// widgets give to one.
fn configuration(specs: &BTreeMap<DocumentId, Spec>) -> Configuration {
    let mut configuration = Configuration::default();
    for (id, spec) in specs {
        match spec {
            Spec::Widget(widget) => {
                configuration.widgets.insert(id.name.clone(), Arc::clone(widget));
            }
            Spec::Source(source) => {
                configuration.sources.insert(id.name.clone(), Arc::clone(source));
            }
            Spec::Egress(egress) => {
                configuration.egress.insert(id.name.clone(), Arc::clone(egress));
            }
            Spec::Module(module) => {
                configuration.modules.insert(id.name.clone(), Arc::clone(module));
            }
            Spec::Connector(connector) => {
                configuration.connectors.insert(id.name.clone(), Arc::clone(connector));
            }
            Spec::Layout(_) | Spec::Theme(_) => {}
        }
    }
    let settled =
        |(name, spec): (&Name, &Arc<SourceSpec>)| (name.clone(), configuration.settled(spec));
    configuration.sources = configuration.sources.iter().map(settled).collect();
    instances::add(&mut configuration);
    configuration
}
