//! Memory and swap.

use ccm_proto::model::Value;

use super::rate::{per_second, percent, tenths};

/// What `/proc/meminfo` says, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Memory there is.
    pub total: u64,
    /// Holds nothing.
    pub free: u64,
    /// What new work could get without swapping; old kernels do not tell.
    pub available: Option<u64>,
    /// Of block devices.
    pub buffers: u64,
    /// Of files, and what the kernel would give back.
    pub cached: u64,
    /// Waits to be written.
    pub dirty: u64,
    /// Swap there is.
    pub swap_total: u64,
    /// Swap that holds nothing.
    pub swap_free: u64,
}

/// Parses `/proc/meminfo`; none when it does not tell the total.
pub fn parse(text: &str) -> Option<Memory> {
    let mut memory = Memory::default();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(':') else { continue };
        let Some(number) = rest.split_ascii_whitespace().next() else { continue };
        let Ok(kibibytes) = number.parse::<u64>() else { continue };
        let bytes = kibibytes.saturating_mul(1_024);
        match name {
            "MemTotal" => memory.total = bytes,
            "MemFree" => memory.free = bytes,
            "MemAvailable" => memory.available = Some(bytes),
            "Buffers" => memory.buffers = bytes,
            "Cached" | "SReclaimable" => memory.cached = memory.cached.saturating_add(bytes),
            "Dirty" => memory.dirty = bytes,
            "SwapTotal" => memory.swap_total = bytes,
            "SwapFree" => memory.swap_free = bytes,
            _ => {}
        }
    }
    (memory.total > 0).then_some(memory)
}

/// Pages since boot, of `/proc/vmstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// Read from swap.
    pub swapped_in: Option<u64>,
    /// Written to swap.
    pub swapped_out: Option<u64>,
    /// Faults that had to wait for a disk.
    pub major_faults: Option<u64>,
}

/// Parses `/proc/vmstat`.
pub fn parse_paging(text: &str) -> Paging {
    let mut paging = Paging::default();
    for line in text.lines() {
        let Some((name, number)) = line.split_once(' ') else { continue };
        let slot = match name {
            "pswpin" => &mut paging.swapped_in,
            "pswpout" => &mut paging.swapped_out,
            "pgmajfault" => &mut paging.major_faults,
            _ => continue,
        };
        *slot = number.trim().parse().ok();
    }
    paging
}

impl Memory {
    /// What new work could get; estimated where the kernel does not tell.
    pub fn available(&self) -> u64 {
        let estimate = self.free.saturating_add(self.buffers).saturating_add(self.cached);
        self.available.unwrap_or(estimate).min(self.total)
    }

    /// What is held by processes and the kernel itself.
    pub fn used(&self) -> u64 {
        self.total - self.available()
    }
}

/// Rates of paging; absent without a former reading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PagingRates {
    /// Bytes a second read from swap.
    pub swapped_in: Option<f64>,
    /// Bytes a second written to swap.
    pub swapped_out: Option<f64>,
    /// Faults a second that had to wait for a disk.
    pub major_faults: Option<f64>,
}

impl PagingRates {
    /// The rates from `before` to `now`.
    pub fn between(before: Option<Paging>, now: Paging, seconds: f64, page_size: u64) -> Self {
        let rate = |of: fn(Paging) -> Option<u64>| per_second(of(before?), of(now)?, seconds);
        let bytes = |pages: Option<f64>| pages.map(|pages| (pages * page_size as f64).round());
        Self {
            swapped_in: bytes(rate(|paging| paging.swapped_in)),
            swapped_out: bytes(rate(|paging| paging.swapped_out)),
            major_faults: rate(|paging| paging.major_faults).map(tenths),
        }
    }
}

/// The branch `memory` of a reading.
pub fn value(memory: &Memory, rates: PagingRates) -> Value {
    Value::map([
        ("total", memory.total.into()),
        ("used", memory.used().into()),
        ("available", memory.available().into()),
        ("free", memory.free.into()),
        ("buffers", memory.buffers.into()),
        ("cached", memory.cached.into()),
        ("dirty", memory.dirty.into()),
        ("usage", percent(memory.used() as f64, memory.total as f64).into()),
        ("major_faults_per_second", rates.major_faults.into()),
    ])
}

/// The branch `swap` of a reading; absent on a machine without swap.
pub fn swap_value(memory: &Memory, rates: PagingRates) -> Value {
    if memory.swap_total == 0 {
        return Value::Absent;
    }
    let used = memory.swap_total.saturating_sub(memory.swap_free);
    Value::map([
        ("total", memory.swap_total.into()),
        ("used", used.into()),
        ("usage", percent(used as f64, memory.swap_total as f64).into()),
        ("in_per_second", rates.swapped_in.into()),
        ("out_per_second", rates.swapped_out.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    400 kB\nBuffers:          50 kB\nCached:          200 kB\nSwapCached:        9 kB\nDirty:             3 kB\nSReclaimable:     30 kB\nSwapTotal:       500 kB\nSwapFree:        400 kB\nHugePages_Total:   0\n";

    #[test]
    fn used_is_what_is_not_available() {
        let memory = parse(MEMINFO).unwrap();
        let value = value(&memory, PagingRates::default());
        assert_eq!(value.at("used").unwrap().as_number(), Some(600.0 * 1024.0));
        assert_eq!(value.at("usage").unwrap().as_number(), Some(60.0));
        assert_eq!(value.at("cached").unwrap().as_number(), Some(230.0 * 1024.0));
    }

    #[test]
    fn an_old_kernel_without_available_is_estimated() {
        let memory = parse("MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 200 kB\n").unwrap();
        assert_eq!(memory.used(), 700 * 1024);
        assert_eq!(parse("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn no_swap_is_absent() {
        let mut memory = parse(MEMINFO).unwrap();
        let rates = PagingRates { swapped_in: Some(4096.0), ..PagingRates::default() };
        let swap = swap_value(&memory, rates);
        assert_eq!(swap.at("usage").unwrap().as_number(), Some(20.0));
        assert_eq!(swap.at("in_per_second").unwrap().as_number(), Some(4096.0));
        memory.swap_total = 0;
        assert!(swap_value(&memory, rates).is_absent());
    }

    #[test]
    fn pages_become_bytes_a_second() {
        let before = parse_paging("nr_free_pages 9\npswpin 10\npswpout 5\npgmajfault 7\n");
        let now = parse_paging("pswpin 12\npswpout 5\npgmajfault 8\n");
        let rates = PagingRates::between(Some(before), now, 2.0, 4096);
        assert_eq!(rates.swapped_in, Some(4096.0));
        assert_eq!(rates.swapped_out, Some(0.0));
        assert_eq!(rates.major_faults, Some(0.5));
        let unknown = PagingRates::between(None, now, 2.0, 4096);
        assert_eq!(unknown, PagingRates::default());
    }
}
