//! Questions to name servers, by datagrams and, where an answer is too long, by a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ccm_proto::model::source::probe::Record;
use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;

use super::outcome::Outcome;
use super::{Failure, Tools, down, fault};

/// Where name servers listen.
const PORT: u16 = 53;

/// The largest datagram that is taken.
const DATAGRAM_MAX: usize = 4 << 10;

/// How often a question is asked when nothing comes back: datagrams get lost.
const ATTEMPTS: u32 = 3;

/// The most answers that are kept.
const ANSWERS_MAX: usize = 64;

/// The longest answer that is kept, in characters.
const TEXT_MAX: usize = 400;

/// Where the system says which servers it asks, and the most of it that is read.
const RESOLV_CONF: (&str, usize) = ("/etc/resolv.conf", 64 << 10);

pub(super) async fn probe(
    name: &str,
    record: Record,
    server: Option<&str>,
    expect: &[String],
    tools: &Tools<'_>,
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let question = question(name, record)?;
    let server = match server {
        Some(text) => address(text).ok_or_else(|| {
            fault(format!("{text:?} is no server; write an address, or address:port"))
        })?,
        None => system_server().await?,
    };
    tools.way.admit(server).map_err(Failure::Fault)?;
    outcome.address = Some(server.ip());
    let begun = tools.clock.elapsed();
    let mut answer = by_datagram(&question, server, tools).await?;
    if answer.metadata.truncation {
        answer = by_connection(&question, server, tools).await?;
    }
    outcome.answer = Some(tools.clock.elapsed().saturating_sub(begun));
    judge(&answer, record, expect, outcome)
}

fn question(name: &str, record: Record) -> Result<Message, Failure> {
    let mut asked = Name::from_ascii(name)
        .map_err(|_| fault(format!("{name:?} is no name that can be asked for; correct it")))?;
    asked.set_fqdn(true);
    // Its number is drawn at random, and the port by the system: who does not see the question
    // does not guess the answer.
    let mut message = Message::query();
    message.metadata.id = rand::random();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(asked, record_type(record)));
    Ok(message)
}

const fn record_type(record: Record) -> RecordType {
    match record {
        Record::A => RecordType::A,
        Record::Aaaa => RecordType::AAAA,
        Record::Cname => RecordType::CNAME,
        Record::Mx => RecordType::MX,
        Record::Ns => RecordType::NS,
        Record::Txt => RecordType::TXT,
        Record::Soa => RecordType::SOA,
        Record::Srv => RecordType::SRV,
    }
}

/// `address` or `address:port`, IPv6 in brackets where a port follows.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let alone = bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, PORT));
    alone.or_else(|| text.parse().ok()).filter(|address| address.port() != 0)
}

/// The first server that the system asks.
async fn system_server() -> Result<SocketAddr, Failure> {
    let unknown = || fault("this system names no DNS server; set server in the document");
    let bytes = tokio::fs::read(RESOLV_CONF.0).await.map_err(|_| unknown())?;
    let bytes = bytes.get(..bytes.len().min(RESOLV_CONF.1)).unwrap_or_default();
    first_server(&String::from_utf8_lossy(bytes)).ok_or_else(unknown)
}

fn first_server(text: &str) -> Option<SocketAddr> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let server = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        address(server)
    })
}

fn encoded(question: &Message) -> Result<Vec<u8>, Failure> {
    question.to_vec().map_err(|_| fault("the question cannot be written; correct the name"))
}

