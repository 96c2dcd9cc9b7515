//! From a request to what it would do, without doing it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ccm_proto::model::{Document, DocumentId, Kind, Provenance, Timestamp};

use super::admit::admit;
use super::change::{contested, own, propose};
use super::check::{Problem, Spec};
use super::diagnostic::{Diagnostic, nearest};
use super::instances;
use super::intent::{Intent, deletion, put, read};
use super::layer::{Layer, MODULE_MANAGER, Managed};
use super::needs;
use super::path::Path;
use super::references::{breaks, circle, missing};
use super::request::{
    Action, Applied, ApplyError, Break, HUMAN, Outcome, OutcomeResult, Request, Revisions, Write,
};
use super::rules::Rules;
use super::schema::{Origin, Text};
use super::snapshot::Snapshot;
use super::statement::flatten;
use super::text::{Settled, Texts};
use super::unite::{base, merge};
use super::{Registry, effective};
use crate::access::Identity;

/// What a request would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The generation that the plan builds on.
    base: u64,
    /// The new revisions; empty when nothing changes.
    pub layers: Vec<Arc<Layer>>,
    /// What to answer.
    pub applied: Applied,
    snapshot: Arc<Snapshot>,
}

/// A plan whose registry has moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the documents have changed since the plan was made; make it again")]
pub struct StalePlan;

/// One write, worked out.
struct Step {
    layer: Option<Arc<Layer>>,
    origin: Origin,
    result: OutcomeResult,
    revision: u64,
    warning: Option<String>,
}

impl Registry {
    /// Works a request out. Changes nothing.
    pub fn plan(
        &self,
        request: &Request,
        identity: &Identity,
        now: Timestamp,
        revisions: &dyn Revisions,
    ) -> Result<Plan, ApplyError> {
        let manager = admit(request, identity)?;
        let generation = self.snapshot.generation + 1;
        let provenance = Provenance {
            actor: identity.name.clone(),
            manager: manager.to_owned(),
            reason: request.reason.trim().to_owned(),
            at: now,
        };
        let mut steps = Vec::with_capacity(request.writes.len());
        let mut invalid = Vec::new();
        for write in &request.writes {
            match self.step(request, write, manager, revisions) {
                Ok((mut layer, step)) => {
                    if let Some(layer) = &mut layer {
                        layer.generation = generation;
                        layer.provenance = provenance.clone();
                    }
                    steps.push(Step { layer: layer.map(Arc::new), ..step });
                }
                Err(ApplyError::Invalid(found)) => invalid.extend(found),
                Err(error) => return Err(error),
            }
        }
        if !invalid.is_empty() {
            return Err(ApplyError::Invalid(invalid));
        }
        let layers: Vec<Arc<Layer>> =
            steps.iter().filter_map(|step| step.layer.as_ref().map(Arc::clone)).collect();
        let snapshot = self.outlook(&layers, &steps, generation)?;
        let outcomes = request.writes.iter().zip(&steps);
        let outcomes = outcomes.map(|(write, step)| self.outcome(write, step, &snapshot)).collect();
        let changes = !layers.is_empty();
        Ok(Plan {
            base: self.snapshot.generation,
            layers,
            applied: Applied {
                outcomes,
                generation: if changes { generation } else { 0 },
                dry_run: request.dry_run,
            },
            snapshot: if changes { Arc::new(snapshot) } else { Arc::clone(&self.snapshot) },
        })
    }

    /// Does what was planned, as one change.
    pub fn commit(&mut self, plan: Plan) -> Result<Applied, StalePlan> {
        if plan.base != self.snapshot.generation {
            return Err(StalePlan);
        }
        for layer in plan.layers {
            self.layers.insert((layer.id.clone(), layer.scope.clone()), layer);
        }
        self.snapshot = plan.snapshot;
        Ok(plan.applied)
    }

    /// The nearest name of the same kind.
    pub fn nearest(&self, id: &DocumentId) -> Option<DocumentId> {
        let ids = || self.snapshot.documents.keys().filter(|known| known.kind == id.kind);
        let name = nearest(id.name.as_str(), ids().map(|known| known.name.as_str()))?.to_owned();
        ids().find(|known| known.name.as_str() == name).cloned()
    }

