//! What one layer says of a document, place by place, and the way from and to the tree that people
//! write.

use std::collections::{BTreeMap, BTreeSet};

use ccm_proto::model::{Interval, Scope, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::path::{Mark, Path, Segment};
use super::rules::{Merge, Rules};

/// What a layer says of one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Say {
    /// The value; none takes away what other layers say of the place and everything below it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Value>,
    /// More specific layers cannot overrule it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mandatory: bool,
}

/// Keeps a JSON null apart from a missing value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Say {
    /// States a value that more specific layers may overrule.
    pub fn value(value: Value) -> Self {
        Self { value: Some(value), mandatory: false }
    }

    /// Takes away what others say.
    pub fn remove() -> Self {
        Self { value: None, mandatory: false }
    }
}

/// Everything that a layer says. Only leaves have values: entries of maps, items of keyed lists and
/// members of sets are places of their own.
pub type Statement = BTreeMap<Path, Say>;

/// Leaves of a tree, by place.
pub type Leaves = BTreeMap<Path, Value>;

/// Limits for what more specific layers may say of a place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The smallest number or duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Value>,
    /// The largest number or duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Value>,
    /// The only values.
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
}

impl Bounds {
    /// Whether a value keeps within the limits. What cannot be compared with a limit does not.
    pub fn admit(&self, value: &Value) -> bool {
        let listed = self.one_of.as_ref().is_none_or(|values| values.contains(value));
        let limit = |limit: &Option<Value>, wanted: std::cmp::Ordering| {
            limit.as_ref().is_none_or(|limit| {
                compare(value, limit).is_some_and(|order| order.is_eq() || order == wanted)
            })
        };
        listed
            && limit(&self.min, std::cmp::Ordering::Greater)
            && limit(&self.max, std::cmp::Ordering::Less)
    }
}

fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => {
            Some(a.parse::<Interval>().ok()?.cmp(&b.parse().ok()?))
        }
        _ => None,
    }
}

/// Keeps a part of an ancestor as it was at one revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The ancestor.
    pub ancestor: Scope,
    /// The revision to read.
    pub at_revision: u64,
    /// From when on the pin has no effect; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// How a layer stands to the others: the table `layer` of a document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directives {
    /// Nothing that less specific layers say remains. When not given: true for a document that is
    /// complete by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
    /// Places that are taken away from what less specific layers say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<Path>,
    /// Places whose statements more specific layers cannot overrule.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mandatory: Vec<Path>,
    /// Limits for more specific layers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub bounds: BTreeMap<Path, Bounds>,
    /// Parts of ancestors that are kept as they were.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<Path, Pin>,
}

/// The leaves of a tree.
pub fn flatten(rules: &Rules, tree: &Value) -> Leaves {
    let mut leaves = Leaves::new();
    flatten_at(rules, &Path::ROOT, tree, &mut leaves);
    leaves
}

fn flatten_at(rules: &Rules, at: &Path, value: &Value, leaves: &mut Leaves) {
    match (rules.merge(at, value), value) {
        (Merge::Map, Value::Object(map)) if map.is_empty() => {
            leaves.insert(at.mark(Mark::Map), Value::Bool(true));
        }
        (Merge::Map, Value::Object(map)) => {
            for (key, value) in map {
                flatten_at(rules, &at.key(key), value, leaves);
            }
        }
        (Merge::Set, Value::Array(items)) if items.iter().all(Value::is_string) => {
            leaves.insert(at.mark(Mark::Set), Value::Bool(true));
            for item in items.iter().filter_map(Value::as_str) {
                leaves.insert(at.key(item), Value::Bool(true));
            }
        }
        (Merge::Keyed(field), Value::Array(items)) => match keys(field, items) {
            Some(keys) => {
                for (key, item) in keys.iter().zip(items) {
                    flatten_at(rules, &at.key(key), item, leaves);
                }
                let order = keys.into_iter().map(|key| Value::String(key.to_owned())).collect();
                leaves.insert(at.mark(Mark::Order), Value::Array(order));
            }
            // Items that cannot be told apart stay together; checking the document refuses them.
            None => {
                leaves.insert(at.clone(), value.clone());
            }
        },
        _ => {
            leaves.insert(at.clone(), value.clone());
        }
    }
}

/// The keys of a keyed list's items; none unless each has one of its own.
fn keys<'a>(field: &str, items: &'a [Value]) -> Option<Vec<&'a str>> {
    let keys: Option<Vec<&str>> =
        items.iter().map(|item| item.get(field).and_then(Value::as_str)).collect();
    let keys = keys?;
    let distinct: BTreeSet<&&str> = keys.iter().collect();
    (distinct.len() == keys.len()).then_some(keys)
}

