//! What is made of a command's output and exit. Pure.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt as _;

use ccm_proto::SafeText;
use ccm_proto::model::source::exec::ExecFormat;
use ccm_proto::model::source::{ExecConfig, Extract, PrometheusConfig};
use ccm_proto::model::{Name, Reading, Value};

use super::run::Finished;
use crate::collect::Moment;
use crate::collect::extract::Extractor;
use crate::collect::prometheus::exposition::Format;
use crate::collect::prometheus::{Scrape, Scraper};
use crate::collect::tree::{self, Numbers};

/// The most lines of `name value` in one answer.
const LINES_MAX: usize = 10_000;

/// The signal that the system sends when processor time is used up, on every Unix.
const SIGXCPU: i32 = 24;
const SIGKILL: i32 = 9;
const SIGABRT: i32 = 6;

/// Makes readings of answers.
pub(super) enum Answers {
    /// One JSON value each.
    Json(Extractor),
    /// Lines of `name value`.
    Lines(Name, Numbers),
    /// Prometheus text.
    Prometheus(Name, Box<Scraper>),
}

impl Answers {
    /// Answers of a source in a format.
    pub(super) fn new(
        source: &Name,
        format: ExecFormat,
        extract: Option<&Extract>,
    ) -> Result<Self, SafeText> {
        let refused = |sentence: String| Err(SafeText::from(sentence));
        if extract.is_some() && format != ExecFormat::Json {
            let sentence = "[extract] goes with format = \"json\" of [exec], and says what other text is \
                by its own format; leave one of them out";
            return refused(sentence.to_owned());
        }
        match format {
            ExecFormat::Json => match Extractor::new(source, extract) {
                Ok(extractor) => Ok(Self::Json(extractor)),
                Err(error) => refused(format!("extract.{error}")),
            },
            ExecFormat::Lines => Ok(Self::Lines(source.clone(), Numbers::new(source.clone()))),
            // The rules of a scrape that names nothing: everything is kept.
            ExecFormat::Prometheus => {
                match serde_json::from_value::<PrometheusConfig>(serde_json::json!({ "url": "" })) {
                    Ok(config) => {
                        let scraper = Scraper::new(source.clone(), config);
                        Ok(Self::Prometheus(source.clone(), Box::new(scraper)))
                    }
                    Err(error) => refused(format!("metrics cannot be read ({error}); report this")),
                }
            }
        }
    }

    /// The reading that an answer makes, or what is wrong with the answer.
    pub(super) fn reading(&mut self, moment: Moment, output: &[u8]) -> Result<Reading, SafeText> {
        let at = moment.at;
        match self {
            Self::Json(extractor) => {
                if output.trim_ascii().is_empty() && !extractor.takes_nothing() {
                    let sentence = "the command wrote nothing; it should write its answer";
                    return Err(SafeText::from(sentence));
                }
                let body = extractor.parse(output);
                let body = body.map_err(|error| SafeText::from(error.to_string()))?;
                Ok(extractor.reading(at, body))
            }
            Self::Lines(source, numbers) => {
                let value = lines(output)?;
                let samples = numbers.samples(&value);
                Ok(Reading { source: source.clone(), at, value, samples })
            }
            Self::Prometheus(source, scraper) => {
                let scrape = scraper.read(output, Format::Text, moment.elapsed);
                let Scrape { value, samples, .. } =
                    scrape.map_err(|error| SafeText::from(error.to_string()))?;
                Ok(Reading { source: source.clone(), at, value, samples })
            }
        }
    }
}

