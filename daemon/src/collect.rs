//! Where readings come from: collectors, and the scheduler that asks them.
//!
//! A [`Collector`] gives readings in one of three ways: it blocks ([`Read`]), awaits ([`Fetch`]) or
//! speaks by itself ([`Follow`]). The [`scheduler`] is the edge that runs each and hands what comes
//! to the engine; [`schedule`] is the arithmetic of its ticks.

pub mod budget;
pub mod census;
pub mod credentials;
pub mod daemon;
pub mod exec;
pub mod external_api;
pub mod extract;
pub mod http;
pub mod json;
mod kept;
pub mod mask;
pub mod module;
pub mod probe;
pub mod prometheus;
pub mod push;
mod runner;
pub mod schedule;
pub mod scheduler;
pub mod self_metrics;
mod series;
pub mod status;
pub mod system;
pub mod tap;
pub mod template;
mod tree;
pub mod trial;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::source::{PrometheusConfig, SourceType};
use ccm_proto::model::{Interval, Name, Reading, SourceSpec, Timestamp};
use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::engine::event::Assignment;
use crate::secret::SecretStore;

use credentials::Credentials;
use external_api::ExternalApi;
use http::{Gateway, GatewayParts, Origin};
use tap::Tap;

pub use census::Census;
pub use scheduler::Scheduler;
pub use self_metrics::SelfMetrics;
pub use status::SourceStatus;

/// When a reading is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The tick that the reading stands for.
    pub at: Timestamp,
    /// Time since a fixed moment, for rates; unlike `at` it never jumps.
    pub elapsed: Duration,
}

/// Why a source gave no reading: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// Something the reading cannot do without could not be read.
    #[error("{what} cannot be read ({cause}); {remedy}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// What the system answered.
        cause: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The reading took longer than it may.
    #[error("no answer within {0}; raise the source's timeout, or see why this system is so slow")]
    Timeout(Interval),
    /// The collector's thread ended.
    #[error("the reader ended unexpectedly and is started anew; the daemon's log tells more")]
    Ended,
    /// The source, or the way to it, says no.
    #[error("{cause}")]
    Source {
        /// One sentence with a remedy.
        cause: SafeText,
        /// When it is worth trying again.
        retry: Retry,
    },
    /// The collector's thread could not be started.
    #[error("no thread could be started for the reader ({0}); raise the limit on tasks")]
    NoThread(String),
}

/// When a source that failed is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a wait that grows with each failure.
    Backoff,
    /// Not before this long, as the source asked for.
    After(Interval),
    /// A few times, and then only when someone changed something or asks: a credential that is
    /// refused does not get better by being sent again.
    Hold,
}

impl CollectError {
    /// When the source is worth trying again.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Source { retry, .. } => *retry,
            _ => Retry::Backoff,
        }
    }

    /// The error as it may be shown.
    pub fn to_safe_text(&self) -> SafeText {
        SafeText::from(self.to_string())
    }
}

/// Gives readings of one source by calls that block; it has a thread of its own.
pub trait Read: Send {
    /// Remembers counters, so that a reading soon after can tell rates.
    fn prime(&mut self, elapsed: Duration);

    /// One reading.
    fn read(&mut self, moment: Moment) -> Result<Reading, CollectError>;
}

/// Gives readings of one source without blocking. A call that takes too long is dropped, so it may
/// end at every await.
pub trait Fetch: Send {
    /// One reading.
    fn fetch(&mut self, moment: Moment) -> BoxFuture<'_, Result<Reading, CollectError>>;
}

/// Gives readings of one source when the source has some.
pub trait Follow: Send {
    /// Waits for the next reading, which is stamped by `clock`. After an error the source begins
    /// anew.
    fn next<'a>(&'a mut self, clock: &'a Clock) -> BoxFuture<'a, Result<Reading, CollectError>>;
}

/// What reads one source.
pub enum Collector {
    /// Blocks. It is made on its thread, as that may touch the outside too, and made again when
    /// the thread ended.
    Read(ReadFactory),
    /// Awaits.
    Fetch(Box<dyn Fetch>),
    /// Speaks by itself.
    Follow(Box<dyn Follow>),
}

/// Makes what reads a source.
pub type ReadFactory = Arc<dyn Fn() -> Box<dyn Read> + Send + Sync>;

/// Makes the collector of a source.
pub type Factory = Arc<dyn Fn(&Name, &Assignment) -> Collector + Send + Sync>;

/// What collectors stand on. Clones share everything.
#[derive(Clone)]
pub struct Environment {
    /// What the daemon counts about itself.
    pub metrics: Arc<SelfMetrics>,
    /// The way out.
    pub gateway: Gateway,
    /// What goes with requests.
    pub credentials: Credentials,
    /// What is known of modules.
    pub modules: module::Directory,
    /// The way from module to module.
    pub bridge: module::Bridge,
    /// What is known of all sources.
    pub census: Census,
    /// Sees what goes out and comes back in a trial, past the gateway's own.
    pub tap: Option<Tap>,
    /// The time.
    pub clock: Clock,
}

