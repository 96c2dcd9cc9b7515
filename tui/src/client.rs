//! The link to the daemon.

pub mod request;
