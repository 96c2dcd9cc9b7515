//! Sources that are derived from others.

use ccm_proto::model::SourceSpec;
use proptest::prelude::*;

use super::*;

const FUNNEL: &str = "
type = 'query'
[query]
inputs = { host = 'host' }
values = { double = 'host.load.one * 2' }
";

/// The value of a result, and its past.
const SHOWN: &str = "
title = 't'
source = 'SOURCE'
type = 'stat'
[stat]
primary = { value = 'VALUE', label = 'v' }
window = '10s'
";

fn spec(toml: &str) -> Arc<SourceSpec> {
    let spec: SourceSpec = toml::from_str(toml).unwrap();
    assert_eq!(spec.problems(), []);
    Arc::new(spec)
}

/// Sources by name, each with a widget of the same name that shows one of its results.
fn documents(sources: &[(&str, &str, &str)]) -> Arc<Configuration> {
    let mut all = Configuration::clone(&configuration(&[], "1s"));
    for (id, toml, value) in sources {
        all.sources.insert(name(id), spec(toml));
        let shown = SHOWN.replace("SOURCE", id).replace("VALUE", value);
        all.widgets.insert(name(id), widget(&shown));
    }
    Arc::new(all)
}

fn bench(sources: &[(&str, &str, &str)]) -> Bench {
    let mut bench = Bench::new();
    bench.step(Event::Configured(documents(sources)));
    for (id, (widget, ..)) in (1..).zip(sources) {
        bench.open(id, widget);
        let request = bench.engine.request;
        let asker = Asker::Feed(FeedId(id));
        bench.step(Event::Backfilled { asker, request, series: vec![] });
    }
    bench
}

