use std::path::PathBuf;
use std::time::Duration;

use super::disk::faulty::{EIO, FaultyDisk, Plan};
use super::*;

const MIB: u64 = 1024 * 1024;

fn store(disk: &FaultyDisk) -> Storage {
    let options =
        StorageOptions { ballast_bytes: MIB, log: LogOptions { segment_bytes: 64 * 1024 } };
    let directory = PathBuf::from("/data");
    let keeper = Keeper::new(Arc::new(disk.clone()), &directory, options, None);
    keeper.assemble(Index::in_memory(), IndexState::New).unwrap()
}

/// A log that leaves the reserve alone.
fn head(store: &Storage) -> Log {
    store.keeper.history("head", LogOptions { segment_bytes: 64 * 1024 }).unwrap().0
}

fn put(log: &mut Log, record: &[u8]) -> Result<(), LogError> {
    log.append(record)?;
    log.sync()
}

#[test]
fn on_a_full_disk_the_ledger_lives_on_the_reserve_and_the_head_waits() {
    let disk = FaultyDisk::new(Plan::Fine);
    let mut store = store(&disk);
    let mut head = head(&store);
    put(&mut store.ledger, b"first").unwrap();
    disk.set_capacity(Some(disk.used()));
    assert!(put(&mut head, &[1; 1000]).unwrap_err().is_full());
    assert!(matches!(store.probe(), StoreState::ReadOnly { .. }));
    assert!(put(&mut store.ledger, b"refused, and gives up the reserve").is_err());
    put(&mut store.ledger, b"second").unwrap();
    assert!(put(&mut head, b"still waits").is_err());
    assert!(matches!(store.probe(), StoreState::ReadOnly { .. }));
    assert!(put(&mut head, b"still waits").is_err());

    disk.set_capacity(None);
    assert_eq!(store.probe(), StoreState::ReadWrite);
    put(&mut head, b"goes on").unwrap();
    let ledger: Vec<_> = store.ledger.scan(None).map(|record| record.unwrap().1).collect();
    assert_eq!(ledger, [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_store_without_any_room_is_read_and_takes_records_once_there_is_room() {
    let disk = FaultyDisk::new(Plan::Fine);
    {
        let mut store = store(&disk);
        put(&mut store.ledger, b"kept").unwrap();
    }
    disk.remove(&PathBuf::from("/data/ballast")).unwrap();
    disk.set_capacity(Some(disk.used()));
    let mut store = store(&disk);
    assert_eq!(store.recovery, Vec::<String>::new());
    assert_eq!(store.ledger.scan(None).count(), 1);
    for _ in 0..3 {
        assert!(put(&mut store.ledger, b"no").unwrap_err().is_full());
        assert!(matches!(store.probe(), StoreState::ReadOnly { .. }));
    }
    disk.set_capacity(None);
    assert_eq!(store.probe(), StoreState::ReadWrite);
    put(&mut store.ledger, b"yes").unwrap();
    assert_eq!(store.ledger.scan(None).count(), 2);
}

#[test]
fn a_failing_device_is_tried_again_after_probes_but_ever_more_rarely() {
    let disk = FaultyDisk::new(Plan::Fine);
    let mut store = store(&disk);
    put(&mut store.ledger, b"kept").unwrap();
    disk.replan(Plan::Forever(0, EIO));
    assert!(put(&mut store.ledger, b"lost").is_err());
    for _ in 0..100 {
        assert!(matches!(store.probe(), StoreState::ReadOnly { .. }));
        let before = disk.calls();
        assert!(put(&mut store.ledger, b"refused").is_err());
        assert!(disk.calls() - before < 10);
    }
    disk.replan(Plan::Fine);
    let waited = (0..100).position(|_| {
        store.probe();
        put(&mut store.ledger, b"again").is_ok()
    });
    assert!(waited.is_some_and(|probes| probes <= 64), "{waited:?}");
    let ledger: Vec<_> = store.ledger.scan(None).map(|record| record.unwrap().1).collect();
    assert_eq!(ledger, [b"kept".to_vec(), b"again".to_vec()]);
}

#[test]
fn a_group_that_lost_records_is_not_acknowledged_by_a_later_sync() {
    let disk = FaultyDisk::new(Plan::Fine);
    let store = store(&disk);
    let mut head = head(&store);
    head.append(b"dropped").unwrap();
    disk.replan(Plan::Once(0, EIO));
    assert!(head.append(b"fails").is_err());
    store.probe();
    store.probe();
    assert!(head.append(b"refused").is_err(), "the group's sync has not failed yet");
    assert!(head.sync().is_err());
    put(&mut head, b"next group").unwrap();
    let kept: Vec<_> = head.scan(None).map(|record| record.unwrap().1).collect();
    assert_eq!(kept, [b"next group".to_vec()]);
}

#[test]
fn a_data_directory_has_one_owner_whose_process_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let first = Storage::open(temporary.path()).unwrap();
    let error = Storage::open(temporary.path()).unwrap_err();
    let StorageError::Lock(LockError::Held { pid, .. }) = error else { panic!("{error}") };
    assert_eq!(pid, Some(std::process::id()));
    drop(first);
    let again = Storage::open(temporary.path()).unwrap();
    assert_eq!(again.recovery, Vec::<String>::new());
    assert_eq!(again.index_state, IndexState::Whole);
}

/// Flips a bit of a file, as a failing disk does.
fn flip(disk: &FaultyDisk, file: &str, at: u64) {
    let file = disk.open(&PathBuf::from(file)).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    file.write_at(&[byte[0] ^ 0x10], at).unwrap();
}

const STEP: Duration = Duration::from_secs(10);

#[test]
fn a_scrub_finds_a_flipped_bit_of_any_log_within_a_day_and_forgets_it_when_it_is_mended() {
    let disk = FaultyDisk::new(Plan::Fine);
    let mut store = store(&disk);
    let mut head = head(&store);
    for _ in 0..100 {
        put(&mut store.ledger, &[7; 1000]).unwrap();
        put(&mut head, &vec![8; 40_000]).unwrap();
    }
    let mut scrub = store.keeper.scrub();
    let mut now = Duration::ZERO;
    let mut go_on = |scrub: &mut Scrub, time: Duration| {
        for _ in 0..time.as_secs() / STEP.as_secs() {
            now += STEP;
            scrub.step(now, STEP);
        }
    };
    go_on(&mut scrub, Duration::from_hours(24));
    assert!(scrub.damages().is_empty(), "{:?}", scrub.damages());

    let files = ["/data/ledger/0000000000000001.log", "/data/history/head/0000000000000030.log"];
    for file in files {
        flip(&disk, file, 5000);
    }
    go_on(&mut scrub, Duration::from_hours(24));
    let found: Vec<_> = scrub.damages().iter().cloned().collect();
    assert_eq!(found.len(), 2, "{found:?}");
    for file in files {
        assert!(found.iter().any(|damage| damage.starts_with(file)), "{found:?}");
    }

    for file in files {
        flip(&disk, file, 5000);
    }
    go_on(&mut scrub, Duration::from_hours(24));
    assert!(scrub.damages().is_empty(), "{:?}", scrub.damages());
}

#[test]
fn a_scrub_reads_a_little_at_a_time_and_rests_between_passes() {
    let disk = FaultyDisk::new(Plan::Fine);
    let store = store(&disk);
    let mut head = head(&store);
    for _ in 0..200 {
        put(&mut head, &vec![8; 40_000]).unwrap();
    }
    let mut scrub = store.keeper.scrub();
    let calls: Vec<u64> = (0..60)
        .map(|step| {
            let before = disk.calls();
            scrub.step(STEP * step, STEP);
            disk.calls() - before
        })
        .collect();
    let busy = calls.iter().filter(|calls| **calls > 0).count();
    assert!((7..=10).contains(&busy), "8 MB take some steps of 1 MiB each: {calls:?}");
    assert_eq!(calls.last(), Some(&0), "the scrub rests");
}
