//! The services, one file each, and the one table from errors to gRPC status.

pub mod credentials;
pub mod discover;
pub mod documents;
pub mod history;
pub mod ingest;
pub mod metrics;
pub mod modules;
pub mod server;
pub mod sources;
pub mod stream;
pub mod system;

use ccm_proto::SafeText;
use ccm_proto::convert::ConvertError;
use tonic::Status;

/// A message that says something impossible.
fn invalid(error: &ConvertError) -> Status {
    Status::invalid_argument(SafeText::new(&error.to_string()).to_string())
}
