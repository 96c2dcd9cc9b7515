//! Commands as the daemon runs them: real processes, and what becomes of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test of its own")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::exec::{Launcher, collector};
use ccm_daemon::collect::tap::Tap;
use ccm_daemon::collect::{CollectError, Collector, Fetch, Follow, Moment};
use ccm_proto::model::source::exec::{ExecFormat, ExecMode};
use ccm_proto::model::source::{ExecConfig, SourceType};
use ccm_proto::model::{Name, Reading, SourceSpec, Timestamp, Value};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

struct Bench {
    home: tempfile::TempDir,
    config: ExecConfig,
    tap: Tap,
}

impl Bench {
    /// A shell script in a directory of its own.
    fn script(script: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let text = serde_json::json!({ "command": ["/bin/sh", "-c", script] });
        let mut config: ExecConfig = serde_json::from_value(text).unwrap();
        config.directory = Some(home.path().display().to_string());
        config.env.insert("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        Self { home, config, tap: Tap::default() }
    }

    fn collector(&self) -> Collector {
        let spec = SourceSpec {
            exec: Some(Box::new(self.config.clone())),
            ..SourceSpec::new(SourceType::Exec)
        };
        let launcher = Launcher::Through(PathBuf::from(env!("CARGO_BIN_EXE_ccmd")));
        collector(&Name::new("job").unwrap(), &spec, launcher, Some(self.tap.clone()))
    }

    fn fetcher(&self) -> Box<dyn Fetch> {
        match self.collector() {
            Collector::Fetch(fetcher) => fetcher,
            _ => panic!("it is run once an interval"),
        }
    }

    fn follower(&mut self) -> Box<dyn Follow> {
        self.config.mode = ExecMode::Kept;
        match self.collector() {
            Collector::Follow(follower) => follower,
            _ => panic!("it is kept running"),
        }
    }

    async fn once(&self) -> Result<Reading, CollectError> {
        fetch(&mut self.fetcher()).await
    }

    /// The processes whose numbers the script wrote down.
    fn processes(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.home.path().join("pids")).unwrap();
        let pids: Vec<u32> = text.lines().map(|line| line.trim().parse().unwrap()).collect();
        assert!(!pids.is_empty());
        pids
    }
}

async fn fetch(fetcher: &mut Box<dyn Fetch>) -> Result<Reading, CollectError> {
    let moment = Moment { at: Timestamp::from_millis(1_000), elapsed: Duration::ZERO };
    fetcher.fetch(moment).await
}

/// Whether a process runs; one that only waits to be taken note of by its parent does not.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

/// Waits for the end of processes that were told to end: the system takes a moment for it.
async fn ended(processes: Vec<u32>) {
    let all = move || {
        for pid in processes {
            let pid = Pid::from_raw(pid.cast_signed()).unwrap();
            match pidfd_open(pid, PidfdFlags::empty()) {
                Ok(process) => {
                    let mut ends = [PollFd::new(&process, PollFlags::IN)];
                    let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
                    assert_eq!(poll(&mut ends, Some(&limit)), Ok(1), "it ends");
                }
                Err(gone) => assert_eq!(gone, Errno::SRCH),
            }
        }
    };
    tokio::task::spawn_blocking(all).await.unwrap();
}

fn number(reading: &Reading, path: &str) -> i64 {
    reading.value.at(path).and_then(Value::as_number).unwrap() as i64
}

fn sentence(result: Result<Reading, CollectError>) -> String {
    result.map(|reading| panic!("{reading:?}")).unwrap_err().to_string()
}

#[tokio::test]
async fn what_a_command_writes_becomes_a_reading() {
    let mut bench = Bench::script("echo '{\"queue\": {\"length\": 3}, \"name\": \"mails\"}'");
    let reading = bench.once().await.unwrap();
    assert_eq!(number(&reading, "queue.length"), 3);
    assert_eq!(reading.at, Timestamp::from_millis(1_000));
    assert_eq!(reading.samples.keys[0].to_string(), "job:queue.length");
    bench.config.command[2] = "printf 'a.b 1\\nc 2'".to_owned();
    bench.config.format = ExecFormat::Lines;
    assert_eq!(number(&bench.once().await.unwrap(), "a.b"), 1);
}

