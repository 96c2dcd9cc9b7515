//! A store on a file system that is really full: a small tmpfs in a mount namespace of its own.

#[cfg(test)]
mod full {
    use std::collections::BTreeSet;
    use std::fs::{self, File};
    use std::io::Write;
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use ccm_daemon::app::Daemon;
    use ccm_daemon::clock::Clock;
    use ccm_daemon::settings::Settings;
    use ccm_daemon::storage::log::{Log, LogError, LogOptions};
    use ccm_daemon::storage::{Storage, StorageOptions, StoreState};
    use ccm_proto::wire;
    use ccm_proto::wire::client_message::Message;
    use ccm_proto::wire::stream_service_client::StreamServiceClient;
    use ccm_proto::wire::system_service_client::SystemServiceClient;
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;
    use tonic::Streaming;
    use tonic::transport::{Channel, Endpoint};

    /// Nothing that is waited for takes longer, even on a busy machine.
    const LIMIT: Duration = Duration::from_secs(40);

    const DIRECTORY: &str = "CCM_TEST_FULL";
    const OPTIONS: StorageOptions =
        StorageOptions { ballast_bytes: 512 * 1024, log: LogOptions { segment_bytes: 64 * 1024 } };

    #[test]
    fn a_store_starts_reads_and_recovers_on_a_full_disk() {
        inside("size=8m", "full::on_a_small_disk");
    }

    #[test]
    fn a_daemon_starts_serves_and_recovers_on_a_full_disk() {
        inside("size=48m", "full::a_daemon_on_a_small_disk");
    }

    #[test]
    fn a_store_without_inodes_refuses_what_needs_a_file_and_goes_on_when_there_is_one() {
        inside("size=16m,nr_inodes=60", "full::without_inodes");
    }

