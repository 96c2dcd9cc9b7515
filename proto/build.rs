//! Compiles the contract with protox, so that no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message as _;

const PROTOS: &[&str] = &[
    "ccm/v1/value.proto",
    "ccm/v1/view.proto",
    "ccm/v1/series.proto",
    "ccm/v1/document.proto",
    "ccm/v1/source.proto",
    "ccm/v1/module.proto",
    "ccm/v1/report.proto",
    "ccm/v1/offer.proto",
    "ccm/v1/stream.proto",
    "ccm/v1/credential.proto",
    "ccm/v1/system.proto",
    "ccm/v1/stream_service.proto",
    "ccm/v1/document_service.proto",
    "ccm/v1/history_service.proto",
    "ccm/v1/source_service.proto",
    "ccm/v1/module_service.proto",
    "ccm/v1/credential_service.proto",
    "ccm/v1/ingest_service.proto",
    "ccm/v1/discover_service.proto",
    "ccm/v1/system_service.proto",
];

/// Messages that hold a secret: what they show of themselves is written by hand.
const SECRETIVE: &[&str] = &[".ccm.v1.SetCredentialRequest", ".ccm.v1.RotateCredentialRequest"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=ccm");
    let descriptors = protox::compile(PROTOS, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("ccm_descriptor.bin"), descriptors.encode_to_vec())?;
    // The stream service is generated without its server: the daemon serves it with a codec of
    // pre-encoded bytes (see `ccm_proto::wire::stream_server`).
    tonic_prost_build::configure().bytes(".").skip_debug(SECRETIVE).compile_fds(descriptors)?;
    let attach = tonic_prost_build::manual::Method::builder()
        .name("attach")
        .route_name("Attach")
        .input_type("crate::wire::ClientMessage")
        .output_type("crate::wire::EncodedFrame")
        .codec_path("crate::wire::FrameCodec")
        .client_streaming()
        .server_streaming()
        .build();
    let service = tonic_prost_build::manual::Service::builder()
        .name("StreamService")
        .package("ccm.v1")
        .method(attach)
        .build();
    tonic_prost_build::manual::Builder::new().build_client(false).compile(&[service]);
    Ok(())
}
