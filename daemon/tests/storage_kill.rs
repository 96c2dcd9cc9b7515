//! A store whose writer is killed hundreds of times, and a store that two processes want.
//!
//! The writer is this very binary, started anew: it tells on a pipe what it has been promised, and
//! is killed at a random moment. What it was promised must be there afterwards.

#[cfg(test)]
mod kill {
    use std::collections::BTreeMap;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStdout, Command, Stdio};
    use std::time::Duration;

    use ccm_daemon::storage::index::{Batch, Index, IndexState};
    use ccm_daemon::storage::key::Key;
    use ccm_daemon::storage::lock::LockError;
    use ccm_daemon::storage::log::{Log, LogOptions, Position};
    use ccm_daemon::storage::{Storage, StorageError, StorageOptions};
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    const DIRECTORY: &str = "CCM_TEST_DIRECTORY";
    const MODE: &str = "CCM_TEST_MODE";
    const OPTIONS: StorageOptions =
        StorageOptions { ballast_bytes: 64 * 1024, log: LogOptions { segment_bytes: 16 * 1024 } };

    const KILLS: u64 = 500;
    /// Two stores are killed side by side.
    const STORES: u64 = 2;

    fn payload(number: u64) -> Vec<u8> {
        let mut bytes = number.to_le_bytes().to_vec();
        bytes.extend((0..number * 37 % 300).map(|at| (at * 31 + number) as u8));
        bytes
    }

    fn number_of(record: &[u8]) -> u64 {
        u64::from_le_bytes(record[..8].try_into().unwrap())
    }

    fn entry(number: u64) -> Key {
        Key::tenant("acme").number(number % 64)
    }

    /// Applies what the ledger has and the index has not.
    fn catch_up(ledger: &Log, index: &Index) {
        let mark = index.mark("ledger").unwrap().filter(|mark| ledger.reader().covers(*mark));
        if mark.is_none() {
            index.clear().unwrap();
        }
        for record in ledger.scan(mark) {
            let (position, record) = record.unwrap();
            apply(index, position, &record);
        }
    }

    fn apply(index: &Index, position: Position, record: &[u8]) {
        let mut batch = Batch::default();
        batch.put(&entry(number_of(record)), record);
        batch.mark("ledger", position.after(record.len()));
        index.apply(batch).unwrap();
    }

    fn say(line: &str) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").unwrap();
        out.flush().unwrap();
    }

    /// Not a test of its own: what the killed process does.
    #[test]
    fn writer() {
        let (Ok(directory), Ok(mode)) = (std::env::var(DIRECTORY), std::env::var(MODE)) else {
            return;
        };
        let directory = PathBuf::from(directory);
        // The test harness has begun a line of its own.
        say("");
        match mode.as_str() {
            "own" => own(&directory),
            "own without a lock" => {
                let opened = Log::open(&directory.join("ledger"), OPTIONS.log);
                opened.unwrap();
                say("open");
                wait_for_parent();
            }
            mode => loop {
                session(&directory, mode);
            },
        }
    }

    /// One opening, some writing, one clean close.
    fn session(directory: &Path, mode: &str) {
        if mode == "rebuild" {
            let _ = std::fs::remove_dir_all(directory.join("index"));
        }
        say("opening");
        let mut store = Storage::open_with(directory, OPTIONS).unwrap();
        say("opened");
        catch_up(&store.ledger, &store.index);
        let last = store.ledger.scan(None).last().map(|record| number_of(&record.unwrap().1));
        let mut next = last.map_or(0, |last| last + 1);
        let groups = if mode == "churn" { 2 } else { 400 };
        for group in 0..groups {
            let numbers = next..next + 1 + group % 4 * 5;
            next = numbers.end;
            if mode == "ack before write" {
                say(&format!("ack {}", next - 1));
            }
            let records: Vec<_> = numbers
                .map(|number| {
                    let record = payload(number);
                    (store.ledger.append(&record).unwrap(), record)
                })
                .collect();
            store.ledger.sync().unwrap();
            if mode != "ack before write" {
                say(&format!("ack {}", next - 1));
            }
            for (position, record) in records {
                apply(&store.index, position, &record);
            }
            if mode == "compact" || group % 50 == 49 {
                compact(&mut store);
            }
        }
        say("closing");
        drop(store);
        say("closed");
    }

    fn compact(store: &mut Storage) {
        store.ledger.rotate().unwrap();
        store.index.flush().unwrap();
        let segments = store.ledger.segments();
        if let Some(keep) = segments.len().checked_sub(4).map(|at| segments[at].number) {
            let from = Position { segment: keep, offset: 0 };
            let first = store.ledger.scan(Some(from)).next().unwrap().unwrap();
            say(&format!("retire {}", number_of(&first.1)));
            store.ledger.remove_before(keep).unwrap();
        }
    }

    fn own(directory: &Path) {
        match Storage::open_with(directory, OPTIONS) {
            Ok(_store) => {
                say("open");
                wait_for_parent();
            }
            Err(StorageError::Lock(LockError::Held { pid, .. })) => {
                say(&format!("held {}", pid.unwrap_or(0)));
            }
            Err(error) => say(&format!("error {error}")),
        }
    }

    fn wait_for_parent() {
        let _ = std::io::stdin().read(&mut [0]);
    }

    fn start(directory: &Path, mode: &str) -> (Child, BufReader<ChildStdout>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::writer", "--nocapture", "--test-threads=1"])
            .env(DIRECTORY, directory)
            .env(MODE, mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (child, out)
    }

    /// What the writer was promised and what it gave up.
    #[derive(Debug, Default)]
    struct Promised {
        acknowledged: Option<u64>,
        retired: u64,
        moments: BTreeMap<&'static str, u64>,
    }

    impl Promised {
        /// Takes in what the writer said; a line without an end was not said.
        fn hear(&mut self, line: &str) {
            let Some(line) = line.strip_suffix('\n') else { return };
            if let Some(number) = line.strip_prefix("ack ") {
                self.acknowledged = self.acknowledged.max(number.parse().ok());
            } else if let Some(number) = line.strip_prefix("retire ") {
                self.retired = self.retired.max(number.parse().unwrap());
            }
        }
    }

    /// Starts a writer, kills it somewhere, and hears what it said until then.
    fn kill_once(directory: &Path, mode: &str, random: &mut StdRng, promised: &mut Promised) {
        let (mut child, mut out) = start(directory, mode);
        let lines = random.random_range(1..40);
        let mut last = String::new();
        for _ in 0..lines {
            let mut line = String::new();
            if out.read_line(&mut line).unwrap() == 0 {
                break;
            }
            promised.hear(&line);
            last = line;
        }
        std::thread::sleep(Duration::from_micros(random.random_range(0..4000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for moment in ["opening", "opened", "ack", "retire", "closing", "closed"] {
            if last.starts_with(moment) && last.trim_end().len() - moment.len() < 10 {
                *promised.moments.entry(moment).or_default() += 1;
            }
        }
        let mut rest = String::new();
        while out.read_line(&mut rest).unwrap() > 0 {
            promised.hear(&rest);
            rest.clear();
        }
    }

    /// Everything that is wrong with the store after a kill.
    fn violations(directory: &Path, promised: &Promised) -> Vec<String> {
        let store = match Storage::open_with(directory, OPTIONS) {
            Ok(store) => store,
            Err(error) => return vec![format!("cannot be opened: {error}")],
        };
        let mut violations: Vec<String> =
            store.recovery.iter().filter(|line| line.contains("damaged at")).cloned().collect();
        let mut expected = None;
        let mut model = BTreeMap::new();
        for record in store.ledger.scan(None) {
            let Ok((_, record)) = record else {
                violations.push(format!("{record:?}"));
                continue;
            };
            let number = number_of(&record);
            if expected.is_some_and(|expected| expected != number) || record != payload(number) {
                violations.push(format!("record {number} is not what was written next"));
            }
            if expected.is_none() && number > promised.retired {
                violations.push(format!("records before {number} are lost"));
            }
            expected = Some(number + 1);
            model.insert(entry(number).as_bytes().to_vec(), record);
        }
        if expected.and_then(|next| next.checked_sub(1)) < promised.acknowledged {
            let acknowledged = promised.acknowledged;
            violations.push(format!("{acknowledged:?} acknowledged, {expected:?} would be next"));
        }
        catch_up(&store.ledger, &store.index);
        let entries = store.index.entries().unwrap();
        let wrong = model.iter().find(|(key, record)| entries.get(*key) != Some(record));
        violations.extend(wrong.map(|(key, _)| format!("the index is wrong at {key:?}")));
        violations
    }

    fn mode_of(kill: u64) -> &'static str {
        match kill % 10 {
            0..=3 => "write",
            4..=6 => "churn",
            7..=8 => "compact",
            _ => "rebuild",
        }
    }

    fn kills(count: u64, seed: u64, mode_of: fn(u64) -> &'static str) -> (Promised, Vec<String>) {
        let temporary = tempfile::tempdir().unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        let mut promised = Promised::default();
        for kill in 0..count {
            let mode = mode_of(kill);
            kill_once(temporary.path(), mode, &mut random, &mut promised);
            // Now and then the next writer meets what the kill left, not what we made of it.
            if kill % 3 == 2 || kill + 1 == count {
                let violations = violations(temporary.path(), &promised);
                if !violations.is_empty() {
                    return (promised, violations);
                }
            }
        }
        (promised, Vec::new())
    }

    #[test]
    fn no_kill_loses_what_was_acknowledged() {
        let seed: u64 = rand::rng().random();
        println!("seed {seed}");
        let stores: Vec<_> = (0..STORES)
            .map(|store| std::thread::spawn(move || kills(KILLS / STORES, seed ^ store, mode_of)))
            .collect();
        for store in stores {
            let (promised, violations) = store.join().unwrap();
            println!("{promised:?}");
            assert_eq!(violations, Vec::<String>::new(), "seed {seed}");
            assert!(promised.acknowledged > Some(1000));
            for moment in ["opening", "opened", "ack", "closing", "closed"] {
                assert!(promised.moments.contains_key(moment), "no kill after `{moment}`");
            }
        }
    }

    #[test]
    fn null_control_a_writer_that_acknowledges_too_early_is_caught() {
        let seed: u64 = rand::rng().random();
        println!("seed {seed}");
        let (_, violations) = kills(200, seed, |_| "ack before write");
        assert!(violations.iter().any(|violation| violation.contains("acknowledged")));
    }

    /// Starts several daemons at once and says how many own the directory, and what the others
    /// said.
    fn race(directory: &Path, mode: &str, count: usize) -> (Vec<u32>, Vec<String>) {
        let mut children: Vec<_> = (0..count).map(|_| start(directory, mode)).collect();
        let (mut owners, mut others) = (Vec::new(), Vec::new());
        for (child, out) in &mut children {
            let answer = out
                .lines()
                .map(Result::unwrap)
                .find(|line| ["open", "held", "error"].iter().any(|word| line.starts_with(word)));
            match answer.as_deref() {
                Some("open") => owners.push(child.id()),
                answer => others.push(answer.unwrap_or("nothing").to_owned()),
            }
        }
        for (mut child, _) in children {
            let _ = child.kill();
            child.wait().unwrap();
        }
        (owners, others)
    }

    #[test]
    fn of_daemons_started_at_once_one_owns_the_directory_and_the_others_name_it() {
        let temporary = tempfile::tempdir().unwrap();
        for _ in 0..10 {
            let (owners, others) = race(temporary.path(), "own", 6);
            assert_eq!(owners.len(), 1, "{others:?}");
            // A process that asks before the owner wrote its id down names none, or the owner
            // before it.
            assert!(others.iter().all(|answer| answer.starts_with("held ")), "{others:?}");
        }
    }

    #[test]
    fn a_second_daemon_names_the_owner_and_a_kill_frees_the_directory() {
        let temporary = tempfile::tempdir().unwrap();
        let (mut child, mut out) = start(temporary.path(), "own");
        let mut line = String::new();
        while !line.starts_with("open") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0);
        }
        let error = Storage::open(temporary.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("(process {})", child.id())), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        let store = Storage::open_with(temporary.path(), OPTIONS).unwrap();
        assert!(!matches!(store.index_state, IndexState::Absent { .. }));
    }

    #[test]
    fn null_control_daemons_without_a_lock_are_caught() {
        let temporary = tempfile::tempdir().unwrap();
        let caught = (0..10).any(|_| {
            let (owners, _) = race(temporary.path(), "own without a lock", 6);
            owners.len() > 1
        });
        assert!(caught);
    }
}
