//! Documents from a call to the disk and back, over the real store.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as its assertions do")]

use std::path::Path;

use ccm_daemon::access::Identity;
use ccm_daemon::clock::Clock;
use ccm_daemon::notices::NoticeBoard;
use ccm_daemon::packs;
use ccm_daemon::registry::RegistryHandle;
use ccm_daemon::registry::actor::{Parts, spawn};
use ccm_daemon::rpc::documents::Documents;
use ccm_daemon::storage::{Keeper, Storage};
use ccm_proto::model::Timestamp;
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
