//! Documents from a call to the disk and back, over the real store.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as its assertions do")]

use std::path::Path;

use ccm_daemon::access::Identity;
use ccm_daemon::clock::Clock;
use ccm_daemon::doctor::{self, DoctorArgs, DoctorError};
use ccm_daemon::notices::NoticeBoard;
use ccm_daemon::packs;
use ccm_daemon::registry::RegistryHandle;
use ccm_daemon::registry::actor::{Parts, spawn};
use ccm_daemon::rpc::documents::Documents;
use ccm_daemon::secret::{
    CredentialId, Material, PinnedOrigin, ProviderKind, Secret, SecretStore, Surroundings,
};
use ccm_daemon::settings::CredentialSettings;
use ccm_daemon::storage::lock::LockError;
use ccm_daemon::storage::{Keeper, Storage, StorageError};
use ccm_proto::model::{Name, Scope, Timestamp};
use ccm_proto::wire;
use ccm_proto::wire::document_service_server::DocumentService;
use ccm_proto::wire::write::Action;
use prost::Message;
use tempfile::TempDir;
use tonic::{Code, Request, Status};

struct Daemon {
    documents: Documents,
    registry: RegistryHandle,
    keeper: Keeper,
}

impl Daemon {
    fn start(directory: &Path) -> Self {
        let storage = Storage::open(directory).unwrap();
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let registry = spawn(Parts {
            ledger: Box::new(storage.ledger),
            index: storage.index,
            clock: clock.clone(),
            notices: NoticeBoard::default(),
            shipped: packs::DOCUMENTS.to_vec(),
        })
        .unwrap();
        let documents = Documents::new(registry.clone(), clock);
        Self { documents, registry, keeper: storage.keeper }
    }

    async fn stop(self) {
        self.registry.stop().await;
        drop(self.keeper);
    }

    async fn apply(&self, request: wire::ApplyRequest) -> Result<wire::ApplyResponse, Status> {
        let mut request = Request::new(request);
        request.extensions_mut().insert(Identity::local(1000));
        self.documents.apply(request).await.map(tonic::Response::into_inner)
    }

    async fn put(&self, base: Option<u64>, toml: &str) -> Result<wire::ApplyResponse, Status> {
        self.apply(change(base, Action::SpecToml(toml.to_owned()))).await
    }

    async fn source(&self, name: &str) -> Result<wire::DocumentEntry, Status> {
        let request = wire::GetRequest {
            kind: wire::Kind::Source.into(),
            name: name.to_owned(),
            scope: Some(wire::Scope::default()),
        };
        let answer = self.documents.get(Request::new(request)).await?.into_inner();
        Ok(answer.documents.into_iter().next().unwrap())
    }
}

fn id() -> wire::DocumentId {
    wire::DocumentId { kind: wire::Kind::Source.into(), name: "host".to_owned() }
}

fn change(base_revision: Option<u64>, action: Action) -> wire::ApplyRequest {
    wire::ApplyRequest {
        writes: vec![wire::Write { id: Some(id()), base_revision, action: Some(action) }],
        reason: "a test".to_owned(),
        ..wire::ApplyRequest::default()
    }
}

#[tokio::test]
async fn a_change_outlasts_a_restart_with_its_text_its_reason_and_its_history() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path());
    let shipped = daemon.source("host").await.unwrap();
    assert_eq!(shipped.layer.unwrap().provenance.unwrap().manager, "builtin");
    daemon.put(Some(0), "interval = \"2s\" # calm").await.unwrap();
    let applied = daemon.put(Some(1), "interval = \"3s\" # calmer").await.unwrap();
    assert_eq!((applied.generation, applied.outcomes[0].revision), (2, 2));
    assert_eq!(applied.outcomes[0].changed_paths, ["interval"]);
    daemon.stop().await;

    let daemon = Daemon::start(directory.path());
    let entry = daemon.source("host").await.unwrap();
    let layer = entry.layer.unwrap();
    assert_eq!(layer.source_toml, "interval = \"3s\" # calmer");
    assert_eq!(layer.spec_json, r#"{"interval":"3s"}"#);
    let provenance = layer.provenance.unwrap();
    assert_eq!((provenance.actor.as_str(), provenance.reason.as_str()), ("uid:1000", "a test"));
    assert_eq!(entry.effective.unwrap().layers.len(), 2);
    let request = wire::HistoryRequest { id: Some(id()), ..wire::HistoryRequest::default() };
    let history = daemon.documents.history(Request::new(request)).await.unwrap().into_inner();
    let revisions: Vec<u64> = history.revisions.iter().map(|layer| layer.revision).collect();
    assert_eq!((revisions, history.more), (vec![2, 1, 0], false));
    daemon.apply(change(None, Action::RevertTo(1))).await.unwrap();
    let layer = daemon.source("host").await.unwrap().layer.unwrap();
    assert_eq!((layer.revision, layer.source_toml.as_str()), (3, "interval = \"2s\" # calm"));
    daemon.stop().await;
}

