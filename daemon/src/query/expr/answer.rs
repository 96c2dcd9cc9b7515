//! What came of an evaluation.

use std::collections::BTreeMap;

use ccm_proto::model::Value;
use cel::ExecutionError;
use cel::common::types::{CelBool, CelDouble, CelList, CelMap, CelOptional, CelString};
use cel::common::value::Val;

use super::Places;
use super::cell::{Cell, Cells, OPTIONAL, PRESENCE};

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Something that it needs is not there.
    Absent(String),
    /// It cannot be computed.
    Failed(String),
}

impl Lack {
    /// The reason in words.
    pub fn reason(&self) -> &str {
        let (Self::Absent(reason) | Self::Failed(reason)) = self;
        reason
    }
}

/// Why an evaluation gave nothing, in words that speak of the document's names.
pub(super) fn lack(error: &ExecutionError, cells: &Cells, places: &Places) -> Lack {
    let failed = |sentence: &str| Lack::Failed(sentence.to_owned());
    match error {
        ExecutionError::UndeclaredReference(name) => {
            let number = name.trim_start_matches([PRESENCE, OPTIONAL]).parse::<usize>().ok();
            let place = number.and_then(|number| places.places.get(number));
            let Some(place) = place else {
                return Lack::Failed(format!("`{name}` cannot be applied to these values"));
            };
            match number.and_then(|number| cells.cells.get(number)) {
                Some(Cell::TooLarge) => Lack::Failed(format!(
                    "{} is larger than an expression may see; take a table for it",
                    place.written
                )),
                _ => Lack::Absent(format!("{} is not there", place.written)),
            }
        }
        ExecutionError::NoSuchKey(key) => Lack::Absent(format!("there is no {key}")),
        ExecutionError::IndexOutOfBounds(_) => {
            Lack::Absent("a list has fewer items than that".to_owned())
        }
        ExecutionError::NoSuchOverload(overload) => Lack::Failed(format!(
            "{} cannot be applied to {}",
            symbol(overload.function()),
            kinds(overload.argument_types())
        )),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            Lack::Failed(format!("{operator} cannot be applied to {}", kinds(&types)))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            Lack::Failed(format!("{} cannot be compared", kinds(&types)))
        }
        ExecutionError::FunctionError { function, message } => {
            Lack::Failed(format!("{function}: {message}"))
        }
        ExecutionError::UnexpectedType { .. } => failed("a value is not of the type needed here"),
        _ => failed("this cannot be computed of these values"),
    }
}

/// An operator as people write it.
fn symbol(function: &str) -> &str {
    function.trim_matches(['_', '@'])
}

fn kinds(types: &[String]) -> String {
    let word = |name: &String| match name.as_str() {
        "double" | "int" | "uint" | "float" => "a number".to_owned(),
        "string" => "a text".to_owned(),
        "bool" => "true or false".to_owned(),
        "null_type" | "null" => "nothing".to_owned(),
        other => format!("a {other}"),
    };
    types.iter().map(word).collect::<Vec<_>>().join(" and ")
}

/// A value of CEL as one of ours.
pub(super) fn owned(value: &dyn Val, nodes: &mut usize, depth: usize) -> Result<Value, Lack> {
    let large = || Lack::Failed("the result is too large".to_owned());
    *nodes = nodes.checked_sub(1).ok_or_else(large)?;
    let depth = depth.checked_sub(1).ok_or_else(large)?;
    if let Some(number) = value.downcast_ref::<CelDouble>() {
        let number = *number.inner();
        if number.is_finite() {
            return Ok(Value::Number(number));
        }
        return Err(Lack::Failed("the result is no number; is there a division by 0?".to_owned()));
    }
    if let Some(boolean) = value.downcast_ref::<CelBool>() {
        return Ok(Value::Boolean(*boolean.inner()));
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return Ok(Value::from(text.inner()));
    }
    if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        let items = list.inner().iter().map(|item| owned(item.as_ref(), nodes, depth));
        return Ok(Value::List(items.collect::<Result<_, _>>()?));
    }
    if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let mut entries = BTreeMap::new();
        for (key, item) in map.inner() {
            let key = key.inner();
            let text = key.downcast_ref::<CelString<'_>>().map(|text| text.inner().to_owned());
            let number = key.downcast_ref::<CelDouble>().map(|number| number.inner().to_string());
            let key = text.or(number).unwrap_or_default();
            entries.insert(key.into(), owned(item.as_ref(), nodes, depth)?);
        }
        return Ok(Value::Map(entries));
    }
    if let Some(optional) = value.downcast_ref::<CelOptional<'_>>() {
        return match optional.option() {
            Some(inner) => owned(inner, nodes, depth),
            None => Err(Lack::Absent("an optional value is not there".to_owned())),
        };
    }
    match cel::Value::try_from(value) {
        Ok(cel::Value::Int(integer)) => Ok(Value::Number(integer as f64)),
        Ok(cel::Value::UInt(integer)) => Ok(Value::Number(integer as f64)),
        Ok(cel::Value::Null) => Err(Lack::Absent("the result is null".to_owned())),
        Ok(cel::Value::String(text)) => Ok(Value::from(text.as_str())),
        _ => Err(Lack::Failed("the result is nothing that a reading can hold".to_owned())),
    }
}
