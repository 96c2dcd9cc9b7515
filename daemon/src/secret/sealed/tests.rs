use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;
use crate::secret::Secret;
use crate::secret::testing::{credential, id};
use crate::storage::disk::faulty::{EIO, ENOSPC, FaultyDisk, Plan};

/// A guess costs nothing here.
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1 };

fn files(directory: &Path) -> Files {
    Files::new(directory, KeySource::File(directory.join(KEY_FILE)))
}

fn locked(directory: &Path, passphrase: &str) -> Files {
    let source = KeySource::Passphrase(Secret::from(passphrase));
    Files { cost: CHEAP, ..Files::new(directory, source) }
}

fn put(files: &Files, at: &CredentialId, secret: &str, version: u32) -> Result<(), SealedError> {
    let mut fresh = credential(secret, "https://api.stripe.com");
    fresh.version = version;
    files.set(at, version, &record::encode(at, &fresh))
}

fn got(files: &Files, at: &CredentialId) -> Option<Vec<u8>> {
    let found = files.get(at).unwrap();
    found.map(|found| found.material.secret().expose().to_vec())
}

fn refused(files: &Files, at: &CredentialId) -> String {
    files.get(at).map(drop).unwrap_err().to_string()
}

#[test]
fn what_is_sealed_is_there_after_a_restart_and_nowhere_in_the_clear() {
    let root = tempfile::tempdir().unwrap();
    let (stripe, mail) = (id("platform", "stripe"), id("user:acme/bob", "mail"));
    let first = files(root.path());
    assert_eq!(got(&first, &stripe), None);
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "nothing is made by looking");
    put(&first, &stripe, "s3cret-one", 1).unwrap();
    put(&first, &mail, "s3cret-two", 1).unwrap();
    put(&first, &stripe, "s3cret-three", 2).unwrap();
    let again = files(root.path());
    assert_eq!(got(&again, &stripe).unwrap(), b"s3cret-three");
    assert_eq!(got(&again, &mail).unwrap(), b"s3cret-two");
    assert_eq!(again.list().unwrap().len(), 2);
    assert!(again.delete(&mail).unwrap());
    assert!(!again.delete(&mail).unwrap());
    assert_eq!(got(&files(root.path()), &mail), None);
    for entry in std::fs::read_dir(root.path()).unwrap() {
        let path = entry.unwrap().path();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"s3cret"), "{}", path.display());
    }
}

#[test]
fn another_passphrase_or_another_way_of_sealing_opens_nothing() {
    let root = tempfile::tempdir().unwrap();
    let stripe = id("platform", "stripe");
    put(&locked(root.path(), "correct"), &stripe, "s3cret", 1).unwrap();
    assert_eq!(got(&locked(root.path(), "correct"), &stripe).unwrap(), b"s3cret");
    let wrong = locked(root.path(), "wrong");
    assert!(refused(&wrong, &stripe).contains("another key or passphrase"));
    assert!(put(&wrong, &stripe, "other", 2).is_err(), "nothing is written over it");
    assert!(refused(&files(root.path()), &stripe).contains("sealed with a passphrase"));
    assert_eq!(got(&locked(root.path(), "correct"), &stripe).unwrap(), b"s3cret");
}

#[test]
fn a_passphrase_file_must_be_private_and_is_read_without_its_line_end() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("passphrase");
    let by_file = || {
        let source = KeySource::PassphraseFile(path.clone());
        Files { cost: CHEAP, ..Files::new(root.path(), source) }
    };
    assert!(by_file().state().unwrap_err().to_string().contains("does not exist"));
    private::replace(&RealDisk, &path, b"correct\n").unwrap();
    put(&by_file(), &id("platform", "stripe"), "s3cret", 1).unwrap();
    assert!(got(&locked(root.path(), "correct"), &id("platform", "stripe")).is_some());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused(&by_file(), &id("platform", "stripe")).contains("chmod 600"));
}

