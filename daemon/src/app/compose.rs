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
use crate::engine::event::Event;
use crate::engine::handle::{self, EngineHandle};
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
use crate::rpc::modules::Modules;
use crate::rpc::server::Services;
use crate::rpc::sources::Sources;
use crate::rpc::stream::Streams;
use crate::rpc::system::{Facts, System};
use crate::settings::{HistorySettings, Paths, Settings};
use crate::storage::index::Index;
use crate::storage::log::Log;
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

/// What every part stands on.
#[derive(Clone)]
struct Ground {
    settings: Settings,
    paths: Paths,
    clock: Clock,
    notices: NoticeBoard,
    metrics: Arc<SelfMetrics>,
    keeper: Arc<Keeper>,
    stop: CancellationToken,
}

/// What people configure, and the way out that it opens.
struct Configured {
    registry: RegistryHandle,
    files: Files,
    outside: Outside,
}

/// What is measured, and who is shown it.
struct Measuring {
    engine: EngineHandle,
    task: JoinHandle<Engine>,
    store: Arc<StoreHandle>,
    hub: Hub,
    feeds: mpsc::UnboundedReceiver<Event>,
    scheduler: Scheduler,
    desk: Desk,
}

impl Configured {
    /// What is in files is in effect when this returns, and so is what may be dialled.
    async fn build(ground: &Ground, ledger: Log, index: Index) -> Result<Self, AppError> {
        let outside =
            Outside::build(&ground.settings, &ground.paths, &ground.clock, &ground.metrics);
        let registry = actor::spawn(actor::Parts {
            ledger: Box::new(ledger),
            index,
            clock: ground.clock.clone(),
            notices: ground.notices.clone(),
            shipped: packs::DOCUMENTS.to_vec(),
        })?;
        let files = Files {
            directory: ground.paths.config.clone(),
            registry: registry.clone(),
            notices: ground.notices.clone(),
            clock: ground.clock.clone(),
        };
        files.once().await;
        let configuration = Arc::clone(&registry.snapshot().borrow().configuration);
        let policy = Policy::new(configuration.egress.values().map(Arc::as_ref));
        outside.gateway.set_policy(policy);
        Ok(Self { registry, files, outside })
    }
}

impl Measuring {
    /// Builds and spawns the engine; nothing is collected before it is configured.
    fn build(ground: &Ground, configured: &Configured, opened: Opened) -> Result<Self, AppError> {
        let Ground { clock, metrics, notices, .. } = ground;
        let Opened { history, store, reader, sentences: _ } = opened;
        let (engine, inbox) = handle::channel(reader);
        let (feed_events, feeds) = mpsc::unbounded_channel();
        let surroundings = Surroundings {
            snapshot: configured.registry.snapshot(),
            notices: notices.subscribe(),
            events: feed_events,
            metrics: Arc::clone(metrics),
        };
        let hub = Hub::new(ground.settings.limits.clone(), surroundings);
        let collectors = collectors(configured.outside.environment.clone());
        let scheduler =
            Scheduler::new(clock.clone(), collectors, engine.events(), Arc::clone(metrics));
        let desk = Desk::new(clock.clone(), engine.events(), Arc::clone(metrics));
        let stored = engine.stored();
        let store = store.spawn(clock.clone(), notices.clone(), move |answer| {
            let _ = stored.blocking_send(answer);
        })?;
        let store = Arc::new(store);
        let (keeper_of_samples, collecting) = (Arc::clone(&store), scheduler.clone());
        let outlets = Outlets {
            publish: couriers::publications(hub.clone()),
            collect: move |sources| collecting.configure(&sources),
            keep: move |outputs| keeper_of_samples.push(outputs),
        };
        let engine_loop =
            run(Engine::new(history), inbox, clock.clone(), outlets, ground.stop.clone());
        let task = tokio::spawn(engine_loop);
        Ok(Self { engine, task, store, hub, feeds, scheduler, desk })
    }
}

impl Parts {
    /// Builds and spawns everything but the server.
    pub(super) async fn build(
        settings: Settings,
        paths: Paths,
        clock: Clock,
        stop_sender: mpsc::Sender<String>,
    ) -> Result<Self, AppError> {
        let Storage { ledger, index, index_state: _, mut recovery, keeper } =
            Storage::open(&paths.data)?;
        let logs = |name: &str, options| keeper.history(name, options);
        let opened = store::open(&logs, retention(&settings.history))
            .map_err(|error| AppError::Storage(error.into()))?;
        recovery.extend(opened.sentences.iter().cloned());
        let ground = Ground {
            settings,
            paths,
            clock,
            notices: NoticeBoard::default(),
            metrics: Arc::default(),
            keeper: Arc::new(keeper),
            stop: CancellationToken::new(),
        };
        let configured = Configured::build(&ground, ledger, index).await?;
        let measuring = Measuring::build(&ground, &configured, opened)?;
        let (store_state, store_states) = watch::channel("read-write".to_owned());
        let told = (recovery, store_states, stop_sender);
        let facts = Arc::new(facts(&ground, &configured, &measuring, told));
        tell_recovery(&facts, &ground.notices);
        if let Some(address) = &ground.settings.metrics.listen {
            let environment = configured.outside.environment.clone();
            let served = metrics::serve(address, environment, Arc::clone(&facts)).await;
            served.map_err(AppError::Metrics)?;
        }
        Ok(Self::spawn(ground, configured, measuring, facts, store_state))
    }