#[tokio::test]
async fn a_change_that_names_a_credential_which_nobody_has_set_says_how_to_set_it() {
    let directory = TempDir::new().unwrap();
    let mut daemon = Daemon::start(&directory.path().join("store"));
    let settings = CredentialSettings {
        providers: vec![ProviderKind::Sealed],
        ..CredentialSettings::default()
    };
    let surroundings = Surroundings {
        data: directory.path().to_owned(),
        systemd: None,
        vault: None,
        clock: Clock::manual(Timestamp::from_millis(1_000)),
    };
    let secrets = SecretStore::new(&settings, &surroundings);
    daemon.documents = daemon.documents.with_secrets(secrets.clone());
    let toml = "type = \"prometheus\"\nprometheus.url = \"https://shop.example/metrics\"\n\
                prometheus.credential = \"shop\"";
    let write = |dry_run| {
        let id = wire::DocumentId { kind: wire::Kind::Source.into(), name: "shop".to_owned() };
        let action = Some(Action::SpecToml(toml.to_owned()));
        let writes = vec![wire::Write { id: Some(id), base_revision: None, action }];
        let reason = "a test".to_owned();
        wire::ApplyRequest { writes, dry_run, reason, ..wire::ApplyRequest::default() }
    };
    for dry_run in [true, false] {
        let applied = daemon.apply(write(dry_run)).await.unwrap();
        let [warning] = &applied.outcomes[0].warnings[..] else { panic!("{applied:?}") };
        assert!(warning.contains("`ccm cred set shop`"), "{warning}");
    }
    let id = CredentialId::new(Scope::Platform, Name::new("shop").unwrap());
    let origin: PinnedOrigin = "https://shop.example".parse().unwrap();
    secrets.set(&id, Material::Token(Secret::from("word")), origin, None).await.unwrap();
    let applied = daemon.apply(write(true)).await.unwrap();
    assert_eq!(applied.outcomes[0].warnings, Vec::<String>::new());
}

#[tokio::test]
async fn refusals_have_codes_and_details() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path());
    daemon.put(None, "interval = \"2s\"").await.unwrap();
    daemon.put(Some(1), "interval = \"3s\"").await.unwrap();

    let refused = daemon.put(Some(1), "interval = \"4s\"").await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    let conflict = wire::Conflict::decode(refused.details()).unwrap();
    assert_eq!((conflict.base_revision, conflict.current_revision), (1, 2));
    let path = &conflict.paths[0];
    assert_eq!(path.path, "interval");
    let values = [&path.base_json, &path.current_json, &path.proposed_json];
    assert_eq!(values, ["\"2s\"", "\"3s\"", "\"4s\""]);

    let refused = daemon.put(None, "intervall = \"4s\"").await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let invalid = wire::InvalidDocuments::decode(refused.details()).unwrap();
    assert_eq!((invalid.problems[0].line, invalid.problems[0].column), (1, 1));
    assert!(invalid.problems[0].summary.ends_with("did you mean `interval`?"));

    let refused = daemon.source("hots").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().ends_with("did you mean source/host?"), "{refused}");

    let mut elsewhere = change(None, Action::Delete(true));
    elsewhere.scope = Some(wire::Scope { tenant: "acme".to_owned(), ..wire::Scope::default() });
    assert_eq!(daemon.apply(elsewhere).await.unwrap_err().code(), Code::PermissionDenied);

    let mut blank = change(None, Action::Delete(true));
    blank.reason = " ".to_owned();
    assert_eq!(daemon.apply(blank).await.unwrap_err().code(), Code::InvalidArgument);

    let mut nothing = change(None, Action::Delete(true));
    nothing.writes[0].action = None;
    let refused = daemon.apply(nothing).await.unwrap_err();
    assert_eq!(refused.message(), "writes[0].action: is missing");

    let unknown = daemon.documents.apply(Request::new(change(None, Action::Delete(true)))).await;
    assert_eq!(unknown.unwrap_err().code(), Code::Unauthenticated);
    daemon.stop().await;
}

#[tokio::test]
async fn details_of_many_problems_fit_into_a_header() {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path());
    let lines: Vec<String> = (0..200).map(|n| format!("{}{n} = 1", "k".repeat(300))).collect();
    let lines = lines.join("\n");
    let refused = daemon.put(None, &lines).await.unwrap_err();
    assert!(refused.details().len() <= 8 * 1024, "{}", refused.details().len());
    assert!(refused.message().len() <= 1_000);
    let invalid = wire::InvalidDocuments::decode(refused.details()).unwrap();
    assert!(!invalid.problems.is_empty());
    daemon.stop().await;
}

