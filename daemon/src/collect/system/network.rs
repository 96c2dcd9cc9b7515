//! Network interfaces.

use ccm_proto::model::Value;

use super::rate::{per_second, tenths};

/// The most interfaces of one reading; hosts of many containers have hundreds.
const INTERFACES_MAX: usize = 512;

/// Counters of one interface since boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Bytes received.
    pub receive_bytes: u64,
    /// Packets received.
    pub receive_packets: u64,
    /// Bytes sent.
    pub transmit_bytes: u64,
    /// Packets sent.
    pub transmit_packets: u64,
    /// Packets that were broken, in either direction.
    pub errors: u64,
    /// Packets that were dropped, in either direction; not every system tells.
    pub drops: Option<u64>,
    /// Whether it is in operation; the system does not tell of each.
    pub up: Option<bool>,
}

/// Parses `/proc/net/dev`, without the interfaces that `ignored` names; a trailing `*` stands for
/// any ending.
pub fn parse(text: &str, ignored: &[String]) -> Vec<Interface> {
    let interfaces = text.lines().skip(2).filter_map(parse_line);
    let wanted = interfaces.filter(|interface| !is_ignored(&interface.name, ignored));
    wanted.take(INTERFACES_MAX).collect()
}

/// Whether one of the patterns names an interface.
pub fn is_ignored(name: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

fn parse_line(line: &str) -> Option<Interface> {
    let (name, numbers) = line.rsplit_once(':')?;
    let mut numbers = numbers.split_ascii_whitespace().map(|n| n.parse::<u64>().ok());
    let mut number = |skip: usize| numbers.nth(skip)?;
    let (receive_bytes, receive_packets) = (number(0)?, number(0)?);
    let (receive_errors, receive_drops) = (number(0)?, number(0)?);
    let (transmit_bytes, transmit_packets) = (number(4)?, number(0)?);
    let (transmit_errors, transmit_drops) = (number(0)?, number(0)?);
    Some(Interface {
        name: name.trim().to_owned(),
        receive_bytes,
        receive_packets,
        transmit_bytes,
        transmit_packets,
        errors: receive_errors.saturating_add(transmit_errors),
        drops: Some(receive_drops.saturating_add(transmit_drops)),
        up: None,
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

/// What `operstate` says; drivers that do not know count as in operation.
pub fn is_up(operstate: &str) -> bool {
    matches!(operstate.trim(), "up" | "unknown")
}

impl Interface {
    /// Whether it has ever done anything or could.
    pub fn is_used(&self) -> bool {
        self.up != Some(false) || self.receive_bytes > 0 || self.transmit_bytes > 0
    }

    /// Whether its traffic passes another interface too, so that totals must not count it again.
    fn is_inner(&self) -> bool {
        const INNER: [&str; 14] = [
            "veth", "docker", "br-", "virbr", "vnet", "tap", "cni", "cali", "flannel", "cilium",
            "lxc", "ifb", "dummy", "podman",
        ];
        self.name == "lo" || INNER.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

/// The branches `networks` and `network` of a reading.
pub fn values(before: &[Interface], now: &[Interface], seconds: f64) -> (Value, Value) {
    let all_inner = now.iter().all(Interface::is_inner);
    let (mut received, mut sent) = (None, None);
    let mut list = Vec::with_capacity(now.len());
    for (index, interface) in now.iter().enumerate() {
        let same = before.get(index).filter(|former| former.name == interface.name);
        let former = same.or_else(|| before.iter().find(|f| f.name == interface.name));
        let rate = |of: fn(&Interface) -> u64| per_second(former.map(of), of(interface), seconds);
        let drops = interface.drops.and_then(|now| per_second(former?.drops, now, seconds));
        let receive = rate(|i| i.receive_bytes).map(f64::round);
        let transmit = rate(|i| i.transmit_bytes).map(f64::round);
        if all_inner || !interface.is_inner() {
            add(&mut received, receive);
            add(&mut sent, transmit);
        }
        list.push(Value::map([
            ("interface", interface.name.as_str().into()),
            ("receive_bytes_per_second", receive.into()),
            ("transmit_bytes_per_second", transmit.into()),
            ("receive_packets_per_second", rate(|i| i.receive_packets).map(tenths).into()),
            ("transmit_packets_per_second", rate(|i| i.transmit_packets).map(tenths).into()),
            ("errors_per_second", rate(|i| i.errors).map(tenths).into()),
            ("drops_per_second", drops.map(tenths).into()),
            ("up", interface.up.into()),
            ("state", interface.up.map(|up| if up { "up" } else { "down" }).into()),
        ]));
    }
    let total = Value::map([
        ("receive_bytes_per_second", received.into()),
        ("transmit_bytes_per_second", sent.into()),
    ]);
    (Value::List(list), if now.is_empty() { Value::Absent } else { total })
}

fn add(total: &mut Option<f64>, rate: Option<f64>) {
    if let Some(rate) = rate {
        *total = Some(total.unwrap_or(0.0) + rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    fn dev(name: &str, received: u64, sent: u64) -> String {
        format!("{name}:{received} 10 1 2 0 0 0 0 {sent} 20 3 4 0 0 0 0\n")
    }

    #[test]
    fn rates_and_totals_leave_inner_and_ignored_interfaces_out() {
        let text = |n: u64| {
            format!("{HEADER}{}{}{}", dev("  eth0", n, 2 * n), dev("lo", n, n), dev("veth9", n, n))
        };
        let ignored = ["lo".to_owned()];
        let (before, now) = (parse(&text(1_000), &ignored), parse(&text(3_000), &ignored));
        let (networks, total) = values(&before, &now, 2.0);
        assert_eq!(networks.as_list().unwrap().len(), 2);
        assert_eq!(total.at("receive_bytes_per_second").unwrap().as_number(), Some(1_000.0));
        assert_eq!(total.at("transmit_bytes_per_second").unwrap().as_number(), Some(2_000.0));
        assert_eq!(networks.at("0.errors_per_second").unwrap().as_number(), Some(0.0));
    }

    #[test]
    fn a_counter_that_wraps_is_followed() {
        let end = u64::from(u32::MAX);
        let before = parse(&format!("{HEADER}{}", dev("eth0", end - 99, 5)), &[]);
        let now = parse(&format!("{HEADER}{}", dev("eth0", 100, 5)), &[]);
        let (networks, _) = values(&before, &now, 1.0);
        assert_eq!(networks.at("0.receive_bytes_per_second").unwrap().as_number(), Some(200.0));
    }

    #[test]
    fn names_with_colons_patterns_and_broken_lines_are_handled() {
        let text = format!("{HEADER}{}{}eth9: 1 2\n", dev("eth0:1", 1, 1), dev("vethab", 1, 1));
        let interfaces = parse(&text, &["veth*".to_owned()]);
        assert_eq!(interfaces.len(), 1);
        assert_eq!(interfaces[0].name, "eth0:1");
        assert_eq!((interfaces[0].errors, interfaces[0].drops), (4, Some(6)));
        assert!(is_up("unknown\n") && is_up("up\n") && !is_up("down\n"));
    }

    #[test]
    fn no_interface_is_no_total() {
        assert_eq!(values(&[], &[], 1.0), (Value::List(Vec::new()), Value::Absent));
    }
}
