//! The `prometheus` source against Debian's Prometheus and node exporter.

#[cfg(test)]
mod real {
    use std::io::{BufRead, BufReader};
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use ccm_daemon::clock::Clock;
    use ccm_daemon::collect::http::{Gateway, GatewayParts, Policy};
    use ccm_daemon::collect::prometheus::{Outgoing, fetcher};
    use ccm_daemon::collect::{CollectError, Fetch, Moment};
    use ccm_proto::model::source::PrometheusConfig;
    use ccm_proto::model::{EgressSpec, Interval, Name, Reading, Timestamp, Value};
    use futures_util::FutureExt as _;

    /// How long a server may take to say the next line while it starts.
    const DEADLINE: Duration = Duration::from_mins(1);

    /// A server that is stopped with the test.
    struct Server {
        child: Child,
        address: String,
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn command(program: &str, package: &str) -> Command {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file());
        assert!(found, "{program} is missing; install the Debian package {package}");
        Command::new(program)
    }

    impl Server {
        /// Starts a server on a port that the system chooses, and waits until its log has said
        /// where it listens and that it is `ready`.
        fn start(mut command: Command, ready: &str) -> Self {
            let mut child = command
                .arg("--web.listen-address=127.0.0.1:0")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let log = BufReader::new(child.stderr.take().unwrap());
            let (sender, lines) = mpsc::channel();
            std::thread::spawn(move || {
                for line in log.lines().map_while(Result::ok) {
                    // The log is read to its end, whether somebody listens or not.
                    let _ = sender.send(line);
                }
            });
            let mut server = Self { child, address: String::new() };
            let mut is_ready = false;
            while server.address.is_empty() || !is_ready {
                let line = lines.recv_timeout(DEADLINE).expect("the server says that it is ready");
                is_ready |= line.contains(ready);
                if line.contains("\"Listening on\"") {
                    let address = line.rsplit("address=").next().unwrap().trim();
                    address.clone_into(&mut server.address);
                }
            }
            server
        }

        fn node_exporter() -> Self {
            let command = command("prometheus-node-exporter", "prometheus-node-exporter");
            Self::start(command, "Listening on")
        }

        /// A Prometheus that holds what `metrics` say, in OpenMetrics with timestamps.
        fn prometheus(folder: &Path, metrics: &str) -> Self {
            let file = |name: &str, text: &str| {
                std::fs::write(folder.join(name), text).unwrap();
                folder.join(name)
            };
            let (metrics, config) = (file("metrics", metrics), file("config.yml", "global: {}\n"));
            let data = folder.join("data");
            let made = command("promtool", "prometheus")
                .args(["tsdb", "create-blocks-from", "openmetrics"])
                .args([&metrics, &data])
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let mut command = command("prometheus", "prometheus");
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.tsdb.path={}", data.display()))
                .arg("--storage.tsdb.retention.time=100y");
            Self::start(command, "Server is ready")
        }
    }

    /// A source that may dial this machine, and has no credential.
    fn source(server: &Server, config: &str) -> Box<dyn Fetch> {
        let egress = "[[allow]]\nhost = '127.0.0.1'\nports = '*'";
        let egress: EgressSpec = toml::from_str(egress).unwrap();
        let gateway = Gateway::new(GatewayParts::system(Clock::system()));
        gateway.set_policy(Policy::new([&egress]));
        let config = format!("url = 'http://{}'\n{config}", server.address);
        let config: PrometheusConfig = toml::from_str(&config).unwrap();
        assert_eq!(config.problems(), []);
        let name = Name::new("real").unwrap();
        let attach = Arc::new(|| std::future::ready(Ok(None)).boxed());
        let timeout = Interval::from_secs(60);
        let outgoing = Outgoing::new(gateway, name.clone(), &config, timeout, attach);
        fetcher(name, config, Arc::new(outgoing))
    }

    async fn fetch(source: &mut dyn Fetch, seconds: u64) -> Result<Reading, CollectError> {
        let at = Timestamp::from_millis(1_700_000_160_000);
        source.fetch(Moment { at, elapsed: Duration::from_secs(seconds) }).await
    }

    fn number(value: &Value, path: &str) -> f64 {
        value.at(path).and_then(Value::as_number).unwrap_or_else(|| panic!("{path} is no number"))
    }

    fn series(reading: &Reading, metric: &str) -> usize {
        reading.samples.keys.iter().filter(|key| &*key.metric == metric).count()
    }

