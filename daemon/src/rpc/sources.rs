//! What the sources are doing.

use ccm_proto::wire::source_service_server::SourceService;
use ccm_proto::wire::{ListSourcesRequest, ListSourcesResponse};
use tonic::{Request, Response, Status};

use super::system::Facts;

/// Serves the state of sources.
#[derive(Clone)]
pub struct Sources {
    facts: std::sync::Arc<Facts>,
}

impl Sources {
    /// Sources as the daemon knows them.
    pub fn new(facts: std::sync::Arc<Facts>) -> Self {
        Self { facts }
    }
}

#[tonic::async_trait]
impl SourceService for Sources {
    async fn list_sources(
        &self,
        request: Request<ListSourcesRequest>,
    ) -> Result<Response<ListSourcesResponse>, Status> {
        let name = request.into_inner().name;
        let mut sources = self.facts.sources();
        if !name.is_empty() {
            sources.retain(|source| source.name == name);
            if sources.is_empty() {
                let name = ccm_proto::SafeText::new(&name);
                return Err(Status::not_found(format!("there is no source {name}")));
            }
        }
        Ok(Response::new(ListSourcesResponse { sources }))
    }
}
