//! A secret goes through a whole daemon that logs everything it can; then every byte that it left
//! anywhere is searched for it, in every encoding.
#![expect(clippy::unwrap_used, reason = "a test of its own")]

#[path = "common/sweep.rs"]
mod sweep;

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::NO_PAD;
use ccm_proto::wire;
use ccm_proto::wire::credential_service_client::CredentialServiceClient;
use ccm_proto::wire::set_credential_request::Pin;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tonic::transport::{Channel, Endpoint};

use sweep::{canary, found, needles, sweep};

struct Daemon {
    child: Child,
    /// Where it says that it is ready, as to systemd.
    notices: UnixDatagram,
    root: tempfile::TempDir,
}

impl Daemon {
    fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name).display().to_string();
        let settings = format!(
            "data_directory = {:?}\nconfig_directory = {:?}\nsocket = {:?}\nreflection = true\n\
             [log]\nlevel = \"trace\"\ntarget = \"file\"\n[credentials]\nproviders = [\"sealed\"]\n",
            path("data"),
            path("config"),
            path("run/ccmd.sock")
        );
        let file = root.path().join("ccmd.toml");
        std::fs::write(&file, settings).unwrap();
        let notices = UnixDatagram::bind(root.path().join("notify")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_ccmd"))
            .arg("--config")
            .arg(&file)
            .current_dir(root.path())
            .env("RUST_BACKTRACE", "full")
            .env("NOTIFY_SOCKET", root.path().join("notify"))
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(root.path().join("stdout")).unwrap())
            .stderr(std::fs::File::create(root.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        Self { child, notices, root }
    }

    async fn client(&mut self) -> CredentialServiceClient<Channel> {
        let socket = self.root.path().join("run/ccmd.sock");
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
        let mut notice = [0; 256];
        tokio::select! {
            length = self.notices.recv(&mut notice) => {
                let notice = &notice[..length.unwrap()];
                assert!(notice.starts_with(b"READY=1"), "{}", notice.escape_ascii());
            }
            end = self.child.wait() => panic!("the daemon did not start: {end:?}"),
        }
        CredentialServiceClient::new(endpoint.connect().await.unwrap())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    async fn end(&mut self) {
        rustix::process::kill_process(self.pid(), Signal::TERM).unwrap();
        assert!(self.child.wait().await.unwrap().success());
    }
}

fn set(secret: &str) -> wire::SetCredentialRequest {
    wire::SetCredentialRequest {
        name: "stripe".to_owned(),
        secret: secret.to_owned().into(),
        pin: Some(Pin::Origin("https://api.stripe.com".to_owned())),
        ..wire::SetCredentialRequest::default()
    }
}

/// Calls that are refused, each with the secret in it.
fn refused(secret: &str) -> Vec<wire::SetCredentialRequest> {
    let tenant = wire::Scope { tenant: "Not A Name".to_owned(), ..wire::Scope::default() };
    let named = |name: &str| wire::SetCredentialRequest { name: name.to_owned(), ..set(secret) };
    let pinned = |pin| wire::SetCredentialRequest { pin, ..set(secret) };
    let of_kind = |kind| wire::SetCredentialRequest { kind, ..set(secret) };
    let kept_by = |provider: &str| wire::SetCredentialRequest {
        provider: provider.to_owned(),
        ..set(secret)
    };
    vec![
        named("Not A Name"),
        pinned(None),
        pinned(Some(Pin::Connector("nobody".to_owned()))),
        pinned(Some(Pin::Origin("http://api.stripe.com".to_owned()))),
        of_kind(99),
        of_kind(wire::CredentialKind::Basic.into()),
        kept_by("keyring"),
        kept_by("plain"),
        wire::SetCredentialRequest { scope: Some(tenant), ..set(secret) },
        wire::SetCredentialRequest { secret: secret.repeat(4_000).into(), ..set(secret) },
    ]
}

/// Everything that can be asked; what was answered, shown.
async fn use_everything(daemon: &mut Daemon, secret: &str) -> Vec<String> {
    let mut client = daemon.client().await;
    let mut shown = Vec::new();
    for request in refused(secret) {
        shown.push(format!("{request:?}"));
        let status = client.set_credential(request).await.unwrap_err();
        shown.push(format!("{status:?} {status}"));
    }
    shown.push(format!("{:?}", client.set_credential(set(secret)).await.unwrap()));
    let rotate = wire::RotateCredentialRequest {
        name: "stripe".to_owned(),
        secret: secret.to_owned().into(),
        ..wire::RotateCredentialRequest::default()
    };
    shown.push(format!("{rotate:?}"));
    shown.push(format!("{:?}", client.rotate_credential(rotate.clone()).await.unwrap()));
    let absent = wire::RotateCredentialRequest { name: "absent".to_owned(), ..rotate };
    shown.push(format!("{:?}", client.rotate_credential(absent).await.unwrap_err()));
    let test = |url: &str| wire::TestCredentialRequest {
        name: "stripe".to_owned(),
        url: url.to_owned(),
        ..wire::TestCredentialRequest::default()
    };
    shown.push(format!("{:?}", client.test_credential(test("")).await.unwrap()));
    shown.push(format!("{:?}", client.test_credential(test("https://evil.example")).await));
    shown.push(format!("{:?}", client.test_credential(test("https://api.stripe.com/v1")).await));
    shown.push(format!(
        "{:?}",
        client.list_credentials(wire::ListCredentialsRequest {}).await.unwrap()
    ));
    shown.push(format!("{:?}", client.list_providers(wire::ListProvidersRequest {}).await));
    shown
}

#[tokio::test]
async fn a_secret_that_went_through_the_daemon_is_nowhere() {
    let secret = canary();
    let needles = needles(&secret);
    let mut daemon = Daemon::start();
    let shown = use_everything(&mut daemon, &secret).await;
    assert!(shown.iter().any(|text| text.contains("version: 2")), "it was set and rotated");
    let mut hits: Vec<String> =
        shown.iter().flat_map(|text| found(&needles, text, text.as_bytes())).collect();
    for file in ["cmdline", "environ", "status", "limits"] {
        let path = format!("/proc/{}/{file}", daemon.child.id().unwrap());
        if let Ok(bytes) = std::fs::read(&path) {
            hits.extend(found(&needles, &path, &bytes));
        }
    }
    // The files as they are while the daemon runs, and as it leaves them.
    let mut files = 0;
    hits.extend(sweep(&needles, daemon.root.path(), &mut files));
    daemon.end().await;
    hits.extend(sweep(&needles, daemon.root.path(), &mut files));
    assert_eq!(hits, Vec::<String>::new());
    assert!(files > 10, "{files} files were swept");
    let log = std::fs::read_to_string(daemon.root.path().join("data/ccmd.log")).unwrap();
    assert!(log.contains("TRACE") && log.contains("credential rotated"), "the log tells all else");
}

/// Lets the processes that this one starts leave cores, as far as the system allows.
fn allow_cores() {
    let limit = rustix::process::getrlimit(Resource::Core);
    let open = Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(Resource::Core, open).unwrap();
}

#[tokio::test]
async fn a_daemon_that_crashes_leaves_no_core() {
    allow_cores();
    let secret = canary();
    let needles = needles(&secret);
    for signal in [Signal::ABORT, Signal::ILL] {
        let mut daemon = Daemon::start();
        daemon.client().await.set_credential(set(&secret)).await.unwrap();
        let limits = format!("/proc/{}/limits", daemon.child.id().unwrap());
        if let Ok(limits) = std::fs::read_to_string(limits) {
            let cores = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
            let numbers: Vec<&str> = cores.split_whitespace().skip(4).take(2).collect();
            assert_eq!(numbers, ["0", "0"], "neither now nor later");
        }
        rustix::process::kill_process(daemon.pid(), signal).unwrap();
        let status = daemon.child.wait().await.unwrap();
        assert_eq!((status.signal(), status.core_dumped()), (Some(signal.as_raw()), false));
        // The directory it worked in is where a core would lie.
        let mut files = 0;
        assert_eq!(sweep(&needles, daemon.root.path(), &mut files), Vec::<String>::new());
        assert!(files > 5, "{files} files were swept");
    }
}

#[test]
fn the_sweep_finds_a_secret_in_every_encoding() {
    let secret = canary();
    let needles = needles(&secret);
    let root = tempfile::tempdir().unwrap();
    let engine = GeneralPurpose::new(&STANDARD, NO_PAD);
    for before in 0..3 {
        let text = engine.encode(format!("{}{secret}tail", "x".repeat(before)));
        let hits = found(&needles, "text", text.as_bytes());
        assert!(hits.iter().any(|hit| hit.contains("base64")), "{before} before: {text}");
    }
    for (number, needle) in needles.iter().enumerate() {
        let file = root.path().join(format!("{number}"));
        std::fs::write(&file, [b"before", needle.bytes.as_slice(), b"after"].concat()).unwrap();
    }
    let mut files = 0;
    let hits = sweep(&needles, root.path(), &mut files);
    for needle in &needles {
        assert!(hits.iter().any(|hit| hit.ends_with(&needle.encoding)), "{}", needle.encoding);
    }
}
