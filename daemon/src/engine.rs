//! The engine: owns what is measured.

pub mod event;
