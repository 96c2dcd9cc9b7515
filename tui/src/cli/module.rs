//! Arguments of `ccm module`.

use std::path::PathBuf;

use ccm_proto::model::Name;
use clap::{Args, Subcommand};

/// Show modules, and what they ask and tell each other.
#[derive(Clone, Debug, Subcommand)]
pub enum ModuleCommand {
    /// Show every module, how it is, and what went between it and others
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show one module: what it wants of others, what its document grants, what is missing
    Show {
        /// The module
        name: Name,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask one module in the name of another, as far as that one may
    Ask(ModuleAskArgs),
    /// Report for a module without an address what it is and how it is
    Report(ModuleReportArgs),
}

/// Reports for a module.
#[derive(Clone, Debug, Args)]
pub struct ModuleReportArgs {
    /// The module, whose document says endpoint = "push"
    pub name: Name,
    /// A file with its manifest; needed the first time, then when it changes
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// How it is: running, degraded, stopped or error
    #[arg(long, default_value = "running")]
    pub status: String,
    /// One sentence on why
    #[arg(long)]
    pub detail: Option<String>,
}

/// Asks a module in the name of another.
#[derive(Clone, Debug, Args)]
pub struct ModuleAskArgs {
    /// The module in whose name is asked, and by whose grants
    pub from: Name,
    /// The module that is asked
    pub to: Name,
    /// The path, with its query if it has one, as in /api/stock?low=true
    pub path: String,
}