/// Lines of `name value`; empty ones and those that begin with `#` say nothing.
pub fn lines(output: &[u8]) -> Result<Value, SafeText> {
    let text = std::str::from_utf8(output).map_err(|error| {
        let at = error.valid_up_to();
        SafeText::from(format!(
            "the command's output is not UTF-8 at byte {at}; have it write UTF-8"
        ))
    })?;
    let mut map = BTreeMap::new();
    let said = |line: &&str| !line.is_empty() && !line.starts_with('#');
    for (index, line) in text.lines().map(str::trim).filter(said).enumerate() {
        if index == LINES_MAX {
            let sentence = format!("the command wrote more than {LINES_MAX} values; write fewer");
            return Err(SafeText::from(sentence));
        }
        let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let placed = tree::check_path(name)
            .and_then(|()| tree::insert(&mut map, name, scalar(value.trim())));
        placed.map_err(|error| SafeText::from(error.to_string()))?;
    }
    if map.is_empty() {
        let sentence = "the command wrote no values; it should write lines of `name value`";
        return Err(SafeText::from(sentence));
    }
    Ok(Value::Map(map))
}

/// A value as people write it: a number where it is one. What is no number, or none that counts,
/// is absent.
fn scalar(text: &str) -> Value {
    match text {
        "" => Value::Absent,
        "true" => true.into(),
        "false" => false.into(),
        text => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => integer.into(),
            (_, Ok(number)) if number.is_finite() => number.into(),
            (_, Ok(_)) => Value::Absent,
            _ => text.into(),
        },
    }
}

/// Whether a command's end is a good one.
pub(super) fn judge(config: &ExecConfig, finished: &Finished) -> Result<(), SafeText> {
    let code = finished.status.code();
    if code.is_some_and(|code| code == 0 || config.ok_codes.contains(&code)) {
        return Ok(());
    }
    let said = finished.complaint.line();
    Err(SafeText::from(format!("the command {}", ended(config, finished.status, said.as_ref()))))
}

/// How a command ended, in words.
pub(super) fn ended(
    config: &ExecConfig,
    status: std::process::ExitStatus,
    said: Option<&SafeText>,
) -> String {
    let said = said.map(|line| format!(" and said {:?}", line.as_str())).unwrap_or_default();
    match (status.code(), status.signal()) {
        (Some(code), _) => {
            format!("ended with exit code {code}{said}; see why by running it by hand")
        }
        (None, Some(SIGXCPU)) => format!(
            "took more than {} s of processor time and was ended; have it do less, or raise cpu_seconds",
            config.cpu_seconds
        ),
        (None, Some(signal @ (SIGKILL | SIGABRT))) => format!(
            "was ended by signal {signal}{said}; it may need more memory than memory_bytes allows"
        ),
        (None, Some(signal)) => format!("was ended by signal {signal}{said}; see what sends it"),
        (None, None) => format!("ended in an unknown way{said}; see why by running it by hand"),
    }
}

