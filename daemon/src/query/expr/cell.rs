//! What expressions see.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use ccm_proto::model::Value;
use cel::Context;
use cel::common::types::{
    CelBool, CelDouble, CelList, CelMap, CelMapKey, CelNull, CelOptional, CelString,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use super::ENV;

/// The most items of a list that an expression sees. With the bound on parts and macros that do not
/// stand within one another it bounds the time of one evaluation. Tables are for longer lists.
pub const ITEMS_MAX: usize = 1_000;

/// The most nodes of a tree that an expression sees.
pub(super) const NODES_MAX: usize = 10_000;

/// How deep a result or a tree that an expression sees may be.
pub(super) const DEPTH_MAX: usize = 16;

/// What stands at a place, as expressions see it.
#[derive(Debug, Default)]
pub enum Cell {
    /// Nothing.
    #[default]
    Absent,
    /// More than expressions may see.
    TooLarge,
    /// A number.
    Number(CelDouble),
    /// True or false.
    Boolean(CelBool),
    /// A text.
    Text(CelString<'static>),
    /// A list or a map.
    Tree(Box<dyn Val>),
}

impl Cell {
    /// A value as expressions see it.
    pub fn new(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Absent) => Self::Absent,
            Some(Value::Number(number)) if number.is_nan() => Self::Absent,
            Some(Value::Number(number)) => Self::Number(CelDouble::from(*number)),
            Some(Value::Integer(integer)) => Self::Number(CelDouble::from(*integer as f64)),
            Some(Value::Boolean(boolean)) => Self::Boolean(CelBool::from(*boolean)),
            Some(Value::Text(text)) => Self::Text(CelString::from(text.to_string())),
            Some(tree @ (Value::List(_) | Value::Map(_))) => {
                let mut nodes = NODES_MAX;
                boxed(tree, &mut nodes, DEPTH_MAX).map_or(Self::TooLarge, Self::Tree)
            }
        }
    }

    /// Whether a value is what the cell holds already. Trees are not compared.
    pub fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Absent, None | Some(Value::Absent)) => true,
            (Self::Number(own), Some(Value::Number(number))) => same(*own, *number),
            (Self::Number(own), Some(Value::Integer(integer))) => same(*own, *integer as f64),
            (Self::Boolean(own), Some(Value::Boolean(boolean))) => *own.inner() == *boolean,
            (Self::Text(own), Some(Value::Text(text))) => own.inner() == text.as_str(),
            _ => false,
        }
    }

    fn value(&self) -> Option<&(dyn Val + 'static)> {
        match self {
            Self::Absent | Self::TooLarge => None,
            Self::Number(number) => Some(number),
            Self::Boolean(boolean) => Some(boolean),
            Self::Text(text) => Some(text),
            Self::Tree(tree) => Some(tree.as_ref()),
        }
    }
}

/// Whether nothing computed from one of them could differ.
fn same(own: CelDouble, other: f64) -> bool {
    own.inner().to_bits() == other.to_bits()
}

/// A tree as a value of CEL; none when it is too large. What is absent is left out of maps and
/// lists, so that `has` and `size` speak of what is there.
fn boxed(value: &Value, nodes: &mut usize, depth: usize) -> Option<Box<dyn Val>> {
    *nodes = nodes.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    Some(match value {
        Value::List(items) if items.len() > ITEMS_MAX => return None,
        Value::List(items) => {
            let there = items.iter().filter(|item| !item.is_absent());
            let items: Option<Vec<_>> = there.map(|item| boxed(item, nodes, depth)).collect();
            Box::new(CelList::from(items?))
        }
        Value::Map(map) => {
            let mut entries: HashMap<CelMapKey<'static>, Box<dyn Val>> = HashMap::new();
            for (key, item) in map.iter().filter(|(_, item)| !item.is_absent()) {
                entries.insert(CelMapKey::from(key.to_string()), boxed(item, nodes, depth)?);
            }
            Box::new(CelMap::from(entries))
        }
        Value::Text(text) => Box::new(CelString::from(text.to_string())),
        Value::Boolean(boolean) => Box::new(CelBool::from(*boolean)),
        Value::Integer(integer) => Box::new(CelDouble::from(*integer as f64)),
        Value::Number(number) => Box::new(CelDouble::from(*number)),
        Value::Absent => Box::new(CelNull),
    })
}

/// The cells of all [`Places`], in their order.
#[derive(Debug, Default)]
pub struct Cells {
    /// One a place.
    pub cells: Vec<Cell>,
}

/// How a name that a compiled expression uses says what it wants of a cell.
pub(super) const PRESENCE: char = '?';
pub(super) const OPTIONAL: char = '~';

static TRUE: LazyLock<CelBool> = LazyLock::new(|| CelBool::from(true));
static FALSE: LazyLock<CelBool> = LazyLock::new(|| CelBool::from(false));

impl VariableResolver for Cells {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let (want, number) = match name.strip_prefix([PRESENCE, OPTIONAL]) {
            Some(number) => (name.chars().next(), number),
            None => (None, name),
        };
        let cell = self.cells.get(number.parse::<usize>().ok()?)?;
        match want {
            Some(PRESENCE) => {
                Some(CowVal::Borrowed(if cell.value().is_some() { &*TRUE } else { &*FALSE }))
            }
            Some(_) => Some(CowVal::owned(match cell.value() {
                Some(value) => CelOptional::of(value.clone_as_boxed()),
                None => CelOptional::none(),
            })),
            None => cell.value().map(CowVal::Borrowed),
        }
    }
}

impl Cells {
    /// What expressions are evaluated in; one serves many evaluations.
    pub fn context(&self) -> Context<'_, '_> {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.set_variable_resolver(self);
        context
    }
}
