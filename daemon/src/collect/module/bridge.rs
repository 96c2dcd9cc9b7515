//! Between modules: one asks another through the daemon, and hears what others tell.
//!
//! [`acl`] decides and is pure. The [`Bridge`] is the edge: an ask that is allowed goes out by the
//! gateway as every call does, and its answer is delivered to the asker; an event with a topic is
//! put into the queue of each module that listens to it. A module has a queue of its own for either,
//! emptied by a task of its own, so that nobody waits for a slow one.

pub mod acl;
pub mod traffic;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ccm_proto::SafeText;
use ccm_proto::model::module::bridge::HOPS_MAX;
use ccm_proto::model::module::{Ask, BridgePath, ModuleEvent};
use ccm_proto::model::{Interval, Name};
use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::answer;
use super::directory::{Directory, Known};
use super::way::{Asked, Purpose, Way};
use crate::clock::Clock;
use crate::collect::http::bucket::Bucket;
use crate::collect::json;

pub use acl::Refusal;
pub use traffic::Traffic;

/// How long an ask may take.
const ASK_TIMEOUT: Interval = Interval::from_secs(5);

/// How long a module may take for what is delivered to it.
const DELIVERY_TIMEOUT: Interval = Interval::from_secs(5);

/// Asks of a module that wait.
const ASKS_MAX: usize = 32;

/// Asks of a module that are under way at once.
const ASKS_AT_ONCE: usize = 4;

/// Events that wait for a module.
const DELIVERIES_MAX: usize = 256;

/// Asks a second, and at once after a pause.
const ASK_RATE: (u32, u32) = (10, 20);

/// Events a second, and at once after a pause.
const EVENT_RATE: (u32, u32) = (20, 100);

/// Events that are remembered, so that none is told twice when a stream repeats itself.
const TOLD_MAX: usize = 1_024;

/// What an ask gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status: that of the asked, or of the bridge where it did not let the ask through.
    pub status: u16,
    /// The data; otherwise why there is none.
    pub result: Result<Json, SafeText>,
    /// The error in a few words; empty when there is data.
    pub title: &'static str,
}

impl Reply {
    fn refused(refusal: &Refusal) -> Self {
        let cause = SafeText::from(refusal.to_string());
        Self { status: refusal.status(), result: Err(cause), title: refusal.title() }
    }

    fn failed(status: u16, cause: impl std::fmt::Display) -> Self {
        let cause = SafeText::from(cause.to_string());
        Self { status, result: Err(cause), title: "No answer" }
    }

    /// The reply as it is delivered.
    fn body(&self, ask: &Ask) -> Bytes {
        let mut body = json!({ "ask": ask.ask, "to": ask.to, "status": self.status });
        match &self.result {
            Ok(data) => body["data"] = data.clone(),
            Err(detail) => {
                let (title, status) = (self.title, self.status);
                body["problem"] =
                    json!({ "title": title, "status": status, "detail": detail.as_str() });
            }
        }
        body.to_string().into()
    }
}

/// An event on its way to one module.
#[derive(Clone, Debug)]
struct Delivery {
    from: Name,
    hops: u8,
    body: Bytes,
}

/// A module's ends of the bridge.
struct Port {
    asks: Bucket,
    events: Bucket,
    told: Told,
    open: Option<(mpsc::Sender<Ask>, mpsc::Sender<Delivery>)>,
}

/// The newest events of a stream that numbers them, as hashes.
#[derive(Default)]
struct Told {
    order: VecDeque<[u8; 32]>,
    known: HashSet<[u8; 32]>,
}

impl Told {
    /// Remembers an event; false when it is known.
    fn is_new(&mut self, id: &str, event: &[u8]) -> bool {
        if id.is_empty() {
            return true;
        }
        // A module that is started anew may number anew: the same id is another event then.
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(id.len() as u64).to_le_bytes()).update(id.as_bytes()).update(event);
        let hash = *hasher.finalize().as_bytes();
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > TOLD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Leads from module to module. Clones share it.
#[derive(Clone)]
pub struct Bridge(Arc<Inner>);

struct Inner {
    way: Arc<dyn Way>,
    directory: Directory,
    clock: Clock,
    ports: Mutex<BTreeMap<Name, Port>>,
}

impl Bridge {
    /// Between the modules of a directory.
    pub fn new((way, directory): (Arc<dyn Way>, Directory), clock: Clock) -> Self {
        Self(Arc::new(Inner { way, directory, clock, ports: Mutex::default() }))
    }

    /// A poisoned lock guards plain data that is whole after every statement.
    fn ports(&self) -> MutexGuard<'_, BTreeMap<Name, Port>> {
        self.0.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_port<T>(&self, module: &Name, act: impl FnOnce(&mut Port) -> T) -> T {
        let now = self.0.clock.elapsed();
        let bucket = |(rate, burst): (u32, u32)| Bucket::new(f64::from(rate), burst, now);
        let mut ports = self.ports();
        let port = ports.entry(module.clone()).or_insert_with(|| Port {
            asks: bucket(ASK_RATE),
            events: bucket(EVENT_RATE),
            told: Told::default(),
            open: None,
        });
        act(port)
    }

