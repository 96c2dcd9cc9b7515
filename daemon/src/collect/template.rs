//! Parameters whose texts are templates: moments such as `today` and `now-24h`, and variables.

use std::collections::BTreeMap;

use ccm_proto::SafeText;
use ccm_proto::model::source::Param;
use ccm_proto::model::source::external_api::TimeFormat;
use ccm_proto::model::{Interval, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan as _, Zoned};

/// How deep variables may stand for tables and lists.
const DEPTH_MAX: usize = 8;

/// Why a parameter has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no such variable.
    #[error(
        "there is no variable ${0}; give it a value in [variables], or write \\${0} for the text itself"
    )]
    Variable(SafeText),
    /// A list or table stands where only a plain value can.
    #[error("the variable ${0} is a list or a table, which has no place within a text")]
    Plain(SafeText),
    /// The moment is out of range.
    #[error("{0} is not a moment that can be written")]
    Moment(SafeText),
    /// There is no such time zone.
    #[error("there is no time zone {0}; zones are named as in Europe/Berlin")]
    Zone(SafeText),
    /// Too much of it.
    #[error("a parameter is nested more than {DEPTH_MAX} deep")]
    Depth,
}

/// What templates are resolved by.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// The moment that `now` stands for.
    pub now: Timestamp,
    /// The zone that days are of.
    pub zone: TimeZone,
    /// How moments are written.
    pub format: TimeFormat,
    /// What `$name` stands for.
    pub variables: &'a BTreeMap<String, Param>,
}

/// The zone of a name; UTC when none is given.
pub fn zone(name: Option<&str>) -> Result<TimeZone, TemplateError> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| TemplateError::Zone(SafeText::new(name)))
}

impl Scene<'_> {
    /// A parameter with its templates resolved.
    pub fn resolve(&self, param: &Param) -> Result<Param, TemplateError> {
        self.at_depth(param, 0)
    }

    fn at_depth(&self, param: &Param, depth: usize) -> Result<Param, TemplateError> {
        if depth > DEPTH_MAX {
            return Err(TemplateError::Depth);
        }
        Ok(match param {
            Param::Text(text) => self.text(text)?,
            Param::List(items) => {
                let items = items.iter().map(|item| self.at_depth(item, depth + 1));
                Param::List(items.collect::<Result<_, _>>()?)
            }
            Param::Table(entries) => {
                let resolve = |(key, item): (&String, &Param)| {
                    Ok((key.clone(), self.at_depth(item, depth + 1)?))
                };
                Param::Table(entries.iter().map(resolve).collect::<Result<_, TemplateError>>()?)
            }
            plain => plain.clone(),
        })
    }

    /// A whole text: a moment, a variable, or text with variables in it.
    fn text(&self, text: &str) -> Result<Param, TemplateError> {
        if let Some(literal) = text.strip_prefix('\\') {
            return Ok(Param::Text(literal.to_owned()));
        }
        if let Some(name) = text.strip_prefix('$').filter(|name| is_name(name)) {
            // What a variable holds may be a moment, but no further variable: no circle is possible.
            return match self.variable(name)? {
                Param::Text(value) => self.moment_or_text(value),
                other => Ok(other.clone()),
            };
        }
        if text.contains("${") {
            return self.woven(text).map(Param::Text);
        }
        self.moment_or_text(text)
    }

    fn moment_or_text(&self, text: &str) -> Result<Param, TemplateError> {
        match moment(text) {
            Some(moment) => {
                self.write(&moment).ok_or_else(|| TemplateError::Moment(SafeText::new(text)))
            }
            None => Ok(Param::Text(text.to_owned())),
        }
    }

    fn variable(&self, name: &str) -> Result<&Param, TemplateError> {
        self.variables.get(name).ok_or_else(|| TemplateError::Variable(SafeText::new(name)))
    }

    /// A text with every `${name}` in it replaced.
    fn woven(&self, text: &str) -> Result<String, TemplateError> {
        let mut woven = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            woven.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                woven.push_str("${");
                rest = after;
                continue;
            };
            match self.variable(name)? {
                Param::List(_) | Param::Table(_) => {
                    return Err(TemplateError::Plain(SafeText::new(name)));
                }
                plain => woven.push_str(&plain.to_string()),
            }
            rest = behind;
        }
        woven.push_str(rest);
        Ok(woven)
    }

    fn write(&self, moment: &Moment) -> Option<Param> {
        let now = Instant::from_millisecond(self.now.as_millis()).ok()?.to_zoned(self.zone.clone());
        let at = moment.of(&now)?;
        let stamp = at.timestamp();
        Some(match self.format {
            TimeFormat::Rfc3339 => {
                let whole = Instant::from_second(stamp.as_second()).ok()?;
                Param::Text(whole.to_string())
            }
            TimeFormat::Date => Param::Text(at.date().to_string()),
            TimeFormat::Seconds => Param::Integer(stamp.as_second()),
            TimeFormat::Millis => Param::Integer(stamp.as_millisecond()),
        })
    }
}

