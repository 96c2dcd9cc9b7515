//! Servers that hang, flood or lie.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt as _;
use tokio::net::{TcpListener, UnixListener};

use super::super::credential::{Attached, Placement};
use super::super::error::HttpError;
use super::super::gateway::{Call, FetchError, Gateway, GatewayParts};
use super::super::request::Request;
use super::super::tls::Trust;
use super::stub::{Detour, Fickle, Reply, Stub, call, gateway, hasty, loopback, ok, serve, status};
use crate::clock::Clock;
use crate::collect::http::credential::Expose;

struct Plain;

impl Expose for Plain {
    fn expose(&self) -> &[u8] {
        b"s3cr3t"
    }
}

fn with_secret(mut call: Call) -> Call {
    call.credential = Some(Attached {
        name: "stripe".into(),
        revision: 1,
        origin: call.request.target().to_string().parse().unwrap(),
        placement: Placement::Bearer,
        secret: Arc::new(Plain),
    });
    call
}

async fn failure(call: Call) -> FetchError {
    let gateway = gateway();
    let error = gateway.fetch(call).await.unwrap_err();
    let record = gateway.calls().pop().unwrap();
    assert_eq!(record.error, Some(error.to_safe_text()), "every call is written down");
    error
}

fn http(error: &FetchError) -> &HttpError {
    match error {
        FetchError::Http(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_its_time() {
    for reply in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
    ] {
        let stub = Stub::start(move |_, _| Reply::Hang(reply.to_vec())).await;
        let mut call = call(&stub.url("/"));
        call.bounds = hasty();
        let error = failure(call).await;
        assert_eq!(
            error.to_string(),
            "127.0.0.1: the answer is not complete after 150ms; raise the timeout, or see why it is so slow"
        );
    }
}

#[tokio::test]
async fn a_server_that_drips_is_left_after_its_time() {
    let drip = b"1\r\nx\r\n".to_vec();
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let (ready, drips) = tokio::sync::watch::channel(false);
    let stub = Stub::start(move |_, _| {
        let answer = [head.clone(), drip.clone()].concat();
        let _ = ready.send(true);
        Reply::Hang(answer)
    })
    .await;
    let mut call = call(&stub.url("/"));
    call.bounds = hasty();
    let error = failure(call).await;
    assert!(*drips.borrow() && matches!(http(&error), HttpError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn an_endless_body_ends_at_the_bound() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let stub = Stub::start(move |_, _| Reply::Endless(head.clone(), vec![b'x'; 1 << 16])).await;
    let error = failure(call(&stub.url("/"))).await;
    assert_eq!(http(&error), &HttpError::TooLarge { host: "127.0.0.1".into(), limit: 8 << 20 });
}

#[tokio::test]
async fn a_body_of_ten_gibibytes_is_not_begun() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n".to_vec();
    let stub = Stub::start(move |_, _| Reply::Hang(head.clone())).await;
    let error = failure(call(&stub.url("/"))).await;
    assert!(matches!(http(&error), HttpError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn a_gzip_bomb_is_refused() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 32 << 20]).unwrap();
    let bomb = ok("content-encoding: gzip\r\n", &encoder.finish().unwrap());
    let stub = Stub::saying(bomb).await;
    let error = failure(call(&stub.url("/"))).await;
    assert_eq!(http(&error), &HttpError::Bomb { host: "127.0.0.1".into(), ratio: 100 });
}

#[tokio::test]
async fn a_folded_body_is_unfolded() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"hello hello").unwrap();
    let folded = encoder.finish().unwrap();
    let stub = Stub::saying(ok("content-encoding: gzip\r\n", &folded)).await;
    let fetched = gateway().fetch(call(&stub.url("/"))).await.unwrap();
    assert_eq!(fetched.response.body, "hello hello");
    assert_eq!(fetched.response.wire_bytes, folded.len() as u64);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let line = format!("x-flood: {}\r\n", "y".repeat(1_000));
    let large = ok(&line.repeat(90), b"");
    let many: String = (0..1_000).map(|index| format!("x-{index}: y\r\n")).collect();
    let one = ok(&format!("x-flood: {}\r\n", "y".repeat(1 << 20)), b"");
    for flood in [large, ok(&many, b""), one] {
        let stub = Stub::saying(flood).await;
        let error = failure(call(&stub.url("/"))).await;
        assert!(matches!(http(&error), HttpError::Headers { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_said_without_a_word_of_it() {
    for (answer, said) in [
        (&b"SSH-2.0-OpenSSH_9.9 secret banner\r\n"[..], "does not speak HTTP properly"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsecret", "hung up before the answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nsecret", "does not speak HTTP"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nsecret",
            "does not speak HTTP",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nsecret\r\n",
            "does not speak HTTP properly",
        ),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsecr", "hung up before"),
        (b"", "hung up before the answer"),
    ] {
        let stub = Stub::start(move |_, _| Reply::Close(answer.to_vec())).await;
        let error = failure(call(&stub.url("/"))).await.to_string();
        let asked = String::from_utf8_lossy(answer);
        assert!(error.starts_with("127.0.0.1 "), "{error} of {asked:?}");
        assert!(error.contains(said), "{error}, not {said}, of {asked:?}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_body_longer_than_it_says_does_not_reach_the_next_request() {
    let lie = [ok("", b"mine"), ok("x-smuggled: 1\r\n", b"evil")].concat();
    let stub = Stub::start(move |number, _| {
        Reply::Write(if number == 0 { lie.clone() } else { ok("", b"mine") })
    })
    .await;
    let gateway = gateway();
    for _ in 0..3 {
        let fetched = gateway.fetch(call(&stub.url("/"))).await.unwrap();
        assert_eq!(fetched.response.body, "mine");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_an_error_and_a_new_one_is_tried_for_an_old_one() {
    let stub = Stub::start(|_, _| Reply::Reset).await;
    let error = failure(call(&stub.url("/"))).await;
    assert!(matches!(http(&error), HttpError::Broken { .. }), "{error}");
    // One answer a connection, though none says so.
    let stub = Stub::start(|number, _| match number % 2 {
        0 => Reply::Write(ok("", b"x")),
        _ => Reply::Reset,
    })
    .await;
    let gateway = gateway();
    gateway.fetch(call(&stub.url("/"))).await.unwrap();
    let fetched = gateway.fetch(call(&stub.url("/"))).await.unwrap();
    assert!(!fetched.timing.reused);
    assert_eq!((stub.connections(), stub.heads().len()), (2, 3));
}

#[tokio::test]
async fn connections_are_used_again() {
    let stub = Stub::saying(ok("", b"x")).await;
    let gateway = gateway();
    for number in 0..10 {
        let timing = gateway.fetch(call(&stub.url("/"))).await.unwrap().timing;
        assert_eq!(timing.reused, number > 0);
        assert!(timing.first_byte_ms > 0.0 && timing.total_ms >= timing.first_byte_ms);
    }
    assert_eq!(stub.connections(), 1);
    gateway.set_policy(super::super::egress::Policy::default());
    let error = gateway.fetch(call(&stub.url("/"))).await.unwrap_err();
    assert!(matches!(http(&error), HttpError::Refused(_)), "an open connection is judged anew");
}

#[tokio::test]
async fn redirects_are_followed_a_few_times() {
    let stub = Stub::start(|_, head| {
        let step = |to: &str| status("302 Found", &format!("location: {to}\r\n"), b"");
        Reply::Write(match head.split(' ').nth(1).unwrap() {
            "/one" => step("/two"),
            "/two" => step("/three?x=1"),
            "/three?x=1" => ok("", b"there"),
            _ => step("/loop"),
        })
    })
    .await;
    let gateway = gateway();
    let fetched = gateway.fetch(call(&stub.url("/one"))).await.unwrap();
    assert_eq!((fetched.response.body.as_ref(), fetched.response.redirects), (&b"there"[..], 2));
    let error = gateway.fetch(call(&stub.url("/loop"))).await.unwrap_err().to_string();
    assert!(error.contains("redirects more than 3 times"), "{error}");
}

#[tokio::test]
async fn a_redirect_leads_no_further_than_the_guard_allows() {
    for place in ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]/", "http://0/"]
    {
        let answer = status("302 Found", &format!("location: {place}\r\n"), b"");
        let stub = Stub::saying(answer).await;
        let error = failure(call(&stub.url("/"))).await;
        assert!(matches!(http(&error), HttpError::Refused(_)), "{place}: {error}");
    }
}

#[tokio::test]
async fn a_credential_never_follows_a_redirect_to_another_origin() {
    let other = Stub::saying(ok("", b"stolen")).await;
    let location = format!("location: {}\r\n", other.url("/"));
    let first = Stub::saying(status("307 Temporary Redirect", &location, b"")).await;
    let error = failure(with_secret(call(&first.url("/")))).await.to_string();
    assert!(error.contains("redirects to another origin"), "{error}");
    assert!(other.heads().is_empty());
    assert!(first.heads()[0].contains("authorization: Bearer s3cr3t"));
    // Without one it is followed, and told nothing.
    gateway().fetch(call(&first.url("/"))).await.unwrap();
    assert!(!other.heads()[0].contains("authorization"));
}

#[tokio::test]
async fn ten_thousand_redirects_leak_no_credential() {
    let stolen = Stub::saying(ok("", b"")).await;
    let port = stolen.address.port();
    let trap = Stub::start(move |number, _| {
        let place = match number % 8 {
            0 => format!("http://127.0.0.1:{port}/"),
            1 => format!("//127.0.0.1:{port}/{number}"),
            2 => format!("http://localhost:{port}/"),
            3 => format!("http://x@127.0.0.1:{port}/"),
            4 => format!("http:\\\\127.0.0.1:{port}\\"),
            5 => format!("http://127.1:{port}/?a=b"),
            6 => format!("HTTP://0x7f000001:{port}/#x"),
            _ => format!("/next/{number}"),
        };
        let code = [301, 302, 303, 307, 308][number % 5];
        Reply::Write(status(&format!("{code} Moved"), &format!("location: {place}\r\n"), b""))
    })
    .await;
    let client = gateway();
    let call = with_secret(call(&trap.url("/")));
    while trap.heads().len() < 10_000 {
        assert!(client.fetch(call.clone()).await.is_err());
        if client.apis()[0].failures > 0 {
            // A circuit that opens would end the test early.
            client.forget(|api| api == &*call.api);
        }
    }
    assert_eq!(stolen.heads().len(), 0);
}

#[tokio::test]
async fn a_credential_goes_nowhere_without_tls_but_to_this_machine() {
    let stub = Stub::saying(ok("", b"")).await;
    let parts = GatewayParts {
        resolver: Arc::new(Fickle { answers: Mutex::new(vec![Ipv4Addr::new(8, 8, 8, 8).into()]) }),
        dialler: Arc::new(Detour::default()),
        ..GatewayParts::system(Clock::system())
    };
    let gateway = Gateway::new(parts);
    let url = format!("http://api.example.com:{}/", stub.address.port());
    let error = gateway.fetch(with_secret(call(&url))).await.unwrap_err().to_string();
    assert!(error.contains("is not sent to http://api.example.com"), "{error}");
    assert!(stub.heads().is_empty());
    gateway.fetch(call(&url)).await.unwrap();
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let stub = Stub::start(|_, _| Reply::Close(ok("connection: close\r\n", b"x"))).await;
    let public = IpAddr::from(Ipv4Addr::new(8, 8, 8, 8));
    let answers = Mutex::new(vec![public, Ipv4Addr::LOCALHOST.into()]);
    let dialled = Arc::<Mutex<Vec<_>>>::default();
    let parts = GatewayParts {
        resolver: Arc::new(Fickle { answers }),
        dialler: Arc::new(Detour(Arc::clone(&dialled))),
        ..GatewayParts::system(Clock::system())
    };
    let gateway = Gateway::new(parts);
    let url = format!("http://rebind.example:{}/", stub.address.port());
    gateway.fetch(call(&url)).await.unwrap();
    let error = gateway.fetch(call(&url)).await.unwrap_err();
    assert!(matches!(http(&error), HttpError::Refused(_)), "{error}");
    assert!(dialled.lock().unwrap().iter().all(|address| address.ip() == public));
    assert_eq!(stub.heads().len(), 1);
}

/// A server of TLS, and its certificate.
async fn secure(names: &[&str], answer: Vec<u8>) -> (u16, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), answer.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let answer = Arc::new(move |_: usize, _: &str| Reply::Write(answer.clone()));
                    serve(stream, answer, Arc::default()).await;
                }
            });
        }
    });
    (port, made.cert.pem())
}

#[tokio::test]
async fn only_trusted_certificates_of_the_right_name_are_spoken_to() {
    let (port, pem) = secure(&["127.0.0.1"], ok("", b"secure")).await;
    let url = format!("https://127.0.0.1:{port}/");
    let error = failure(call(&url)).await.to_string();
    assert!(error.contains("127.0.0.1 is not trusted (its certificate is"), "{error}");
    let trusting = |url: &str, pem: &str| {
        let trust = Arc::new(Trust::new(pem.as_bytes()).unwrap());
        let mut call = call(url);
        call.request = Arc::new(Request::get(url).unwrap().with_trust(trust));
        call
    };
    let gateway = gateway();
    let fetched = gateway.fetch(trusting(&url, &pem)).await.unwrap();
    assert_eq!(fetched.response.body, "secure");
    assert!(fetched.timing.tls_ms > 0.0);
    // The connection that is open now serves nobody who does not trust likewise.
    assert!(gateway.fetch(call(&url)).await.is_err());
    let (port, pem) = secure(&["other.example"], ok("", b"secure")).await;
    let url = format!("https://127.0.0.1:{port}/");
    let error = gateway.fetch(trusting(&url, &pem)).await.unwrap_err().to_string();
    assert!(error.contains("its certificate is for another name"), "{error}");
}

#[tokio::test]
async fn tls_to_what_does_not_speak_it_is_an_error() {
    let stub = Stub::start(|_, _| Reply::Close(ok("", b"plain"))).await;
    let mut call = call(&format!("https://{}/", stub.address));
    call.bounds = hasty();
    let error = failure(call).await;
    assert!(matches!(http(&error), HttpError::Tls { .. } | HttpError::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn a_socket_of_this_machine_is_asked_without_the_guard() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("crm.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::new(|_: usize, _: &str| Reply::Write(ok("", b"module")));
            tokio::spawn(serve(stream, answer, Arc::default()));
        }
    });
    let mut call = call("http://localhost/");
    let request = Request::to_socket(hyper::Method::GET, path.clone(), "/manifest").unwrap();
    call.request = Arc::new(request);
    let gateway = Gateway::new(GatewayParts::system(Clock::system()));
    for reused in [false, true] {
        let fetched = gateway.fetch(call.clone()).await.unwrap();
        assert_eq!(
            (fetched.response.body.as_ref(), fetched.timing.reused),
            (&b"module"[..], reused)
        );
    }
    let request = Request::to_socket(hyper::Method::GET, directory.path().join("no"), "/").unwrap();
    call.request = Arc::new(request);
    let error = gateway.fetch(call).await.unwrap_err().to_string();
    assert!(error.contains("there is no such socket"), "{error}");
}

#[tokio::test]
async fn a_body_can_be_read_as_it_comes() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    let stub = Stub::start(move |_, _| Reply::Endless(head.clone(), b"data: x\n\n".to_vec())).await;
    let gateway = gateway();
    let mut opened = gateway.open(call(&stub.url("/events"))).await.unwrap();
    let mut seen = 0;
    while seen < 1 << 20 {
        let piece = opened.body.next().await.unwrap().unwrap();
        assert!(piece.starts_with(b"data") || seen > 0);
        seen += piece.len();
    }
    assert!(stub.heads()[0].contains("accept-encoding: identity"));
    drop(opened);
    assert_eq!(gateway.calls().len(), 1);
    assert_eq!(gateway.policy().as_ref(), &loopback());
}

#[tokio::test]
async fn proxies_that_the_environment_names_are_not_asked() {
    // The client has no code that reads them; a request line that a proxy needs would name the
    // host.
    let stub = Stub::saying(ok("", b"x")).await;
    gateway().fetch(call(&stub.url("/path?q"))).await.unwrap();
    assert!(stub.heads()[0].starts_with("GET /path?q HTTP/1.1\r\n"));
}
