//! Reports over the real socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_proto::wire;
use ccm_proto::wire::ingest_service_client::IngestServiceClient;
use ccm_proto::wire::source_service_client::SourceServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Request};

#[path = "common/daemon.rs"]
mod common;

async fn daemon(home: &tempfile::TempDir) -> (Daemon, Channel) {
    let asked = format!("endpoint = \"unix:{}\"\n", home.path().join("no.sock").display());
    let documents = [
        ("sources/sales.toml", "type = \"push\"\n".to_owned()),
        ("modules/nightly.toml", "endpoint = \"push\"\n".to_owned()),
        ("modules/asked.toml", asked),
    ];
    common::start(home.path(), &documents.map(|(path, text)| (path.to_owned(), text))).await
}

fn request(source: &str, name: &str, number: i64) -> wire::ReportRequest {
    let kind = Some(wire::scalar::Kind::Integer(number));
    let value = wire::ReportedValue { name: name.to_owned(), value: Some(wire::Scalar { kind }) };
    let report =
        wire::Report { source: source.to_owned(), values: vec![value], ..wire::Report::default() };
    wire::ReportRequest { reports: vec![report], modules: Vec::new() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_reports_is_taken_as_fast_as_it_comes() {
    let home = tempfile::tempdir().unwrap();
    let (daemon, channel) = daemon(&home).await;
    let clock = Clock::system();
    let begun = clock.elapsed();
    let requests = tokio_stream::iter((0..20_000).map(|number| request("sales", "total", number)));
    let mut client = IngestServiceClient::new(channel.clone());
    let response = client.report_stream(Request::new(requests)).await.unwrap().into_inner();
    let seconds = clock.elapsed().saturating_sub(begun).as_secs_f64();
    println!("{:.0} reports a second", 20_000.0 / seconds);
    assert_eq!((response.accepted, response.outdated), (20_000, 0));
    let status = SourceServiceClient::new(channel)
        .list_sources(wire::ListSourcesRequest { name: "sales".to_owned() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(status.sources[0].series, 1);
    daemon.end("the test is over").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_ends_the_stream_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let (daemon, channel) = daemon(&home).await;
    let mut client = IngestServiceClient::new(channel);
    let requests = [request("sales", "total", 1), request("other", "total", 2)];
    let refused =
        client.report_stream(Request::new(tokio_stream::iter(requests))).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("source/other"), "{refused}");
    let nameless = client.report(Request::new(request("sales", "to tal", 1))).await.unwrap_err();
    assert_eq!(nameless.code(), Code::InvalidArgument);
    let reports = vec![wire::Report::default(); 1_001];
    let many = wire::ReportRequest { reports, modules: Vec::new() };
    let refused = client.report(Request::new(many)).await.unwrap_err();
    assert!(refused.message().contains("1000 reports"), "{refused}");
    daemon.end("the test is over").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_module_reports_by_itself_when_its_document_says_so() {
    let home = tempfile::tempdir().unwrap();
    let (daemon, channel) = daemon(&home).await;
    let mut client = IngestServiceClient::new(channel);
    let report = |module: &str, manifest_json: &str, health_json: &str| wire::ReportRequest {
        reports: Vec::new(),
        modules: vec![wire::ModuleReport {
            module: module.to_owned(),
            manifest_json: manifest_json.to_owned(),
            health_json: health_json.to_owned(),
        }],
    };
    let manifest = r#"{"contract": 1, "id": "nightly", "version": "1", "title": "Nightly"}"#;
    let table = [
        (report("nowhere", manifest, ""), Code::NotFound, "modules/nowhere.toml"),
        (report("asked", manifest, ""), Code::FailedPrecondition, "at its address"),
        (report("nightly", "", ""), Code::FailedPrecondition, "its manifest"),
        (report("nightly", "{", ""), Code::InvalidArgument, "manifest"),
        (report("nightly", manifest, r#"{"status": "fine"}"#), Code::InvalidArgument, "status"),
        (report("No Name", manifest, ""), Code::InvalidArgument, "No Name"),
    ];
    for (request, code, part) in table {
        let refused = client.report(request).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains(part), "{refused}");
    }
    client.report(report("nightly", manifest, "")).await.unwrap();
    let ill = r#"{"status": "degraded", "detail": "half of it is done"}"#;
    client.report(report("nightly", "", ill)).await.unwrap();
    daemon.end("the test is over").await.unwrap();
}