    /// Spawns the tasks.
    fn spawn(
        ground: Ground,
        configured: Configured,
        measuring: Measuring,
        facts: Arc<Facts>,
        store_state: watch::Sender<String>,
    ) -> Self {
        let (refresh, refreshes) = mpsc::channel(REFRESHES_MAX);
        let (rescan, stop) = (Arc::new(Notify::new()), ground.stop.clone());
        let Configured { registry, files, outside } = configured;
        let Measuring { engine, task, store, hub, feeds, scheduler, desk } = measuring;
        let (notices, snapshot) = (ground.notices.clone(), || registry.snapshot());
        let housekeeper = Housekeeper {
            facts: Arc::clone(&facts),
            secrets: outside.secrets.clone(),
            environment: outside.environment.clone(),
            keeper: Arc::clone(&ground.keeper),
            store_state,
            notices: notices.clone(),
            stop: facts.stop.clone(),
        };
        let scrubber = Scrubber {
            scrub: ground.keeper.scrub(),
            recovery: facts.recovery.clone(),
            clock: facts.clock.clone(),
            notices: notices.clone(),
        };
        let concerned = Concerned {
            snapshot: snapshot(),
            environment: outside.environment.clone(),
            scheduler: scheduler.clone(),
            registry: registry.clone(),
            notices: notices.clone(),
        };
        let to = (engine.clone(), outside.gateway.clone(), desk.clone());
        let credentials = (outside.secrets.subscribe(), snapshot(), scheduler.clone());
        let tasks = vec![
            tokio::spawn(couriers::configuration(snapshot(), to, stop.clone())),
            tokio::spawn(desk.run(stop.clone())),
            tokio::spawn(couriers::feeds(feeds, engine)),
            tokio::spawn(concerned.run(stop.clone())),
            tokio::spawn(couriers::credentials(credentials, stop.clone())),
            tokio::spawn(couriers::refreshes(refreshes, snapshot(), scheduler)),
            tokio::spawn(couriers::news(snapshot(), notices.subscribe(), hub, stop.clone())),
            tokio::spawn(housekeeper.run(stop.clone())),
            tokio::spawn(scrubber.run(stop.clone())),
            tokio::spawn(files.run(Arc::clone(&rescan))),
        ];
        let explorer = Explorer::new(discover::Roots::default(), Arc::new(discover::Loopback));
        let (settings, keeper) = (ground.settings, ground.keeper);
        Self {
            facts,
            notices,
            rescan,
            settings,
            registry,
            outside,
            explorer,
            refresh,
            engine: task,
            store,
            tasks,
            stop,
            _keeper: keeper,
        }
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
            documents: Documents::new(self.registry.clone(), facts.clock.clone())
                .with_secrets(self.outside.secrets.clone()),
            history: Histories::new(facts.engine.clone()),
            sources: Sources::new(Arc::clone(facts), self.outside.environment.clone()),
            modules: Modules::new(self.outside.environment.clone()),
            credentials: Credentials::new(
                self.outside.secrets.clone(),
                self.registry.snapshot(),
                Some(Arc::new(self.outside.credentials.clone())),
            ),
            ingest: Ingest::new(facts.desk.clone(), self.outside.environment.modules.clone()),
            discoveries: Discoveries::new(
                self.explorer.clone(),
                facts.snapshot.clone(),
                self.outside.secrets.clone(),
            ),
            system: System::new(Arc::clone(facts)),
            reflection: self.settings.reflection,
            metrics: Arc::clone(&self.outside.environment.metrics),
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

/// What the services tell; `told` is what recovery found, how the store does, and whom to ask for
/// the end.
fn facts(
    ground: &Ground,
    configured: &Configured,
    measuring: &Measuring,
    told: (Vec<String>, watch::Receiver<String>, mpsc::Sender<String>),
) -> Facts {
    let (recovery, store_state, stop) = told;
    Facts {
        greeting: greeting(&ground.clock),
        paths: ground.paths.clone(),
        idle_exit: ground.settings.idle_exit,
        recovery,
        store_state,
        hub: measuring.hub.clone(),
        engine: measuring.engine.clone(),
        scheduler: measuring.scheduler.clone(),
        desk: measuring.desk.clone(),
        snapshot: configured.registry.snapshot(),
        notices: ground.notices.subscribe(),
        clock: ground.clock.clone(),
        stop,
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
