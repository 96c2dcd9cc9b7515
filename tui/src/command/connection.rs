//! A connection for a few calls.

use ccm_proto::wire::credential_service_client::CredentialServiceClient;
use ccm_proto::wire::discover_service_client::DiscoverServiceClient;
use ccm_proto::wire::document_service_client::DocumentServiceClient;
use ccm_proto::wire::ingest_service_client::IngestServiceClient;
use ccm_proto::wire::module_service_client::ModuleServiceClient;
use ccm_proto::wire::source_service_client::SourceServiceClient;
use ccm_proto::wire::system_service_client::SystemServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::CommandError;
use crate::autostart::{self, Target};
use crate::cli::LinkArgs;

/// The largest answer that is taken; a listing of every document fits many times.
const MESSAGE_MAX: usize = 64 << 20;

/// A channel to the daemon.
#[derive(Clone, Debug)]
pub struct Connection {
    channel: Channel,
}

impl Connection {
    /// Connects to the daemon, which is started when there is none and the socket was not named.
    pub async fn open(link: &LinkArgs) -> Result<Self, CommandError> {
        let target = Target::resolve(link.socket.as_deref())?;
        autostart::ensure(&target).await?;
        Self::to(&target).await
    }

    /// Connects to a daemon that is there already; none when nobody listens.
    pub async fn existing(link: &LinkArgs) -> Result<Option<Self>, CommandError> {
        let target = Target::resolve(link.socket.as_deref())?;
        if tokio::net::UnixStream::connect(&target.socket).await.is_err() {
            return Ok(None);
        }
        Self::to(&target).await.map(Some)
    }

    async fn to(target: &Target) -> Result<Self, CommandError> {
        let link = |error: tonic::transport::Error| CommandError::Link(error.to_string());
        let endpoint =
            Endpoint::from_shared(format!("unix:{}", target.socket.display())).map_err(link)?;
        Ok(Self { channel: endpoint.connect().await.map_err(link)? })
    }

    /// The channel itself.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Calls about documents.
    pub fn documents(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Calls about sources.
    pub fn sources(&self) -> SourceServiceClient<Channel> {
        SourceServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Calls about modules.
    pub fn modules(&self) -> ModuleServiceClient<Channel> {
        ModuleServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Calls about secrets of external APIs.
    pub fn credentials(&self) -> CredentialServiceClient<Channel> {
        CredentialServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX)
    }

    /// Calls that report values.
    pub fn ingest(&self) -> IngestServiceClient<Channel> {
        IngestServiceClient::new(self.channel.clone())
    }

    /// Calls about what could be shown.
    pub fn discover(&self) -> DiscoverServiceClient<Channel> {
        DiscoverServiceClient::new(self.channel.clone())
    }

    /// Calls about the daemon itself.
    pub fn system(&self) -> SystemServiceClient<Channel> {
        SystemServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_MAX)
    }
}
