use std::collections::BTreeMap;

use ccm_proto::model::series::SeriesSelector;
use ccm_proto::model::{Interval, Labels, Name, Quality, Reading, Samples, Timestamp, Value};

use tokio::sync::mpsc;

use super::*;
use crate::engine::event::{Configuration, FeedId, FeedKey};
use crate::engine::handle::{EngineHandle, QueryError, channel};
use crate::history::{History, Retention};

type Published = mpsc::UnboundedReceiver<Publication>;

struct Running {
    handle: EngineHandle,
    published: Published,
    kept: mpsc::UnboundedReceiver<Vec<HistoryOutput>>,
    stop: CancellationToken,
    task: task::JoinHandle<Engine>,
}

fn start() -> Running {
    let (handle, inbox) = channel(HistoryReader::default());
    let (publish, published) = mpsc::unbounded_channel();
    let (keep, kept) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let outlets = Outlets {
        publish: move |publications| {
            for publication in publications {
                let _ = publish.send(publication);
            }
        },
        collect: |_| {},
        keep: move |outputs| drop(keep.send(outputs)),
    };
    let engine = Engine::new(History::new(Retention::default()));
    let clock = Clock::manual(Timestamp::from_millis(10_000));
    let task = tokio::spawn(run(engine, inbox, clock, outlets, stop.clone()));
    Running { handle, published, kept, stop, task }
}

fn host() -> Name {
    Name::new("host").unwrap()
}

fn configuration() -> Event {
    let chart = "title = 'CPU'\nsource = 'host'\ntype = 'chart'\n\
                 chart.series = [{ metric = 'cpu.usage', label = 'total' }]";
    let chart = Arc::new(toml::from_str(chart).unwrap());
    let source = Arc::new(toml::from_str("type = 'system'").unwrap());
    Event::Configured(Arc::new(Configuration {
        widgets: BTreeMap::from([(Name::new("cpu").unwrap(), chart)]),
        sources: BTreeMap::from([(host(), source)]),
        ..Configuration::default()
    }))
}

fn reading(at: i64) -> Event {
    let key = SeriesKey { source: host(), metric: "cpu.usage".into(), labels: Labels::none() };
    Event::Read(Reading {
        source: host(),
        at: Timestamp::from_millis(at),
        value: Value::map([("cpu", Value::map([("usage", Value::from(1.0))]))]),
        samples: Samples { keys: Arc::from([key]), values: vec![at as f64] },
    })
}

fn opened() -> Event {
    let widget = Name::new("cpu").unwrap();
    let key = FeedKey { widget, window: Interval::ZERO, max_points: 100 };
    Event::Opened(FeedId(1), key)
}

#[tokio::test]
async fn what_goes_in_comes_out_at_the_sink() {
    let mut running = start();
    for event in [configuration(), reading(9_000), opened(), reading(10_000)] {
        running.handle.send(event).await.unwrap();
    }
    let mut view = ccm_proto::model::View::default();
    while view.status.sampled_at != Some(Timestamp::from_millis(10_000)) {
        let publication = running.published.recv().await.unwrap();
        view.apply((*publication.delta).clone());
    }
    assert_eq!(view.status.quality, Quality::Live);
    assert_eq!(view.tracks[0].values, [9_000.0, 10_000.0]);
    running.stop.cancel();
    running.task.await.unwrap();
}

#[tokio::test]
async fn questions_are_answered_and_after_the_end_refused() {
    let running = start();
    running.handle.send(configuration()).await.unwrap();
    running.handle.send(opened()).await.unwrap();
    // The loop takes events and questions in any order.
    while running.handle.stats().await.unwrap().feeds == 0 {
        task::yield_now().await;
    }
    let sources = running.handle.sources().await.unwrap();
    assert_eq!(sources[&host()].quality, Quality::Loading);
    running.handle.list(SeriesSelector::default(), 10).await.unwrap();
    running.stop.cancel();
    running.task.await.unwrap();
    assert!(matches!(running.handle.stats().await, Err(QueryError::Stopped)));
    assert!(matches!(running.handle.send(Event::Tick).await, Err(QueryError::Stopped)));
}

#[tokio::test]
async fn what_arrived_before_the_stop_is_taken_in() {
    let running = start();
    running.handle.send(configuration()).await.unwrap();
    for second in 1..=5 {
        running.handle.send(reading(second * 1_000)).await.unwrap();
    }
    running.stop.cancel();
    let mut kept = running.kept;
    let engine = running.task.await.unwrap();
    assert_eq!(engine.stats().history.samples, 5);
    let mut batches = Vec::new();
    while let Some(batch) = kept.recv().await {
        batches.push(batch);
    }
    assert!(batches.iter().all(|batch| !batch.is_empty()));
}

#[tokio::test]
async fn a_query_that_comes_later_knows_what_was_before() {
    let mut running = start();
    for event in [configuration(), reading(8_000), reading(9_000)] {
        running.handle.send(event).await.unwrap();
    }
    let query = "type = 'query'\n[query]\ninputs = { h = 'host' }\n[query.series.least]\n\
                 of = 'h.cpu.usage'\nfunction = 'min'\nwindow = '1m'";
    let stat = "title = 'Least'\nsource = 'least'\ntype = 'stat'\n\
                stat.primary = { value = 'least', label = 'least' }";
    let Event::Configured(before) = configuration() else { panic!("it configures") };
    let mut after = Configuration::clone(&before);
    let name = Name::new("least").unwrap();
    after.sources.insert(name.clone(), Arc::new(toml::from_str(query).unwrap()));
    after.widgets.insert(name.clone(), Arc::new(toml::from_str(stat).unwrap()));
    let key = FeedKey { widget: name, window: Interval::ZERO, max_points: 100 };
    for event in
        [Event::Configured(Arc::new(after)), Event::Opened(FeedId(1), key), reading(10_000)]
    {
        running.handle.send(event).await.unwrap();
    }
    let mut view = ccm_proto::model::View::default();
    while *view.field("value") != ccm_proto::model::Cell::Number(8_000.0) {
        let publication = running.published.recv().await.unwrap();
        view.apply((*publication.delta).clone());
    }
    running.stop.cancel();
    running.task.await.unwrap();
}
