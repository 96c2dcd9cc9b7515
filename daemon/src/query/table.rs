//! Lists made from lists: joined, computed, filtered, grouped, sorted and cut.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use ccm_proto::model::Value;
use ccm_proto::model::source::query::{JoinKind, TableQuery};
use ccm_proto::model::widget::Order;
use compact_str::CompactString;

use super::expr::{Cell, Cells, Expression, Lack, Places};

mod aggregate;

use aggregate::Aggregate;

/// The most rows of a list that a table is made from.
pub const ROWS_MAX: usize = 10_000;

/// The most rows that a join gives: keys that are not unique multiply.
pub const JOINED_MAX: usize = 20_000;

/// The most groups.
pub const GROUPS_MAX: usize = 5_000;

/// One row: values by column.
pub type Columns = BTreeMap<CompactString, Value>;

/// A compiled table.
#[derive(Debug)]
pub struct Table {
    spec: TableQuery,
    /// What expressions see of a row.
    places: Places,
    columns: Vec<(CompactString, Expression)>,
    filter: Option<Expression>,
    aggregates: Vec<(CompactString, Aggregate)>,
}

/// What a table came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    /// The rows.
    pub rows: Vec<Value>,
    /// Why the first of some rows could not be computed; they are without the column, or left out.
    pub fault: Option<String>,
}

impl Table {
    /// Compiles a table; each problem names its field.
    pub fn compile(spec: &TableQuery) -> Result<Self, Vec<(String, String)>> {
        let mut problems = Vec::new();
        let mut places = Places::default();
        let mut compile = |text: &str, field: String, problems: &mut Vec<_>| {
            let column = |_: &str| Ok(0);
            match Expression::compile(text, &mut places, &column) {
                Ok(expression) => Some(expression),
                Err(sentence) => {
                    problems.push((field, sentence));
                    None
                }
            }
        };
        let mut columns = Vec::new();
        for (name, text) in &spec.columns {
            let compiled = compile(text, format!("columns.{name}"), &mut problems);
            columns.extend(compiled.map(|expression| (name.as_str().into(), expression)));
        }
        let filter = spec.filter.as_ref();
        let filter = filter.and_then(|text| compile(text, "where".to_owned(), &mut problems));
        let mut aggregates = Vec::new();
        for (name, text) in spec.group.iter().flat_map(|group| &group.aggregate) {
            match Aggregate::parse(text) {
                Ok(aggregate) => aggregates.push((name.as_str().into(), aggregate)),
                Err(sentence) => problems.push((format!("group.aggregate.{name}"), sentence)),
            }
        }
        if problems.is_empty() {
            Ok(Self { spec: spec.clone(), places, columns, filter, aggregates })
        } else {
            Err(problems)
        }
    }

