//! Readings of machines made of files, and the shipped documents that are about them.

#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may end where it fails"
)]

#[path = "collect_host/documents.rs"]
mod documents;
#[path = "collect_host/machine.rs"]
mod machine;
#[path = "collect_host/readings.rs"]
mod readings;
