//! Arguments of `ccm source`.

use std::path::PathBuf;

use ccm_proto::model::{DocumentId, Name};
use clap::{Args, Subcommand};

/// Try sources, and see what they cost and whom they call.
#[derive(Clone, Debug, Subcommand)]
pub enum SourceCommand {
    /// Show every source and how it does
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Fetch once, and show the request, the timing, the answer and what is taken out of it; of a
    /// push or query source, what was reported last or what its inputs come to
    Test(SourceTestArgs),
    /// Say how many calls a day documents would cost, before they are applied
    Plan(SourcePlanArgs),
    /// Show the newest calls that went out, and the state of what they went to
    Calls(SourceCallsArgs),
}

/// Fetches once.
#[derive(Clone, Debug, Args)]
pub struct SourceTestArgs {
    /// The source
    #[arg(required_unless_present = "file")]
    pub name: Option<Name>,
    /// Try this document instead, without applying it
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Show whole answers, not their beginnings
    #[arg(long)]
    pub full: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Counts calls.
#[derive(Clone, Debug, Args)]
pub struct SourcePlanArgs {
    /// A file, or a directory of documents [default: what is in effect]
    #[arg(value_name = "FILE|DIR")]
    pub file: Option<PathBuf>,
    /// What the file is, when its folder does not tell
    #[arg(long = "as", value_name = "KIND/NAME")]
    pub id: Option<DocumentId>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Shows calls.
#[derive(Clone, Debug, Args)]
pub struct SourceCallsArgs {
    /// Of this source only
    pub source: Option<Name>,
    /// The most calls
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