fn number(bench: &Bench, id: u64) -> Option<f64> {
    match bench.view(id).field("value") {
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}

fn publications(out: &[Output], id: u64) -> usize {
    let of = |output: &&Output| matches!(output, Output::Publish(p) if p.feed == FeedId(id));
    out.iter().filter(of).count()
}

#[test]
fn a_derived_value_follows_its_input_in_the_same_step() {
    let mut bench = bench(&[("funnel", FUNNEL, "double")]);
    assert_eq!(bench.quality(1), Quality::Loading);
    for at in 1..5 {
        let out = bench.at(at, Event::Read(reading(at, at as f64)));
        assert_eq!(number(&bench, 1), Some(at as f64 * 2.0));
        assert!(publications(&out, 1) >= 1);
        assert_eq!(bench.quality(1), Quality::Live);
        assert_eq!(bench.view(1).status.sampled_at, Some(second(at)));
    }
    let collected = bench.engine.collected.clone().unwrap();
    assert_eq!(collected.keys().map(Name::as_str).collect::<Vec<_>>(), ["host"]);
}

#[test]
fn the_state_of_what_is_derived_is_told_with_its_counts() {
    let broken = FUNNEL.replace("host.load.one * 2", "host.nowhere * 2");
    let mut bench = bench(&[("funnel", FUNNEL, "double"), ("broken", &broken, "double")]);
    let states = bench.engine.derived();
    let named = |name: &str| states.iter().find(|state| state.name.as_str() == name).unwrap();
    assert_eq!((states.len(), named("funnel").quality), (2, Quality::Loading));
    bench.at(1, Event::Read(reading(1, 1.0)));
    bench.at(2, Event::Read(reading(2, 2.0)));
    let states = bench.engine.derived();
    let names: Vec<&str> = states.iter().map(|state| state.name.as_str()).collect();
    assert_eq!(names, ["broken", "funnel"], "and no others");
    let funnel = &states[1];
    assert_eq!((funnel.quality, funnel.cause.clone()), (Quality::Live, None));
    assert_eq!((funnel.readings, funnel.failures, funnel.series), (2, 0, 1));
    assert_eq!(funnel.last_success, Some(second(2)));
    assert_eq!(funnel.source_type, SourceType::Query);
}

#[test]
fn what_a_source_comes_to_can_be_asked_for_before_it_is_applied() {
    let applied = spec(FUNNEL);
    let tried = spec(&FUNNEL.replace("* 2", "* 3"));
    let mut bench = bench(&[("funnel", FUNNEL, "double")]);
    let newest = |bench: &Bench, id: &str, spec: &Arc<SourceSpec>| {
        let reading = bench.engine.newest(&name(id), spec, second(9));
        reading.map(|reading| {
            (reading.value.at("double").unwrap().as_number(), reading.samples.values, reading.at)
        })
    };
    assert!(newest(&bench, "funnel", &applied).unwrap_err().as_str().contains("no input has a"));
    assert!(newest(&bench, "other", &tried).unwrap_err().as_str().contains("no input has a"));
    bench.at(1, Event::Read(reading(1, 5.0)));
    let of = |value: f64, at: i64| (Some(value), vec![value], second(at));
    assert_eq!(newest(&bench, "funnel", &applied), Ok(of(10.0, 1)));
    assert_eq!(newest(&bench, "funnel", &tried), Ok(of(15.0, 9)));
    assert_eq!(newest(&bench, "other", &tried), Ok(of(15.0, 9)));
    assert_eq!(number(&bench, 1), Some(10.0), "what runs is as it was");
    bench.at(2, failure(2, "the disk hums"));
    assert!(newest(&bench, "funnel", &applied).unwrap_err().as_str().contains("hums"));
    let pushed = spec("type = 'push'");
    assert!(
        newest(&bench, "other", &pushed).unwrap_err().as_str().contains("before it is applied")
    );
}

#[test]
fn what_two_ways_lead_to_is_computed_once() {
    let query = |input: &str, expr: &str| {
        format!("type = 'query'\n[query]\ninputs = {{ {input} }}\nvalues = {{ v = '{expr}' }}")
    };
    let left = query("i = 'host'", "i.load.one + 1");
    let right = query("i = 'host'", "i.load.one + 2");
    let both = query("l = 'left', r = 'right'", "l.v * r.v");
    // By name the one that comes last would be computed first.
    let sources = [("a-both", &*both, "v"), ("left", &left, "v"), ("right", &right, "v")];
    let mut bench = bench(&sources);
    bench.at(1, Event::Read(reading(1, 1.0)));
    assert_eq!(number(&bench, 1), Some(6.0));
    let out = bench.at(1, Event::Read(reading(1, 2.0)));
    assert_eq!(number(&bench, 1), Some(12.0));
    assert_eq!(publications(&out, 1), 1, "not once for each way");
}

#[test]
fn of_each_interval_the_last_result_is_kept() {
    let slow = FUNNEL.replace("type = 'query'", "type = 'query'\ninterval = '2s'");
    let mut bench = bench(&[("funnel", &slow, "double")]);
    for at in 10..=15 {
        bench.at(at, Event::Read(reading(at, at as f64)));
    }
    let track = &bench.view(1).tracks[0];
    assert_eq!((track.start, track.step), (second(10), Interval::from_secs(2)));
    assert_eq!(track.values, [22.0, 26.0]);
    bench.at(16, Event::Tick);
    assert_eq!(bench.view(1).tracks[0].values, [22.0, 26.0, 30.0], "time alone ends an interval");
    let kept = bench.engine.list(&SeriesSelector::default(), 10);
    let kept: Vec<String> = kept.iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["funnel:double", "host:cpu.usage"]);
}

#[test]
fn trouble_of_an_input_is_trouble_of_what_is_derived() {
    let chain = "type = 'query'\n[query]\ninputs = { f = 'funnel' }\nvalues = { v = 'f.double' }";
    let mut bench = bench(&[("funnel", FUNNEL, "double"), ("second", chain, "v")]);
    bench.at(1, Event::Read(reading(1, 1.0)));
    bench.at(2, failure(2, "no answer"));
    assert_eq!(bench.quality(1), Quality::Error);
    assert_eq!(bench.cause(1), "host: no answer");
    assert_eq!(bench.cause(2), "funnel: host: no answer");
    assert_eq!(number(&bench, 2), Some(2.0), "the last good value stays");
    bench.at(3, Event::Read(reading(3, 2.0)));
    assert_eq!((bench.quality(1), bench.quality(2)), (Quality::Live, Quality::Live));
    bench.at(7, Event::Tick);
    assert_eq!((bench.quality(1), bench.quality(2)), (Quality::Stale, Quality::Stale));
    assert_eq!(bench.cause(2), "host is stale");
    bench.at(8, Event::Read(reading(8, 2.0)));
    assert_eq!((bench.quality(1), bench.quality(2)), (Quality::Live, Quality::Live));
}

