use proptest::prelude::*;

use super::*;

fn scraper(config: &str) -> Scraper {
    let config: PrometheusConfig =
        serde_json::from_str(&format!("{{\"url\": \"http://a\"{config}}}")).unwrap();
    assert_eq!(config.problems(), []);
    Scraper::new(Name::new("db").unwrap(), config)
}

fn scrape_at(scraper: &mut Scraper, seconds: u64, text: &str) -> Scrape {
    scraper.read(text.as_bytes(), Format::Text, Duration::from_secs(seconds)).unwrap()
}

fn shown(scrape: &Scrape) -> Vec<(String, f64)> {
    let keys = scrape.samples.keys.iter().map(|key| key.to_string().replace("db:", ""));
    keys.zip(scrape.samples.values.iter().copied()).collect()
}

fn number(scrape: &Scrape, path: &str) -> Option<f64> {
    scrape.value.at(path).unwrap_or_else(|| panic!("no {path}")).as_number()
}

const NODE: &str = "# TYPE load gauge\nload 0.5\n# TYPE disk_bytes gauge\n\
    disk_bytes{device=\"sda\",mode=\"\"} 100\ndisk_bytes{device=\"sdb\"} 200\n";

#[test]
fn series_have_the_target_s_names_and_labels() {
    let scrape = scrape_at(&mut scraper(""), 0, NODE);
    let expected = [
        ("load".to_owned(), 0.5),
        ("disk_bytes{device=\"sda\"}".to_owned(), 100.0),
        ("disk_bytes{device=\"sdb\"}".to_owned(), 200.0),
    ];
    assert_eq!(shown(&scrape), expected, "a label without a value is none");
    assert_eq!(number(&scrape, "load"), Some(0.5));
    assert!(scrape.value.at("disk_bytes").is_none(), "only what is named becomes a list");
    assert_eq!(number(&scrape, "scrape_samples_scraped"), Some(3.0));
    assert_eq!(number(&scrape, "scrape_series_added"), Some(3.0));
}

#[test]
fn keys_stay_the_same_allocation_whatever_the_order() {
    let mut scraper = scraper("");
    let first = scrape_at(&mut scraper, 0, NODE);
    let same = scrape_at(&mut scraper, 1, NODE);
    assert!(Arc::ptr_eq(&first.samples.keys, &same.samples.keys));
    let mut lines: Vec<&str> = NODE.lines().collect();
    lines.reverse();
    for seconds in 2..4 {
        let turned = scrape_at(&mut scraper, seconds, &lines.join("\n"));
        assert!(Arc::ptr_eq(&first.samples.keys, &turned.samples.keys));
        assert_eq!(first.samples.values, turned.samples.values);
        assert_eq!(number(&turned, "scrape_series_added"), Some(0.0));
    }
}

#[test]
fn a_new_series_makes_new_keys_and_a_missing_one_is_a_gap_for_a_while() {
    let mut scraper = scraper("");
    let first = scrape_at(&mut scraper, 0, "a 1\nb 2\nc 3\n");
    for missing in 1..GAPS_MAX {
        let scrape = scrape_at(&mut scraper, u64::from(missing), "a 4\nc 6\n");
        assert!(Arc::ptr_eq(&first.samples.keys, &scrape.samples.keys));
        assert!(scrape.samples.values[1].is_nan());
        assert_eq!((scrape.samples.values[0], scrape.samples.values[2]), (4.0, 6.0));
    }
    let without = scrape_at(&mut scraper, 10, "a 4\nc 6\n");
    assert_eq!(shown(&without), [("a".to_owned(), 4.0), ("c".to_owned(), 6.0)]);
    let again = scrape_at(&mut scraper, 11, "a 1\nb 2\nc 3\n");
    assert_eq!(again.samples.keys, first.samples.keys);
    assert_eq!(again.samples.values, first.samples.values);
}

#[test]
fn of_a_series_that_comes_twice_the_first_counts_and_the_second_is_told() {
    let mut scraper = scraper("");
    let text = "a{x=\"1\",y=\"2\"} 1\na{x=\"1\",y=\"2\"} 2\na{y=\"2\",x=\"1\"} 3\nb 4\n";
    for seconds in 0..3 {
        let scrape = scrape_at(&mut scraper, seconds, text);
        let expected = [("a{x=\"1\",y=\"2\"}".to_owned(), 1.0), ("b".to_owned(), 4.0)];
        assert_eq!(shown(&scrape), expected);
        assert_eq!(scrape.duplicates, 2);
        assert_eq!(number(&scrape, "scrape_duplicate_samples"), Some(2.0));
    }
}

