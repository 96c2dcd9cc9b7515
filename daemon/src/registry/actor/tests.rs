use ccm_proto::model::Timestamp;

use super::testing::Paper;
use super::*;
use crate::registry::{Action, OutcomeResult, Text, Write};

const SHIPPED: Shipped =
    Shipped { kind: Kind::Source, name: "host", toml: "type = \"system\"\ninterval = \"1s\"" };

#[derive(Default)]
struct Desk {
    paper: Paper,
    shelf: Option<tempfile::TempDir>,
    notices: NoticeBoard,
}

impl Desk {
    fn open(&self) -> RegistryHandle {
        spawn(Parts {
            ledger: Box::new(self.paper.clone()),
            index: match &self.shelf {
                Some(shelf) => Index::open(shelf.path()).0,
                None => Index::in_memory(),
            },
            clock: Clock::manual(Timestamp::from_millis(5_000)),
            notices: self.notices.clone(),
            shipped: vec![SHIPPED],
        })
        .unwrap()
    }

    fn notices(&self) -> Vec<String> {
        self.notices.subscribe().borrow().keys().cloned().collect()
    }
}

fn request(toml: &str) -> Request {
    let id = "source/host".parse().unwrap();
    let action = Action::Put(Text::Toml(toml.to_owned()));
    Request {
        writes: vec![Write { id, base_revision: None, action }],
        reason: "because".to_owned(),
        ..Request::default()
    }
}

async fn put(handle: &RegistryHandle, interval: &str) -> Result<Applied, ApplyError> {
    let text = format!("interval = \"{interval}\" # mine");
    handle.apply(request(&text), Identity::local(1000)).await
}

async fn history(handle: &RegistryHandle, before: u64, limit: usize) -> (Vec<u64>, bool) {
    let id = "source/host".parse().unwrap();
    let history = handle.history(id, Scope::Platform, before, limit).await.unwrap();
    (history.revisions.iter().map(|layer| layer.revision).collect(), history.more)
}

fn interval(handle: &RegistryHandle) -> String {
    let snapshot = Arc::clone(&handle.snapshot().borrow());
    let document = &snapshot.documents[&"source/host".parse().unwrap()];
    document.spec["interval"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart_with_its_history() {
    let shelf = Some(tempfile::TempDir::new().unwrap());
    let desk = Desk { shelf, ..Desk::default() };
    let handle = desk.open();
    for (revision, seconds) in ["2s", "3s", "4s"].iter().zip(1..) {
        let applied = put(&handle, revision).await.unwrap();
        assert_eq!((applied.generation, applied.outcomes[0].revision), (seconds, seconds));
    }
    assert_eq!(interval(&handle), "4s");
    assert_eq!(history(&handle, 0, 10).await, (vec![3, 2, 1, 0], false));
    handle.stop().await;
    assert_eq!(put(&handle, "9s").await, Err(ApplyError::Stopped));

    let handle = desk.open();
    assert_eq!(interval(&handle), "4s");
    assert_eq!(history(&handle, 3, 1).await, (vec![2], true));
    assert_eq!(put(&handle, "4s").await.unwrap().outcomes[0].result, OutcomeResult::Unchanged);
    assert_eq!(put(&handle, "5s").await.unwrap().generation, 4);
    assert!(desk.notices().is_empty());
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_from_the_ledger() {
    let desk = Desk::default();
    let handle = desk.open();
    put(&handle, "2s").await.unwrap();
    put(&handle, "3s").await.unwrap();
    handle.stop().await;
    let handle = desk.open();
    assert_eq!(history(&handle, 0, 10).await, (vec![2, 1, 0], false));
}

#[tokio::test]
async fn c19_any_altered_missing_or_moved_record_is_found_and_nothing_after_it_counts() {
    let desk = Desk::default();
    let handle = desk.open();
    for revision in ["2s", "3s", "4s"] {
        put(&handle, revision).await.unwrap();
    }
    handle.stop().await;
    let whole = desk.paper.edit(|records, _| records.clone());
    let mut broken: Vec<(Vec<Vec<u8>>, &str)> = Vec::new();
    for byte in (0..whole[1].len()).step_by(7) {
        let mut records = whole.clone();
        records[1][byte] ^= 0x10;
        broken.push((records, "2s"));
    }
    broken.push((vec![whole[0].clone(), whole[2].clone()], "2s"));
    broken.push((vec![whole[1].clone(), whole[0].clone()], "1s"));
    for (records, expected) in broken {
        let desk = Desk::default();
        desk.paper.edit(|paper, _| *paper = records);
        let handle = desk.open();
        assert_eq!(interval(&handle), expected);
        assert_eq!(desk.notices(), [LEDGER_NOTICE]);
        let refused = put(&handle, "9s").await.unwrap_err();
        assert!(matches!(refused, ApplyError::ReadOnly(_)), "{refused}");
        let dry = Request { dry_run: true, ..request("interval = \"9s\"") };
        assert!(handle.apply(dry, Identity::local(1)).await.is_ok());
    }
}

#[tokio::test]
async fn what_cannot_be_written_does_not_happen_and_the_next_change_may_succeed() {
    let desk = Desk::default();
    let handle = desk.open();
    put(&handle, "2s").await.unwrap();
    desk.paper.edit(|_, full| *full = true);
    let refused = put(&handle, "3s").await.unwrap_err();
    assert!(refused.to_string().contains("no space left"), "{refused}");
    assert_eq!(interval(&handle), "2s");
    assert_eq!(desk.notices(), [WRITE_NOTICE]);
    desk.paper.edit(|_, full| *full = false);
    assert_eq!(put(&handle, "4s").await.unwrap().generation, 2);
    assert!(desk.notices().is_empty());
    handle.stop().await;
    assert_eq!(interval(&desk.open()), "4s");
}

#[tokio::test]
async fn a_snapshot_is_published_for_each_change_and_for_nothing_else() {
    let desk = Desk::default();
    let handle = desk.open();
    let mut snapshots = handle.snapshot();
    put(&handle, "2s").await.unwrap();
    assert!(snapshots.has_changed().unwrap());
    assert_eq!(snapshots.borrow_and_update().generation, 1);
    put(&handle, "2s").await.unwrap();
    put(&handle, "no time").await.unwrap_err();
    assert!(!snapshots.has_changed().unwrap());
}

#[tokio::test]
async fn queries_tell_layers_and_near_misses() {
    let desk = Desk::default();
    let handle = desk.open();
    let query = Query { scope: Some(Scope::Platform), ..Query::default() };
    let (entries, generation) = handle.get(query.clone()).await.unwrap();
    assert_eq!((entries.len(), generation), (1, 0));
    assert_eq!(entries[0].layer.as_ref().unwrap().provenance.manager, "builtin");
    let query = Query { kind: Some(Kind::Source), name: Some(Name::new("hots").unwrap()), ..query };
    let refused = handle.get(query).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no source/hots; did you mean source/host?");
    assert!(handle.history("source/x".parse().unwrap(), Scope::Platform, 0, 1).await.is_err());
}
