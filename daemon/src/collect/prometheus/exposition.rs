//! Prometheus' text format 0.0.4 and OpenMetrics 1.0, line by line, without a copy of anything.
//!
//! What both forbid but no reader misunderstands (a `\r` before the line's end, a missing last
//! line end, comments of one's own, an unknown escape) is taken as it stands.

mod error;
mod labels;
mod number;

pub use error::{Cause, ParseError};
pub use labels::{Labels, unescape};
pub use number::parse_number;

use labels::is_name_byte;

/// The most bytes of a line; a help text or a series of 64 labels stay far below.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// The most bytes of a metric's or label's name.
pub const NAME_BYTES_MAX: usize = 256;

/// The most labels of a series; an exporter of Kubernetes has about 30.
pub const LABELS_MAX: usize = 64;

/// The most bytes of a label's value; paths and statements of SQL fit.
pub const LABEL_BYTES_MAX: usize = 4 << 10;

/// The most lines of one answer: series of the highest limit with their comments, several times.
pub const LINES_MAX: usize = 4_000_000;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own text format.
    Text,
    /// OpenMetrics, which has exemplars and a last line.
    OpenMetrics,
}

/// What a target is asked for. The text format comes first: it says the same in fewer bytes.
pub const ACCEPT: &str = "text/plain;version=0.0.4;q=1,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.5,*/*;q=0.1";

impl Format {
    /// The format that a media type names; none for what is no metrics at all. Without a media
    /// type it is text.
    pub fn of(content_type: Option<&str>) -> Option<Self> {
        let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        match essence.trim().to_ascii_lowercase().as_str() {
            "" | "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            _ => None,
        }
    }
}

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rises only.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Cumulative buckets.
    Histogram,
    /// Quantiles that the target computed.
    Summary,
    /// Nothing is said.
    Unknown,
    /// Text in labels, with the value 1.
    Info,
    /// A sample for each state, 1 for those that hold.
    StateSet,
    /// Buckets that rise and fall.
    GaugeHistogram,
}

impl Kind {
    const WORDS: [(&str, Self); 9] = [
        ("counter", Self::Counter),
        ("gauge", Self::Gauge),
        ("histogram", Self::Histogram),
        ("summary", Self::Summary),
        ("unknown", Self::Unknown),
        ("untyped", Self::Unknown),
        ("info", Self::Info),
        ("stateset", Self::StateSet),
        ("gaugehistogram", Self::GaugeHistogram),
    ];

    fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
    }

    /// The word for it in OpenMetrics.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("unknown", |(word, _)| word)
    }
}

/// One line that says something.
#[derive(Clone, Debug, PartialEq)]
pub enum Line<'a> {
    /// What the samples of a family are.
    Type {
        /// The family.
        family: &'a str,
        /// Its kind.
        kind: Kind,
    },
    /// What a family is for.
    Help {
        /// The family.
        family: &'a str,
        /// The text, still escaped.
        text: &'a str,
    },
    /// The unit of a family.
    Unit {
        /// The family.
        family: &'a str,
        /// The unit.
        unit: &'a str,
    },
    /// A number.
    Sample(Sample<'a>),
}

/// One number of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Name and labels as they stand in the answer.
    pub series: &'a str,
    /// The name.
    pub metric: &'a str,
    /// The labels.
    pub labels: Labels<'a>,
    /// The number.
    pub value: f64,
    /// When it was so, in Unix milliseconds, if the target says.
    pub timestamp: Option<i64>,
    /// An example of what was counted.
    pub exemplar: Option<Exemplar<'a>>,
}

/// An example of what a counter or bucket counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar<'a> {
    /// What it is found by, such as a trace.
    pub labels: Labels<'a>,
    /// What was measured.
    pub value: f64,
    /// When, in Unix milliseconds.
    pub timestamp: Option<i64>,
}

/// The answer as text; the error names the line that is none.
pub fn text_of(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        ParseError { line: before.split(|byte| *byte == b'\n').count(), cause: Cause::Utf8 }
    })
}

/// Takes an answer apart, a line at a time.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a str,
    number: usize,
    format: Format,
    ended: bool,
}

impl<'a> Lines<'a> {
    /// From the first line on.
    pub fn new(text: &'a str, format: Format) -> Self {
        Self { rest: text, number: 0, format, ended: false }
    }

    /// The number of the line that was read last, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The next line that says something; none at the end.
    pub fn read(&mut self) -> Result<Option<Line<'a>>, ParseError> {
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            self.number += 1;
            let found = self.parse(line.strip_suffix('\r').unwrap_or(line));
            if let Some(line) = found.map_err(|cause| ParseError { line: self.number, cause })? {
                return Ok(Some(line));
            }
        }
        if self.format == Format::OpenMetrics && !self.ended {
            return Err(ParseError { line: self.number, cause: Cause::NoEnd });
        }
        Ok(None)
    }

    /// The value of the next line when that is a sample of `series`, written as it was before.
    /// Anything else is left for [`Lines::read`].
    pub fn read_known(&mut self, series: &str) -> Option<f64> {
        let rest = self.rest.as_bytes().strip_prefix(series.as_bytes())?.strip_prefix(b" ")?;
        if self.ended || self.number >= LINES_MAX {
            return None;
        }
        let start = self.rest.len() - rest.len();
        let (value, length) = if let Some(found) = number::whole_line(rest) {
            found
        } else {
            let rest = self.rest.get(start..)?;
            let end = rest.find('\n')?;
            (value_and_more(rest.get(..end)?, self.format).ok()?.0, end + 1)
        };
        self.rest = self.rest.get(start + length..)?;
        self.number += 1;
        Some(value)
    }

    fn parse(&mut self, line: &'a str) -> Result<Option<Line<'a>>, Cause> {
        if line.len() > LINE_BYTES_MAX {
            return Err(Cause::LineTooLong);
        }
        if self.number > LINES_MAX {
            return Err(Cause::TooManyLines);
        }
        let line = skip_blank(line);
        if self.ended && !line.is_empty() {
            return Err(Cause::AfterEnd);
        }
        if line.is_empty() {
            return Ok(None);
        }
        if let Some(comment) = line.strip_prefix('#') {
            if self.format == Format::OpenMetrics && comment == " EOF" {
                self.ended = true;
                return Ok(None);
            }
            return describing(comment);
        }
        sample(line, self.format).map(|sample| Some(Line::Sample(sample)))
    }
}

