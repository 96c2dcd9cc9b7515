//! Every call to the disk fails once, for ever, or is the last before a power loss; what was
//! acknowledged must survive, and a disk that lies must be caught.

use super::*;
use crate::storage::disk::faulty::{Broken, EDQUOT, EIO, ENOSPC};

/// What a writer was told.
#[derive(Debug, Default)]
struct Told {
    /// The sync returned.
    acknowledged: BTreeMap<u64, Vec<u8>>,
    /// The append or the sync failed, and the log went on since.
    dropped: BTreeMap<u64, Vec<u8>>,
    /// Neither.
    open: BTreeMap<u64, Vec<u8>>,
    /// Records before this one were in segments whose removal was asked for.
    removed_before: u64,
    next: u64,
}

/// Writes as the daemon does; gives up when the log cannot be resumed.
fn script(disk: &FaultyDisk, told: &mut Told) {
    for round in 0..3 {
        let Ok((mut log, _)) = Log::open_on(Arc::new(disk.clone()), &directory(), OPTIONS) else {
            return;
        };
        if log.stopped().is_some() && log.resume().is_err() {
            return;
        }
        for group in 0..6 {
            if !write_group(&mut log, told) {
                return;
            }
            if group == 4 && round > 0 {
                retire(&mut log, told);
            }
        }
        if log.rotate().is_err() && log.resume().is_err() {
            return;
        }
    }
}

fn write_group(log: &mut Log, told: &mut Told) -> bool {
    let mut whole = true;
    for _ in 0..4 {
        let record = payload(told.next);
        whole &= log.append(&record).is_ok();
        told.open.insert(told.next, record);
        told.next += 1;
    }
    if log.sync().is_ok() && whole {
        told.acknowledged.append(&mut told.open);
        return true;
    }
    let resumed = log.stopped().is_some() && (log.resume().is_ok() || log.resume().is_ok());
    if resumed {
        told.dropped.append(&mut told.open);
    }
    resumed
}

fn retire(log: &mut Log, told: &mut Told) {
    let Some(last) = log.segments().last().map(|segment| segment.number) else { return };
    let first_kept = log.scan(Some(Position { segment: last - 1, offset: 0 })).next();
    if let Some(Ok((_, record))) = first_kept {
        told.removed_before = told.removed_before.max(number_of(&record));
        let _ = log.remove_before(last - 1);
    }
}

fn number_of(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[..8].try_into().unwrap())
}

/// What is wrong with what is found after a restart.
fn violations(disk: &FaultyDisk, told: &Told) -> Vec<String> {
    let mut violations = Vec::new();
    let (mut log, recovery) = match Log::open_on(Arc::new(disk.clone()), &directory(), OPTIONS) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("cannot be opened: {error}")],
    };
    violations.extend(recovery.damages.iter().map(|damage| format!("false alarm: {damage}")));
    let mut found = BTreeMap::new();
    let mut last = None;
    for item in log.scan(None) {
        match item {
            Ok((_, record)) => {
                let number = number_of(&record);
                if Some(number) <= last || record != payload(number) {
                    violations.push(format!("record {number} out of order or altered"));
                }
                last = Some(number);
                found.insert(number, record);
            }
            Err(error) => violations.push(format!("scan: {error}")),
        }
    }
    for number in told.acknowledged.range(told.removed_before..).map(|(number, _)| number) {
        if !found.contains_key(number) {
            violations.push(format!("acknowledged record {number} is lost"));
        }
    }
    for number in told.dropped.keys().filter(|number| found.contains_key(number)) {
        violations.push(format!("record {number} was refused and came back"));
    }
    if log.append(b"goes on").and_then(|_| log.sync()).is_err() {
        violations.push("takes no records".to_owned());
    }
    violations
}

fn run(plan: Plan, broken: Broken, seed: u64) -> Vec<String> {
    let disk = FaultyDisk::new(plan).broken(broken);
    let mut told = Told::default();
    script(&disk, &mut told);
    let mut violations = violations(&disk.after_power_loss(seed), &told);
    for violation in &mut violations {
        *violation = format!("{plan:?}, seed {seed}: {violation}");
    }
    violations
}

fn calls() -> u64 {
    let disk = FaultyDisk::new(Plan::Fine);
    let mut told = Told::default();
    script(&disk, &mut told);
    assert_eq!(told.acknowledged.len(), 72);
    disk.calls()
}