    fn step(
        &self,
        request: &Request,
        write: &Write,
        manager: &str,
        revisions: &dyn Revisions,
    ) -> Result<(Option<Layer>, Step), ApplyError> {
        let current = self.layers.get(&(write.id.clone(), request.scope.clone()));
        let revision = current.map_or(0, |layer| layer.revision);
        let (statement, managed) = Layer::base(current);
        let base = base(write, &request.scope, current, revisions)?;
        let (base_statement, base_managed) = Layer::base(base.as_ref());
        let Some(intent) = self.intent(request, write, manager, &base_managed, revisions)? else {
            return self.absent(write, current);
        };
        let proposed = match &intent.managed {
            Some(_) => intent.statement.clone(),
            None => propose(&base_statement, &base_managed, manager, &intent.statement),
        };
        let merged = merge(write, base.as_ref(), current, &proposed)?;
        let places = contested(&statement, &managed, manager, &merged);
        if !places.is_empty() && !request.force {
            return Err(ApplyError::Owned { id: write.id.clone(), places });
        }
        let managed_next = match intent.managed {
            Some(managed) => managed,
            None => own(&statement, &merged, &managed, manager, &intent.statement),
        };
        let texts = Texts {
            then: base.as_ref().and_then(|layer| layer.source_toml.as_deref()),
            now: current.and_then(|layer| layer.source_toml.as_deref()),
            mine: intent.toml.as_deref().map(|text| (text, &intent.statement)),
        };
        let reads_as_merged = |text: &str| {
            let read = read(&write.id, &Text::Toml(text.to_owned()), "");
            read.is_ok_and(|(statement, _)| statement == merged)
        };
        let Settled { text: toml, forgets } = texts.settle(&merged, &statement, reads_as_merged);
        if merged == *statement && managed_next == managed && toml.as_deref() == texts.now {
            return Ok((None, Step::new(intent.origin, OutcomeResult::Unchanged, revision)));
        }
        let result = match (statement.is_empty(), merged.is_empty()) {
            (_, true) => OutcomeResult::Deleted,
            (true, false) => OutcomeResult::Created,
            (false, false) if base_statement != statement || texts.then != texts.now => {
                OutcomeResult::Rebased
            }
            (false, false) => OutcomeResult::Changed,
        };
        let layer = Layer {
            id: write.id.clone(),
            scope: request.scope.clone(),
            revision: revision + 1,
            generation: 0,
            deleted: merged.is_empty(),
            statement: Arc::new(merged),
            managed: managed_next,
            source_toml: toml,
            provenance: Provenance {
                actor: String::new(),
                manager: String::new(),
                reason: String::new(),
                at: Timestamp::EPOCH,
            },
        };
        let warning = forgets.then(|| forgotten(&write.id, revision));
        Ok((Some(layer), Step { warning, ..Step::new(intent.origin, result, revision + 1) }))
    }

    /// None for a deletion of what is not there.
    fn intent(
        &self,
        request: &Request,
        write: &Write,
        manager: &str,
        managed: &Managed,
        revisions: &dyn Revisions,
    ) -> Result<Option<Intent>, ApplyError> {
        match &write.action {
            Action::Put(text) => put(write, manager, text).map(Some),
            Action::Delete => Ok(deletion(request, write, manager, managed)),
            Action::RevertTo(0) if self.builtins.contains_key(&write.id) => {
                Ok(deletion(request, write, HUMAN, managed))
            }
            Action::RevertTo(revision) => {
                let unknown =
                    || ApplyError::UnknownRevision { id: write.id.clone(), revision: *revision };
                let old =
                    revisions.revision(&write.id, &request.scope, *revision).ok_or_else(unknown)?;
                Ok(Some(Intent {
                    statement: (*old.statement).clone(),
                    origin: Origin::nameless(&format!("{} at revision {revision}", write.id)),
                    toml: old.source_toml.clone(),
                    managed: Some(old.managed.clone()),
                }))
            }
        }
    }

    /// What to answer to a deletion of what is not there.
    fn absent(
        &self,
        write: &Write,
        current: Option<&Arc<Layer>>,
    ) -> Result<(Option<Layer>, Step), ApplyError> {
        if self.builtins.contains_key(&write.id) {
            return Err(ApplyError::Shipped(write.id.clone()));
        }
        if let Some(layer) = current {
            let origin = Origin::nameless(&write.id.to_string());
            return Ok((None, Step::new(origin, OutcomeResult::Unchanged, layer.revision)));
        }
        Err(ApplyError::Unknown { id: write.id.clone(), nearest: self.nearest(&write.id) })
    }

