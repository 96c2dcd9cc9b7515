//! Arguments of the commands about documents.

use std::path::PathBuf;

use ccm_proto::model::{DocumentId, Kind, Name};
use clap::{Args, ValueEnum};

/// Shows documents.
#[derive(Clone, Debug, Args)]
pub struct GetArgs {
    /// layout, widget, source or theme; or KIND/NAME [default: all]
    pub what: Option<String>,
    /// The name within the kind
    pub name: Option<Name>,
    /// How to write them [default: table, or toml for one document]
    #[arg(short, long, value_enum)]
    pub output: Option<GetOutput>,
}

/// How documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GetOutput {
    /// One line a document.
    Table,
    /// As in a file; comments are kept.
    Toml,
    /// As JSON.
    Json,
}

/// Writes documents from files.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// A file, or a directory with layouts/ widgets/ sources/ themes/
    #[arg(short, long, value_name = "FILE|DIR")]
    pub file: PathBuf,
    /// What the file is, when its folder does not tell
    #[arg(long = "as", value_name = "KIND/NAME")]
    pub id: Option<DocumentId>,
    /// Why
    #[arg(short, long)]
    pub reason: String,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take fields over from those who own them
    #[arg(long)]
    pub force: bool,
    /// The revision that the change was made on; refused when the document has moved on
    #[arg(long, value_name = "REV")]
    pub base: Option<u64>,
}

/// Shows how files differ.
#[derive(Clone, Debug, Args)]
pub struct DiffArgs {
    /// A file, or a directory with layouts/ widgets/ sources/ themes/
    #[arg(short, long, value_name = "FILE|DIR")]
    pub file: PathBuf,
    /// What the file is, when its folder does not tell
    #[arg(long = "as", value_name = "KIND/NAME")]
    pub id: Option<DocumentId>,
}

/// Deletes a document.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    /// The document
    #[arg(value_name = "KIND/NAME")]
    pub id: DocumentId,
    /// Why
    #[arg(short, long)]
    pub reason: String,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Shows revisions.
#[derive(Clone, Debug, Args)]
pub struct HistoryArgs {
    /// The document
    #[arg(value_name = "KIND/NAME")]
    pub id: DocumentId,
    /// How many revisions
    #[arg(short = 'n', long, default_value_t = 20)]
    pub limit: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Restores a revision.
#[derive(Clone, Debug, Args)]
pub struct RevertArgs {
    /// The document
    #[arg(value_name = "KIND/NAME")]
    pub id: DocumentId,
    /// The revision
    #[arg(long, value_name = "REV")]
    pub to: u64,
    /// Why
    #[arg(short, long)]
    pub reason: String,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Edits a document.
#[derive(Clone, Debug, Args)]
pub struct EditArgs {
    /// The document
    #[arg(value_name = "KIND/NAME")]
    pub id: DocumentId,
    /// Why [default: asked for]
    #[arg(short, long)]
    pub reason: Option<String>,
}

/// A kind, or a kind and a name, as `ccm get` takes them.
pub fn selection(args: &GetArgs) -> Result<(Option<Kind>, Option<Name>), String> {
    let Some(what) = &args.what else { return Ok((None, None)) };
    if what.contains('/') {
        let id: DocumentId =
            what.parse().map_err(|e: ccm_proto::model::document::DocumentIdError| e.to_string())?;
        return Ok((Some(id.kind), Some(id.name)));
    }
    let kind: Kind =
        what.parse().map_err(|e: ccm_proto::model::document::DocumentIdError| e.to_string())?;
    Ok((Some(kind), args.name.clone()))
}
