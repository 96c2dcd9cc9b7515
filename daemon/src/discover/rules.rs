//! What a listener may be, and what it is. Pure.

use std::net::SocketAddr;

use ccm_proto::model::connector::CredentialKind;

use super::reader::{Listener, Seen, Socket};

/// Processes that listen for others: they say nothing of who answers.
const GO_BETWEENS: [&str; 6] =
    ["docker-proxy", "rootlessport", "conmon", "systemd", "pasta", "slirp4netns"];

/// A program that gives metrics as Prometheus text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exporter {
    pub key: &'static str,
    pub title: &'static str,
    pub port: u16,
    /// Metrics without labels that tell most, first the one that is charted.
    pub metrics: &'static [(&'static str, &'static str, &'static str)],
}

/// What every program of Prometheus' client library tells of itself.
const OF_PROCESS: &[(&str, &str, &str)] = &[
    ("process_resident_memory_bytes", "memory", "bytes"),
    ("process_open_fds", "open files", "integer"),
    ("scrape_samples_scraped", "samples", "integer"),
];

const fn exporter(
    key: &'static str,
    title: &'static str,
    port: u16,
    metrics: &'static [(&'static str, &'static str, &'static str)],
) -> Exporter {
    Exporter { key, title, port, metrics }
}

/// Well-known exporters and their ports.
pub(super) const EXPORTERS: &[Exporter] = &[
    exporter(
        "node-exporter",
        "node exporter",
        9_100,
        &[
            ("node_load1", "load", "number"),
            ("node_load5", "5 min", "number"),
            ("node_memory_MemAvailable_bytes", "memory left", "bytes"),
            ("node_procs_running", "running", "integer"),
        ],
    ),
    exporter(
        "postgres-exporter",
        "PostgreSQL exporter",
        9_187,
        &[("pg_up", "up", "integer"), ("process_resident_memory_bytes", "memory", "bytes")],
    ),
    exporter(
        "mysqld-exporter",
        "MySQL exporter",
        9_104,
        &[
            ("mysql_global_status_threads_connected", "connections", "integer"),
            ("mysql_up", "up", "integer"),
            ("mysql_global_status_uptime", "uptime", "duration"),
        ],
    ),
    exporter(
        "redis-exporter",
        "Redis exporter",
        9_121,
        &[
            ("redis_connected_clients", "clients", "integer"),
            ("redis_up", "up", "integer"),
            ("redis_memory_used_bytes", "memory", "bytes"),
        ],
    ),
    exporter(
        "nginx-exporter",
        "nginx exporter",
        9_113,
        &[
            ("nginx_connections_active", "connections", "integer"),
            ("nginx_connections_waiting", "waiting", "integer"),
        ],
    ),
    exporter(
        "apache-exporter",
        "Apache exporter",
        9_117,
        &[("apache_up", "up", "integer"), ("apache_uptime_seconds_total", "uptime", "duration")],
    ),
    exporter("blackbox-exporter", "blackbox exporter", 9_115, OF_PROCESS),
    exporter("process-exporter", "process exporter", 9_256, OF_PROCESS),
    exporter("elasticsearch-exporter", "Elasticsearch exporter", 9_114, OF_PROCESS),
    exporter("mongodb-exporter", "MongoDB exporter", 9_216, OF_PROCESS),
    exporter("memcached-exporter", "memcached exporter", 9_150, OF_PROCESS),
    exporter("haproxy-exporter", "HAProxy exporter", 9_101, OF_PROCESS),
    exporter("snmp-exporter", "SNMP exporter", 9_116, OF_PROCESS),
    exporter("bind-exporter", "BIND exporter", 9_119, OF_PROCESS),
    exporter("systemd-exporter", "systemd exporter", 9_558, OF_PROCESS),
    exporter("smartctl-exporter", "smartctl exporter", 9_633, OF_PROCESS),
    exporter("pushgateway", "Pushgateway", 9_091, OF_PROCESS),
];

/// What something may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Prometheus,
    Alertmanager,
    Exporter(&'static Exporter),
    Netdata,
    Nats,
    Postgres,
    Mysql,
    /// What PostgreSQL counts, which it tells only whom it lets in.
    PostgresStatistics,
    /// What MySQL counts, which it tells only whom it lets in.
    MysqlStatistics,
    Redis,
    /// What Redis counts.
    RedisStatistics,
    /// nginx or Apache.
    Web {
        apache: bool,
    },
    Docker,
    Podman,
    Systemd,
}

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(Listener),
    Unix(Socket),
    /// Everywhere.
    Machine,
}

