//! Machines made of files, and what is found on them.

use std::collections::BTreeMap;
use std::path::Path;

use ccm_proto::SafeText;
use ccm_proto::model::Kind;
use futures_util::future::BoxFuture;
use tempfile::TempDir;

use super::*;
use crate::registry::{Registry, Shipped};

mod answers;

/// A machine whose tables, processes, sockets and programs are files of a test.
struct Machine {
    directory: TempDir,
    tcp: String,
    unix: String,
    next: u64,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
            tcp: "sl local_address rem_address st\n".to_owned(),
            unix: "Num RefCount Protocol Flags Type St Inode Path\n".to_owned(),
            next: 100,
        };
        std::fs::create_dir_all(machine.path("proc/net")).unwrap();
        machine
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    /// A process that owns the newest socket.
    fn process(&mut self, name: &str) -> &mut Self {
        let folder = self.path(&format!("proc/{}", self.next));
        std::fs::create_dir_all(folder.join("fd")).unwrap();
        std::fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
        std::os::unix::fs::symlink("/dev/null", folder.join("fd/0")).unwrap();
        let link = format!("socket:[{}]", self.next);
        std::os::unix::fs::symlink(link, folder.join("fd/3")).unwrap();
        self
    }

    fn listens(&mut self, address: [u8; 4], port: u16) -> &mut Self {
        self.next += 1;
        let address = u32::from_ne_bytes(address);
        let inode = self.next;
        self.tcp.push_str(&format!(
            " 0: {address:08X}:{port:04X} 00000000:0000 0A 0:0 00:0 0 0 0 {inode} 1\n"
        ));
        self
    }

    fn socket(&mut self, path: &str) -> &mut Self {
        self.next += 1;
        let file = self.path(path.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "").unwrap();
        self.unix.push_str(&format!("0: 2 0 00010000 0001 01 {} {path}\n", self.next));
        self
    }

    fn program(&mut self, name: &str) -> &mut Self {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.path(&format!("usr/bin/{name}"));
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn explorer(&self, ask: Arc<Answers>) -> Explorer {
        std::fs::write(self.path("proc/net/tcp"), &self.tcp).unwrap();
        std::fs::write(self.path("proc/net/unix"), &self.unix).unwrap();
        let roots = Roots { proc: self.path("proc"), root: self.directory.path().to_owned() };
        Explorer::new(roots, ask)
    }
}

/// What listeners answer by their ports, and what was asked.
#[derive(Default)]
struct Answers {
    by_port: BTreeMap<u16, &'static str>,
    asked: Mutex<Vec<String>>,
}

impl Ask for Answers {
    fn ask<'a>(&'a self, address: SocketAddr, path: &'a str) -> BoxFuture<'a, Option<String>> {
        assert!(address.ip().is_loopback());
        self.asked.lock().unwrap().push(format!("{address}{path}"));
        let answer = self.by_port.get(&address.port()).map(|answer| (*answer).to_owned());
        Box::pin(std::future::ready(answer))
    }
}