#[tokio::test]
async fn a_command_gets_the_variables_that_are_named_and_its_bounds() {
    let script = "printf 'variables %s\\nmemory %s\\ncpu %s\\ncore %s\\nplace %s\\n' \
        $(env | grep -c -v -e ^PWD= -e ^_= -e ^SHLVL=) $(ulimit -v) $(ulimit -t) $(ulimit -c) $(pwd)";
    let mut bench = Bench::script(script);
    bench.config.format = ExecFormat::Lines;
    bench.config.memory_bytes = 256 << 20;
    bench.config.cpu_seconds = 7;
    bench.config.pass_env = vec!["CARGO_MANIFEST_DIR".to_owned(), "NOT_SET".to_owned()];
    let reading = bench.once().await.unwrap();
    assert_eq!(number(&reading, "variables"), 2, "PATH and CARGO_MANIFEST_DIR");
    assert_eq!(number(&reading, "memory"), 256 << 10);
    assert_eq!(number(&reading, "cpu"), 7);
    assert_eq!(number(&reading, "core"), 0);
    let place = reading.value.at("place").unwrap().as_text().unwrap();
    assert_eq!(Path::new(place), bench.home.path().canonicalize().unwrap());
}

#[tokio::test]
async fn a_bad_end_is_told_with_what_the_command_complained_of() {
    let script = "echo '{}'; echo one >&2; printf '\\033[31mno such queue\\377\\n' >&2; exit 3";
    let mut bench = Bench::script(script);
    let told = sentence(bench.once().await);
    assert!(told.contains("exit code 3") && told.contains("no such queue"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told}");
    bench.config.ok_codes = vec![3];
    assert!(bench.once().await.is_ok());
}

#[tokio::test]
async fn a_trial_sees_what_was_run_and_what_came_of_it() {
    let bench = Bench::script("echo '{}'; echo 'no such queue' >&2; exit 3");
    let told = sentence(bench.once().await);
    let exchanges = bench.tap.exchanges();
    let shown = exchanges.first().unwrap();
    assert!(shown.asked.starts_with("/bin/sh -c echo"), "{}", shown.asked);
    assert_eq!((&shown.answer[..], shown.answer_bytes), (&b"{}\n"[..], 3));
    assert_eq!(shown.answer_headers, ["exit code: 3", "standard error: no such queue"]);
    assert_eq!(shown.error.as_ref().map(ToString::to_string), Some(told));
    let mut bench = Bench::script("echo '{\"a\": 2}'");
    bench.follower().next(&Clock::system()).await.unwrap();
    assert_eq!(bench.tap.exchanges()[0].answer, "{\"a\": 2}");
}

#[tokio::test]
async fn what_is_not_there_is_not_started() {
    let mut bench = Bench::script("");
    bench.config.command = vec!["/nowhere/at-all".to_owned()];
    let told = sentence(bench.once().await);
    assert!(told.contains("cannot be started"), "{told}");
    bench.config.directory = Some("/nowhere".to_owned());
    assert!(sentence(bench.once().await).contains("directory"));
}

#[tokio::test]
async fn a_flood_is_cut_off_and_its_source_ended() {
    let script = "if [ -e pids ]; then echo '{}'; else echo $$ > pids; yes; fi";
    let bench = Bench::script(script);
    let mut fetcher = bench.fetcher();
    let told = sentence(fetch(&mut fetcher).await);
    assert!(told.contains("more than 1048576 bytes"), "{told}");
    fetch(&mut fetcher).await.unwrap();
    ended(bench.processes()).await;
}

#[tokio::test]
async fn a_command_that_hangs_and_does_not_listen_is_ended_with_all_it_started() {
    let script = "if [ -e pids ]; then echo '{}'; exit; fi; trap '' TERM; echo $$ > pids; \
        for n in $(seq 40); do sleep 1000 & echo $! >> pids; done; wait";
    let bench = Bench::script(script);
    let mut fetcher = bench.fetcher();
    let hung = tokio::time::timeout(Duration::from_millis(700), fetch(&mut fetcher)).await;
    assert!(hung.is_err());
    // It begins when nothing is left of the former.
    fetch(&mut fetcher).await.unwrap();
    let processes = bench.processes();
    assert_eq!(processes.len(), 41);
    ended(processes).await;
}

#[tokio::test]
async fn what_a_command_leaves_behind_is_swept_away() {
    let bench = Bench::script("sleep 1000 & echo $! > pids; echo '{\"a\": 1}'");
    assert_eq!(number(&bench.once().await.unwrap(), "a"), 1);
    ended(bench.processes()).await;
}

#[tokio::test]
async fn a_daemon_that_a_command_leaves_behind_holds_nobody_up() {
    let script = "setsid sh -c 'echo $$ > pids; exec sleep 20' & \
        while [ ! -s pids ]; do :; done; echo '{\"a\": 1}'";
    let bench = Bench::script(script);
    assert_eq!(number(&bench.once().await.unwrap(), "a"), 1);
    for pid in bench.processes() {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn processor_time_and_memory_are_bounded() {
    let mut bench = Bench::script("while :; do :; done");
    bench.config.cpu_seconds = 1;
    let told = sentence(bench.once().await);
    assert!(told.contains("processor time"), "{told}");
    bench.config.command[2] = "head -c 400000000 /dev/zero | tail -n 1 | wc -c".to_owned();
    bench.config.command[2].insert_str(0, "set -o pipefail 2>/dev/null; ");
    bench.config.memory_bytes = 64 << 20;
    bench.config.cpu_seconds = 60;
    // Whatever the shell makes of it, the zeros were not all held.
    let count = bench.once().await.map_or(0.0, |reading| reading.value.as_number().unwrap());
    assert!(count < 400_000_000.0, "{count}");
}

#[tokio::test]
async fn a_kept_command_gives_a_reading_a_line_until_it_ends() {
    let mut bench = Bench::script("echo '{\"n\": 1}'; sleep 0.3; echo; echo '{\"n\": 2}'; exit 4");
    let (mut follower, clock) = (bench.follower(), Clock::system());
    assert_eq!(number(&follower.next(&clock).await.unwrap(), "n"), 1);
    assert_eq!(number(&follower.next(&clock).await.unwrap(), "n"), 2);
    let told = sentence(follower.next(&clock).await);
    assert!(told.contains("should go on") && told.contains("exit code 4"), "{told}");
    assert_eq!(number(&follower.next(&clock).await.unwrap(), "n"), 1, "it begins anew");
}

#[tokio::test]
async fn of_a_flood_of_lines_the_newest_count() {
    let script =
        "n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); echo \"{\\\"n\\\": $n}\"; done; sleep 1000";
    let mut bench = Bench::script(script);
    let (mut follower, clock) = (bench.follower(), Clock::system());
    let mut readings = 1;
    while number(&follower.next(&clock).await.unwrap(), "n") < 20_000 {
        readings += 1;
    }
    assert!(readings < 200, "{readings}");
}

#[tokio::test]
async fn a_kept_command_ends_with_its_source() {
    let script = "if [ -e pids ]; then echo '{\"n\": 2}'; sleep 1000; fi; \
        echo $$ > pids; echo '{\"n\": 1}'; sleep 1000";
    let mut bench = Bench::script(script);
    let clock = Clock::system();
    let mut follower = bench.follower();
    follower.next(&clock).await.unwrap();
    let [pid] = bench.processes()[..] else { panic!("one process") };
    assert!(is_running(pid));
    bench.config.output_bytes = 7;
    drop(follower);
    ended(vec![pid]).await;
    let told = sentence(bench.follower().next(&clock).await);
    assert!(told.contains("a line of more than 7 bytes"), "{told}");
}
