//! From a reading's tree to the numbers that are kept as series.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ccm_proto::model::{Labels, Name, Samples, SeriesKey, Value};

/// The most series of one source; 256 cores, 40 disks and 200 mounts stay below a quarter of it.
const SERIES_MAX: usize = 8_192;

/// Which values of a reading become series.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// Paths of single numbers.
    pub(super) numbers: &'static [&'static str],
    /// Lists, whose items are told apart by a label.
    pub(super) lists: &'static [ListSeries],
}

/// The series of one list's items.
#[derive(Debug)]
pub(super) struct ListSeries {
    /// The list's path.
    pub(super) path: &'static str,
    /// Names of the labels, which are the fields of an item that give their values. What an item
    /// does not have is left out.
    pub(super) labels: &'static [&'static str],
    /// Fields of an item.
    pub(super) fields: &'static [&'static str],
}

/// Hands out the same keys for as long as the set of series is the same.
#[derive(Debug)]
pub(super) struct KeyCache {
    shape: Option<u64>,
    keys: Arc<[SeriesKey]>,
}

impl Default for KeyCache {
    fn default() -> Self {
        Self { shape: None, keys: Arc::from([]) }
    }
}

impl KeyCache {
    /// Samples of the series that `shape` tells apart from all others; `make` names as many of them
    /// as there are values, and is asked only when the shape changed.
    pub(super) fn samples(
        &mut self,
        shape: u64,
        mut values: Vec<f64>,
        make: impl FnOnce() -> Vec<SeriesKey>,
    ) -> Samples {
        values.truncate(SERIES_MAX);
        if self.shape != Some(shape) || self.keys.len() != values.len() {
            let mut keys = make();
            keys.truncate(SERIES_MAX);
            self.keys = keys.into();
            self.shape = Some(shape);
        }
        Samples { keys: Arc::clone(&self.keys), values }
    }
}

/// Takes the samples that a catalogue names out of readings.
#[derive(Debug)]
pub(super) struct Sampler {
    source: Name,
    catalogue: &'static Catalogue,
    cache: KeyCache,
}

impl Sampler {
    /// For readings of one source.
    pub(super) fn new(source: Name, catalogue: &'static Catalogue) -> Self {
        Self { source, catalogue, cache: KeyCache::default() }
    }

    /// The samples of a reading. A value that is there but absent is a gap; a path that is not
    /// there at all is no series.
    pub(super) fn samples(&mut self, reading: &Value) -> Samples {
        let mut shape = DefaultHasher::new();
        let mut values = Vec::with_capacity(self.cache.keys.len());
        for (index, path) in self.catalogue.numbers.iter().enumerate() {
            if let Some(value) = reading.at(path) {
                index.hash(&mut shape);
                values.push(number(value));
            }
        }
        for list in self.catalogue.lists {
            for item in items(reading, list) {
                for label in list.labels {
                    hash_label(item.at(label), &mut shape);
                }
                for (index, field) in list.fields.iter().enumerate() {
                    if let Some(value) = item.at(field) {
                        index.hash(&mut shape);
                        values.push(number(value));
                    }
                }
            }
            list.path.hash(&mut shape);
        }
        let Self { source, catalogue, cache } = self;
        cache.samples(shape.finish(), values, || keys_of(source, catalogue, reading))
    }
}

fn keys_of(source: &Name, catalogue: &Catalogue, reading: &Value) -> Vec<SeriesKey> {
    let numbers = catalogue.numbers.iter().filter(|path| reading.at(path).is_some());
    let key =
        |metric: &str, labels| SeriesKey { source: source.clone(), metric: metric.into(), labels };
    let mut keys: Vec<SeriesKey> = numbers.map(|path| key(path, Labels::none())).collect();
    for list in catalogue.lists {
        let metrics: Vec<Arc<str>> =
            list.fields.iter().map(|f| format!("{}.{f}", list.path).into()).collect();
        for item in items(reading, list) {
            let given = list.labels.iter().filter(|label| !is_absent(item.at(label)));
            let values: Vec<(&str, String)> =
                given.map(|label| (*label, label_text(item.at(label)))).collect();
            for (field, metric) in list.fields.iter().zip(&metrics) {
                if item.at(field).is_some() {
                    let pairs = values.iter().map(|(label, value)| (*label, value.as_str()));
                    keys.push(key(metric, Labels::new(pairs)));
                }
            }
        }
    }
    keys
}

fn items<'a>(reading: &'a Value, list: &ListSeries) -> &'a [Value] {
    reading.at(list.path).and_then(Value::as_list).unwrap_or_default()
}

pub(super) fn number(value: &Value) -> f64 {
    value.as_number().unwrap_or(f64::NAN)
}

fn is_absent(label: Option<&Value>) -> bool {
    label.is_none_or(Value::is_absent)
}

pub(super) fn hash_label(label: Option<&Value>, hasher: &mut DefaultHasher) {
    match label {
        Some(Value::Text(text)) => text.hash(hasher),
        Some(Value::Integer(integer)) => integer.hash(hasher),
        _ => 0_u8.hash(hasher),
    }
}

pub(super) fn label_text(label: Option<&Value>) -> String {
    match label {
        Some(Value::Text(text)) => text.to_string(),
        Some(Value::Integer(integer)) => integer.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CATALOGUE: Catalogue = Catalogue {
        numbers: &["cpu.usage", "pressure.cpu"],
        lists: &[ListSeries { path: "disks", labels: &["device"], fields: &["busy", "reads"] }],
    };

    fn disk(device: &str, busy: Value) -> Value {
        Value::map([("device", device.into()), ("busy", busy)])
    }

    fn reading(disks: Vec<Value>) -> Value {
        let cpu = Value::map([("usage", 3.0.into())]);
        Value::map([("cpu", cpu), ("pressure", Value::Absent), ("disks", disks.into())])
    }

    fn sampler() -> Sampler {
        Sampler::new(Name::new("host").unwrap(), &CATALOGUE)
    }

    #[test]
    fn keys_stay_the_same_allocation_until_a_device_comes_or_goes() {
        let mut sampler = sampler();
        let first = sampler.samples(&reading(vec![disk("sda", 1.0.into())]));
        let second = sampler.samples(&reading(vec![disk("sda", Value::Absent)]));
        assert!(Arc::ptr_eq(&first.keys, &second.keys));
        assert!(second.values[1].is_nan(), "absent is a gap");
        let third = sampler.samples(&reading(vec![disk("sdb", 1.0.into())]));
        assert!(!Arc::ptr_eq(&second.keys, &third.keys));
        assert_eq!(third.keys[1].to_string(), "host:disks.busy{device=\"sdb\"}");
    }

    #[test]
    fn what_is_not_there_is_no_series() {
        let samples = sampler().samples(&reading(vec![]));
        let keys: Vec<String> = samples.keys.iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["host:cpu.usage"]);
    }

    #[test]
    fn values_and_keys_are_equally_many() {
        let many = (0..10_000).map(|n| disk(&format!("d{n}"), 1.0.into())).collect();
        let samples = sampler().samples(&reading(many));
        assert_eq!(samples.keys.len(), samples.values.len());
        assert_eq!(samples.keys.len(), SERIES_MAX);
    }
}
