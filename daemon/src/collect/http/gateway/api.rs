//! One API with one credential: its limits, and who waits for them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::source::external_api;
use ccm_proto::model::{Interval, Timestamp};
use tokio::sync::oneshot;

use super::super::breaker::{self, Breaker};
use super::super::bucket::Bucket;
use super::super::calls::Usage;
use super::super::queue::{FairQueue, WAITING_MAX};
use super::super::quota::Quota;
use super::super::retry_after::WAIT_MAX;
use super::{Call, FetchError, REFUSALS_MAX, Wait};
use crate::clock::Clock;

/// How often an API may be called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ApiLimits {
    /// Calls in a second; no limit when not given.
    pub per_second: Option<f64>,
    /// Calls at once after a pause; at least one.
    pub burst: u32,
    /// Calls under way at a time; no limit when not given.
    pub concurrent: Option<u32>,
    /// How long a call waits for its turn.
    pub wait: Interval,
}

impl Default for ApiLimits {
    fn default() -> Self {
        let wait = Interval::from_secs(30);
        Self { per_second: None, burst: 1, concurrent: None, wait }
    }
}

impl From<&external_api::ApiLimits> for ApiLimits {
    fn from(limits: &external_api::ApiLimits) -> Self {
        Self {
            per_second: Some(limits.per_second),
            burst: limits.burst,
            concurrent: Some(limits.concurrent),
            ..Self::default()
        }
    }
}

/// What is known of an API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiState {
    /// The API.
    pub api: Arc<str>,
    /// The credential that it is called with.
    pub credential: Option<Arc<str>>,
    /// Calls that may go at once; nothing when there is no limit.
    pub tokens: Option<f64>,
    /// Calls under way.
    pub in_flight: u32,
    /// Calls that wait.
    pub waiting: usize,
    /// The circuit breaker.
    pub breaker: breaker::State,
    /// Failures in a row.
    pub failures: u32,
    /// How long the API wants to be left alone.
    pub held: Option<Interval>,
    /// Refusals of the credential in a row.
    pub refusals: u32,
    /// What it said last about its quota.
    pub quota: Option<Quota>,
    /// How often it is used with this credential.
    pub usage: Usage,
}

/// How a call ended, as far as it tells something about the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It works.
    Good,
    /// It does not.
    Failed,
    /// It wants to be left alone.
    Hold(Interval),
    /// It does not take this revision of the credential.
    Refused(u64),
    /// Nothing.
    Nothing,
}

pub(super) struct Api {
    name: Arc<str>,
    credential: Option<Arc<str>>,
    clock: Clock,
    core: Mutex<Core>,
}

#[derive(Default)]
struct Core {
    limits: ApiLimits,
    bucket: Option<Bucket>,
    in_flight: u32,
    queue: FairQueue<oneshot::Sender<Permit>>,
    pumping: bool,
    breaker: Breaker,
    quota: Option<Quota>,
    quota_told: Duration,
    held_until: Duration,
    refusals: u32,
    refused_revision: u64,
}

impl Core {
    fn adopt(&mut self, limits: ApiLimits, now: Duration) {
        if self.limits == limits {
            return;
        }
        self.limits = limits;
        match (&mut self.bucket, limits.per_second) {
            (bucket, None) => *bucket = None,
            (Some(bucket), Some(rate)) => bucket.adjust(rate, limits.burst, now),
            (bucket, Some(rate)) => *bucket = Some(Bucket::new(rate, limits.burst, now)),
        }
    }

    /// Why no call goes out now, whoever makes it.
    fn stopped(&self, now: Duration, at: Timestamp) -> Option<(Wait, Interval)> {
        if self.held_until > now {
            return Some((Wait::Asked, Interval::from(self.held_until.saturating_sub(now))));
        }
        // What was said long ago is not believed for ever: a call goes out and hears it anew.
        let recent = WAIT_MAX.as_duration().saturating_sub(now.saturating_sub(self.quota_told));
        if let Some(after) = self.quota.and_then(|quota| quota.exhausted(at, recent.into())) {
            return Some((Wait::Quota, after));
        }
        match self.breaker.state(now) {
            breaker::State::Open(after) => Some((Wait::Circuit, Interval::from(after))),
            breaker::State::Closed | breaker::State::HalfOpen => None,
        }
    }

