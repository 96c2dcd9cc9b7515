//! What the machine is called and how long it has been up.

use ccm_proto::model::Value;

/// What is known of the machine; each part may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Host {
    /// Its name.
    pub name: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Seconds since boot.
    pub uptime_seconds: Option<u64>,
}

/// The name that `os-release` gives.
pub fn parse_os_release(text: &str) -> Option<String> {
    let find = |key: &str| {
        let mut lines = text.lines();
        let quoted = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        let name = quoted.trim().trim_matches(['"', '\'']).replace("\\\"", "\"");
        (!name.is_empty()).then_some(name)
    };
    find("PRETTY_NAME").or_else(|| find("NAME"))
}

/// Parses `/proc/uptime`.
pub fn parse_uptime(text: &str) -> Option<u64> {
    let seconds = text.split_ascii_whitespace().next()?.parse::<f64>().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds as u64)
}

/// The branch `host` of a reading.
pub fn value(host: &Host) -> Value {
    Value::map([
        ("name", host.name.clone().into()),
        ("os", host.os.clone().into()),
        ("kernel", host.kernel.clone().into()),
        ("uptime_seconds", host.uptime_seconds.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pretty_name_is_preferred() {
        let text =
            "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\n";
        assert_eq!(parse_os_release(text).unwrap(), "Debian GNU/Linux 13 (trixie)");
        assert_eq!(parse_os_release("NAME=Alpine\n").unwrap(), "Alpine");
        assert_eq!(parse_os_release("ID=x\n"), None);
    }

    #[test]
    fn uptime_is_read_in_whole_seconds() {
        assert_eq!(parse_uptime("350735.47 234388.90\n"), Some(350_735));
        assert_eq!(parse_uptime("-1 0\n"), None);
        assert_eq!(parse_uptime(""), None);
    }
}
