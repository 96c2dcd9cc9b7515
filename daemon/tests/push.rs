//! Reports over the real socket.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use ccm_daemon::app::Daemon;
use ccm_daemon::clock::Clock;
use ccm_daemon::settings::Settings;
use ccm_proto::wire;
use ccm_proto::wire::ingest_service_client::IngestServiceClient;
use ccm_proto::wire::source_service_client::SourceServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

async fn daemon(home: &tempfile::TempDir) -> (Daemon, Channel) {
    use std::os::unix::fs::PermissionsExt as _;
    let private = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(home.path(), private).unwrap();
    let config = home.path().join("config");
    std::fs::create_dir_all(config.join("sources")).unwrap();
    std::fs::write(config.join("sources/sales.toml"), "type = \"push\"\n").unwrap();
    let socket: PathBuf = home.path().join("run/ccmd.sock");
    let settings = Settings {
        data_directory: Some(home.path().join("data")),
        config_directory: Some(config),
        socket: Some(socket.clone()),
        ..Settings::default()
    };
    let daemon = Daemon::start(settings, Clock::system()).await.unwrap();
    let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
    (daemon, endpoint.connect().await.unwrap())
}

fn request(source: &str, name: &str, number: i64) -> wire::ReportRequest {
    let kind = Some(wire::scalar::Kind::Integer(number));
    let value = wire::ReportedValue { name: name.to_owned(), value: Some(wire::Scalar { kind }) };
    let report =
        wire::Report { source: source.to_owned(), values: vec![value], ..wire::Report::default() };
    wire::ReportRequest { reports: vec![report] }
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
    let many = wire::ReportRequest { reports: vec![wire::Report::default(); 1_001] };
    let refused = client.report(Request::new(many)).await.unwrap_err();
    assert!(refused.message().contains("1000 reports"), "{refused}");
    daemon.end("the test is over").await.unwrap();
}
