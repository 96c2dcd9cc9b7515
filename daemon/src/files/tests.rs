use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use ccm_proto::model::{Kind, Timestamp};
use tempfile::TempDir;

use super::*;
use crate::registry::Shipped;
use crate::registry::actor::{Parts, spawn, testing};

const SHIPPED: Shipped =
    Shipped { kind: Kind::Source, name: "host", toml: "type = \"system\"\ninterval = \"1s\"" };

/// Long enough for a machine under load, and never waited for when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

struct Room {
    root: TempDir,
    files: Files,
    known: tokio::sync::Mutex<Known>,
}

impl Room {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        let notices = NoticeBoard::default();
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let registry = spawn(Parts {
            ledger: Box::new(testing::Paper::default()),
            index: crate::storage::index::Index::in_memory(),
            clock: clock.clone(),
            notices: notices.clone(),
            shipped: vec![SHIPPED],
        })
        .unwrap();
        let files = Files { directory: root.path().join("ccm"), registry, notices, clock };
        Self { root, files, known: tokio::sync::Mutex::default() }
    }

    /// What the loop does for one change.
    async fn look(&self) {
        let found = scan(&self.files.directory);
        assert!(self.files.settle(&mut *self.known.lock().await, found).await);
    }

    fn path(&self, within: &str) -> PathBuf {
        let path = self.files.directory.join(within);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, within: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(within), text).unwrap();
    }

    fn interval(&self) -> String {
        interval(&self.files.registry)
    }

    fn notice(&self, path: &str) -> Option<Notice> {
        self.files.notices.subscribe().borrow().get(&key(path)).cloned()
    }

    /// Waits until the interval of `source/host` is this one.
    async fn until(&self, expected: &str) {
        let mut snapshots = self.files.registry.snapshot();
        let wait = async {
            while self.interval() != expected {
                snapshots.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never became {expected}"));
    }
}

fn interval(registry: &RegistryHandle) -> String {
    let snapshot = Arc::clone(&registry.snapshot().borrow());
    let document = snapshot.documents.get(&"source/host".parse().unwrap()).unwrap();
    document.spec["interval"].as_str().unwrap().to_owned()
}

fn replace(path: &Path, text: &str) {
    let temporary = path.with_extension("toml~");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, path).unwrap();
}

#[tokio::test]
async fn files_are_documents_of_their_own_manager_with_the_reason_of_their_first_line() {
    let room = Room::new();
    room.look().await;
    room.write("sources/host.toml", "# reason: calmer\ninterval = \"2s\"\n");
    room.look().await;
    assert_eq!(room.interval(), "2s");
    let id: DocumentId = "source/host".parse().unwrap();
    let scope = ccm_proto::model::Scope::Platform;
    let history = room.files.registry.history(id, scope, 0, 9).await.unwrap();
    let provenance = &history.revisions[0].provenance;
    assert_eq!(provenance.manager, "file:sources/host.toml");
    assert_eq!((provenance.reason.as_str(), provenance.actor.as_str()), ("calmer", "ccmd"));
    room.look().await;
    fs::remove_file(room.path("sources/host.toml")).unwrap();
    room.look().await;
    assert_eq!(room.interval(), "1s");
}

#[tokio::test]
async fn a_broken_file_keeps_the_last_good_version_and_says_where_until_it_is_mended() {
    let room = Room::new();
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.look().await;
    room.write("sources/host.toml", "interval = \"3s\"\ntimeuot = \"1s\"\n");
    room.look().await;
    assert_eq!(room.interval(), "2s");
    let notice = room.notice("sources/host.toml").unwrap();
    assert_eq!((notice.line, notice.column), (2, 1));
    let summary = notice.summary.as_str();
    assert_eq!(summary, "there is no key `timeuot` here; did you mean `timeout`?");
    assert!(notice.file.unwrap().as_str().ends_with("/ccm/sources/host.toml"));
    assert!(notice.detail[2].as_str().contains("timeuot = \"1s\""), "{:?}", notice.detail);
    room.write("sources/host.toml", "interval = \"3s\"\ntimeout = \"1s\"\n");
    room.look().await;
    assert_eq!(room.interval(), "3s");
    assert_eq!(room.notice("sources/host.toml"), None);
}

#[tokio::test]
async fn what_is_no_text_of_a_document_is_told_and_what_it_said_holds() {
    let room = Room::new();
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.look().await;
    let cases: [(&[u8], &str); 2] = [
        (b"interval = \"\xff\"", "not UTF-8 from byte 12"),
        (&vec![b'#'; 300_000], "more than 262144 bytes"),
    ];
    for (bytes, expected) in cases {
        room.write("sources/host.toml", bytes);
        room.look().await;
        let notice = room.notice("sources/host.toml").unwrap();
        assert!(notice.summary.as_str().contains(expected), "{}", notice.summary);
        assert_eq!(room.interval(), "2s");
    }
    room.write("sources/My Host.toml", "interval = \"9s\"");
    room.write("sources/.hidden.toml", "what = 1");
    room.write("sources/host.toml~", "what = 1");
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.look().await;
    assert_eq!(room.notice("sources/host.toml"), None);
    let standing: Vec<String> = room.files.notices.subscribe().borrow().keys().cloned().collect();
    assert_eq!(standing, ["file:sources/My Host.toml"]);
    fs::remove_file(room.path("sources/My Host.toml")).unwrap();
    room.look().await;
    assert!(room.files.notices.subscribe().borrow().is_empty());
}

