//! What databases count, read by their own command-line clients. Pure.
//!
//! The clients run as the daemon's user and find its password where they always do (`~/.pgpass`,
//! `~/.my.cnf`, `$REDISCLI_AUTH`), so that no document has to hold one.

use std::fmt::Write as _;

use super::documents::{Draft, Metric, Take, chart, run, stat, values};
use super::reader::Listener;

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

/// What PostgreSQL counts, through the socket in a folder.
pub(super) fn postgresql(program: &str, folder: &str) -> Draft {
    let key = "postgresql-statistics";
    let title = "PostgreSQL statistics";
    let what = "connections, transactions, cache, replication, by psql as the daemon's user";
    let command = [
        program,
        "--no-psqlrc",
        "--no-align",
        "--tuples-only",
        "--no-password",
        "--host",
        folder,
        "--port",
        "5432",
        "--dbname",
        "postgres",
        "--command",
        POSTGRESQL,
    ];
    let rest = "pass_env = [\"HOME\", \"PATH\", \"PGPASSFILE\", \"PGUSER\"]\n\
        env = { PGOPTIONS = \"-c default_transaction_read_only=on -c statement_timeout=5000\" }\n";
    let state = [
        ("connections", "connections", "integer"),
        ("connections_max", "at most", "integer"),
        ("cache_hit_ratio", "from cache", "ratio"),
        ("longest_query_seconds", "longest query", "duration"),
    ];
    let storage = [
        ("size_bytes", "databases", "bytes"),
        ("deadlocks", "deadlocks", "integer"),
        ("replicas", "replicas", "integer"),
        ("replication_lag_seconds", "replication lag", "duration"),
    ];
    let mut draft = run((key, title), what, &command, rest, &state);
    draft.derived = Some(per_second(
        "postgresql-rates",
        key,
        &[("transactions", "transactions"), ("rollbacks", "rollbacks")],
    ));
    let rate = ("transactions", "transactions/s", "per_second");
    counts(draft, rate, ("storage", "storage and replication", &storage), "connections")
}

/// What MySQL or MariaDB counts, through a socket.
pub(super) fn mysql(program: &str, socket: &str) -> Draft {
    let key = "mysql-statistics";
    let title = "MySQL statistics";
    let what = "connections, queries, slow queries, by mysql as the daemon's user";
    let command =
        [program, "--socket", socket, "--batch", "--skip-column-names", "--execute", MYSQL];
    let rest = "format = \"lines\"\npass_env = [\"HOME\", \"PATH\"]\n";
    let state = [
        ("Threads_connected", "connections", "integer"),
        ("Max_connections", "at most", "integer"),
        ("Threads_running", "running", "integer"),
        ("Uptime", "uptime", "duration"),
    ];
    let trouble = [
        ("Slow_queries", "slow queries", "count"),
        ("Innodb_row_lock_waits", "lock waits", "count"),
        ("Aborted_connects", "refused", "count"),
    ];
    let mut draft = run((key, title), what, &command, rest, &state);
    let counters = [("queries", "Questions"), ("slow_queries", "Slow_queries")];
    draft.derived = Some(per_second("mysql-rates", key, &counters));
    let rate = ("queries", "queries/s", "per_second");
    counts(draft, rate, ("trouble", "trouble since the start", &trouble), "Threads_connected")
}

/// What Redis or Valkey counts, at an address.
pub(super) fn redis(program: &str, listener: &Listener) -> Draft {
    let key = "redis-statistics";
    let title = "Redis statistics";
    let what = "clients, memory, commands, hits, keys, by INFO of the command-line client";
    let (host, port) = (listener.address.ip().to_string(), listener.address.port().to_string());
    // Without -e a refusal would look like an answer.
    let command = [program, "-e", "-h", &host, "-p", &port, "INFO"];
    let rest = "pass_env = [\"REDISCLI_AUTH\"]\n";
    let state = [
        ("clients", "clients", "integer"),
        ("memory", "memory", "bytes"),
        ("keys", "keys", "integer"),
        ("uptime", "uptime", "duration"),
    ];
    let trouble = [
        ("evicted", "evicted", "count"),
        ("rejected", "rejected", "count"),
        ("hits", "hits", "count"),
        ("misses", "misses", "count"),
    ];
    let mut draft = run((key, title), what, &command, rest, &state);
    draft.source.push_str("\n[extract]\nformat = \"pairs\"\n");
    draft.source.push_str(&values(&[
        ("clients", Take::Path("$.connected_clients")),
        ("memory", Take::Path("$.used_memory")),
        ("keys", Take::Sum("$..keys")),
        ("uptime", Take::Path("$.uptime_in_seconds")),
        ("commands", Take::Path("$.total_commands_processed")),
        ("evicted", Take::Path("$.evicted_keys")),
        ("rejected", Take::Path("$.rejected_connections")),
        ("hits", Take::Path("$.keyspace_hits")),
        ("misses", Take::Path("$.keyspace_misses")),
    ]));
    let counters = [("commands", "commands"), ("hits", "hits"), ("misses", "misses")];
    draft.derived = Some(per_second("redis-rates", key, &counters));
    let rate = ("commands", "commands/s", "per_second");
    counts(draft, rate, ("trouble", "since the start", &trouble), "clients")
}

/// Shows a rate and how many are connected over time, and further numbers.
fn counts(
    mut draft: Draft,
    rate: Metric<'_>,
    (name, title, numbers): (&'static str, &str, &[Metric<'_>]),
    connected: &str,
) -> Draft {
    let rates = draft.derived.as_ref().map_or("", |(name, _)| *name);
    draft.widgets.push(("rate", chart(rate.1, rates, rate)));
    draft.widgets.push((name, stat(title, draft.key, numbers, false)));
    let connections = (connected, "connections", "integer");
    draft.widgets.push(("connections", chart("connections", draft.key, connections)));
    draft
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