fn answers<const N: usize>(by_port: [(u16, &'static str); N]) -> Arc<Answers> {
    Arc::new(Answers { by_port: by_port.into(), ..Answers::default() })
}

const ANY: [u8; 4] = [0; 4];
const LOCAL: [u8; 4] = [127, 0, 0, 1];

/// A machine with one of everything.
fn full() -> (Machine, Arc<Answers>) {
    let mut machine = Machine::new();
    machine.listens(ANY, 9_090).process("prometheus");
    machine.listens(ANY, 9_100).process("prometheus-node");
    machine.listens(LOCAL, 9_093).listens(LOCAL, 19_999).process("netdata");
    machine.listens(LOCAL, 8_222).process("nats-server");
    machine.listens(LOCAL, 5_432).process("postgres");
    machine.listens(LOCAL, 3_306).process("mariadbd");
    machine.listens(LOCAL, 6_379).process("redis-server").program("redis-cli");
    machine.listens(ANY, 80).process("nginx").listens(ANY, 8_080).process("apache2");
    machine.socket("/run/docker.sock").process("dockerd").program("docker");
    machine.socket("/run/podman/podman.sock").program("podman").program("systemctl");
    machine.socket("/var/run/postgresql/.s.PGSQL.5432").program("psql").program("pg_isready");
    machine.socket("/run/mysqld/mysqld.sock").program("mysql").program("mysqladmin");
    std::fs::create_dir_all(machine.path("run/systemd/system")).unwrap();
    let answers = answers([
        (9_090, "HTTP/1.0 200 OK\r\n\r\nPrometheus Server is Healthy.\n"),
        (9_100, "HTTP/1.0 200 OK\r\n\r\n<h1>Node Exporter</h1><a href=\"/metrics\">"),
        (9_093, "HTTP/1.0 200 OK\r\n\r\n{\"versionInfo\":{}}"),
        (19_999, "HTTP/1.0 200 OK\r\n\r\n{\"version\":\"1\",\"uid\":\"x\"}"),
        (8_222, "HTTP/1.0 200 OK\r\n\r\n{\"server_id\":\"N\"}"),
        (80, "HTTP/1.0 404 Not Found\r\nServer: nginx/1.22\r\n\r\n"),
        (8_080, "HTTP/1.0 200 OK\r\nServer: Apache\r\n\r\nTotal Accesses: 1\nScoreboard: _W"),
    ]);
    (machine, answers)
}

fn keys(offers: &[Offer]) -> Vec<&str> {
    offers.iter().map(|offer| offer.key.as_str()).collect()
}

#[tokio::test]
async fn everything_well_known_is_offered() {
    let (machine, answers) = full();
    let mut offers = machine.explorer(answers).look(|_| false).await;
    offers.sort_by(|a, b| a.key.cmp(&b.key));
    let wanted = [
        "alertmanager",
        "apache",
        "docker",
        "mysql",
        "mysql-statistics",
        "nats",
        "netdata",
        "nginx",
        "node-exporter",
        "podman",
        "postgresql",
        "postgresql-statistics",
        "prometheus",
        "redis",
        "redis-statistics",
        "systemd",
    ];
    assert_eq!(keys(&offers), wanted);
    assert!(offers.iter().all(|offer| !offer.taken && !offer.evidence.is_empty()));
    let prometheus = &offers[12];
    let evidence: Vec<&str> = prometheus.evidence.iter().map(SafeText::as_str).collect();
    assert_eq!(
        evidence,
        ["listens on 127.0.0.1:9090", "the process is prometheus", "it says that it is Prometheus"]
    );
}

#[tokio::test]
async fn the_documents_of_every_offer_can_be_applied() {
    let (machine, answers) = full();
    let offers = machine.explorer(answers).look(|_| false).await;
    for offer in &offers {
        for (id, toml) in &offer.documents {
            let parsed: Result<toml::Table, _> = toml::from_str(toml);
            assert!(parsed.is_ok(), "{id}: {parsed:?}\n{toml}");
        }
        let shipped: Vec<Shipped> = offer
            .documents
            .iter()
            .map(|(id, toml)| Shipped {
                kind: id.kind,
                name: Box::leak(id.name.to_string().into_boxed_str()),
                toml: Box::leak(toml.clone().into_boxed_str()),
            })
            .collect();
        let (registry, problems) = Registry::new(&shipped);
        assert!(problems.is_empty(), "{}: {problems:#?}", offer.key);
        let snapshot = registry.snapshot();
        for id in snapshot.documents.keys() {
            for to in snapshot.spec(id).unwrap().references() {
                assert!(snapshot.documents.contains_key(&to), "{id} needs {to}");
            }
        }
        let layouts = offer.documents.iter().filter(|(id, _)| id.kind == Kind::Layout);
        assert_eq!(layouts.map(|(id, _)| &id.name).collect::<Vec<_>>(), [&offer.key]);
    }
}

#[tokio::test]
async fn nobody_is_asked_twice_and_databases_are_asked_nothing() {
    let (machine, answers) = full();
    let explorer = machine.explorer(Arc::clone(&answers));
    explorer.look(|_| false).await;
    let first = answers.asked.lock().unwrap().clone();
    explorer.clone().look(|_| false).await;
    assert_eq!(*answers.asked.lock().unwrap(), first);
    for port in [5_432, 3_306, 6_379] {
        assert!(!first.iter().any(|asked| asked.contains(&format!(":{port}/"))), "{first:?}");
    }
    let mut once = first.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), first.len());
}

#[tokio::test]
async fn who_is_known_to_be_something_else_is_left_alone() {
    let mut machine = Machine::new();
    machine.listens(ANY, 9_090).process("cockpit-ws").listens(ANY, 6_379).process("app");
    machine.listens([192, 168, 1, 7], 9_100);
    machine.listens(ANY, 8_080).process("java");
    let answers = answers([(9_090, "Prometheus"), (9_100, "/metrics"), (8_080, "Scoreboard:")]);
    let offers = machine.explorer(Arc::clone(&answers)).look(|_| false).await;
    assert_eq!(keys(&offers), [""; 0]);
    assert_eq!(*answers.asked.lock().unwrap(), [""; 0]);
}

