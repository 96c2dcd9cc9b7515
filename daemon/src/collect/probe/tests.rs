//! Probes against real servers on loopback, good ones and bad ones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ccm_proto::model::source::SourceType;
use ccm_proto::model::{Timestamp, Value};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::way::Dialled;
use super::*;
use crate::collect::http::Hit;

/// Loopback, but for one port that the guard refuses.
struct Loopback;

const REFUSED: u16 = 9;

impl Way for Loopback {
    fn dial<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        _: Interval,
    ) -> BoxFuture<'a, Result<Dialled, Blocked>> {
        Box::pin(async move {
            if port == REFUSED {
                return Err(Blocked::Refused("loopback is not dialled; allow it".into()));
            }
            assert!(matches!(host, "127.0.0.1" | "127.83.0.53" | "localhost"), "{host}");
            let address = host.parse().unwrap_or(Ipv4Addr::LOCALHOST);
            let peer = SocketAddr::from((address, port));
            let stream = TcpStream::connect(peer).await;
            let stream =
                stream.map_err(|_| Blocked::Unreachable("nothing listens there".into()))?;
            let time = Duration::from_millis(1);
            Ok(Dialled { stream, peer, resolve: time, connect: time })
        })
    }

    fn admit(&self, address: SocketAddr) -> Result<(), SafeText> {
        if address.port() == REFUSED { Err("not that one; allow it".into()) } else { Ok(()) }
    }
}

/// 2026-11-20T14:03:22Z.
const NOW: Timestamp = Timestamp::from_millis(1_795_183_402_000);

fn surroundings() -> Surroundings {
    let clock = Clock::system();
    let gateway = Gateway::new(crate::collect::http::GatewayParts::system(clock.clone()));
    Surroundings { way: Arc::new(Loopback), gateway, tap: Some(Tap::default()), clock }
}

async fn probe(config: &str, port: u16) -> Result<Reading, CollectError> {
    let text = format!("type = \"probe\"\ninterval = \"1s\"\n[probe]\n{config}");
    let spec: SourceSpec = toml::from_str(&text.replace("PORT", &port.to_string())).unwrap();
    assert_eq!((spec.source_type, spec.problems()), (SourceType::Probe, Vec::new()));
    let name = Name::new("door").unwrap();
    let Collector::Fetch(mut prober) = collector(&name, &spec, surroundings()) else {
        panic!("probes are asked")
    };
    prober.fetch(Moment { at: NOW, elapsed: Duration::ZERO }).await
}

async fn reading(config: &str, port: u16) -> Reading {
    probe(config, port).await.unwrap()
}

fn number(reading: &Reading, path: &str) -> Option<f64> {
    reading.value.at(path).unwrap().as_number()
}

fn text<'a>(reading: &'a Reading, path: &str) -> &'a str {
    reading.value.at(path).and_then(Value::as_text).unwrap_or_default()
}

/// It is down for a reason of which this is a part.
fn assert_down(reading: &Reading, part: &str) {
    let reason = text(reading, "reason");
    assert!(reason.contains(part), "{reason:?} of {part:?}");
    assert_eq!(number(reading, "up"), Some(0.0));
    assert_eq!(number(reading, "latency_ms"), None);
}

fn assert_up(reading: &Reading) {
    assert_eq!(text(reading, "reason"), "");
    assert_eq!(number(reading, "up"), Some(1.0));
    assert!(number(reading, "latency_ms").is_some());
}

/// A server that answers whatever comes first with these bytes, and keeps the line open.
async fn says(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut heard = [0; 1_024];
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.read(&mut heard).await;
                std::future::pending::<()>().await;
            });
        }
    });
    port
}

/// A port that nobody listens on.
async fn closed() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_port_that_takes_connections_is_up() {
    let config = "type = \"tcp\"\nhost = \"127.0.0.1\"\nport = PORT";
    let up = reading(config, says(b"").await).await;
    assert_up(&up);
    assert_eq!(text(&up, "address"), "127.0.0.1");
    assert_down(&reading(config, closed().await).await, "nothing listens");
    let down = reading(config, closed().await).await;
    assert_eq!(down.samples.keys.len(), up.samples.keys.len(), "what is not known is a gap");
}

