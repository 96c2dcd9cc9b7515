//! Calls about what was found on the daemon's machine.

use std::time::Duration;

use ccm_proto::SafeText;
use ccm_proto::model::Offer;
use ccm_proto::wire::credential_service_client::CredentialServiceClient;
use ccm_proto::wire::discover_service_client::DiscoverServiceClient;
use ccm_proto::wire::document_service_client::DocumentServiceClient;
use ccm_proto::wire::{ApplyRequest, DiscoverRequest, Scope};
use tokio::sync::mpsc;
use tonic::transport::Channel;

use super::CALL_LIMIT;
use crate::command::discover::{reason, set_request, writes};
use crate::message::Message;
use crate::model::login::Login;

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

/// Has the credential that an offer needs kept, and its documents written.
pub(super) async fn accept(
    offer: Offer,
    login: Option<Box<Login>>,
    channel: Channel,
    messages: mpsc::Sender<Message>,
) {
    let result = match login {
        Some(login) => keep(&login, channel.clone()).await,
        None => Ok(()),
    };
    let result = match result {
        Ok(()) => write(&offer, channel).await,
        Err(cause) => Err(cause),
    };
    let _ = messages.send(Message::Accepted { key: offer.key, result }).await;
}

/// Has a credential kept, for the origin that needs it only.
async fn keep(login: &Login, channel: Channel) -> Result<(), SafeText> {
    let request = set_request(&login.need, &login.account, login.secret.to_secret());
    answered(CredentialServiceClient::new(channel).set_credential(request)).await
}

/// Has the documents of an offer written.
async fn write(offer: &Offer, channel: Channel) -> Result<(), SafeText> {
    let request = ApplyRequest {
        writes: writes(offer),
        scope: Some(Scope::default()),
        reason: reason(offer),
        manager: "human".to_owned(),
        ..ApplyRequest::default()
    };
    let mut client = DocumentServiceClient::new(channel);
    answered(client.apply(request)).await
}

/// What became of a call, as a sentence when it went wrong.
async fn answered<T>(
    call: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
) -> Result<(), SafeText> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(status)) => Err(SafeText::new(status.message())),
        Err(_) => Err(SafeText::new("the daemon does not answer; see `ccm daemon logs`")),
    }
}