/// Why a command did not start.
pub(super) fn not_started(program: &str, error: &io::Error) -> SafeText {
    let program = SafeText::new(program);
    let sentence = match error.kind() {
        io::ErrorKind::NotFound => format!(
            "{program} or the directory that it should run in is not there; correct the document"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("the daemon may not run {program}; see its permissions")
        }
        _ => format!("{program} cannot be started ({error}); see the limits of the daemon"),
    };
    SafeText::from(sentence)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ccm_proto::model::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const MOMENT: Moment = Moment { at: Timestamp::EPOCH, elapsed: Duration::ZERO };

    fn answers(format: ExecFormat) -> Answers {
        Answers::new(&Name::new("s").unwrap(), format, None).unwrap()
    }

    fn read(format: ExecFormat, output: &[u8]) -> Result<Reading, SafeText> {
        answers(format).reading(MOMENT, output)
    }

    #[test]
    fn lines_are_names_and_values() {
        let text = b"# comment\n\n queue.length 42\nqueue.name  mails out\nok true\nload -0.5e1\nnone\nnan NaN\ninf inf\n";
        let reading = read(ExecFormat::Lines, text).unwrap();
        let at = |path: &str| reading.value.at(path).cloned().unwrap();
        assert_eq!(at("queue.length"), Value::Integer(42));
        assert_eq!(at("queue.name"), "mails out".into());
        assert_eq!(at("ok"), Value::Boolean(true));
        assert_eq!(at("load"), Value::Number(-5.0));
        assert!(at("none").is_absent() && at("nan").is_absent() && at("inf").is_absent());
        let series: Vec<String> = reading.samples.keys.iter().map(ToString::to_string).collect();
        assert_eq!(series, ["s:load", "s:ok", "s:queue.length"]);
    }

    #[test]
    fn prometheus_text_is_read_as_a_target_is() {
        let text = b"# TYPE jobs gauge\njobs{queue=\"mails\"} 3\nup 1\n";
        let reading = read(ExecFormat::Prometheus, text).unwrap();
        let series: Vec<String> = reading.samples.keys.iter().map(ToString::to_string).collect();
        assert_eq!(series, ["s:jobs{queue=\"mails\"}", "s:up"]);
        assert!(read(ExecFormat::Prometheus, b"{\"a\": 1}").is_err());
    }

    #[test]
    fn what_is_no_answer_is_a_sentence() {
        let deep = "[".repeat(100_000);
        let many = "a 1\n".repeat(LINES_MAX + 1);
        let table: [(ExecFormat, &[u8], &str); 9] = [
            (ExecFormat::Json, b" \n", "nothing"),
            (ExecFormat::Json, b"{\"a\": NaN}", "not JSON"),
            (ExecFormat::Json, b"{\"a\": 1", "not JSON"),
            (ExecFormat::Json, b"{\"a\": \"\xff\"}", "not JSON"),
            (ExecFormat::Json, deep.as_bytes(), "deep"),
            (ExecFormat::Lines, b"a \xff", "UTF-8 at byte 2"),
            (ExecFormat::Lines, b"# nothing", "no values"),
            (ExecFormat::Lines, b"a 1\na.b 2", "values below"),
            (ExecFormat::Lines, many.as_bytes(), "more than"),
        ];
        for (format, output, part) in table {
            let sentence = read(format, output).unwrap_err();
            assert!(sentence.as_str().contains(part), "{sentence}");
        }
    }

    #[test]
    fn a_repeated_name_counts_by_its_last_value() {
        let reading = read(ExecFormat::Lines, b"a 1\na 2").unwrap();
        assert_eq!(reading.value.at("a"), Some(&Value::Integer(2)));
        let reading = read(ExecFormat::Json, b"{\"a\": 1, \"a\": 2}").unwrap();
        assert_eq!(reading.value.at("a"), Some(&Value::Integer(2)));
    }

    #[test]
    fn a_list_of_no_items_is_an_answer() {
        let source = Name::new("containers").unwrap();
        let extract = |format: &str| {
            serde_json::from_value::<Extract>(serde_json::json!({
                "format": format,
                "values": { "running": { "path": "$[*]", "combine": "count" } },
            }))
            .unwrap()
        };
        let read = |format: &str| {
            let answers = Answers::new(&source, ExecFormat::Json, Some(&extract(format)));
            answers.unwrap().reading(MOMENT, b"\n")
        };
        let running = read("json_lines").unwrap().value;
        assert_eq!(running.at("running"), Some(&Value::Integer(0)));
        assert!(read("json").unwrap_err().as_str().contains("wrote nothing"));
    }

    proptest! {
        #[test]
        fn no_output_makes_reading_panic(output in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(ExecFormat::Lines, &output);
            let _ = read(ExecFormat::Json, &output);
            let _ = read(ExecFormat::Prometheus, &output);
        }

        #[test]
        fn what_lines_say_is_found(values in prop::collection::btree_map("[a-z]{1,8}", any::<i64>(), 1..30)) {
            let text: String = values.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
            let reading = read(ExecFormat::Lines, text.as_bytes()).unwrap();
            for (name, value) in values {
                prop_assert_eq!(reading.value.at(&name), Some(&Value::Integer(value)));
            }
        }
    }
}
