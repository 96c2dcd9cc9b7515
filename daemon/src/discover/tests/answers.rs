//! What the programs answered when they were asked as an offer's documents ask, and whether every
//! value that its widgets show is there.

use ccm_proto::model::source::exec::ExecFormat;
use ccm_proto::model::{DocumentId, SourceSpec, Timestamp, Value};

use super::*;
use crate::collect::exec::answer::lines;
use crate::collect::extract::Extractor;

/// Of PostgreSQL 15, without a replica.
const POSTGRESQL: &str = r#"{"connections" : 1, "connections_max" : 100, "transactions" : 965, "rollbacks" : 0, "deadlocks" : 0, "cache_hit_ratio" : 0.9845812565043545, "size_bytes" : 22813905, "longest_query_seconds" : 0, "replicas" : 0, "replication_lag_seconds" : null}
"#;

/// Of MariaDB 10.11.
const MYSQL: &str = "Max_connections\t151\nAborted_connects\t0\nBytes_received\t484\n\
    Bytes_sent\t249\nInnodb_buffer_pool_read_requests\t914\nInnodb_buffer_pool_reads\t165\n\
    Innodb_row_lock_waits\t0\nQuestions\t2\nSlow_queries\t0\nThreads_connected\t1\n\
    Threads_running\t1\nUptime\t4\n";

/// Of Redis 7.0, some sections left out.
const REDIS: &str = "# Server\r\nredis_version:7.0.15\r\nexecutable:/tmp/redis-server\r\n\
    uptime_in_seconds:1\r\n\r\n# Clients\r\nconnected_clients:1\r\n\r\n# Memory\r\n\
    used_memory:941608\r\nused_memory_human:919.54K\r\nmaxmemory:0\r\n\r\n# Stats\r\n\
    total_commands_processed:1\r\nrejected_connections:0\r\nevicted_keys:0\r\n\
    keyspace_hits:0\r\nkeyspace_misses:0\r\n\r\n# Keyspace\r\n\
    db0:keys=1,expires=0,avg_ttl=0\r\ndb3:keys=2,expires=0,avg_ttl=0\r\n";

/// Of nginx 1.22.
const NGINX: &str = "Active connections: 4 \nserver accepts handled requests\n 17 16 31 \n\
    Reading: 0 Writing: 1 Waiting: 3 \n";

/// Of Apache 2.4.
const APACHE: &str = "127.0.0.1\nServerVersion: Apache/2.4.71 (Debian)\n\
    CurrentTime: Thursday, 26-Nov-2026 17:41:59 UTC\nLoad1: 0.33\nTotal Accesses: 12\n\
    Total kBytes: 3\nUptime: 61\nReqPerSec: .196721\nBusyWorkers: 1\nIdleWorkers: 49\n\
    Scoreboard: ___W__....\n";

/// Of NATS 2.10, much left out.
const NATS: &str = r#"{"server_id": "NDJ", "version": "2.10.4", "mem": 17154048, "connections": 2,
    "subscriptions": 61, "slow_consumers": 0, "in_msgs": 14, "out_msgs": 12}"#;

/// Of `docker ps` 28, much left out.
const DOCKER: &str = r#"{"Command":"\"nginx\"","ID":"aaaaaaaaaaaa","Image":"nginx:1.25","Labels":"","Names":"web","Platform":null,"Ports":"80/tcp","State":"running","Status":"Up 2 hours"}
{"Command":"\"sh\"","ID":"bbbbbbbbbbbb","Image":"alpine","Labels":"","Names":"old-job","Platform":null,"Ports":"","State":"exited","Status":"Exited (1) 3 hours ago"}
"#;

/// Of `podman ps` 4.3, much left out.
const PODMAN: &str = r#"[{"AutoRemove": false, "Exited": false, "Image": "localhost/empty:latest",
    "Labels": null, "Names": ["web"], "Ports": null, "State": "created", "Status": "Created"}]"#;

/// All of [`full`], whose web servers show their status pages.
async fn offers() -> Vec<Offer> {
    let (machine, _) = full();
    let page = |text: &str| -> &'static str {
        Box::leak(format!("HTTP/1.0 200 OK\r\n\r\n{text}").into_boxed_str())
    };
    let (nginx, apache, nats) = (page(NGINX), page(APACHE), page(NATS));
    let answers = answers([(80, nginx), (8_080, apache), (8_222, nats)]);
    machine.explorer(answers).look(|_| false).await
}

/// The source of an offer.
fn source(offer: &Offer) -> SourceSpec {
    let source = |(id, _): &&(DocumentId, String)| id.kind == Kind::Source && id.name == offer.key;
    let (_, toml) = offer.documents.iter().find(source).unwrap();
    toml::from_str(toml).unwrap()
}

/// The reading that an answer makes by the source of an offer.
fn reading(offer: &Offer, answer: &str) -> Value {
    let spec = source(offer);
    if spec.exec.as_ref().is_some_and(|exec| exec.format == ExecFormat::Lines) {
        return lines(answer.as_bytes()).unwrap();
    }
    let mut extractor = Extractor::new(&offer.key, spec.extract.as_deref()).unwrap();
    let body = extractor.parse(answer.as_bytes()).unwrap();
    extractor.reading(Timestamp::from_millis(0), body).value
}

