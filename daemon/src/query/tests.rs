mod config;
mod program;
