//! A store on a file system that is really full: a small tmpfs in a mount namespace of its own.

#[cfg(test)]
mod full {
    use std::fs::{self, File};
    use std::io::Write;
    use std::path::Path;
    use std::process::Command;

    use ccm_daemon::storage::log::{Log, LogError, LogOptions};
    use ccm_daemon::storage::{Storage, StorageOptions, StoreState};

    const DIRECTORY: &str = "CCM_TEST_FULL";
    const OPTIONS: StorageOptions =
        StorageOptions { ballast_bytes: 512 * 1024, log: LogOptions { segment_bytes: 64 * 1024 } };

    #[test]
    fn a_store_starts_reads_and_recovers_on_a_full_disk() {
        let temporary = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs -o size=8m none \"$1\" || exit 77; exec \"$2\" --exact full::on_a_small_disk --nocapture";
        let result = Command::new("unshare")
            .args(["--mount", "--", "sh", "-c", script, "sh"])
            .arg(temporary.path())
            .arg(std::env::current_exe().unwrap())
            .env(DIRECTORY, temporary.path())
            .output();
        match result {
            Ok(output) if output.status.success() => {
                let out = String::from_utf8_lossy(&output.stdout).into_owned();
                assert!(out.contains("went through"), "{out}");
            }
            Ok(output) if !may_mount(output.status.code()) => {
                println!("SKIPPED: a tmpfs cannot be mounted here; the fault disk covers the rest");
            }
            Ok(output) => panic!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
            Err(error) => println!("SKIPPED: no unshare: {error}"),
        }
    }

    /// 77 is ours, 1 is what unshare says when it is not permitted; a failing test says 101.
    fn may_mount(code: Option<i32>) -> bool {
        !matches!(code, Some(77 | 1))
    }

    fn put(log: &mut Log, record: &[u8]) -> Result<(), LogError> {
        log.append(record)?;
        log.sync()
    }

    fn fill(path: &Path) {
        let mut file = File::create(path).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![7; size]).is_ok() {}
        }
    }

    /// Not a test of its own: runs inside the namespace.
    #[test]
    fn on_a_small_disk() {
        let Some(mount) = std::env::var_os(DIRECTORY) else { return };
        let mount = Path::new(&mount);
        let (data, filler) = (mount.join("data"), mount.join("filler"));
        let mut kept = Vec::new();

        let mut store = Storage::open_with(&data, OPTIONS).unwrap();
        let (mut head, _) = store.keeper.history("head", OPTIONS.log).unwrap();
        put(&mut store.ledger, b"before").unwrap();
        kept.push(b"before".to_vec());
        fill(&filler);
        // The head stops, the ledger takes the reserve.
        let stopped = (0..100).any(|_| put(&mut head, &[1; 4096]).is_err());
        assert!(stopped && matches!(store.probe(), StoreState::ReadOnly { .. }));
        for at in 0..200_u32 {
            let record = vec![at as u8; 1000];
            if put(&mut store.ledger, &record).is_ok() {
                kept.push(record);
            }
        }
        assert!(kept.len() > 190, "only {} kept", kept.len());
        drop((store, head));

        // Whatever the reserve left is filled as well, then the daemon starts.
        fill(&mount.join("more"));
        assert!(fs::write(mount.join("probe"), b"x").is_err(), "the disk is not full");
        let mut store = Storage::open_with(&data, OPTIONS).unwrap();
        let (mut head, _) = store.keeper.history("head", OPTIONS.log).unwrap();
        let read: Vec<_> = store.ledger.scan(None).map(|record| record.unwrap().1).collect();
        assert_eq!(read, kept);
        let mut refused = 0;
        for _ in 0..100 {
            match put(&mut store.ledger, &[9; 4096]) {
                Ok(()) => kept.push(vec![9; 4096]),
                Err(error) => {
                    assert!(error.is_full(), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0 && matches!(store.probe(), StoreState::ReadOnly { .. }));

        // Room again: both logs go on after one probe, without a restart.
        fs::remove_file(&filler).unwrap();
        assert_eq!(store.probe(), StoreState::ReadWrite);
        put(&mut store.ledger, b"after").unwrap();
        kept.push(b"after".to_vec());
        put(&mut head, b"after").unwrap();
        drop((store, head));
        let store = Storage::open_with(&data, OPTIONS).unwrap();
        let read: Vec<_> = store.ledger.scan(None).map(|record| record.unwrap().1).collect();
        assert_eq!(read, kept);
        println!("went through with {} records", kept.len());
    }
}
