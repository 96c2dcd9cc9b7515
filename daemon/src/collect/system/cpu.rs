//! Processor time, in total and by core.

use ccm_proto::model::Value;

use super::rate::{percent, tenths};

/// Ticks since boot by what they were spent on. Time of guests is part of user and nice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Ordinary processes.
    pub user: u64,
    /// Processes of low priority.
    pub nice: u64,
    /// The kernel.
    pub system: u64,
    /// Nothing.
    pub idle: u64,
    /// Nothing, while a disk was waited for.
    pub iowait: u64,
    /// Interrupts, hard and soft.
    pub irq: u64,
    /// What the hypervisor gave to others.
    pub steal: u64,
}

/// What `/proc/stat` says of processors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// All cores together.
    pub total: Times,
    /// Cores that are online, by number.
    pub cores: Vec<(u32, Times)>,
}

/// Parses `/proc/stat`; none when it does not begin with the processors.
pub fn parse(text: &str) -> Option<CpuTimes> {
    let mut times = CpuTimes::default();
    let mut found = false;
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("cpu") else { break };
        let (label, numbers) = rest.split_once(' ')?;
        let parsed = parse_times(numbers);
        if label.is_empty() {
            times.total = parsed;
            found = true;
        } else {
            times.cores.push((label.parse().ok()?, parsed));
        }
    }
    found.then_some(times)
}

fn parse_times(numbers: &str) -> Times {
    let mut fields = numbers.split_ascii_whitespace().map(|n| n.parse::<u64>().unwrap_or(0));
    let mut next = || fields.next().unwrap_or(0);
    Times {
        user: next(),
        nice: next(),
        system: next(),
        idle: next(),
        iowait: next(),
        irq: next() + next(),
        steal: next(),
    }
}

impl Times {
    /// What was spent since `before`. Idle times fall now and then; that is no time at all.
    fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            nice: self.nice.saturating_sub(before.nice),
            system: self.system.saturating_sub(before.system),
            idle: self.idle.saturating_sub(before.idle),
            iowait: self.iowait.saturating_sub(before.iowait),
            irq: self.irq.saturating_sub(before.irq),
            steal: self.steal.saturating_sub(before.steal),
        }
    }

    fn total(self) -> u64 {
        self.busy() + self.idle + self.iowait
    }

    fn busy(self) -> u64 {
        self.user + self.nice + self.system + self.irq + self.steal
    }

    fn usage(self) -> Option<f64> {
        percent(self.busy() as f64, self.total() as f64)
    }
}

/// The branch `cpu` of a reading; usages are absent without a former reading.
pub fn value(before: Option<&CpuTimes>, now: &CpuTimes, frequency_mhz: Option<f64>) -> Value {
    let spent = before.map(|before| now.total.since(before.total));
    let share = |part: fn(Times) -> u64| {
        spent.and_then(|spent| percent(part(spent) as f64, spent.total() as f64))
    };
    let mut cpu = vec![
        ("usage", spent.and_then(Times::usage).into()),
        ("user", share(|t| t.user).into()),
        ("system", share(|t| t.system).into()),
        ("iowait", share(|t| t.iowait).into()),
        ("steal", share(|t| t.steal).into()),
        ("nice", share(|t| t.nice).into()),
        ("irq", share(|t| t.irq).into()),
        ("cores", cores(before, now)),
        ("count", (now.cores.len() as u64).into()),
    ];
    if let Some(mhz) = frequency_mhz {
        cpu.push(("frequency_mhz", tenths(mhz).into()));
    }
    Value::map(cpu)
}

fn cores(before: Option<&CpuTimes>, now: &CpuTimes) -> Value {
    let known = |index: usize, core: u32| {
        let cores = &before?.cores;
        let same = cores.get(index).filter(|(number, _)| *number == core);
        same.or_else(|| cores.iter().find(|(number, _)| *number == core))
    };
    let cores = now.cores.iter().enumerate().map(|(index, (core, times))| {
        let usage = known(index, *core).and_then(|(_, before)| times.since(*before).usage());
        Value::map([("core", (*core).into()), ("usage", usage.into())])
    });
    Value::List(cores.collect())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn stat(cores: u32, user: u64, idle: u64) -> String {
        let mut text = format!("cpu  {} 0 0 {} 0 0 0 0 0 0\n", user * 2, idle * 2);
        for core in 0..cores {
            writeln!(text, "cpu{core} {user} 0 0 {idle} 0 0 0 0 0 0").unwrap();
        }
        text + "intr 1 2 3\nctxt 5\nbtime 1\n"
    }

    #[test]
    fn one_core_and_256_cores_are_read() {
        for count in [1, 256] {
            let before = parse(&stat(count, 100, 100)).unwrap();
            let now = parse(&stat(count, 125, 175)).unwrap();
            let value = value(Some(&before), &now, None);
            assert_eq!(value.at("count").unwrap().as_number(), Some(f64::from(count)));
            assert_eq!(value.at("usage").unwrap().as_number(), Some(25.0));
            let last = format!("cores.{}.usage", count - 1);
            assert_eq!(value.at(&last).unwrap().as_number(), Some(25.0));
        }
    }

    #[test]
    fn without_a_former_reading_usage_is_absent_and_not_zero() {
        let value = value(None, &parse(&stat(2, 1, 1)).unwrap(), None);
        assert!(value.at("usage").unwrap().is_absent());
        assert!(value.at("cores.1.usage").unwrap().is_absent());
    }

    #[test]
    fn a_core_that_comes_online_has_no_usage_at_first_and_others_keep_theirs() {
        let before = parse("cpu 0 0 0 0\ncpu0 10 0 0 10\ncpu3 10 0 0 10\n").unwrap();
        let now = parse("cpu 9 0 0 9\ncpu0 20 0 0 20\ncpu1 5 0 0 5\ncpu3 20 0 0 10\n").unwrap();
        let value = value(Some(&before), &now, None);
        assert_eq!(value.at("cores.0.usage").unwrap().as_number(), Some(50.0));
        assert!(value.at("cores.1.usage").unwrap().is_absent());
        assert_eq!(value.at("cores.2.usage").unwrap().as_number(), Some(100.0));
    }

    #[test]
    fn iowait_that_falls_and_old_kernels_with_few_columns_are_taken() {
        let before = parse("cpu 100 0 0 100 50 0 0 0\n").unwrap();
        let now = parse("cpu 150 0 0 150 40 0 0 0\n").unwrap();
        let value = value(Some(&before), &now, Some(2_400.04));
        assert_eq!(value.at("usage").unwrap().as_number(), Some(50.0));
        assert_eq!(value.at("iowait").unwrap().as_number(), Some(0.0));
        assert_eq!(value.at("frequency_mhz").unwrap().as_number(), Some(2_400.0));
        assert!(parse("cpu 1 2 3 4\n").is_some());
        assert!(parse("").is_none());
        assert!(parse("nonsense\n").is_none());
    }
}