    /// Drops those who have given up.
    fn prune(&mut self, now: Duration) {
        self.queue.prune(now, |sender| !sender.is_closed());
    }

    fn has_slot(&self) -> bool {
        self.limits.concurrent.is_none_or(|most| self.in_flight < most.max(1))
    }

    /// Takes a token, or says how long until there is one.
    fn take_token(&mut self, now: Duration) -> Result<(), Duration> {
        self.bucket.as_mut().map_or(Ok(()), |bucket| bucket.take(now))
    }

    /// The next who may go.
    fn next(&mut self, now: Duration) -> Next {
        if self.queue.is_empty() || !self.has_slot() {
            return Next::Nobody;
        }
        if let Some(bucket) = &self.bucket
            && bucket.tokens(now) < 1.0
        {
            let wait = self.take_token(now).err().unwrap_or(Duration::from_millis(1));
            return Next::Later(wait);
        }
        let Some(sender) = self.queue.pop(now, |sender| !sender.is_closed()) else {
            return Next::Nobody;
        };
        // There is one: it was looked at above, and nobody else has it.
        let _ = self.take_token(now);
        self.in_flight += 1;
        Next::Goes(sender)
    }
}

enum Next {
    Goes(oneshot::Sender<Permit>),
    Later(Duration),
    Nobody,
}

/// The right to make one call. Dropping it gives the place back.
pub(super) struct Permit {
    api: Arc<Api>,
    done: bool,
}

impl Permit {
    /// The call has ended. Gives the refusals in a row.
    pub(super) fn finish(mut self, outcome: Outcome, quota: Option<Quota>) -> u32 {
        self.done = true;
        self.api.finished(outcome, quota)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.done {
            self.api.finished(Outcome::Nothing, None);
        }
    }
}

