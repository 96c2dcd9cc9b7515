//! The command line: what was typed.

mod cred;
mod documents;
mod module;
mod source;

use std::path::PathBuf;

use ccm_proto::model::{Interval, Name, Timestamp};
use clap::{Args, Parser, Subcommand, ValueEnum};

pub use cred::{
    CredCommand, CredKind, CredRotateArgs, CredSetArgs, CredTestArgs, OwnerArgs, PinArgs,
    SecretArgs,
};
pub use documents::{
    ApplyArgs, DeleteArgs, DiffArgs, EditArgs, GetArgs, GetOutput, HistoryArgs, RevertArgs,
    selection,
};
pub use module::{ModuleAskArgs, ModuleCommand, ModuleReportArgs};
pub use source::{SourceCallsArgs, SourceCommand, SourcePlanArgs, SourceTestArgs};

/// Watch this machine and everything that reports to its daemon, in the terminal.
///
/// Without a command, ccm opens the dashboard. It starts the daemon when none is running; the
/// daemon keeps recording while nobody watches and ends after 15 minutes without clients.
#[derive(Debug, Parser)]
#[command(name = "ccm", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do instead of opening the dashboard.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to reach the daemon.
    #[command(flatten)]
    pub link: LinkArgs,
    /// How the dashboard looks.
    #[command(flatten)]
    pub look: LookArgs,
}

const AFTER_HELP: &str = "\
Inside the dashboard: ? shows every key, : opens the command line, q leaves.

Exit codes: 0 done, 1 refused or different, 2 not possible as asked, 3 no daemon.";

/// How to reach the daemon.
#[derive(Clone, Debug, Default, Args)]
pub struct LinkArgs {
    /// The daemon's Unix socket; then none is started [default: in the runtime directory]
    #[arg(long, global = true, env = "CCM_SOCKET", value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// How the dashboard looks.
#[derive(Clone, Debug, Default, Args)]
pub struct LookArgs {
    /// The layout to open
    #[arg(short, long, value_name = "NAME")]
    pub layout: Option<Name>,
    /// The page to begin with, from 1
    #[arg(long, value_name = "N")]
    pub page: Option<usize>,
    /// The theme [default: the one chosen last, else the layout's, else dark or light as the
    /// terminal is]
    #[arg(short, long, value_name = "NAME")]
    pub theme: Option<Name>,
    /// Colours to use
    #[arg(long, value_enum, default_value_t)]
    pub color: ColorChoice,
    /// Glyphs to draw with
    #[arg(long, value_enum, default_value_t)]
    pub glyphs: GlyphChoice,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// A file of key bindings [default: keys.toml in the configuration directory]
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
}

/// Colours to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// As the terminal and NO_COLOR say.
    #[default]
    Auto,
    /// As many as the terminal says, whatever NO_COLOR says.
    Always,
    /// The 16 of the terminal.
    #[value(name = "16")]
    Ansi16,
    /// The 256 of xterm.
    #[value(name = "256")]
    Ansi256,
    /// 24 bit.
    Truecolor,
    /// None.
    Never,
}

/// Glyphs to draw with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GlyphChoice {
    /// As the terminal and the locale say.
    #[default]
    Auto,
    /// Braille patterns, blocks and box drawing.
    Braille,
    /// Blocks and box drawing.
    Block,
    /// 7-bit characters only.
    Ascii,
}

