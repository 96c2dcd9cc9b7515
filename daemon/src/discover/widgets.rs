//! The widgets of what was found, as texts of documents. Pure.

use std::fmt::Write as _;

/// A value's path or a metric, what to call it, and its format.
pub(super) type Metric<'a> = (&'a str, &'a str, &'a str);

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A stat of values, the first one large.
pub(super) fn stat(title: &str, source: &str, metrics: &[Metric<'_>], window: bool) -> String {
    let mut text = format!(
        "title = {title:?}\nsource = {source:?}\ntype = \"stat\"\ncategory = \"found\"\n\n[stat]\n"
    );
    if window {
        text.push_str("window = \"5m\"\n");
    }
    for (index, (value, label, format)) in metrics.iter().enumerate() {
        let table = if index == 0 { "[stat.primary]" } else { "[[stat.secondary]]" };
        let _ = write!(
            text,
            "\n{table}\nvalue = {}\nlabel = {label:?}\nformat = {format:?}\n",
            quoted(value)
        );
    }
    text
}

/// A chart of one metric.
pub(super) fn chart(title: &str, source: &str, (metric, label, format): Metric<'_>) -> String {
    format!(
        "title = {title:?}\nsource = {source:?}\ntype = \"chart\"\ncategory = \"found\"\n\n[chart]\nstyle = \"area\"\nwindow = \"15m\"\nformat = {format:?}\nmin = 0\n\n[[chart.series]]\nmetric = {metric:?}\nlabel = {label:?}\n"
    )
}

/// How many alerts there are in each state.
pub(super) fn alerts() -> String {
    "title = \"alerts\"\nsource = \"alertmanager\"\ntype = \"table\"\ncategory = \"found\"\n\n[table]\nrows = \"alertmanager_alerts\"\nkey = \"state\"\nsort = \"value\"\n\n[[table.columns]]\nfield = \"state\"\nlabel = \"state\"\nformat = \"text\"\ngrow = true\n\n[[table.columns]]\nfield = \"value\"\nlabel = \"alerts\"\nformat = \"integer\"\n".to_owned()
}

/// A table of texts, of which the first names the row.
pub(super) fn table(title: &str, source: &str, rows: &str, columns: &[(&str, &str)]) -> String {
    let key = columns.first().map_or("", |(field, _)| field);
    let mut text = format!(
        "title = {title:?}\nsource = {source:?}\ntype = \"table\"\ncategory = \"found\"\n\n[table]\nrows = {rows:?}\nkey = {key:?}\n"
    );
    for (index, (field, label)) in columns.iter().enumerate() {
        let grow = if index + 1 == columns.len() { "grow = true\n" } else { "" };
        let _ = write!(
            text,
            "\n[[table.columns]]\nfield = {field:?}\nlabel = {label:?}\nformat = \"text\"\n{grow}"
        );
    }
    text
}
