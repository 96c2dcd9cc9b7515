//! What databases count, read by their own command-line clients. Pure.
//!
//! The clients run as the daemon's user and find its password where they always do (`~/.pgpass`,
//! `~/.my.cnf`), so that no document has to hold one.

use std::fmt::Write as _;

use super::documents::{Draft, chart, run, stat};

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
    let rates =
        ("postgresql-rates", [("transactions", "transactions"), ("rollbacks", "rollbacks")]);
    let mut draft = run((key, title), what, &command, rest, &state);
    draft.derived = Some((rates.0, per_second(key, &rates.1)));
    let transactions = ("transactions", "transactions/s", "per_second");
    draft.widgets.push(("transactions", chart("transactions", rates.0, transactions)));
    draft.widgets.push(("storage", stat("storage and replication", key, &storage, false)));
    let connections = ("connections", "connections", "integer");
    draft.widgets.push(("connections", chart("connections", key, connections)));
    draft
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
    let rates = ("mysql-rates", [("queries", "Questions"), ("slow_queries", "Slow_queries")]);
    let mut draft = run((key, title), what, &command, rest, &state);
    draft.derived = Some((rates.0, per_second(key, &rates.1)));
    let queries = ("queries", "queries/s", "per_second");
    draft.widgets.push(("queries", chart("queries", rates.0, queries)));
    draft.widgets.push(("trouble", stat("trouble since the start", key, &trouble, false)));
    let connections = ("Threads_connected", "connections", "integer");
    draft.widgets.push(("connections", chart("connections", key, connections)));
    draft
}

/// A source that says how much counters of another one rise a second.
fn per_second(source: &str, counters: &[(&str, &str)]) -> String {
    let mut text = format!(
        "type = \"query\"\ndescription = \"How fast the counters of {source} rise\"\n\n[query.inputs]\nserver = {source:?}\n"
    );
    for (name, metric) in counters {
        let _ = write!(
            text,
            "\n[query.series.{name}]\nof = \"server.{metric}\"\nfunction = \"rate\"\nwindow = \"5m\"\n"
        );
    }
    text
}
