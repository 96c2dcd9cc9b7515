//! The task that watches one module: its health, its manifest, its events.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::module::bridge::ASK_EVENT;
use ccm_proto::model::module::{MANIFEST_PATH, Manifest, ModuleAddress, ModuleSpec};
use ccm_proto::model::{Interval, Name};
use futures_util::StreamExt as _;
use rand::Rng as _;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::answer::{self, AnswerError};
use super::bridge::Bridge;
use super::directory::{Directory, Reported};
use super::sse::Parser;
use super::state::{Sign, State};
use super::way::{Answer, Asked, Chunks, Purpose, Way, WayError};
use crate::clock::Clock;

/// How long a check may take.
const CHECK_TIMEOUT: Interval = Interval::from_secs(5);

/// How long a stream of events may take to open.
const OPEN_TIMEOUT: Interval = Interval::from_secs(10);

/// After so long a manifest is read again though nothing says that it has changed.
const MANIFEST_AGE_MAX: Duration = Duration::from_mins(5);

/// A stream without a byte for so long is lost: the contract asks for a sign of life every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);

/// What events make stale is gathered for this long, so that a flood of events asks once a second.
const GATHER: Duration = Duration::from_secs(1);

/// Intervals without a report after which a module that reports by itself is late, and after which
/// it is taken for gone.
const LATE: u32 = 2;
const SILENT: u32 = 6;

/// The shortest and the longest pause before a stream is opened again.
const PAUSE: (Interval, Interval) = (Interval::from_secs(1), Interval::from_secs(60));

/// What a watcher tells.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The module's state is another one.
    State {
        /// The module.
        module: Name,
        /// What it was.
        from: State,
        /// What it is.
        to: State,
        /// Why.
        reason: SafeText,
    },
    /// The module describes itself, for the first time or otherwise than before.
    Manifest {
        /// The module.
        module: Name,
        /// Its description.
        manifest: Arc<Manifest>,
    },
    /// Sources whose data is stale.
    Refresh(Vec<Name>),
}

/// Watches a module.
pub struct Watcher {
    module: Name,
    spec: Arc<ModuleSpec>,
    way: Arc<dyn Way>,
    directory: Directory,
    bridge: Bridge,
    clock: Clock,
    news: mpsc::Sender<News>,
    /// Woken when the module can be listened to.
    back: Notify,
}

/// How the reading of a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Something was heard.
    Something,
    /// It ended before anything was heard.
    Nothing,
}

impl Watcher {
    /// Enters the module into the directory.
    pub fn new(
        (module, spec): (Name, Arc<ModuleSpec>),
        (way, directory, bridge): (Arc<dyn Way>, Directory, Bridge),
        clock: Clock,
        news: mpsc::Sender<News>,
    ) -> Self {
        directory.enter(&module, Arc::clone(&spec), clock.now());
        Self { module, spec, way, directory, bridge, clock, news, back: Notify::new() }
    }