/// What the documents of an offer show of its source, or compute from it.
fn shown(offer: &Offer) -> Vec<String> {
    let mut shown = Vec::new();
    for (id, toml) in &offer.documents {
        let document: toml::Table = toml::from_str(toml).unwrap();
        let own = document.get("source").and_then(toml::Value::as_str) == Some(offer.key.as_str());
        let text = |value: &toml::Value, field: &str| value.get(field)?.as_str().map(str::to_owned);
        if id.kind == Kind::Widget && own {
            let stat = document.get("stat");
            let primary = stat.and_then(|stat| stat.get("primary"));
            let secondary = stat.and_then(|stat| stat.get("secondary")?.as_array());
            let numbers = primary.into_iter().chain(secondary.into_iter().flatten());
            shown.extend(numbers.filter_map(|number| text(number, "value")));
            let series = document.get("chart").and_then(|chart| chart.get("series")?.as_array());
            let series = series.into_iter().flatten();
            shown.extend(series.filter_map(|series| text(series, "metric")));
        }
        let computed = document.get("query").and_then(|query| query.get("series")?.as_table());
        for (_, series) in computed.into_iter().flatten() {
            let of = text(series, "of").unwrap();
            shown.push(of.strip_prefix("server.").unwrap().to_owned());
        }
    }
    shown
}

#[tokio::test]
async fn what_offers_show_is_in_what_programs_answer() {
    let offers = offers().await;
    for (key, answer, without) in [
        ("postgresql-statistics", POSTGRESQL, Some("replication_lag_seconds")),
        ("mysql-statistics", MYSQL, None),
        ("redis-statistics", REDIS, None),
        ("nginx", NGINX, None),
        ("apache", APACHE, None),
        ("nats", NATS, None),
    ] {
        let offer = offers.iter().find(|offer| offer.key.as_str() == key).unwrap();
        let reading = reading(offer, answer);
        let shown = shown(offer);
        assert!(shown.len() >= 5, "{key} shows {shown:?}");
        for name in shown {
            let value = reading.at(&name);
            let there = value.is_some_and(|value| value.as_number().is_some());
            assert_eq!(there, without != Some(name.as_str()), "{key}: {name} is {value:?}");
        }
    }
}

#[tokio::test]
async fn containers_are_counted_by_their_states_and_listed() {
    let offers = offers().await;
    for (key, answer, counts, listed) in [
        ("docker", DOCKER, [1, 0, 1], &[["web", "running"], ["old-job", "exited"]][..]),
        ("docker", "", [0, 0, 0], &[]),
        ("podman", PODMAN, [0, 0, 0], &[["web", "created"]]),
        ("podman", "[]", [0, 0, 0], &[]),
    ] {
        let offer = offers.iter().find(|offer| offer.key.as_str() == key).unwrap();
        let reading = reading(offer, answer);
        for (state, count) in ["running", "paused", "exited"].iter().zip(counts) {
            assert_eq!(reading.at(state), Some(&Value::Integer(count)), "{key}: {state}");
        }
        let Some(Value::List(items)) = reading.at("containers") else { panic!("{reading:?}") };
        let field =
            |item: &Value, name: &str| item.at(name).and_then(Value::as_text).map(str::to_owned);
        let found: Vec<_> = items
            .iter()
            .map(|item| ["name", "state"].map(|name| field(item, name).unwrap()))
            .collect();
        assert_eq!(found, listed);
    }
}

#[tokio::test]
async fn what_databases_are_asked_for_is_what_they_answered() {
    let offers = offers().await;
    let json: serde_json::Value = serde_json::from_str(POSTGRESQL).unwrap();
    let of_postgresql: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let of_mysql = MYSQL.lines().map(|line| line.split('\t').next().unwrap()).collect();
    for (key, names) in [("postgresql-statistics", of_postgresql), ("mysql-statistics", of_mysql)] {
        let offer = offers.iter().find(|offer| offer.key.as_str() == key).unwrap();
        let command = source(offer).exec.unwrap().command;
        let asked = command.last().unwrap();
        for name in &names {
            assert!(asked.contains(&format!("'{name}'")), "{key} does not ask for {name}");
        }
    }
}

#[tokio::test]
async fn numbers_are_taken_from_where_they_stand() {
    let offers = offers().await;
    for (key, answer, name, expected) in [
        ("nginx", NGINX, "accepted", 17.0),
        ("nginx", NGINX, "requests", 31.0),
        ("nginx", NGINX, "waiting", 3.0),
        ("apache", APACHE, "requests", 12.0),
        ("apache", APACHE, "load", 0.33),
        ("redis-statistics", REDIS, "keys", 3.0),
        ("redis-statistics", REDIS, "memory", 941_608.0),
        ("mysql-statistics", MYSQL, "Threads_connected", 1.0),
    ] {
        let offer = offers.iter().find(|offer| offer.key.as_str() == key).unwrap();
        let found = reading(offer, answer).at(name).and_then(Value::as_number);
        assert_eq!(found, Some(expected), "{key}: {name}");
    }
}