#[tokio::test]
async fn who_stands_behind_a_go_between_is_asked() {
    let mut machine = Machine::new();
    machine.listens(ANY, 9_090).process("docker-proxy").listens(ANY, 9_100);
    machine.listens(LOCAL, 80);
    let answers = answers([
        (9_090, "HTTP/1.0 200 OK\r\n\r\nsomething else"),
        (9_100, "HTTP/1.0 200 OK\r\n\r\n<a href='/metrics'>"),
        (80, "HTTP/1.0 404 Not Found\r\nserver: Apache/2.4\r\n\r\nserver: nginx"),
    ]);
    let offers = machine.explorer(answers).look(|_| false).await;
    assert_eq!(keys(&offers), ["apache", "node-exporter"]);
}

#[tokio::test]
async fn a_socket_is_worth_an_offer_when_it_is_open_and_its_program_there() {
    let mut machine = Machine::new();
    machine.socket("/run/docker.sock");
    machine.socket("/var/run/postgresql/.s.PGSQL.5432").program("pg_isready");
    let offers = machine.explorer(answers([])).look(|_| false).await;
    assert_eq!(keys(&offers), ["postgresql"]);
    assert!(offers[0].documents.iter().all(|(id, _)| id.kind != Kind::Egress));
}

#[tokio::test]
async fn what_a_database_counts_is_offered_beside_whether_it_answers() {
    let (machine, answers) = full();
    let offers = machine.explorer(answers).look(|_| false).await;
    for (key, rates) in [
        ("postgresql-statistics", "postgresql-rates"),
        ("mysql-statistics", "mysql-rates"),
        ("redis-statistics", "redis-rates"),
    ] {
        let offer = offers.iter().find(|offer| offer.key.as_str() == key).unwrap();
        let sources: Vec<&str> = offer
            .documents
            .iter()
            .filter(|(id, _)| id.kind == Kind::Source)
            .map(|(id, _)| id.name.as_str())
            .collect();
        assert_eq!(sources, [key, rates]);
        // The daemon itself calls nobody.
        assert!(offer.documents.iter().all(|(id, _)| id.kind != Kind::Egress));
    }
}

#[tokio::test]
async fn what_was_taken_is_said_to_be() {
    let (machine, answers) = full();
    let offers = machine.explorer(answers).look(|id| id.name.as_str().starts_with("redis")).await;
    let taken: Vec<&str> =
        offers.iter().filter(|offer| offer.taken).map(|offer| offer.key.as_str()).collect();
    assert_eq!(taken, ["redis", "redis-statistics"]);
}

#[tokio::test]
async fn a_machine_without_tables_has_nothing_to_offer() {
    let roots = Roots { proc: "/nowhere".into(), root: Path::new("/nowhere").into() };
    assert!(Explorer::new(roots, answers([])).look(|_| false).await.is_empty());
}

/// The offers beside what each asks for.
async fn asked_for(machine: &Machine, answers: Arc<Answers>) -> Vec<(Offer, String)> {
    let offers = machine.explorer(answers).look(|_| false).await;
    let need = |offer: &Offer| {
        let need = offer.needs_credential.as_ref();
        need.map_or_else(String::new, |it| format!("{} {} {}", it.name, it.kind, it.origin))
    };
    offers.into_iter().map(|offer| (offer.clone(), need(&offer))).collect()
}

#[tokio::test]
async fn what_wants_a_login_is_offered_with_the_credential_that_it_needs() {
    let mut machine = Machine::new();
    machine.listens(ANY, 9_090).process("prometheus");
    machine.listens(LOCAL, 9_100).process("prometheus-node");
    machine.listens(LOCAL, 8_222).process("nats-server");
    let answers = answers([
        (9_090, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\nno"),
        (9_100, "HTTP/1.1 401 Unauthorized\r\nwww-authenticate:  bearer\r\n\r\n"),
        (8_222, "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Negotiate\r\n\r\nserver_id"),
    ]);
    let found = asked_for(&machine, answers).await;
    let needs: Vec<&str> = found.iter().map(|(_, need)| need.as_str()).collect();
    let wanted =
        ["", "prometheus basic http://127.0.0.1:9090", "node-exporter token http://127.0.0.1:9100"];
    assert_eq!(needs, wanted);
    for (offer, _) in &found[1..] {
        let source = offer.documents.iter().find(|(id, _)| id.kind == Kind::Source).unwrap();
        let spec: ccm_proto::model::SourceSpec = toml::from_str(&source.1).unwrap();
        let credential = spec.prometheus.unwrap().credential;
        assert_eq!(credential, offer.needs_credential.as_ref().map(|need| need.name.clone()));
    }
}

#[tokio::test]
async fn nobody_unknown_is_told_a_password() {
    let mut machine = Machine::new();
    machine.listens(ANY, 9_090).listens(ANY, 9_093).process("docker-proxy");
    let refused = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n";
    let found = asked_for(&machine, answers([(9_090, refused), (9_093, refused)])).await;
    assert!(found.is_empty(), "{found:?}");
}
