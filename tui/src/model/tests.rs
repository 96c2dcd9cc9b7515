//! What tests of the client share.

pub(crate) mod fixture;