#[test]
fn what_is_derived_promises_no_interval_of_its_own() {
    let mut bench = bench(&[("funnel", FUNNEL, "double")]);
    bench.at(1, Event::Read(reading(1, 1.0)));
    // Its input may be read once an hour: a client that counted intervals would call it stale.
    assert_eq!(bench.view(1).status.interval, Interval::ZERO);
}

#[test]
fn an_input_that_is_not_configured_or_off_is_told() {
    let lost = FUNNEL.replace("'host' }", "'host', x = 'lost' }");
    let mut bench = bench(&[("funnel", &lost, "double")]);
    let cause = "there is no source lost; apply a document source/lost";
    assert_eq!((bench.quality(1), bench.cause(1)), (Quality::Error, cause.to_owned()));
    let mut off = Configuration::clone(&documents(&[("funnel", FUNNEL, "double")]));
    Arc::make_mut(off.sources.get_mut(&name("host")).unwrap()).enabled = false;
    bench.step(Event::Configured(Arc::new(off)));
    assert!(bench.cause(1).starts_with("host: its source is switched off"), "{}", bench.cause(1));
    bench.step(Event::Configured(documents(&[("funnel", FUNNEL, "double")])));
    assert_eq!(bench.quality(1), Quality::Loading);
}

#[test]
fn what_is_absent_says_why() {
    let sources = [("funnel", &*FUNNEL.replace("load.one", "load.five"), "double")];
    let mut bench = bench(&sources);
    bench.at(1, Event::Read(reading(1, 1.0)));
    assert_eq!(bench.quality(1), Quality::Absent);
    assert_eq!(bench.cause(1), "double: host.load.five is not there");
}

#[test]
fn what_cannot_be_computed_at_all_is_an_error_of_the_source() {
    let wrong = FUNNEL.replace("host.load.one * 2", "host.load * 2");
    let mut bench = bench(&[("funnel", &wrong, "double")]);
    bench.at(1, Event::Read(reading(1, 1.0)));
    assert_eq!(bench.quality(1), Quality::Error);
    assert!(bench.cause(1).starts_with("double: "), "{}", bench.cause(1));
}

#[test]
fn sources_that_need_each_other_fail_instead_of_turning_in_circles() {
    let query = |input: &str| {
        format!("type = 'query'\n[query]\ninputs = {{ i = '{input}' }}\nvalues = {{ v = 'i.v' }}")
    };
    let (a, b) = (query("b"), query("a"));
    let mut bench = bench(&[("a", &a, "v"), ("b", &b, "v")]);
    bench.at(1, Event::Read(reading(1, 1.0)));
    assert_eq!(bench.quality(1), Quality::Error);
    assert!(bench.cause(1).contains("lead back to itself"), "{}", bench.cause(1));
}

#[test]
fn nobody_else_gives_readings_of_a_derived_source() {
    let mut bench = bench(&[("funnel", FUNNEL, "double")]);
    let mut forged = reading(1, 1.0);
    forged.source = name("funnel");
    assert!(bench.at(1, Event::Read(forged)).is_empty());
}

#[test]
fn a_changed_expression_counts_at_once() {
    let mut bench = bench(&[("funnel", FUNNEL, "double")]);
    bench.at(1, Event::Read(reading(1, 3.0)));
    let triple = FUNNEL.replace("* 2", "* 3");
    bench.step(Event::Configured(documents(&[("funnel", &triple, "double")])));
    assert_eq!(number(&bench, 1), Some(9.0));
}

const RATE: &str = "
type = 'query'
[query]
inputs = { host = 'host' }
[query.series.usage]
of = 'host.cpu.usage'
function = 'avg'
window = '10s'
[query.series.trend]
of = 'host.cpu.usage'
compare = 'yesterday'
window = '10s'
";

/// Answers questions of tracks that ended `shift` seconds before `now`, with one value a second.
fn answer(bench: &mut Bench, out: Vec<Output>, value: impl Fn(i64) -> f64) {
    for output in out {
        let Output::Backfill { asker: asker @ Asker::Track(_), request, range, .. } = output else {
            continue;
        };
        let seconds = range.start.as_millis() / 1_000..range.end.as_millis() / 1_000;
        let bucket = |at: i64| {
            let mean = value(at);
            Bucket { start: second(at), min: mean, max: mean, mean, count: 1 }
        };
        let series = vec![(series("cpu.usage", None), seconds.map(bucket).collect())];
        bench.step(Event::Backfilled { asker, request, series });
    }
}

