//! The link to the daemon: connects, says what is watched, brings frames, and comes back by
//! itself when the stream is gone.

mod backoff;
mod offers;
pub mod request;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ccm_proto::convert::{FrameContents, Welcome};
use ccm_proto::model::{Document, Interval, Name, Offer};
use ccm_proto::wire::document_service_client::DocumentServiceClient;
use ccm_proto::wire::stream_service_client::StreamServiceClient;
use ccm_proto::wire::{ClientMessage, GetRequest, Kind};
use ccm_proto::{PROTOCOL_VERSION, SafeText};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::autostart::{self, AutostartError, Target};
use crate::effect::WatchRequest;
use crate::message::{LinkEvent, Message};
use crate::model::login::Login;
use backoff::Backoff;

/// Messages that wait for the runtime; while it is full frames wait in the transport, and the
/// daemon sends the newest instead of all.
const MESSAGES_MAX: usize = 16;

/// Requests that wait for the daemon.
const REQUESTS_MAX: usize = 32;

/// The largest frame that is taken.
const FRAME_MAX_BYTES: usize = 64 << 20;

/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// How long a call beside the stream may take.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// Layouts that are offered; nobody looks through more.
const LAYOUTS_MAX: usize = 1_000;

/// A stream that is silent for so long is given up: the daemon beats once a second.
const SILENCE_LIMIT: Duration = Duration::from_secs(5);

/// Frames are wanted at most this often.
const FRAME_INTERVAL_MS: u32 = 100;

/// Something to tell the daemon.
#[derive(Clone, Debug)]
pub enum Request {
    /// What is watched now.
    Watch(WatchRequest),
    /// Widgets whose sources should be read now.
    Refresh(Vec<Name>),
    /// Which layouts there are.
    Layouts,
    /// What was found on the daemon's machine.
    Discover,
    /// Write the documents of an offer, with the credential that they need.
    Accept(Box<Offer>, Option<Box<Login>>),
}

/// Both ends of the link for the runtime.
#[derive(Debug)]
pub struct Link {
    /// What happens.
    pub messages: mpsc::Receiver<Message>,
    /// What to tell the daemon.
    pub requests: mpsc::Sender<Request>,
}

/// Why a stream ended.
enum End {
    /// Something may be better next time.
    Lost(SafeText),
    /// The daemon was told to stop.
    Goodbye(SafeText),
    /// Nothing will be better next time.
    Refused(SafeText),
    /// Nobody listens to the messages any more.
    Unwanted,
}

/// Starts the link's task.
pub fn spawn(target: Target) -> Link {
    let (messages_in, messages) = mpsc::channel(MESSAGES_MAX);
    let (requests, requests_out) = mpsc::channel(REQUESTS_MAX);
    tokio::spawn(run(target, messages_in, requests_out));
    Link { messages, requests }
}

async fn run(
    target: Target,
    messages: mpsc::Sender<Message>,
    mut requests: mpsc::Receiver<Request>,
) {
    let mut backoff = Backoff::default();
    let mut target = target;
    loop {
        let end = stream(&target, &messages, &mut requests, &mut backoff).await;
        // A daemon that was told to stop is not ours to start again; one that broke off is.
        if matches!(end, End::Goodbye(_)) {
            target.may_start = false;
        }
        let event = match end {
            End::Unwanted => return,
            End::Refused(cause) => {
                // The runtime keeps showing why; there is nothing else to do.
                let _ = messages.send(Message::Link(LinkEvent::Refused { cause })).await;
                return;
            }
            End::Lost(cause) | End::Goodbye(cause) => {
                let retry_in = backoff.next(rand::random());
                LinkEvent::Lost { cause, retry_in }
            }
        };
        let wait = match &event {
            LinkEvent::Lost { retry_in, .. } => retry_in.as_duration(),
            _ => Duration::ZERO,
        };
        if messages.send(Message::Link(event)).await.is_err() {
            return;
        }
        tokio::time::sleep(wait).await;
        // What was asked of the former stream means nothing to the next one.
        while requests.try_recv().is_ok() {}
    }
}