#[tokio::test]
async fn what_is_expected_of_a_port_must_come() {
    let config = "type = \"tcp\"\nhost = \"127.0.0.1\"\nport = PORT\nsend = \"PING\\r\\n\"\nexpect = \"PONG\"";
    assert_up(&reading(config, says(b"+PONG\r\n").await).await);
    let long: &[u8] = Box::leak(vec![b'x'; 100_000].into_boxed_slice());
    assert_down(&reading(config, says(long).await).await, "does not hold");
    assert_down(&reading(config, says(b"-ERR").await).await, "no answer within");
}

#[tokio::test]
async fn what_the_guard_refuses_is_an_error_of_the_source() {
    for config in [
        "type = \"tcp\"\nhost = \"127.0.0.1\"\nport = PORT",
        "type = \"http\"\nurl = \"http://localhost:PORT/\"",
        "type = \"tls\"\nhost = \"localhost\"\nport = PORT",
        "type = \"dns\"\nname = \"example.com\"\nserver = \"127.0.0.1:PORT\"",
    ] {
        let error = probe(config, REFUSED).await.unwrap_err();
        assert!(error.to_string().contains("allow it"), "{error}");
        assert_eq!(error.retry(), Retry::Hold);
    }
}

const HTTP: &str = "type = \"http\"\nurl = \"http://127.0.0.1:PORT/health?deep=1\"\n";

#[tokio::test]
async fn an_http_answer_is_judged_by_status_and_content() {
    let good = says(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    let up = reading(HTTP, good).await;
    assert_up(&up);
    assert_eq!(number(&up, "status"), Some(204.0));
    assert!(number(&up, "phases.answer_ms").is_some());
    let moved =
        says(b"HTTP/1.1 301 Moved\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n")
            .await;
    let down = reading(HTTP, moved).await;
    assert_down(&down, "status 301");
    assert_eq!(number(&down, "status"), Some(301.0));
    assert_up(&reading(&format!("{HTTP}status = [301]"), moved).await);
    let body = says(b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n{\"status\": \"good\"}").await;
    assert_up(&reading(&format!("{HTTP}contains = \"good\""), body).await);
    assert_down(&reading(&format!("{HTTP}contains = \"bad\""), body).await, "does not hold");
}

#[tokio::test]
async fn what_is_asked_is_written_down_and_shown_to_a_trial() {
    let good = says(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    for (port, status, hit) in [(good, Some(204), Hit::Miss), (REFUSED, None, Hit::Unsent)] {
        let text = format!("type = 'probe'\n[probe]\n{}", HTTP.replace("PORT", &port.to_string()));
        let spec: SourceSpec = toml::from_str(&text.replace("PORT", &port.to_string())).unwrap();
        let all = surroundings();
        let Collector::Fetch(mut prober) =
            collector(&Name::new("door").unwrap(), &spec, all.clone())
        else {
            panic!("probes are asked")
        };
        let _ = prober.fetch(Moment { at: NOW, elapsed: Duration::ZERO }).await;
        let calls = all.gateway.calls();
        let call = calls.first().unwrap();
        assert_eq!((calls.len(), call.source.as_str(), call.hit), (1, "door", hit));
        assert_eq!((call.status, call.error.is_some()), (status, status.is_none()));
        assert!(call.api.contains(&port.to_string()), "{}", call.api);
        let exchanges = all.tap.unwrap().exchanges();
        let exchange = exchanges.first().unwrap();
        assert!(exchange.asked.starts_with("GET http"), "{}", exchange.asked);
        assert_eq!((exchange.status, exchange.hit), (status, hit.as_str()));
        assert!(exchange.phases.iter().any(|(phase, _)| *phase == "total"));
    }
}

#[tokio::test]
async fn bad_http_is_down_in_words_of_ours() {
    let headers = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    let headers: &[u8] = Box::leak(headers.into_boxed_str()).as_bytes();
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "z".repeat(3 << 20));
    let endless: &[u8] = Box::leak(endless.into_boxed_str()).as_bytes();
    let table: [(&[u8], &str); 5] = [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (headers, "large headers"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "no answer within"),
        (endless, "does not hold"),
        (b"", "no answer within"),
    ];
    for (bytes, part) in table {
        let config = format!("{HTTP}contains = \"never\"");
        assert_down(&reading(&config, says(bytes).await).await, part);
    }
}

/// A server that shakes hands with this certificate and answers with HTTP.
async fn secured(chain: Vec<Vec<u8>>, key: &KeyPair) -> u16 {
    let chain = chain.into_iter().map(Into::into).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut heard = [0; 1_024];
                if stream.read(&mut heard).await.is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                }
            });
        }
    });
    port
}

