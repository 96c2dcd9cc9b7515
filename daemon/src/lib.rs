//! ccmd: gathers readings, keeps their history and everything people configure, and streams it.
//!
//! Two loops around two pure cores: the [`registry`] owns what people configure, the [`engine`]
//! owns what is measured. Everything that touches the outside is a task at the edge, wired in
//! [`app`].

pub mod access;
pub mod app;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod discover;
pub mod doctor;
pub mod engine;
pub mod files;
pub mod history;
pub mod hub;
pub mod notices;
pub mod packs;
pub mod project;
pub mod query;
pub mod registry;
pub mod rpc;
pub mod secret;
pub mod settings;
pub mod storage;
pub mod telemetry;