    #[tokio::test]
    async fn a_node_exporter_tells_what_the_kernel_does() {
        let server = Server::node_exporter();
        let config = "rows = ['node_cpu_seconds_total']\nrates = ['node_cpu_seconds_total']\n\
                      drop = ['go_*']";
        let mut source = source(&server, config);
        let first = fetch(&mut *source, 0).await.unwrap();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
        let total: f64 = total.trim().trim_end_matches(" kB").parse().unwrap();
        assert_eq!(Some(number(&first.value, "node_memory_MemTotal_bytes")), Some(total * 1_024.0));
        let stat = std::fs::read_to_string("/proc/stat").unwrap();
        let cores = stat.lines().filter(|line| line.starts_with("cpu")).count() - 1;
        assert_eq!(series(&first, "node_cpu_seconds_total"), cores * 8);
        assert_eq!(
            first.value.at("node_cpu_seconds_total").unwrap().as_list().unwrap().len(),
            cores * 8
        );
        assert!(first.value.at("go_goroutines").is_none());
        assert_eq!(first.samples.keys.len(), first.samples.values.len());
        let second = fetch(&mut *source, 10).await.unwrap();
        let rate = number(&second.value, "node_cpu_seconds_total:rate.0.value");
        assert!((0.0..=cores as f64).contains(&rate), "{rate}");
        assert!(number(&second.value, "scrape_samples_scraped") > 300.0);
    }

    const METRICS: &str = "# TYPE demo counter\n\
        demo_total{job=\"a\"} 0 1700000040\ndemo_total{job=\"a\"} 60 1700000100\n\
        demo_total{job=\"a\"} 120 1700000160\ndemo_total{job=\"b\"} 5 1700000160\n# EOF\n";

    const QUERIES: &str = "[query.values]\n\
        sum = 'sum(demo_total @ 1700000160)'\n\
        jobs = 'demo_total @ 1700000160'\n\
        nothing = 'absent_metric'\n\
        infinite = '1 / 0'\n\
        [query.ranges]\n\
        points = { query = 'demo_total{job=\"a\"}', window = '2m', step = '1m' }\n";

    #[tokio::test]
    async fn a_prometheus_answers_instant_and_range_queries() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let reading = fetch(&mut *source(&server, QUERIES), 0).await.unwrap();
        let value = &reading.value;
        assert_eq!(Some(number(value, "sum")), Some(125.0));
        let mut jobs: Vec<(&str, f64)> = (0..2)
            .map(|row| {
                let job = value.at(&format!("jobs.{row}.job")).unwrap().as_text().unwrap();
                (job, number(value, &format!("jobs.{row}.value")))
            })
            .collect();
        jobs.sort_by(|a, b| a.0.cmp(b.0));
        assert_eq!(jobs, [("a", 120.0), ("b", 5.0)]);
        assert!(value.at("nothing").unwrap().is_absent());
        assert_eq!(Some(number(value, "infinite")), Some(f64::INFINITY));
        let points: Vec<(f64, f64)> = (0..3)
            .map(|row| {
                let at = |field| number(value, &format!("points.{row}.{field}"));
                (at("time"), at("value"))
            })
            .collect();
        let expected = [(1_700_000_040.0, 0.0), (1_700_000_100.0, 60.0), (1_700_000_160.0, 120.0)];
        assert_eq!(points, expected);
        assert_eq!(series(&reading, "jobs"), 2);
    }

    #[tokio::test]
    async fn a_prometheus_says_what_is_wrong_with_a_query() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let error =
            fetch(&mut *source(&server, "[query.values]\nbad = 'sum('"), 0).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("bad: it refuses the query as bad_data"), "{text}");
        assert!(text.contains("unclosed left parenthesis"), "{text}");
    }

    #[tokio::test]
    async fn quantiles_are_those_of_the_requests_between_two_scrapes() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let config = "drop = ['*_bucket']\nquantiles = [{ metric = 'prometheus_http_request_duration_seconds', q = [0.5], by = ['handler'] }]";
        let mut target = source(&server, config);
        let mut queries = source(&server, QUERIES);
        // The first makes the histogram of this call, the second is between two scrapes of it.
        fetch(&mut *queries, 0).await.unwrap();
        fetch(&mut *target, 0).await.unwrap();
        fetch(&mut *queries, 0).await.unwrap();
        let reading = fetch(&mut *target, 10).await.unwrap();
        let rows = reading.value.at("prometheus_http_request_duration_seconds:p50").unwrap();
        let handler =
            |row: &&Value| row.at("handler").and_then(Value::as_text) == Some("/api/v1/query");
        let row = rows.as_list().unwrap().iter().find(handler).unwrap();
        let seconds = number(row, "value");
        assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
        assert_eq!(series(&reading, "prometheus_http_request_duration_seconds_bucket"), 0);
    }
}
