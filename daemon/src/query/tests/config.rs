//! What documents of this kind may say.

use ccm_proto::model::source::QueryConfig;
use ccm_proto::model::{SourceSpec, WidgetSpec};

use super::super::check;

fn problems(toml: &str) -> Vec<String> {
    let config: QueryConfig = toml::from_str(toml).unwrap();
    config.problems().into_iter().map(|(path, sentence)| format!("{path}: {sentence}")).collect()
}

#[test]
fn a_whole_query_is_read() {
    let text = r#"
[inputs]
sales = "sales-top"
web = "web"
[values]
conversion = "sales.won / sales.leads * 100"
error_rate = { expr = "web.errors / web.requests", unit = "percent" }
[tables.low]
from = "sales.top"
join = { with = "sales.stock", on = "sku", kind = "left", prefix = "stock_" }
columns = { cover = "stock_level / sold" }
where = "cover < 7"
group = { by = ["category"], aggregate = { n = "count()" } }
sort = "n"
order = "descending"
limit = 10
[series.rate]
of = "web.requests_total"
labels = { code = "500" }
function = "rate"
window = "5m"
"#;
    let config: QueryConfig = toml::from_str(text).unwrap();
    assert_eq!(config.problems(), []);
    assert_eq!(config.values["error_rate"].expression(), "web.errors / web.requests");
    assert_eq!(config.tables["low"].filter.as_deref(), Some("cover < 7"));
    let again: QueryConfig = toml::from_str(&toml::to_string(&config).unwrap()).unwrap();
    assert_eq!(again, config);
}

#[test]
fn what_types_cannot_refuse_is_told_with_its_place() {
    assert_eq!(
        problems("").join("\n"),
        "inputs: a query needs an input, as in `sales = \"shop\"`\n: a query needs at least \
             one of values, tables and series"
    );
    let found = problems(
        "inputs = { a = 'x', Bad = 'y' }\nvalues = { a = '1', in = '2' }\n[series.s]\nof = 'a'",
    );
    assert_eq!(
        found,
        [
            "inputs.Bad: names here are lower-case letters, digits and `_`, and begin with a \
                 letter",
            "values.a: the name `a` is taken already in this query",
            "values.in: `in` means something else; take another name",
            "series.s.of: name an input and a metric of it, as in `web.requests_total`",
            "series.s.function: say `function`, `compare`, `forecast` or `anomaly`",
        ]
    );
}

#[test]
fn what_does_not_go_together_in_a_series_is_told() {
    let series =
        |rest: &str| problems(&format!("inputs = {{ a = 'x' }}\n[series.s]\nof = 'a.b'\n{rest}"));
    assert_eq!(series("function = 'avg'"), Vec::<String>::new());
    for (rest, expected) in [
        ("compare = 'previous'\nforecast = 'linear'", "only one of"),
        ("function = 'avg'\nforecast = 'linear'", "drop `function`"),
        ("function = 'quantile'\nq = 1.5", "from 0 to 1"),
        ("function = 'avg'\nq = 0.5", "only `function = \"quantile\"`"),
        ("function = 'avg'\nhorizon = '1h'", "only a forecast"),
        ("anomaly = 'robust'\nseason = '1h'", "have a `season`"),
        ("anomaly = 'seasonal'\nwindow = '1d'", "two seasons"),
        ("function = 'avg'\nwindow = '0s'", "more than no time"),
        ("anomaly = 'robust'\nsensitivity = 0.0", "more than nothing wide"),
    ] {
        let found = series(rest);
        assert!(found.len() == 1 && found[0].contains(expected), "{rest}: {found:?}");
    }
}

/// Whole documents of this kind in a text, each with what it is called.
fn documents(folder: &str) -> Vec<(String, String)> {
    let folder = format!("{}/../docs/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn documents_to_start_from_are_right() {
    let sources = documents("examples/query/sources");
    assert!(sources.len() >= 2);
    for (name, text) in sources {
        let spec: SourceSpec = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(spec.problems(), [], "{name}");
        assert_eq!(check(spec.query.as_ref().unwrap()), [], "{name}");
    }
    for (name, text) in documents("examples/query/widgets") {
        let spec: WidgetSpec = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(spec.problems(), [], "{name}");
    }
}

#[test]
fn what_the_manual_shows_can_be_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sources/query.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let mut parts = manual.split("```toml\n").skip(1).filter_map(|part| part.split("```").next());
    let whole: SourceSpec = toml::from_str(parts.next().unwrap()).unwrap();
    assert_eq!(check(whole.query.as_ref().unwrap()), []);
    let mut seen = 0;
    for part in parts {
        let inputs = "[query.inputs]\nsales = 's'\ninventory = 'i'\nweb = 'w'\ndisk = 'd'
                      shop = 'x'\nhost = 'h'\ncrm = 'c'\n";
        let values = if part.starts_with('[') { "" } else { "[query.values]\n" };
        let low = if part.contains("from = \"low\"") {
            "[query.tables.low]\nfrom = 'sales.a'\n"
        } else {
            ""
        };
        let text = format!("type = 'query'\n{inputs}{low}{values}{part}");
        let spec: SourceSpec = toml::from_str(&text).unwrap_or_else(|e| panic!("{part}: {e}"));
        assert_eq!(spec.problems(), [], "{part}");
        assert_eq!(check(spec.query.as_ref().unwrap()), [], "{part}");
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}
