//! The order of a list's items.

use std::cmp::Ordering;

use ccm_proto::model::Value;
use ccm_proto::model::widget::Order;

/// One item before it is a row: most lists are longer than what is shown of them.
pub(super) struct Entry<'a> {
    pub(super) key: &'a Value,
    pub(super) sort: &'a Value,
    pub(super) item: &'a Value,
}

/// The items by what stands at `sort`, where there is such a path, and at most `limit` of them.
pub(super) fn entries<'a>(
    items: &'a [Value],
    key: &str,
    sort: Option<&String>,
    order: Order,
    limit: usize,
) -> Vec<Entry<'a>> {
    let at = |item: &'a Value, path: &str| item.at(path).unwrap_or(&Value::Absent);
    let entry = |item: &'a Value| Entry {
        key: at(item, key),
        sort: sort.map_or(&Value::Absent, |path| at(item, path)),
        item,
    };
    let mut entries: Vec<Entry<'_>> = items.iter().map(entry).collect();
    if sort.is_some() {
        entries.sort_by(|a, b| a.compare(b, order));
    }
    entries.truncate(limit);
    entries
}

impl Entry<'_> {
    /// Numbers before texts before what is absent, whichever end comes first; equal ones by key.
    fn compare(&self, other: &Self, order: Order) -> Ordering {
        let direction = |ordering: Ordering| match order {
            Order::Ascending => ordering,
            Order::Descending => ordering.reverse(),
        };
        rank(self.sort)
            .cmp(&rank(other.sort))
            .then_with(|| direction(scalar(self.sort, other.sort)))
            .then_with(|| rank(self.key).cmp(&rank(other.key)))
            .then_with(|| scalar(self.key, other.key))
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) | Value::Integer(_) | Value::Boolean(_) => 0,
        Value::Text(_) => 1,
        Value::Absent | Value::List(_) | Value::Map(_) => 2,
    }
}

/// The order of two values of one rank.
fn scalar(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => Ordering::Equal,
        },
    }
}