#[test]
fn windows_begin_with_the_past_and_move_on_with_time() {
    let mut bench = Bench::new();
    let day = 86_400;
    bench.now = second(day + 100);
    let all = documents(&[("rates", RATE, "usage"), ("trend", RATE, "trend.change")]);
    let out = bench.step(Event::Configured(all));
    bench.open(1, "rates");
    bench.open(2, "trend");
    let questions = |out: &[Output]| {
        let track =
            |output: &&Output| matches!(output, Output::Backfill { asker: Asker::Track(_), .. });
        out.iter().filter(track).count()
    };
    assert_eq!(questions(&out), 6, "two of the present and one of yesterday, for each source");
    let at = |seconds: i64| if seconds < day { 10.0 } else { 30.0 };
    answer(&mut bench, out, at);
    bench.at(day + 101, Event::Read(reading(day + 101, 30.0)));
    assert_eq!(number(&bench, 1), Some(30.0));
    assert_eq!(number(&bench, 2), Some(20.0));
    // Without anything new the values leave the window.
    bench.at(day + 112, Event::Tick);
    assert_eq!(number(&bench, 1), None);
    let cause = bench.cause(1);
    assert!(cause.is_empty() || cause.contains("stale") || cause.contains("no values"), "{cause}");
    let out = bench.at(day + 161, Event::Tick);
    assert_eq!(questions(&out), 2, "yesterday is asked for again");
}

#[test]
fn while_the_past_is_read_results_over_it_are_not_there_yet() {
    let mut bench = bench(&[("rates", RATE, "trend.change")]);
    bench.at(1, Event::Read(reading(1, 30.0)));
    assert_eq!(number(&bench, 1), None);
    assert_eq!(bench.cause(1), "trend: its past is being read");
}

/// What each of some derived sources adds to the sum of its inputs.
fn model(inputs: &[Vec<usize>], base: f64) -> Vec<f64> {
    let mut values: Vec<f64> = Vec::new();
    for (index, inputs) in inputs.iter().enumerate() {
        let sum: f64 = inputs.iter().map(|input| values.get(*input).copied().unwrap_or(base)).sum();
        values.push(sum + index as f64);
    }
    values
}

proptest! {
    #[test]
    fn whatever_needs_whatever_each_is_what_it_should_be_and_computed_once(
        needs in proptest::collection::vec(proptest::collection::vec(0..9_usize, 1..4), 1..9),
        bases in proptest::collection::vec(0..9_u8, 1..6),
    ) {
        // Each needs only what comes before it; names are in another order.
        let needs: Vec<Vec<usize>> = needs.into_iter().enumerate().map(|(index, mut inputs)| {
            for input in &mut inputs {
                *input = if *input < index { *input } else { 99 };
            }
            inputs.sort_unstable();
            inputs.dedup();
            inputs
        }).collect();
        let id = |index: usize| format!("d{}", (index * 7) % 10);
        let sources: Vec<(String, String)> = needs.iter().enumerate().map(|(index, inputs)| {
            let input = |input: &usize| match input {
                99 => ("i99 = 'host'".to_owned(), "i99.load.one".to_owned()),
                of => (format!("i{of} = '{}'", id(*of)), format!("i{of}.v")),
            };
            let (names, terms): (Vec<_>, Vec<_>) = inputs.iter().map(input).unzip();
            (id(index), format!(
                "type = 'query'\n[query]\ninputs = {{ {} }}\nvalues = {{ v = '{} + {index}' }}",
                names.join(", "), terms.join(" + "),
            ))
        }).collect();
        let shown: Vec<(&str, &str, &str)> =
            sources.iter().map(|(id, toml)| (id.as_str(), toml.as_str(), "v")).collect();
        let mut bench = bench(&shown);
        for (at, base) in (1..).zip(bases) {
            let out = bench.at(at, Event::Read(reading(at, f64::from(base))));
            for (index, value) in model(&needs, f64::from(base)).into_iter().enumerate() {
                let feed = index as u64 + 1;
                prop_assert_eq!(number(&bench, feed), Some(value));
                // One for the value and one for the sample of the interval that is over.
                prop_assert!(publications(&out, feed) <= 2);
            }
        }
    }
}
