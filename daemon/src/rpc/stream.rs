//! The stream service: one bidirectional stream a client.

use ccm_proto::model::Name;
use ccm_proto::wire::ClientMessage;
use ccm_proto::wire::stream_server::StreamService;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use crate::access::Identity;
use crate::clock::Clock;
use crate::hub::Hub;
use crate::hub::session::{Greeting, Session, SessionStream};

/// Serves streams from the hub.
#[derive(Clone)]
pub struct Streams {
    hub: Hub,
    greeting: Greeting,
    clock: Clock,
    refresh: mpsc::Sender<Vec<Name>>,
}

impl Streams {
    /// Streams that begin with this greeting. Widgets that clients want read now go to `refresh`.
    pub fn new(
        hub: Hub,
        greeting: Greeting,
        clock: Clock,
        refresh: mpsc::Sender<Vec<Name>>,
    ) -> Self {
        Self { hub, greeting, clock, refresh }
    }
}

#[tonic::async_trait]
impl StreamService for Streams {
    type AttachStream = SessionStream<Streaming<ClientMessage>>;

    async fn attach(
        &self,
        request: Request<Streaming<ClientMessage>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let identity = request.extensions().get::<Identity>();
        let identity = identity.ok_or_else(|| Status::unauthenticated("the peer is not known"))?;
        let greeting = Greeting { identity: identity.name.clone(), ..self.greeting.clone() };
        let session = Session::new(&self.hub, greeting)
            .map_err(|error| Status::resource_exhausted(error.to_string()))?;
        let inbound = request.into_inner();
        let stream = SessionStream::new(session, inbound, self.clock.clone(), self.refresh.clone());
        Ok(Response::new(stream))
    }
}
