//! History on a disk that fails, fills up or loses its power: what is asked of memory is answered,
//! nothing is made up, and what was synced comes back.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::super::store::SYNC_AFTER;
use super::*;
use crate::storage::Keeper;
use crate::storage::disk::faulty::{Broken, EDQUOT, EIO, ENOSPC, FaultyDisk, Plan};
use crate::storage::log::{Log, LogError, LogOptions};
use crate::storage::{StorageOptions, StoreState};

/// The beginning of an hour.
const START: i64 = 1_700_002_800_000;

/// How long a run lasts.
const SECONDS: usize = 600;

fn logs_on(disk: &FaultyDisk) -> impl Fn(&str, LogOptions) -> Result<(Log, Vec<String>), LogError> {
    let disk = disk.clone();
    move |name, options| {
        let directory = PathBuf::from("/history").join(name);
        let (log, recovery) = Log::open_on(Arc::new(disk.clone()), &directory, options)?;
        Ok((log, recovery.sentences()))
    }
}

/// A history on a disk, and what was measured.
struct Run {
    opened: Opened,
    measured: Naive,
    unsaved: u64,
    time: i64,
}

impl Run {
    fn open(disk: &FaultyDisk) -> Result<Self, LogError> {
        let opened = open_with(&logs_on(disk), FOREVER, SMALL)?;
        Ok(Self { opened, measured: Naive::default(), unsaved: 0, time: START })
    }

    /// A second passes.
    fn second(&mut self) {
        self.time += 1_000;
        let row = (self.time - START) / 1_000;
        let host = keys(3);
        let values: Vec<f64> = (0..3).map(|i| ((row * 31 + i * 7) % 1_000) as f64 / 10.0).collect();
        self.measured.append(self.time, &host, &values);
        let mut out = Vec::new();
        let history = &mut self.opened.history;
        history.append(at(self.time), &Samples { keys: host, values }, &mut out);
        if row % 20 == 0 {
            history.maintain(at(self.time), &mut out);
        }
        let mut reports = Vec::new();
        self.opened.store.work_on(out, at(self.time), &mut |stored| reports.push(stored));
        for stored in reports {
            if let Stored::Unsaved(samples) = &stored {
                self.unsaved += samples;
            }
            self.opened.history.stored(stored);
        }
    }

    fn samples(&self) -> Vec<Vec<Bucket>> {
        let all = range(START, self.time + 1_000, 1_000);
        let plan = self.opened.history.plan(&keys(3), all).unwrap();
        plan.run(&self.opened.reader).unwrap().into_iter().map(|(_, buckets)| buckets).collect()
    }

    /// Everything that was measured is answered.
    fn answers_everything(&self) {
        let all = range(START, self.time + 1_000, 1_000);
        for (key, found) in keys(3).iter().zip(self.samples()) {
            assert_same(&found, &self.measured.query(key, all), "from memory and disk");
        }
    }
}

/// Opens the history that is on a disk and compares it with what was measured: samples that are
/// missing, and the newest time before which none is; or what is made up.
fn compare(disk: &FaultyDisk, run: &Run) -> Result<(u64, i64), String> {
    let mut again = Run::open(disk).map_err(|error| error.to_string())?;
    again.time = run.time;
    let all = range(START, run.time + 1_000, 1_000);
    let (mut missing, mut whole_until) = (0, i64::MAX);
    for (key, found) in keys(3).iter().zip(again.samples()) {
        for (found, measured) in found.iter().zip(run.measured.query(key, all)) {
            if measured.count == 1 && found.count == 0 {
                missing += 1;
                whole_until = whole_until.min(measured.start.as_millis() - 1_000);
            } else if (found.count, found.mean) != (measured.count, measured.mean) {
                return Err(format!("{found:?} was measured as {measured:?}"));
            }
        }
    }
    Ok((missing, whole_until))
}

/// Seconds after which the head is synced for sure: when it is due, and the second that notices.
fn lost_at_most() -> i64 {
    SYNC_AFTER.as_millis() as i64 + 1_000
}

/// A call of the disk at this part of a run in which nothing fails.
fn call_at(part: f64) -> u64 {
    static CALLS: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let calls = CALLS.get_or_init(|| {
        let disk = FaultyDisk::new(Plan::Fine);
        let mut run = Run::open(&disk).unwrap();
        disk.replan(Plan::Fine);
        (0..SECONDS).for_each(|_| run.second());
        disk.calls()
    });
    assert!(*calls > 200, "{calls} calls are too few");
    (part * *calls as f64) as u64
}

