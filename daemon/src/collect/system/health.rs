//! The composite score of a machine's health, 0 to 100.
//!
//! Every component has a score of its own: piecewise linear over what was measured, where 80 and
//! 50 are the upper ends of the bands `warning` and `critical`. The composite is their weighted
//! mean, over the components that are there, and never better than what its worst component
//! allows: up to a score of 80 that is the component's own score, so one full disk makes the whole
//! critical however idle the rest is; from there it rises to 100 at 90, so that there is no jump
//! where the component leaves its band. Being busy is not being ill: processor, disks' time and
//! load end in the band `warning` unless they are far beyond what the machine can do.

use ccm_proto::model::Value;

use super::rate::tenths;

/// A measured number and its score; between two points the score is linear.
type Scale = &'static [(f64, f64)];

const CPU: Scale = &[(60.0, 100.0), (90.0, 80.0), (100.0, 60.0)];
const LOAD: Scale = &[(0.8, 100.0), (1.5, 80.0), (4.0, 50.0), (16.0, 0.0)];
const MEMORY: Scale = &[(60.0, 100.0), (85.0, 80.0), (95.0, 50.0), (100.0, 0.0)];
const SWAP: Scale = &[(0.1, 100.0), (5.0, 80.0), (50.0, 50.0), (400.0, 10.0)];
const PRESSURE: Scale = &[(5.0, 100.0), (25.0, 80.0), (60.0, 50.0), (100.0, 0.0)];
const SPACE: Scale = &[(70.0, 100.0), (85.0, 80.0), (95.0, 50.0), (100.0, 0.0)];
const DISK: Scale = &[(50.0, 100.0), (90.0, 80.0), (100.0, 60.0)];
const HEAT: Scale = &[(70.0, 100.0), (90.0, 80.0), (100.0, 50.0), (110.0, 0.0)];

/// What a sensor is measured against when it does not tell its own limit.
const CRITICAL_CELSIUS: f64 = 100.0;

const BYTES_PER_MEBIBYTE: f64 = 1_048_576.0;

/// One part of the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// What it is about.
    pub name: &'static str,
    /// 0 to 100.
    pub score: f64,
    /// Its part in the mean; parts need not add up to anything.
    pub weight: f64,
    /// What was measured, in a few words.
    pub detail: String,
}

/// The components that a reading has; `reading` is its tree without the branch `health`.
pub fn components(reading: &Value) -> Vec<Component> {
    let parts = [
        cpu(reading),
        load(reading),
        memory(reading),
        swap(reading),
        pressure(reading),
        space(reading),
        disk(reading),
        heat(reading),
    ];
    parts.into_iter().flatten().collect()
}

/// The composite score; none without any component.
pub fn score(components: &[Component]) -> Option<f64> {
    let weight: f64 = components.iter().map(|component| component.weight).sum();
    if weight <= 0.0 {
        return None;
    }
    let weighted: f64 = components.iter().map(|c| c.score * c.weight).sum();
    let worst = components.iter().map(|component| component.score).fold(100.0, f64::min);
    Some(tenths((weighted / weight).min(allowed(worst)).clamp(0.0, 100.0)))
}

/// The best composite score that the worst component allows.
fn allowed(worst: f64) -> f64 {
    if worst <= 80.0 { worst } else { (80.0 + (worst - 80.0) * 2.0).min(100.0) }
}

/// The branch `health` of a reading.
pub fn value(components: &[Component]) -> Value {
    let list = components.iter().map(|component| {
        Value::map([
            ("name", component.name.into()),
            ("score", component.score.into()),
            ("weight", component.weight.into()),
            ("detail", component.detail.as_str().into()),
        ])
    });
    let list = Value::List(list.collect());
    Value::map([("score", score(components).into()), ("components", list)])
}

fn component(
    name: &'static str,
    weight: f64,
    scale: Scale,
    measured: f64,
    detail: String,
) -> Component {
    Component { name, score: tenths(on_scale(scale, measured)), weight, detail }
}

