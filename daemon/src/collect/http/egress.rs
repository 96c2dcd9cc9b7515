//! The egress guard: which addresses may be dialled. Pure: it judges addresses and opens none.
//!
//! Public addresses may be dialled. All others only when an egress document names them. The
//! judgement is on the address that is dialled, so it does not matter how a URL wrote it or what
//! a resolver answered.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ccm_proto::SafeText;
use ccm_proto::model::EgressSpec;
use ccm_proto::model::egress::{EgressHost, EgressRule, METADATA, Ports};

/// Addresses of metadata services beside those in [`METADATA`]: containers of AWS, Alibaba,
/// Oracle, Google and Azure.
const METADATA_OTHERS: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// What sort of address this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Anybody's.
    Public,
    /// This machine.
    Loopback,
    /// No address; systems take it for this machine.
    Unspecified,
    /// A network of its own (RFC 1918).
    Private,
    /// Behind a carrier's translation (100.64.0.0/10).
    Shared,
    /// The next cable only.
    LinkLocal,
    /// A cloud's metadata service.
    Metadata,
    /// A network of its own, IPv6.
    UniqueLocal,
    /// Many at once.
    Multicast,
    /// All at once.
    Broadcast,
    /// For documents, measurements or nothing yet.
    Reserved,
    /// An address within an address that only translators understand.
    Translated,
    /// An address of this machine though it is public.
    Own,
}

impl Class {
    /// The word for it in sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Unspecified => "unspecified",
            Self::Private => "private",
            Self::Shared => "carrier-shared",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::UniqueLocal => "unique-local",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
            Self::Translated => "translated",
            Self::Own => "own",
        }
    }

    /// Whether a rule for a name opens such an address. What no host has does not become dialled
    /// by a name that points there.
    const fn opened_by_name(self) -> bool {
        matches!(
            self,
            Self::Loopback
                | Self::Private
                | Self::Shared
                | Self::LinkLocal
                | Self::UniqueLocal
                | Self::Own
        )
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What sort of address this is. Addresses within addresses are judged by what is inside.
pub fn classify(address: IpAddr) -> Class {
    match address.to_canonical() {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address) || METADATA_OTHERS.contains(&address)
}

fn classify_v4(v4: Ipv4Addr) -> Class {
    if is_metadata(v4.into()) {
        return Class::Metadata;
    }
    match v4.octets() {
        [0, ..] => Class::Unspecified,
        [127, ..] => Class::Loopback,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [169, 254, ..] => Class::LinkLocal,
        [224..=239, ..] => Class::Multicast,
        [255, 255, 255, 255] => Class::Broadcast,
        // Future use, protocol assignments, three networks for documents, the old 6to4 relays,
        // the network of the AS112 blackhole, benchmarks.
        [240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [192, 88, 99, _]
        | [192, 31, 196, _]
        | [192, 52, 193, _]
        | [192, 175, 48, _]
        | [198, 18 | 19, ..] => Class::Reserved,
        _ => Class::Public,
    }
}

fn classify_v6(v6: Ipv6Addr) -> Class {
    if is_metadata(v6.into()) {
        return Class::Metadata;
    }
    if v6.is_unspecified() {
        return Class::Unspecified;
    }
    if v6.is_loopback() {
        return Class::Loopback;
    }
    let [head @ .., high, low] = v6.segments();
    let inner = |high: u16, low: u16| classify_v4(Ipv4Addr::from_bits(joined(high, low)));
    let never_public =
        |class: Class| if class == Class::Public { Class::Translated } else { class };
    match head {
        // NAT64's well-known prefix: what networks without IPv4 reach public addresses by.
        [0x64, 0xff9b, 0, 0, 0, 0] => inner(high, low),
        // NAT64 of one's own network, with the inner address at any of several places.
        [0x64, 0xff9b, 1, ..] => Class::Translated,
        // IPv4-compatible and IPv4-translated, both given up.
        [0, 0, 0, 0, 0 | 0xffff, 0] => never_public(inner(high, low)),
        // 6to4.
        [0x2002, first, second, ..] => never_public(inner(first, second)),
        // Teredo: the server's address, and the client's with all bits turned.
        [0x2001, 0, first, second, ..] => match inner(!high, !low) {
            Class::Public => never_public(inner(first, second)),
            class => class,
        },
        // ISATAP: an address of the inner network behind any prefix.
        [.., 0 | 0x200, 0x5efe] if inner(high, low) != Class::Public => inner(high, low),
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        // Site-local, given up but still routed by some.
        [0xfec0..=0xfeff, ..] => Class::UniqueLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        // Documents (two), benchmarks, ORCHID, discard.
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2001, 2, 0, ..] => Class::Reserved,
        [0x2001, 0x10..=0x3f, ..] | [0x100, 0, 0, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Reserved,
    }
}

const fn joined(high: u16, low: u16) -> u32 {
    ((high as u32) << 16) | low as u32
}

/// Why an address is not dialled: one sentence with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is no public address ({class}) and is not dialled; a platform administrator may allow it by the egress document line {{ host = {:?}, ports = [{port}] }}",
    shown(host, *port),
    host.as_str()
)]
pub struct Refused {
    /// The host as it was asked for, not what it resolved to.
    pub host: SafeText,
    /// The port.
    pub port: u16,
    /// What sort of address it is.
    pub class: Class,
}

