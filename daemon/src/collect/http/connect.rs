//! Connections: resolve, ask the egress guard about each address, dial, and speak TLS.
//!
//! The guard is asked here and nowhere before, about the address that is dialled. Environment
//! variables that name proxies are not read.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use futures_util::future::BoxFuture;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::egress::{Policy, Refused};
use super::error::{HttpError, Phase};
use super::io::Io;
use super::request::{Origin, Target, literal};
use super::tls::{self, Trust};
use crate::clock::Clock;

/// The most addresses of a name that are tried: names with more have them for balance, not
/// because the first ones fail.
pub const ADDRESSES_MAX: usize = 8;

/// The most lookups at once. Each holds a thread for as long as a name server keeps silent.
pub const LOOKUPS_MAX: usize = 32;

/// The shortest time that an address is given before the next is tried.
const ATTEMPT_MIN: Duration = Duration::from_millis(500);

/// Finds the addresses of host names.
pub trait Resolve: Send + Sync {
    /// The addresses of a name, best first.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// The machine's own name service.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let (host, lookups) = (host.to_owned(), Arc::clone(&self.lookups));
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            // A task of its own keeps the permit for as long as the thread is busy, though the
            // one who asked has long gone.
            let lookup = tokio::spawn(async move {
                let found = tokio::net::lookup_host((host, port)).await;
                drop(permit);
                found.map(|found| found.take(ADDRESSES_MAX).collect::<Vec<_>>())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// Opens connections to addresses that were judged.
pub trait Dial: Send + Sync {
    /// Connects to the address.
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>>;

    /// The address that this machine would speak from, if that can be told without sending.
    fn source(&self, address: SocketAddr) -> Option<IpAddr>;
}

/// The machine's network.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDialler;

impl Dial for SystemDialler {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    fn source(&self, address: SocketAddr) -> Option<IpAddr> {
        let any: SocketAddr = if address.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        // Connecting a datagram socket only chooses a route.
        let socket = std::net::UdpSocket::bind(any).ok()?;
        socket.connect(address).ok()?;
        socket.local_addr().ok().map(|local| local.ip())
    }
}

/// The policy that is in force, for all who dial.
#[derive(Clone, Debug, Default)]
pub struct PolicyInForce(Arc<RwLock<Arc<Policy>>>);

impl PolicyInForce {
    /// The policy as it is now.
    pub fn get(&self) -> Arc<Policy> {
        Arc::clone(&self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub fn set(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(policy);
    }
}

/// How long the parts of connecting took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectTimes {
    /// Finding the addresses.
    pub dns: Duration,
    /// Dialling, all attempts together.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
}

/// A connection of TCP, made with the guard's consent.
#[derive(Debug)]
pub struct Dialled {
    /// The connection.
    pub stream: TcpStream,
    /// Whom it goes to.
    pub peer: SocketAddr,
    /// How long it took; no TLS.
    pub times: ConnectTimes,
}

/// A connection that requests are sent over.
#[derive(Debug)]
pub struct Connected {
    /// The connection.
    pub io: Io,
    /// Whom it goes to; nothing for a socket of this machine.
    pub peer: Option<SocketAddr>,
    /// How long it took.
    pub times: ConnectTimes,
}

/// Makes connections.
#[derive(Clone)]
pub struct Connector {
    resolver: Arc<dyn Resolve>,
    dialler: Arc<dyn Dial>,
    policy: PolicyInForce,
    clock: Clock,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Connector {
    /// A connector over a name service and a network.
    pub fn new(
        resolver: Arc<dyn Resolve>,
        dialler: Arc<dyn Dial>,
        policy: PolicyInForce,
        clock: Clock,
    ) -> Self {
        Self { resolver, dialler, policy, clock }
    }

    /// The policy that is asked.
    pub fn policy(&self) -> &PolicyInForce {
        &self.policy
    }

    /// The addresses of a host that may be dialled, best first; the refusal when none may.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, HttpError> {
        let unknown = || HttpError::Name { host: SafeText::new(host) };
        let mut addresses = match literal(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => self.resolver.resolve(host, port).await.map_err(|_| unknown())?,
        };
        addresses.truncate(ADDRESSES_MAX);
        let policy = self.policy.get();
        let mut refused = None;
        addresses.retain_mut(|address| {
            // A name service answers with addresses; the port is what was asked for.
            address.set_port(port);
            match self.judge(&policy, host, *address) {
                Ok(()) => true,
                Err(refusal) => {
                    refused.get_or_insert(refusal);
                    false
                }
            }
        });
        match (addresses.is_empty(), refused) {
            (false, _) => Ok(addresses),
            (true, Some(refused)) => Err(refused.into()),
            (true, None) => Err(unknown()),
        }
    }

    fn judge(&self, policy: &Policy, host: &str, address: SocketAddr) -> Result<(), Refused> {
        policy.check(host, address)?;
        if self.dialler.source(address) == Some(address.ip()) {
            policy.check_own(host, address)?;
        }
        Ok(())
    }

    /// Connects to a host by TCP, with the guard's consent: its addresses one after the other.
    pub async fn dial(&self, host: &str, port: u16, limit: Interval) -> Result<Dialled, HttpError> {
        let shown = || SafeText::from(format!("{host}:{port}"));
        let start = self.clock.elapsed();
        let late = |phase| HttpError::Timeout { host: shown(), phase, limit };
        let addresses = tokio::time::timeout(limit.as_duration(), self.addresses(host, port))
            .await
            .map_err(|_| late(Phase::Name))??;
        let found = self.clock.elapsed();
        let mut cause = HttpError::Name { host: SafeText::new(host) };
        for (index, peer) in addresses.iter().copied().enumerate() {
            let left =
                limit.as_duration().saturating_sub(self.clock.elapsed().saturating_sub(start));
            let others = u32::try_from(addresses.len() - index).unwrap_or(1).max(1);
            let attempt = (left / others).max(ATTEMPT_MIN).min(left);
            match tokio::time::timeout(attempt, self.dialler.dial(peer)).await {
                Ok(Ok(stream)) => {
                    let connect = self.clock.elapsed().saturating_sub(found);
                    let dns = found.saturating_sub(start);
                    let times = ConnectTimes { dns, connect, tls: Duration::ZERO };
                    return Ok(Dialled { stream, peer, times });
                }
                Ok(Err(error)) => {
                    cause = HttpError::Connect { host: shown(), cause: said(&error) };
                }
                Err(_) => cause = late(Phase::Connection),
            }
        }
        Err(cause)
    }

    /// Speaks TLS over a connection.
    pub async fn secure(
        &self,
        stream: TcpStream,
        origin: &Origin,
        trust: Option<&Trust>,
    ) -> Result<TlsStream<TcpStream>, HttpError> {
        let failed = |cause| HttpError::Tls { host: SafeText::new(origin.host()), cause };
        let config =
            tls::client_config(trust).map_err(|_| failed("the daemon cannot set up TLS"))?;
        let name = match origin.literal() {
            Some(address) => ServerName::IpAddress(address.into()),
            None => ServerName::try_from(origin.host().to_owned())
                .map_err(|_| failed("its name is not one that certificates have"))?,
        };
        let connecting = TlsConnector::from(config).connect(name, stream);
        connecting.await.map_err(|error| failed(tls::cause(&error)))
    }

    /// Connects to where a request goes.
    pub async fn connect(
        &self,
        target: &Target,
        trust: Option<&Trust>,
        limit: Interval,
    ) -> Result<Connected, HttpError> {
        match target {
            Target::Unix(path) => self.connect_unix(path, limit).await,
            Target::Tcp(origin) => {
                let dialled = self.dial(origin.host(), origin.port(), limit).await?;
                let (peer, mut times) = (Some(dialled.peer), dialled.times);
                if !origin.is_secure() {
                    return Ok(Connected { io: Io::Tcp(dialled.stream), peer, times });
                }
                let start = self.clock.elapsed();
                let secured = self.secure(dialled.stream, origin, trust);
                let stream = tokio::time::timeout(limit.as_duration(), secured).await;
                let stream = stream.map_err(|_| HttpError::Timeout {
                    host: SafeText::new(origin.host()),
                    phase: Phase::Handshake,
                    limit,
                })??;
                times.tls = self.clock.elapsed().saturating_sub(start);
                Ok(Connected { io: Io::Tls(Box::new(stream)), peer, times })
            }
        }
    }

    async fn connect_unix(&self, path: &Path, limit: Interval) -> Result<Connected, HttpError> {
        let start = self.clock.elapsed();
        let host = || SafeText::from(path.display().to_string());
        let stream = tokio::time::timeout(limit.as_duration(), UnixStream::connect(path))
            .await
            .map_err(|_| HttpError::Timeout { host: host(), phase: Phase::Connection, limit })?
            .map_err(|error| HttpError::Connect { host: host(), cause: said(&error) })?;
        let connect = self.clock.elapsed().saturating_sub(start);
        let times = ConnectTimes { connect, ..ConnectTimes::default() };
        Ok(Connected { io: Io::Unix(stream), peer: None, times })
    }
}

/// What the system answered, in words of ours.
pub(super) fn said(error: &io::Error) -> &'static str {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "it hung up",
        ErrorKind::NotFound => "there is no such socket",
        ErrorKind::PermissionDenied => "the daemon may not",
        ErrorKind::TimedOut => "it does not answer",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "there is no way to it",
        ErrorKind::AddrNotAvailable => "no address or port is left to speak from",
        _ => "the system refused",
    }
}

#[cfg(test)]
mod tests;