fn interval(entry: &wire::DocumentEntry) -> String {
    let spec = &entry.effective.as_ref().unwrap().spec_json;
    let spec: serde_json::Value = serde_json::from_str(spec).unwrap();
    spec["interval"].as_str().unwrap().to_owned()
}

/// A data directory with three changes, and its ledger's file.
async fn three_changes() -> (TempDir, std::path::PathBuf) {
    let directory = TempDir::new().unwrap();
    let daemon = Daemon::start(directory.path());
    for interval in ["2s", "3s", "4s"] {
        daemon.put(None, &format!("interval = \"{interval}\"")).await.unwrap();
    }
    daemon.stop().await;
    let file = directory.path().join("ledger/0000000000000001.log");
    (directory, file)
}

#[tokio::test]
async fn a_doctor_finds_nothing_wrong_with_what_is_sound_and_makes_an_index_anew() {
    let (directory, _) = three_changes().await;
    let sound = doctor::look(directory.path(), DoctorArgs::default()).unwrap();
    assert!(sound.sound, "{sound:?}");
    assert!(sound.lines[0].starts_with("ledger: 3 changes, 1 segment, "), "{sound:?}");
    assert_eq!(sound.lines[1], "index: goes with the ledger");
    std::fs::remove_dir_all(directory.path().join("index")).unwrap();
    let args = DoctorArgs { rebuild: true, ..DoctorArgs::default() };
    let rebuilt = doctor::look(directory.path(), args).unwrap();
    assert!(rebuilt.sound && rebuilt.lines.contains(&"index: made anew".to_owned()), "{rebuilt:?}");
    let daemon = Daemon::start(directory.path());
    let request = wire::HistoryRequest { id: Some(id()), ..wire::HistoryRequest::default() };
    let history = daemon.documents.history(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(history.revisions.len(), 4, "three changes and what is shipped");
    let in_use = doctor::look(directory.path(), DoctorArgs::default()).unwrap_err();
    let held = matches!(&in_use, DoctorError::Storage(StorageError::Lock(LockError::Held { .. })));
    assert!(held, "{in_use}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_doctor_keeps_what_is_before_the_damage_and_lays_the_rest_aside() {
    let (directory, file) = three_changes().await;
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(4).position(|window| window == b"\"3s\"").unwrap();
    bytes[at + 1] = b'9';
    std::fs::write(&file, &bytes).unwrap();

    let daemon = Daemon::start(directory.path());
    assert_eq!(interval(&daemon.source("host").await.unwrap()), "2s");
    let refused = daemon.put(None, "interval = \"9s\"").await.unwrap_err();
    assert!(refused.message().contains("`ccmd doctor --repair`"), "{refused}");
    daemon.stop().await;

    let looked = doctor::look(directory.path(), DoctorArgs::default()).unwrap();
    assert!(!looked.sound, "{looked:?}");
    assert!(looked.lines.iter().any(|line| line.contains("damaged after change 1")), "{looked:?}");
    let args = DoctorArgs { repair: true, ..DoctorArgs::default() };
    // What an interrupted repair has left.
    std::fs::create_dir(directory.path().join("ledger.new")).unwrap();
    std::fs::write(directory.path().join("ledger.new/0000000000000001.log"), b"half").unwrap();
    let repaired = doctor::look(directory.path(), args).unwrap();
    assert!(repaired.sound, "{repaired:?}");
    let aside = directory.path().join("ledger.damaged-1");
    let told = format!("repaired: kept 1 change, the damaged ledger is {}", aside.display());
    assert_eq!(repaired.lines.last(), Some(&told));
    assert_eq!(std::fs::read(aside.join("0000000000000001.log")).unwrap(), bytes);

    assert!(doctor::look(directory.path(), DoctorArgs::default()).unwrap().sound);
    let daemon = Daemon::start(directory.path());
    assert_eq!(interval(&daemon.source("host").await.unwrap()), "2s");
    let applied = daemon.put(None, "interval = \"5s\"").await.unwrap();
    assert_eq!((applied.generation, applied.outcomes[0].revision), (2, 2));
    daemon.stop().await;
}

#[test]
fn a_doctor_makes_nothing_where_nothing_is() {
    let directory = TempDir::new().unwrap();
    let nowhere = directory.path().join("nowhere");
    let refused = doctor::look(&nowhere, DoctorArgs::default()).unwrap_err();
    assert!(refused.to_string().contains("does not exist"), "{refused}");
    assert!(!nowhere.exists());
}
