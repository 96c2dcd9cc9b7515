//! Sources with other parameters: what a widget gives to its source for itself alone.
//!
//! Such a widget shows an instance of its source, a source of its own with these parameters in place.
//! Widgets that give the same share one, and it goes with the last of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::document::canonical;
use ccm_proto::model::id::NAME_MAX;
use ccm_proto::model::source::Param;
use ccm_proto::model::{ConnectorSpec, DocumentId, Kind, Name, SourceSpec, WidgetSpec};
use serde_json::json;

use super::check::{Location, Problem, Spec};
use super::snapshot::Snapshot;
use crate::engine::event::Configuration;

/// Digits of a hash in an instance's name; more where a document has that name.
const DIGITS: usize = 8;

/// A parameter that a source does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unfit {
    /// The parameter.
    param: String,
    /// One sentence.
    sentence: String,
}

/// Adds the instances that widgets need, and has these widgets show them. A widget whose source
/// cannot have its parameters shows nothing rather than what it did not ask for.
pub(super) fn add(configuration: &mut Configuration) {
    let mut instances: BTreeMap<Name, Arc<SourceSpec>> = BTreeMap::new();
    let mut showing: Vec<(Name, Arc<WidgetSpec>)> = Vec::new();
    for (name, widget) in &configuration.widgets {
        let source = configuration.sources.get(&widget.source);
        let Some(source) = source.filter(|_| !widget.params.is_empty()) else { continue };
        let Some(instance) = instance(widget, configuration) else { continue };
        let connector = configuration.connector(source).map(|connector| &**connector);
        if let Ok(spec) = with(source, connector, &widget.params) {
            instances.entry(instance.clone()).or_insert_with(|| Arc::new(spec));
        }
        let widget = WidgetSpec { source: instance, ..WidgetSpec::clone(widget) };
        showing.push((name.clone(), Arc::new(widget)));
    }
    configuration.sources.extend(instances);
    configuration.widgets.extend(showing);
}

/// The name of the instance that a widget shows: its source's, and a hash of the parameters.
fn instance(widget: &WidgetSpec, configuration: &Configuration) -> Option<Name> {
    let hash = blake3::hash(canonical(&json!(widget.params)).as_bytes()).to_hex();
    let named = |digits: usize| {
        let room = NAME_MAX.saturating_sub(digits + 1);
        let source: String = widget.source.as_str().chars().take(room).collect();
        Name::new(&format!("{source}.{}", hash.get(..digits)?)).ok()
    };
    let mut names = (DIGITS..=hash.len()).step_by(DIGITS).filter_map(named);
    names.find(|name| !configuration.sources.contains_key(name))
}

/// A source with these parameters in place: a variable where it has one of that name, else a
/// parameter of what is asked, as far as the connector lets a source give it.
fn with(
    source: &SourceSpec,
    connector: Option<&ConnectorSpec>,
    params: &BTreeMap<String, Param>,
) -> Result<SourceSpec, Unfit> {
    let mut spec = source.clone();
    for (name, value) in params {
        let refuse = |sentence: String| Err(Unfit { param: name.clone(), sentence });
        if let Some(variable) = spec.variables.get_mut(name) {
            variable.clone_from(value);
        } else if let Some(api) = &mut spec.external_api {
            let endpoint = connector.and_then(|connector| connector.endpoint(&api.endpoint));
            if let Some(endpoint) = endpoint.filter(|endpoint| !endpoint.allows(name)) {
                let allowed = endpoint.allowed();
                return refuse(format!(
                    "the source's connector does not allow this parameter; its endpoint takes {allowed}"
                ));
            }
            api.params.insert(name.clone(), value.clone());
        } else if let Some(module) = spec.module.as_mut().filter(|it| it.endpoint.is_some()) {
            module.params.insert(name.clone(), value.clone());
        } else {
            let kind = source.source_type.as_str();
            return refuse(match source.module {
                Some(_) => "only an endpoint of a module takes parameters".to_owned(),
                None => format!("a {kind} source takes no parameters; leave params out"),
            });
        }
    }
    if let Some((path, sentence)) = spec.problems().into_iter().next() {
        let param = params.keys().next().cloned().unwrap_or_default();
        return Err(Unfit {
            param,
            sentence: format!("with it the source is wrong: {path}: {sentence}"),
        });
    }
    Ok(spec)
}

/// What is wrong with the parameters that widgets give to their sources, of those widgets that
/// `touched` says something about: themselves, their source or its connector.
pub(super) fn problems(
    snapshot: &Snapshot,
    touched: impl Fn(&DocumentId) -> bool,
) -> Vec<(DocumentId, Problem)> {
    let id = |kind, name: &Name| DocumentId::new(kind, name.clone());
    let mut problems = Vec::new();
    for (widget_id, spec) in &snapshot.specs {
        let Spec::Widget(widget) = spec else { continue };
        let source_id = id(Kind::Source, &widget.source);
        let Some(Spec::Source(source)) = snapshot.specs.get(&source_id) else { continue };
        let named = source.external_api.as_ref().and_then(|api| api.connector.as_ref());
        let connector_id = named.map(|name| id(Kind::Connector, name));
        let concerned = [Some(widget_id), Some(&source_id), connector_id.as_ref()];
        if widget.params.is_empty() || !concerned.into_iter().flatten().any(&touched) {
            continue;
        }
        let connector = match connector_id.and_then(|id| snapshot.specs.get(&id)) {
            Some(Spec::Connector(connector)) => Some(connector.as_ref()),
            _ => None,
        };
        if let Err(Unfit { param, sentence }) = with(source, connector, &widget.params) {
            let location = Location::default().key("params").key(&param);
            let problem = Problem { location, at_key: true, sentence, suggestion: None };
            problems.push((widget_id.clone(), problem));
        }
    }
    problems
}
