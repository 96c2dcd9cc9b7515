//! The edge of a part: a socket that answers for a module or a hosted service.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use ccm_daemon::clock::Clock;
use tokio::net::{TcpListener, UnixListener};

use super::World;
use super::fault::{self, Fault};

pub mod hosted;
pub mod module;

/// From one look at whether it is time for a restart to the next.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Where a part listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address of the loopback interface; port 0 is any free one.
    Loopback(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let address: SocketAddr = text
            .parse()
            .map_err(|_| format!("{text:?} is neither unix:PATH nor as in 127.0.0.1:0"))?;
        if address.ip().is_loopback() {
            Ok(Self::Loopback(address))
        } else {
            Err(format!("{address} is not on the loopback interface, where a demo belongs"))
        }
    }
}

/// A socket that is listened on.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Loopback(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

impl Listen {
    /// Takes the address. A Unix socket that nobody listens on any more is replaced.
    pub async fn bind(&self) -> io::Result<Listener> {
        match self {
            Self::Loopback(address) => Ok(Listener::Loopback(TcpListener::bind(address).await?)),
            Self::Unix(path) => {
                match UnixListener::bind(path) {
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                    bound => return bound.map(Listener::Unix),
                }
                if tokio::net::UnixStream::connect(path).await.is_ok() {
                    return Err(io::ErrorKind::AddrInUse.into());
                }
                std::fs::remove_file(path)?;
                UnixListener::bind(path).map(Listener::Unix)
            }
        }
    }
}

impl Listener {
    /// Where it listens, with the port that it was given.
    pub fn listens_on(&self, asked: &Listen) -> io::Result<Listen> {
        match self {
            Self::Loopback(listener) => Ok(Listen::Loopback(listener.local_addr()?)),
            Self::Unix(_) => Ok(asked.clone()),
        }
    }

    /// Answers until the future is dropped or the socket fails.
    pub async fn serve(self, router: Router) -> io::Result<()> {
        match self {
            Self::Loopback(listener) => axum::serve(listener, router).await,
            Self::Unix(listener) => axum::serve(listener, router).await,
        }
    }
}

impl Listen {
    /// The address as documents have it.
    pub fn url(&self) -> String {
        match self {
            Self::Loopback(address) => format!("http://{address}"),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

/// How long after its start a part never goes wrong: whoever sees the business for the first time
/// sees it run.
const GRACE: Duration = Duration::from_secs(90);

/// What makes a part go wrong, and when.
#[derive(Clone, Debug)]
pub struct Temper {
    /// The seed of its faults.
    pub seed: u64,
    /// Nothing goes wrong.
    pub calm: bool,
}

impl Temper {
    /// What is wrong with a part now.
    pub fn fault(&self, part: &str, clock: &Clock) -> Option<Fault> {
        let spared = self.calm || clock.elapsed() < GRACE;
        if spared { None } else { fault::at(self.seed, part, clock.now()) }
    }
}

/// Answers for a part, and is away while it is restarted.
pub async fn serve(
    listen: &Listen,
    mut listener: Listener,
    part: &str,
    (temper, clock): (&Temper, &Clock),
    router: Router,
) -> io::Result<()> {
    loop {
        let gone = until(part, temper, clock, true);
        tokio::select! {
            served = listener.serve(router.clone()) => return served,
            () = gone => {}
        }
        // Dropped with its future: nobody listens now.
        until(part, temper, clock, false).await;
        listener = listen.bind().await?;
    }
}

/// Waits until a part is away, or is no longer.
async fn until(part: &str, temper: &Temper, clock: &Clock, away: bool) {
    while (temper.fault(part, clock) == Some(Fault::Away)) != away {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The business as it is now.
pub(super) fn advanced<'a>(
    world: &'a std::sync::Mutex<World>,
    clock: &Clock,
) -> std::sync::MutexGuard<'a, World> {
    let mut world = world.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    world.advance(clock.now());
    world
}
