//! ccm: the terminal client.
//!
//! One loop around a pure core: messages are folded into a model by [`update`], the model is drawn
//! by [`view`]. Everything that touches the outside is at the edge: [`runtime`], [`client`],
//! [`input`], [`effect`], [`term`].

pub mod action;
pub mod autostart;
pub mod cli;
pub mod client;
pub mod command;
pub mod demo;
pub mod effect;
pub mod format;
pub mod glyph;
pub mod grid;
pub mod input;
pub mod live;
pub mod memory_file;
pub mod message;
pub mod model;
pub mod pace;
pub mod runtime;
pub mod snapshot;
pub mod snapshot_command;
pub mod term;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;
pub mod zone;

pub use ccm_daemon::clock;