/// The tree that has these leaves. `orders` are further orders for keyed lists, the most important
/// first: items that a list's own order does not name follow in these.
pub fn assemble(leaves: &Leaves, orders: &BTreeMap<Path, Vec<Vec<String>>>) -> Value {
    let mut root = Node::default();
    for (path, value) in leaves {
        if path.ending().is_some_and(Mark::is_directive) {
            continue;
        }
        root.insert(path.segments(), value);
    }
    root.build(&Path::ROOT, orders)
}

/// A tree in the making.
#[derive(Default)]
struct Node {
    leaf: Option<Value>,
    children: BTreeMap<String, Node>,
    order: Option<Value>,
    set: bool,
    map: bool,
}

impl Node {
    fn insert(&mut self, segments: &[Segment], value: &Value) {
        match segments.split_first() {
            None => self.leaf = Some(value.clone()),
            Some((Segment::Key(key), rest)) => {
                self.children.entry(key.clone()).or_default().insert(rest, value);
            }
            Some((Segment::Mark(Mark::Order), _)) => self.order = Some(value.clone()),
            Some((Segment::Mark(Mark::Set), _)) => self.set = true,
            Some((Segment::Mark(_), _)) => self.map = true,
        }
    }

    fn build(mut self, at: &Path, orders: &BTreeMap<Path, Vec<Vec<String>>>) -> Value {
        if self.set {
            return self.children.into_keys().map(Value::String).collect();
        }
        let further = orders.get(at);
        if self.order.is_some() || further.is_some() {
            let own = self.order.take().and_then(|order| serde_json::from_value(order).ok());
            let named: Vec<String> =
                own.into_iter().chain(further.into_iter().flatten().cloned()).flatten().collect();
            let mut items = Vec::with_capacity(self.children.len());
            for key in named {
                if let Some(child) = self.children.remove(&key) {
                    items.push(child.build(&at.key(&key), orders));
                }
            }
            let rest = std::mem::take(&mut self.children);
            items.extend(rest.into_iter().map(|(key, child)| child.build(&at.key(&key), orders)));
            return Value::Array(items);
        }
        if self.children.is_empty() && !self.map {
            return self.leaf.unwrap_or_else(|| Value::Object(Map::new()));
        }
        let build = |(key, child): (String, Self)| {
            let value = child.build(&at.key(&key), orders);
            (key, value)
        };
        Value::Object(self.children.into_iter().map(build).collect())
    }
}

/// A layer's statement: the leaves of the tree under the layer's directives.
pub fn state(rules: &Rules, tree: &Value, directives: &Directives, replace: bool) -> Statement {
    let mut statement: Statement =
        flatten(rules, tree).into_iter().map(|(path, value)| (path, Say::value(value))).collect();
    if is_nothing(tree) {
        statement.clear();
    }
    if replace {
        statement.entry(Path::ROOT).or_insert_with(Say::remove);
    }
    for path in &directives.remove {
        statement.entry(path.clone()).or_insert_with(Say::remove);
    }
    for (path, say) in &mut statement {
        say.mandatory = directives.mandatory.iter().any(|place| place.covers(path));
    }
    let json = |value: &dyn erased::Json| Say::value(value.json());
    for (path, bounds) in &directives.bounds {
        statement.insert(path.mark(Mark::Bounds), json(bounds));
    }
    for (path, pin) in &directives.pins {
        statement.insert(path.mark(Mark::Pin), json(pin));
    }
    statement
}

fn is_nothing(tree: &Value) -> bool {
    tree.as_object().is_some_and(Map::is_empty)
}

/// Serialising values that always have a JSON form.
mod erased {
    use serde::Serialize;
    use serde_json::Value;

    pub(super) trait Json {
        fn json(&self) -> Value;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> Value {
            serde_json::to_value(self).unwrap_or(Value::Null)
        }
    }
}

/// The tree and the directives of a statement: what [`state`] was given, with `replace` told.
pub fn unstate(statement: &Statement) -> (Value, Directives) {
    let mut directives = Directives { replace: Some(false), ..Directives::default() };
    let mut leaves = Leaves::new();
    for (path, say) in statement {
        if say.mandatory {
            directives.mandatory.push(path.clone());
        }
        match (&say.value, path.ending()) {
            (None, _) if *path == Path::ROOT => directives.replace = Some(true),
            (None, _) => directives.remove.push(path.clone()),
            (Some(value), Some(Mark::Bounds)) => {
                let place = path.parent().unwrap_or_default();
                directives
                    .bounds
                    .extend(serde_json::from_value(value.clone()).ok().map(|b| (place, b)));
            }
            (Some(value), Some(Mark::Pin)) => {
                let place = path.parent().unwrap_or_default();
                directives
                    .pins
                    .extend(serde_json::from_value(value.clone()).ok().map(|p| (place, p)));
            }
            (Some(value), _) => {
                leaves.insert(path.clone(), value.clone());
            }
        }
    }
    (assemble(&leaves, &BTreeMap::new()), directives)
}
