//! The shipped documents against the readings they are about.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ccm_daemon::clock::Clock;
use ccm_daemon::collect::http::{Call, Policy, Request};
use ccm_daemon::collect::{Environment, SourceStatus};
use ccm_proto::model::source::SourceType;
use ccm_proto::model::widget::{BarsConfig, ChartConfig, PathOrNumber, TableConfig};
use ccm_proto::model::{
    Interval, LayoutSpec, Name, Reading, SeriesKey, SourceSpec, Value, WidgetSpec,
};
use serde::de::DeserializeOwned;

use crate::machine::{Machine, moment, reader_in};

fn documents<T: DeserializeOwned>(directory: &str) -> Vec<(String, T)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "{}", directory.display());
    let parsed = files.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        Name::new(&name).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let spec = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, spec)
    });
    parsed.collect()
}

fn widgets() -> Vec<(String, WidgetSpec)> {
    documents("src/packs/widgets")
}

fn sources() -> Vec<(String, SourceSpec)> {
    documents("src/packs/sources")
}

fn layouts() -> Vec<(String, LayoutSpec)> {
    documents("../layouts")
}

/// A reading of a shipped source; of the host's, one of a machine that has everything.
fn reading_of(source: &str) -> Reading {
    if source == "host" {
        return Machine::full().reading();
    }
    let (name, spec) =
        sources().into_iter().find(|(name, _)| name == source).expect("a shipped source");
    let mut reader = reader_in(busy(), &name, spec);
    reader.prime(Duration::ZERO);
    reader.read(moment(Duration::from_secs(1))).unwrap()
}

/// A daemon that has a source and a module, and called an API that tells its quota.
fn busy() -> Environment {
    let (clock, source) = (Clock::system(), Name::new("orders").unwrap());
    let environment = Environment::alone(clock.clone());
    let status =
        SourceStatus::new(source.clone(), SourceType::ExternalApi, Interval::from_secs(60));
    environment.census.fill(vec![status]);
    let module = toml::from_str("endpoint = 'http://127.0.0.1:9'").unwrap();
    environment.modules.enter(&Name::new("sales").unwrap(), Arc::new(module), clock.now());
    let allowed = toml::from_str("allow = [{ host = '127.0.0.1', ports = '*' }]").unwrap();
    environment.gateway.set_policy(Policy::new([&allowed]));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1_024];
        assert!(stream.read(&mut request).unwrap() > 0);
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-ratelimit-limit: 60\r\n\
                      x-ratelimit-remaining: 45\r\nx-ratelimit-reset: 30\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let mut call = Call::new(source, Arc::new(Request::get(&url).unwrap()));
    call.quota = Some(Arc::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(environment.gateway.fetch(call)).unwrap();
    service.join().unwrap();
    environment
}

#[test]
fn every_shipped_document_is_free_of_problems() {
    for (name, spec) in sources() {
        assert_eq!(spec.problems(), [], "{name}");
    }
    for (name, spec) in widgets() {
        assert_eq!(spec.problems(), [], "{name}");
    }
    for (name, spec) in layouts() {
        assert_eq!(spec.problems(), [], "{name}");
    }
}

#[test]
fn layouts_name_shipped_widgets_and_widgets_name_shipped_sources() {
    let known: BTreeSet<String> = widgets().into_iter().map(|(name, _)| name).collect();
    let mut placed = BTreeSet::new();
    for (layout, spec) in layouts() {
        for name in spec.widget_names() {
            assert!(known.contains(name.as_str()), "{layout}: {name}");
            placed.insert(name.as_str().to_owned());
        }
    }
    assert_eq!(placed, known, "every widget stands somewhere");
    let sources: BTreeSet<String> = sources().into_iter().map(|(name, _)| name).collect();
    for (name, widget) in widgets() {
        assert!(sources.contains(widget.source.as_str()), "{name}: {}", widget.source);
    }
}

#[test]
fn areas_of_the_narrower_grids_do_not_overlap() {
    for (layout, spec) in layouts() {
        for page in &spec.pages {
            for (index, first) in page.widgets.iter().enumerate() {
                for second in &page.widgets[index + 1..] {
                    let medium = first.at_medium.zip(second.at_medium);
                    let narrow = first.at_narrow.zip(second.at_narrow);
                    for (a, b) in [medium, narrow].into_iter().flatten() {
                        let page = &page.title;
                        assert!(!a.overlaps(b), "{layout}/{page}: {} {}", first.name, second.name);
                    }
                }
            }
        }
    }
}

#[test]
fn every_path_of_a_widget_is_in_a_reading_of_its_source() {
    for (name, widget) in widgets() {
        let reading = reading_of(widget.source.as_str());
        let check = Check { widget: &name, reading: &reading };
        if let Some(stat) = &widget.stat {
            check.path(&stat.primary.value);
            stat.secondary.iter().for_each(|metric| check.path(&metric.value));
            if stat.window.is_some() {
                check.series(&stat.primary.value);
            }
        }
        if let Some(gauge) = &widget.gauge {
            check.path(&gauge.value);
            let fields = ["name", "score", "weight", "detail"];
            if let Some(list) = &gauge.breakdown {
                for field in fields {
                    check.item(list, field);
                }
            }
        }
        widget.chart.iter().for_each(|chart| check.chart(chart));
        widget.bars.iter().for_each(|bars| check.bars(bars));
        widget.table.iter().for_each(|table| check.table(table));
    }
}

/// Looks a widget's paths up in a reading.
struct Check<'a> {
    widget: &'a str,
    reading: &'a Reading,
}

impl Check<'_> {
    fn path(&self, path: &str) {
        let value = self.reading.value.at(path);
        assert!(value.is_some_and(|value| !value.is_absent()), "{}: {path}", self.widget);
    }

    fn item(&self, list: &str, field: &str) {
        let items = self.reading.value.at(list).and_then(Value::as_list).unwrap_or_default();
        // What the daemon tells of others may be unknown of each of them.
        let own = self.reading.source.as_str() == "ccmd";
        let told = |value: &Value| own || !value.is_absent();
        let found = items.iter().any(|item| item.at(field).is_some_and(told));
        assert!(found, "{}: {field} in {list}", self.widget);
    }

    fn series(&self, metric: &str) -> &SeriesKey {
        let mut keys = self.reading.samples.keys.iter();
        keys.find(|key| &*key.metric == metric)
            .unwrap_or_else(|| panic!("{}: no series {metric}", self.widget))
    }

    fn chart(&self, chart: &ChartConfig) {
        for series in &chart.series {
            let key = self.series(&series.metric);
            for placeholder in series.label.split('{').skip(1) {
                let label = placeholder.split('}').next().unwrap();
                assert!(key.labels.get(label).is_some(), "{}: {label}", self.widget);
            }
        }
    }

    fn bars(&self, bars: &BarsConfig) {
        for item in &bars.items {
            self.path(&item.value);
            if let Some(PathOrNumber::Path(path)) = &item.max {
                self.path(path);
            }
        }
        if let Some(rows) = &bars.rows {
            self.item(&rows.path, &rows.label);
            self.item(&rows.path, &rows.value);
            if let Some(PathOrNumber::Path(path)) = &rows.max {
                self.item(&rows.path, path);
            }
        }
    }

    fn table(&self, table: &TableConfig) {
        self.item(&table.rows, &table.key);
        table.columns.iter().for_each(|column| self.item(&table.rows, &column.field));
    }
}
