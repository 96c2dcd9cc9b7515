//! Processes.

use std::sync::Arc;

use ccm_proto::model::Value;

use super::rate::{percent, tenths};

/// The most processes of one table; of more than that those that do most are kept.
pub const PROCESSES_MAX: usize = 8_192;

/// The most bytes of a command line that are kept.
pub const COMMAND_MAX: usize = 512;

/// The flag of threads of the kernel.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// One process as `/proc/PID/stat` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: u32,
    /// The name of its program, cut to 15 bytes by the kernel; may hold anything.
    pub name: String,
    /// One letter.
    pub state: char,
    /// Whether it is a thread of the kernel.
    pub kernel: bool,
    /// Ticks of processor time spent.
    pub ticks: u64,
    /// Its threads.
    pub threads: u64,
    /// Ticks since boot when it began; with the number it tells processes apart.
    pub started: u64,
    /// Pages in memory.
    pub resident_pages: u64,
}

/// Parses `/proc/PID/stat`. The name stands between the first and the last parenthesis and may
/// hold parentheses, blanks and line ends itself.
pub fn parse(text: &str) -> Option<Stat> {
    let open = text.find('(')?;
    let close = text.rfind(')')?;
    let name = text.get(open + 1..close)?.to_owned();
    let pid = text.get(..open)?.trim().parse().ok()?;
    // From here on `skip` counts fields; the state is field 3 of proc(5).
    let mut fields = text.get(close + 1..)?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut number = |skip: usize| fields.nth(skip)?.parse::<u64>().ok();
    let flags = number(5)?;
    let ticks = number(4)?.saturating_add(number(0)?);
    let threads = number(4)?;
    let started = number(1)?;
    let resident_pages = number(1)?;
    let kernel = flags & KERNEL_THREAD != 0;
    Some(Stat { pid, name, state, kernel, ticks, threads, started, resident_pages })
}

/// The command line as one line; none when it is empty, as a zombie's is.
pub fn parse_command(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..COMMAND_MAX).unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes).replace('\0', " ");
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// What is shown when there is no command line.
pub fn bracketed(name: &str) -> String {
    format!("[{name}]")
}

/// The word for a state's letter.
pub const fn state_word(state: char) -> &'static str {
    match state {
        'R' => "run",
        'S' => "sleep",
        'D' => "blocked",
        'Z' => "zombie",
        'T' => "stopped",
        't' => "traced",
        'I' => "idle",
        'X' | 'x' => "dead",
        _ => "other",
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    /// What the kernel says.
    pub stat: Stat,
    /// Whose it is.
    pub user: Arc<str>,
    /// What it runs.
    pub command: Arc<str>,
    /// Share of one core in percent; none at its first sight.
    pub cpu: Option<f64>,
}

/// Share of one core in percent, as `top` tells it.
pub fn cpu_percent(before: u64, now: u64, seconds: f64, ticks_per_second: f64) -> Option<f64> {
    let possible = seconds > 0.0 && ticks_per_second > 0.0 && now >= before;
    possible.then(|| tenths((now - before) as f64 / ticks_per_second / seconds * 100.0))
}

/// Units that numbers are told in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Units {
    /// Bytes of a page.
    pub page_size: u64,
    /// Memory of the machine in bytes.
    pub memory_total: u64,
}

/// The branches `processes` and `tasks` of a reading.
pub fn values(processes: &mut Vec<Process>, units: Units) -> (Value, Value) {
    let tasks = tasks(processes);
    if processes.len() > PROCESSES_MAX {
        let weight = |p: &Process| (p.cpu.unwrap_or(0.0), p.stat.resident_pages);
        processes.sort_by(|a, b| {
            let ((a_cpu, a_pages), (b_cpu, b_pages)) = (weight(a), weight(b));
            b_cpu.total_cmp(&a_cpu).then(b_pages.cmp(&a_pages))
        });
        processes.truncate(PROCESSES_MAX);
    }
    let rows = processes.iter().map(|process| row(process, units));
    (Value::List(rows.collect()), tasks)
}

fn row(process: &Process, units: Units) -> Value {
    let stat = &process.stat;
    let memory = stat.resident_pages.saturating_mul(units.page_size);
    Value::map([
        ("pid", stat.pid.into()),
        ("user", (*process.user).into()),
        ("state", state_word(stat.state).into()),
        ("cpu", process.cpu.into()),
        ("memory", memory.into()),
        ("memory_usage", percent(memory as f64, units.memory_total as f64).into()),
        ("threads", stat.threads.into()),
        ("command", (*process.command).into()),
    ])
}

