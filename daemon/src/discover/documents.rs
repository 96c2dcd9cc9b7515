//! The documents that an offer would apply. Pure.

use std::fmt::Write as _;

use ccm_proto::SafeText;
use ccm_proto::model::connector::CredentialKind;
use ccm_proto::model::offer::CredentialNeed;
use ccm_proto::model::{DocumentId, Kind as DocumentKind, Name, Offer};

use super::databases;
use super::reader::{Listener, Socket};
use super::rules::{Found, Kind, Place};
use super::widgets::{Metric, alerts, chart, quoted, stat, table};

/// What an offer is made of, before its documents have names.
pub(super) struct Draft {
    pub key: &'static str,
    pub title: &'static str,
    pub what: String,
    pub source: String,
    /// A source that is computed from the first one.
    pub derived: Option<(&'static str, String)>,
    pub widgets: Vec<(&'static str, String)>,
    /// The listener that the source calls.
    pub calls: Option<Listener>,
    /// The login that it asks for; the credential is called like the offer.
    pub login: Option<CredentialKind>,
}

/// What answers over HTTP, and the login that it asks for.
struct Server<'a> {
    listener: &'a Listener,
    login: Option<CredentialKind>,
}

impl Server<'_> {
    /// The line of a source that names its credential, where one is needed.
    fn credential(&self, key: &str) -> String {
        self.login.map(|_| format!("credential = {key:?}\n")).unwrap_or_default()
    }
}

/// The offer for something that was recognised. `exists` knows the documents that are there.
pub(super) fn offer(found: &Found, exists: impl Fn(&DocumentId) -> bool) -> Option<Offer> {
    let draft = draft(found)?;
    let mut documents = Vec::new();
    let mut add = |kind, name: &str, toml: String| {
        Name::new(name).ok().map(|name| documents.push((DocumentId::new(kind, name), toml)))
    };
    if let Some(listener) = &draft.calls {
        add(DocumentKind::Egress, draft.key, egress(draft.title, listener))?;
    }
    add(DocumentKind::Source, draft.key, draft.source)?;
    if let Some((name, toml)) = draft.derived {
        add(DocumentKind::Source, name, toml)?;
    }
    let mut placements = String::new();
    let last = draft.widgets.len().saturating_sub(1);
    for (index, (name, toml)) in draft.widgets.into_iter().enumerate() {
        let name = format!("{}-{name}", draft.key);
        let (x, w) = match index % 2 {
            // Who has no neighbour gets the whole row.
            0 if index == last && index > 0 => (0, 12),
            0 => (0, 5),
            _ => (5, 7),
        };
        let _ = write!(
            placements,
            "\n[[page.widget]]\nname = {name:?}\nat = {{ x = {x}, y = {}, w = {w}, h = 5 }}\n",
            index / 2 * 5
        );
        add(DocumentKind::Widget, &name, toml)?;
    }
    let layout = format!(
        "title = {0:?}\ndescription = \"Found on this machine\"\n\n[[page]]\ntitle = {0:?}\n{placements}",
        draft.title
    );
    add(DocumentKind::Layout, draft.key, layout)?;
    Some(Offer {
        key: Name::new(draft.key).ok()?,
        title: SafeText::new(draft.title),
        what: SafeText::new(&draft.what),
        evidence: evidence(found),
        taken: documents.iter().all(|(id, _)| exists(id)),
        documents,
        needs_credential: draft.calls.zip(draft.login).and_then(|(listener, kind)| {
            let origin = SafeText::new(&format!("http://{}", listener.address));
            Some(CredentialNeed { name: Name::new(draft.key).ok()?, kind, origin })
        }),
    })
}

