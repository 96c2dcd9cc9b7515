//! The connectors that come with the program, against fakes of their services.
//!
//! `packs/fixtures` holds, for each service, answers in the shape of its public API reference with
//! invented values, the headers of such answers, and in `service.toml` what it asks of a request.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end where it fails")]

#[path = "packs/asking.rs"]
mod asking;
#[path = "packs/collector.rs"]
mod collector;
#[path = "packs/damage.rs"]
mod damage;
#[path = "packs/documents.rs"]
mod documents;
#[path = "packs/fake.rs"]
mod fake;
#[path = "packs/fixtures.rs"]
mod fixtures;
#[path = "packs/form.rs"]
mod form;
#[path = "packs/paths.rs"]
mod paths;
#[path = "packs/readings.rs"]
mod readings;