    /// What would be in effect, or why that cannot be.
    fn outlook(
        &self,
        layers: &[Arc<Layer>],
        steps: &[Step],
        generation: u64,
    ) -> Result<Snapshot, ApplyError> {
        let mut next = (*self.snapshot).clone();
        next.generation = generation;
        let mut invalid = Vec::new();
        let changed = steps.iter().filter(|step| step.layer.is_some());
        for (layer, step) in layers.iter().zip(changed) {
            let shipped = self.builtins.get(&layer.id);
            let written = Some(layer).filter(|layer| !layer.deleted);
            let chain: Vec<Arc<Layer>> =
                shipped.into_iter().chain(written).map(Arc::clone).collect();
            match effective(&layer.id, &chain) {
                Ok(found) => place(&mut next, &layer.id, found),
                Err((tree, problems)) => {
                    let at = |problem| step.origin.merged(layer.id.kind, &tree, problem);
                    let mut found: Vec<Diagnostic> = problems.iter().map(at).collect();
                    found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
                    invalid.extend(found);
                }
            }
        }
        if !invalid.is_empty() {
            return Err(ApplyError::Invalid(invalid));
        }
        let mut breaks = breaks(&self.snapshot, &next);
        breaks.retain(|found| !self.goes_with_its_module(found));
        if !breaks.is_empty() {
            return Err(ApplyError::Breaks(breaks));
        }
        for layer in layers {
            if let Some(circle) = circle(&next, &layer.id) {
                return Err(ApplyError::Circle(circle));
            }
        }
        let unfit = unfit(layers, steps, &next);
        if !unfit.is_empty() {
            return Err(ApplyError::Invalid(unfit));
        }
        next.configure();
        Ok(next)
    }

    /// Whether what refers to a module is what that module offered, and nobody else says a part of
    /// it: the daemon takes it back once the module is gone.
    fn goes_with_its_module(&self, found: &Break) -> bool {
        let own = format!("{MODULE_MANAGER}{}", found.to.name);
        let mut layers = self.layers().filter(|it| it.id == found.from && !it.deleted).peekable();
        found.to.kind == Kind::Module
            && layers.peek().is_some()
            && layers.all(|layer| layer.managed.keys().all(|owner| *owner == own))
    }

    fn outcome(&self, write: &Write, step: &Step, next: &Snapshot) -> Outcome {
        let rules = Rules::of(write.id.kind);
        let leaves = |snapshot: &Snapshot| {
            let document = snapshot.documents.get(&write.id);
            document.map(|document| flatten(&rules, &document.spec)).unwrap_or_default()
        };
        let (before, after) = (leaves(&self.snapshot), leaves(next));
        let places: BTreeSet<&Path> = before.keys().chain(after.keys()).collect();
        let differs = |path: &&&Path| before.get(**path) != after.get(**path);
        Outcome {
            id: write.id.clone(),
            result: step.result,
            revision: step.revision,
            changed: places.iter().filter(differs).map(|path| (*path).clone()).collect(),
            warnings: missing(next, &write.id).into_iter().chain(step.warning.clone()).collect(),
            credential: next.specs.get(&write.id).and_then(Spec::credential).cloned(),
        }
    }
}

impl Step {
    fn new(origin: Origin, result: OutcomeResult, revision: u64) -> Self {
        Self { layer: None, origin, result, revision, warning: None }
    }
}

/// What is wrong with parameters that sources and widgets give or do not give, as far as a change
/// says something about them, at the place
/// in the text where the change wrote them.
fn unfit(layers: &[Arc<Layer>], steps: &[Step], next: &Snapshot) -> Vec<Diagnostic> {
    let touched = |id: &DocumentId| layers.iter().any(|layer| layer.id == *id);
    let told = |(id, problem): (DocumentId, Problem)| {
        let mut writes = steps.iter().filter(|step| step.layer.is_some());
        let written = writes.find(|step| step.layer.as_ref().is_some_and(|it| it.id == id));
        match (written, next.documents.get(&id)) {
            (Some(step), Some(document)) => step.origin.merged(id.kind, &document.spec, &problem),
            _ => Diagnostic::new(
                &id.to_string(),
                format!("{}: {}", problem.location, problem.sentence),
            ),
        }
    };
    let problems = needs::problems(next, touched);
    problems.into_iter().chain(instances::problems(next, touched)).map(told).collect()
}

fn forgotten(id: &DocumentId, revision: u64) -> String {
    format!(
        "the comments of revision {revision} are not in the new text; `ccm history --json {id}` has them"
    )
}

fn place(snapshot: &mut Snapshot, id: &DocumentId, found: Option<(Document, Spec)>) {
    if let Some((document, spec)) = found {
        snapshot.documents.insert(id.clone(), Arc::new(document));
        snapshot.specs.insert(id.clone(), spec);
    } else {
        snapshot.documents.remove(id);
        snapshot.specs.remove(id);
    }
}