/// An authority of our own, and the file that names it.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issuer.pem()).unwrap();
    Authority { issuer, file }
}

impl Authority {
    /// A server whose certificate is for `name` and ends in a year.
    async fn server(&self, name: &str, until: i32) -> u16 {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        if name != "localhost" {
            params.subject_alt_names.truncate(1);
        }
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        secured(vec![leaf.der().to_vec(), self.issuer.der().to_vec()], &key).await
    }

    fn tls(&self) -> String {
        let file = self.file.path().display();
        format!("type = \"tls\"\nhost = \"localhost\"\nport = PORT\nca_file = \"{file}\"")
    }
}

#[tokio::test]
async fn a_good_certificate_is_told_with_its_facts() {
    let authority = authority();
    let port = authority.server("localhost", 2_100).await;
    let up = reading(&authority.tls(), port).await;
    assert_up(&up);
    assert_eq!(number(&up, "certificate.valid"), Some(1.0));
    let days = number(&up, "certificate.days_left").unwrap();
    assert!((26_000.0..27_000.0).contains(&days), "{days}");
    assert_eq!(text(&up, "certificate.names"), "localhost, 127.0.0.1");
    assert_eq!(number(&up, "certificate.chain"), Some(2.0));
    assert_eq!(text(&up, "certificate.protocol"), "TLS 1.3");
    assert!(text(&up, "certificate.issuer").contains("rcgen"));
    let by_address = authority.tls().replace("localhost", "127.0.0.1");
    assert_up(&reading(&by_address, port).await);
    let file = authority.file.path().display();
    let https = format!("type = \"http\"\nurl = \"https://localhost:PORT\"\nca_file = \"{file}\"");
    let up = reading(&https, port).await;
    assert_up(&up);
    assert_eq!((number(&up, "status"), number(&up, "certificate.valid")), (Some(200.0), Some(1.0)));
}

#[tokio::test]
async fn a_bad_certificate_is_down_and_told_with_its_facts_all_the_same() {
    let authority = authority();
    let expired = authority.server("localhost", 2_020).await;
    let other = authority.server("elsewhere.example", 2_100).await;
    let good = authority.server("localhost", 2_100).await;
    let untrusted = "type = \"tls\"\nhost = \"localhost\"\nport = PORT";
    let table = [
        (authority.tls(), expired, "has expired"),
        (authority.tls(), other, "another name"),
        (untrusted.to_owned(), good, "unknown issuer"),
        (format!("{}\nserver_name = \"wrong.example\"", authority.tls()), good, "another name"),
    ];
    for (config, port, part) in table {
        let down = reading(&config, port).await;
        assert_down(&down, part);
        assert_eq!(number(&down, "certificate.valid"), Some(0.0), "{part}");
        assert_eq!(text(&down, "certificate.problem"), text(&down, "reason"));
        let days = number(&down, "certificate.days_left").unwrap();
        assert_eq!(days < 0.0, port == expired, "{days}");
    }
    let https = "type = \"http\"\nurl = \"https://localhost:PORT\"";
    let down = reading(https, good).await;
    assert_down(&down, "unknown issuer");
    assert_eq!(number(&down, "status"), None, "nothing was asked");
}