#[test]
fn files_that_others_can_read_and_links_are_refused() {
    for name in [FILE, ANCHOR, KEY_FILE] {
        let root = tempfile::tempdir().unwrap();
        let stripe = id("platform", "stripe");
        put(&files(root.path()), &stripe, "s3cret", 1).unwrap();
        let path = root.path().join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(refused(&files(root.path()), &stripe).contains("chmod 600"), "{name}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let elsewhere = root.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(refused(&files(root.path()), &stripe).contains("symbolic link"), "{name}");
    }
}

#[test]
fn an_older_file_is_noticed_with_and_without_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let stripe = id("platform", "stripe");
    let running = files(root.path());
    put(&running, &stripe, "old", 1).unwrap();
    let read = |name: &str| std::fs::read(root.path().join(name)).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        private::replace(&RealDisk, &root.path().join(name), bytes).unwrap();
    };
    let (old_file, old_anchor) = (read(FILE), read(ANCHOR));
    put(&running, &stripe, "new", 2).unwrap();
    let (new_file, new_anchor) = (read(FILE), read(ANCHOR));
    write(FILE, &old_file);
    assert!(refused(&files(root.path()), &stripe).contains("older than the newest"));
    write(ANCHOR, &old_anchor);
    assert!(refused(&running, &stripe).contains("older than the newest"), "both are older");
    write(FILE, &new_file);
    assert_eq!(got(&files(root.path()), &stripe).unwrap(), b"new", "the anchor is brought up");
    assert!(read(ANCHOR) != old_anchor);
    write(ANCHOR, &new_anchor);
    std::fs::remove_file(root.path().join(FILE)).unwrap();
    assert!(refused(&files(root.path()), &stripe).contains("is gone"));
    write(FILE, &new_file);
    std::fs::remove_file(root.path().join(ANCHOR)).unwrap();
    assert!(refused(&files(root.path()), &stripe).contains("is gone"));
    write(ANCHOR, &new_anchor);
    std::fs::remove_file(root.path().join(KEY_FILE)).unwrap();
    assert!(refused(&files(root.path()), &stripe).contains("key file"));
    assert!(put(&files(root.path()), &stripe, "x", 3).is_err(), "no new key is made");
    assert!(!root.path().join(KEY_FILE).exists());
}

#[test]
fn the_anchor_of_another_file_is_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stripe = id("platform", "stripe");
    let by_key = |root: &Path| Files::new(root, KeySource::File(one.path().join(KEY_FILE)));
    put(&by_key(one.path()), &stripe, "a", 1).unwrap();
    put(&by_key(two.path()), &stripe, "b", 1).unwrap();
    std::fs::copy(one.path().join(ANCHOR), two.path().join(ANCHOR)).unwrap();
    assert!(refused(&by_key(two.path()), &stripe).contains("changed or damaged"));
}

#[test]
fn no_more_are_taken_than_may_be_and_a_known_one_still_changes() {
    let key = SealKey::fixed(1);
    let mut full = Container::empty(Derivation::KeyFile);
    full.generation = 1;
    for number in 0..RECORDS_MAX {
        full.insert(&key, &id("platform", &format!("c{number}")), 1, b"x");
    }
    let root = tempfile::tempdir().unwrap();
    private::replace(&RealDisk, &root.path().join(KEY_FILE), &[1; 32]).unwrap();
    private::replace(&RealDisk, &root.path().join(FILE), &full.encode(&key)).unwrap();
    let files = files(root.path());
    let more = put(&files, &id("platform", "more"), "x", 1).unwrap_err();
    assert!(more.to_string().contains("delete some"), "{more}");
    put(&files, &id("platform", "c7"), "x", 2).unwrap();
}

fn sample(key: &SealKey) -> Container {
    let mut container = Container::empty(Derivation::KeyFile);
    container.generation = 7;
    for (scope, name, version) in
        [("platform", "a", 1), ("platform", "b", 1), ("tenant:acme", "a", 2)]
    {
        let at = id(scope, name);
        let fresh = credential("s3cret", "https://api.stripe.com");
        container.insert(key, &at, version, &record::encode(&at, &fresh));
    }
    container
}

#[test]
fn every_bit_that_is_flipped_is_noticed() {
    let key = SealKey::fixed(1);
    let bytes = sample(&key).encode(&key);
    assert!(Container::decode(&bytes, &key).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Container::decode(&changed, &key).is_err(), "bit {bit}");
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    let key = SealKey::fixed(1);
    let bytes = sample(&key).encode(&key);
    for length in 0..bytes.len() {
        assert!(Container::decode(&bytes[..length], &key).is_err(), "{length}");
    }
    assert!(Container::decode(&[bytes.as_slice(), &[0]].concat(), &key).is_err());
}

