//! What databases count, read by their own command-line clients. Pure.
//!
//! The clients run as the daemon's user and find its password where they always do (`~/.pgpass`,
//! `~/.my.cnf`, `$REDISCLI_AUTH`), so that no document has to hold one.

use std::fmt::Write as _;

use super::documents::{Draft, Take, run, values};
use super::reader::Listener;
use super::widgets::{Metric, chart, stat};

/// The state of a server as one JSON object. A role that may not see what others' sessions do gets
/// no longest query, rather than 0. Databases that it may not connect to add nothing to the size.
const POSTGRESQL: &str = "SELECT json_build_object(\
    'connections', sum(d.numbackends), \
    'connections_max', current_setting('max_connections')::int, \
    'transactions', sum(d.xact_commit + d.xact_rollback), \
    'rollbacks', sum(d.xact_rollback), \
    'deadlocks', sum(d.deadlocks), \
    'cache_hit_ratio', sum(d.blks_hit)::float8 / nullif(sum(d.blks_hit + d.blks_read), 0), \
    'size_bytes', sum(CASE WHEN has_database_privilege(d.datid, 'CONNECT') \
    THEN pg_database_size(d.datid) END), \
    'longest_query_seconds', CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN \
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - a.query_start)), 0) \
    FROM pg_stat_activity a \
    WHERE a.state = 'active' AND a.pid <> pg_backend_pid()) END, \
    'replicas', (SELECT count(*) FROM pg_stat_replication), \
    'replication_lag_seconds', CASE WHEN pg_is_in_recovery() THEN \
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END) \
    FROM pg_stat_database d WHERE d.datname IS NOT NULL";

/// Lines of name and value.
const MYSQL: &str = "SELECT 'Max_connections', @@max_connections; \
    SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected', 'Threads_running', \
    'Questions', 'Slow_queries', 'Aborted_connects', 'Bytes_received', 'Bytes_sent', \
    'Innodb_buffer_pool_read_requests', 'Innodb_buffer_pool_reads', 'Innodb_row_lock_waits')";

/// What a database counts, and what is shown of it.
struct Statistics<'a> {
    key: &'static str,
    title: &'static str,
    what: &'static str,
    command: &'a [&'a str],
    /// What follows the command in its section, and the sections after it.
    rest: String,
    state: [Metric<'static>; 4],
    /// Name and title of a second widget, and its values.
    more: (&'static str, &'static str, &'static [Metric<'static>]),
    /// The source of the rates, and the counter of each.
    rates: (&'static str, &'static [(&'static str, &'static str)]),
    /// The rate that is charted.
    rate: Metric<'static>,
    /// The value that says how many are connected.
    connected: &'static str,
}

impl Statistics<'_> {
    fn into_draft(self) -> Draft {
        let (key, title) = (self.key, self.title);
        let mut draft = run((key, title), self.what, self.command, &self.rest, &self.state);
        let (rates, counters) = self.rates;
        draft.derived = Some(per_second(rates, key, counters));
        draft.widgets.push(("rate", chart(self.rate.1, rates, self.rate)));
        let (name, more, numbers) = self.more;
        draft.widgets.push((name, stat(more, key, numbers, false)));
        let connections = (self.connected, "connections", "integer");
        draft.widgets.push(("connections", chart("connections", key, connections)));
        draft
    }
}

/// What PostgreSQL counts, through the socket in a folder.
pub(super) fn postgresql(program: &str, folder: &str) -> Draft {
    let rest = "pass_env = [\"HOME\", \"PATH\", \"PGPASSFILE\", \"PGUSER\"]\n\
        env = { PGOPTIONS = \"-c default_transaction_read_only=on -c statement_timeout=5000\" }\n";
    let quiet = ["--no-psqlrc", "--no-align", "--tuples-only", "--no-password"];
    let place = ["--host", folder, "--port", "5432", "--dbname", "postgres"];
    let command = [&[program][..], &quiet, &place, &["--command", POSTGRESQL]].concat();
    Statistics {
        key: "postgresql-statistics",
        title: "PostgreSQL statistics",
        what: "connections, transactions, cache, replication, by psql as the daemon's user, with its ~/.pgpass",
        command: &command,
        rest: rest.to_owned(),
        state: [
            ("connections", "connections", "integer"),
            ("connections_max", "at most", "integer"),
            ("cache_hit_ratio", "from cache", "ratio"),
            ("longest_query_seconds", "longest query", "duration"),
        ],
        more: (
            "storage",
            "storage and replication",
            &[
                ("size_bytes", "databases", "bytes"),
                ("deadlocks", "deadlocks", "integer"),
                ("replicas", "replicas", "integer"),
                ("replication_lag_seconds", "replication lag", "duration"),
            ],
        ),
        rates: (
            "postgresql-rates",
            &[("transactions", "transactions"), ("rollbacks", "rollbacks")],
        ),
        rate: ("transactions", "transactions/s", "per_second"),
        connected: "connections",
    }
    .into_draft()
}

