//! A session as the transport sees it: a stream that is pulled when there is room.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use ccm_proto::model::{Interval, Name, Timestamp};
use ccm_proto::wire::{ClientMessage, EncodedFrame};
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tonic::Status;

use super::allowance::Allowance;
use super::{HEARTBEAT, Session, Shared};
use crate::clock::Clock;

/// Frames for one client, made from what is newest at the moment they are asked for.
pub struct SessionStream<I> {
    session: Session,
    shared: Arc<Shared>,
    inbound: I,
    clock: Clock,
    refresh: mpsc::Sender<Vec<Name>>,
    sleep: Pin<Box<Sleep>>,
    allowance: Allowance,
    ended: bool,
}

impl<I> SessionStream<I>
where
    I: Stream<Item = Result<ClientMessage, Status>> + Unpin,
{
    /// Joins a session with what its client sends. Widgets to be read now go to `refresh`, which
    /// may drop them: the next reading is at most an interval away.
    pub fn new(
        session: Session,
        inbound: I,
        clock: Clock,
        refresh: mpsc::Sender<Vec<Name>>,
    ) -> Self {
        let shared = Arc::clone(&session.shared);
        let sleep = Box::pin(tokio::time::sleep(HEARTBEAT.as_duration()));
        let allowance = Allowance::full();
        Self { session, shared, inbound, clock, refresh, sleep, allowance, ended: false }
    }

    /// Takes all messages that are there; false when the client is gone.
    fn receive(&mut self, now: Timestamp, context: &mut Context<'_>) -> Result<bool, Status> {
        loop {
            match Pin::new(&mut self.inbound).poll_next(context) {
                Poll::Pending => return Ok(true),
                Poll::Ready(None | Some(Err(_))) => return Ok(false),
                Poll::Ready(Some(Ok(message))) => {
                    let received = self.session.receive(message, now);
                    received.map_err(|error| Status::failed_precondition(error.to_string()))?;
                    let refresh = self.session.take_refresh();
                    if !refresh.is_empty() {
                        let _ = self.refresh.try_send(refresh);
                    }
                    // Its answer does not wait for the frame interval.
                    self.allowance = Allowance::full();
                    self.shared.dirty.store(true, Ordering::Release);
                }
            }
        }
    }

    fn arm(&mut self, after: Interval, context: &mut Context<'_>) -> bool {
        self.sleep.set(tokio::time::sleep(after.as_duration()));
        self.sleep.as_mut().poll(context).is_ready()
    }

    /// A frame, when something is new and the client's interval has passed.
    fn due(&mut self, now: Timestamp, context: &mut Context<'_>) -> Option<EncodedFrame> {
        if self.shared.dirty.load(Ordering::Acquire) {
            let wait = self.allowance.wait(self.session.frame_interval(), now);
            if !wait.is_zero() && !self.arm(wait, context) {
                return None;
            }
            self.shared.dirty.store(false, Ordering::Release);
            if let Some(frame) = self.session.frame(now) {
                return Some(frame);
            }
        }
        if now.since(self.allowance.last()) >= HEARTBEAT && self.session.greeted {
            return Some(self.session.heartbeat(now));
        }
        None
    }
}

impl<I> Stream for SessionStream<I>
where
    I: Stream<Item = Result<ClientMessage, Status>> + Unpin,
{
    type Item = Result<EncodedFrame, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        this.shared.waker.register(context.waker());
        let now = this.clock.now();
        match this.receive(now, context) {
            Ok(true) => {}
            Ok(false) => {
                this.ended = true;
                return Poll::Ready(None);
            }
            Err(status) => {
                this.ended = true;
                return Poll::Ready(Some(Err(status)));
            }
        }
        if let Some(frame) = this.session.goodbye(now) {
            this.ended = true;
            return Poll::Ready(Some(Ok(frame)));
        }
        if let Some(frame) = this.due(now, context) {
            this.allowance.spend(this.session.frame_interval(), now);
            this.arm(HEARTBEAT, context);
            return Poll::Ready(Some(Ok(frame)));
        }
        // Woken by news, by the client, or by this timer for the interval or the heartbeat.
        if this.sleep.as_mut().poll(context).is_ready() {
            let rest =
                HEARTBEAT.as_millis().saturating_sub(now.since(this.allowance.last()).as_millis());
            if this.arm(Interval::from_millis(rest.max(1)), context) {
                context.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl<I> Drop for SessionStream<I> {
    fn drop(&mut self) {
        let now = self.clock.now();
        self.session.leave(now);
    }
}