    /// Watches until it is told to stop. What is known of the module stays in the directory.
    pub async fn run(self, stop: CancellationToken) {
        if !self.spec.enabled {
            self.sign(&Sign::Disabled, None).await;
            stop.cancelled().await;
            return;
        }
        if self.spec.endpoint == ModuleAddress::Push {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.hear_reports() => {}
            }
            return;
        }
        let bridged = self.bridge.serve(&self.module);
        let watching = async { tokio::join!(self.check_always(), self.listen_always(), bridged) };
        tokio::select! {
            () = stop.cancelled() => {}
            _ = watching => {}
        }
    }

    /// Takes what the module reports by itself, and minds that it does.
    async fn hear_reports(&self) {
        let news = self.directory.report_news(&self.module);
        let mut silent = 0;
        loop {
            let interval = self.spec.interval;
            if tokio::time::timeout(interval.as_duration(), news.notified()).await.is_ok() {
                silent = 0;
                self.take_report().await;
                continue;
            }
            silent += 1;
            if let Some(sign) = overdue(silent, interval) {
                self.sign(&sign, None).await;
            }
        }
    }

    pub(super) async fn take_report(&self) {
        let Some(Reported { manifest, health }) = self.directory.take_report(&self.module) else {
            return;
        };
        if let Some(manifest) = manifest {
            self.described(Arc::new(manifest)).await;
        }
        self.sign(&Sign::Health(health), None).await;
    }

    /// Takes in a manifest, and tells of it when it is another.
    async fn described(&self, manifest: Arc<Manifest>) {
        if self.directory.describe(&self.module, &manifest) {
            let module = self.module.clone();
            // The receiver is gone only when the daemon ends.
            let _ = self.news.send(News::Manifest { module, manifest }).await;
        }
    }

    async fn check_always(&self) {
        let mut read: Option<Duration> = None;
        loop {
            read = self.check(read).await;
            tokio::time::sleep(self.spec.interval.as_duration()).await;
        }
    }

    /// One look at the module. `read` is when its manifest was last read, as time since the clock's
    /// fixed moment.
    pub(super) async fn check(&self, read: Option<Duration>) -> Option<Duration> {
        let known = self.directory.known(&self.module)?;
        let now = self.clock.elapsed();
        let fresh = read.is_some_and(|at| now.saturating_sub(at) < MANIFEST_AGE_MAX);
        let asked = matches!(known.standing.state, State::Running | State::Degraded);
        let mut read = read;
        let mut manifest = known.manifest;
        if !fresh || !asked || manifest.is_none() {
            manifest = Some(self.describe().await?);
            read = Some(now);
        }
        let manifest = manifest?;
        let health = match self.get(&manifest.health).await {
            Ok(answer) => answer::health(&answer).map(|health| (health, answer.latency)),
            Err(error) => {
                self.sign(&lost(&error), None).await;
                return None;
            }
        };
        match health {
            Ok((health, latency)) => {
                let other = health.version.as_ref().is_some_and(|own| *own != manifest.version);
                self.sign(&Sign::Health(health), Some(latency)).await;
                if other {
                    self.describe().await?;
                    read = Some(now);
                }
                read
            }
            Err(error) => {
                self.sign(&Sign::Failed(SafeText::from(error.to_string())), None).await;
                None
            }
        }
    }

    /// Reads the manifest; none when that failed, which then is the module's state.
    async fn describe(&self) -> Option<Arc<Manifest>> {
        let sign = match self.get(MANIFEST_PATH).await {
            Ok(answer) => match answer::manifest(&answer) {
                Ok(manifest) => {
                    let manifest = Arc::new(manifest);
                    self.described(Arc::clone(&manifest)).await;
                    return Some(manifest);
                }
                Err(error) => foreign(&error, &answer),
            },
            Err(error) => lost(&error),
        };
        self.sign(&sign, None).await;
        None
    }

    fn asked(&self, path: &str, accept: &'static str, timeout: Interval) -> Asked {
        Asked {
            source: self.module.clone(),
            module: self.module.clone(),
            spec: Arc::clone(&self.spec),
            path: path.to_owned(),
            accept,
            timeout,
            purpose: Purpose::Check,
        }
    }

    async fn get(&self, path: &str) -> Result<Answer, WayError> {
        self.way.get(self.asked(path, "application/json", CHECK_TIMEOUT)).await
    }

    /// Takes in what was seen, and tells what it changes.
    async fn sign(&self, sign: &Sign, latency: Option<Interval>) {
        let at = self.clock.now();
        let Some(from) = self.directory.take(&self.module, sign, latency, at) else { return };
        let Some(known) = self.directory.known(&self.module) else { return };
        let (to, reason) = (known.standing.state, known.standing.reason);
        let module = self.module.clone();
        let _ = self.news.send(News::State { module, from, to, reason }).await;
        if to.is_asked() {
            self.way.welcome(&self.module);
        }
        if to.is_asked() != from.is_asked() || from == State::Unknown {
            let sources = self.directory.sources_of(&self.module);
            if !sources.is_empty() {
                let _ = self.news.send(News::Refresh(sources)).await;
            }
        }
        if to.is_asked() {
            self.back.notify_one();
        }
    }

    async fn listen_always(&self) {
        let mut parser = Parser::default();
        let mut silent = 0;
        loop {
            match self.listen(&mut parser).await {
                Some(Heard::Something) => silent = 0,
                Some(Heard::Nothing) => silent += 1,
                // It comes back by its health, not by being called.
                None => self.back.notified().await,
            }
            let share = rand::rng().random_range(0.0..1.0);
            tokio::time::sleep(pause(silent, parser.retry(), share)).await;
        }
    }

    /// Opens the stream and reads it to its end; none when there is nothing to be listened to.
    async fn listen(&self, parser: &mut Parser) -> Option<Heard> {
        let known = self.directory.known(&self.module)?;
        let events = known.manifest.as_ref().and_then(|manifest| manifest.events.as_ref());
        let path = &events.filter(|_| known.standing.state.is_asked())?.path;
        let last = Some(parser.last_id().to_owned()).filter(|id| !id.is_empty());
        let asked = self.asked(path, "text/event-stream", OPEN_TIMEOUT);
        let opened = self.way.open(asked, last).await;
        // What a broken stream had begun to say is said again.
        *parser = parser.again();
        match opened {
            Ok(Ok(chunks)) => Some(self.hear(chunks, parser).await),
            Ok(Err(_)) | Err(_) => Some(Heard::Nothing),
        }
    }

    /// Reads a stream to its end.
    pub(super) async fn hear(&self, mut chunks: Chunks, parser: &mut Parser) -> Heard {
        let mut heard = Heard::Nothing;
        let mut stale: Option<BTreeSet<String>> = None;
        let mut gathered: Option<Pin<Box<tokio::time::Sleep>>> = None;
        loop {
            let silence = tokio::time::timeout(SILENCE_MAX, chunks.next());
            let chunk = tokio::select! {
                chunk = silence => chunk,
                () = elapsed(&mut gathered) => {
                    gathered = None;
                    if let Some(endpoints) = stale.take() {
                        self.refresh(&endpoints).await;
                        gathered = Some(Box::pin(tokio::time::sleep(GATHER)));
                    }
                    continue;
                }
            };
            let Ok(Some(Ok(bytes))) = chunk else { break };
            heard = Heard::Something;
            if let Some(news) = self.take(&bytes, parser) {
                stale.get_or_insert_default().extend(news);
            }
            if gathered.is_none()
                && let Some(endpoints) = stale.take()
            {
                self.refresh(&endpoints).await;
                gathered = Some(Box::pin(tokio::time::sleep(GATHER)));
            }
        }
        if let Some(endpoints) = stale {
            self.refresh(&endpoints).await;
        }
        heard
    }

    /// Keeps the events that are whole now; the endpoints that they make stale, none without events.
    fn take(&self, bytes: &[u8], parser: &mut Parser) -> Option<BTreeSet<String>> {
        let before = parser.dropped();
        let mut endpoints = None;
        let mut wrong = 0;
        for frame in parser.push(bytes) {
            if frame.event == ASK_EVENT {
                match answer::ask(&frame) {
                    Ok(ask) => self.bridge.hear(&self.module, ask),
                    Err(error) => {
                        wrong += 1;
                        let module = &self.module;
                        tracing::debug!(%module, %error, "an ask is left out");
                    }
                }
                continue;
            }
            match answer::event(&frame) {
                Ok(event) => {
                    let stale: &mut BTreeSet<String> = endpoints.get_or_insert_default();
                    stale.extend(event.invalidates.iter().cloned());
                    self.bridge.publish(&self.module, &frame.id, &event);
                    self.directory.keep(&self.module, frame.id, event);
                }
                Err(error) => {
                    wrong += 1;
                    let module = &self.module;
                    tracing::debug!(%module, %error, "an event is left out");
                }
            }
        }
        self.directory.drop_events(&self.module, parser.dropped() - before + wrong);
        endpoints
    }

    async fn refresh(&self, endpoints: &BTreeSet<String>) {
        let sources = self.directory.affected(&self.module, endpoints);
        if !sources.is_empty() {
            let _ = self.news.send(News::Refresh(sources)).await;
        }
    }
}

