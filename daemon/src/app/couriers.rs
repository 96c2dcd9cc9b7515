//! Small tasks that carry things from one part to another.

use std::sync::Arc;

use ccm_proto::model::Name;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::collect::http::{Gateway, Policy};
use crate::collect::push::Desk;
use crate::collect::scheduler::Scheduler;
use crate::engine::event::{Event, Publication};
use crate::engine::handle::EngineHandle;
use crate::hub::Hub;
use crate::notices::Notices;
use crate::registry::Snapshot;
use crate::secret::CredentialId;

/// Takes the typed documents to the engine whenever they changed, beginning with those in effect.
/// What may be dialled is in force before a source that needs it is started, and what is reported
/// is taken when the engine knows its source.
pub(super) async fn configuration(
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    (engine, gateway, desk): (EngineHandle, Gateway, Desk),
    stop: CancellationToken,
) {
    let mut former = None;
    loop {
        let configuration = Arc::clone(&snapshot.borrow_and_update().configuration);
        if !former.as_ref().is_some_and(|former| Arc::ptr_eq(former, &configuration)) {
            former = Some(Arc::clone(&configuration));
            let policy = Policy::new(configuration.egress.values().map(Arc::as_ref));
            if policy != *gateway.policy() {
                gateway.set_policy(policy);
            }
            if engine.send(Event::Configured(Arc::clone(&configuration))).await.is_err() {
                return;
            }
            desk.configure(&configuration);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = snapshot.changed() => if changed.is_err() { return },
        }
    }
}

/// Wakes all sessions when documents or notices changed.
pub(super) async fn news(
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    mut notices: watch::Receiver<Notices>,
    hub: Hub,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = snapshot.changed() => if changed.is_err() { return },
            changed = notices.changed() => if changed.is_err() { return },
        }
        hub.wake_all();
    }
}

/// Takes what the hub tells the engine: feeds opened and closed.
pub(super) async fn feeds(mut events: mpsc::UnboundedReceiver<Event>, engine: EngineHandle) {
    while let Some(event) = events.recv().await {
        if engine.send(event).await.is_err() {
            return;
        }
    }
}

/// Has the sources of widgets read now.
pub(super) async fn refreshes(
    mut widgets: mpsc::Receiver<Vec<Name>>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    scheduler: Scheduler,
) {
    while let Some(widgets) = widgets.recv().await {
        let configuration = Arc::clone(&snapshot.borrow().configuration);
        let sources: Vec<Name> = widgets
            .iter()
            .filter_map(|widget| configuration.widgets.get(widget))
            .map(|widget| widget.source.clone())
            .collect();
        scheduler.refresh(&sources);
    }
}

/// Has sources read at once whose credential changed: those that were refused wait for nothing else.
pub(super) async fn credentials(
    (mut news, snapshot, scheduler): (
        broadcast::Receiver<CredentialId>,
        watch::Receiver<Arc<Snapshot>>,
        Scheduler,
    ),
    stop: CancellationToken,
) {
    loop {
        let changed = tokio::select! {
            () = stop.cancelled() => return,
            changed = news.recv() => changed,
        };
        let changed = match changed {
            Ok(id) => Some(id),
            // Whoever missed some looks at all.
            Err(broadcast::error::RecvError::Lagged(_)) => None,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let configuration = Arc::clone(&snapshot.borrow().configuration);
        let assignments = configuration.assignments();
        let concerned = assignments.iter().filter(|(_, assignment)| match &changed {
            Some(id) => assignment.credential() == Some(id.name()),
            None => assignment.credential().is_some(),
        });
        scheduler.refresh(concerned.map(|(name, _)| name));
    }
}

/// Takes the versions of one step of the engine to the hub.
pub(super) fn publications(hub: Hub) -> impl FnMut(Vec<Publication>) + Send + 'static {
    move |publications| hub.publish(publications)
}
