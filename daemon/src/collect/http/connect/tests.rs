use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

use hyper::Method;
use proptest::prelude::*;

use super::super::client::HttpClient;
use super::super::request::{self, Request};
use super::super::response::Limits;
use super::*;

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));

/// Notes what is dialled and connects to nothing.
#[derive(Debug, Default)]
struct Deaf(Mutex<Vec<SocketAddr>>);

impl Dial for Deaf {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
        self.0.lock().unwrap().push(address);
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn source(&self, _: SocketAddr) -> Option<IpAddr> {
        None
    }
}

/// Every name has these addresses.
#[derive(Debug)]
struct Answers(Vec<IpAddr>);

impl Resolve for Answers {
    fn resolve(&self, _: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = self.0.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Box::pin(async { Ok(addresses) })
    }
}

fn connector(answers: &[IpAddr], dialler: &Arc<Deaf>) -> Connector {
    let dialler: Arc<dyn Dial> = Arc::<Deaf>::clone(dialler);
    let policy = PolicyInForce::default();
    Connector::new(Arc::new(Answers(answers.to_vec())), dialler, policy, Clock::system())
}

/// Addresses that are never dialled.
fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
    let within = |bits: u32, prefix: u32| {
        any::<u32>().prop_map(move |any| {
            let mask = u32::MAX.checked_shr(prefix).unwrap_or(0);
            Ipv4Addr::from_bits(bits | (any & mask))
        })
    };
    prop_oneof![
        within(0x7f00_0000, 8),
        within(0x0a00_0000, 8),
        within(0xac10_0000, 12),
        within(0xc0a8_0000, 16),
        within(0x6440_0000, 10),
        within(0xa9fe_0000, 16),
        Just(Ipv4Addr::new(169, 254, 169, 254)),
        within(0, 8),
        within(0xe000_0000, 4),
        within(0xf000_0000, 4),
        within(0xc612_0000, 15),
    ]
}

/// One of many ways to write an address into a URL, and tricks around it.
fn host(v4: Ipv4Addr, form: u8) -> String {
    let [a, b, c, d] = v4.octets();
    let bits = v4.to_bits();
    let [high, low] = [(bits >> 16) as u16, bits as u16];
    match form {
        0 => v4.to_string(),
        1 => bits.to_string(),
        2 => format!("0x{bits:x}"),
        3 => format!("0X{bits:08X}"),
        4 => format!("0{bits:o}"),
        5 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        6 => format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        7 => format!("{a}.{}", bits & 0x00ff_ffff),
        8 => format!("{a}.{b}.{}", bits & 0xffff),
        9 => format!("{v4}."),
        10 => format!("[::ffff:{v4}]"),
        11 => format!("[::ffff:{high:x}:{low:x}]"),
        12 => format!("[::{high:x}:{low:x}]"),
        13 => format!("[64:ff9b::{v4}]"),
        14 => format!("[2002:{high:x}:{low:x}::1]"),
        15 => format!("[2001:0:{high:x}:{low:x}::f7f7:f7f7]"),
        16 => format!("[2001:0:808:808::{:x}:{:x}]", !high, !low),
        17 => v4.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect(),
        18 => v4.to_string().replace('.', "。"),
        19 => v4.to_string().chars().map(wide).collect(),
        20 => format!("[0:0:0:0:0:FFFF:{high:X}:{low:X}]"),
        21 => "LocalHost".to_owned(),
        22 => "innocent.example.com".to_owned(),
        23 => format!("{v4}.nip.example"),
        24 => format!("[64:ff9b:1::{v4}]"),
        _ => format!("0x{a:x}.0{b:o}.{}", bits & 0xffff),
    }
}

/// The full-width form of a digit, which host names are mapped from.
fn wide(c: char) -> char {
    match c.to_digit(10) {
        Some(digit) => char::from_u32(0xff10 + digit).unwrap(),
        None => c,
    }
}

fn url(host: &str, around: u8) -> String {
    match around {
        0 => format!("http://{host}/"),
        1 => format!("https://{host}:443/x?y=z"),
        2 => format!("http://api.example.com@{host}/"),
        3 => format!("http:\\\\{host}\\x"),
        4 => format!("  http://{host}/#@api.example.com"),
        5 => format!("HTTP://{host}:8080"),
        6 => format!("http://{host}\t/"),
        7 => format!("http://a:b@{host}/"),
        8 => format!("http:{host}/"),
        _ => format!("http://////{host}/"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_way_to_write_a_url_dials_a_refused_range(
        v4 in refused_v4(),
        form in 0u8..=25,
        around in 0u8..=9,
    ) {
        let text = url(&host(v4, form), around);
        let Ok(request) = request::parse(&text).and_then(|url| Request::new(Method::GET, &url))
        else { return Ok(()) };
        let dialler = Arc::new(Deaf::default());
        // Names answer with the refused address first and a public one after it.
        let connector = connector(&[v4.into(), PUBLIC], &dialler);
        let client = HttpClient::new(connector, Clock::system());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(client.send(&request, None, &Limits::default()));
        prop_assert!(answer.is_err());
        for dialled in &*dialler.0.lock().unwrap() {
            prop_assert_eq!(dialled.ip(), PUBLIC, "{}", text);
        }
    }
}

#[tokio::test]
async fn a_name_is_dialled_at_its_allowed_addresses_only() {
    let dialler = Arc::new(Deaf::default());
    let inner = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let mapped = IpAddr::from(Ipv4Addr::LOCALHOST.to_ipv6_mapped());
    let v6 = IpAddr::from("2606:4700::1111".parse::<Ipv6Addr>().unwrap());
    let connector = connector(&[inner, PUBLIC, mapped, v6], &dialler);
    let addresses = connector.addresses("mixed.example", 443).await.unwrap();
    assert_eq!(addresses, [SocketAddr::new(PUBLIC, 443), SocketAddr::new(v6, 443)]);
    let error = connector.dial("mixed.example", 443, Interval::from_secs(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "mixed.example:443 cannot be reached (nothing listens there); see that the service runs \
         and its port is open"
    );
    assert_eq!(dialler.0.lock().unwrap().len(), 2, "both were tried");
}

#[tokio::test]
async fn a_name_with_many_addresses_is_tried_at_a_few() {
    let dialler = Arc::new(Deaf::default());
    let many: Vec<IpAddr> = (0..100).map(|n| Ipv4Addr::new(8, 8, 8, n).into()).collect();
    let connector = connector(&many, &dialler);
    connector.dial("many.example", 443, Interval::from_secs(1)).await.unwrap_err();
    assert_eq!(dialler.0.lock().unwrap().len(), ADDRESSES_MAX);
}

#[tokio::test]
async fn a_name_without_addresses_is_said_to_have_none() {
    let dialler = Arc::new(Deaf::default());
    let error = connector(&[], &dialler).addresses("no.example", 80).await.unwrap_err();
    assert_eq!(error, HttpError::Name { host: "no.example".into() });
}

#[tokio::test]
async fn an_address_of_this_machine_is_found_by_the_route_to_it() {
    struct Myself;
    impl Dial for Myself {
        fn dial(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<TcpStream>> {
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }
        fn source(&self, _: SocketAddr) -> Option<IpAddr> {
            Some(PUBLIC)
        }
    }
    let policy = PolicyInForce::default();
    let answers = Arc::new(Answers(vec![PUBLIC]));
    let connector = Connector::new(answers, Arc::new(Myself), policy, Clock::system());
    let error = connector.addresses("me.example", 22).await.unwrap_err().to_string();
    assert!(error.starts_with("me.example:22 is no public address (own)"), "{error}");
}
