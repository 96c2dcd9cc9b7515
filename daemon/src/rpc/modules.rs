//! What modules are doing, and what they ask each other.

use ccm_proto::SafeText;
use ccm_proto::model::Name;
use ccm_proto::model::module::{Ask, BridgeOffer, Manifest};
use ccm_proto::wire::module_service_server::ModuleService;
use ccm_proto::wire::{
    AskModuleRequest, AskModuleResponse, ListModulesRequest, ListModulesResponse, ModuleRights,
    ModuleStatus, ModuleTraffic,
};
use tonic::{Request, Response, Status};

use crate::collect::Environment;
use crate::collect::module::bridge::{Traffic, acl};
use crate::collect::module::directory::Known;

/// Serves the state of modules.
#[derive(Clone)]
pub struct Modules {
    environment: Environment,
}

impl Modules {
    /// Modules as the daemon knows them.
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }
}

#[tonic::async_trait]
impl ModuleService for Modules {
    async fn list_modules(
        &self,
        request: Request<ListModulesRequest>,
    ) -> Result<Response<ListModulesResponse>, Status> {
        let name = request.into_inner().name;
        let mut all = self.environment.modules.all();
        if !name.is_empty() {
            all.retain(|(own, _)| *own.as_str() == name);
            if all.is_empty() {
                let name = SafeText::new(&name);
                let sentence = format!("there is no module {name}; ccm module list shows them");
                return Err(Status::not_found(sentence));
            }
        }
        let modules = all.iter().map(|(name, known)| status(name, known)).collect();
        Ok(Response::new(ListModulesResponse { modules }))
    }

    /// The peer is this daemon's own user, who could grant everything: it is let in by its
    /// connection. The grants of the module in whose name it asks are looked at all the same, so
    /// that what is seen is what the module would get.
    async fn ask_module(
        &self,
        request: Request<AskModuleRequest>,
    ) -> Result<Response<AskModuleResponse>, Status> {
        let request = request.into_inner();
        let ask = Ask {
            ask: "by hand".to_owned(),
            to: named("to", &request.to)?,
            path: request.path,
            hops: 0,
        };
        let from = named("from", &request.from)?;
        let reply = self.environment.bridge.ask(&from, &ask).await;
        let mut response = AskModuleResponse {
            status: u32::from(reply.status),
            title: reply.title.to_owned(),
            ..AskModuleResponse::default()
        };
        match reply.result {
            Ok(data) => response.data_json = data.to_string(),
            Err(detail) => response.detail = detail.to_string(),
        }
        Ok(Response::new(response))
    }
}

fn named(field: &str, text: &str) -> Result<Name, Status> {
    Name::new(text).map_err(|error| {
        let sentence = format!("{field}: {error}");
        Status::invalid_argument(SafeText::new(&sentence).to_string())
    })
}

fn words<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn safe(text: &str) -> String {
    SafeText::new(text).to_string()
}

fn status(name: &Name, known: &Known) -> ModuleStatus {
    let Known { spec, standing, manifest, traffic } = known;
    let manifest = manifest.as_deref();
    let of = |text: fn(&Manifest) -> &str| manifest.map(|own| safe(text(own))).unwrap_or_default();
    let nothing = BridgeOffer::default();
    let offer = manifest.and_then(|manifest| manifest.bridge.as_ref()).unwrap_or(&nothing);
    ModuleStatus {
        name: name.to_string(),
        id: of(|manifest| manifest.id.as_str()),
        title: of(|manifest| &manifest.title),
        version: of(|manifest| &manifest.version),
        state: standing.state.as_str().to_owned(),
        reason: standing.reason.to_string(),
        since_ms: standing.since.as_millis(),
        address: spec.endpoint.to_string(),
        permissions: manifest
            .map(|own| own.permissions.iter().map(|text| safe(text)).collect())
            .unwrap_or_default(),
        wants: Some(ModuleRights {
            ask: words(&offer.asks),
            publish: words(&offer.publishes),
            subscribe: words(&offer.subscribes),
        }),
        answers: words(&offer.answers),
        grants: Some(ModuleRights {
            ask: words(&spec.may_ask),
            publish: words(&spec.may_publish),
            subscribe: words(&spec.may_subscribe),
        }),
        missing: acl::missing(spec, offer),
        traffic: Some(of_traffic(traffic)),
    }
}

fn of_traffic(traffic: &Traffic) -> ModuleTraffic {
    ModuleTraffic {
        asks: traffic.asks,
        asks_failed: traffic.asks_failed,
        answered: traffic.answered,
        published: traffic.published,
        refused: traffic.refused,
        delivered: traffic.delivered,
        dropped: traffic.dropped,
        refusal: traffic.refusal.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}