/// The templates of a JSON body resolved: those of its texts.
pub fn resolve_json(
    scene: &Scene<'_>,
    body: &serde_json::Value,
) -> Result<serde_json::Value, TemplateError> {
    use serde_json::Value as Json;
    Ok(match body {
        Json::String(text) => {
            let param = scene.text(text)?;
            serde_json::to_value(param).unwrap_or(Json::Null)
        }
        Json::Array(items) => {
            let items = items.iter().map(|item| resolve_json(scene, item));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Json::Object(map) => {
            let entry =
                |(key, item): (&String, &Json)| Ok((key.clone(), resolve_json(scene, item)?));
            Json::Object(map.iter().map(entry).collect::<Result<_, TemplateError>>()?)
        }
        plain => plain.clone(),
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A moment as templates name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    anchor: Anchor,
    /// Calendar days, which daylight saving may make longer or shorter than 24 hours.
    days: i64,
    millis: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Anchor {
    Now,
    Today,
    Week,
    Month,
    Year,
}

/// Words for the beginnings of moments; longer ones first where one begins another.
const ANCHORS: [(&str, Anchor, i64); 7] = [
    ("now", Anchor::Now, 0),
    ("today", Anchor::Today, 0),
    ("yesterday", Anchor::Today, -1),
    ("tomorrow", Anchor::Today, 1),
    ("this_week", Anchor::Week, 0),
    ("this_month", Anchor::Month, 0),
    ("this_year", Anchor::Year, 0),
];

/// The farthest that a moment lies from its anchor: beyond it nothing is meant, and calendars end.
const DAYS_MAX: i64 = 36_500;

/// Reads `today`, `now-24h`, `this_month+1d`; none when the text is something else.
fn moment(text: &str) -> Option<Moment> {
    let (word, anchor, days) = ANCHORS.into_iter().find(|(word, ..)| text.starts_with(word))?;
    let rest = text.get(word.len()..)?;
    if rest.is_empty() {
        return Some(Moment { anchor, days, millis: 0 });
    }
    let sign = match rest.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let offset = rest.get(1..)?;
    if let Some(count) = offset.strip_suffix('d') {
        let count: i64 = count.parse().ok().filter(|count| (0..=DAYS_MAX).contains(count))?;
        return Some(Moment { anchor, days: days + sign * count, millis: 0 });
    }
    let offset: Interval = offset.parse().ok()?;
    let millis = i64::try_from(offset.as_millis()).ok();
    let millis = millis.filter(|millis| *millis <= DAYS_MAX * 86_400_000)?;
    Some(Moment { anchor, days, millis: sign * millis })
}

impl Moment {
    fn of(self, now: &Zoned) -> Option<Zoned> {
        let start = |date: Date| date.to_zoned(now.time_zone().clone()).ok();
        let anchor = match self.anchor {
            Anchor::Now => now.clone(),
            Anchor::Today => start(now.date())?,
            Anchor::Week => {
                let since_monday = i64::from(now.weekday().to_monday_zero_offset());
                start(now.date().checked_sub(since_monday.days()).ok()?)?
            }
            Anchor::Month => start(now.date().first_of_month())?,
            Anchor::Year => start(now.date().first_of_year())?,
        };
        let moved = anchor.checked_add(self.days.days()).ok()?;
        moved.checked_add(self.millis.milliseconds()).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn variables() -> BTreeMap<String, Param> {
        BTreeMap::from([
            ("region".to_owned(), Param::from("eu")),
            ("since".to_owned(), Param::from("today")),
            ("n".to_owned(), Param::Integer(3)),
            ("list".to_owned(), Param::List(vec![Param::Integer(1)])),
        ])
    }

    /// 2026-03-29 12:30:00 UTC: in Berlin the day on which summer time begins.
    fn resolve(text: &str, zone_name: &str, format: TimeFormat) -> Result<Param, TemplateError> {
        let variables = variables();
        let now = Timestamp::from_millis(1_774_787_400_000);
        let zone = zone(Some(zone_name)).unwrap();
        Scene { now, zone, format, variables: &variables }.resolve(&Param::from(text))
    }

    #[test]
    fn moments_are_written_as_the_service_wants_them() {
        use TimeFormat::{Date, Millis, Rfc3339, Seconds};
        let table = [
            ("now", "UTC", Rfc3339, "2026-03-29T12:30:00Z"),
            ("now-24h", "UTC", Rfc3339, "2026-03-28T12:30:00Z"),
            ("today", "UTC", Date, "2026-03-29"),
            ("today", "Europe/Berlin", Rfc3339, "2026-03-28T23:00:00Z"),
            ("tomorrow", "Europe/Berlin", Rfc3339, "2026-03-29T22:00:00Z"),
            ("yesterday", "America/New_York", Date, "2026-03-28"),
            ("today-7d", "UTC", Date, "2026-03-22"),
            ("this_week", "UTC", Date, "2026-03-23"),
            ("this_month", "UTC", Date, "2026-03-01"),
            ("this_year+1d", "UTC", Date, "2026-01-02"),
            ("now", "UTC", Seconds, "1774787400"),
            ("now+500ms", "UTC", Millis, "1774787400500"),
            ("$since", "UTC", Date, "2026-03-29"),
        ];
        for (text, zone, format, expect) in table {
            assert_eq!(resolve(text, zone, format).unwrap().to_string(), expect, "{text} {zone}");
        }
    }

    #[test]
    fn what_only_looks_like_a_moment_stays_as_it_is() {
        for text in [
            "nowhere",
            "today!",
            "now-",
            "now-x",
            "now 1h",
            "todays",
            "",
            "2026-03-01",
            "now-99999999d",
            "now-77777777w",
            "today+213503982334w",
        ] {
            assert_eq!(resolve(text, "UTC", TimeFormat::Date), Ok(Param::from(text)));
        }
        assert_eq!(resolve("\\today", "UTC", TimeFormat::Date), Ok(Param::from("today")));
    }

    #[test]
    fn variables_stand_alone_or_within_text() {
        let plain = |text| resolve(text, "UTC", TimeFormat::Date);
        assert_eq!(plain("$n"), Ok(Param::Integer(3)));
        assert_eq!(plain("shop-${region}-${n}"), Ok(Param::from("shop-eu-3")));
        assert_eq!(plain("$list"), Ok(Param::List(vec![Param::Integer(1)])));
        assert_eq!(plain("a ${ b"), Ok(Param::from("a ${ b")));
        assert_eq!(plain("100 $"), Ok(Param::from("100 $")));
        assert!(matches!(plain("$gone"), Err(TemplateError::Variable(_))));
        assert!(matches!(plain("x${list}"), Err(TemplateError::Plain(_))));
        assert!(matches!(zone(Some("Mars/Olympus")), Err(TemplateError::Zone(_))));
    }

    #[test]
    fn bodies_are_resolved_all_the_way_down() {
        let (variables, zone) = (variables(), TimeZone::UTC);
        let now = Timestamp::from_millis(0);
        let scene = Scene { now, zone, format: TimeFormat::Date, variables: &variables };
        let body = serde_json::json!({"dateRanges": [{"startDate": "today", "n": "$n"}], "x": 1});
        let expect =
            serde_json::json!({"dateRanges": [{"startDate": "1970-01-01", "n": 3}], "x": 1});
        assert_eq!(resolve_json(&scene, &body).unwrap(), expect);
    }

    proptest! {
        #[test]
        fn any_text_has_a_value_or_an_error(text in "[a-z$\\{}+\\-0-9]{0,24}", now in any::<i64>()) {
            let variables = variables();
            let scene = Scene {
                now: Timestamp::from_millis(now),
                zone: TimeZone::UTC,
                format: TimeFormat::Rfc3339,
                variables: &variables,
            };
            let _ = scene.resolve(&Param::Text(text));
        }
    }
}
