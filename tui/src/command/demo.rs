//! `ccm demo`: a business that runs, and the dashboard that shows it.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ccm_daemon::clock::Clock;
use ccm_proto::model::Name;
use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::output::print;
use super::{CommandError, EXIT_NO_DAEMON};
use crate::cli::{LinkArgs, LookArgs};
use crate::demo::server::hosted::{self, Fake, Hosted};
use crate::demo::server::module::{self, Service};
use crate::demo::server::{self, Listen, Temper};
use crate::demo::stage::{Options, Places, Stage, StageError};
use crate::demo::{Part, SEED};
use crate::{live, memory_file};

/// The layout that is opened when none is named.
const LAYOUT: &str = "business";

/// Shows a business that runs.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    /// One part of it alone
    #[command(subcommand)]
    pub part: Option<DemoPart>,
    /// Keep everything that is written in this directory [default: a temporary one, removed at
    /// the end]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Run without the dashboard, until Ctrl-C
    #[arg(long)]
    pub headless: bool,
    /// What happens in the business
    #[command(flatten)]
    pub temper: TemperArgs,
}

/// What happens in the business.
#[derive(Clone, Copy, Debug, Args)]
pub struct TemperArgs {
    /// The business of this number: the same number gives the same orders
    #[arg(long, value_name = "N", default_value_t = SEED)]
    pub seed: u64,
    /// Nothing goes wrong
    #[arg(long)]
    pub calm: bool,
}

impl From<TemperArgs> for Temper {
    fn from(args: TemperArgs) -> Self {
        Self { seed: args.seed, calm: args.calm }
    }
}

/// One part of the demo alone.
#[derive(Clone, Debug, Subcommand)]
pub enum DemoPart {
    /// Be a module
    Module {
        /// Which
        #[arg(value_enum)]
        name: Part,
        /// Where to listen
        #[command(flatten)]
        listen: ListenArgs,
        /// What happens in the business
        #[command(flatten)]
        temper: TemperArgs,
    },
    /// Be a stand-in for a hosted service
    Fake {
        /// For which
        #[arg(value_enum)]
        service: Hosted,
        /// Where to listen
        #[command(flatten)]
        listen: ListenArgs,
        /// What happens in the business
        #[command(flatten)]
        temper: TemperArgs,
    },
    /// Be the demo's daemon
    #[command(hide = true)]
    Daemon {
        /// The demo's directory
        #[arg(long, value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Where to listen.
#[derive(Clone, Debug, Args)]
pub struct ListenArgs {
    /// unix:PATH, or an address of the loopback interface; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: Listen,
    /// End when standard input ends
    #[arg(long, hide = true)]
    pub until_eof: bool,
}

impl From<StageError> for CommandError {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Daemon(error) => Self::NoDaemon(error),
            other => Self::Usage(other.to_string()),
        }
    }
}

/// Runs the command.
pub(super) async fn run(
    args: DemoArgs,
    link: &LinkArgs,
    look: &LookArgs,
) -> Result<ExitCode, CommandError> {
    let clock = Clock::system();
    match args.part {
        Some(DemoPart::Module { name, listen, temper }) => {
            let temper = Temper::from(temper);
            let service = Arc::new(Service::new(name, temper.clone(), clock.clone()));
            be(name.name(), &listen, (&temper, &clock), module::router(service)).await
        }
        Some(DemoPart::Fake { service, listen, temper }) => {
            let temper = Temper::from(temper);
            let fake = Arc::new(Fake::new(service, temper.clone(), clock.clone()));
            be(service.name(), &listen, (&temper, &clock), hosted::router(fake)).await
        }
        // The daemon has a runtime of its own, so `main` runs it before there is one here.
        Some(DemoPart::Daemon { .. }) => Ok(ExitCode::from(EXIT_NO_DAEMON)),
        None => show(args, link, look).await,
    }
}

/// Told when standard input has ended.
fn end_of_input() -> oneshot::Receiver<()> {
    let (told, end) = oneshot::channel();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        let _ = told.send(());
    });
    end
}

