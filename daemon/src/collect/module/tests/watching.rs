//! A watcher keeps what is known of its module, and tells what has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::module::{Health, Manifest, ModuleSpec};
use ccm_proto::model::{Interval, Name};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::fake::{Fake, chunks, json, text};
use super::{at, name};
use crate::clock::Clock;
use crate::collect::module::bridge::Bridge;
use crate::collect::module::directory::{Directory, Interest, NotTaken, Registration, Reported};
use crate::collect::module::sse::Parser;
use crate::collect::module::state::{Sign, State};
use crate::collect::module::watcher::{Heard, News, Watcher, overdue, pause};
use crate::collect::module::watchers::Watchers;
use crate::collect::module::way::{Way, WayError};

const MANIFEST: &str = r#"{"contract": 1, "id": "sales", "version": "1", "title": "Sales",
    "endpoints": [{"path": "/orders"}, {"path": "/day"}]}"#;
const RUNNING: &str = r#"{"status": "running", "version": "1"}"#;

struct Stand {
    way: Arc<Fake>,
    directory: Directory,
    clock: Clock,
    watcher: Watcher,
    news: mpsc::Receiver<News>,
    #[expect(dead_code, reason = "sources hear for as long as these are kept")]
    registrations: [Registration; 3],
}

fn stand_of(spec: &str) -> Stand {
    let way = Fake::new(&[("/ccm/v1/manifest", MANIFEST), ("/ccm/v1/health", RUNNING)]);
    let spec: ModuleSpec = serde_json::from_str(spec).unwrap();
    let directory = Directory::default();
    let clock = Clock::manual(at(100));
    let (sender, news) = mpsc::channel(64);
    let bridge = Bridge::new((Arc::<Fake>::clone(&way), directory.clone()), clock.clone());
    let watcher = Watcher::new(
        (name("sales"), spec.into()),
        (Arc::<Fake>::clone(&way), directory.clone(), bridge),
        clock.clone(),
        sender,
    );
    let interest = |path: Option<&str>, events| Interest {
        module: name("sales"),
        endpoint: path.map(str::to_owned),
        events,
    };
    let registrations = [
        directory.register(&name("orders"), interest(Some("/orders"), false)),
        directory.register(&name("day"), interest(Some("/day"), false)),
        directory.register(&name("news"), interest(None, true)),
    ];
    Stand { way, directory, clock, watcher, news, registrations }
}

fn stand() -> Stand {
    stand_of(r#"{"endpoint": "unix:/run/sales.sock"}"#)
}

impl Stand {
    fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        while let Ok(item) = self.news.try_recv() {
            news.push(item);
        }
        news
    }

    fn state(&self) -> State {
        self.directory.known(&name("sales")).unwrap().standing.state
    }
}