#[test]
fn records_cannot_change_places_even_under_a_whole_seal() {
    let key = SealKey::fixed(1);
    let container = sample(&key);
    let ids: Vec<CredentialId> = container.records.keys().cloned().collect();
    for one in &ids {
        for two in ids.iter().filter(|two| *two != one) {
            let moved = container.records.get(two).unwrap();
            assert!(container.open(&key, one, moved).is_none(), "{two} in place of {one}");
        }
        let own = container.records.get(one).unwrap();
        assert!(container.open(&key, one, own).is_some());
        let mut newer = own.clone();
        newer.version += 1;
        assert!(container.open(&key, one, &newer).is_none(), "another version");
    }
    let stranger = sample(&key);
    let foreign = stranger.records.get(&ids[0]).unwrap();
    assert!(container.open(&key, &ids[0], foreign).is_none(), "another file's record");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_change_of_any_bytes_is_noticed(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let key = SealKey::fixed(1);
        let bytes = sample(&key).encode(&key);
        let mut changed = bytes.clone();
        for (at, byte) in edits {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        prop_assume!(changed != bytes);
        prop_assert!(Container::decode(&changed, &key).is_err());
    }

    #[test]
    fn pieces_that_change_places_are_noticed(
        one in any::<prop::sample::Index>(),
        two in any::<prop::sample::Index>(),
        length in 1_usize..200,
    ) {
        let key = SealKey::fixed(1);
        let bytes = sample(&key).encode(&key);
        let most = bytes.len() - length.min(bytes.len() - 1);
        let (one, two) = (one.index(most), two.index(most));
        let mut changed = bytes.clone();
        changed[one..one + length].copy_from_slice(&bytes[two..two + length]);
        changed[two..two + length].copy_from_slice(&bytes[one..one + length]);
        prop_assume!(changed != bytes);
        prop_assert!(Container::decode(&changed, &key).is_err());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = SealKey::fixed(1);
        let with_magic = [b"CCMSEAL1".as_slice(), &bytes].concat();
        prop_assert!(Container::decode(&with_magic, &key).is_err());
        prop_assert!(Anchor::decode(&bytes, &key, [0; 16]).is_err());
    }

    #[test]
    fn another_key_opens_nothing(byte in 2_u8..) {
        let key = SealKey::fixed(1);
        let bytes = sample(&key).encode(&key);
        prop_assert_eq!(
            Container::decode(&bytes, &SealKey::fixed(byte)).map(drop),
            Err(ContainerError::Key)
        );
    }
}

/// The sealed file on a disk that fails.
fn on(disk: &FaultyDisk) -> Files {
    let source = KeySource::Passphrase(Secret::from("correct"));
    let directory = Path::new("/data");
    Files {
        disk: Arc::new(disk.clone()),
        guarded: false,
        cost: CHEAP,
        ..Files::new(directory, source)
    }
}

/// Rotates until the disk fails; says the last version that was acknowledged, and the last that
/// was tried.
fn rotate(disk: &FaultyDisk, files: &Files) -> (u32, u32) {
    let _ = disk.create_directory(Path::new("/data"));
    let mut acknowledged = 0;
    for version in 1..=4 {
        if put(files, &id("platform", "stripe"), &format!("secret {version}"), version).is_err() {
            return (acknowledged, version);
        }
        acknowledged = version;
    }
    (acknowledged, acknowledged)
}

#[test]
fn a_power_loss_at_any_call_leaves_the_former_or_the_new_secret() {
    let mut crashes = 0;
    for call in 0.. {
        let disk = FaultyDisk::new(Plan::Crash(call));
        let (acknowledged, tried) = rotate(&disk, &on(&disk));
        if disk.calls() <= call {
            break;
        }
        crashes += 1;
        for seed in 0..4 {
            let after = disk.after_power_loss(seed);
            let found = got(&on(&after), &id("platform", "stripe"));
            let version = found.map_or(0, |secret| {
                String::from_utf8(secret).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
            });
            assert!((acknowledged..=tried).contains(&version), "call {call}, seed {seed}");
            let next = version + 1;
            put(&on(&after), &id("platform", "stripe"), "later", next).unwrap();
            assert_eq!(got(&on(&after), &id("platform", "stripe")).unwrap(), b"later");
        }
    }
    assert!(crashes > 20, "{crashes}");
}

#[test]
fn a_disk_that_fails_once_loses_nothing_that_was_acknowledged() {
    for code in [EIO, ENOSPC] {
        for call in 0..60 {
            let disk = FaultyDisk::new(Plan::Once(call, code));
            let files = on(&disk);
            let (acknowledged, tried) = rotate(&disk, &files);
            disk.replan(Plan::Fine);
            let found = got(&files, &id("platform", "stripe"));
            let version = found.map_or(0, |secret| {
                String::from_utf8(secret).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
            });
            assert!((acknowledged..=tried).contains(&version), "call {call}");
            put(&files, &id("platform", "stripe"), "later", version + 1).unwrap();
        }
    }
}
