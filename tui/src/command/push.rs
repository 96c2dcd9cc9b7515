//! `ccm push`: reports values to a source of the type push.

use std::io::Read as _;
use std::process::ExitCode;

use ccm_proto::wire;

use super::output::print;
use super::{CommandError, Connection};
use crate::cli::{LinkArgs, PushArgs};

/// The most that is read from standard input, in bytes: what the daemon takes in one report.
const INPUT_MAX: u64 = 1 << 20;

/// The name of a value that is given alone.
const ALONE: &str = "value";

/// Runs the command.
pub(super) async fn run(args: &PushArgs, link: &LinkArgs) -> Result<ExitCode, CommandError> {
    let report = report(args, &mut std::io::stdin().lock())?;
    let connection = Connection::open(link).await?;
    let request = wire::ReportRequest { reports: vec![report], modules: Vec::new() };
    let response = connection.ingest().report(request).await?.into_inner();
    let values = |count| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
    let mut text = format!("{} reported\n", values(response.accepted));
    if response.outdated > 0 {
        text.push_str(&format!(
            "{} older than what is known, or than they may be\n",
            values(response.outdated)
        ));
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// What is reported. Only `--json -` reads `input`.
fn report(args: &PushArgs, input: &mut impl std::io::Read) -> Result<wire::Report, CommandError> {
    let mut report = wire::Report {
        source: args.source.to_string(),
        at_ms: args.at.map_or(0, ccm_proto::model::Timestamp::as_millis),
        ..wire::Report::default()
    };
    match (&args.json, args.values.as_slice()) {
        (Some(json), []) => report.values_json = object(json, input)?,
        (Some(_), _) => return Err(usage("give --json or values, not both")),
        (None, []) => {
            return Err(usage("give a value, NAME=VALUE pairs, or --json with an object"));
        }
        (None, [alone]) if !alone.contains('=') => report.values.push(value(ALONE, alone)),
        (None, pairs) => {
            for pair in pairs {
                let parts = pair.split_once('=').filter(|(name, _)| !name.is_empty());
                let (name, text) = parts.ok_or_else(|| {
                    usage(&format!("{pair:?} is no NAME=VALUE; several values all have names"))
                })?;
                report.values.push(value(name, text));
            }
        }
    }
    Ok(report)
}

fn usage(sentence: &str) -> CommandError {
    CommandError::Usage(sentence.to_owned())
}

/// JSON as an object of values; what is no object is a value alone.
fn object(json: &str, input: &mut impl std::io::Read) -> Result<String, CommandError> {
    let mut text = json.to_owned();
    if json == "-" {
        text.clear();
        let read = input.take(INPUT_MAX + 1).read_to_string(&mut text);
        read.map_err(|error| CommandError::io("cannot read standard input", error))?;
        if text.len() as u64 > INPUT_MAX {
            return Err(usage("standard input holds more than 1 MiB; report less at once"));
        }
    }
    let value: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| usage(&format!("what should be JSON is not: {error}")))?;
    Ok(match value {
        serde_json::Value::Object(_) => text,
        alone => serde_json::json!({ ALONE: alone }).to_string(),
    })
}

/// A value as it is typed: a number or a truth where it is one, else text.
fn value(name: &str, text: &str) -> wire::ReportedValue {
    use wire::scalar::Kind;
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    let kind = match (text, text.parse::<i64>(), number) {
        ("true", ..) => Kind::Boolean(true),
        ("false", ..) => Kind::Boolean(false),
        (_, Ok(integer), _) => Kind::Integer(integer),
        (_, _, Some(number)) => Kind::Number(number),
        _ => Kind::Text(text.to_owned()),
    };
    wire::ReportedValue { name: name.to_owned(), value: Some(wire::Scalar { kind: Some(kind) }) }
}

#[cfg(test)]
mod tests {
    use ccm_proto::wire::scalar::Kind;
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn of(words: &[&str], input: &str) -> Result<wire::Report, CommandError> {
        let words = ["ccm", "push"].iter().chain(words);
        let Some(Command::Push(args)) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a push")
        };
        report(&args, &mut input.as_bytes())
    }

    #[test]
    fn values_are_read_as_they_are_typed() {
        let table = [
            ("3", Kind::Integer(3)),
            ("-3", Kind::Integer(-3)),
            ("2.5", Kind::Number(2.5)),
            ("true", Kind::Boolean(true)),
            ("ready", Kind::Text("ready".to_owned())),
            ("nan", Kind::Text("nan".to_owned())),
        ];
        for (typed, kind) in table {
            let report = of(&["sales", typed], "").unwrap();
            assert_eq!(report.values[0].name, "value");
            assert_eq!(report.values[0].value.as_ref().unwrap().kind, Some(kind), "{typed}");
        }
        let report = of(&["sales", "total=3", "state=a=b", "--at", "1700000000000"], "").unwrap();
        assert_eq!((report.values.len(), report.at_ms), (2, 1_700_000_000_000));
        assert_eq!(
            report.values[1].value.as_ref().unwrap().kind,
            Some(Kind::Text("a=b".to_owned()))
        );
    }

    #[test]
    fn json_is_an_object_or_a_value_alone() {
        let report = of(&["sales", "--json", "{\"a\": {\"b\": 1}}"], "").unwrap();
        assert_eq!(report.values_json, "{\"a\": {\"b\": 1}}");
        assert_eq!(of(&["sales", "--json", "-"], "[1]").unwrap().values_json, "{\"value\":[1]}");
    }

    #[test]
    fn what_makes_no_sense_is_a_sentence() {
        let table: [(&[&str], &str); 5] = [
            (&["sales"], "give a value"),
            (&["sales", "1", "--json", "{}"], "not both"),
            (&["sales", "a=1", "2"], "no NAME=VALUE"),
            (&["sales", "=1"], "no NAME=VALUE"),
            (&["sales", "--json", "{"], "should be JSON"),
        ];
        for (words, part) in table {
            let error = of(words, "").unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let much = "1".repeat(2 << 20);
        assert!(of(&["sales", "--json", "-"], &much).unwrap_err().to_string().contains("1 MiB"));
    }
}
