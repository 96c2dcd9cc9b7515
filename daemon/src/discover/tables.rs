//! The kernel's tables of sockets, `/proc/net/tcp`, `tcp6` and `unix`. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most listeners that are taken out of one table.
const LISTENERS_MAX: usize = 4_096;

/// The state of a TCP socket that listens.
const LISTEN: &str = "0A";

/// The flag of a Unix socket that listens.
const ACCEPTS: u32 = 0x1_0000;

/// A TCP socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Where it listens; an IPv4 address is never written as IPv6.
    pub address: IpAddr,
    /// The port, never 0.
    pub port: u16,
    /// What the socket is found by among open files.
    pub inode: u64,
}

/// A Unix socket that listens at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unix {
    /// Its path, which begins with a slash.
    pub path: String,
    /// What the socket is found by among open files.
    pub inode: u64,
}

/// The listeners of `/proc/net/tcp` or `tcp6`. Lines that make no sense are passed over.
pub fn tcp(text: &str) -> Vec<Tcp> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().take(10).collect();
        let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
        if *state != LISTEN {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok().filter(|port| *port != 0)?;
        Some(Tcp { address: self::address(address)?, port, inode: inode.parse().ok()? })
    };
    text.lines().filter_map(line).take(LISTENERS_MAX).collect()
}

/// Each word of an address is written as the number that the machine reads it as.
fn address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index * 8)?);
            }
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

/// The listeners of `/proc/net/unix` that have a path.
pub fn unix(text: &str) -> Vec<Unix> {
    let line = |line: &str| {
        let mut rest = line;
        let mut next = || {
            rest = rest.trim_start();
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            word
        };
        let words: [&str; 7] = std::array::from_fn(|_| next());
        let flags = u32::from_str_radix(words[3], 16).ok()?;
        let inode = words[6].parse().ok()?;
        let path = rest.trim_start();
        (flags & ACCEPTS != 0 && path.starts_with('/'))
            .then(|| Unix { path: path.to_owned(), inode })
    };
    text.lines().filter_map(line).take(LISTENERS_MAX).collect()
}

/// The address by which a listener is reached without leaving the machine, when it is.
pub fn on_loopback(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => Some(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(v6) if v6.is_unspecified() => Some(Ipv6Addr::LOCALHOST.into()),
        address => address.is_loopback().then_some(address),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn listeners_are_found_in_the_tables() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2382 00000000:0000 0A 00000000:00000000 00:00000000 00000000   114        0 21034 1 0000000000000000 100 0 0 10 0\n\
            1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000 100 0 0 10 0\n\
            2: 0100007F:2382 0100007F:CAFE 01 00000000:00000000 00:00000000 00000000   114        0 21035 1 0000000000000000 20 4 30 10 -1\n\
            3: junk\n";
        let found: Vec<(String, u16, u64)> =
            tcp(text).iter().map(|it| (it.address.to_string(), it.port, it.inode)).collect();
        assert_eq!(
            found,
            [("127.0.0.1".to_owned(), 9_090, 21_034), ("0.0.0.0".to_owned(), 8_080, 7)]
        );
        let text = "0: 00000000000000000000000001000000:238C 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 11 1\n\
            1: 0000000000000000FFFF00000100007F:1538 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 12 1\n";
        let found: Vec<String> = tcp(text).iter().map(|it| it.address.to_string()).collect();
        assert_eq!(found, ["::1", "127.0.0.1"]);
    }

    #[test]
    fn sockets_with_a_path_that_listen_are_found() {
        let text = "Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15001 /run/docker.sock\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 15002 /run/docker.sock\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15003 @abstract\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15004 /run/a b/c.sock\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 15005\n";
        let found: Vec<(String, u64)> =
            unix(text).into_iter().map(|it| (it.path, it.inode)).collect();
        let wanted =
            [("/run/docker.sock".to_owned(), 15_001), ("/run/a b/c.sock".to_owned(), 15_004)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn only_what_loopback_reaches_counts() {
        let table = [
            ("0.0.0.0", Some("127.0.0.1")),
            ("127.0.0.53", Some("127.0.0.53")),
            ("::", Some("::1")),
            ("::1", Some("::1")),
            ("192.168.1.7", None),
            ("2001:db8::1", None),
        ];
        for (address, wanted) in table {
            let found = on_loopback(address.parse().unwrap()).map(|it| it.to_string());
            assert_eq!(found.as_deref(), wanted, "{address}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_the_tables_panic(text in "(\\PC|\n){0,300}") {
            tcp(&text);
            unix(&text);
        }

        #[test]
        fn no_line_of_the_right_shape_makes_reading_panic(
            address in "[0-9A-Fa-fé]{0,40}", port in "[0-9A-F]{0,6}", inode in "[0-9]{0,25}",
        ) {
            tcp(&format!("0: {address}:{port} 0:0 0A 0 0 0 0 0 {inode} 1"));
            unix(&format!("0: 2 0 {port} 1 1 {inode} /{address}"));
        }
    }
}
