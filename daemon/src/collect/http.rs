//! Outgoing HTTP: the one edge that every request goes through.
//!
//! The [`gateway`] decides whether and when a call goes out: it keeps answers ([`cache`]), asks
//! once for many, holds APIs to their limits ([`bucket`], [`queue`], [`quota`], [`breaker`]),
//! attaches credentials and writes every call down ([`calls`]). The [`client`] sends it within
//! bounds; [`connect`] dials, after the [`egress`] guard agreed to the very address.

pub mod body;
pub mod breaker;
pub mod bucket;
pub mod cache;
pub mod calls;
pub mod client;
pub mod connect;
pub mod credential;
pub mod egress;
pub mod error;
pub mod gateway;
pub mod io;
mod pool;
pub mod queue;
pub mod quota;
pub mod redirect;
pub mod request;
pub mod response;
pub mod retry_after;
pub mod tls;

pub use cache::Caching;
pub use calls::{CallRecord, CredentialUse, Hit, Unusual, Usage};
pub use client::HttpClient;
pub use connect::{Connector, Dial, Resolve, SystemDialler, SystemResolver};
pub use credential::{Attached, Expose, Placement};
pub use egress::{Policy, Refused};
pub use error::HttpError;
pub use gateway::{Answers, ApiLimits, ApiState, Call, FetchError, Fetched, Gateway, GatewayParts};
pub use queue::Priority;
pub use quota::{Quota, QuotaHeaders};
pub use request::{Origin, Request, RequestError, Target};
pub use response::{BodyStream, Limits, Opened, Response, Timing};
pub use tls::Trust;

#[cfg(test)]
mod tests;