/// Waits for a timer; for ever when there is none.
async fn elapsed(timer: &mut Option<Pin<Box<tokio::time::Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

/// The pause after so many silent streams: somewhere up to twice the former bound, and never
/// sooner than the stream asks for. `share` is from 0 to 1.
pub(super) fn pause(silent: u32, retry: Option<Interval>, share: f64) -> Duration {
    let (least, most) = PAUSE;
    let bound = least.times(1 << silent.min(6)).min(most);
    let jittered = bound.as_duration().mul_f64(share.clamp(0.0, 1.0));
    jittered.max(retry.unwrap_or(least).as_duration())
}

/// What so many intervals without a report say.
pub(super) fn overdue(silent: u32, interval: Interval) -> Option<Sign> {
    let age = interval.times(u64::from(silent));
    match silent {
        ..LATE => None,
        LATE..SILENT => Some(Sign::Late(age)),
        SILENT.. => Some(Sign::Silent(age)),
    }
}

fn lost(error: &WayError) -> Sign {
    match error {
        WayError::NotListening(cause) => Sign::NotListening(cause.clone()),
        WayError::Failed(cause) => Sign::Failed(cause.clone()),
    }
}

/// A manifest that cannot be read: of something else, unless the module is only out of order.
fn foreign(error: &AnswerError, answer: &Answer) -> Sign {
    let cause = SafeText::from(error.to_string());
    if answer.status >= 500 { Sign::Failed(cause) } else { Sign::Foreign(cause) }
}