fn on_scale(scale: Scale, measured: f64) -> f64 {
    let mut before: Option<(f64, f64)> = None;
    for &(at, score) in scale {
        if measured <= at {
            return before.map_or(score, |(from, from_score)| {
                from_score + (score - from_score) * (measured - from) / (at - from)
            });
        }
        before = Some((at, score));
    }
    before.map_or(100.0, |(_, score)| score)
}

fn number(reading: &Value, path: &str) -> Option<f64> {
    reading.at(path)?.as_number()
}

/// The item of a list whose number is largest, and that number.
fn worst<'a>(
    reading: &'a Value,
    list: &str,
    measure: impl Fn(&Value) -> Option<f64>,
) -> Option<(&'a Value, f64)> {
    let items = reading.at(list)?.as_list()?.iter();
    let measured = items.filter_map(|item| Some((item, measure(item)?)));
    measured.max_by(|a, b| a.1.total_cmp(&b.1))
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item.at(field).and_then(Value::as_text).unwrap_or_default()
}

fn cpu(reading: &Value) -> Option<Component> {
    let usage = number(reading, "cpu.usage")?;
    Some(component("cpu", 20.0, CPU, usage, format!("{usage:.0} % busy")))
}

fn load(reading: &Value) -> Option<Component> {
    let load = number(reading, "load.per_core")?;
    Some(component("load", 10.0, LOAD, load, format!("{load:.2} per core")))
}

fn memory(reading: &Value) -> Option<Component> {
    let (available, total) =
        (number(reading, "memory.available")?, number(reading, "memory.total")?);
    if total <= 0.0 {
        return None;
    }
    let available = available / total * 100.0;
    let detail = format!("{available:.0} % available");
    Some(component("memory", 20.0, MEMORY, 100.0 - available, detail))
}

fn swap(reading: &Value) -> Option<Component> {
    let moved = number(reading, "swap.in_per_second")? + number(reading, "swap.out_per_second")?;
    let moved = moved / BYTES_PER_MEBIBYTE;
    Some(component("swap", 10.0, SWAP, moved, format!("{moved:.1} MiB/s moved")))
}

fn pressure(reading: &Value) -> Option<Component> {
    // Work that waits for a core is slowed; work that waits for memory or a disk stands still.
    let parts = [("cpu", 0.5), ("memory", 1.0), ("io", 1.0)];
    let measured = parts.into_iter().filter_map(|(resource, part)| {
        let stalled = number(reading, &format!("pressure.{resource}.some_avg10"))?;
        Some((resource, stalled, stalled * part))
    });
    let (resource, stalled, counted) = measured.max_by(|a, b| a.2.total_cmp(&b.2))?;
    let detail = format!("{stalled:.1} % stalled on {resource}");
    Some(component("pressure", 15.0, PRESSURE, counted, detail))
}

fn space(reading: &Value) -> Option<Component> {
    let (item, usage) = worst(reading, "filesystems", |item| number(item, "usage"))?;
    let detail = format!("{usage:.0} % of {} used", text(item, "mount"));
    Some(component("space", 15.0, SPACE, usage, detail))
}

fn disk(reading: &Value) -> Option<Component> {
    let (item, busy) = worst(reading, "disks", |item| number(item, "busy"))?;
    let detail = format!("{} {busy:.0} % busy", text(item, "device"));
    Some(component("disk", 5.0, DISK, busy, detail))
}