/// A comment: what it says of a family, or nothing.
fn describing(comment: &str) -> Result<Option<Line<'_>>, Cause> {
    let (word, rest) = next_word(comment);
    if !matches!(word, "TYPE" | "HELP" | "UNIT") {
        return Ok(None);
    }
    let (family, rest) = next_word(rest);
    if family.is_empty() || !labels::is_name(family) {
        return Err(Cause::metric(family));
    }
    Ok(Some(match word {
        "TYPE" => {
            let (word, _) = next_word(rest);
            let kind = Kind::parse(word).ok_or_else(|| Cause::kind(word))?;
            Line::Type { family, kind }
        }
        "UNIT" => Line::Unit { family, unit: next_word(rest).0 },
        _ => Line::Help { family, text: rest.strip_prefix([' ', '\t']).unwrap_or(rest) },
    }))
}

/// The metric's name and the labels of a series that [`Sample::series`] gave.
pub fn parse_series(series: &str) -> Result<(&str, Labels<'_>), Cause> {
    let (length, labels) = series_at(series)?;
    let metric_length = name_length(series);
    match series.get(length..) {
        Some("") => Ok((&series[..metric_length], labels)),
        rest => Err(Cause::value(rest.unwrap_or_default())),
    }
}

fn name_length(text: &str) -> usize {
    text.bytes().position(|b| !is_name_byte(b)).unwrap_or(text.len())
}

/// How long name and labels at the beginning of a text are, and the labels.
fn series_at(line: &str) -> Result<(usize, Labels<'_>), Cause> {
    let length = name_length(line);
    let (metric, rest) = line.split_at(length);
    if metric.is_empty() || !labels::is_name(metric) {
        return Err(Cause::metric(line));
    }
    if metric.len() > NAME_BYTES_MAX {
        return Err(Cause::NameTooLong);
    }
    match skip_blank(rest).strip_prefix('{') {
        Some(inside) => {
            let labels = labels::scan(inside)?;
            let start = line.len() - inside.len();
            Ok((start + labels.as_str().len() + 1, labels))
        }
        None => Ok((length, Labels::default())),
    }
}

fn sample(line: &str, format: Format) -> Result<Sample<'_>, Cause> {
    let (length, labels) = series_at(line)?;
    let (series, rest) = line.split_at(length);
    if labels.is_empty()
        && !rest.is_empty()
        && !rest.starts_with([' ', '\t'])
        && !series.ends_with('}')
    {
        return Err(Cause::metric(rest));
    }
    let (value, timestamp, exemplar) = value_and_more(rest, format)?;
    let metric = &line[..name_length(line)];
    Ok(Sample { series, metric, labels, value, timestamp, exemplar })
}

type ValueAndMore<'a> = (f64, Option<i64>, Option<Exemplar<'a>>);

/// What follows name and labels on a line.
fn value_and_more(rest: &str, format: Format) -> Result<ValueAndMore<'_>, Cause> {
    let rest = rest.strip_suffix('\r').unwrap_or(rest);
    let (word, rest) = next_word(rest);
    let value = parse_number(word).ok_or_else(|| Cause::value(word))?;
    let (timestamp, rest) = timestamp_at(rest, format)?;
    let rest = skip_blank(rest);
    if rest.is_empty() {
        return Ok((value, timestamp, None));
    }
    match rest.strip_prefix('#') {
        Some(exemplar) if format == Format::OpenMetrics => {
            Ok((value, timestamp, Some(exemplar_of(exemplar)?)))
        }
        _ => Err(Cause::more(rest)),
    }
}

fn exemplar_of(text: &str) -> Result<Exemplar<'_>, Cause> {
    let inside = skip_blank(text).strip_prefix('{').ok_or_else(|| Cause::more(text))?;
    let labels = labels::scan(inside)?;
    let rest = inside.get(labels.as_str().len() + 1..).unwrap_or_default();
    let (word, rest) = next_word(rest);
    let value = parse_number(word).ok_or_else(|| Cause::value(word))?;
    let (timestamp, rest) = timestamp_at(rest, Format::OpenMetrics)?;
    match skip_blank(rest) {
        "" => Ok(Exemplar { labels, value, timestamp }),
        more => Err(Cause::more(more)),
    }
}

/// A timestamp in milliseconds, if there is one, and what follows.
fn timestamp_at(text: &str, format: Format) -> Result<(Option<i64>, &str), Cause> {
    let (word, rest) = next_word(text);
    if word.is_empty() || word.starts_with('#') {
        return Ok((None, text));
    }
    let millis = match format {
        Format::Text => word.parse::<i64>().ok(),
        Format::OpenMetrics => number::millis(word),
    };
    millis.map(|millis| (Some(millis), rest)).ok_or_else(|| Cause::timestamp(word))
}

fn skip_blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// The next word and what follows it; the word is empty at the end.
fn next_word(text: &str) -> (&str, &str) {
    let text = skip_blank(text);
    let end = text.bytes().position(|b| b == b' ' || b == b'\t').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
