//! The `prometheus` source against Debian's Prometheus and node exporter.

#[cfg(test)]
mod real {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use ccm_daemon::collect::prometheus::{Answered, Get, Page, fetcher};
    use ccm_daemon::collect::{CollectError, Fetch, Moment};
    use ccm_proto::model::{Name, Reading, Timestamp, Value};
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;

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

    /// The plainest way to get a page.
    struct Plain;

    impl Get for Plain {
        fn get<'a>(&'a self, page: &'a Page) -> BoxFuture<'a, Result<Answered, CollectError>> {
            let rest = page.url.strip_prefix("http://").unwrap();
            let (address, path) = rest.split_at(rest.find('/').unwrap());
            let mut stream = TcpStream::connect(address).unwrap();
            let accept = page.accept;
            write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: {accept}\r\n\r\n")
                .unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            let head = String::from_utf8(answer[..end].to_vec()).unwrap();
            let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
            let answered = Answered {
                status: head.split(' ').nth(1).unwrap().parse().unwrap(),
                content_type: content_type.map(ToOwned::to_owned),
                retry_after: None,
                body: answer.split_off(end + 4).into(),
            };
            Box::pin(std::future::ready(Ok(answered)))
        }
    }

    fn source(server: &Server, config: &str) -> Box<dyn Fetch> {
        let config = format!("url = 'http://{}'\n{config}", server.address);
        let config: ccm_proto::model::source::PrometheusConfig = toml::from_str(&config).unwrap();
        assert_eq!(config.problems(), []);
        fetcher(Name::new("real").unwrap(), config, Arc::new(Plain))
    }

    fn fetch(source: &mut dyn Fetch, seconds: u64) -> Result<Reading, CollectError> {
        let at = Timestamp::from_millis(1_700_000_160_000);
        let moment = Moment { at, elapsed: Duration::from_secs(seconds) };
        source.fetch(moment).now_or_never().unwrap()
    }

    fn number(value: &Value, path: &str) -> f64 {
        value.at(path).and_then(Value::as_number).unwrap_or_else(|| panic!("{path} is no number"))
    }

    fn series(reading: &Reading, metric: &str) -> usize {
        reading.samples.keys.iter().filter(|key| &*key.metric == metric).count()
    }

    #[test]
    fn a_node_exporter_tells_what_the_kernel_does() {
        let server = Server::node_exporter();
        let config = "rows = ['node_cpu_seconds_total']\nrates = ['node_cpu_seconds_total']\n\
                      drop = ['go_*']";
        let mut source = source(&server, config);
        let first = fetch(&mut *source, 0).unwrap();
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
        let second = fetch(&mut *source, 10).unwrap();
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

    #[test]
    fn a_prometheus_answers_instant_and_range_queries() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let reading = fetch(&mut *source(&server, QUERIES), 0).unwrap();
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

    #[test]
    fn a_prometheus_says_what_is_wrong_with_a_query() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let error = fetch(&mut *source(&server, "[query.values]\nbad = 'sum('"), 0).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("bad: it refuses the query as bad_data"), "{text}");
        assert!(text.contains("unclosed left parenthesis"), "{text}");
    }

    #[test]
    fn quantiles_are_those_of_the_requests_between_two_scrapes() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::prometheus(folder.path(), METRICS);
        let config = "drop = ['*_bucket']\nquantiles = [{ metric = 'prometheus_http_request_duration_seconds', q = [0.5], by = ['handler'] }]";
        let mut target = source(&server, config);
        let mut queries = source(&server, QUERIES);
        // The first makes the histogram of this call, the second is between two scrapes of it.
        fetch(&mut *queries, 0).unwrap();
        fetch(&mut *target, 0).unwrap();
        fetch(&mut *queries, 0).unwrap();
        let reading = fetch(&mut *target, 10).unwrap();
        let rows = reading.value.at("prometheus_http_request_duration_seconds:p50").unwrap();
        let handler =
            |row: &&Value| row.at("handler").and_then(Value::as_text) == Some("/api/v1/query");
        let row = rows.as_list().unwrap().iter().find(handler).unwrap();
        let seconds = number(row, "value");
        assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
        assert_eq!(series(&reading, "prometheus_http_request_duration_seconds_bucket"), 0);
    }
}