#[test]
fn a_million_series_are_refused_and_forgotten() {
    let mut scraper = scraper(", \"limit_series\": 1000");
    let many: String = (0..1_000_000).map(|n| format!("m{{n=\"{n}\"}} 1\n")).collect();
    let error = scraper.read(many.as_bytes(), Format::Text, Duration::ZERO).unwrap_err();
    assert_eq!(error, ScrapeError::TooManySeries(1000));
    assert!(error.to_string().contains("raise `limit_series`"));
    assert_eq!(scraper.table.len(), 0);
    assert_eq!(scrape_at(&mut scraper, 1, NODE).samples.values.len(), 3);
}

#[test]
fn what_is_dropped_does_not_count() {
    let mut scraper = scraper(", \"limit_series\": 1, \"keep\": [\"lo*\"]");
    for seconds in 0..2 {
        let scrape = scrape_at(&mut scraper, seconds, NODE);
        assert_eq!(shown(&scrape), [("load".to_owned(), 0.5)]);
        assert_eq!(number(&scrape, "scrape_samples_scraped"), Some(3.0));
    }
}

#[test]
fn an_answer_that_cannot_be_read_changes_nothing() {
    let mut scraper = scraper(", \"rates\": [\"load\"]");
    let first = scrape_at(&mut scraper, 0, NODE);
    for bad in ["new 1\nload", "load 7\nload{", "\u{0}"] {
        let error = scraper.read(bad.as_bytes(), Format::Text, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(error, ScrapeError::Parse(_)), "{error}");
    }
    let next = scrape_at(&mut scraper, 2, NODE);
    assert!(Arc::ptr_eq(&first.samples.keys, &next.samples.keys));
    assert_eq!(number(&next, "load:rate"), Some(0.0), "the reading before is the one that counted");
}

#[test]
fn rows_are_lists_with_labels_and_a_lone_number_stays_one() {
    let mut scraper = scraper(
        ", \"rows\": [\"disk_bytes\", \"load\", \"nothing\"], \"labels\": {\"device\": \"x\", \"site\": \"n\"}",
    );
    let scrape = scrape_at(&mut scraper, 0, NODE);
    assert_eq!(number(&scrape, "load"), Some(0.5));
    assert_eq!(number(&scrape, "disk_bytes.1.value"), Some(200.0));
    assert_eq!(scrape.value.at("disk_bytes.1.exported_device").unwrap().as_text(), Some("sdb"));
    assert_eq!(scrape.value.at("disk_bytes.1.site").unwrap().as_text(), Some("n"));
    assert!(scrape.value.at("nothing").is_none());
    let key = scrape.samples.keys[1].to_string();
    assert_eq!(key, "db:disk_bytes{device=\"x\",exported_device=\"sda\",site=\"n\"}");
}

#[test]
fn rates_bear_resets_and_series_that_come_and_go() {
    let mut scraper =
        scraper(", \"rates\": [\"hits_total\", \"lone_total\"], \"drop\": [\"hits_total\"]");
    let text = |a: u32, b: &str| format!("hits_total{{x=\"a\"}} {a}\n{b}lone_total {a}\n");
    let first = scrape_at(&mut scraper, 0, &text(10, "hits_total{x=\"b\"} 1\n"));
    assert!(first.value.at("lone_total:rate").unwrap().is_absent(), "one reading tells no rate");
    let names: Vec<String> = shown(&first).into_iter().map(|(name, _)| name).collect();
    let rates = ["hits_total:rate{x=\"a\"}", "hits_total:rate{x=\"b\"}", "lone_total:rate"];
    assert_eq!(names, [&["lone_total"], rates.as_slice()].concat());
    let second = scrape_at(&mut scraper, 10, &text(30, "hits_total{x=\"b\"} 6\n"));
    assert_eq!(second.samples.values, [30.0, 2.0, 0.5, 2.0]);
    assert_eq!(number(&second, "hits_total:rate.1.value"), Some(0.5));
    assert_eq!(number(&second, "lone_total:rate"), Some(2.0));
    let third = scrape_at(&mut scraper, 20, &text(5, ""));
    assert_eq!(Some(third.samples.values[1]), Some(0.5), "it began anew");
    assert!(third.samples.values[2].is_nan());
    let fourth = scrape_at(&mut scraper, 30, &text(5, "hits_total{x=\"c\"} 1\n"));
    assert_eq!(
        Some(fourth.samples.values[1]),
        Some(0.0),
        "new keys do not forget the reading before"
    );
    assert!(fourth.samples.values[2].is_nan());
}