    fn count(&self, module: &Name, act: impl FnOnce(&mut Traffic)) {
        self.0.directory.count(module, act);
    }

    fn refuse(&self, module: &Name, refusal: &Refusal) {
        tracing::debug!(%module, %refusal, "the bridge lets something not through");
        let sentence = SafeText::from(refusal.to_string());
        self.count(module, |traffic| {
            traffic.refused = traffic.refused.saturating_add(1);
            traffic.refusal = Some(sentence);
        });
    }

    /// Forgets a module that is gone.
    pub fn leave(&self, module: &Name) {
        self.ports().remove(module);
    }

    /// One module asks another, and waits for the answer. Who asks is known to the caller, by the
    /// connection that it came on.
    pub async fn ask(&self, asker: &Name, ask: &Ask) -> Reply {
        let (to, path) = match self.admit(asker, ask) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.refuse(asker, &refusal);
                return Reply::refused(&refusal);
            }
        };
        let reply = self.forward(asker, ask, (to, &path)).await;
        let good = reply.result.is_ok();
        self.count(asker, |traffic| {
            traffic.asks += u64::from(good);
            traffic.asks_failed += u64::from(!good);
        });
        if good {
            self.count(&ask.to, |traffic| traffic.answered += 1);
        }
        reply
    }

    fn admit(&self, asker: &Name, ask: &Ask) -> Result<(Known, BridgePath), Refusal> {
        let now = self.0.clock.elapsed();
        self.with_port(asker, |port| port.asks.take(now))
            .map_err(|after| Refusal::rate(asker, ASK_RATE.0, after))?;
        if ask.hops >= HOPS_MAX {
            return Err(Refusal::Circle { who: asker.clone() });
        }
        let path: BridgePath = ask.path.parse()?;
        let directory = &self.0.directory;
        let missing = |name: &Name| Refusal::Missing(name.clone());
        let own = directory.known(asker).ok_or_else(|| missing(asker))?;
        acl::may_ask((asker, &own.spec), &ask.to, &path)?;
        let to = directory.known(&ask.to).ok_or_else(|| missing(&ask.to))?;
        let standing = &to.standing;
        if !standing.state.is_asked() {
            let (state, reason) = (standing.state.as_str(), standing.reason.clone());
            return Err(Refusal::Unavailable { who: ask.to.clone(), state, reason });
        }
        acl::answers(&ask.to, to.manifest.as_deref(), &path)?;
        Ok((to, path))
    }

    async fn forward(&self, asker: &Name, ask: &Ask, (to, path): (Known, &BridgePath)) -> Reply {
        let asked = Asked {
            source: asker.clone(),
            module: ask.to.clone(),
            spec: to.spec,
            path: path.as_str().to_owned(),
            accept: "application/json",
            timeout: ASK_TIMEOUT,
            purpose: Purpose::Ask { hops: ask.hops + 1 },
        };
        let answer = match self.0.way.get(asked).await {
            Ok(answer) => answer,
            Err(error) => return Reply::failed(502, format!("{} gave no answer: {error}", ask.to)),
        };
        let status = if answer.status < 300 { 502 } else { answer.status };
        let body = answer::json(&answer).map_err(|error| error.to_string());
        match body.and_then(|body| json::parse(body).map_err(|error| error.to_string())) {
            Ok(data) => Reply { status: answer.status, result: Ok(data), title: "" },
            Err(error) => Reply::failed(status, format!("{} gave no data: {error}", ask.to)),
        }
    }

    /// Takes an ask of a module's stream; its answer is delivered.
    pub(super) fn hear(&self, asker: &Name, ask: Ask) {
        let sent = self.with_port(asker, |port| match &port.open {
            Some((asks, _)) => asks.try_send(ask).is_ok(),
            None => false,
        });
        if !sent {
            self.refuse(asker, &Refusal::Crowd { who: asker.clone() });
        }
    }

    /// Puts an event of a module's stream into the queues of those who listen to its topic. It is
    /// told at most once; where a queue is full it is left out and counted.
    pub(super) fn publish(&self, from: &Name, id: &str, event: &ModuleEvent) {
        let Some(topic) = &event.topic else { return };
        if let Err(refusal) = self.may_publish(from, topic, event.hops) {
            return self.refuse(from, &refusal);
        }
        let hops = event.hops + 1;
        let told = ModuleEvent { hops, ..event.clone() };
        let content = serde_json::to_vec(event).unwrap_or_default();
        if !self.with_port(from, |port| port.told.is_new(id, &content)) {
            return;
        }
        let body = json!({ "from": from, "topic": topic, "id": id, "hops": hops, "event": told });
        let delivery = Delivery { from: from.clone(), hops, body: body.to_string().into() };
        self.count(from, |traffic| traffic.published += 1);
        for (name, known) in self.0.directory.all() {
            let of = (from, topic.as_str());
            if acl::hears((&name, &known.spec), known.manifest.as_deref(), of) {
                self.enqueue(&name, &known, delivery.clone());
            }
        }
    }

    fn may_publish(&self, from: &Name, topic: &str, hops: u8) -> Result<(), Refusal> {
        if hops >= HOPS_MAX {
            return Err(Refusal::Circle { who: from.clone() });
        }
        let known = self.0.directory.known(from).ok_or_else(|| Refusal::Missing(from.clone()))?;
        acl::may_publish((from, &known.spec), known.manifest.as_deref(), topic)?;
        let now = self.0.clock.elapsed();
        self.with_port(from, |port| port.events.take(now))
            .map_err(|after| Refusal::rate(from, EVENT_RATE.0, after))
    }

    fn enqueue(&self, to: &Name, known: &Known, delivery: Delivery) {
        let sent = known.standing.state.is_asked()
            && self.with_port(to, |port| match &port.open {
                Some((_, deliveries)) => deliveries.try_send(delivery).is_ok(),
                None => false,
            });
        if !sent {
            self.count(to, |traffic| traffic.dropped += 1);
        }
    }

    /// Carries a module's asks out and events of others to it, until it is dropped.
    pub(super) async fn serve(&self, module: &Name) {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let (deliveries, delivered) = mpsc::channel(DELIVERIES_MAX);
        let own = deliveries.clone();
        self.with_port(module, |port| port.open = Some((asks, deliveries)));
        let _open = Open { bridge: self, module, own };
        let inbox = Inbox { bridge: self, module, waiting: delivered, under_way: false };
        let asked = futures_util::stream::unfold(asked, |mut asked| async move {
            let ask = asked.recv().await?;
            Some((ask, asked))
        });
        let answering = asked.for_each_concurrent(ASKS_AT_ONCE, |ask| {
            let (bridge, module) = (self.clone(), module.clone());
            async move { bridge.answer(&module, ask).await }
        });
        tokio::join!(answering, inbox.empty());
    }

    async fn answer(&self, asker: &Name, ask: Ask) {
        let reply = self.ask(asker, &ask).await;
        let from = ask.to.clone();
        self.deliver(asker, (from, Purpose::Reply), reply.body(&ask)).await;
    }

    /// Brings something to a module; false when it did not take it, which is counted.
    async fn deliver(&self, to: &Name, (from, purpose): (Name, Purpose), body: Bytes) -> bool {
        let known = self.0.directory.known(to).filter(|known| known.standing.state.is_asked());
        let offer = known.as_ref().and_then(|known| known.manifest.as_ref()?.bridge.clone());
        let taken = match (known, offer) {
            (Some(known), Some(offer)) => {
                let path = match purpose {
                    Purpose::Reply => offer.replies_path(),
                    _ => offer.deliveries_path(),
                };
                let asked = Asked {
                    source: from,
                    module: to.clone(),
                    spec: known.spec,
                    path: path.to_owned(),
                    accept: "application/json",
                    timeout: DELIVERY_TIMEOUT,
                    purpose,
                };
                let answer = self.0.way.post(asked, body).await;
                answer.is_ok_and(|answer| answer.status < 300)
            }
            _ => false,
        };
        if !taken {
            self.count(to, |traffic| traffic.dropped += 1);
        }
        taken
    }
}