/// What to do instead of opening the dashboard.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Draw a layout once, to a file or standard output
    Snapshot(SnapshotArgs),
    /// Show documents
    Get(GetArgs),
    /// Write documents from files
    Apply(ApplyArgs),
    /// Show how files differ from the documents
    Diff(DiffArgs),
    /// Delete a document
    Delete(DeleteArgs),
    /// Show the revisions of a document
    History(HistoryArgs),
    /// Set a document to what it was at a revision
    Revert(RevertArgs),
    /// Edit a document in $VISUAL or $EDITOR
    Edit(EditArgs),
    /// Show the daemon, its sources and what needs attention
    Status(StatusArgs),
    /// Report values to a source of the type push
    Push(PushArgs),
    /// Show what runs on this machine and could be shown, and take it in
    Discover(DiscoverArgs),
    /// Start, stop or look at the daemon
    #[command(subcommand)]
    Daemon(DaemonCommand),
    /// Try sources, and see what they cost and whom they call
    #[command(subcommand)]
    Source(SourceCommand),
    /// Show modules, and what they ask and tell each other
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Show external services that are known, and begin to use one
    #[command(subcommand)]
    Connector(crate::command::connector::ConnectorCommand),
    /// Keep secrets of external APIs
    #[command(subcommand)]
    Cred(CredCommand),
    /// Say what serves, what does not, and why
    Doctor(DoctorArgs),
    /// Show a business that runs, with a daemon and modules of its own
    Demo(crate::command::demo::DemoArgs),
    /// Print the key bindings in the form of a key file
    Keys,
    /// Give back a terminal that a killed dashboard has left in disorder
    Reset,
    /// Print a completion script
    Completions {
        /// For which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Draws a layout once.
#[derive(Clone, Debug, Args)]
pub struct SnapshotArgs {
    /// The layout
    #[arg(default_value = "host")]
    pub layout: Name,
    /// What to write [default: by the file's ending, else text]
    #[arg(short, long, value_enum)]
    pub format: Option<SnapshotFormat>,
    /// Columns and rows of the screen
    #[arg(short, long, value_name = "COLSxROWS", default_value = "160x50", value_parser = size)]
    pub size: (u16, u16),
    /// The page, from 1
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub page: usize,
    /// The theme [default: the layout's, else dark]
    #[arg(short, long, value_name = "NAME")]
    pub theme: Option<Name>,
    /// Colours of an ansi snapshot
    #[arg(long, value_enum, default_value = "truecolor")]
    pub color: ColorChoice,
    /// Glyphs to draw with
    #[arg(long, value_enum, default_value = "braille")]
    pub glyphs: GlyphChoice,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How long to wait for every widget's first reading and its past
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    pub timeout: Interval,
    /// Draw as if it were this time, as 2026-11-20T14:03:22Z or in Unix milliseconds
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    pub at: Option<Timestamp>,
}

/// What a snapshot is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SnapshotFormat {
    /// Plain lines.
    Text,
    /// Lines with colours for a terminal.
    Ansi,
    /// The data, not the picture.
    Json,
    /// A vector picture.
    Svg,
    /// A pixel picture.
    Png,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let problem = || format!("{text:?} is not a size; write COLSxROWS, such as 160x50");
    let (columns, rows) = text.split_once('x').ok_or_else(problem)?;
    let parse = |part: &str| part.parse::<u16>().map_err(|_| problem());
    let (columns, rows) = (parse(columns)?, parse(rows)?);
    if columns == 0 || rows == 0 || u32::from(columns) * u32::from(rows) > 1_000_000 {
        return Err(format!("{text:?} is out of range: from 1x1 to a million cells"));
    }
    Ok((columns, rows))
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    let millis = text.parse::<i64>().ok();
    let written = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    millis
        .or_else(written)
        .map(Timestamp::from_millis)
        .ok_or_else(|| "write a time as in 2026-11-20T14:03:22Z, or Unix milliseconds".to_owned())
}

/// Shows the daemon.
#[derive(Clone, Debug, Args)]
pub struct StatusArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Reports values.
#[derive(Clone, Debug, Args)]
pub struct PushArgs {
    /// The source
    pub source: Name,
    /// A value, or several with names; a number or true and false where it is one, else text
    #[arg(value_name = "VALUE|NAME=VALUE", allow_negative_numbers = true)]
    pub values: Vec<String>,
    /// An object of values in JSON, or - to read it from standard input
    #[arg(long, value_name = "JSON|-")]
    pub json: Option<String>,
    /// When they were so, as 2026-11-20T14:03:22Z or in Unix milliseconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = timestamp)]
    pub at: Option<Timestamp>,
}

/// Shows and takes what was found.
#[derive(Clone, Debug, Args)]
pub struct DiscoverArgs {
    /// Write the documents that show this
    #[arg(long, value_name = "KEY")]
    pub accept: Option<Name>,
    /// Why [default: that it was found]
    #[arg(short, long, requires = "accept")]
    pub reason: Option<String>,
    /// Say what would be written and write nothing
    #[arg(long, requires = "accept")]
    pub dry_run: bool,
    /// The user name, where what was found wants a login; its password is asked for
    #[arg(long, value_name = "NAME", requires = "accept")]
    pub account: Option<String>,
    /// Where the password or token is read from
    #[command(flatten)]
    pub secret: SecretArgs,
    /// As JSON
    #[arg(long, conflicts_with = "accept")]
    pub json: bool,
}

/// Start, stop or look at the daemon.
#[derive(Clone, Debug, Subcommand)]
pub enum DaemonCommand {
    /// Start the daemon of this user, when none is running
    Start,
    /// End it
    Stop,
    /// Say whether it is running
    Status(StatusArgs),
    /// Print its log
    Logs {
        /// Go on printing what is added
        #[arg(short, long)]
        follow: bool,
        /// How many lines of the end
        #[arg(short = 'n', long, default_value_t = 100)]
        lines: usize,
    },
    /// Look for damage in what the daemon keeps, while it is not running
    Doctor(ccm_daemon::doctor::DoctorArgs),
    /// Be the daemon: what `start` runs in the background
    #[command(hide = true)]
    Run {
        /// End after this long without clients
        #[arg(long, value_name = "DURATION")]
        idle_exit: Option<Interval>,
    },
}

/// Says what serves, what does not, and why.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}
