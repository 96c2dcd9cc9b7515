//! How widgets are drawn.