fn tasks(processes: &[Process]) -> Value {
    let count = |states: &[char]| {
        let of_state = processes.iter().filter(|process| states.contains(&process.stat.state));
        Value::from(of_state.count() as u64)
    };
    Value::map([
        ("total", (processes.len() as u64).into()),
        ("running", count(&['R'])),
        ("sleeping", count(&['S', 'I'])),
        ("blocked", count(&['D'])),
        ("zombie", count(&['Z'])),
        ("stopped", count(&['T', 't'])),
    ])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(pid: u32, name: &str, state: char, flags: u64, ticks: u64) -> String {
        format!(
            "{pid} ({name}) {state} 1 {pid} {pid} 0 -1 {flags} 100 0 0 0 {ticks} 7 0 0 20 0 3 0 999 1000000 250 18446744073709551615 1 1 0\n"
        )
    }

    #[test]
    fn any_name_is_read() {
        for name in ["sh", "a) R 1 (b", "two\nlines", "\u{1b}[31mred", "((", "))", "", "tab\t "] {
            let stat = parse(&line(42, name, 'S', 0, 50)).unwrap();
            assert_eq!(stat.name, name);
            assert_eq!((stat.pid, stat.state, stat.ticks), (42, 'S', 57));
            assert_eq!((stat.threads, stat.started, stat.resident_pages), (3, 999, 250));
        }
    }

    #[test]
    fn threads_of_the_kernel_are_known_by_their_flag() {
        assert!(parse(&line(2, "kthreadd", 'S', 2_129_984, 0)).unwrap().kernel);
        assert!(!parse(&line(3, "kthreadd", 'S', 4_194_560, 0)).unwrap().kernel);
    }

    #[test]
    fn broken_lines_are_no_process() {
        for text in ["", "1 (a", "x (a) S 1", "1 (a) S 1 2 3", ")1 (a"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn command_lines_are_one_line_of_bounded_length() {
        assert_eq!(parse_command(b"nginx\0-g\0daemon off;\0").unwrap(), "nginx -g daemon off;");
        assert_eq!(parse_command(b"\0\0"), None);
        assert_eq!(parse_command(&[b'x'; 9_000]).unwrap().len(), COMMAND_MAX);
        assert!(parse_command(b"\xff\xfe").is_some());
    }

    #[test]
    fn cpu_is_of_one_core() {
        assert_eq!(cpu_percent(100, 300, 1.0, 100.0), Some(200.0));
        assert_eq!(cpu_percent(300, 100, 1.0, 100.0), None);
        assert_eq!(cpu_percent(1, 2, 0.0, 100.0), None);
    }

    fn process(pid: u32, state: char, cpu: f64) -> Process {
        let stat = parse(&line(pid, "p", state, 0, 0)).unwrap();
        Process { stat, user: "root".into(), command: "p".into(), cpu: Some(cpu) }
    }

    const UNITS: Units = Units { page_size: 4096, memory_total: 4096 * 1000 };

    #[test]
    fn tasks_are_counted_by_state() {
        let mut all: Vec<Process> = "RSSIDZt".chars().map(|state| process(1, state, 0.0)).collect();
        let (rows, tasks) = values(&mut all, UNITS);
        assert_eq!(rows.at("0.memory_usage").unwrap().as_number(), Some(25.0));
        for (name, count) in [("total", 7.0), ("running", 1.0), ("sleeping", 3.0), ("zombie", 1.0)]
        {
            assert_eq!(tasks.at(name).unwrap().as_number(), Some(count), "{name}");
        }
    }

    #[test]
    fn of_too_many_processes_the_busiest_are_kept_and_all_are_counted() {
        let count = PROCESSES_MAX as u32 + 10;
        let mut all: Vec<Process> = (0..count).map(|n| process(n, 'S', f64::from(n))).collect();
        let (rows, tasks) = values(&mut all, UNITS);
        assert_eq!(rows.as_list().unwrap().len(), PROCESSES_MAX);
        assert_eq!(rows.at("0.pid").unwrap().as_number(), Some(f64::from(count - 1)));
        assert_eq!(tasks.at("total").unwrap().as_number(), Some(f64::from(count)));
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_fail_badly(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_name_never_changes_the_numbers(name in "[^\\x00]{0,15}") {
            let stat = parse(&line(7, &name, 'D', 0, 11)).unwrap();
            prop_assert_eq!((stat.name.as_str(), stat.state, stat.ticks), (name.as_str(), 'D', 18));
        }
    }
}