    /// Runs a test of this file on a file system of that kind.
    fn inside(limits: &str, test: &str) {
        let temporary = tempfile::tempdir().unwrap();
        let script =
            "mount -t tmpfs -o $3 none \"$1\" || exit 77; exec \"$2\" --exact $4 --nocapture";
        let result = Command::new("unshare")
            .args(["--mount", "--", "sh", "-c", script, "sh"])
            .arg(temporary.path())
            .arg(std::env::current_exe().unwrap())
            .args([limits, test])
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

    /// Makes files until no more can be made.
    fn take_inodes(directory: &Path, name: &str) -> usize {
        let made = (0..1_000)
            .take_while(|at| File::create(directory.join(format!("{name}-{at}"))).is_ok());
        made.count()
    }

    /// Not a test of its own: runs inside the namespace.
    #[test]
    fn without_inodes() {
        let Some(mount) = std::env::var_os(DIRECTORY) else { return };
        let mount = Path::new(&mount);
        let data = mount.join("data");
        let mut store = Storage::open_with(&data, OPTIONS).unwrap();
        let (mut head, _) = store.keeper.history("head", OPTIONS.log).unwrap();
        assert!(take_inodes(mount, "first") > 10);
        let mut kept = Vec::new();
        let mut refused = 0;
        // Segments are full after 64 records; the reserve gives one inode back.
        for at in 0..400_u32 {
            let record = vec![at as u8; 1000];
            match put(&mut store.ledger, &record) {
                Ok(()) => kept.push(record),
                Err(error) => {
                    assert!(error.is_full(), "{error}");
                    refused += 1;
                }
            }
            take_inodes(mount, "again");
        }
        assert!(refused > 100 && kept.len() >= 64, "{refused} refused, {} kept", kept.len());
        while put(&mut head, &[1; 4096]).is_ok() {}
        assert!(matches!(store.probe(), StoreState::ReadOnly { .. }));
        drop((store, head));

        let mut store = Storage::open_with(&data, OPTIONS).unwrap();
        let (mut head, _) = store.keeper.history("head", OPTIONS.log).unwrap();
        let read: Vec<_> = store.ledger.scan(None).map(|record| record.unwrap().1).collect();
        assert_eq!(read, kept);
        for at in 0..8 {
            fs::remove_file(mount.join(format!("first-{at}"))).unwrap();
        }
        assert_eq!(store.probe(), StoreState::ReadWrite);
        put(&mut store.ledger, b"after").unwrap();
        put(&mut head, b"after").unwrap();
        println!("went through with {} records", kept.len());
    }

    /// What a client sees of a daemon.
    struct Client {
        system: SystemServiceClient<Channel>,
        frames: Streaming<wire::Frame>,
        notices: BTreeSet<String>,
        _says: mpsc::Sender<wire::ClientMessage>,
    }

    impl Client {
        async fn of(daemon: &Daemon) -> Self {
            let socket = format!("unix:{}", daemon.socket().display());
            let channel = Endpoint::from_shared(socket).unwrap().connect().await.unwrap();
            let hello = wire::Hello {
                protocol: ccm_proto::PROTOCOL_VERSION,
                client: "test".to_owned(),
                frame_interval_ms: 0,
            };
            let feed = wire::FeedWatch {
                slot: 1,
                widget: "host-load".to_owned(),
                ..wire::FeedWatch::default()
            };
            let watch = wire::Watch { serial: 1, documents: Vec::new(), feeds: vec![feed] };
            let (says, messages) = mpsc::channel(2);
            for message in [Message::Hello(hello), Message::Watch(watch)] {
                says.send(wire::ClientMessage { message: Some(message) }).await.unwrap();
            }
            let mut stream = StreamServiceClient::new(channel.clone());
            let frames = stream.attach(ReceiverStream::new(messages)).await.unwrap().into_inner();
            let system = SystemServiceClient::new(channel);
            Self { system, frames, notices: BTreeSet::new(), _says: says }
        }

        async fn frame(&mut self) -> wire::Frame {
            let frame = tokio::time::timeout(LIMIT, self.frames.message()).await;
            let frame = frame.expect("a frame in time").unwrap().expect("a stream that goes on");
            for notice in &frame.notices {
                if notice.cleared {
                    self.notices.remove(&notice.key);
                } else {
                    self.notices.insert(notice.key.clone());
                }
            }
            frame
        }

        /// Three readings are sent.
        async fn is_served(&mut self) {
            let mut readings = 0;
            while readings < 3 {
                let frame = self.frame().await;
                readings += usize::from(frame.feeds.iter().any(|feed| feed.delta.is_some()));
            }
        }

        /// Follows the stream until history complains, or no longer does.
        async fn until_history(&mut self, complains: bool) {
            let all = async {
                while self.notices.contains("history-disk") != complains {
                    self.frame().await;
                }
            };
            let held = tokio::time::timeout(LIMIT, all).await;
            assert!(held.is_ok(), "history complains: {}", !complains);
        }

        async fn store(&mut self) -> String {
            let status = self.system.get_status(wire::GetStatusRequest {}).await.unwrap();
            status.into_inner().store_state
        }
    }

    async fn start(mount: &Path) -> Daemon {
        let settings = Settings {
            data_directory: Some(mount.join("data")),
            config_directory: Some(mount.join("config")),
            socket: Some(mount.join("run/ccmd.sock")),
            ..Settings::default()
        };
        Daemon::start(settings, Clock::system()).await.unwrap()
    }

    /// Not a test of its own: runs inside the namespace.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_daemon_on_a_small_disk() {
        let Some(mount) = std::env::var_os(DIRECTORY) else { return };
        let mount = Path::new(&mount);
        // What a second of this host's numbers takes may fit many times into a block that the head log
        // has already: ten readings a second fill it soon.
        fs::create_dir_all(mount.join("config/sources")).unwrap();
        let quick = "type = \"system\"\ninterval = \"100ms\"\n";
        fs::write(mount.join("config/sources/quick.toml"), quick).unwrap();
        let daemon = start(mount).await;
        let mut client = Client::of(&daemon).await;
        client.is_served().await;
        assert_eq!(client.store().await, "read-write");

        fill(&mount.join("filler"));
        client.until_history(true).await;
        client.is_served().await;
        let store = client.store().await;
        assert_ne!(store, "read-write");
        drop(client);
        daemon.end("to start on a full disk").await.unwrap();
        fill(&mount.join("more"));

        let daemon = start(mount).await;
        let mut client = Client::of(&daemon).await;
        client.is_served().await;
        client.until_history(true).await;
        // The null control: on this disk nothing can be written.
        assert!(fs::write(mount.join("probe"), b"x").is_err(), "the disk is not full");

        for filler in ["filler", "more"] {
            fs::remove_file(mount.join(filler)).unwrap();
        }
        client.until_history(false).await;
        assert_eq!(client.store().await, "read-write");
        client.is_served().await;
        daemon.end("the test is over").await.unwrap();
        println!("went through");
    }
}
