use std::fs;
use std::sync::mpsc;

use proptest::prelude::*;

use super::*;

fn key(number: u64) -> Key {
    Key::tenant("acme").text("documents").number(number)
}

fn fill(index: &Index, count: u64) {
    for number in 0..count {
        let mut batch = Batch::default();
        batch.put(&key(number), format!("value {number}"));
        batch.mark("ledger", Position { segment: 1, offset: number });
        index.apply(batch).unwrap();
    }
}

fn stores(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_index_that_was_closed_is_found_whole_with_its_marks() {
    let temporary = tempfile::tempdir().unwrap();
    let (index, state) = Index::open(temporary.path());
    assert_eq!(state, IndexState::New);
    fill(&index, 50);
    let entries = index.entries().unwrap();
    drop(index);
    let (index, state) = Index::open(temporary.path());
    assert_eq!(state, IndexState::Whole);
    assert_eq!(index.entries().unwrap(), entries);
    assert_eq!(index.mark("ledger").unwrap(), Some(Position { segment: 1, offset: 49 }));
    assert_eq!(index.mark("other").unwrap(), None);
    assert_eq!(index.get(&key(7)).unwrap().unwrap(), b"value 7");
    index.clear().unwrap();
    assert_eq!(index.mark("ledger").unwrap(), None);
    drop(index);
    let (index, state) = Index::open(temporary.path());
    assert_eq!((index.entries().unwrap().len(), state), (0, IndexState::Whole));
}

#[test]
fn a_half_written_snapshot_does_not_make_the_index_unopenable() {
    let temporary = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(temporary.path());
    fill(&index, 5);
    drop(index);
    fs::remove_file(temporary.path().join("seal")).unwrap();
    let store = temporary.path().join("store-1");
    fs::write(store.join("snap.00000000FFFFFFFF.generating"), b"").unwrap();
    let (index, state) = Index::open(temporary.path());
    assert_eq!(state, IndexState::Whole);
    assert_eq!(index.entries().unwrap().len(), 5);
}

#[test]
fn any_change_of_a_sealed_file_leads_to_a_rebuild() {
    let temporary = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let (index, _) = Index::open(temporary.path());
        fill(&index, 5);
        drop(index);
        let names = stores(temporary.path());
        let store = names.iter().find(|name| name.starts_with("store-")).unwrap();
        let path = temporary.path().join(store).join("db");
        let mut bytes = fs::read(&path).unwrap();
        bytes[round * 100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (index, state) = Index::open(temporary.path());
        assert!(matches!(state, IndexState::Rebuilt { .. }), "{state:?}");
        assert_eq!(index.entries().unwrap().len(), 0);
        assert_eq!(index.mark("ledger").unwrap(), None);
        let aside = stores(temporary.path());
        assert_eq!(aside.iter().filter(|name| name.starts_with("damaged-")).count(), 1);
    }
}

#[test]
fn an_index_that_hangs_or_panics_or_refuses_is_put_aside() {
    fn hang(path: &Path) -> Result<(Store, store::Tally), IndexError> {
        if path.ends_with("store-1") {
            let (sender, receiver) = mpsc::channel::<()>();
            std::mem::forget(sender);
            let _ = receiver.recv();
        }
        store::open(path)
    }
    fn panic(path: &Path) -> Result<(Store, store::Tally), IndexError> {
        assert!(!path.ends_with("store-1"), "a panic on purpose");
        store::open(path)
    }
    fn refuse(path: &Path) -> Result<(Store, store::Tally), IndexError> {
        if path.ends_with("store-1") { Err(IndexError::new("refused")) } else { store::open(path) }
    }
    let openers: [guard::Opener; 3] = [hang, panic, refuse];
    for opener in openers {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("store-1")).unwrap();
        let (index, state) = guard::open(temporary.path(), Duration::from_millis(200), opener);
        assert!(matches!(state, IndexState::Rebuilt { .. }), "{state:?}");
        fill(&index, 3);
        assert_eq!(index.entries().unwrap().len(), 3);
    }
}

#[test]
fn on_a_full_disk_the_index_lives_in_memory_and_the_files_stay() {
    fn full(_: &Path) -> Result<(Store, store::Tally), IndexError> {
        Err(IndexError::of_io(&std::io::ErrorKind::StorageFull.into()))
    }
    let temporary = tempfile::tempdir().unwrap();
    let (index, _) = Index::open(temporary.path());
    fill(&index, 3);
    drop(index);
    let (index, state) = guard::open(temporary.path(), DEADLINE, full);
    assert!(matches!(state, IndexState::Absent { .. }), "{state:?}");
    assert_eq!(index.entries().unwrap().len(), 0);
    fill(&index, 4);
    assert_eq!(index.entries().unwrap().len(), 4);
    drop(index);
    let (index, state) = Index::open(temporary.path());
    assert_eq!((index.entries().unwrap().len(), state), (3, IndexState::Whole));
}

#[test]
fn a_range_stays_below_its_prefix_and_can_be_continued() {
    let index = Index::in_memory();
    fill(&index, 10);
    let mut batch = Batch::default();
    batch.put(&Key::tenant("acme2").text("documents").number(0), "foreign");
    index.apply(batch).unwrap();
    let prefix = Key::tenant("acme");
    let first = index.range(&prefix, None, 4).unwrap();
    assert_eq!(first.len(), 4);
    let rest = index.range(&prefix, Some(&first[3].0), 100).unwrap();
    assert_eq!(rest.len(), 6);
    assert!(rest.iter().all(|(_, value)| value != b"foreign"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Sled and memory answer alike, also after sled was closed and opened.
    #[test]
    fn both_stores_are_one_ordered_map(
        changes in proptest::collection::vec((0..20_u64, proptest::option::of(any::<u8>())), 0..60),
    ) {
        let temporary = tempfile::tempdir().unwrap();
        let (mut index, _) = Index::open(temporary.path());
        let memory = Index::in_memory();
        for (at, changes) in changes.chunks(7).enumerate() {
            let mut batch = Batch::default();
            for (number, value) in changes {
                match value {
                    Some(value) => batch.put(&key(*number), vec![*value]),
                    None => batch.remove(&key(*number)),
                }
            }
            index.apply(batch.clone()).unwrap();
            memory.apply(batch).unwrap();
            if at % 4 == 3 {
                drop(index);
                let (opened, state) = Index::open(temporary.path());
                prop_assert_eq!(state, IndexState::Whole);
                index = opened;
            }
            prop_assert_eq!(index.entries().unwrap(), memory.entries().unwrap());
        }
    }
}