#[tokio::test]
async fn what_is_no_tls_and_no_file_of_certificates_is_told() {
    let authority = authority();
    let plain = says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_down(&reading(&authority.tls(), plain).await, "does not speak TLS");
    for (content, part) in [("", "holds none"), ("-----BEGIN", "holds none")] {
        std::fs::write(authority.file.path(), content).unwrap();
        let error = probe(&authority.tls(), plain).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let missing = "type = \"tls\"\nhost = \"localhost\"\nport = PORT\nca_file = \"/nowhere.pem\"";
    assert!(probe(missing, plain).await.unwrap_err().to_string().contains("ca_file"));
}

mod names {
    use hickory_proto::op::{Message, MessageType, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};

    use super::*;

    /// What a name server does with a question that came by a datagram.
    #[derive(Clone, Copy)]
    enum Manner {
        Answers(usize),
        Refuses(ResponseCode),
        Truncates(usize),
        Lies,
        Silent,
    }

    fn answer(question: &[u8], count: usize, code: ResponseCode) -> Message {
        let mut message = Message::from_vec(question).unwrap();
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code = code;
        let name = message.queries[0].name.clone();
        for index in 0..count {
            let data = RData::A(A(Ipv4Addr::new(192, 0, 2, index as u8)));
            message.add_answer(Record::from_rdata(name.clone(), 300, data));
        }
        message
    }

    async fn server(manner: Manner) -> u16 {
        // An address that nothing else uses has the port free for both.
        let listener = TcpListener::bind((ADDRESS, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = UdpSocket::bind((ADDRESS, port)).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4_096];
            while let Ok((count, from)) = socket.recv_from(&mut buffer).await {
                let question = &buffer[..count];
                let mut message = match manner {
                    Manner::Answers(count) => answer(question, count, ResponseCode::NoError),
                    Manner::Refuses(code) => answer(question, 0, code),
                    Manner::Truncates(_) | Manner::Lies => {
                        answer(question, 0, ResponseCode::NoError)
                    }
                    Manner::Silent => continue,
                };
                message.metadata.truncation = matches!(manner, Manner::Truncates(_));
                if matches!(manner, Manner::Lies) {
                    socket.send_to(&[0xff; 40], from).await.unwrap();
                    message.metadata.id = message.metadata.id.wrapping_add(1);
                }
                socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Manner::Truncates(count) = manner else { continue };
                let length = stream.read_u16().await.unwrap();
                let mut question = vec![0; usize::from(length)];
                stream.read_exact(&mut question).await.unwrap();
                let bytes = answer(&question, count, ResponseCode::NoError).to_vec().unwrap();
                stream.write_u16(u16::try_from(bytes.len()).unwrap()).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
            }
        });
        port
    }

    const DNS: &str = "type = \"dns\"\nname = \"shop.example\"\nserver = \"127.83.0.53:PORT\"\n";

    const ADDRESS: &str = "127.83.0.53";

    #[tokio::test]
    async fn answers_are_told_and_expected_ones_must_be_there() {
        let port = server(Manner::Answers(2)).await;
        let up = reading(DNS, port).await;
        assert_up(&up);
        assert_eq!(number(&up, "answer_count"), Some(2.0));
        assert_eq!(number(&up, "ttl_seconds"), Some(300.0));
        assert_eq!(text(&up, "answers.1.value"), "192.0.2.1");
        assert_up(&reading(&format!("{DNS}expect = [\"192.0.2.9\", \"192.0.2.1\"]"), port).await);
        let down = reading(&format!("{DNS}expect = [\"192.0.2.9\"]"), port).await;
        assert_down(&down, "expected");
        assert_eq!(number(&down, "answer_count"), Some(2.0));
    }

    #[tokio::test]
    async fn a_long_answer_comes_by_a_connection() {
        let up = reading(DNS, server(Manner::Truncates(200)).await).await;
        assert_up(&up);
        assert_eq!(number(&up, "answer_count"), Some(64.0), "so many are kept");
    }

    #[tokio::test]
    async fn what_is_no_good_answer_is_down() {
        let table = [
            (Manner::Refuses(ResponseCode::NXDomain), "NXDOMAIN"),
            (Manner::Refuses(ResponseCode::Refused), "refused"),
            (Manner::Answers(0), "no such record"),
            (Manner::Lies, "no answer within"),
            (Manner::Silent, "no answer within"),
        ];
        for (manner, part) in table {
            assert_down(&reading(DNS, server(manner).await).await, part);
        }
    }
}