#[tokio::test]
async fn a_file_that_went_while_the_daemon_was_down_is_taken_back_at_the_start() {
    let room = Room::new();
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.look().await;
    fs::remove_file(room.path("sources/host.toml")).unwrap();
    *room.known.lock().await = room.files.remembered().await;
    room.look().await;
    assert_eq!(room.interval(), "1s");
}

#[tokio::test]
async fn a_file_that_went_while_nobody_looked_is_taken_back_but_a_missing_directory_is_not() {
    let room = Room::new();
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.look().await;
    let aside = room.root.path().join("aside");
    fs::rename(&room.files.directory, &aside).unwrap();
    room.look().await;
    assert_eq!(room.interval(), "2s");
    fs::create_dir(&room.files.directory).unwrap();
    room.look().await;
    assert_eq!(room.interval(), "1s");
}

#[tokio::test]
async fn documents_come_after_what_they_need_and_go_before_it() {
    let room = Room::new();
    let widget = "title = \"t\"\nsource = \"mine\"\ntype = \"gauge\"\n[gauge]\nvalue = \"a\"\n";
    room.write("widgets/a.toml", widget);
    room.write("sources/mine.toml", "type = \"system\"");
    room.look().await;
    let id: DocumentId = "widget/a".parse().unwrap();
    let snapshot = Arc::clone(&room.files.registry.snapshot().borrow());
    assert_eq!(snapshot.closure(&id).len(), 2);
    assert_eq!(snapshot.generation, 2);
    fs::remove_file(room.path("sources/mine.toml")).unwrap();
    room.look().await;
    let notice = room.notice("sources/mine.toml").unwrap();
    assert!(notice.summary.as_str().contains("widget/a needs source/mine"), "{}", notice.summary);
    fs::remove_file(room.path("widgets/a.toml")).unwrap();
    room.look().await;
    let snapshot = Arc::clone(&room.files.registry.snapshot().borrow());
    assert_eq!(snapshot.documents.len(), 1);
}

#[tokio::test]
async fn changes_are_followed_from_before_the_directory_exists_through_every_way_of_saving() {
    let room = Room::new();
    let running = tokio::spawn(room.files.clone().run(Arc::default()));
    room.write("sources/host.toml", "interval = \"2s\"\n");
    room.until("2s").await;
    room.write("sources/host.toml", "interval = \"3s\"\n");
    room.until("3s").await;
    replace(&room.path("sources/host.toml"), "interval = \"4s\"\n");
    room.until("4s").await;
    for seconds in 5..60 {
        room.write("sources/host.toml", format!("interval = \"{seconds}s\"\n"));
    }
    room.until("59s").await;
    fs::remove_dir_all(room.files.directory.join("sources")).unwrap();
    room.until("1s").await;
    room.write("sources/host.toml", "interval = \"7s\"\n");
    room.until("7s").await;
    running.abort();
}

#[tokio::test]
async fn links_are_followed_as_a_mounted_volume_swaps_them() {
    let room = Room::new();
    let mount = room.path("sources/x").parent().unwrap().to_path_buf();
    let publish = |version: &str, text: &str| {
        let folder = mount.join(version);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("host.toml"), text).unwrap();
        symlink(version, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    publish("..1", "interval = \"2s\"\n");
    symlink("..data/host.toml", mount.join("host.toml")).unwrap();
    let running = tokio::spawn(room.files.clone().run(Arc::default()));
    room.until("2s").await;
    publish("..2", "interval = \"3s\"\n");
    room.until("3s").await;
    // A link that leads out of the directory.
    let elsewhere = room.root.path().join("elsewhere.toml");
    fs::write(&elsewhere, "interval = \"4s\"\n").unwrap();
    symlink(&elsewhere, mount.join("host.tmp")).unwrap();
    fs::rename(mount.join("host.tmp"), mount.join("host.toml")).unwrap();
    room.until("4s").await;
    replace(&elsewhere, "interval = \"5s\"\n");
    room.until("5s").await;
    running.abort();
}

#[test]
fn a_reason_is_read_from_the_comments_in_front() {
    let cases = [
        ("# reason: less noise\na = 1", "less noise"),
        ("# Ours.\n\n#reason:  x \n", "x"),
        ("# reason:\na = 1", "file changed"),
        ("a = 1 # reason: no\n# reason: no", "file changed"),
        ("", "file changed"),
    ];
    for (text, expected) in cases {
        assert_eq!(plan::reason(text), expected, "{text:?}");
    }
    let long = format!("# reason: {}", "ä".repeat(2_000));
    assert_eq!(plan::reason(&long).chars().count(), 200);
}