async fn by_datagram(
    question: &Message,
    server: SocketAddr,
    tools: &Tools<'_>,
) -> Result<Message, Failure> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let unreachable = |_| down("there is no way to the server");
    let socket = UdpSocket::bind((any, 0)).await.map_err(unreachable)?;
    socket.connect(server).await.map_err(unreachable)?;
    let bytes = encoded(question)?;
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        socket.send(&bytes).await.map_err(|_| down("nothing listens there"))?;
        let wait = tools.limit.as_duration() / ATTEMPTS;
        // The probe as a whole has its limit; this one is for asking again.
        let answer = tokio::time::timeout(wait, async {
            loop {
                let count = socket.recv(&mut buffer).await;
                let count = count.map_err(|_| down("nothing listens there"))?;
                let answer = Message::from_vec(buffer.get(..count).unwrap_or_default());
                if let Ok(answer) = answer
                    && is_answer(&answer, question)
                {
                    return Ok(answer);
                }
            }
        });
        if let Ok(answer) = answer.await {
            return answer;
        }
    }
}

/// What is no answer to the question is passed over, whoever sent it.
fn is_answer(answer: &Message, question: &Message) -> bool {
    answer.metadata.id == question.metadata.id
        && answer.metadata.message_type == MessageType::Response
        && answer.queries == question.queries
}

async fn by_connection(
    question: &Message,
    server: SocketAddr,
    tools: &Tools<'_>,
) -> Result<Message, Failure> {
    let host = server.ip().to_string();
    let mut stream = tools.way.dial(&host, server.port(), tools.limit).await?.stream;
    let bytes = encoded(question)?;
    let length = u16::try_from(bytes.len()).map_err(|_| fault("the question is too long"))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend(bytes);
    let broken = |_| down("it hung up before the answer was complete");
    stream.write_all(&framed).await.map_err(broken)?;
    let length = stream.read_u16().await.map_err(broken)?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await.map_err(broken)?;
    let answer = Message::from_vec(&buffer).map_err(|_| down("its answer is malformed"))?;
    if is_answer(&answer, question) { Ok(answer) } else { Err(down("it answered something else")) }
}

fn judge(
    answer: &Message,
    record: Record,
    expect: &[String],
    outcome: &mut Outcome,
) -> Result<(), Failure> {
    let wanted = record_type(record);
    let records = || answer.answers.iter().filter(|answer| answer.record_type() == wanted);
    let text = |data: String| data.chars().take(TEXT_MAX).collect::<String>();
    let answers: Vec<String> =
        records().take(ANSWERS_MAX).map(|answer| text(answer.data.to_string())).collect();
    let ttl = records().map(|answer| answer.ttl).min();
    let none = answers.is_empty();
    let met = expect.is_empty()
        || answers.iter().any(|answer| expect.iter().any(|expected| same(answer, expected)));
    outcome.answers = Some((answers, ttl));
    let code = answer.metadata.response_code;
    match code {
        ResponseCode::NXDomain => Err(down("there is no such name (NXDOMAIN)")),
        ResponseCode::NoError if none => Err(down("the name has no such record")),
        ResponseCode::NoError if !met => Err(down("none of the answers is an expected one")),
        ResponseCode::NoError => Ok(()),
        other => Err(down(format!("the server refused: {other}"))),
    }
}

/// Names are equal in any case, with or without the last dot.
fn same(answer: &str, expected: &str) -> bool {
    answer.trim_end_matches('.').eq_ignore_ascii_case(expected.trim().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_with_or_without_a_port() {
        let table = [
            ("192.0.2.1", Some("192.0.2.1:53")),
            ("192.0.2.1:5353", Some("192.0.2.1:5353")),
            ("2001:db8::1", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]", Some("[2001:db8::1]:53")),
            ("[2001:db8::1]:54", Some("[2001:db8::1]:54")),
            ("192.0.2.1:0", None),
            ("ns.example.com", None),
            ("", None),
        ];
        for (text, wanted) in table {
            let found = address(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn the_systems_first_server_is_asked() {
        let text = "# comment\nsearch a b\nnameserver\nnameserver junk\n nameserver 192.0.2.7 # x\nnameserver 192.0.2.8";
        assert_eq!(first_server(text), address("192.0.2.7"));
        assert_eq!(first_server("options timeout:1"), None);
    }
}
