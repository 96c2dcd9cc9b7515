//! How a trial of a source is shown.

use ccm_proto::SafeText;
use ccm_proto::convert::SourceState;
use ccm_proto::model::Timestamp;
use ccm_proto::wire;
use serde_json::{Value, json};

use crate::command::Output;
use crate::command::output::utc;
use crate::command::status::quality;

/// What is shown of a body unless all of it is asked for.
const BODY_SHOWN: usize = 2_000;

/// Lines of the tree that are shown unless all of it is asked for.
const LINES_SHOWN: usize = 60;

/// Everything of a trial, for people.
pub(super) fn text(trial: &wire::TestSourceResponse, full: bool) -> String {
    let mut text = String::new();
    for exchange in &trial.exchanges {
        text.push_str(&self::exchange(exchange, full));
        text.push('\n');
    }
    if !trial.inputs.is_empty() {
        text.push_str("inputs\n");
        text.push_str(&inputs(&trial.inputs));
    }
    if !trial.value_json.is_empty() {
        text.push_str("values\n");
        text.push_str(&indented(&tree(&trial.value_json), full));
    }
    if !trial.samples.is_empty() {
        text.push_str("series\n");
        let mut table = Output::table(&[]);
        for sample in &trial.samples {
            let value =
                if sample.value.is_nan() { "absent".to_owned() } else { sample.value.to_string() };
            table.row(&["", &sample.series, &value, SafeText::new(&sample.unit).as_str()]);
        }
        text.push_str(table.to_text().trim_start_matches('\n'));
        if trial.more_samples > 0 {
            text.push_str(&format!("  … and {} more\n", trial.more_samples));
        }
    }
    text.push_str(&outcome(trial));
    text
}

/// What came of it, in a line.
fn outcome(trial: &wire::TestSourceResponse) -> String {
    let error = SafeText::new(&trial.error);
    let asked = !trial.exchanges.is_empty() || trial.total_ms > 0.0;
    match (error.is_empty(), trial.read_at_ms) {
        (false, _) if asked => format!("no reading ({:.0} ms): {error}\n", trial.total_ms),
        (false, _) => format!("no reading: {error}\n"),
        (true, 0) => format!("a reading in {:.0} ms\n", trial.total_ms),
        (true, at) if trial.inputs.is_empty() => format!("reported last at {}\n", utc(at)),
        (true, at) => format!("computed from the readings of its inputs, {}\n", utc(at)),
    }
}

fn inputs(inputs: &[wire::SourceStatus]) -> String {
    let mut table = Output::table(&[]);
    for input in inputs.iter().cloned().map(SourceState::from) {
        let at = input.last_success.map_or(0, Timestamp::as_millis);
        let read = if at > 0 { utc(at) } else { "never read".to_owned() };
        let cause = input.cause.as_ref().map(ToString::to_string).unwrap_or_default();
        table.row(&["", input.name.as_str(), quality(input.quality), &read, &cause]);
    }
    table.to_text().trim_start_matches('\n').to_owned()
}

fn exchange(exchange: &wire::Exchange, full: bool) -> String {
    let mut text = format!("> {}\n", SafeText::new(&exchange.asked));
    for header in &exchange.request_headers {
        text.push_str(&format!(">   {}\n", SafeText::new(header)));
    }
    if !exchange.credential.is_empty() {
        let name = SafeText::new(&exchange.credential);
        text.push_str(&format!(">   with the credential {name}, which is not shown\n"));
    }
    text.push_str(&body(&exchange.request_body, '>', full));
    let status = match (exchange.status, exchange.hit.as_str()) {
        (0, "ran") => "ended".to_owned(),
        (0, _) => "no answer".to_owned(),
        (status, _) => format!("status {status}"),
    };
    let phases: Vec<String> = exchange
        .phases
        .iter()
        .map(|phase| format!("{} {:.1} ms", SafeText::new(&phase.name), phase.ms))
        .collect();
    let from = match exchange.hit.as_str() {
        "miss" | "ran" => String::new(),
        hit => format!(" ({})", SafeText::new(hit)),
    };
    let mut line = vec![format!("< {status}{from}"), format!("{} bytes", exchange.answer_bytes)];
    line.extend(phases);
    text.push_str(&format!("{}\n", line.join(", ")));
    for header in &exchange.answer_headers {
        text.push_str(&format!("<   {}\n", SafeText::new(header)));
    }
    text.push_str(&body(&exchange.answer, '<', full));
    if !exchange.error.is_empty() {
        text.push_str(&format!("! {}\n", SafeText::new(&exchange.error)));
    }
    text
}

/// A body line by line; what is no text is said to be none.
fn body(bytes: &[u8], mark: char, full: bool) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    let shown = if full { bytes } else { bytes.get(..BODY_SHOWN).unwrap_or(bytes) };
    let mut text = String::new();
    for line in String::from_utf8_lossy(shown).lines() {
        text.push_str(&format!("{mark}   {}\n", SafeText::new(line)));
    }
    if shown.len() < bytes.len() {
        text.push_str(&format!(
            "{mark}   … {} bytes more; --full shows them\n",
            bytes.len() - shown.len()
        ));
    }
    text
}

