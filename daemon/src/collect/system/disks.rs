//! Whole disks: throughput, operations and how busy they are.

use ccm_proto::model::Value;

use super::rate::{per_second, percent, rise, tenths};

/// Bytes of a sector in `/proc/diskstats`, whatever the device's own is.
const SECTOR: f64 = 512.0;

/// The most disks of one reading.
const DISKS_MAX: usize = 512;

/// One line of `/proc/diskstats`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// The device's name.
    pub name: String,
    /// Reads done since boot; not every system tells.
    pub reads: Option<u64>,
    /// Sectors read.
    pub sectors_read: u64,
    /// Writes done.
    pub writes: Option<u64>,
    /// Sectors written.
    pub sectors_written: u64,
    /// Milliseconds in which anything was being done.
    pub busy_ms: Option<u64>,
}

impl Disk {
    fn is_untouched(&self) -> bool {
        self.reads == Some(0) && self.writes == Some(0)
    }

    /// Whether it is only another name for what other devices or memory hold, so that it must
    /// not be counted a second time in totals.
    fn is_stacked(&self) -> bool {
        ["dm-", "md", "loop", "ram", "zram", "drbd", "bcache"]
            .iter()
            .any(|prefix| self.name.starts_with(prefix))
    }
}

/// Parses `/proc/diskstats`; what `is_whole` refuses, and devices in memory or in files that were
/// never used, are left out.
pub fn parse(text: &str, mut is_whole: impl FnMut(&str) -> bool) -> Vec<Disk> {
    let disks = text.lines().filter_map(parse_line).filter(|disk| {
        let idle_kind = ["loop", "ram", "zram", "fd", "sr", "nbd"]
            .iter()
            .any(|prefix| disk.name.starts_with(prefix));
        !(idle_kind && disk.is_untouched())
    });
    disks.filter(|disk| is_whole(&disk.name)).take(DISKS_MAX).collect()
}

fn parse_line(line: &str) -> Option<Disk> {
    let mut fields = line.split_ascii_whitespace().skip(2);
    let name = fields.next()?.to_owned();
    let mut number = |skip: usize| fields.nth(skip)?.parse::<u64>().ok();
    Some(Disk {
        name,
        reads: Some(number(0)?),
        sectors_read: number(1)?,
        writes: Some(number(1)?),
        sectors_written: number(1)?,
        busy_ms: Some(number(2)?),
    })
}

/// The branches `disks` and `disk` of a reading.
pub fn values(before: &[Disk], now: &[Disk], seconds: f64) -> (Value, Value) {
    let mut totals = [None; 4];
    let mut list = Vec::with_capacity(now.len());
    for (index, disk) in now.iter().enumerate() {
        let same = before.get(index).filter(|former| former.name == disk.name);
        let former = same.or_else(|| before.iter().find(|former| former.name == disk.name));
        let rates = rates(former, disk, seconds);
        if !disk.is_stacked() {
            for (total, rate) in totals.iter_mut().zip(rates) {
                *total = match (*total, rate) {
                    (Some(total), Some(rate)) => Some(total + rate),
                    (total, rate) => total.or(rate),
                };
            }
        }
        let busy = former.and_then(|former| {
            percent(rise(former.busy_ms?, disk.busy_ms?)? as f64, seconds * 1_000.0)
        });
        let mut entries = named(rates);
        entries.push(("device", disk.name.as_str().into()));
        entries.push(("busy", busy.into()));
        list.push(Value::map(entries));
    }
    let total = if now.is_empty() { Value::Absent } else { Value::map(named(totals)) };
    (Value::List(list), total)
}

fn named([read, write, reads, writes]: [Option<f64>; 4]) -> Vec<(&'static str, Value)> {
    vec![
        ("read_bytes_per_second", read.into()),
        ("write_bytes_per_second", write.into()),
        ("read_ops_per_second", reads.map(tenths).into()),
        ("write_ops_per_second", writes.map(tenths).into()),
    ]
}

fn rates(former: Option<&Disk>, now: &Disk, seconds: f64) -> [Option<f64>; 4] {
    let rate = |of: fn(&Disk) -> Option<u64>| per_second(former.and_then(of), of(now)?, seconds);
    let bytes = |sectors: Option<f64>| sectors.map(|sectors| (sectors * SECTOR).round());
    [
        bytes(rate(|disk| Some(disk.sectors_read))),
        bytes(rate(|disk| Some(disk.sectors_written))),
        rate(|disk| disk.reads),
        rate(|disk| disk.writes),
    ]
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn line(name: &str, reads: u64, sectors: u64, busy: u64) -> String {
        format!("   8       0 {name} {reads} 1 {sectors} 2 10 3 80 4 0 {busy} 6 0 0 0 0 0 0\n")
    }

    #[test]
    fn rates_are_told_of_whole_disks_only() {
        let whole = |name: &str| name != "sda1";
        let before = parse(&(line("sda", 100, 800, 50) + &line("sda1", 1, 1, 1)), whole);
        let now = parse(&(line("sda", 120, 1_800, 550) + &line("sda1", 9, 9, 9)), whole);
        let (disks, total) = values(&before, &now, 2.0);
        assert_eq!(disks.as_list().unwrap().len(), 1);
        assert_eq!(disks.at("0.read_bytes_per_second").unwrap().as_number(), Some(256_000.0));
        assert_eq!(disks.at("0.read_ops_per_second").unwrap().as_number(), Some(10.0));
        assert_eq!(disks.at("0.write_ops_per_second").unwrap().as_number(), Some(0.0));
        assert_eq!(disks.at("0.busy").unwrap().as_number(), Some(25.0));
        assert_eq!(total.at("read_ops_per_second").unwrap().as_number(), Some(10.0));
    }

    #[test]
    fn no_disk_is_an_empty_list_and_forty_are_forty() {
        let (none, total) = values(&[], &[], 1.0);
        assert_eq!(none, Value::List(Vec::new()));
        assert!(total.is_absent());
        let mut text = String::new();
        for disk in 0..40 {
            write!(text, "{}", line(&format!("sd{disk}"), 5, 5, 5)).unwrap();
        }
        let forty = parse(&text, |_| true);
        assert_eq!(values(&forty, &forty, 1.0).0.as_list().unwrap().len(), 40);
    }

    #[test]
    fn a_mapped_disk_is_listed_but_not_counted_twice() {
        let both = |reads| line("sda", reads, 0, 0) + &line("dm-0", reads, 0, 0);
        let (before, now) = (parse(&both(0), |_| true), parse(&both(8), |_| true));
        let (disks, total) = values(&before, &now, 1.0);
        assert_eq!(disks.as_list().unwrap().len(), 2);
        assert_eq!(total.at("read_ops_per_second").unwrap().as_number(), Some(8.0));
    }

    #[test]
    fn idle_loops_are_hidden_and_short_lines_passed_over() {
        let idle =
            "   7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n   7 1 loop1 5 0 8 0 0 0 0 0 0 1 1\n 8 0 sdz 1\n";
        let disks = parse(idle, |_| true);
        assert_eq!(disks.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["loop1"]);
    }

    #[test]
    fn a_replugged_disk_has_no_rate_once() {
        let before = parse(&line("sda", 1_000, 0, 0), |_| true);
        let now = parse(&line("sda", 3, 0, 0), |_| true);
        let (disks, _) = values(&before, &now, 1.0);
        assert!(disks.at("0.read_ops_per_second").unwrap().is_absent());
    }
}
