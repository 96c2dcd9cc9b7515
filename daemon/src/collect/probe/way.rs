//! How probes reach their targets.

use std::net::SocketAddr;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::Interval;
use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use crate::collect::http::Connector;

/// A connection, made with the egress guard's consent.
#[derive(Debug)]
pub struct Dialled {
    /// The connection.
    pub stream: TcpStream,
    /// Whom it goes to.
    pub peer: SocketAddr,
    /// How long finding the address took.
    pub resolve: Duration,
    /// How long connecting took.
    pub connect: Duration,
}

/// Why there is no connection: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The egress guard refuses, with a remedy.
    Refused(SafeText),
    /// Nothing answers there.
    Unreachable(SafeText),
}

/// The way out of this machine, with the egress guard at its gate.
pub trait Way: Send + Sync {
    /// Connects to a host, given as a name or an address (IPv6 with or without brackets).
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        limit: Interval,
    ) -> BoxFuture<'a, Result<Dialled, Blocked>>;

    /// Whether datagrams may be sent to an address; the refusal with its remedy otherwise.
    fn admit(&self, address: SocketAddr) -> Result<(), SafeText>;
}

impl Way for Connector {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        limit: Interval,
    ) -> BoxFuture<'a, Result<Dialled, Blocked>> {
        Box::pin(async move {
            let dialled = Self::dial(self, &in_url(host), port, limit).await;
            let dialled = dialled.map_err(|error| {
                let cause = error.to_safe_text();
                if error.is_lasting() {
                    Blocked::Refused(cause)
                } else {
                    Blocked::Unreachable(cause)
                }
            })?;
            Ok(Dialled {
                stream: dialled.stream,
                peer: dialled.peer,
                resolve: dialled.times.dns,
                connect: dialled.times.connect,
            })
        })
    }

    fn admit(&self, address: SocketAddr) -> Result<(), SafeText> {
        let checked = self.policy().get().check(&address.ip().to_string(), address);
        checked.map_err(|refused| SafeText::from(refused.to_string()))
    }
}

/// A host as a URL has it: lower case, IPv6 in brackets.
fn in_url(host: &str) -> String {
    match host.parse::<std::net::Ipv6Addr>() {
        Ok(v6) => format!("[{v6}]"),
        Err(_) => host.to_ascii_lowercase(),
    }
}