/// Becomes the demo's daemon, and ends with standard input.
pub fn become_daemon(directory: &std::path::Path) -> ExitCode {
    std::thread::spawn(|| {
        let mut rest = Vec::new();
        let _ = std::io::stdin().read_to_end(&mut rest);
        let _ = signal_hook::low_level::raise(signal_hook::consts::SIGTERM);
    });
    ccm_daemon::cli::serve(Places::new(directory).settings(), None)
}

/// Is one part until it is told to end.
async fn be(
    name: &str,
    args: &ListenArgs,
    temper: (&Temper, &Clock),
    router: axum::Router,
) -> Result<ExitCode, CommandError> {
    let address = args.listen.url();
    let failed = |error| CommandError::io(format!("cannot listen on {address}"), error);
    let listener = args.listen.bind().await.map_err(failed)?;
    let listen = listener.listens_on(&args.listen).map_err(failed)?;
    print(&format!("listening on {}\n", listen.url()))?;
    let served = server::serve(&listen, listener, name, temper, router);
    let result = tokio::select! {
        served = served => served.map_err(failed),
        ended = until_told(args.until_eof) => ended,
    };
    if let Listen::Unix(path) = &listen {
        let _ = std::fs::remove_file(path);
    }
    result.map(|()| ExitCode::SUCCESS)
}

/// Waits for a signal, or for the end of standard input.
async fn until_told(until_eof: bool) -> Result<(), CommandError> {
    let failed = |error| CommandError::io("cannot listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let eof = async {
        if until_eof {
            // A thread that fails ends the part, too.
            let _ = end_of_input().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        () = eof => {}
    }
    Ok(())
}

async fn show(args: DemoArgs, link: &LinkArgs, look: &LookArgs) -> Result<ExitCode, CommandError> {
    if link.socket.is_some() {
        let sentence = "the demo has a daemon of its own; leave --socket and CCM_SOCKET out";
        return Err(CommandError::Usage(sentence.to_owned()));
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if !args.headless && !terminal {
        let sentence = "the dashboard needs a terminal; without one use --headless";
        return Err(CommandError::Usage(sentence.to_owned()));
    }
    let own = || std::env::temp_dir().join(format!("ccm-demo-{}", std::process::id()));
    let options = Options {
        directory: args.keep.clone().unwrap_or_else(own),
        keep: args.keep.is_some(),
        seed: args.temper.seed,
        calm: args.temper.calm,
    };
    if !options.directory.is_absolute() {
        let sentence = "--keep takes an absolute path, as the demo's parts run elsewhere";
        return Err(CommandError::Usage(sentence.to_owned()));
    }
    // From here on Ctrl-C ends the demo in order.
    let told = until_told(false);
    tokio::pin!(told);
    let stage = tokio::select! {
        stage = Stage::set(&options) => stage?,
        told = &mut told => return told.map(|()| ExitCode::SUCCESS),
    };
    let result =
        if args.headless { headless(&stage, told).await } else { dashboard(&stage, look).await };
    stage.end().await;
    result.map(live::exit)
}

/// Says where everything is, and waits.
async fn headless(
    stage: &Stage,
    told: impl Future<Output = Result<(), CommandError>>,
) -> Result<u8, CommandError> {
    let mut text = format!("socket {}\n", stage.places().socket().display());
    for (name, listen) in stage.listening() {
        text.push_str(&format!("{name} {}\n", listen.url()));
    }
    print(&text)?;
    told.await?;
    Ok(0)
}

async fn dashboard(stage: &Stage, look: &LookArgs) -> Result<u8, CommandError> {
    let layout = Name::new(LAYOUT).map_err(|error| CommandError::Usage(error.to_string()))?;
    let look = LookArgs { layout: look.layout.clone().or(Some(layout)), ..look.clone() };
    let link = LinkArgs { socket: Some(stage.places().socket()) };
    let memory = stage.places().data().join(memory_file::FILE);
    live::dashboard(look, &link, Some(memory)).await
}
