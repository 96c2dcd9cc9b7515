//! The gRPC server on the Unix socket.

use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::wire::FILE_DESCRIPTOR_SET;
use ccm_proto::wire::credential_service_server::CredentialServiceServer;
use ccm_proto::wire::discover_service_server::DiscoverServiceServer;
use ccm_proto::wire::document_service_server::DocumentServiceServer;
use ccm_proto::wire::history_service_server::HistoryServiceServer;
use ccm_proto::wire::ingest_service_server::IngestServiceServer;
use ccm_proto::wire::module_service_server::ModuleServiceServer;
use ccm_proto::wire::source_service_server::SourceServiceServer;
use ccm_proto::wire::stream_server::StreamServiceServer;
use ccm_proto::wire::system_service_server::SystemServiceServer;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::codegen::http;
use tonic::service::InterceptorLayer;
use tonic::transport::Server;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Status};
use tonic_reflection::server::v1;
use tower::util::MapResponseLayer;

use super::credentials::Credentials;
use super::discover::Discoveries;
use super::documents::Documents;
use super::history::Histories;
use super::ingest::Ingest;
use super::modules::Modules;
use super::sources::Sources;
use super::stream::Streams;
use super::system::System;
use crate::access::Identity;
use crate::collect::self_metrics::SelfMetrics;
use crate::secret::SECRET_BYTES_MAX;
use crate::settings::{PathsError, make_private};

/// Streams of one connection; a client needs one, a gateway many.
const STREAMS_PER_CONNECTION: u32 = 1_024;

/// The largest message that is taken: a batch of documents.
const MESSAGE_MAX_BYTES: usize = 8 << 20;

/// The largest message about a credential: the longest secret and what goes with it.
const CREDENTIAL_MAX_BYTES: usize = SECRET_BYTES_MAX + (8 << 10);

/// The largest request of reports that is taken.
const REPORTS_MAX_BYTES: usize = 2 << 20;

/// The largest header list that is taken.
const HEADERS_MAX_BYTES: u32 = 16 << 10;

/// Resets of streams that a peer may have pending, against rapid-reset floods.
const PENDING_RESETS_MAX: usize = 20;

/// A connection that does not answer a ping for this long is closed.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Its directory is not private.
    #[error(transparent)]
    Directory(#[from] PathsError),
    /// Another daemon listens there.
    #[error("another daemon listens on {0}; stop it, or choose another socket")]
    InUse(PathBuf),
    /// The socket cannot be made.
    #[error("cannot listen on {path}: {error}")]
    Bind {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The server failed.
    #[error("the gRPC server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// Everything that is served.
pub struct Services {
    /// Live data.
    pub streams: Streams,
    /// What people configure.
    pub documents: Documents,
    /// Kept series.
    pub history: Histories,
    /// The state of sources.
    pub sources: Sources,
    /// The state of modules, and what they ask each other.
    pub modules: Modules,
    /// Secrets of external APIs.
    pub credentials: Credentials,
    /// Values that others report.
    pub ingest: Ingest,
    /// What could be shown.
    pub discoveries: Discoveries,
    /// The daemon itself.
    pub system: System,
    /// Also gRPC reflection.
    pub reflection: bool,
    /// Where calls are counted.
    pub metrics: Arc<SelfMetrics>,
}

/// Makes the socket: mode 0600 in a directory of mode 0700. A socket that nobody listens on is
/// left over from a daemon that was killed, and replaced.
pub async fn bind(path: &Path) -> Result<UnixListener, ServerError> {
    let bind = |error| ServerError::Bind { path: path.to_owned(), error };
    if let Some(directory) = path.parent() {
        make_private(directory)?;
    }
    if UnixStream::connect(path).await.is_ok() {
        return Err(ServerError::InUse(path.to_owned()));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(bind(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(bind)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(bind)?;
    Ok(listener)
}

/// Takes the peer's user for its identity. Only this user and root may speak to the daemon.
fn identify(mut request: Request<()>) -> Result<Request<()>, Status> {
    let info = request.extensions().get::<UdsConnectInfo>();
    let uid = info.and_then(|info| info.peer_cred).map(|credentials| credentials.uid());
    let uid = uid.ok_or_else(|| Status::unauthenticated("the peer's user is not known"))?;
    let own = rustix::process::getuid().as_raw();
    if uid != own && uid != 0 {
        return Err(Status::permission_denied("this daemon serves its own user and root only"));
    }
    request.extensions_mut().insert(Identity::local(uid));
    Ok(request)
}

/// Counts an answer, and whether it refuses: then its status stands in the head, as nothing
/// follows it.
fn counted<B>(
    metrics: Arc<SelfMetrics>,
) -> impl Fn(http::Response<B>) -> http::Response<B> + Clone {
    move |response| {
        metrics.calls.add(1);
        let status = response.headers().get(Status::GRPC_STATUS);
        if status.is_some_and(|status| status.as_bytes() != b"0") {
            metrics.calls_refused.add(1);
        }
        response
    }
}

/// Serves until `shutdown` ends, then lets calls under way end.
pub async fn serve(
    listener: UnixListener,
    services: Services,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    health.set_serving::<StreamServiceServer<Streams>>().await;
    health.set_serving::<DocumentServiceServer<Documents>>().await;
    let reflection = services.reflection.then(reflection).flatten();
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .http2_max_header_list_size(HEADERS_MAX_BYTES)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .max_concurrent_streams(Some(STREAMS_PER_CONNECTION))
        .layer(MapResponseLayer::new(counted(services.metrics)))
        .layer(InterceptorLayer::new(identify))
        .add_service(health_service)
        .add_optional_service(reflection)
        .add_service(StreamServiceServer::new(services.streams))
        .add_service(
            DocumentServiceServer::new(services.documents)
                .max_decoding_message_size(MESSAGE_MAX_BYTES),
        )
        .add_service(HistoryServiceServer::new(services.history))
        .add_service(SourceServiceServer::new(services.sources))
        .add_service(ModuleServiceServer::new(services.modules))
        .add_service(
            CredentialServiceServer::new(services.credentials)
                .max_decoding_message_size(CREDENTIAL_MAX_BYTES),
        )
        .add_service(
            IngestServiceServer::new(services.ingest).max_decoding_message_size(REPORTS_MAX_BYTES),
        )
        .add_service(DiscoverServiceServer::new(services.discoveries))
        .add_service(SystemServiceServer::new(services.system))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), shutdown)
        .await?;
    Ok(())
}

fn reflection() -> Option<v1::ServerReflectionServer<impl v1::ServerReflection>> {
    let builder = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    match builder.build_v1() {
        Ok(service) => Some(service),
        Err(error) => {
            tracing::error!(%error, "reflection is not served");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::body::Body;

    use super::*;

    #[test]
    fn answers_are_counted_and_refusals_apart() {
        let metrics = Arc::<SelfMetrics>::default();
        let count = counted(Arc::clone(&metrics));
        let answer = || http::Response::new(Body::empty());
        count(answer());
        count(Status::not_found("no").into_http());
        count(Status::new(tonic::Code::Ok, "").into_http());
        assert_eq!((metrics.calls.get(), metrics.calls_refused.get()), (3, 1));
    }
}
