//! `ccm status`: the daemon, its sources and what needs attention.

use std::process::ExitCode;

use ccm_proto::convert::DaemonState;
use ccm_proto::model::{Interval, Quality, Severity, Timestamp};
use ccm_proto::wire::GetStatusRequest;

use super::output::{Output, print};
use super::{CommandError, Connection, EXIT_NO_DAEMON};
use crate::cli::{LinkArgs, StatusArgs};

/// Runs the command; it starts no daemon.
pub(super) async fn run(args: &StatusArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let Some(connection) = Connection::existing(link).await? else {
        print(if args.json { "{\"running\": false}\n" } else { "ccmd is not running\n" })?;
        return Ok(ExitCode::from(EXIT_NO_DAEMON));
    };
    let status = connection.system().get_status(GetStatusRequest {}).await?.into_inner();
    let state = DaemonState::from(status);
    print(&if args.json { json(&state)? } else { text(&state) })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn quality(quality: Quality) -> &'static str {
    match quality {
        Quality::Loading => "loading",
        Quality::Live => "live",
        Quality::Stale => "stale",
        Quality::Error => "error",
        Quality::Absent => "absent",
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn text(state: &DaemonState) -> String {
    let plain = &state.plain;
    let now = Timestamp::from_millis(plain.now_ms);
    let up = now.since(Timestamp::from_millis(plain.started_at_ms)).as_millis() / 1_000;
    let idle = match plain.idle_exit_ms {
        0 => "never ends by itself".to_owned(),
        millis => format!("ends after {} without clients", Interval::from_millis(millis)),
    };
    let mut table = Output::table(&[]);
    let mut line = |name: &str, value: String| table.row(&[name.to_owned(), value]);
    line(
        "daemon",
        format!("{}, pid {}, up {}, {idle}", plain.version, plain.pid, Interval::from_secs(up)),
    );
    line("host", plain.hostname.clone());
    line("socket", plain.socket.clone());
    line("data", format!("{} ({})", plain.data_directory, plain.store_state));
    line("configuration", plain.config_directory.clone());
    line("memory", mib(plain.resident_bytes));
    line(
        "history",
        format!("{} series, {} samples, {}", plain.series, plain.samples, mib(plain.history_bytes)),
    );
    line("clients", format!("{} streams, {} feeds", plain.sessions, plain.feeds));
    line("documents", format!("generation {}", plain.generation));
    let mut text = table.to_text().trim_start_matches('\n').to_owned();
    text.push('\n');
    text.push_str(&sources(state, now));
    for sentence in &plain.recovery {
        text.push_str(&format!("\nrecovery: {}\n", ccm_proto::SafeText::new(sentence)));
    }
    text.push_str(&notices(state));
    text
}

fn sources(state: &DaemonState, now: Timestamp) -> String {
    let mut table = Output::table(&[
        "SOURCE", "TYPE", "STATE", "EVERY", "LAST", "TOOK", "SERIES", "FAILED", "CAUSE",
    ]);
    for source in &state.sources {
        let age = source.last_success.map_or_else(
            || "never".to_owned(),
            |at| format!("{:.1} s ago", now.since(at).as_secs_f64()),
        );
        table.row(&[
            source.name.to_string(),
            source.source_type.to_string(),
            quality(source.quality).to_owned(),
            source.interval.to_string(),
            age,
            format!("{:.1} ms", source.last_duration_ms),
            source.series.to_string(),
            source.failures.to_string(),
            source.cause.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    table.to_text()
}

fn notices(state: &DaemonState) -> String {
    let mut text = String::new();
    for notice in &state.notices {
        let mark = match notice.severity {
            Severity::Info => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let place = match (&notice.file, notice.line) {
            (Some(file), 0) => format!("{file}: "),
            (Some(file), line) => format!("{file}:{line}:{}: ", notice.column),
            (None, _) => String::new(),
        };
        text.push_str(&format!("\n{mark}: {place}{}\n", notice.summary));
        for line in &notice.detail {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn json(state: &DaemonState) -> Result<String, CommandError> {
    let plain = &state.plain;
    let sources: Vec<serde_json::Value> = state
        .sources
        .iter()
        .map(|source| {
            serde_json::json!({
                "name": source.name.as_str(),
                "type": source.source_type.as_str(),
                "quality": quality(source.quality),
                "interval_ms": source.interval.as_millis(),
                "last_success_ms": source.last_success.map(Timestamp::as_millis),
                "next_at_ms": source.next_at.map(Timestamp::as_millis),
                "last_duration_ms": source.last_duration_ms,
                "readings": source.readings,
                "failures": source.failures,
                "series": source.series,
                "cause": source.cause.as_ref().map(ccm_proto::SafeText::as_str),
            })
        })
        .collect();
    let notices: Vec<serde_json::Value> = state
        .notices
        .iter()
        .map(|notice| {
            serde_json::json!({
                "key": notice.key,
                "summary": notice.summary.as_str(),
                "file": notice.file.as_ref().map(ccm_proto::SafeText::as_str),
                "line": notice.line,
                "column": notice.column,
            })
        })
        .collect();
    let value = serde_json::json!({
        "running": true,
        "version": plain.version,
        "pid": plain.pid,
        "hostname": plain.hostname,
        "started_at_ms": plain.started_at_ms,
        "socket": plain.socket,
        "data_directory": plain.data_directory,
        "config_directory": plain.config_directory,
        "store_state": plain.store_state,
        "resident_bytes": plain.resident_bytes,
        "series": plain.series,
        "samples": plain.samples,
        "history_bytes": plain.history_bytes,
        "sessions": plain.sessions,
        "feeds": plain.feeds,
        "generation": plain.generation,
        "recovery": plain.recovery,
        "sources": sources,
        "notices": notices,
    });
    let mut text = serde_json::to_string_pretty(&value)
        .map_err(|error| CommandError::Usage(format!("the status has no form in JSON: {error}")))?;
    text.push('\n');
    Ok(text)
}
