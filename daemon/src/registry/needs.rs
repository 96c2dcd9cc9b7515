//! What a source must say because of its connector: the parameters that its endpoint needs.

use ccm_proto::model::{DocumentId, Kind};

use super::check::{Location, Problem, Spec};
use super::snapshot::Snapshot;

/// The parameters that sources do not give and their endpoints need, of those sources that `touched`
/// says something about: themselves or their connector.
pub(super) fn problems(
    snapshot: &Snapshot,
    touched: impl Fn(&DocumentId) -> bool,
) -> Vec<(DocumentId, Problem)> {
    let mut problems = Vec::new();
    for (id, spec) in &snapshot.specs {
        let Spec::Source(source) = spec else { continue };
        let Some(api) = &source.external_api else { continue };
        let Some(name) = &api.connector else { continue };
        let connector_id = DocumentId::new(Kind::Connector, name.clone());
        if !touched(id) && !touched(&connector_id) {
            continue;
        }
        // One that is not there yet is told of by a warning, and an endpoint that is not by the
        // source's state.
        let Some(Spec::Connector(connector)) = snapshot.specs.get(&connector_id) else { continue };
        let Some(endpoint) = connector.endpoint(&api.endpoint) else { continue };
        for param in endpoint.needed().filter(|param| !api.params.contains_key(*param)) {
            let location = Location::default().key("external_api").key("params").key(param);
            let sentence = format!(
                "the endpoint {} of the connector {name} needs the parameter {param}; give it in \
                 [external_api.params]",
                api.endpoint
            );
            problems
                .push((id.clone(), Problem { location, at_key: true, sentence, suggestion: None }));
        }
    }
    problems
}
