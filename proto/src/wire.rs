//! The generated code of `ccm/v1`, and the codec that sends frames which are encoded already.

mod codec;

pub use codec::{EncodedFrame, FrameCodec};

/// Every message and client of the contract, and the servers of all services but the stream's.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    reason = "generated"
)]
mod generated {
    tonic::include_proto!("ccm.v1");
}

/// The stream service's server, whose answers are [`EncodedFrame`]s.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    reason = "generated"
)]
mod generated_stream {
    include!(concat!(env!("OUT_DIR"), "/ccm.v1.StreamService.rs"));
}

pub use generated::*;
pub use generated_stream::stream_service_server as stream_server;

/// Shows where the secret goes, and nothing of it.
impl std::fmt::Debug for SetCredentialRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SetCredentialRequest");
        shown.field("name", &self.name).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Shows where the secret goes, and nothing of it.
impl std::fmt::Debug for RotateCredentialRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("RotateCredentialRequest");
        shown.field("name", &self.name).field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The contract's descriptor set, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/ccm_descriptor.bin"));