fn tree(json: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn indented(tree: &str, full: bool) -> String {
    let lines: Vec<&str> = tree.lines().collect();
    let shown = if full { lines.len() } else { lines.len().min(LINES_SHOWN) };
    let mut text = String::new();
    for line in lines.iter().take(shown) {
        text.push_str(&format!("  {}\n", SafeText::new(line)));
    }
    if shown < lines.len() {
        text.push_str(&format!("  … {} lines more; --full shows them\n", lines.len() - shown));
    }
    text
}

/// Everything of a trial, for programs.
pub(super) fn json(trial: &wire::TestSourceResponse) -> Value {
    let exchange = |exchange: &wire::Exchange| {
        let phases: serde_json::Map<String, Value> =
            exchange.phases.iter().map(|phase| (phase.name.clone(), phase.ms.into())).collect();
        json!({
            "asked": exchange.asked,
            "request_headers": exchange.request_headers,
            "request_body": String::from_utf8_lossy(&exchange.request_body),
            "credential": (!exchange.credential.is_empty()).then_some(&exchange.credential),
            "hit": exchange.hit,
            "status": (exchange.status > 0).then_some(exchange.status),
            "answer_headers": exchange.answer_headers,
            "answer": String::from_utf8_lossy(&exchange.answer),
            "answer_bytes": exchange.answer_bytes,
            "phases_ms": phases,
            "error": (!exchange.error.is_empty()).then_some(&exchange.error),
        })
    };
    let sample = |sample: &wire::Sample| {
        let unit = (!sample.unit.is_empty()).then_some(&sample.unit);
        json!({ "series": sample.series, "value": sample.value, "unit": unit })
    };
    json!({
        "exchanges": trial.exchanges.iter().map(exchange).collect::<Vec<_>>(),
        "value": serde_json::from_str::<Value>(&trial.value_json).unwrap_or_default(),
        "samples": trial.samples.iter().map(sample).collect::<Vec<_>>(),
        "more_samples": trial.more_samples,
        "total_ms": trial.total_ms,
        "read_at_ms": (trial.read_at_ms > 0).then_some(trial.read_at_ms),
        "inputs": trial.inputs.iter().map(|input| &input.name).collect::<Vec<_>>(),
        "error": (!trial.error.is_empty()).then_some(&trial.error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_shows_what_went_out_and_what_came_back() {
        let exchange = wire::Exchange {
            asked: "GET https://api.example.com/v1/x?n=1".to_owned(),
            request_headers: vec!["accept: */*".to_owned()],
            credential: "stripe".to_owned(),
            hit: "miss".to_owned(),
            status: 200,
            answer_headers: vec!["content-type: application/json".to_owned()],
            answer: "{\"n\": 1,\n\"evil\": \"\u{1b}]52;c;AAAA\u{7}\"}".into(),
            answer_bytes: 30,
            phases: vec![wire::Phase { name: "total".to_owned(), ms: 12.34 }],
            ..wire::Exchange::default()
        };
        let trial = wire::TestSourceResponse {
            exchanges: vec![exchange],
            value_json: "{\"n\":1}".to_owned(),
            samples: vec![wire::Sample {
                series: "x:n".to_owned(),
                value: 1.0,
                unit: "orders".to_owned(),
            }],
            total_ms: 12.34,
            ..wire::TestSourceResponse::default()
        };
        insta::assert_snapshot!(text(&trial, false));
        assert_eq!(json(&trial)["value"]["n"], 1);
    }

    #[test]
    fn a_trial_of_what_is_computed_shows_from_what() {
        let input = |name: &str, quality: wire::Quality, cause: &str| wire::SourceStatus {
            name: name.to_owned(),
            r#type: "external_api".to_owned(),
            quality: quality.into(),
            last_success_ms: 1_795_183_402_000,
            cause: cause.to_owned(),
            ..wire::SourceStatus::default()
        };
        let mut trial = wire::TestSourceResponse {
            value_json: "{\"share\":0.5}".to_owned(),
            read_at_ms: 1_795_183_402_000,
            inputs: vec![
                input("shop", wire::Quality::Live, ""),
                input("stock", wire::Quality::Error, "stock.example.com answers 500"),
            ],
            ..wire::TestSourceResponse::default()
        };
        insta::assert_snapshot!(text(&trial, false));
        trial.inputs.clear();
        assert!(text(&trial, false).ends_with("reported last at 2026-11-20 14:03:22Z\n"));
        trial.error = "nothing was reported yet".to_owned();
        assert!(text(&trial, false).ends_with("no reading: nothing was reported yet\n"));
    }

    #[test]
    fn a_long_answer_is_shortened_and_says_so() {
        let long = vec![b'x'; BODY_SHOWN + 10];
        assert!(body(&long, '<', false).ends_with("… 10 bytes more; --full shows them\n"));
        assert!(!body(&long, '<', true).contains('…'));
    }
}