fn shown(host: &SafeText, port: u16) -> String {
    format!("{host}:{port}")
}

/// What the egress documents of the platform allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<EgressRule>,
}

impl Policy {
    /// The policy of these documents; public addresses only when there are none.
    pub fn new<'a>(documents: impl IntoIterator<Item = &'a EgressSpec>) -> Self {
        Self { rules: documents.into_iter().flat_map(|spec| spec.allow.iter().cloned()).collect() }
    }

    /// Whether the address may be dialled for this host. The host is in the normal form of a URL:
    /// lower case, literals in brackets or not.
    pub fn check(&self, host: &str, address: SocketAddr) -> Result<(), Refused> {
        self.check_as(host, address, classify(address.ip()))
    }

    /// As [`Policy::check`], for an address known to be this machine's own.
    pub fn check_own(&self, host: &str, address: SocketAddr) -> Result<(), Refused> {
        let class = match classify(address.ip()) {
            Class::Public => Class::Own,
            class => class,
        };
        self.check_as(host, address, class)
    }

    fn check_as(&self, host: &str, address: SocketAddr, class: Class) -> Result<(), Refused> {
        if class == Class::Public || self.rule(host, address, class).is_some() {
            return Ok(());
        }
        let host = bracketed(host, address);
        Err(Refused { host, port: address.port(), class })
    }

    /// Whether a credential may go to this address without TLS: on this machine, where the
    /// documents allow dialling at all, or where they say so.
    pub fn trusts_plaintext(&self, host: &str, address: SocketAddr) -> bool {
        let class = classify(address.ip());
        class != Class::Public
            && self
                .matching(host, address, class)
                .any(|rule| class == Class::Loopback || rule.plaintext_credentials)
    }

    fn rule(&self, host: &str, address: SocketAddr, class: Class) -> Option<&EgressRule> {
        self.matching(host, address, class).next()
    }

    fn matching(
        &self,
        host: &str,
        address: SocketAddr,
        class: Class,
    ) -> impl Iterator<Item = &EgressRule> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let dialled = address.ip().to_canonical();
        self.rules.iter().filter(move |rule| {
            let named = match &rule.host {
                EgressHost::Network(network) => {
                    network.contains(dialled) && (class != Class::Metadata || network.is_single())
                }
                EgressHost::Name(name) => class.opened_by_name() && name.eq_ignore_ascii_case(host),
            };
            named && covers(&rule.ports, address.port())
        })
    }
}

fn covers(ports: &Ports, port: u16) -> bool {
    port != 0 && ports.contains(port)
}

/// The host as an egress document and a URL write it.
fn bracketed(host: &str, address: SocketAddr) -> SafeText {
    match host.parse::<Ipv6Addr>() {
        Ok(v6) => SafeText::from(format!("[{v6}]")),
        Err(_) if host.is_empty() => SafeText::from(address.ip().to_string()),
        Err(_) => SafeText::new(host),
    }
}

#[cfg(test)]
mod tests;
