//! Egress documents: which addresses that are not public the daemon may dial.
//!
//! Without any, it dials public addresses only. Such documents are read at platform scope.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::source::Problem;

/// The most rules of one document: more would be a network plan, which a range says shorter.
pub const RULES_MAX: usize = 256;

/// The most ports of one rule; beyond that `"*"` says the same.
pub const PORTS_MAX: usize = 256;

/// The longest host name, by the rules of DNS.
pub const HOST_MAX: usize = 253;

/// Where clouds answer with a machine's own credentials, the addresses that all of them share.
/// A range never opens them: only a rule for the one address does.
pub const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// A list of addresses that may be dialled though they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressSpec {
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What may be dialled.
    #[serde(default)]
    pub allow: Vec<EgressRule>,
}

/// One entry of an egress document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressRule {
    /// An address, a range or a host name.
    pub host: EgressHost,
    /// The ports.
    pub ports: Ports,
    /// Why, for those who read the document later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether credentials may be sent there without TLS. On loopback they may in any case.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plaintext_credentials: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EgressHost {
    /// Addresses of a range, written `10.0.0.0/8`; one address is written without the slash.
    Network(Network),
    /// Whatever address this very name has, in lower case.
    Name(String),
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not an [`EgressHost`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressHostError {
    /// Neither an address nor a name.
    #[error(
        "{0:?} is no host; write an address (127.0.0.1, [::1]), a range (10.0.0.0/8) or a host name"
    )]
    Form(String),
    /// The number after the slash.
    #[error("{0:?} has a prefix that is no number from 0 to {1}")]
    Prefix(String, u8),
    /// The address has bits beyond the prefix.
    #[error("{given:?} is not the beginning of a range; write {meant}")]
    Bits {
        /// What was written.
        given: String,
        /// The range that it is in.
        meant: Network,
    },
}

impl Network {
    /// A range. Bits beyond the prefix are dropped; a prefix longer than the address is the
    /// address alone.
    pub fn new(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(bits(address));
        Self { address: masked(address, prefix), prefix }
    }

    /// One address.
    pub fn single(address: IpAddr) -> Self {
        Self { address, prefix: bits(address) }
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// How many leading bits its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Whether it is one address.
    pub fn is_single(&self) -> bool {
        self.prefix == bits(self.address)
    }

    /// Whether the address is in the range. The two families never meet.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && masked(address, self.prefix) == self.address
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.is_single()) {
            (IpAddr::V4(v4), true) => write!(f, "{v4}"),
            (IpAddr::V6(v6), true) => write!(f, "[{v6}]"),
            (address, false) => write!(f, "{address}/{}", self.prefix),
        }
    }
}

impl FromStr for EgressHost {
    type Err = EgressHostError;

    fn from_str(text: &str) -> Result<Self, EgressHostError> {
        let given = || text.chars().take(60).collect::<String>();
        let (host, prefix) = match text.split_once('/') {
            Some((host, prefix)) => (host, Some(prefix)),
            None => (text, None),
        };
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let Ok(address) = bare.parse::<IpAddr>() else {
            let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
            let good = prefix.is_none() && is_host_name(&name);
            return if good { Ok(Self::Name(name)) } else { Err(EgressHostError::Form(given())) };
        };
        let most = bits(address);
        let prefix = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= most)
                .ok_or_else(|| EgressHostError::Prefix(given(), most))?,
            Some(_) => return Err(EgressHostError::Prefix(given(), most)),
        };
        let network = Network::new(address, prefix);
        if network.address != address {
            return Err(EgressHostError::Bits { given: given(), meant: network });
        }
        Ok(Self::Network(network))
    }
}

/// Whether this is a name that resolvers look up: labels of letters, digits, `-` and `_`. One
/// whose last label is a number would be read as an address by others.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    name.len() <= HOST_MAX && name.split('.').all(label) && !number
}

impl fmt::Display for EgressHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Serialize for EgressHost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EgressHost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The ports of a rule: a list, or `"*"` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// All of them.
    All,
    /// These.
    Only(Vec<u16>),
}

impl Ports {
    /// Whether the rule holds for this port.
    pub fn contains(&self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Only(ports) => ports.contains(&port),
        }
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("*"),
            Self::Only(ports) => ports.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortsVisitor)
    }
}

struct PortsVisitor;

impl<'de> Visitor<'de> for PortsVisitor {
    type Value = Ports;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of ports such as [9090, 9100], or \"*\" for all")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Ports, E> {
        if text == "*" {
            Ok(Ports::All)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Ports, A::Error> {
        let mut ports = Vec::new();
        while let Some(port) = items.next_element()? {
            if ports.len() == PORTS_MAX {
                return Err(serde::de::Error::invalid_length(ports.len() + 1, &self));
            }
            ports.push(port);
        }
        Ok(Ports::Only(ports))
    }
}

impl EgressSpec {
    /// Finds what the types alone cannot refuse; each problem names its field path.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.allow.len() > RULES_MAX {
            problems.push((
                "allow".to_owned(),
                format!("there are at most {RULES_MAX} rules; a range says many addresses at once"),
            ));
        }
        for (index, rule) in self.allow.iter().enumerate() {
            if let EgressHost::Network(network) = &rule.host
                && !network.is_single()
                && let Some(metadata) = METADATA.iter().find(|address| network.contains(**address))
            {
                problems.push((
                    format!("allow[{index}].host"),
                    format!(
                        "{network} includes {metadata}, where clouds give out credentials; \
                         write narrower ranges, or the one address when it is meant"
                    ),
                ));
            }
            if let Ports::Only(ports) = &rule.ports {
                if ports.is_empty() {
                    problems.push((
                        format!("allow[{index}].ports"),
                        "name at least one port, or \"*\" for all".to_owned(),
                    ));
                }
                if ports.contains(&0) {
                    problems.push((
                        format!("allow[{index}].ports"),
                        "ports are numbers from 1 to 65535".to_owned(),
                    ));
                }
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests;