fn states(news: &[News]) -> Vec<(State, State)> {
    let states = news.iter().filter_map(|news| match news {
        News::State { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    states.collect()
}

fn refreshed(news: &[News]) -> Vec<Vec<String>> {
    let refreshes = news.iter().filter_map(|news| match news {
        News::Refresh(sources) => Some(sources.iter().map(ToString::to_string).collect()),
        _ => None,
    });
    refreshes.collect()
}

#[tokio::test]
async fn a_module_that_is_there_is_described_and_its_sources_are_asked() {
    let mut stand = stand();
    let read = stand.watcher.check(None).await;
    assert_eq!(stand.way.asked(), ["/ccm/v1/manifest", "/ccm/v1/health"]);
    let news = stand.news();
    assert!(matches!(&news[0], News::Manifest { manifest, .. } if manifest.version == "1"));
    assert_eq!(states(&news), [(State::Unknown, State::Running)]);
    assert_eq!(refreshed(&news), [["day", "news", "orders"]]);
    stand.watcher.check(read).await;
    assert_eq!(stand.way.asked(), ["/ccm/v1/health"]);
    assert_eq!(stand.news(), []);
}

#[tokio::test]
async fn a_manifest_is_read_again_when_the_version_changes_and_now_and_then() {
    let mut stand = stand();
    let read = stand.watcher.check(None).await;
    stand.news();
    stand.way.asked();
    stand.way.give(
        "/ccm/v1/manifest",
        Ok(json(&MANIFEST.replace("\"version\": \"1\"", "\"version\": \"2\""))),
    );
    stand.way.give("/ccm/v1/health", Ok(json(&RUNNING.replace('1', "2"))));
    let read = stand.watcher.check(read).await;
    assert_eq!(stand.way.asked(), ["/ccm/v1/health", "/ccm/v1/manifest"]);
    assert!(
        matches!(&stand.news()[..], [News::Manifest { manifest, .. }] if manifest.version == "2")
    );
    stand.clock.set(at(500));
    stand.watcher.check(read).await;
    assert_eq!(stand.way.asked(), ["/ccm/v1/manifest", "/ccm/v1/health"]);
    assert_eq!(stand.news(), [], "the same manifest is no news");
}

#[tokio::test]
async fn a_module_that_dies_and_comes_back_is_told_of_once_each() {
    let mut stand = stand();
    let read = stand.watcher.check(None).await;
    stand.news();
    stand.way.refuse_all();
    let read = stand.watcher.check(read).await;
    let read = stand.watcher.check(read).await;
    let news = stand.news();
    assert_eq!(states(&news), [(State::Running, State::Stopped)]);
    assert_eq!(refreshed(&news).len(), 1, "so that widgets say why at once");
    stand.way.give("/ccm/v1/manifest", Ok(json(MANIFEST)));
    stand.way.give("/ccm/v1/health", Ok(json(RUNNING)));
    stand.watcher.check(read).await;
    let news = stand.news();
    assert_eq!(states(&news), [(State::Stopped, State::Running)]);
    assert_eq!(refreshed(&news), [["day", "news", "orders"]]);
}

#[tokio::test]
async fn a_lost_check_degrades_and_a_second_one_is_an_error() {
    let mut stand = stand();
    let mut read = stand.watcher.check(None).await;
    let lost = WayError::Failed(SafeText::new("no answer within 5s"));
    stand.way.give("/ccm/v1/health", Err(lost));
    for state in [State::Degraded, State::Error, State::Error] {
        read = stand.watcher.check(read).await;
        assert_eq!(stand.state(), state);
    }
    assert_eq!(states(&stand.news()).len(), 3);
}

#[tokio::test]
async fn what_is_no_module_is_an_error_and_what_is_out_of_order_may_come_back() {
    let table = [
        (text(200, "text/html", "<h1>It works!</h1>"), "is no module: it answered text/html"),
        (json(&MANIFEST.replace("\"contract\": 1", "\"contract\": 9")), "contract 1 is spoken"),
        (text(404, "text/plain", "nothing"), "is no module: it answered 404: nothing"),
        (text(500, "text/plain", "oops"), "cannot be told: it answered 500: oops"),
    ];
    for (answer, part) in table {
        let stand = stand();
        stand.way.give("/ccm/v1/manifest", Ok(answer));
        assert_eq!(stand.watcher.check(None).await, None);
        let standing = stand.directory.known(&name("sales")).unwrap().standing;
        assert_eq!(standing.state, State::Error);
        assert!(standing.reason.as_str().contains(part), "{}", standing.reason);
    }
}

#[tokio::test]
async fn a_module_that_is_disabled_is_left_alone() {
    let mut stand = stand_of(r#"{"endpoint": "unix:/run/sales.sock", "enabled": false}"#);
    let stop = CancellationToken::new();
    stop.cancel();
    let (way, directory) = (Arc::clone(&stand.way), stand.directory.clone());
    stand.watcher.run(stop).await;
    assert_eq!(way.asked(), [""; 0]);
    assert_eq!(directory.known(&name("sales")).unwrap().standing.state, State::Stopped);
    assert!(stand.news.try_recv().is_ok());
}

fn event(id: u32, invalidates: &str) -> Vec<u8> {
    format!(
        "id: {id}\nevent: order\ndata: {{\"type\": \"order\", \"at\": \"2026-11-20T14:03:22Z\", \
         \"message\": \"Order {id}\", \"invalidates\": [{invalidates}]}}\n\n"
    )
    .into_bytes()
}

#[tokio::test]
async fn events_are_kept_and_make_sources_stale() {
    let mut stand = stand();
    let mut parser = Parser::default();
    let (first, second) = (event(1, r#""/orders""#), event(2, r#""/nowhere""#));
    let heard = stand.watcher.hear(chunks(&[b": hello\n\n", &first, &second]), &mut parser).await;
    assert_eq!(heard, Heard::Something);
    assert_eq!(parser.last_id(), "2");
    assert_eq!(refreshed(&stand.news()), [vec!["news", "orders"], vec!["news"]]);
    let events = stand.directory.events(&name("sales"));
    assert_eq!(events.at("count").unwrap().as_number(), Some(2.0));
    assert_eq!(events.at("events.0.message").unwrap().as_text(), Some("Order 2"));
    assert_eq!(events.at("events.1.id").unwrap().as_text(), Some("1"));
    assert_eq!(events.at("events.0.at").unwrap().as_number(), Some(1_795_183_402.0));
}

#[tokio::test]
async fn a_flood_of_events_asks_sources_a_few_times_and_keeps_the_newest() {
    let mut stand = stand();
    let flood: Vec<Vec<u8>> = (0..5_000).map(|id| event(id, r#""/orders", "/day""#)).collect();
    let pieces: Vec<&[u8]> = flood.iter().map(Vec::as_slice).collect();
    stand.watcher.hear(chunks(&pieces), &mut Parser::default()).await;
    let refreshes = refreshed(&stand.news());
    assert!(refreshes.len() <= 10, "{} refreshes", refreshes.len());
    let events = stand.directory.events(&name("sales"));
    assert_eq!(events.at("count").unwrap().as_number(), Some(100.0));
    assert_eq!(events.at("events.0.id").unwrap().as_text(), Some("4999"));
}

#[tokio::test]
async fn events_that_are_wrong_are_counted_and_end_nothing() {
    let stand = stand();
    let good = event(3, "");
    let long = format!("data: {}\n\n", "x".repeat(100_000));
    let pieces: [&[u8]; 4] = [b"data: {}\n\n", b"data: \xff\n\n", long.as_bytes(), &good];
    stand.watcher.hear(chunks(&pieces), &mut Parser::default()).await;
    let events = stand.directory.events(&name("sales"));
    assert_eq!(events.at("dropped").unwrap().as_number(), Some(3.0));
    assert_eq!(events.at("count").unwrap().as_number(), Some(1.0));
}

#[tokio::test]
async fn a_stream_that_ends_at_once_was_not_heard() {
    let stand = stand();
    let heard = stand.watcher.hear(chunks(&[]), &mut Parser::default()).await;
    assert_eq!(heard, Heard::Nothing);
}

#[test]
fn pauses_grow_with_silence_and_respect_what_the_stream_asks() {
    let seconds = Duration::from_secs;
    assert_eq!(pause(0, None, 1.0), seconds(1));
    assert_eq!(pause(3, None, 1.0), seconds(8));
    assert_eq!(pause(3, None, 0.5), seconds(4));
    assert_eq!(pause(99, None, 1.0), seconds(60));
    assert_eq!(pause(99, None, 0.0), seconds(1));
    assert_eq!(pause(0, Some(Interval::from_secs(30)), 1.0), seconds(30));
}

#[tokio::test]
async fn each_document_has_a_watcher_and_one_that_is_gone_is_forgotten() {
    let way = Fake::new(&[("/ccm/v1/manifest", MANIFEST), ("/ccm/v1/health", RUNNING)]);
    let directory = Directory::default();
    let (sender, mut news) = mpsc::channel(64);
    let bridge = Bridge::new((Arc::<Fake>::clone(&way), directory.clone()), Clock::manual(at(0)));
    let parts = (Arc::<Fake>::clone(&way) as Arc<dyn Way>, directory.clone(), bridge);
    let mut watchers = Watchers::new(parts, Clock::manual(at(0)), sender);
    let spec = |endpoint: &str| -> Arc<ModuleSpec> {
        serde_json::from_str::<ModuleSpec>(&format!(r#"{{"endpoint": "{endpoint}"}}"#))
            .unwrap()
            .into()
    };
    let mut modules: BTreeMap<Name, Arc<ModuleSpec>> =
        [(name("a"), spec("unix:/run/a")), (name("b"), spec("unix:/run/b"))].into();
    assert_eq!(watchers.configure(&modules), []);
    let mut running = BTreeSet::new();
    while running.len() < 2 {
        if let News::State { module, to: State::Running, .. } = news.recv().await.unwrap() {
            running.insert(module);
        }
    }
    way.asked();
    assert_eq!(watchers.configure(&modules), []);
    tokio::task::yield_now().await;
    assert_eq!(way.asked(), [""; 0], "documents that are the same change nothing");
    modules.remove(&name("a"));
    modules.insert(name("b"), spec("unix:/run/new"));
    assert_eq!(watchers.configure(&modules), [name("a")]);
    assert!(directory.known(&name("a")).is_none());
    loop {
        match news.recv().await.unwrap() {
            News::State { module, to: State::Running, .. } => break assert_eq!(module, name("b")),
            News::State { .. } | News::Manifest { .. } | News::Refresh(_) => {}
        }
    }
    watchers.end().await;
}

#[tokio::test]
async fn a_module_that_reports_by_itself_has_a_state_as_others_have() {
    let mut stand = stand_of(r#"{"endpoint": "push"}"#);
    let sales = name("sales");
    let manifest: Manifest = serde_json::from_str(MANIFEST).unwrap();
    let health = |text: &str| -> Health { serde_json::from_str(text).unwrap() };
    assert_eq!(stand.directory.takes(&sales, false), Err(NotTaken::Nameless(sales.clone())));
    assert_eq!(stand.directory.takes(&sales, true), Ok(()));
    let first = Reported { manifest: Some(manifest), health: health(RUNNING) };
    stand.directory.report(&sales, first);
    assert_eq!(stand.directory.takes(&sales, false), Ok(()), "its manifest is on its way");
    // A report that comes before the former was taken in does not lose the manifest.
    let ill = health(r#"{"status": "degraded", "detail": "slow"}"#);
    stand.directory.report(&sales, Reported { manifest: None, health: ill });
    stand.watcher.take_report().await;
    let news = stand.news();
    assert!(matches!(&news[0], News::Manifest { manifest, .. } if manifest.version == "1"));
    assert_eq!(states(&news), [(State::Unknown, State::Degraded)]);
    stand.directory.report(&sales, Reported { manifest: None, health: health(RUNNING) });
    stand.watcher.take_report().await;
    assert_eq!(states(&stand.news()), [(State::Degraded, State::Running)]);
    assert_eq!(stand.way.asked(), Vec::<String>::new(), "it is never asked");
}

#[test]
fn reports_that_stay_out_are_late_and_then_missing() {
    let second = Interval::from_secs(1);
    let table = [
        (1, None),
        (2, Some(Sign::Late(Interval::from_secs(2)))),
        (5, Some(Sign::Late(Interval::from_secs(5)))),
        (6, Some(Sign::Silent(Interval::from_secs(6)))),
        (u32::MAX, Some(Sign::Silent(second.times(u64::from(u32::MAX))))),
    ];
    for (silent, sign) in table {
        assert_eq!(overdue(silent, second), sign, "{silent}");
    }
}

#[test]
fn only_a_module_without_an_address_reports_by_itself() {
    let directory = Directory::default();
    let enter = |module: &str, spec: &str| {
        let spec: ModuleSpec = serde_json::from_str(spec).unwrap();
        directory.enter(&name(module), spec.into(), at(0));
    };
    enter("asked", r#"{"endpoint": "unix:/run/asked.sock"}"#);
    enter("off", r#"{"endpoint": "push", "enabled": false}"#);
    for (module, refusal) in [
        ("asked", NotTaken::Asked(name("asked"))),
        ("off", NotTaken::Disabled(name("off"))),
        ("none", NotTaken::Missing(name("none"))),
    ] {
        assert_eq!(directory.takes(&name(module), true), Err(refusal));
    }
}