/// Closes a module's ends of the bridge when its task ends, unless another has opened them since.
struct Open<'a> {
    bridge: &'a Bridge,
    module: &'a Name,
    own: mpsc::Sender<Delivery>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(port) = self.bridge.ports().get_mut(self.module)
            && port.open.as_ref().is_some_and(|(_, other)| other.same_channel(&self.own))
        {
            port.open = None;
        }
    }
}

/// The events that wait for a module. What still waits when its task ends is counted.
struct Inbox<'a> {
    bridge: &'a Bridge,
    module: &'a Name,
    waiting: mpsc::Receiver<Delivery>,
    /// One was taken out, and nobody knows yet whether it arrived.
    under_way: bool,
}

impl Inbox<'_> {
    async fn empty(mut self) {
        while let Some(Delivery { from, hops, body }) = self.waiting.recv().await {
            let purpose = Purpose::Delivery { hops };
            self.under_way = true;
            let taken = self.bridge.deliver(self.module, (from, purpose), body).await;
            self.under_way = false;
            if taken {
                self.bridge.count(self.module, |traffic| traffic.delivered += 1);
            }
        }
    }
}

impl Drop for Inbox<'_> {
    fn drop(&mut self) {
        let left = self.waiting.len() as u64 + u64::from(self.under_way);
        self.bridge.count(self.module, |traffic| traffic.dropped += left);
    }
}
