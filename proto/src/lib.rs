//! The contract of CCM: what both programs speak.
//!
//! - [`wire`]: the generated messages and services, and the codec of pre-encoded frames.
//! - [`model`]: validated values; the rest of both programs knows only these.
//! - [`convert`]: between the two, with errors that name the field path.
//! - [`safe_text`]: the only text that may reach a terminal, a log line or a notification.

pub mod convert;
pub mod model;
pub mod safe_text;
pub mod wire;

pub use safe_text::SafeText;

/// The protocol this build speaks. A daemon and a client of different numbers refuse each other
/// with one sentence.
pub const PROTOCOL_VERSION: u32 = 1;
