//! What the terminal sends: keys by their names, and the events of the real terminal.

pub mod keymap;
pub mod terminal;
