//! Two thousand faults in the files of a store: nothing may panic, hang or answer wrongly in
//! silence.

#[cfg(test)]
mod damage {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use ccm_daemon::storage::index::{Batch, IndexState};
    use ccm_daemon::storage::key::Key;
    use ccm_daemon::storage::log::{FRAME_BYTES, Log, LogOptions, Position};
    use ccm_daemon::storage::{Storage, StorageOptions};
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};
    use tempfile::TempDir;

    const OPTIONS: StorageOptions =
        StorageOptions { ballast_bytes: 8 * 1024, log: LogOptions { segment_bytes: 4 * 1024 } };
    const FAULTS: u64 = 1960;
    /// Faults in what a kill left, which only sled itself can judge; each may take its deadline.
    const FAULTS_AFTER_A_KILL: u64 = 40;
    const HANG: Duration = Duration::from_secs(5);
    const PAGE: usize = 4096;

    type Records = BTreeMap<Position, Vec<u8>>;

    /// What the store holds.
    #[derive(Clone, Debug, Default)]
    struct Model {
        logs: [Records; 2],
        entries: BTreeMap<Vec<u8>, Vec<u8>>,
    }

    /// What the store answered, and whether it said that something was wrong.
    #[derive(Debug, Default)]
    struct Answers {
        logs: [Records; 2],
        by_position: [Records; 2],
        index: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
        reported: bool,
    }

    fn scratch() -> TempDir {
        // Durability is not what is tested here, so memory does.
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
    }

    fn write(store: &mut Storage, numbers: std::ops::Range<u64>, model: &mut Model) {
        let (mut head, _) = store.keeper.history("head", OPTIONS.log).unwrap();
        for number in numbers {
            let record: Vec<u8> =
                (0..50 + number * 53 % 400).map(|at| (at ^ number) as u8).collect();
            let key = Key::tenant("acme").number(number);
            let position = store.ledger.append(&record).unwrap();
            model.logs[0].insert(position, record.clone());
            model.logs[1].insert(head.append(&record).unwrap(), record.clone());
            let mut batch = Batch::default();
            batch.put(&key, record.clone());
            batch.mark("ledger", position.after(record.len()));
            store.index.apply(batch).unwrap();
            model.entries.insert(key.as_bytes().to_vec(), record);
            store.ledger.sync().unwrap();
            head.sync().unwrap();
        }
        store.index.flush().unwrap();
    }

    /// A store that was closed, an older copy of it, and one as a kill leaves it.
    struct Templates {
        closed: TempDir,
        older: TempDir,
        killed: TempDir,
        model: Model,
    }

    fn templates() -> Templates {
        let (closed, older, killed) = (scratch(), scratch(), scratch());
        let mut model = Model::default();
        let mut store = Storage::open_with(closed.path(), OPTIONS).unwrap();
        write(&mut store, 0..60, &mut model);
        drop(store);
        copy(closed.path(), older.path());
        let mut store = Storage::open_with(closed.path(), OPTIONS).unwrap();
        assert_eq!(store.index_state, IndexState::Whole, "{:?}", store.recovery);
        write(&mut store, 60..100, &mut model);
        copy(closed.path(), killed.path());
        drop(store);
        Templates { closed, older, killed, model }
    }

    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir_all(&target).unwrap();
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }

    fn files(directory: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, into) } else { into.push(path) }
        }
        into.sort();
    }

    /// Does something bad to one file and says what.
    fn harm(directory: &Path, older: &Path, below: &str, random: &mut StdRng) -> String {
        let mut all = Vec::new();
        files(directory, &mut all);
        all.retain(|path| path.starts_with(directory.join(below)));
        let path = all.choose(random).unwrap();
        let mut bytes = fs::read(path).unwrap();
        let pages = bytes.len() / PAGE;
        let kind = random.random_range(0..8);
        match kind {
            0 if !bytes.is_empty() => {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
            1 if !bytes.is_empty() => {
                let at = random.random_range(0..bytes.len()) / PAGE * PAGE;
                let until = (at + PAGE).min(bytes.len());
                bytes[at..until].fill(0);
            }
            2 if !bytes.is_empty() => bytes.truncate(random.random_range(0..bytes.len())),
            3 => bytes.extend((0..random.random_range(1..500)).map(|_| random.random::<u8>())),
            4 if pages >= 2 => {
                let (one, other) = (random.random_range(0..pages), random.random_range(0..pages));
                for at in 0..PAGE {
                    bytes.swap(one * PAGE + at, other * PAGE + at);
                }
            }
            5 => {
                fs::remove_file(path).unwrap();
                return format!("{} deleted", path.display());
            }
            6 => bytes.clear(),
            _ => {
                let older = older.join(path.strip_prefix(directory).unwrap());
                bytes = fs::read(older).unwrap_or(bytes);
            }
        }
        fs::write(path, bytes).unwrap();
        format!("{} harmed in way {kind}", path.display())
    }

    fn ask(directory: &Path, model: &Model) -> Answers {
        let mut answers = Answers::default();
        let store = match Storage::open_with(directory, OPTIONS) {
            Ok(store) => store,
            Err(error) => {
                println!("refused: {error}");
                return Answers { reported: true, ..answers };
            }
        };
        let rebuilt = matches!(store.index_state, IndexState::Rebuilt { .. });
        answers.reported = !store.recovery.is_empty() || rebuilt;
        let (head, said) = match store.keeper.history("head", OPTIONS.log) {
            Ok(opened) => opened,
            Err(error) => {
                println!("refused: {error}");
                return Answers { reported: true, ..answers };
            }
        };
        answers.reported |= !said.is_empty();
        for (at, log) in [&store.ledger, &head].into_iter().enumerate() {
            for item in log.scan(None) {
                match item {
                    Ok((position, record)) => drop(answers.logs[at].insert(position, record)),
                    Err(_) => answers.reported = true,
                }
            }
            for position in model.logs[at].keys() {
                if let Ok(record) = log.read(*position) {
                    answers.by_position[at].insert(*position, record);
                }
            }
        }
        let mark = store.index.mark("ledger").unwrap();
        let usable = mark.is_some_and(|mark| store.ledger.reader().covers(mark));
        if usable && store.index_state == IndexState::Whole {
            // An older index may be behind; it says how far, and is caught up.
            for (position, record) in store.ledger.scan(mark).flatten() {
                let known = model.logs[0].iter().position(|(at, _)| *at == position);
                let mut batch = Batch::default();
                batch.put(&Key::tenant("acme").number(known.unwrap_or(usize::MAX) as u64), record);
                store.index.apply(batch).unwrap();
            }
            answers.index = Some(store.index.entries().unwrap());
        } else {
            answers.reported = true;
        }
        answers
    }

    /// Answers that nobody could tell from true ones.
    fn silent(answers: &Answers, model: &Model) -> Option<String> {
        for at in 0..2 {
            let truth = &model.logs[at];
            for (position, record) in answers.logs[at].iter().chain(&answers.by_position[at]) {
                if truth.get(position) != Some(record) {
                    return Some(format!("log {at} has something else at {position}"));
                }
            }
            let whole = &answers.logs[at] == truth && &answers.by_position[at] == truth;
            if !whole && !answers.reported {
                return Some(format!("log {at} lost records in silence"));
            }
        }
        let index = answers.index.as_ref().filter(|entries| **entries != model.entries);
        index.map(|_| "the index is wrong in silence".to_owned())
    }

    type Ask = fn(&Path, &Model) -> Answers;

    /// Harms copies of a store and says what was wrong with the answers.
    fn run(templates: &Templates, closed: bool, below: &str, count: u64, ask: Ask) -> Vec<String> {
        let seed: u64 = rand::rng().random();
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let template = if closed { &templates.closed } else { &templates.killed };
        let mut wrong = Vec::new();
        for _ in 0..count {
            let directory = scratch();
            copy(template.path(), directory.path());
            let harm = harm(directory.path(), templates.older.path(), below, &mut random);
            let (sender, receiver) = channel();
            let (path, model) = (directory.path().to_owned(), templates.model.clone());
            let thread = std::thread::spawn(move || drop(sender.send(ask(&path, &model))));
            match receiver.recv_timeout(HANG) {
                Ok(answers) => {
                    let found = silent(&answers, &templates.model);
                    wrong.extend(found.map(|found| format!("{harm}: {found}")));
                    thread.join().unwrap();
                }
                Err(error) => wrong.push(format!("{harm}: hang or panic ({error})")),
            }
        }
        wrong
    }

    #[test]
    fn no_fault_in_a_closed_store_is_answered_with_something_wrong() {
        let templates = templates();
        let mut wrong = run(&templates, true, "", FAULTS / 2, ask);
        wrong.extend(run(&templates, true, "ledger", FAULTS / 2, ask));
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn no_fault_in_an_index_after_a_kill_hangs_or_panics_or_answers_wrongly() {
        let templates = templates();
        let wrong = run(&templates, false, "index", FAULTS_AFTER_A_KILL, ask);
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn nothing_is_reported_of_a_store_without_a_fault() {
        let templates = templates();
        for template in [&templates.closed, &templates.killed, &templates.older] {
            let answers = ask(template.path(), &templates.model);
            assert!(!answers.reported, "{answers:?}");
        }
    }

    /// Reads the same files without looking at any checksum.
    fn ask_without_checksums(directory: &Path, model: &Model) -> Answers {
        let mut answers = Answers::default();
        for (at, name) in ["ledger", "history/head"].into_iter().enumerate() {
            let mut all = Vec::new();
            files(&directory.join(name), &mut all);
            all.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
            for path in all {
                let segment = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
                read_without_checksums(&path, segment, &mut answers.logs[at]);
            }
            answers.by_position[at] = answers.logs[at].clone();
        }
        answers.index = Some(model.entries.clone());
        answers
    }

    fn read_without_checksums(path: &Path, segment: u64, into: &mut Records) {
        let bytes = fs::read(path).unwrap();
        let mut at = 40;
        while let Some(length) = bytes.get(at..at + 4) {
            let from = at + FRAME_BYTES as usize;
            let until = from + u32::from_le_bytes(length.try_into().unwrap()) as usize;
            let Some(record) = bytes.get(from..until) else { break };
            into.insert(Position { segment, offset: at as u64 }, record.to_vec());
            at = until;
        }
    }

    #[test]
    fn null_control_a_reader_without_checksums_is_caught() {
        let templates = templates();
        let wrong = run(&templates, true, "ledger", 200, ask_without_checksums);
        assert!(wrong.iter().any(|wrong| wrong.contains("has something else")));
        let unharmed = ask_without_checksums(templates.closed.path(), &templates.model);
        assert_eq!(silent(&unharmed, &templates.model), None, "the control itself reads rightly");
    }

    #[test]
    fn null_control_a_store_that_reports_nothing_is_caught() {
        let quiet: Ask = |path, model| Answers { reported: false, ..ask(path, model) };
        let wrong = run(&templates(), true, "ledger", 100, quiet);
        assert!(wrong.iter().any(|wrong| wrong.contains("in silence")));
    }

    #[test]
    fn a_log_in_a_file_that_is_no_directory_is_refused_in_words() {
        let temporary = scratch();
        fs::write(temporary.path().join("ledger"), b"not a directory").unwrap();
        let error = Log::open(&temporary.path().join("ledger"), OPTIONS.log).unwrap_err();
        assert!(error.to_string().contains("ledger"), "{error}");
    }
}