fn evidence(found: &Found) -> Vec<SafeText> {
    let mut evidence = Vec::new();
    let (place, process) = match &found.place {
        Place::Tcp(listener) => (format!("listens on {}", listener.address), &listener.process),
        Place::Unix(socket) => (format!("listens on {}", socket.path), &socket.process),
        Place::Machine => ("systemd manages this machine".to_owned(), &None),
    };
    evidence.push(place);
    evidence.extend(process.iter().map(|process| format!("the process is {process}")));
    evidence.extend(found.proof.map(str::to_owned));
    evidence.extend(found.program.iter().map(|program| format!("{program} reads it")));
    evidence.iter().map(|line| SafeText::new(line)).collect()
}

fn egress(title: &str, listener: &Listener) -> String {
    format!(
        "description = {}\n\n[[allow]]\nhost = {}\nports = [{}]\nreason = \"found on this machine\"\n",
        quoted(&format!("{title} on this machine")),
        quoted(&listener.address.ip().to_string()),
        listener.address.port()
    )
}

/// What is shown of each sort of thing.
fn draft(found: &Found) -> Option<Draft> {
    match &found.place {
        Place::Tcp(listener) => of_listener(found, listener),
        Place::Unix(socket) => of_socket(found, socket),
        Place::Machine => Some(systemd(found.program.as_deref()?)),
    }
}

fn of_listener(found: &Found, listener: &Listener) -> Option<Draft> {
    let server = &Server { listener, login: found.login };
    Some(match found.kind {
        Kind::Prometheus => {
            let metrics = [
                ("prometheus_tsdb_head_series", "series", "integer"),
                ("prometheus_ready", "ready", "integer"),
                ("process_resident_memory_bytes", "memory", "bytes"),
            ];
            scraped(("prometheus", "Prometheus"), &metrics, server)
        }
        Kind::Alertmanager => {
            let metrics = [
                ("alertmanager_cluster_members", "members", "integer"),
                ("process_resident_memory_bytes", "memory", "bytes"),
            ];
            let mut draft = scraped(("alertmanager", "Alertmanager"), &metrics, server);
            draft.source.push_str("rows = [\"alertmanager_alerts\"]\n");
            draft.widgets.push(("alerts", alerts()));
            draft
        }
        Kind::Exporter(exporter) => {
            scraped((exporter.key, exporter.title), exporter.metrics, server)
        }
        Kind::Netdata => netdata(server),
        Kind::Nats => nats(server),
        Kind::Web { apache } if found.status_page && apache => apache_status(server),
        Kind::Web { apache: false } if found.status_page => nginx_status(server),
        Kind::Web { apache } => web(apache, listener),
        Kind::Mysql => answers(("mysql", "MySQL"), listener),
        Kind::Redis => answers(("redis", "Redis"), listener),
        Kind::RedisStatistics => databases::redis(found.program.as_deref()?, listener),
        _ => answers(("postgresql", "PostgreSQL"), listener),
    })
}

