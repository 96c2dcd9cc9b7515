//! What runs on this machine and could be shown.

use std::sync::Arc;

use ccm_proto::model::Scope;
use ccm_proto::model::offer::CredentialNeed;
use ccm_proto::wire::discover_service_server::DiscoverService;
use ccm_proto::wire::{DiscoverRequest, DiscoverResponse};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::discover::Explorer;
use crate::registry::Snapshot;
use crate::secret::SecretStore;

/// Serves an explorer's offers.
#[derive(Clone)]
pub struct Discoveries {
    explorer: Explorer,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    secrets: SecretStore,
}

impl Discoveries {
    /// Offers beside the documents and the credentials that are there.
    pub fn new(
        explorer: Explorer,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        secrets: SecretStore,
    ) -> Self {
        Self { explorer, snapshot, secrets }
    }

    /// Nobody is asked for a credential that is there and goes to the same place.
    async fn without_known(&self, need: CredentialNeed) -> Option<CredentialNeed> {
        let found = self.secrets.find(&Scope::Platform, &need.name).await.ok();
        let known = found
            .is_some_and(|found| found.credential.pins.origin.to_string() == need.origin.as_str());
        (!known).then_some(need)
    }
}

#[tonic::async_trait]
impl DiscoverService for Discoveries {
    async fn discover(
        &self,
        _request: Request<DiscoverRequest>,
    ) -> Result<Response<DiscoverResponse>, Status> {
        let snapshot = Arc::clone(&self.snapshot.borrow());
        let mut offers = self.explorer.look(|id| snapshot.documents.contains_key(id)).await;
        for offer in &mut offers {
            if let Some(need) = offer.needs_credential.take() {
                offer.needs_credential = self.without_known(need).await;
            }
        }
        let written = |document: &Arc<ccm_proto::model::Document>| {
            document.layers.iter().any(|layer| layer.provenance.manager != "builtin")
        };
        let configured = snapshot.documents.values().any(written);
        let offers = offers.iter().map(Into::into).collect();
        Ok(Response::new(DiscoverResponse { offers, configured }))
    }
}
