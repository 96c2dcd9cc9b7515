//! Trees that grow value by value, and the numbers in them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ccm_proto::model::{Labels, Name, Samples, SeriesKey, Value};

/// The longest path of a value, in bytes: as long as metrics' names get.
pub(super) const PATH_MAX: usize = 200;

/// The most steps of a path: nobody finds a value that lies deeper.
pub(super) const STEPS_MAX: usize = 16;

/// The most series of one source; the rest is shown without its past.
const SERIES_MAX: usize = 10_000;

/// Why a value has no place in a tree: one sentence with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not a path.
    #[error(
        "{0:?} is no name of a value; write words with dots between them, as in sales.total, of at most {PATH_MAX} characters"
    )]
    Form(String),
    /// A value cannot have values below it.
    #[error("{0} is a value and has values below it too; give one of them another name")]
    Taken(String),
}

/// Whether a text is a dotted path of a value.
pub(super) fn check_path(path: &str) -> Result<(), PlaceError> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    let good = path.len() <= PATH_MAX
        && path.split('.').all(|step| !step.is_empty() && step.chars().all(plain))
        && path.split('.').count() <= STEPS_MAX;
    if good { Ok(()) } else { Err(PlaceError::Form(path.chars().take(60).collect())) }
}

/// Puts a value at a path that was checked; what stood there is replaced.
pub(super) fn insert(
    tree: &mut BTreeMap<compact_str::CompactString, Value>,
    path: &str,
    value: Value,
) -> Result<(), PlaceError> {
    let taken = || PlaceError::Taken(path.to_owned());
    let Some((step, rest)) = path.split_once('.') else {
        if matches!(tree.get(path), Some(Value::Map(_))) {
            return Err(taken());
        }
        tree.insert(path.into(), value);
        return Ok(());
    };
    let below = tree.entry(step.into()).or_insert_with(|| Value::Map(BTreeMap::new()));
    match below {
        Value::Map(map) => insert(map, rest, value),
        _ => Err(taken()),
    }
}

/// Keeps the numbers of a tree as series: one for each number that maps lead to, by its path.
/// Hands out the same keys for as long as these paths are the same.
#[derive(Debug)]
pub(super) struct Numbers {
    source: Name,
    shape: Option<u64>,
    keys: Arc<[SeriesKey]>,
}

impl Numbers {
    /// For readings of one source.
    pub(super) fn new(source: Name) -> Self {
        Self { source, shape: None, keys: Arc::from([]) }
    }

    /// The samples of a tree.
    pub(super) fn samples(&mut self, tree: &Value) -> Samples {
        let mut shape = DefaultHasher::new();
        let mut values = Vec::with_capacity(self.keys.len());
        walk(tree, &mut String::new(), &mut |path, number| {
            if values.len() < SERIES_MAX {
                path.hash(&mut shape);
                values.push(number);
            }
        });
        let shape = shape.finish();
        if self.shape != Some(shape) || self.keys.len() != values.len() {
            let mut keys = Vec::with_capacity(values.len());
            walk(tree, &mut String::new(), &mut |path, _| {
                if keys.len() < values.len() {
                    let metric = Arc::from(path);
                    let source = self.source.clone();
                    keys.push(SeriesKey { source, metric, labels: Labels::none() });
                }
            });
            self.keys = keys.into();
            self.shape = Some(shape);
        }
        Samples { keys: Arc::clone(&self.keys), values }
    }
}

fn walk(value: &Value, path: &mut String, take: &mut impl FnMut(&str, f64)) {
    if let Some(number) = value.as_number() {
        let path = if path.is_empty() { "value" } else { path.as_str() };
        take(path, number);
        return;
    }
    let Value::Map(map) = value else { return };
    for (step, below) in map {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(step);
        if path.len() <= PATH_MAX {
            walk(below, path, take);
        }
        path.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, f64)]) -> Value {
        let mut map = BTreeMap::new();
        for (path, number) in entries {
            insert(&mut map, path, (*number).into()).unwrap();
        }
        Value::Map(map)
    }

    #[test]
    fn paths_are_words_with_dots_between_them() {
        for good in ["a", "sales.total", "größe", "a-b_c.0"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        let deep = "a.".repeat(STEPS_MAX) + "a";
        let long = "a".repeat(PATH_MAX + 1);
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "a\u{1b}", "a\nb", &deep, &long] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_value_has_no_values_below_it() {
        let mut map = BTreeMap::new();
        insert(&mut map, "a.b", 1.0.into()).unwrap();
        insert(&mut map, "a.b", 2.0.into()).unwrap();
        assert!(insert(&mut map, "a", 3.0.into()).is_err());
        assert!(insert(&mut map, "a.b.c", 3.0.into()).is_err());
        assert_eq!(Value::Map(map).at("a.b"), Some(&2.0.into()));
    }

    #[test]
    fn keys_stay_the_same_allocation_while_the_paths_do() {
        let mut numbers = Numbers::new(Name::new("s").unwrap());
        let first = numbers.samples(&tree(&[("a.b", 1.0), ("c", 2.0)]));
        let second = numbers.samples(&tree(&[("a.b", 5.0), ("c", 6.0)]));
        assert!(Arc::ptr_eq(&first.keys, &second.keys));
        assert_eq!(second.values, [5.0, 6.0]);
        let third = numbers.samples(&tree(&[("a.b", 5.0), ("d", 6.0)]));
        let shown: Vec<String> = third.keys.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["s:a.b", "s:d"]);
    }

    #[test]
    fn a_number_alone_is_a_series_too_and_text_is_none() {
        let mut numbers = Numbers::new(Name::new("s").unwrap());
        assert_eq!(numbers.samples(&3.5.into()).values, [3.5]);
        assert_eq!(numbers.samples(&"text".into()).values, [0.0; 0]);
        let list = Value::List(vec![1.0.into()]);
        assert_eq!(numbers.samples(&Value::map([("l", list)])).values, [0.0; 0]);
    }

    #[test]
    fn keys_and_values_are_equally_many_however_many_there_are() {
        let mut numbers = Numbers::new(Name::new("s").unwrap());
        let many = Value::map((0..SERIES_MAX + 5).map(|n| (format!("n{n}"), Value::Integer(1))));
        let samples = numbers.samples(&many);
        assert_eq!((samples.keys.len(), samples.values.len()), (SERIES_MAX, SERIES_MAX));
    }
}