/// What MySQL or MariaDB counts, through a socket.
pub(super) fn mysql(program: &str, socket: &str) -> Draft {
    Statistics {
        key: "mysql-statistics",
        title: "MySQL statistics",
        what: "connections, queries, slow queries, by mysql as the daemon's user, with its ~/.my.cnf",
        command: &[program, "--socket", socket, "--batch", "--skip-column-names", "--execute", MYSQL],
        rest: "format = \"lines\"\npass_env = [\"HOME\", \"PATH\"]\n".to_owned(),
        state: [
            ("Threads_connected", "connections", "integer"),
            ("Max_connections", "at most", "integer"),
            ("Threads_running", "running", "integer"),
            ("Uptime", "uptime", "duration"),
        ],
        more: (
            "trouble",
            "trouble since the start",
            &[
                ("Slow_queries", "slow queries", "count"),
                ("Innodb_row_lock_waits", "lock waits", "count"),
                ("Aborted_connects", "refused", "count"),
            ],
        ),
        rates: ("mysql-rates", &[("queries", "Questions"), ("slow_queries", "Slow_queries")]),
        rate: ("queries", "queries/s", "per_second"),
        connected: "Threads_connected",
    }
    .into_draft()
}

/// What Redis or Valkey counts, at an address.
pub(super) fn redis(program: &str, listener: &Listener) -> Draft {
    let (host, port) = (listener.address.ip().to_string(), listener.address.port().to_string());
    let taken = values(&[
        ("clients", Take::Path("$.connected_clients")),
        ("memory", Take::Path("$.used_memory")),
        ("keys", Take::Sum("$..keys")),
        ("uptime", Take::Path("$.uptime_in_seconds")),
        ("commands", Take::Path("$.total_commands_processed")),
        ("evicted", Take::Path("$.evicted_keys")),
        ("rejected", Take::Path("$.rejected_connections")),
        ("hits", Take::Path("$.keyspace_hits")),
        ("misses", Take::Path("$.keyspace_misses")),
    ]);
    Statistics {
        key: "redis-statistics",
        title: "Redis statistics",
        what: "clients, memory, commands, hits, keys, by INFO, with the daemon's REDISCLI_AUTH",
        // Without -e a refusal would look like an answer.
        command: &[program, "-e", "-h", &host, "-p", &port, "INFO"],
        rest: format!("pass_env = [\"REDISCLI_AUTH\"]\n\n[extract]\nformat = \"pairs\"\n{taken}"),
        state: [
            ("clients", "clients", "integer"),
            ("memory", "memory", "bytes"),
            ("keys", "keys", "integer"),
            ("uptime", "uptime", "duration"),
        ],
        more: (
            "trouble",
            "since the start",
            &[
                ("evicted", "evicted", "count"),
                ("rejected", "rejected", "count"),
                ("hits", "hits", "count"),
                ("misses", "misses", "count"),
            ],
        ),
        rates: ("redis-rates", &[("commands", "commands"), ("hits", "hits"), ("misses", "misses")]),
        rate: ("commands", "commands/s", "per_second"),
        connected: "clients",
    }
    .into_draft()
}

/// A source that says how much counters of another one rise a second.
pub(super) fn per_second(
    name: &'static str,
    source: &str,
    counters: &[(&str, &str)],
) -> (&'static str, String) {
    let mut text = format!(
        "type = \"query\"\ndescription = \"How fast the counters of {source} rise\"\n\n[query.inputs]\nserver = {source:?}\n"
    );
    for (name, metric) in counters {
        let _ = write!(
            text,
            "\n[query.series.{name}]\nof = \"server.{metric}\"\nfunction = \"rate\"\nwindow = \"5m\"\n"
        );
    }
    (name, text)
}
