use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

type Pairs = Vec<(String, String)>;

/// A sample that owns its texts, unescaped.
#[derive(Clone, Debug, PartialEq)]
struct Owned {
    metric: String,
    labels: Pairs,
    value: f64,
    timestamp: Option<i64>,
    exemplar: Option<(Pairs, f64, Option<i64>)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Family {
    name: String,
    kind: Kind,
    help: String,
    samples: Vec<Owned>,
}

fn owned(labels: Labels<'_>) -> Vec<(String, String)> {
    labels.iter().map(|(name, value)| (name.to_owned(), unescape(value).into_owned())).collect()
}

fn parse(text: &str, format: Format) -> Result<Vec<Family>, ParseError> {
    let mut families: Vec<Family> = Vec::new();
    let mut lines = Lines::new(text, format);
    while let Some(line) = lines.read()? {
        match line {
            Line::Type { family, kind } => families.push(Family {
                name: family.to_owned(),
                kind,
                help: String::new(),
                samples: Vec::new(),
            }),
            Line::Help { text, .. } => {
                families.last_mut().unwrap().help = unescape(text).into_owned();
            }
            Line::Unit { .. } => {}
            Line::Sample(sample) => families.last_mut().unwrap().samples.push(Owned {
                metric: sample.metric.to_owned(),
                labels: owned(sample.labels),
                value: sample.value,
                timestamp: sample.timestamp,
                exemplar: sample.exemplar.map(|e| (owned(e.labels), e.value, e.timestamp)),
            }),
        }
    }
    Ok(families)
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn render_labels(text: &mut String, labels: &[(String, String)]) {
    let labels: Vec<_> = labels.iter().map(|(n, v)| format!("{n}=\"{}\"", escaped(v))).collect();
    write!(text, "{{{}}}", labels.join(",")).unwrap();
}

fn time(millis: i64, format: Format) -> String {
    match format {
        Format::Text => millis.to_string(),
        Format::OpenMetrics => (millis as f64 / 1_000.0).to_string(),
    }
}

fn render(families: &[Family], format: Format) -> String {
    let mut text = String::new();
    for family in families {
        writeln!(text, "# TYPE {} {}", family.name, family.kind.as_str()).unwrap();
        writeln!(text, "# HELP {} {}", family.name, escaped(&family.help)).unwrap();
        for sample in &family.samples {
            text.push_str(&sample.metric);
            if !sample.labels.is_empty() {
                render_labels(&mut text, &sample.labels);
            }
            write!(text, " {}", sample.value).unwrap();
            if let Some(at) = sample.timestamp {
                write!(text, " {}", time(at, format)).unwrap();
            }
            if let Some((labels, value, at)) = &sample.exemplar {
                text.push_str(" # ");
                render_labels(&mut text, labels);
                write!(text, " {value}").unwrap();
                if let Some(at) = at {
                    write!(text, " {}", time(*at, format)).unwrap();
                }
            }
            text.push('\n');
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::WORDS.iter().map(|(_, kind)| *kind).collect::<Vec<_>>())
}

fn label_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = prop_oneof![any::<String>(), "[a-z\\\\\"\n{},=# ]{0,12}"];
    prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", value, 0..5)
        .prop_map(|labels| labels.into_iter().collect())
}

fn numbers() -> impl Strategy<Value = f64> {
    let whole = any::<u32>().prop_map(f64::from);
    let any = any::<f64>().prop_filter("comparable", |number| !number.is_nan());
    prop_oneof![whole, any, Just(f64::INFINITY), Just(f64::NEG_INFINITY)]
}

fn times() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(-4_000_000_000_000_i64..4_000_000_000_000)
}

fn samples(format: Format) -> impl Strategy<Value = Owned> {
    let exemplar = match format {
        Format::Text => Just(None).boxed(),
        Format::OpenMetrics => prop::option::of((label_pairs(), numbers(), times())).boxed(),
    };
    ("[a-zA-Z_:][a-zA-Z0-9_:]{0,12}", label_pairs(), numbers(), times(), exemplar).prop_map(
        |(metric, labels, value, timestamp, exemplar)| Owned {
            metric,
            labels,
            value,
            timestamp,
            exemplar,
        },
    )
}

fn families(format: Format) -> impl Strategy<Value = Vec<Family>> {
    let help = "[^\r\n]{0,20}[^\r\n \t]|";
    let family = ("[a-z_]{1,9}", kinds(), help, prop::collection::vec(samples(format), 0..5))
        .prop_map(|(name, kind, help, samples)| Family { name, kind, help, samples });
    prop::collection::vec(family, 0..5)
}

proptest! {
    #[test]
    fn what_is_rendered_is_read_back_as_text(families in families(Format::Text)) {
        prop_assert_eq!(parse(&render(&families, Format::Text), Format::Text).unwrap(), families);
    }

    #[test]
    fn what_is_rendered_is_read_back_as_open_metrics(families in families(Format::OpenMetrics)) {
        let text = render(&families, Format::OpenMetrics);
        prop_assert_eq!(parse(&text, Format::OpenMetrics).unwrap(), families);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        like in "[a-z{}\"\\\\=,# \n0-9.]{0,200}",
        open_metrics: bool,
    ) {
        let format = if open_metrics { Format::OpenMetrics } else { Format::Text };
        for bytes in [bytes.as_slice(), like.as_bytes()] {
            let Ok(text) = text_of(bytes) else { continue };
            let mut lines = Lines::new(text, format);
            while let Ok(Some(_)) = lines.read() {
                let _ = lines.read_known("a");
            }
        }
    }

    #[test]
    fn a_known_series_reads_as_an_unknown_one(sample in samples(Format::OpenMetrics)) {
        let family = Family { name: "a".into(), kind: Kind::Gauge, help: "b".into(), samples: vec![sample] };
        let text = render(&[family], Format::OpenMetrics);
        let mut lines = Lines::new(&text, Format::OpenMetrics);
        let (_, _) = (lines.read().unwrap(), lines.read().unwrap());
        let Some(Line::Sample(sample)) = lines.clone().read().unwrap() else { panic!("no sample") };
        prop_assert_eq!(lines.read_known(sample.series), Some(sample.value));
        prop_assert_eq!(parse_series(sample.series).unwrap(), (sample.metric, sample.labels));
        prop_assert_eq!(lines.read().unwrap(), None);
    }
}

fn one(line: &str) -> Sample<'_> {
    match Lines::new(line, Format::Text).read() {
        Ok(Some(Line::Sample(sample))) => sample,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn samples_are_read_as_targets_write_them() {
    let table: [(&str, &str, f64, Option<i64>); 12] = [
        ("up 1", "up", 1.0, None),
        ("up\t1\r\n", "up", 1.0, None),
        ("  up  +1.5e3  1700000000000 ", "up", 1_500.0, Some(1_700_000_000_000)),
        ("a:b{} -0.25 -5", "a:b{}", -0.25, Some(-5)),
        ("a{b=\"c\"}1", "a{b=\"c\"}", 1.0, None),
        ("a {b=\"c\"} 1", "a {b=\"c\"}", 1.0, None),
        ("a{ b = \"c\" , d=\"e\", } 1", "a{ b = \"c\" , d=\"e\", }", 1.0, None),
        ("a{b=\"} 2\"} 1", "a{b=\"} 2\"}", 1.0, None),
        ("a{b=\"\\\\\"} 1", "a{b=\"\\\\\"}", 1.0, None),
        ("a +Inf", "a", f64::INFINITY, None),
        ("a -inf", "a", f64::NEG_INFINITY, None),
        ("a 12345678901234567890", "a", 12_345_678_901_234_567_890.0, None),
    ];
    for (line, series, value, timestamp) in table {
        let sample = one(line);
        assert_eq!((sample.series, sample.value, sample.timestamp), (series, value, timestamp));
    }
    assert!(one("a NaN").value.is_nan());
    assert!(one("a nan").value.is_nan());
}

#[test]
fn all_types_and_comments_are_read() {
    let text = "# a comment\n#\n# TYPE a untyped\n# TYPE b stateset\n# UNIT c seconds\n\
                # HELP d  two \\\\ lines\\nhere\n#TYPE e info\n\n";
    let mut lines = Lines::new(text, Format::Text);
    let mut read = Vec::new();
    while let Some(line) = lines.read().unwrap() {
        read.push(line);
    }
    let expected = [
        Line::Type { family: "a", kind: Kind::Unknown },
        Line::Type { family: "b", kind: Kind::StateSet },
        Line::Unit { family: "c", unit: "seconds" },
        Line::Help { family: "d", text: " two \\\\ lines\\nhere" },
        Line::Type { family: "e", kind: Kind::Info },
    ];
    assert_eq!(read, expected);
    assert_eq!(unescape("two \\\\ lines\\nhere \\x \\"), "two \\ lines\nhere \\x \\");
}

#[test]
fn exemplars_are_read_and_only_open_metrics_has_them() {
    let line = "a_bucket{le=\"1\"} 5 1.5 # {trace=\"x\"} 0.5 1.25\n# EOF\n";
    let mut lines = Lines::new(line, Format::OpenMetrics);
    let Some(Line::Sample(sample)) = lines.read().unwrap() else { panic!("no sample") };
    let exemplar = sample.exemplar.unwrap();
    assert_eq!((sample.value, sample.timestamp), (5.0, Some(1_500)));
    assert_eq!((exemplar.value, exemplar.timestamp), (0.5, Some(1_250)));
    assert_eq!(exemplar.labels.iter().collect::<Vec<_>>(), [("trace", "x")]);
    let error = Lines::new("a 5 # {} 1", Format::Text).read().unwrap_err();
    assert!(error.to_string().starts_with("line 1 of the answer"), "{error}");
}

fn error(bytes: &[u8], format: Format) -> String {
    let read = || {
        let mut lines = Lines::new(text_of(bytes)?, format);
        while lines.read()?.is_some() {}
        Ok::<(), ParseError>(())
    };
    read().unwrap_err().to_string()
}

#[test]
fn an_error_names_the_line_and_what_to_do() {
    let many: String = (0..=LABELS_MAX).map(|n| format!("l{n}=\"\",")).collect();
    let many = format!("a{{{many}}} 1");
    let long_label = format!("a{{b=\"{}\"}} 1", "x".repeat(LABEL_BYTES_MAX + 1));
    let long_name = format!("{} 1", "x".repeat(NAME_BYTES_MAX + 1));
    let long_line = format!("# {}", "x".repeat(LINE_BYTES_MAX));
    let table: [(&[u8], &str); 20] = [
        (b"\xff 1", "is not UTF-8"),
        (b"9a 1", "a metric's name"),
        (b"a-b 1", "\"-b 1\" where a metric's name"),
        (b"<!DOCTYPE html>", "whether the path serves metrics"),
        (b"{\"a\": 1}", "whether the path serves metrics"),
        (b"a", "where a number belongs"),
        (b"a one", "\"one\" where a number"),
        (b"a 1 soon", "\"soon\" where a time"),
        (b"a 1 2 3", "goes on with \"3\""),
        (b"a{b} 1", "where a label"),
        (b"a{b=c} 1", "where a label"),
        (b"a{b=\"c\" d=\"e\"} 1", "where a label"),
        (b"a{b=\"c\",b=\"d\"} 1", "the label \"b\" twice"),
        (b"a{b=\"c 1", "ends within its labels"),
        (b"# TYPE a meter", "\"meter\" where a type"),
        (b"# HELP 9 text", "a metric's name"),
        (many.as_bytes(), "more than 64 labels"),
        (long_label.as_bytes(), "a label of more than 4096 bytes"),
        (long_name.as_bytes(), "a name of more than 256 bytes"),
        (long_line.as_bytes(), "more than 65536 bytes"),
    ];
    for (line, expected) in table {
        let text = [b"up 1\n\n# TYPE b gauge\n".as_slice(), line, b"\nup 1\n"].concat();
        let error = error(&text, Format::Text);
        assert!(error.starts_with("line 4 of the answer ") && error.contains(expected), "{error}");
    }
}

#[test]
fn open_metrics_that_is_cut_off_or_goes_on_is_refused() {
    assert!(error(b"a 1\n", Format::OpenMetrics).contains("was cut off"));
    assert!(error(b"", Format::OpenMetrics).contains("was cut off"));
    let error = error(b"a 1\n# EOF\na 2\n", Format::OpenMetrics);
    assert!(error.starts_with("line 3 of the answer follows"), "{error}");
    assert!(parse("# EOF", Format::OpenMetrics).unwrap().is_empty());
    assert!(parse("# EOF\n", Format::Text).unwrap().is_empty(), "in text it is a comment");
}

#[test]
fn a_known_series_is_not_mistaken_for_a_longer_one() {
    let mut lines = Lines::new("ab 1\na {x=\"y\"} 2\na 3 9\na 4", Format::Text);
    assert_eq!(lines.read_known("a"), None);
    assert!(lines.read().unwrap().is_some());
    assert_eq!(lines.read_known("a"), None);
    assert!(lines.read().unwrap().is_some());
    assert_eq!(lines.read_known("a"), Some(3.0));
    assert_eq!(lines.read_known("a"), None, "without a line end it is left to the other way");
    assert_eq!(lines.number(), 3);
    assert!(lines.read().unwrap().is_some());
}

#[test]
fn media_types_name_the_format() {
    let table = [
        (None, Some(Format::Text)),
        (Some("text/plain; version=0.0.4; charset=utf-8"), Some(Format::Text)),
        (Some("application/openmetrics-text; version=1.0.0"), Some(Format::OpenMetrics)),
        (Some("Application/OpenMetrics-Text"), Some(Format::OpenMetrics)),
        (Some("text/html"), None),
        (Some("application/json"), None),
        (Some("application/vnd.google.protobuf; proto=x"), None),
    ];
    for (content_type, format) in table {
        assert_eq!(Format::of(content_type), format, "{content_type:?}");
    }
}