/// Something that may be worth an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub kind: Kind,
    pub place: Place,
    /// The program that reads it, where one is needed.
    pub program: Option<String>,
}

/// Something that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: Kind,
    pub place: Place,
    pub program: Option<String>,
    /// What the answer showed.
    pub proof: Option<&'static str>,
    /// It shows a page of its own state.
    pub status_page: bool,
    /// The login that it asks for.
    pub login: Option<CredentialKind>,
}

impl Candidate {
    /// What is asked, once.
    pub(super) fn question(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Prometheus => Some("/-/healthy"),
            Kind::Alertmanager => Some("/api/v2/status"),
            Kind::Exporter(_) => Some("/"),
            Kind::Netdata => Some("/api/v1/info"),
            Kind::Nats => Some("/varz"),
            Kind::Web { apache: false } => Some("/nginx_status"),
            Kind::Web { apache: true } => Some("/server-status?auto"),
            Kind::Postgres
            | Kind::Mysql
            | Kind::PostgresStatistics
            | Kind::MysqlStatistics
            | Kind::Redis
            | Kind::RedisStatistics
            | Kind::Docker
            | Kind::Podman
            | Kind::Systemd => None,
        }
    }

    /// Who is asked.
    pub(super) fn listener(&self) -> Option<(SocketAddr, u64)> {
        match &self.place {
            Place::Tcp(listener) => Some((listener.address, listener.inode)),
            Place::Unix(_) | Place::Machine => None,
        }
    }
}

/// What a port is known for, and the names of the programs that use it.
fn known(port: u16) -> Option<(Kind, &'static [&'static str])> {
    Some(match port {
        9_090 => (Kind::Prometheus, &["prometheus"]),
        9_093 => (Kind::Alertmanager, &["alertmanager", "prometheus-aler"]),
        19_999 => (Kind::Netdata, &["netdata"]),
        8_222 => (Kind::Nats, &["nats-server"]),
        5_432 => (Kind::Postgres, &["postgres"]),
        3_306 => (Kind::Mysql, &["mysqld", "mariadbd"]),
        6_379 => (Kind::Redis, &["redis-server", "valkey-server"]),
        80 | 8_080 => (Kind::Web { apache: false }, &["nginx"]),
        port => {
            let exporter = EXPORTERS.iter().find(|exporter| exporter.port == port)?;
            (Kind::Exporter(exporter), &[])
        }
    })
}

/// The programs that ask Redis and Valkey.
const REDIS_CLIENTS: [&str; 2] = ["redis-cli", "valkey-cli"];

/// What the processes of Apache are called.
const APACHE: [&str; 2] = ["apache2", "httpd"];

/// What a listener may be. One whose process is known to be another program is left alone.
fn of_listener(listener: &Listener) -> Option<Kind> {
    let (kind, names) = known(listener.address.port())?;
    let process = listener.process.as_deref().filter(|name| !GO_BETWEENS.contains(name));
    match (kind, process) {
        (kind, None) => Some(kind),
        (Kind::Web { .. }, Some(name)) if APACHE.contains(&name) => {
            Some(Kind::Web { apache: true })
        }
        // The kernel keeps 15 letters of a name.
        (Kind::Exporter(_), Some(name)) => {
            (name.contains("export") || name.starts_with("prometheus-") || name == "pushgateway")
                .then_some(kind)
        }
        (kind, Some(name)) => names.contains(&name).then_some(kind),
    }
}

/// What a socket may be shown as, and the program that reads it for each.
fn of_socket(path: &str) -> &'static [(Kind, &'static str)] {
    match path.rsplit('/').next() {
        Some("docker.sock") => &[(Kind::Docker, "docker")],
        Some("podman.sock") => &[(Kind::Podman, "podman")],
        Some(".s.PGSQL.5432") => {
            &[(Kind::Postgres, "pg_isready"), (Kind::PostgresStatistics, "psql")]
        }
        Some("mysqld.sock" | "mysql.sock") => {
            &[(Kind::Mysql, "mysqladmin"), (Kind::MysqlStatistics, "mysql")]
        }
        _ => &[],
    }
}

