//! Which series of a target are kept, and which are read for something else.

use std::collections::BTreeSet;

use ccm_proto::model::source::prometheus::PrometheusConfig;

/// What is done with a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// It is kept and shown.
    Kept,
    /// It is only read, for rows, rates or quantiles.
    Read,
    /// Nothing.
    Ignored,
}

/// What a source's document says of names.
#[derive(Debug)]
pub(super) struct Rules {
    keep: Vec<String>,
    drop: Vec<String>,
    read: BTreeSet<String>,
}

impl Rules {
    /// The rules of a document.
    pub(super) fn new(config: &PrometheusConfig) -> Self {
        let histograms = config.quantiles.iter().map(|named| bucket_name(&named.metric));
        let read = config.rows.iter().chain(&config.rates).cloned().chain(histograms).collect();
        Self { keep: config.keep.clone(), drop: config.drop.clone(), read }
    }

    /// What is done with the series of a metric.
    pub(super) fn use_of(&self, metric: &str) -> Use {
        let any = |globs: &[String]| globs.iter().any(|glob| matches(glob, metric));
        if (self.keep.is_empty() || any(&self.keep)) && !any(&self.drop) {
            Use::Kept
        } else if self.read.contains(metric) {
            Use::Read
        } else {
            Use::Ignored
        }
    }
}

/// The name of a histogram's buckets.
pub(super) fn bucket_name(histogram: &str) -> String {
    format!("{histogram}_bucket")
}

/// Whether a name is what a glob says; `*` stands for any letters.
fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        let table = [
            ("up", "up", true),
            ("up", "upper", false),
            ("node_*", "node_load1", true),
            ("node_*", "anode_load1", false),
            ("*_bucket", "a_bucket", true),
            ("*_bucket", "a_bucket_sum", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("*", "anything", true),
            ("", "", true),
        ];
        for (glob, name, expected) in table {
            assert_eq!(matches(glob, name), expected, "{glob} {name}");
        }
    }

    #[test]
    fn drop_wins_and_what_is_named_is_read_all_the_same() {
        let config = r#"{"url": "http://a", "keep": ["http_*", "up"], "drop": ["*_bucket"],
            "rows": ["build_info"], "quantiles": [{"metric": "http_seconds", "q": [0.5]}]}"#;
        let rules = Rules::new(&serde_json::from_str(config).unwrap());
        let table = [
            ("up", Use::Kept),
            ("http_requests_total", Use::Kept),
            ("http_seconds_bucket", Use::Read),
            ("http_other_bucket", Use::Ignored),
            ("build_info", Use::Read),
            ("go_threads", Use::Ignored),
        ];
        for (metric, expected) in table {
            assert_eq!(rules.use_of(metric), expected, "{metric}");
        }
    }
}
