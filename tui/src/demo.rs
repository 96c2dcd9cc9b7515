//! `ccm demo`: a business that runs, for looking around and for tests.
//!
//! Everything that happens in it is a function of a seed and of time: [`world`] is the business,
//! [`crm`], [`sales`], [`inventory`], [`accounting`] and [`hr`] are what its five modules answer,
//! [`stripe`] and [`sendgrid`] what two hosted services would. The edges are [`server`], which
//! gives a part a socket, and [`stage`], which starts all parts beside a daemon of their own.

pub mod accounting;
pub mod answer;
pub mod catalogue;
pub mod crm;
pub mod documents;
pub mod fault;
pub mod hr;
pub mod inventory;
pub mod invoice;
pub mod neighbours;
pub mod noise;
pub mod part;
pub mod sales;
pub mod sendgrid;
pub mod server;
pub mod shop;
pub mod stage;
pub mod stripe;
pub mod time;
pub mod world;

pub use part::Part;
pub use world::World;

/// The seed when none is given.
pub const SEED: u64 = 7;

#[cfg(test)]
mod tests;
