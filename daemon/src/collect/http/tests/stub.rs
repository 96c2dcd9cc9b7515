//! A server that answers as it is told, well or badly.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ccm_proto::model::{EgressSpec, Interval, Name};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::connect::{Dial, Resolve, SystemDialler};
use super::super::egress::Policy;
use super::super::gateway::{Call, Gateway, GatewayParts};
use super::super::request::Request;
use super::super::response::Limits;
use crate::clock::Clock;

/// What the server does after a request.
pub(super) enum Reply {
    /// Writes this and waits for the next request.
    Write(Vec<u8>),
    /// Writes this and hangs up.
    Close(Vec<u8>),
    /// Writes this and then nothing any more.
    Hang(Vec<u8>),
    /// Writes this, and the other again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes the answer when the channel says so.
    When(tokio::sync::watch::Receiver<bool>, Vec<u8>),
    /// Ends the connection with a reset.
    Reset,
}

pub(super) type Answer = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// The server. It ends with the test's runtime.
pub(super) struct Stub {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Stub {
    /// Answers by the number of the request, from 0, and its head.
    pub(super) async fn start(
        answer: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let stub =
            Self { address, heads: Arc::clone(&heads), connections: Arc::clone(&connections) };
        let answer: Arc<Answer> = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&heads)));
            }
        });
        stub
    }

    /// Always the same answer.
    pub(super) async fn saying(answer: Vec<u8>) -> Self {
        Self::start(move |_, _| Reply::Write(answer.clone())).await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests that came.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Serves one connection.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    answer: Arc<Answer>,
    heads: Arc<Mutex<Vec<String>>>,
) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let head: Vec<u8> = buffer.drain(..end).collect();
        let head = String::from_utf8_lossy(&head).into_owned();
        let number = {
            let mut heads = heads.lock().unwrap();
            heads.push(head.clone());
            heads.len() - 1
        };
        match answer(number, &head) {
            Reply::Write(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Close(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Hang(bytes) => {
                let _ = stream.write_all(&bytes).await;
                std::future::pending::<()>().await;
            }
            Reply::Endless(bytes, again) => {
                let _ = stream.write_all(&bytes).await;
                while stream.write_all(&again).await.is_ok() {}
                return;
            }
            Reply::When(mut ready, bytes) => {
                let _ = ready.wait_for(|ready| *ready).await;
                let _ = stream.write_all(&bytes).await;
            }
            Reply::Reset => return,
        }
    }
}

/// An answer with a body of known length.
pub(super) fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    status("200 OK", headers, body)
}

/// An answer of any status.
pub(super) fn status(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len())
            .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A gateway that may dial loopback.
pub(super) fn gateway() -> Gateway {
    let gateway = Gateway::new(GatewayParts::system(Clock::system()));
    gateway.set_policy(loopback());
    gateway
}

pub(super) fn loopback() -> Policy {
    let spec = r#"{"allow":[{"host":"127.0.0.1","ports":"*"}]}"#;
    Policy::new([&serde_json::from_str::<EgressSpec>(spec).unwrap()])
}

/// A call that nothing is kept of.
pub(super) fn call(url: &str) -> Call {
    let mut call = Call::new(Name::new("test").unwrap(), Arc::new(Request::get(url).unwrap()));
    call.caching = super::super::cache::Caching::Off;
    call.bounds.total = Interval::from_secs(20);
    call
}

/// Little time.
pub(super) fn hasty() -> Limits {
    Limits { total: Interval::from_millis(150), ..Limits::default() }
}

/// Names have other addresses each time they are asked for.
#[derive(Debug)]
pub(super) struct Fickle {
    pub(super) answers: Mutex<Vec<IpAddr>>,
}

impl Resolve for Fickle {
    fn resolve(&self, _: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let mut answers = self.answers.lock().unwrap();
        let next = if answers.len() > 1 { answers.remove(0) } else { answers[0] };
        Box::pin(async move { Ok(vec![SocketAddr::new(next, port)]) })
    }
}

/// Dials loopback in place of a public address, as a far server would be reached.
#[derive(Debug, Default)]
pub(super) struct Detour(pub(super) Arc<Mutex<Vec<SocketAddr>>>);

impl Dial for Detour {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        self.0.lock().unwrap().push(address);
        SystemDialler.dial(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()))
    }

    fn source(&self, _: SocketAddr) -> Option<IpAddr> {
        None
    }
}