async fn stream(
    target: &Target,
    messages: &mpsc::Sender<Message>,
    requests: &mut mpsc::Receiver<Request>,
    backoff: &mut Backoff,
) -> End {
    if messages.send(Message::Link(LinkEvent::Connecting)).await.is_err() {
        return End::Unwanted;
    }
    match autostart::ensure(target).await {
        Ok(_) => {}
        Err(AutostartError::NotListening { .. }) if backoff.is_resuming() => {
            return End::Lost(SafeText::new(
                "the daemon is not running; `ccm daemon start` starts it",
            ));
        }
        Err(error) => return End::Lost(SafeText::new(&error.to_string())),
    }
    let (outbound, outbound_stream) = mpsc::channel::<ClientMessage>(REQUESTS_MAX);
    if outbound.send(request::hello(FRAME_INTERVAL_MS)).await.is_err() {
        return End::Unwanted;
    }
    let attach = attach(target, ReceiverStream::new(outbound_stream));
    let (channel, mut frames) = match attach.await {
        Ok(attached) => attached,
        Err(end) => return end,
    };
    if messages.send(Message::Link(LinkEvent::Connected)).await.is_err() {
        return End::Unwanted;
    }
    loop {
        tokio::select! {
            request = requests.recv() => {
                let Some(request) = request else { return End::Unwanted };
                let Some(message) = wire_message(&request) else {
                    call(request, channel.clone(), messages.clone());
                    continue;
                };
                if outbound.send(message).await.is_err() {
                    return End::Lost(SafeText::new("the daemon closed the stream"));
                }
            }
            frame = tokio::time::timeout(SILENCE_LIMIT, frames.message()) => {
                let frame = match frame {
                    Ok(Ok(Some(frame))) => FrameContents::try_from(frame),
                    Ok(Ok(None)) => return End::Lost(SafeText::new("the daemon closed the stream")),
                    Ok(Err(status)) => return ended(&status),
                    Err(_) => return End::Lost(SafeText::new("the daemon has not been heard for 5 s")),
                };
                let frame = match frame {
                    Ok(frame) => Box::new(frame),
                    Err(error) => return End::Lost(SafeText::new(&format!(
                        "a frame cannot be understood ({error}); install the same version of ccm and ccmd"
                    ))),
                };
                if let Some(refusal) = frame.welcome.as_ref().and_then(other_protocol) {
                    return refusal;
                }
                backoff.reset();
                if let Some(goodbye) = &frame.goodbye {
                    return End::Goodbye(SafeText::new(&format!("the daemon stopped: {}", goodbye.reason)));
                }
                if messages.send(Message::Frame(frame)).await.is_err() {
                    return End::Unwanted;
                }
            }
        }
    }
}

async fn attach(
    target: &Target,
    outbound: ReceiverStream<ClientMessage>,
) -> Result<(Channel, tonic::Streaming<ccm_proto::wire::Frame>), End> {
    let lost = |error: tonic::transport::Error| {
        End::Lost(SafeText::new(&format!("no connection to {}: {error}", target.socket.display())))
    };
    let endpoint = Endpoint::from_shared(format!("unix:{}", target.socket.display()))
        .map_err(lost)?
        .connect_timeout(CONNECT_LIMIT);
    let channel = endpoint.connect().await.map_err(lost)?;
    let mut client =
        StreamServiceClient::new(channel.clone()).max_decoding_message_size(FRAME_MAX_BYTES);
    match client.attach(outbound).await {
        Ok(response) => Ok((channel, response.into_inner())),
        Err(status) => Err(ended(&status)),
    }
}

/// A daemon of another protocol would be misunderstood, however well it means.
fn other_protocol(welcome: &Welcome) -> Option<End> {
    let spoken = welcome.protocol;
    (spoken != PROTOCOL_VERSION).then(|| {
        End::Refused(SafeText::new(&format!(
            "{} speaks protocol {spoken} and this ccm {PROTOCOL_VERSION}; install the same version of both",
            welcome.daemon
        )))
    })
}

/// What a status means for the link.
fn ended(status: &Status) -> End {
    let sentence = SafeText::new(status.message());
    match status.code() {
        Code::FailedPrecondition | Code::PermissionDenied | Code::Unimplemented => {
            End::Refused(sentence)
        }
        Code::Unauthenticated => End::Refused(sentence),
        _ if sentence.is_empty() => End::Lost(SafeText::new("the daemon ended the stream")),
        _ => End::Lost(sentence),
    }
}

/// What is said on the stream; none of what is a call of its own.
fn wire_message(request: &Request) -> Option<ClientMessage> {
    match request {
        Request::Watch(watch) => Some(request::watch(watch)),
        Request::Refresh(widgets) => Some(request::refresh(widgets)),
        Request::Layouts | Request::Discover | Request::Accept(..) => None,
    }
}

/// Makes the call that a request is.
fn call(request: Request, channel: Channel, messages: mpsc::Sender<Message>) {
    match request {
        Request::Layouts => drop(tokio::spawn(list_layouts(channel, messages))),
        Request::Discover => drop(tokio::spawn(offers::look(channel, messages))),
        Request::Accept(offer, login) => {
            drop(tokio::spawn(offers::accept(*offer, login, channel, messages)));
        }
        Request::Watch(_) | Request::Refresh(_) => {}
    }
}

/// Asks for the layouts. A daemon that does not answer has them all missing from the palette, which
/// says nothing wrong, and the stream tells of a daemon that is gone.
async fn list_layouts(channel: Channel, messages: mpsc::Sender<Message>) {
    let mut client = DocumentServiceClient::new(channel).max_decoding_message_size(FRAME_MAX_BYTES);
    let request = GetRequest { kind: Kind::Layout.into(), ..GetRequest::default() };
    let Ok(Ok(response)) = tokio::time::timeout(CALL_LIMIT, client.get(request)).await else {
        return;
    };
    let entries = response.into_inner().documents.into_iter().take(LAYOUTS_MAX);
    let layouts = entries.filter_map(|entry| {
        let document = Document::try_from(entry.effective?).ok()?;
        let title = document.spec.get("title").and_then(serde_json::Value::as_str);
        Some((document.id.name, SafeText::new(title.unwrap_or_default())))
    });
    let _ = messages.send(Message::Layouts(layouts.collect())).await;
}

/// The longest wait between two attempts.
pub const RETRY_MAX: Interval = Interval::from_secs(5);