fn heat(reading: &Value) -> Option<Component> {
    let (item, share) = worst(reading, "temperatures", |item| {
        let critical = number(item, "critical").filter(|critical| *critical > 0.0);
        Some(number(item, "celsius")? / critical.unwrap_or(CRITICAL_CELSIUS) * 100.0)
    })?;
    let celsius = number(item, "celsius")?;
    let detail = format!("{celsius:.0} °C {}", text(item, "sensor"));
    Some(component("heat", 5.0, HEAT, share, detail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn healthy() -> Value {
        let entry = |name: &str, value: f64| Value::map([(name.to_owned(), value.into())]);
        let memory = Value::map([("available", 80.0.into()), ("total", 100.0.into())]);
        let disk = Value::map([("mount", "/".into()), ("usage", 40.0.into())]);
        Value::map([
            ("cpu", entry("usage", 10.0)),
            ("load", entry("per_core", 0.1)),
            ("memory", memory),
            ("filesystems", Value::List(vec![disk])),
            ("pressure", Value::Absent),
            ("temperatures", Value::Absent),
        ])
    }

    fn set(reading: &mut Value, branch: &str, value: Value) {
        let Value::Map(map) = reading else { panic!("a reading is a map") };
        map.insert(branch.into(), value);
    }

    #[test]
    fn a_healthy_machine_scores_a_hundred_by_what_it_has() {
        let components = components(&healthy());
        let names: Vec<&str> = components.iter().map(|component| component.name).collect();
        assert_eq!(names, ["cpu", "load", "memory", "space"]);
        assert_eq!(score(&components), Some(100.0));
    }

    #[test]
    fn one_full_disk_makes_the_whole_critical() {
        for (usage, low, high) in [(60.0, 80.0, 100.0), (90.0, 50.0, 80.0), (98.0, 0.0, 50.0)] {
            let mut reading = healthy();
            let disk = Value::map([("mount", "/var".into()), ("usage", usage.into())]);
            set(&mut reading, "filesystems", Value::List(vec![disk]));
            let components = components(&reading);
            let score = score(&components).unwrap();
            assert!(score >= low && score < high + 0.1, "{usage} % gives {score}");
            assert_eq!(components[3].detail, format!("{usage:.0} % of /var used"));
        }
    }

    #[test]
    fn a_busy_processor_is_a_warning_at_most() {
        let mut reading = healthy();
        set(&mut reading, "cpu", Value::map([("usage", 100.0.into())]));
        let score = score(&components(&reading)).unwrap();
        assert!((50.0..80.0).contains(&score), "{score}");
    }

    #[test]
    fn heat_is_measured_against_the_chips_own_limit() {
        let sensor = |critical: Value| {
            let sensor = Value::map([
                ("sensor", "cpu".into()),
                ("celsius", 84.0.into()),
                ("critical", critical),
            ]);
            let mut reading = healthy();
            set(&mut reading, "temperatures", Value::List(vec![sensor]));
            components(&reading).last().unwrap().score
        };
        assert!(sensor(84.0.into()) < sensor(Value::Absent));
    }

    #[test]
    fn nothing_known_is_no_score() {
        assert_eq!(score(&components(&Value::Absent)), None);
        assert!(value(&[]).at("score").unwrap().is_absent());
    }

    #[test]
    fn scales_fall_and_cover_every_number() {
        for scale in [CPU, LOAD, MEMORY, SWAP, PRESSURE, SPACE, DISK, HEAT] {
            assert!(scale.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1));
            assert!((on_scale(scale, -5.0) - 100.0).abs() < f64::EPSILON);
            let last = scale.last().unwrap().1;
            assert!((on_scale(scale, 1e9) - last).abs() < f64::EPSILON);
        }
    }

    proptest! {
        #[test]
        fn the_whole_is_never_in_a_better_band_than_its_worst_part(
            scores in prop::collection::vec((0.0..100.0_f64, 1.0..50.0_f64), 1..9)
        ) {
            let parts: Vec<Component> = scores
                .iter()
                .map(|(score, weight)| Component {
                    name: "part",
                    score: *score,
                    weight: *weight,
                    detail: String::new(),
                })
                .collect();
            let worst = scores.iter().map(|(score, _)| *score).fold(100.0, f64::min);
            let whole = score(&parts).unwrap();
            let band = |score: f64| u8::from(score >= 50.0) + u8::from(score >= 80.0);
            prop_assert!(band(whole - 0.06) <= band(worst), "{whole} over {worst}");
            prop_assert!(whole >= worst.floor() - 0.1);
        }
    }
}
