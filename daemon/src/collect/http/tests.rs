//! The client and the gateway against servers on loopback that misbehave.

mod faults;
mod sharing;
mod stub;