fn all_plans(broken: Broken) -> Vec<String> {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut violations = Vec::new();
    for at in 0..calls() {
        for code in [EIO, ENOSPC, EDQUOT] {
            violations.extend(run(Plan::Once(at, code), broken, seed ^ at));
            violations.extend(run(Plan::Forever(at, code), broken, seed ^ at));
        }
        for more in 0..3 {
            violations.extend(run(Plan::Crash(at), broken, seed.wrapping_add(at * 3 + more)));
        }
    }
    violations
}

#[test]
fn no_single_fault_of_the_disk_loses_what_was_acknowledged() {
    let violations = all_plans(Broken::default());
    assert!(violations.is_empty(), "{} violations: {:#?}", violations.len(), violations.first());
}

#[test]
fn null_control_a_sync_that_does_nothing_is_caught() {
    let broken = Broken { sync_does_nothing: true, ..Broken::default() };
    let lost = all_plans(broken).iter().any(|violation| violation.contains("is lost"));
    assert!(lost);
}

#[test]
fn null_control_a_swallowed_sync_error_is_caught() {
    let broken = Broken { sync_error_swallowed: true, ..Broken::default() };
    let lost = all_plans(broken).iter().any(|violation| violation.contains("is lost"));
    assert!(lost);
}

#[test]
fn after_a_failed_sync_the_log_refuses_everything_until_it_is_resumed() {
    for code in [EIO, ENOSPC, EDQUOT] {
        let disk = FaultyDisk::new(Plan::Fine);
        let mut log = filled(&disk, 3);
        let refused = log.append(b"refused").unwrap();
        disk.replan(Plan::Once(0, code));
        assert!(matches!(log.sync(), Err(LogError::Stopped(_))));
        assert!(matches!(log.sync(), Err(LogError::Stopped(_))));
        assert!(matches!(log.append(b"x"), Err(LogError::Stopped(_))));
        assert!(matches!(log.rotate(), Err(LogError::Stopped(_))));
        assert_eq!(log.read(refused), Err(LogError::NotFound(refused)));
        assert_eq!(records(&log).len(), 3, "a stopped log is still read");
        assert_eq!(log.resume().unwrap(), LogRecovery::default());
        assert!(log.append(b"y").unwrap() > refused, "no position is used twice");
        log.sync().unwrap();
        assert_eq!(records(&log).last().unwrap(), b"y");
    }
}

#[test]
fn a_log_on_a_full_disk_opens_for_reading_and_resumes_when_there_is_room() {
    let disk = FaultyDisk::new(Plan::Fine);
    drop(filled(&disk, 30));
    disk.set_capacity(Some(disk.used()));
    let (mut log, recovery) = open(&disk);
    assert_eq!(recovery.stopped, None, "nothing needs new room to go on in the last segment");
    assert_eq!(records(&log).len(), 30);
    let error = log.append(b"no room").unwrap_err();
    assert!(error.is_full());
    assert!(log.resume().is_err());
    disk.set_capacity(None);
    log.resume().unwrap();
    log.append(b"room").unwrap();
    log.sync().unwrap();
    assert_eq!(records(&log).len(), 31);
}

#[test]
fn a_new_log_on_a_full_disk_opens_empty_and_says_why() {
    let disk = FaultyDisk::new(Plan::Fine);
    disk.set_capacity(Some(0));
    let (mut log, recovery) = open(&disk);
    assert_eq!(recovery.stopped.as_ref().map(|fault| fault.kind), Some(FaultKind::Full));
    assert_eq!(records(&log).len(), 0);
    assert!(log.append(b"x").unwrap_err().is_full());
    disk.set_capacity(None);
    log.resume().unwrap();
    log.append(b"x").unwrap();
}

#[test]
fn files_that_storage_never_asked_for_are_left_alone() {
    let disk = FaultyDisk::new(Plan::Fine);
    drop(filled(&disk, 3));
    disk.create(Path::new("/data/log/notes.txt")).unwrap();
    let (log, recovery) = open(&disk);
    assert_eq!(recovery, LogRecovery::default());
    drop(log);
    assert!(disk.list(&directory()).unwrap().contains(&"notes.txt".to_owned()));
}
