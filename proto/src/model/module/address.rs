//! Where a module listens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest host name that DNS can hold.
const HOST_MAX: usize = 253;

/// The longest path of a Unix socket, without its final zero.
const PATH_MAX: usize = 107;

/// An address of a module: `http://127.0.0.1:9401`, `https://sales.example.com` or
/// `unix:/run/sales.sock`; or `push` where there is none. The paths of the contract follow it directly.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ModuleAddress {
    /// HTTP over TCP.
    Tcp {
        /// Whether TLS is spoken.
        tls: bool,
        /// A host name, an IPv4 address, or an IPv6 address without its brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// HTTP over a Unix socket: its absolute path.
    Unix(String),
    /// None: the module reports by itself.
    Push,
}

/// Why a text is not a [`ModuleAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleAddressError {
    /// Neither `http://`, `https://` nor `unix:`.
    #[error(
        "write a module's address as http://HOST:PORT, https://HOST:PORT or unix:/PATH, or push when it has none"
    )]
    Form,
    /// The host is empty, too long, or has characters that hosts do not have.
    #[error("{0:?} is not a host: use a name, an IPv4 address, or an IPv6 address in brackets")]
    Host(String),
    /// The port is not from 1 to 65535.
    #[error("{0:?} is not a port from 1 to 65535")]
    Port(String),
    /// Something follows the port.
    #[error("a module's address ends with the port; the contract says which paths follow it")]
    Rest,
    /// A user or password stands in it.
    #[error("a module's address has no user or password; name a credential instead")]
    User,
    /// The socket's path is relative, too long, or has a zero or a line end.
    #[error("the path of a Unix socket begins with / and has at most {PATH_MAX} bytes")]
    Path,
}

impl ModuleAddress {
    /// What stands before a path of the contract in a URL. Over a Unix socket the host is only a
    /// formality, `localhost`.
    pub fn base(&self) -> String {
        match self {
            Self::Tcp { .. } => self.to_string(),
            Self::Unix(_) | Self::Push => "http://localhost".to_owned(),
        }
    }

    fn tcp(tls: bool, rest: &str) -> Result<Self, ModuleAddressError> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(ModuleAddressError::User);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(ModuleAddressError::Rest);
        }
        let default = if tls { 443 } else { 80 };
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) =
                    rest.split_once(']').ok_or_else(|| ModuleAddressError::Host(cut(rest)))?;
                if host.parse::<core::net::Ipv6Addr>().is_err() {
                    return Err(ModuleAddressError::Host(cut(host)));
                }
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return Err(ModuleAddressError::Rest),
                }
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        if host.is_empty() || host.len() > HOST_MAX || !host.chars().all(plain) {
            return Err(ModuleAddressError::Host(cut(host)));
        }
        let port = match port {
            Some(port) => port
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| ModuleAddressError::Port(cut(port)))?,
            None => default,
        };
        Ok(Self::Tcp { tls, host: host.to_ascii_lowercase(), port })
    }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

impl FromStr for ModuleAddress {
    type Err = ModuleAddressError;

    fn from_str(text: &str) -> Result<Self, ModuleAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let usable = path.starts_with('/')
                && path.len() > 1
                && path.len() <= PATH_MAX
                && !path.contains(['\0', '\n']);
            return if usable {
                Ok(Self::Unix(path.to_owned()))
            } else {
                Err(ModuleAddressError::Path)
            };
        }
        if text == "push" {
            return Ok(Self::Push);
        }
        match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => Self::tcp(false, rest),
            (_, Some(rest)) => Self::tcp(true, rest),
            _ => Err(ModuleAddressError::Form),
        }
    }
}

impl fmt::Display for ModuleAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Push => f.write_str("push"),
            Self::Tcp { tls, host, port } => {
                let scheme = if *tls { "https" } else { "http" };
                if host.contains(':') {
                    write!(f, "{scheme}://[{host}]:{port}")
                } else {
                    write!(f, "{scheme}://{host}:{port}")
                }
            }
        }
    }
}

impl Serialize for ModuleAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ModuleAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
