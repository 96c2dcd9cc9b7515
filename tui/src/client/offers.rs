//! Calls about what was found on the daemon's machine.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::Offer;
use ccm_proto::wire::discover_service_client::DiscoverServiceClient;
use ccm_proto::wire::document_service_client::DocumentServiceClient;
use ccm_proto::wire::{ApplyRequest, DiscoverRequest, Scope};
use tokio::sync::mpsc;
use tonic::transport::Channel;

use super::CALL_LIMIT;
use crate::command::discover::{reason, writes};
use crate::message::Message;

/// How long looking around may take: the daemon asks each listener for a moment.
const LOOK_LIMIT: Duration = Duration::from_secs(15);

/// Offers that are taken; no machine runs more that is well known.
const OFFERS_MAX: usize = 64;

/// Asks what was found. A daemon that does not answer has found nothing.
pub(super) async fn look(channel: Channel, messages: mpsc::Sender<Message>) {
    let mut client = DiscoverServiceClient::new(channel);
    let call = client.discover(DiscoverRequest {});
    let answer = tokio::time::timeout(LOOK_LIMIT, call).await;
    let response = answer.ok().and_then(Result::ok).map(tonic::Response::into_inner);
    let response = response.unwrap_or_default();
    let offers = response.offers.into_iter().take(OFFERS_MAX);
    let offers = offers.filter_map(|offer| Offer::try_from(offer).ok()).collect();
    let _ = messages.send(Message::Offers { offers, configured: response.configured }).await;
}

/// Has the documents of an offer written.
pub(super) async fn accept(offer: Offer, channel: Channel, messages: mpsc::Sender<Message>) {
    let request = ApplyRequest {
        writes: writes(&offer),
        scope: Some(Scope::default()),
        reason: reason(&offer),
        manager: "human".to_owned(),
        ..ApplyRequest::default()
    };
    let mut client = DocumentServiceClient::new(channel);
    let result = match tokio::time::timeout(CALL_LIMIT, client.apply(request)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(SafeText::new(status.message())),
        Err(_) => Err(SafeText::new("the daemon does not answer; see `ccm daemon logs`")),
    };
    let _ = messages.send(Message::Accepted { key: offer.key, result }).await;
}