/// What is wrong after a power loss in the middle of a run; nothing when it is as it must be.
fn after_power_loss(disk: &FaultyDisk, at_call: u64, seed: u64) -> Option<String> {
    let Ok(mut run) = Run::open(disk) else { return Some("no start".to_owned()) };
    disk.replan(Plan::Crash(at_call));
    let mut last = run.time;
    for _ in 0..SECONDS {
        // The second in which the power goes does not count.
        if disk.calls() <= at_call {
            last = run.time;
        }
        run.second();
    }
    let wrong = compare(&disk.after_power_loss(seed), &run);
    match wrong {
        Err(error) => Some(error),
        Ok((missing, until)) if missing > 0 && until < last - lost_at_most() => {
            Some(format!("whole until {until}, power until {last}"))
        }
        Ok(_) => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_power_loss_costs_the_last_seconds_and_nothing_else(part in 0.0..1.0_f64, seed: u64) {
        let disk = FaultyDisk::new(Plan::Fine);
        prop_assert_eq!(after_power_loss(&disk, call_at(part), seed), None);
    }

    #[test]
    fn a_failing_disk_costs_what_is_told_and_nothing_is_made_up(
        part in 0.0..1.0_f64,
        errno in prop::sample::select(vec![EIO, ENOSPC, EDQUOT]),
        for_ever: bool,
    ) {
        let call = call_at(part);
        let disk = FaultyDisk::new(Plan::Fine);
        let mut run = Run::open(&disk).unwrap();
        disk.replan(if for_ever { Plan::Forever(call, errno) } else { Plan::Once(call, errno) });
        for _ in 0..SECONDS {
            run.second();
        }
        run.answers_everything();
        assert!(disk.calls() > call, "the disk has not failed");
        disk.replan(Plan::Fine);
        let (missing, _) = compare(&disk, &run).map_err(TestCaseError::fail)?;
        // What waits for its first sync is told of by nobody yet.
        let waiting = 3 * (lost_at_most() as u64 / 1_000 + 1);
        prop_assert!(missing <= run.unsaved + waiting, "{missing} are missing, {} told", run.unsaved);
    }

    #[test]
    fn any_cut_of_any_log_leaves_a_history_without_inventions(
        file in any::<prop::sample::Index>(), cut in 1_usize..3_000,
    ) {
        let (files, measured) = closed_history();
        let image = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = image.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let (name, bytes) = &files[file.index(files.len())];
        let kept = bytes.len().saturating_sub(cut);
        std::fs::write(image.path().join(name), &bytes[..kept]).unwrap();
        let opened = open_with(&in_directory(image.path()), FOREVER, SMALL).unwrap();
        let all = range(START, measured.newest + 1_000, 1_000);
        let plan = opened.history.plan(&keys(3), all).unwrap();
        for (key, found) in plan.run(&opened.reader).unwrap() {
            for (found, measured) in found.iter().zip(measured.query(&key, all)) {
                let same = (found.count, found.mean) == (measured.count, measured.mean);
                prop_assert!(found.count == 0 || same, "{found:?} was measured as {measured:?}");
            }
        }
    }
}

#[test]
fn a_disk_that_lies_about_its_syncs_is_found() {
    let broken = Broken { sync_does_nothing: true, ..Broken::default() };
    let found = (0..20).any(|seed| {
        let disk = FaultyDisk::new(Plan::Fine).broken(broken);
        after_power_loss(&disk, call_at(0.5), seed).is_some()
    });
    assert!(found, "else the tests above prove nothing");
}

/// The names of files, and what is in them.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// The files of a history of an hour, and what was measured; made once.
fn closed_history() -> &'static (Files, Naive) {
    static MADE: std::sync::OnceLock<(Files, Naive)> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let mut kept = Kept::new(FOREVER);
        let mut measured = Naive::default();
        let host = keys(3);
        for row in 0..4_000 {
            let time = START + row * 1_000;
            let values = vec![(row * 31 % 1_000) as f64 / 10.0; 3];
            measured.append(time, &host, &values);
            kept.append(time, &host, values);
            if row % 50 == 0 {
                kept.maintain(time);
            }
        }
        let mut files = Vec::new();
        read_all(kept.directory.path(), kept.directory.path(), &mut files);
        files.sort();
        assert!(files.len() > 5, "a segment of each log");
        (files, measured)
    })
}

fn read_all(root: &Path, directory: &Path, files: &mut Files) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_owned();
            files.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn on_a_full_disk_history_lives_in_memory_and_goes_on_by_itself() {
    let disk = FaultyDisk::new(Plan::Fine);
    let options =
        StorageOptions { ballast_bytes: 256 * 1024, log: LogOptions { segment_bytes: 64 * 1024 } };
    let keeper = Keeper::on_disk(&disk, Path::new("/data"), options);
    assert_eq!(keeper.probe(), StoreState::ReadWrite);
    let logs = |name: &str, options| keeper.history(name, options);
    let opened = open_with(&logs, FOREVER, SMALL).unwrap();
    let mut run = Run { opened, measured: Naive::default(), unsaved: 0, time: START };
    for _ in 0..100 {
        run.second();
    }
    assert_eq!(run.unsaved, 0);
    disk.set_capacity(Some(disk.used()));
    for _ in 0..300 {
        keeper.probe();
        run.second();
    }
    assert!(matches!(keeper.probe(), StoreState::ReadOnly { .. }));
    let unsaved = run.unsaved;
    assert!(unsaved > 200 * 3, "{unsaved} samples were told of");
    run.answers_everything();
    disk.set_capacity(None);
    keeper.probe();
    run.second();
    for _ in 0..300 {
        keeper.probe();
        run.second();
    }
    assert_eq!(keeper.probe(), StoreState::ReadWrite);
    let told = run.unsaved - unsaved;
    assert!(told <= 5 * 3, "{told} samples after there was room again");
    run.answers_everything();
    let unsaved = run.unsaved;
    let keeper = Keeper::on_disk(&disk, Path::new("/data"), options);
    let logs = |name: &str, options| keeper.history(name, options);
    run.opened = open_with(&logs, FOREVER, SMALL).unwrap();
    let count = |buckets: &Vec<Bucket>| buckets.iter().map(|bucket| bucket.count).sum::<u64>();
    let found: u64 = run.samples().iter().map(count).sum();
    let missing = 701 * 3 - found;
    assert!(missing <= unsaved + 4 * 3, "{missing} are missing, {unsaved} told");
}
