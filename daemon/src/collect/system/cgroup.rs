//! Limits that a container sets (cgroup v2).

use ccm_proto::model::Value;

/// A container's limits; all missing on a machine of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cgroup {
    /// The most memory in bytes.
    pub memory_limit: Option<u64>,
    /// Memory in use in bytes.
    pub memory_used: Option<u64>,
    /// The most processor time, in cores.
    pub cpu_limit: Option<f64>,
}

/// Parses `memory.max`: a number of bytes, or `max` for no limit.
pub fn parse_bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Parses `cpu.max`: a quota, or `max` for no limit, and the period it is for.
pub fn parse_cpu_limit(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period) = (quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?);
    (quota > 0.0 && period > 0.0).then(|| (quota / period * 100.0).round() / 100.0)
}

/// The branch `cgroup` of a reading; none when there are no limits, or none below what the
/// machine has anyway.
pub fn value(cgroup: &Cgroup, memory_total: u64) -> Option<Value> {
    let memory_limit = cgroup.memory_limit.filter(|limit| *limit < memory_total);
    if memory_limit.is_none() && cgroup.cpu_limit.is_none() {
        return None;
    }
    Some(Value::map([
        ("memory_limit", memory_limit.into()),
        ("memory_used", cgroup.memory_used.into()),
        ("cpu_limit", cgroup.cpu_limit.into()),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_max_is_none() {
        assert_eq!(parse_bytes("1073741824\n"), Some(1 << 30));
        assert_eq!(parse_bytes("max\n"), None);
        assert_eq!(parse_cpu_limit("150000 100000\n"), Some(1.5));
        assert_eq!(parse_cpu_limit("max 100000\n"), None);
    }

    #[test]
    fn a_machine_without_limits_has_no_such_branch() {
        assert_eq!(value(&Cgroup::default(), 1 << 33), None);
        let wide = Cgroup { memory_limit: Some(1 << 40), ..Cgroup::default() };
        assert_eq!(value(&wide, 1 << 33), None);
        let tight = Cgroup { memory_limit: Some(1 << 30), ..Cgroup::default() };
        let value = value(&tight, 1 << 33).unwrap();
        assert_eq!(value.at("memory_limit").unwrap().as_number(), Some(f64::from(1 << 30)));
    }
}
