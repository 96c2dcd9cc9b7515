//! Builds every part and spawns its tasks.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::{Notice, Severity};
use rand::Rng as _;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::housekeeping::Housekeeper;
use super::modules::Concerned;
use super::outside::Outside;
use super::scrubber::Scrubber;
use super::{AppError, couriers};
use crate::clock::Clock;
use crate::collect::http::Policy;
use crate::collect::push::Desk;
use crate::collect::scheduler::Scheduler;
use crate::collect::{SelfMetrics, collectors};
use crate::discover::{self, Explorer};
use crate::engine::Engine;
use crate::engine::handle;
use crate::engine::run::{Outlets, run};
use crate::files::Files;
use crate::history::store::{Opened, StoreHandle};
use crate::history::{Retention, store};
use crate::hub::session::Greeting;
use crate::hub::{Hub, Surroundings};
use crate::notices::NoticeBoard;
use crate::packs;
use crate::registry::RegistryHandle;
use crate::registry::actor;
use crate::rpc::credentials::Credentials;
use crate::rpc::discover::Discoveries;
use crate::rpc::documents::Documents;
use crate::rpc::history::Histories;
use crate::rpc::ingest::Ingest;
use crate::rpc::metrics;
use crate::rpc::server::Services;
use crate::rpc::sources::Sources;
use crate::rpc::stream::Streams;
use crate::rpc::system::{Facts, System};
use crate::settings::{HistorySettings, Paths, Settings};
use crate::storage::{Keeper, Storage};

/// Refreshes that wait; beyond it they are dropped, as the next reading is near anyway.
const REFRESHES_MAX: usize = 64;

/// Everything that runs.
pub(super) struct Parts {
    pub facts: Arc<Facts>,
    pub notices: NoticeBoard,
    /// Has the configuration directory read again.
    pub rescan: Arc<Notify>,
    settings: Settings,
    registry: RegistryHandle,
    outside: Outside,
    explorer: Explorer,
    refresh: mpsc::Sender<Vec<ccm_proto::model::Name>>,
    engine: JoinHandle<Engine>,
    store: Arc<StoreHandle>,
    tasks: Vec<JoinHandle<()>>,
    stop: CancellationToken,
    _keeper: Arc<Keeper>,
}

impl Parts {
    /// Builds and spawns everything but the server.
    pub(super) async fn build(
        settings: Settings,
        paths: Paths,
        clock: Clock,
        stop_sender: mpsc::Sender<String>,
    ) -> Result<Self, AppError> {
        let stop = CancellationToken::new();
        let notices = NoticeBoard::default();
        let metrics = Arc::new(SelfMetrics::default());
        let Storage { ledger, index, index_state: _, mut recovery, keeper } =
            Storage::open(&paths.data)?;
        let logs = |name: &str, options| keeper.history(name, options);
        let opened = store::open(&logs, retention(&settings.history))
            .map_err(|error| AppError::Storage(error.into()))?;
        recovery.extend(opened.sentences.iter().cloned());
        let keeper = Arc::new(keeper);

        let outside = Outside::build(&settings, &paths, &clock, &metrics);
        let registry = actor::spawn(actor::Parts {
            ledger: Box::new(ledger),
            index,
            clock: clock.clone(),
            notices: notices.clone(),
            shipped: packs::DOCUMENTS.to_vec(),
        })?;
        let files = Files {
            directory: paths.config.clone(),
            registry: registry.clone(),
            notices: notices.clone(),
            clock: clock.clone(),
        };
        // What is in files is in effect before anyone can ask.
        files.once().await;
        // What may be dialled is in force before anything dials.
        let egress = Arc::clone(&registry.snapshot().borrow().configuration);
        outside.gateway.set_policy(Policy::new(egress.egress.values().map(Arc::as_ref)));

        let Opened { history, store, reader, sentences: _ } = opened;
        let (engine, inbox) = handle::channel(reader);
        let (feed_events, feeds) = mpsc::unbounded_channel();
        let surroundings = Surroundings {
            snapshot: registry.snapshot(),
            notices: notices.subscribe(),
            events: feed_events,
            metrics: Arc::clone(&metrics),
        };
        let hub = Hub::new(settings.limits.clone(), surroundings);
        let collectors = collectors(outside.environment.clone());
        let scheduler =
            Scheduler::new(clock.clone(), collectors, engine.events(), Arc::clone(&metrics));
        let desk = Desk::new(clock.clone(), engine.events(), Arc::clone(&metrics));
        let stored = engine.stored();
        let store = store.spawn(clock.clone(), notices.clone(), move |answer| {
            let _ = stored.blocking_send(answer);
        })?;
        let store = Arc::new(store);
        let keeper_of_samples = Arc::clone(&store);
        let configured = scheduler.clone();
        let outlets = Outlets {
            publish: couriers::publications(hub.clone()),
            collect: move |sources| configured.configure(&sources),
            keep: move |outputs| keeper_of_samples.push(outputs),
        };
        let engine_task =
            tokio::spawn(run(Engine::new(history), inbox, clock.clone(), outlets, stop.clone()));

        let (store_state, store_states) = watch::channel("read-write".to_owned());
        let facts = Arc::new(Facts {
            greeting: greeting(&clock),
            paths,
            idle_exit: settings.idle_exit,
            recovery,
            store_state: store_states,
            hub: hub.clone(),
            engine: engine.clone(),
            scheduler: scheduler.clone(),
            desk: desk.clone(),
            snapshot: registry.snapshot(),
            notices: notices.subscribe(),
            clock,
            stop: stop_sender.clone(),
        });
        tell_recovery(&facts, &notices);
        let (refresh, refreshes) = mpsc::channel(REFRESHES_MAX);
        let housekeeper = Housekeeper {
            facts: Arc::clone(&facts),
            secrets: outside.secrets.clone(),
            environment: outside.environment.clone(),
            keeper: Arc::clone(&keeper),
            store_state,
            notices: notices.clone(),
            stop: stop_sender,
        };
        let scrubber = Scrubber {
            scrub: keeper.scrub(),
            recovery: facts.recovery.clone(),
            clock: facts.clock.clone(),
            notices: notices.clone(),
        };
        let snapshot = registry.snapshot();
        let news = couriers::news(registry.snapshot(), notices.subscribe(), hub, stop.clone());
        let concerned = Concerned {
            snapshot: registry.snapshot(),
            environment: outside.environment.clone(),
            scheduler: scheduler.clone(),
            registry: registry.clone(),
            notices: notices.clone(),
        };
        let rescan = Arc::new(Notify::new());
        let tasks = vec![
            tokio::spawn(couriers::configuration(
                registry.snapshot(),
                engine.clone(),
                outside.gateway.clone(),
                desk.clone(),
                stop.clone(),
            )),
            tokio::spawn(desk.run(stop.clone())),
            tokio::spawn(couriers::feeds(feeds, engine)),
            tokio::spawn(concerned.run(stop.clone())),
            tokio::spawn(couriers::credentials(
                outside.secrets.subscribe(),
                registry.snapshot(),
                scheduler.clone(),
                stop.clone(),
            )),
            tokio::spawn(couriers::refreshes(refreshes, snapshot, scheduler)),
            tokio::spawn(news),
            tokio::spawn(housekeeper.run(stop.clone())),
            tokio::spawn(scrubber.run(stop.clone())),
            tokio::spawn(files.run(Arc::clone(&rescan))),
        ];
        if let Some(address) = &settings.metrics.listen {
            let served =
                metrics::serve(address, outside.environment.clone(), Arc::clone(&facts)).await;
            served.map_err(AppError::Metrics)?;
        }
        Ok(Self {
            facts,
            notices,
            rescan,
            settings,
            registry,
            outside,
            explorer: Explorer::new(discover::Roots::default(), Arc::new(discover::Loopback)),
            refresh,
            engine: engine_task,
            store,
            tasks,
            stop,
            _keeper: keeper,
        })
    }