    /// Makes the table of one list, or of two when it joins.
    pub fn make(&self, left: &[Value], right: Option<&[Value]>) -> Result<Made, Lack> {
        for list in [Some(left), right].into_iter().flatten() {
            if list.len() > ROWS_MAX {
                let sentence =
                    format!("a list has {} rows; at most {ROWS_MAX} are taken", list.len());
                return Err(Lack::Failed(sentence));
            }
        }
        let mut rows = match right {
            Some(right) => self.join(left, right)?,
            None => left.iter().filter_map(columns).cloned().collect(),
        };
        let mut fault = None;
        self.compute(&mut rows, &mut fault);
        if self.spec.group.is_some() {
            rows = self.group(&rows)?;
        }
        if let Some(column) = &self.spec.sort {
            sort(&mut rows, column, self.spec.order);
        }
        if let Some(limit) = self.spec.limit {
            rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        Ok(Made { rows: rows.into_iter().map(Value::Map).collect(), fault })
    }

    fn join(&self, left: &[Value], right: &[Value]) -> Result<Vec<Columns>, Lack> {
        let Some(join) = &self.spec.join else { return Ok(Vec::new()) };
        let right_on = join.right_on.as_ref().unwrap_or(&join.on);
        let mut partners: HashMap<Key<'_>, Vec<&Columns>> = HashMap::new();
        for row in right.iter().filter_map(columns) {
            if let Some(key) = at(row, right_on).and_then(Key::of) {
                partners.entry(key).or_default().push(row);
            }
        }
        let prefix = join.prefix.as_deref().unwrap_or_default();
        let mut rows: Vec<Columns> = Vec::new();
        for row in left.iter().filter_map(columns) {
            let key = at(row, &join.on).and_then(Key::of);
            let found = key.and_then(|key| partners.get(&key));
            for partner in found.into_iter().flatten() {
                if rows.len() >= JOINED_MAX {
                    return Err(Lack::Failed(format!(
                        "the join gives more than {JOINED_MAX} rows; join on a column that tells \
                         rows apart"
                    )));
                }
                let mut joined = row.clone();
                for (name, value) in *partner {
                    let name = match prefix {
                        "" => name.clone(),
                        prefix => [prefix, name].concat().into(),
                    };
                    joined.entry(name).or_insert_with(|| value.clone());
                }
                rows.push(joined);
            }
            if found.is_none() && join.kind == JoinKind::Left {
                rows.push(row.clone());
            }
        }
        Ok(rows)
    }

    /// Computes columns and leaves rows out. Columns do not see each other, the filter sees all.
    fn compute(&self, rows: &mut Vec<Columns>, fault: &mut Option<String>) {
        if self.columns.is_empty() && self.filter.is_none() {
            return;
        }
        let mut cells = Cells::default();
        rows.retain_mut(|row| {
            let cell =
                |row: &Columns, place: &super::expr::Place| Cell::new(at(row, &place.written));
            cells.cells.clear();
            cells.cells.extend(self.places.as_slice().iter().map(|place| cell(row, place)));
            let context = cells.context();
            let compute = |(name, expression): &(CompactString, Expression)| {
                let value = expression.evaluate(&context, &cells, &self.places);
                (name.clone(), note(value, fault).unwrap_or_default())
            };
            let computed: Vec<_> = self.columns.iter().map(compute).collect();
            drop(context);
            row.extend(computed);
            let Some(filter) = &self.filter else { return true };
            if !self.columns.is_empty() {
                for (held, place) in cells.cells.iter_mut().zip(self.places.as_slice()) {
                    *held = cell(row, place);
                }
            }
            let holds = filter.holds(&cells.context(), &cells, &self.places);
            note(holds, fault).unwrap_or(false)
        });
    }

    fn group(&self, rows: &[Columns]) -> Result<Vec<Columns>, Lack> {
        let by = self.spec.group.as_ref().map(|group| group.by.as_slice()).unwrap_or_default();
        let mut groups: Vec<Vec<&Columns>> = Vec::new();
        let mut known: HashMap<Vec<Option<Key<'_>>>, usize> = HashMap::new();
        for row in rows {
            let key = by.iter().map(|column| at(row, column).and_then(Key::of)).collect();
            let index = *known.entry(key).or_insert(groups.len());
            if index == groups.len() {
                if groups.len() >= GROUPS_MAX {
                    let sentence =
                        format!("there are more than {GROUPS_MAX} groups; take fewer columns");
                    return Err(Lack::Failed(sentence));
                }
                groups.push(Vec::new());
            }
            if let Some(group) = groups.get_mut(index) {
                group.push(row);
            }
        }
        let row = |group: &Vec<&Columns>| {
            let first = group.first();
            let own = |column: &String| {
                let value = first.and_then(|row| at(row, column));
                (column.as_str().into(), value.cloned().unwrap_or_default())
            };
            let aggregate = |(name, aggregate): &(CompactString, Aggregate)| {
                (name.clone(), aggregate.of(group))
            };
            by.iter().map(own).chain(self.aggregates.iter().map(aggregate)).collect()
        };
        Ok(groups.iter().map(row).collect())
    }
}

/// Keeps the first reason that is more than something being absent.
fn note<T>(result: Result<T, Lack>, fault: &mut Option<String>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(Lack::Absent(_)) => None,
        Err(Lack::Failed(reason)) => {
            fault.get_or_insert(reason);
            None
        }
    }
}

fn columns(row: &Value) -> Option<&Columns> {
    match row {
        Value::Map(columns) => Some(columns),
        _ => None,
    }
}

/// The value at a path in a row, unless it is absent.
fn at<'a>(row: &'a Columns, path: &str) -> Option<&'a Value> {
    let (column, rest) = match path.split_once('.') {
        Some((column, rest)) => (column, Some(rest)),
        None => (path, None),
    };
    let value = row.get(column)?;
    let value = rest.map_or(Some(value), |rest| value.at(rest))?;
    Some(value).filter(|value| !value.is_absent())
}

/// What makes two values the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key<'a> {
    Boolean(bool),
    Number(u64),
    Text(&'a str),
}

impl<'a> Key<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Boolean(boolean) => Some(Self::Boolean(*boolean)),
            // Whole numbers are the same however they are written; -0 is 0.
            Value::Integer(integer) => Some(Self::Number((*integer as f64 + 0.0).to_bits())),
            Value::Number(number) => Some(Self::Number((*number + 0.0).to_bits())),
            Value::Text(text) => Some(Self::Text(text)),
            Value::Absent | Value::List(_) | Value::Map(_) => None,
        }
    }
}

/// Orders rows by a column. Numbers come before texts, and rows without it come last whichever end
/// comes first; what is equal keeps its order.
fn sort(rows: &mut [Columns], column: &str, order: Order) {
    rows.sort_by(|a, b| match (at(a, column), at(b, column)) {
        (Some(a), Some(b)) if order == Order::Descending => compare(b, a),
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.as_text().cmp(&b.as_text()),
    }
}

#[cfg(test)]
mod tests;