impl Api {
    pub(super) fn new(name: Arc<str>, credential: Option<Arc<str>>, clock: Clock) -> Self {
        Self { name, credential, clock, core: Mutex::default() }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the call's turn.
    pub(super) async fn admit(self: &Arc<Self>, call: &Call) -> Result<Permit, FetchError> {
        let receiver = {
            let now = self.clock.elapsed();
            let mut core = self.core();
            core.adopt(call.limits, now);
            self.check(&core, call, now)?;
            if core.queue.is_empty() && core.has_slot() && core.take_token(now).is_ok() {
                self.trial(&mut core, now)?;
                core.in_flight += 1;
                return Ok(self.permit());
            }
            if core.queue.len() >= WAITING_MAX {
                core.prune(now);
            }
            let (sender, receiver) = oneshot::channel();
            let deadline = now + call.limits.wait.as_duration();
            core.queue
                .push(sender, call.priority, &call.owner, deadline)
                .map_err(|_| self.later(Wait::Queue, call.limits.wait))?;
            receiver
        };
        self.pump();
        let waited = tokio::time::timeout(call.limits.wait.as_duration(), receiver).await;
        let Ok(Ok(permit)) = waited else {
            return Err(self.later(Wait::Queue, call.limits.wait));
        };
        // Much may have happened meanwhile.
        let now = self.clock.elapsed();
        {
            let mut core = self.core();
            if let Err(error) =
                self.check(&core, call, now).and_then(|()| self.trial(&mut core, now))
            {
                drop(core);
                return Err(error);
            }
        }
        Ok(permit)
    }

    fn permit(self: &Arc<Self>) -> Permit {
        Permit { api: Arc::clone(self), done: false }
    }

    fn later(&self, wait: Wait, after: Interval) -> FetchError {
        FetchError::TryLater { api: SafeText::new(&self.name), after, wait }
    }

    fn check(&self, core: &Core, call: &Call, now: Duration) -> Result<(), FetchError> {
        if let Some(attached) = &call.credential
            && core.refusals >= REFUSALS_MAX
            && core.refused_revision == attached.revision
        {
            return Err(FetchError::Refused {
                api: SafeText::new(&self.name),
                status: 401,
                credential: self.credential.clone(),
                tries: core.refusals,
            });
        }
        match core.stopped(now, self.clock.now()) {
            Some((wait, after)) => Err(self.later(wait, after)),
            None => Ok(()),
        }
    }

    fn trial(&self, core: &mut Core, now: Duration) -> Result<(), FetchError> {
        core.breaker.allow(now).map_err(|after| self.later(Wait::Circuit, Interval::from(after)))
    }

    /// Lets all go whose turn it is, and sees that the others are thought of in time.
    fn pump(self: &Arc<Self>) {
        loop {
            let next = self.core().next(self.clock.elapsed());
            match next {
                Next::Nobody => return,
                // Whoever gave up at this moment drops the permit, which gives the place back.
                Next::Goes(sender) => drop(sender.send(self.permit())),
                Next::Later(wait) => {
                    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
                    if std::mem::replace(&mut self.core().pumping, true) {
                        return;
                    }
                    let api = Arc::clone(self);
                    runtime.spawn(async move {
                        tokio::time::sleep(wait).await;
                        api.core().pumping = false;
                        api.pump();
                    });
                    return;
                }
            }
        }
    }

    fn finished(self: &Arc<Self>, outcome: Outcome, quota: Option<Quota>) -> u32 {
        let now = self.clock.elapsed();
        let mut core = self.core();
        core.in_flight = core.in_flight.saturating_sub(1);
        if quota.is_some() {
            core.quota = quota;
            core.quota_told = now;
        }
        match outcome {
            Outcome::Good => {
                core.breaker.succeeded();
                core.refusals = 0;
            }
            Outcome::Failed => core.breaker.failed(now, rand::random()),
            Outcome::Hold(after) => {
                // It speaks to us, so it works.
                core.breaker.succeeded();
                core.held_until = core.held_until.max(now + after.as_duration());
            }
            Outcome::Refused(revision) => {
                core.breaker.succeeded();
                if core.refused_revision != revision {
                    core.refused_revision = revision;
                    core.refusals = 0;
                }
                core.refusals = core.refusals.saturating_add(1);
            }
            Outcome::Nothing => core.breaker.abandoned(),
        }
        let refusals = core.refusals;
        let some_wait = !core.queue.is_empty();
        drop(core);
        if some_wait {
            self.pump();
        }
        refusals
    }

    /// Whether nothing would be lost by forgetting it.
    pub(super) fn is_at_rest(&self) -> bool {
        let now = self.clock.elapsed();
        let core = self.core();
        core.in_flight == 0
            && core.queue.is_empty()
            && core.refusals == 0
            && core.stopped(now, self.clock.now()).is_none()
    }

    /// What is known of it; `usage` is asked by its name and the credential's.
    pub(super) fn state(
        &self,
        usage: impl FnOnce(&Arc<str>, Option<&Arc<str>>) -> Usage,
    ) -> ApiState {
        let now = self.clock.elapsed();
        let mut core = self.core();
        core.prune(now);
        let held = core.held_until.checked_sub(now).filter(|left| !left.is_zero());
        ApiState {
            api: Arc::clone(&self.name),
            credential: self.credential.clone(),
            tokens: core.bucket.as_ref().map(|bucket| bucket.tokens(now)),
            in_flight: core.in_flight,
            waiting: core.queue.len(),
            breaker: core.breaker.state(now),
            failures: core.breaker.failures(),
            held: held.map(Interval::from),
            refusals: core.refusals,
            quota: core.quota,
            usage: usage(&self.name, self.credential.as_ref()),
        }
    }
}