/// Metrics that are scraped.
fn scraped(
    (key, title): (&'static str, &'static str),
    metrics: &[Metric<'_>],
    server: &Server<'_>,
) -> Draft {
    let source = format!(
        "type = \"prometheus\"\ndescription = {}\ninterval = \"10s\"\n\n[prometheus]\nurl = \"http://{}\"\n{}",
        quoted(&format!("What the {title} on this machine tells")),
        server.listener.address,
        server.credential(key)
    );
    let mut widgets = vec![("state", stat(title, key, metrics, false))];
    widgets.extend(metrics.first().map(|first| ("history", chart(first.1, key, *first))));
    let what = "its metrics, read every 10 s".to_owned();
    served((key, title), what, source, widgets, server)
}

/// Whether it answers, and how fast.
fn answers((key, title): (&'static str, &'static str), listener: &Listener) -> Draft {
    let config = format!(
        "type = \"tcp\"\nhost = \"{}\"\nport = {}\n",
        listener.address.ip(),
        listener.address.port()
    );
    let what = "whether it takes connections, and how fast; nothing is asked of it".to_owned();
    probed((key, title), &config, what, listener)
}

fn web(apache: bool, listener: &Listener) -> Draft {
    let (key, title) = if apache { ("apache", "Apache") } else { ("nginx", "nginx") };
    let address = listener.address;
    // Its pages may want a name, a login or a redirect: any answer shows that it works.
    let config = format!(
        "type = \"http\"\nurl = \"http://{address}/\"\nmethod = \"HEAD\"\nstatus = [200, 204, 301, 302, 307, 308, 401, 403, 404]\n"
    );
    let what = "whether it answers, and how fast".to_owned();
    probed((key, title), &config, what, listener)
}

/// What the page of the module `stub_status` counts.
fn nginx_status(server: &Server<'_>) -> Draft {
    let values = [
        ("connections", Take::Regex("^Active connections: (\\d+)")),
        ("accepted", Take::Regex("^ (\\d+) \\d+ \\d+")),
        ("requests", Take::Regex("^ \\d+ \\d+ (\\d+)")),
        ("reading", Take::Regex("Reading: (\\d+)")),
        ("writing", Take::Regex("Writing: (\\d+)")),
        ("waiting", Take::Regex("Waiting: (\\d+)")),
    ];
    let metrics = [
        ("connections", "connections", "integer"),
        ("reading", "reading", "integer"),
        ("writing", "writing", "integer"),
        ("waiting", "waiting", "integer"),
    ];
    let page = "/nginx_status";
    let mut draft = fetched(("nginx", "nginx"), page, "text", &values, &metrics, server);
    requests(&mut draft, "nginx-rates");
    draft
}

/// What the page of the module `mod_status` counts.
fn apache_status(server: &Server<'_>) -> Draft {
    let values = [
        ("busy", Take::Path("$.BusyWorkers")),
        ("idle", Take::Path("$.IdleWorkers")),
        ("requests", Take::Path("$['Total Accesses']")),
        ("kbytes", Take::Path("$['Total kBytes']")),
        ("uptime", Take::Path("$.Uptime")),
        ("load", Take::Path("$.Load1")),
    ];
    let metrics = [
        ("busy", "busy workers", "integer"),
        ("idle", "idle", "integer"),
        ("uptime", "uptime", "duration"),
        ("load", "load", "number"),
    ];
    let page = "/server-status?auto";
    let mut draft = fetched(("apache", "Apache"), page, "pairs", &values, &metrics, server);
    requests(&mut draft, "apache-rates");
    draft
}

/// Adds how many requests there are a second.
fn requests(draft: &mut Draft, rates: &'static str) {
    draft.derived = Some(databases::per_second(rates, draft.key, &[("requests", "requests")]));
    let rate = ("requests", "requests/s", "per_second");
    draft.widgets.push(("requests", chart("requests", rates, rate)));
}

fn probed(
    (key, title): (&'static str, &'static str),
    config: &str,
    what: String,
    listener: &Listener,
) -> Draft {
    let source = format!(
        "type = \"probe\"\ndescription = {}\ninterval = \"30s\"\ntimeout = \"5s\"\n\n[probe]\n{config}",
        quoted(&format!("Whether the {title} on this machine answers"))
    );
    let metrics =
        [("up", "up", "integer"), ("latency_ms", "ms", "number"), ("reason", "why", "text")];
    let latency = ("latency_ms", "latency (ms)", "number");
    let widgets = vec![
        ("state", stat(title, key, &metrics, false)),
        ("latency", chart(&format!("{title} latency"), key, latency)),
    ];
    served((key, title), what, source, widgets, &Server { listener, login: None })
}

/// Where a value of an answer is.
#[derive(Clone, Copy)]
pub(super) enum Take<'a> {
    /// What a path finds.
    Path(&'a str),
    /// The sum of all that a path finds.
    Sum(&'a str),
    /// What the group of a pattern matches.
    Regex(&'a str),
}

/// The section of the values that are taken out of an answer.
pub(super) fn values(values: &[(&str, Take<'_>)]) -> String {
    let mut text = "\n[extract.values]\n".to_owned();
    for (name, take) in values {
        let rule = match take {
            Take::Path(path) => quoted(path),
            Take::Sum(path) => format!("{{ path = {}, combine = \"sum\" }}", quoted(path)),
            Take::Regex(pattern) => format!("{{ regex = {} }}", quoted(pattern)),
        };
        let _ = writeln!(text, "{name} = {rule}");
    }
    text
}

/// An answer that is fetched, and the values that are taken out of it.
fn fetched(
    (key, title): (&'static str, &'static str),
    endpoint: &str,
    format: &str,
    values: &[(&str, Take<'_>)],
    metrics: &[Metric<'_>],
    server: &Server<'_>,
) -> Draft {
    let mut source = format!(
        "type = \"external_api\"\ndescription = {}\ninterval = \"10s\"\n\n[external_api]\nbase_url = \"http://{}\"\nendpoint = {endpoint:?}\n{}\n[extract]\nformat = {format:?}\n",
        quoted(&format!("What the {title} on this machine tells of itself")),
        server.listener.address,
        server.credential(key)
    );
    source.push_str(&self::values(values));
    let mut widgets = vec![("state", stat(title, key, metrics, false))];
    widgets.extend(metrics.first().map(|first| ("history", chart(first.1, key, *first))));
    let what = "what it tells of itself, read every 10 s".to_owned();
    served((key, title), what, source, widgets, server)
}

/// What is read from a server.
fn served(
    (key, title): (&'static str, &'static str),
    what: String,
    source: String,
    widgets: Vec<(&'static str, String)>,
    server: &Server<'_>,
) -> Draft {
    let calls = Some(server.listener.clone());
    Draft { key, title, what, source, derived: None, widgets, calls, login: server.login }
}

fn netdata(server: &Server<'_>) -> Draft {
    let values = [
        ("warnings", Take::Path("$.alarms.warning")),
        ("critical", Take::Path("$.alarms.critical")),
        ("normal", Take::Path("$.alarms.normal")),
        ("version", Take::Path("$.version")),
    ];
    let metrics = [
        ("critical", "critical alarms", "integer"),
        ("warnings", "warnings", "integer"),
        ("normal", "normal", "integer"),
        ("version", "version", "text"),
    ];
    fetched(("netdata", "Netdata"), "/api/v1/info", "json", &values, &metrics, server)
}

fn nats(server: &Server<'_>) -> Draft {
    let values = [
        ("connections", Take::Path("$.connections")),
        ("subscriptions", Take::Path("$.subscriptions")),
        ("slow_consumers", Take::Path("$.slow_consumers")),
        ("memory", Take::Path("$.mem")),
        ("messages_in", Take::Path("$.in_msgs")),
        ("messages_out", Take::Path("$.out_msgs")),
    ];
    let metrics = [
        ("connections", "connections", "integer"),
        ("subscriptions", "subscriptions", "integer"),
        ("slow_consumers", "slow consumers", "integer"),
        ("memory", "memory", "bytes"),
    ];
    let mut draft = fetched(("nats", "NATS"), "/varz", "json", &values, &metrics, server);
    let counters = [("messages_in", "messages_in"), ("messages_out", "messages_out")];
    draft.derived = Some(databases::per_second("nats-rates", draft.key, &counters));
    let rate = ("messages_in", "messages/s", "per_second");
    draft.widgets.push(("messages", chart("messages in", "nats-rates", rate)));
    draft
}

/// A command that is run.
pub(super) fn run(
    (key, title): (&'static str, &'static str),
    what: &str,
    command: &[&str],
    rest: &str,
    metrics: &[Metric<'_>],
) -> Draft {
    let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    let source = format!(
        "type = \"exec\"\ndescription = {}\ninterval = \"30s\"\ntimeout = \"10s\"\n\n[exec]\ncommand = [{}]\n{rest}",
        quoted(&format!("{title}: {what}")),
        words.join(", ")
    );
    let widgets = vec![("state", stat(title, key, metrics, false))];
    let what = what.to_owned();
    Draft { key, title, what, source, derived: None, widgets, calls: None, login: None }
}

/// Room for programs that are written in Go, which lay claim to far more addresses than they use.
const GO: &str =
    "memory_bytes = 8589934592\npass_env = [\"HOME\", \"PATH\", \"XDG_RUNTIME_DIR\"]\n";

fn of_socket(found: &Found, socket: &Socket) -> Option<Draft> {
    let program = found.program.as_deref()?;
    let path = socket.path.as_str();
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    Some(match found.kind {
        Kind::Docker => {
            let url = format!("unix://{path}");
            let command = [program, "--host", &url, "ps", "--all", "--format", "{{json .}}"];
            containers(("docker", "Docker"), &command, "json_lines", "$.Names")
        }
        Kind::Podman => {
            let url = format!("unix://{path}");
            let command = [program, "--url", &url, "ps", "--all", "--format", "json"];
            containers(("podman", "Podman"), &command, "json", "$.Names[0]")
        }
        Kind::Postgres => {
            let what = "whether it takes connections, by pg_isready, every 30 s";
            let answer = format!("{folder}:5432");
            let metrics = [(answer.as_str(), "state", "text")];
            let command = [program, "-h", folder, "-p", "5432"];
            run(("postgresql", "PostgreSQL"), what, &command, "format = \"lines\"\n", &metrics)
        }
        Kind::PostgresStatistics => databases::postgresql(program, folder),
        Kind::MysqlStatistics => databases::mysql(program, path),
        Kind::Mysql => {
            let what = "whether it is alive, by mysqladmin, every 30 s";
            let command = [program, "--no-defaults", "--socket", path, "ping"];
            let metrics = [("mysqld", "state", "text")];
            run(("mysql", "MySQL"), what, &command, "format = \"lines\"\n", &metrics)
        }
        _ => return None,
    })
}

/// The containers that a command lists.
fn containers(
    (key, title): (&'static str, &'static str),
    command: &[&str],
    format: &str,
    name: &str,
) -> Draft {
    let what = format!("its containers and their states, by {key} ps, every 30 s");
    let mut rest = format!("{GO}\n[extract]\nformat = {format:?}\n\n[extract.values]\n");
    for state in ["running", "paused", "exited"] {
        let path = format!("$[?@.State == '{state}']");
        let _ = writeln!(rest, "{state} = {{ path = {}, combine = \"count\" }}", quoted(&path));
    }
    let _ = write!(
        rest,
        "\n[extract.lists.containers]\npath = \"$[*]\"\nkey = \"name\"\nfields = {{ name = {name:?}, image = \"$.Image\", state = \"$.State\", status = \"$.Status\" }}\n"
    );
    let metrics = [
        ("running", "running", "integer"),
        ("paused", "paused", "integer"),
        ("exited", "exited", "integer"),
    ];
    let mut draft = run((key, title), &what, command, &rest, &metrics);
    draft.widgets.push(("history", chart("running", key, metrics[0])));
    let columns = [("name", "name"), ("state", "state"), ("image", "image"), ("status", "status")];
    draft.widgets.push(("containers", table("containers", key, "containers", &columns)));
    draft
}

fn systemd(program: &str) -> Draft {
    let command = [program, "list-units", "--all", "--state=failed", "--output=json", "--no-pager"];
    let what = "which units have failed, every 30 s";
    let rest = "\n[extract.values]\nfailed = { path = \"$[*]\", combine = \"count\" }\n\n[extract.lists.units]\npath = \"$[*]\"\nkey = \"unit\"\nfields = { unit = \"$.unit\", description = \"$.description\", since = \"$.sub\" }\n";
    let metrics = [("failed", "failed units", "integer")];
    let mut draft = run(("systemd", "systemd"), what, &command, rest, &metrics);
    let columns = [("unit", "unit"), ("description", "what it is")];
    draft.widgets.push(("units", table("failed units", "systemd", "units", &columns)));
    draft
}