/// Everything that may be worth an offer, ports before sockets.
pub(super) fn candidates(seen: &Seen) -> Vec<Candidate> {
    let listeners = seen.listeners.iter().flat_map(|listener| {
        let kind = of_listener(listener);
        let of = |kind, program| Candidate { kind, place: Place::Tcp(listener.clone()), program };
        let reads = || REDIS_CLIENTS.iter().find_map(|name| seen.programs.get(name)).cloned();
        let program = kind.filter(|kind| *kind == Kind::Redis).and_then(|_| reads());
        let counts = program.map(|program| of(Kind::RedisStatistics, Some(program)));
        kind.map(|kind| of(kind, None)).into_iter().chain(counts)
    });
    let of_one = |socket: &Socket| {
        let place = Place::Unix(socket.clone());
        of_socket(&socket.path).iter().filter_map(move |(kind, program)| {
            let program = seen.programs.get(program)?.clone();
            Some(Candidate { kind: *kind, place: place.clone(), program: Some(program) })
        })
    };
    let sockets = seen.sockets.iter().flat_map(of_one);
    let systemd = seen.programs.get("systemctl").filter(|_| seen.systemd).map(|program| {
        Candidate { kind: Kind::Systemd, place: Place::Machine, program: Some(program.clone()) }
    });
    listeners.chain(sockets).chain(systemd).collect()
}

/// What a candidate is, by its answer; none when it is something else.
pub(super) fn recognise(candidate: &Candidate, answer: Option<&str>) -> Option<Found> {
    let known = if candidate.question().is_none() {
        Known { kind: candidate.kind, proof: None, status_page: false, login: None }
    } else if let Some(kind) = login(candidate, answer?) {
        let proof = Some("it answers only those who log in");
        Known { kind: candidate.kind, proof, status_page: false, login: Some(kind) }
    } else if matches!(candidate.kind, Kind::Web { .. }) {
        web(answer?)?
    } else {
        let proof = Some(proof(candidate.kind, answer?)?);
        Known { kind: candidate.kind, proof, status_page: false, login: None }
    };
    let Known { kind, proof, status_page, login } = known;
    let (place, program) = (candidate.place.clone(), candidate.program.clone());
    Some(Found { kind, place, program, proof, status_page, login })
}

/// What an answer showed.
struct Known {
    kind: Kind,
    proof: Option<&'static str>,
    status_page: bool,
    login: Option<CredentialKind>,
}

/// What an answer holds that only this kind would say.
fn proof(kind: Kind, answer: &str) -> Option<&'static str> {
    let (words, proof): (&[&str], _) = match kind {
        Kind::Prometheus => (&["Prometheus"], "it says that it is Prometheus"),
        Kind::Alertmanager => (&["versionInfo"], "it tells an Alertmanager's status"),
        Kind::Exporter(_) => (&["/metrics", "xporter"], "it refers to metrics"),
        Kind::Netdata => (&["\"uid\""], "it tells Netdata's facts"),
        _ => (&["server_id"], "it tells a NATS server's state"),
    };
    words.iter().any(|word| answer.contains(word)).then_some(proof)
}

/// Which web server an answer is of.
fn web(answer: &str) -> Option<Known> {
    let known = |apache, status_page, proof| {
        let kind = Kind::Web { apache };
        Some(Known { kind, proof: Some(proof), status_page, login: None })
    };
    let server = header(answer, "server").unwrap_or_default();
    match server.to_ascii_lowercase() {
        _ if answer.contains("Active connections:") => known(false, true, STATUS_PAGE),
        _ if answer.contains("Scoreboard:") => known(true, true, STATUS_PAGE),
        name if name.starts_with("nginx") => known(false, false, "it says that it is nginx"),
        name if name.starts_with("apache") => known(true, false, "it says that it is Apache"),
        _ => None,
    }
}

const STATUS_PAGE: &str = "it shows its status page";

/// The login that a listener asks for. It counts only where the process is known to be what the
/// port is for: anybody on this machine may listen on a free port and ask for passwords.
fn login(candidate: &Candidate, answer: &str) -> Option<CredentialKind> {
    let Place::Tcp(Listener { process: Some(process), .. }) = &candidate.place else { return None };
    let refused = answer.lines().next()?.split(' ').nth(1) == Some("401");
    let web = matches!(candidate.kind, Kind::Web { .. });
    if !refused || web || GO_BETWEENS.contains(&process.as_str()) {
        return None;
    }
    match header(answer, "www-authenticate")?.split(' ').next()?.to_ascii_lowercase().as_str() {
        "basic" => Some(CredentialKind::Basic),
        "bearer" => Some(CredentialKind::Token),
        _ => None,
    }
}

/// A header of an answer.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.lines().skip(1).take_while(|line| !line.trim().is_empty());
    let mut fields = head.filter_map(|line| line.split_once(':'));
    let field = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.trim())
}