    /// What the server serves.
    pub(super) fn services(&self) -> Services {
        let facts = &self.facts;
        let greeting = facts.greeting.clone();
        Services {
            streams: Streams::new(
                facts.hub.clone(),
                greeting,
                facts.clock.clone(),
                self.refresh.clone(),
            ),
            documents: Documents::new(self.registry.clone(), facts.clock.clone()),
            history: Histories::new(facts.engine.clone()),
            sources: Sources::new(Arc::clone(facts), self.outside.environment.clone()),
            credentials: Credentials::new(
                self.outside.secrets.clone(),
                self.registry.snapshot(),
                Some(Arc::new(self.outside.credentials.clone())),
            ),
            ingest: Ingest::new(facts.desk.clone()),
            discoveries: Discoveries::new(self.explorer.clone(), facts.snapshot.clone()),
            system: System::new(Arc::clone(facts)),
            reflection: self.settings.reflection,
        }
    }

    /// Ends everything, the sources first and what they gave last.
    pub(super) async fn end(self) {
        self.facts.scheduler.stop();
        self.stop.cancel();
        self.tasks.iter().for_each(JoinHandle::abort);
        let _ = self.engine.await;
        // The engine's outlets are gone with it, so that this is the last handle.
        if let Some(handle) = Arc::into_inner(self.store) {
            let _ = tokio::task::spawn_blocking(move || handle.close()).await;
        }
        self.registry.stop().await;
    }
}

fn retention(settings: &HistorySettings) -> Retention {
    Retention {
        age: [settings.raw, settings.minute, settings.hour],
        bytes: [u64::MAX; 3],
        total_bytes: settings.bytes,
    }
}

fn greeting(clock: &Clock) -> Greeting {
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Greeting {
        daemon: concat!("ccmd ", env!("CARGO_PKG_VERSION")).to_owned(),
        hostname: SafeText::new(&hostname).to_string(),
        epoch: rand::rng().random_range(1..u64::MAX),
        started_at: clock.now(),
        identity: String::new(),
    }
}

/// Puts up what recovery found, for as long as this daemon runs.
fn tell_recovery(facts: &Facts, notices: &NoticeBoard) {
    for (index, sentence) in facts.recovery.iter().enumerate() {
        tracing::warn!(%sentence, "recovery");
        notices.raise(Notice {
            key: format!("recovery:{index}"),
            severity: Severity::Warning,
            summary: SafeText::new(sentence),
            at: facts.clock.now(),
            ..Notice::default()
        });
    }
}