fn buckets(handler: &str, counts: [u32; 3]) -> String {
    let [a, b, c] = counts;
    format!(
        "seconds_bucket{{h=\"{handler}\",le=\"0.1\"}} {a}\nseconds_bucket{{h=\"{handler}\",le=\"1\"}} {b}\n\
         seconds_bucket{{h=\"{handler}\",le=\"+Inf\"}} {c}\nseconds_count{{h=\"{handler}\"}} {c}\n"
    )
}

#[test]
fn quantiles_are_those_of_the_last_interval() {
    let named = ", \"drop\": [\"seconds_*\"], \"quantiles\": [{\"metric\": \"seconds\", \"q\": [0.5, 0.99]BY}]";
    let mut apart = scraper(&named.replace("BY", ""));
    let mut together = scraper(&named.replace("BY", ", \"by\": []"));
    for scraper in [&mut apart, &mut together] {
        let text = buckets("/", [1_000, 1_000, 1_000]) + &buckets("/x", [0, 0, 0]);
        assert!(scrape_at(scraper, 0, &text).samples.values.iter().all(|v| v.is_nan()));
    }
    let text = buckets("/", [1_000, 1_100, 1_100]) + &buckets("/x", [100, 100, 100]);
    let scrape = scrape_at(&mut apart, 10, &text);
    assert_eq!(number(&scrape, "seconds:p50.0.value"), Some(0.55));
    assert_eq!(number(&scrape, "seconds:p50.1.value"), Some(0.05));
    assert_eq!(scrape.value.at("seconds:p50.1.h").unwrap().as_text(), Some("/x"));
    assert_eq!(scrape.samples.keys[2].to_string(), "db:seconds:p99{h=\"/\"}");
    assert_eq!(scrape.samples.values.len(), 4);
    let scrape = scrape_at(&mut together, 10, &text);
    assert_eq!(number(&scrape, "seconds:p50"), Some(0.1));
    let idle = scrape_at(&mut together, 20, &text);
    assert!(idle.value.at("seconds:p50").unwrap().is_absent(), "nothing was counted");
}

#[test]
fn a_target_s_own_series_gives_way_to_a_rate_of_that_name() {
    let mut scraper = scraper(", \"rates\": [\"a\"]");
    let text = "a 1\na:rate 99\n";
    scrape_at(&mut scraper, 0, text);
    let scrape = scrape_at(&mut scraper, 1, text);
    assert_eq!(shown(&scrape), [("a".to_owned(), 1.0), ("a:rate".to_owned(), 0.0)]);
    assert_eq!(number(&scrape, "a:rate"), Some(0.0));
}

#[test]
fn what_is_only_read_counts_too() {
    let mut scraper =
        scraper(", \"limit_series\": 1, \"drop\": [\"*\"], \"rows\": [\"disk_bytes\"]");
    let error = scraper.read(NODE.as_bytes(), Format::Text, Duration::ZERO).unwrap_err();
    assert_eq!(error, ScrapeError::TooManySeries(1));
}

#[test]
fn when_a_counter_began_is_not_kept() {
    let text =
        "# TYPE a counter\na_total 5\na_created 1.7e9\n# TYPE b gauge\nb_total_created 1\n# EOF\n";
    let mut scraper = scraper("");
    let scrape = scraper.read(text.as_bytes(), Format::OpenMetrics, Duration::ZERO).unwrap();
    assert_eq!(shown(&scrape), [("a_total".to_owned(), 5.0), ("b_total_created".to_owned(), 1.0)]);
}

/// What a scraper that remembers nothing would say.
fn fresh(text: &str) -> Vec<(String, f64)> {
    let mut all = shown(&scrape_at(&mut scraper(""), 0, text));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

proptest! {
    #[test]
    fn remembering_changes_nothing(
        scrapes in prop::collection::vec(prop::collection::vec((0_u8..8, 0_u32..100), 0..12), 1..12),
    ) {
        let mut scraper = scraper("");
        for scrape in scrapes {
            let line = |(series, value): &(u8, u32)| match series % 3 {
                0 => format!("m{series} {value}\n"),
                1 => format!("m{{n=\"{series}\"}} {value}.5\n"),
                _ => format!("m{{n=\"{series}\",}} {value} 17\n"),
            };
            let text: String = scrape.iter().map(line).collect();
            let mut found = shown(&scrape_at(&mut scraper, 0, &text));
            found.retain(|(_, value)| !value.is_nan());
            found.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(found, fresh(&text));
        }
    }
}
