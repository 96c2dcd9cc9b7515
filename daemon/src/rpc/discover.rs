//! What runs on this machine and could be shown.

use std::sync::Arc;

use ccm_proto::wire::discover_service_server::DiscoverService;
use ccm_proto::wire::{DiscoverRequest, DiscoverResponse};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::discover::Explorer;
use crate::registry::Snapshot;

/// Serves an explorer's offers.
#[derive(Clone)]
pub struct Discoveries {
    explorer: Explorer,
    snapshot: watch::Receiver<Arc<Snapshot>>,
}

impl Discoveries {
    /// Offers beside the documents that are there.
    pub fn new(explorer: Explorer, snapshot: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { explorer, snapshot }
    }
}

#[tonic::async_trait]
impl DiscoverService for Discoveries {
    async fn discover(
        &self,
        _request: Request<DiscoverRequest>,
    ) -> Result<Response<DiscoverResponse>, Status> {
        let snapshot = Arc::clone(&self.snapshot.borrow());
        let offers = self.explorer.look(|id| snapshot.documents.contains_key(id)).await;
        let written = |document: &Arc<ccm_proto::model::Document>| {
            document.layers.iter().any(|layer| layer.provenance.manager != "builtin")
        };
        let configured = snapshot.documents.values().any(written);
        let offers = offers.iter().map(Into::into).collect();
        Ok(Response::new(DiscoverResponse { offers, configured }))
    }
}