impl Environment {
    /// Without credentials, and with a way out to public addresses only.
    pub fn alone(clock: Clock) -> Self {
        let gateway = Gateway::new(GatewayParts::system(clock.clone()));
        let credentials =
            Credentials::new(SecretStore::empty(clock.clone()), gateway.clone(), clock.clone());
        let modules = module::Directory::default();
        let bridge = bridge(&gateway, &credentials, &modules, &clock);
        Self {
            metrics: Arc::default(),
            gateway,
            credentials,
            modules,
            bridge,
            census: Census::default(),
            tap: None,
            clock,
        }
    }

    /// The same, with everything that goes out and comes back shown to `tap`.
    pub fn tapped(&self, tap: &Tap) -> Self {
        let gateway = self.gateway.tapped(tap.clone()).anew();
        Self { gateway, tap: Some(tap.clone()), ..self.clone() }
    }

    fn probe(&self, name: &Name, spec: &SourceSpec) -> Collector {
        let surroundings = probe::Surroundings {
            way: Arc::new(self.gateway.connector().clone()),
            gateway: self.gateway.clone(),
            tap: self.tap.clone(),
            clock: self.clock.clone(),
        };
        probe::collector(name, spec, surroundings)
    }

    /// The way to modules.
    pub fn way_to_modules(&self) -> Arc<dyn module::Way> {
        let (gateway, credentials) = (self.gateway.clone(), self.credentials.clone());
        Arc::new(module::GatewayWay::new(gateway, credentials, self.clock.clone()))
    }

    fn module(&self, name: &Name, spec: &SourceSpec) -> Collector {
        let Some(config) = &spec.module else {
            return Collector::Fetch(Box::new(Unable(spec.source_type)));
        };
        let parts = (self.modules.clone(), self.way_to_modules());
        module::collector(name, spec, config, parts).unwrap_or_else(|error| {
            let cause = SafeText::from(error.to_string());
            Collector::Fetch(Box::new(Refused(cause)))
        })
    }

    fn prometheus(&self, name: Name, config: PrometheusConfig, timeout: Interval) -> Collector {
        let (credentials, source) = (self.credentials.clone(), name.clone());
        let (credential, auth) = (config.credential.clone(), config.auth.clone());
        let to = config.url.parse::<Origin>();
        let attach: prometheus::Attach = Arc::new(move || {
            let (credentials, source) = (credentials.clone(), source.clone());
            let (credential, auth, to) = (credential.clone(), auth.clone(), to.clone());
            Box::pin(async move {
                let (Some(credential), Ok(to)) = (credential, to) else { return Ok(None) };
                let attached = credentials.attach(&source, &credential, auth.as_ref(), &to).await;
                attached.map(Some).map_err(|error| error.to_collect_error())
            })
        });
        prometheus::collector(name, config, timeout, self.gateway.clone(), attach)
    }
}

/// The way between the modules of a directory.
pub fn bridge(
    gateway: &Gateway,
    credentials: &Credentials,
    modules: &module::Directory,
    clock: &Clock,
) -> module::Bridge {
    let way = module::GatewayWay::new(gateway.clone(), credentials.clone(), clock.clone());
    module::Bridge::new((Arc::new(way), modules.clone()), clock.clone())
}

/// The collectors of all source types that are asked for their readings.
pub fn collectors(environment: Environment) -> Factory {
    Arc::new(move |name, assignment| {
        let (name, spec) = (name.clone(), Arc::clone(&assignment.spec));
        match spec.source_type {
            SourceType::System => Collector::Read(Arc::new(move || {
                system::reader(name.clone(), spec.system.as_deref().cloned().unwrap_or_default())
            })),
            SourceType::Daemon => {
                let environment = environment.clone();
                Collector::Read(Arc::new(move || {
                    Box::new(daemon::DaemonReader::new(name.clone(), environment.clone()))
                }))
            }
            SourceType::ExternalApi => Collector::Fetch(Box::new(ExternalApi::new(
                &name,
                &spec,
                assignment.connector.as_ref(),
                &environment,
            ))),
            SourceType::Prometheus => match spec.prometheus.as_deref().cloned() {
                Some(config) => environment.prometheus(name, config, spec.effective_timeout()),
                None => Collector::Fetch(Box::new(Unable(spec.source_type))),
            },
            SourceType::Probe => environment.probe(&name, &spec),
            SourceType::Exec => {
                let tap = environment.tap.clone();
                exec::collector(&name, &spec, exec::Launcher::own(), tap)
            }
            SourceType::Module => environment.module(&name, &spec),
            SourceType::Push | SourceType::Query => {
                Collector::Fetch(Box::new(Unable(spec.source_type)))
            }
        }
    })
}

/// Stands for a source whose document cannot be used.
struct Refused(SafeText);

impl Fetch for Refused {
    fn fetch(&mut self, _: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        let error = CollectError::Source { cause: self.0.clone(), retry: Retry::Hold };
        Box::pin(std::future::ready(Err(error)))
    }
}

/// Stands for a source that this build cannot read.
struct Unable(SourceType);

impl Fetch for Unable {
    fn fetch(&mut self, _: Moment) -> BoxFuture<'_, Result<Reading, CollectError>> {
        let cause = format!("this daemon does not read {} sources", self.0.as_str());
        let error = CollectError::Source { cause: SafeText::new(&cause), retry: Retry::Hold };
        Box::pin(std::future::ready(Err(error)))
    }
}
