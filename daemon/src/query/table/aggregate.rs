//! One value of many rows: `sum(revenue)`.

use std::collections::HashSet;

use ccm_proto::model::Value;

use super::{Columns, Key, at};
use crate::query::window::quantile;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Distinct,
    Stddev,
    Quantile(f64),
}

/// A function of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aggregate {
    function: Function,
    /// None counts rows.
    column: Option<String>,
}

const KNOWN: &str =
    "count, sum, avg, min, max, first, last, distinct, stddev, median and quantile(column, 0.95)";

impl Aggregate {
    /// Reads `count()`, `sum(revenue)` or `quantile(latency, 0.95)`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let form = || "write a function of a column, as in `sum(revenue)`".to_owned();
        let (name, rest) = text.trim().split_once('(').ok_or_else(form)?;
        let inner = rest.strip_suffix(')').ok_or_else(form)?;
        let mut arguments = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
        let column = arguments.next().map(str::to_owned);
        let share = arguments.next();
        if arguments.next().is_some() || inner.contains(['(', ')']) {
            return Err(form());
        }
        let function = match name.trim() {
            "count" => Function::Count,
            "sum" => Function::Sum,
            "avg" => Function::Avg,
            "min" => Function::Min,
            "max" => Function::Max,
            "first" => Function::First,
            "last" => Function::Last,
            "distinct" => Function::Distinct,
            "stddev" => Function::Stddev,
            "median" => Function::Quantile(0.5),
            "quantile" => {
                let q = share.and_then(|share| share.parse::<f64>().ok());
                let q = q.filter(|q| (0.0..=1.0).contains(q));
                let sentence = "write the share from 0 to 1, as in `quantile(latency, 0.95)`";
                Function::Quantile(q.ok_or_else(|| sentence.to_owned())?)
            }
            other => return Err(format!("there is no `{other}`; there are {KNOWN}")),
        };
        if share.is_some() && name.trim() != "quantile" {
            return Err(form());
        }
        if column.is_none() && function != Function::Count {
            return Err(format!("say of what column, as in `{}(revenue)`", name.trim()));
        }
        Ok(Self { function, column })
    }

    /// Computes it of the rows of a group. Rows without the column take no part; of no values
    /// there is no sum, but there is a count.
    pub(super) fn of(&self, rows: &[&Columns]) -> Value {
        let Some(column) = &self.column else { return Value::Number(rows.len() as f64) };
        let values = || rows.iter().filter_map(|row| at(row, column));
        let numbers = || values().filter_map(Value::as_number).filter(|n| n.is_finite());
        let count = || numbers().count() as f64;
        let mean = || numbers().sum::<f64>() / count();
        let none = numbers().next().is_none();
        match self.function {
            Function::Count => Value::Number(values().count() as f64),
            Function::Distinct => {
                let different: HashSet<_> = values().filter_map(Key::of).collect();
                Value::Number(different.len() as f64)
            }
            Function::First => values().next().cloned().unwrap_or_default(),
            Function::Last => values().next_back().cloned().unwrap_or_default(),
            _ if none => Value::Absent,
            Function::Sum => Value::from(numbers().sum::<f64>()),
            Function::Avg => Value::from(mean()),
            Function::Min => Value::from(numbers().fold(f64::INFINITY, f64::min)),
            Function::Max => Value::from(numbers().fold(f64::NEG_INFINITY, f64::max)),
            Function::Stddev => {
                let mean = mean();
                let squares = numbers().map(|number| (number - mean).powi(2)).sum::<f64>();
                Value::from((squares / count()).sqrt())
            }
            Function::Quantile(q) => Value::from(quantile(&mut numbers().collect(), q)),
        }
    }
}
