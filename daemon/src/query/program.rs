//! A compiled document, and what it came to.

use std::collections::{BTreeMap, BTreeSet};

use ccm_proto::model::source::QueryConfig;
use ccm_proto::model::source::query::SeriesQuery;
use ccm_proto::model::{Name, Value};
use compact_str::CompactString;

use super::expr::{Cell, Cells, Expression, Lack, Places, Root};
use super::graph::Order;
use super::series;
use super::table::Table;

mod compiler;

use compiler::{Compiler, Names};

/// A compiled `[query]`.
///
/// Inputs and results are numbered together: inputs first, then values, tables and series, each in
/// the order of their names. A [`Root`] is such a number.
#[derive(Debug)]
pub struct Query {
    inputs: Vec<(String, Name)>,
    results: Vec<Outcome>,
    /// Positions of results, in levels: what is in one level sees earlier levels alone.
    levels: Vec<Vec<usize>>,
    places: Places,
    /// The cells that begin at each root.
    cells_of: Vec<Vec<usize>>,
}

/// A result.
#[derive(Debug)]
struct Outcome {
    name: CompactString,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Value(Expression),
    Table { table: Box<Table>, from: List, with: Option<List> },
    Series { spec: Box<SeriesQuery>, input: usize, metric: String },
}

/// Where a list is.
#[derive(Debug)]
struct List {
    root: Root,
    path: String,
    written: String,
}

/// An input as it is now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// Its newest reading; none when there is none.
    pub value: Option<&'a Value>,
    /// Whether it may differ from the last time.
    pub changed: bool,
}

/// What a document came to so far.
#[derive(Debug)]
pub struct State {
    cells: Cells,
    results: Vec<Computed>,
}

#[derive(Debug)]
struct Computed {
    /// None until it was computed once.
    value: Option<Result<Value, Lack>>,
    /// Why a part of it could not be computed.
    fault: Option<String>,
    /// It was never anything but a number, or absent.
    numeric: bool,
}

impl Query {
    /// Compiles a document's section; each problem names its field path within it.
    pub fn compile(config: &QueryConfig) -> Result<Self, Vec<(String, String)>> {
        let names = Names::of(config);
        let mut compiler = Compiler { names: &names, places: Places::default(), problems: vec![] };
        let mut results = Vec::new();
        for (name, value) in &config.values {
            results.push(compiler.value(name, value.expression()));
        }
        for (name, table) in &config.tables {
            results.push(compiler.table(name, table));
        }
        for (name, spec) in &config.series {
            results.push(compiler.series(name, spec));
        }
        let Compiler { places, mut problems, .. } = compiler;
        let results: Vec<Outcome> = results.into_iter().flatten().collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let inputs: Vec<(String, Name)> =
            config.inputs.iter().map(|(name, source)| (name.clone(), source.clone())).collect();
        let needs = |outcome: &Outcome| -> BTreeSet<usize> {
            let roots = outcome.body.roots(&places);
            roots.filter_map(|root| root.checked_sub(inputs.len())).collect()
        };
        let needs: BTreeMap<usize, BTreeSet<usize>> =
            results.iter().map(needs).enumerate().collect();
        let order = Order::of(&needs);
        for circular in order.circular.iter().filter_map(|index| results.get(*index)) {
            let sentence = format!("`{}` needs a value that needs itself", circular.name);
            problems.push((circular.path(), sentence));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut cells_of = vec![Vec::new(); inputs.len() + results.len()];
        for (cell, place) in places.as_slice().iter().enumerate() {
            if let Some(cells) = cells_of.get_mut(place.root) {
                cells.push(cell);
            }
        }
        Ok(Self { inputs, results, levels: order.levels, places, cells_of })
    }

    /// The inputs: their names here, and the sources.
    pub fn inputs(&self) -> &[(String, Name)] {
        &self.inputs
    }

    /// The results over series: the position of each, what the document says of it, its source,
    /// and the metric.
    pub fn series(&self) -> impl Iterator<Item = (usize, &SeriesQuery, &Name, &str)> {
        self.results.iter().enumerate().filter_map(|(index, outcome)| match &outcome.body {
            Body::Series { spec, input, metric } => {
                let (_, source) = self.inputs.get(*input)?;
                Some((index, &**spec, source, metric.as_str()))
            }
            Body::Value(_) | Body::Table { .. } => None,
        })
    }

    /// Nothing computed yet.
    pub fn begin(&self) -> State {
        let computed = || Computed { value: None, fault: None, numeric: true };
        State {
            cells: Cells { cells: self.places.as_slice().iter().map(|_| Cell::Absent).collect() },
            results: self.results.iter().map(|_| computed()).collect(),
        }
    }

    /// Brings a state up to date with its inputs and with those results over series that were
    /// computed anew, by their position. Only what sees something that changed is computed.
    pub fn compute(
        &self,
        state: &mut State,
        inputs: &[Input<'_>],
        series: Vec<(usize, Result<Value, Lack>)>,
    ) {
        let mut changed = vec![false; self.cells_of.len()];
        let mut dirty = vec![false; self.places.as_slice().len()];
        for (root, input) in inputs.iter().enumerate().filter(|(_, input)| input.changed) {
            mark(&mut changed, root);
            self.refresh(root, input.value, &mut state.cells, &mut dirty);
        }
        for (index, value) in series {
            self.settle(state, index, (value, None), &mut changed, &mut dirty);
        }
        for level in &self.levels {
            let mut found = Vec::new();
            {
                let context = state.cells.context();
                for index in level {
                    let Some(outcome) = self.results.get(*index) else { continue };
                    let before = state.results.get(*index).is_some_and(|it| it.value.is_some());
                    match &outcome.body {
                        Body::Value(expression) => {
                            let seen = |cell| dirty.get(cell).copied().unwrap_or(false);
                            if !before || expression.cells().any(seen) {
                                let value =
                                    expression.evaluate(&context, &state.cells, &self.places);
                                found.push((*index, (value, None)));
                            }
                        }
                        Body::Table { table, from, with } => {
                            let seen = |list: &List| changed.get(list.root) == Some(&true);
                            if !before || seen(from) || with.as_ref().is_some_and(seen) {
                                found.push((
                                    *index,
                                    self.make(table, from, with.as_ref(), inputs, state),
                                ));
                            }
                        }
                        Body::Series { .. } if before => {}
                        Body::Series { .. } => {
                            let lack = Lack::Absent("its past is not there yet".to_owned());
                            found.push((*index, (Err(lack), None)));
                        }
                    }
                }
            }
            for (index, value) in found {
                self.settle(state, index, value, &mut changed, &mut dirty);
            }
        }
    }

    fn make(
        &self,
        table: &Table,
        from: &List,
        with: Option<&List>,
        inputs: &[Input<'_>],
        state: &State,
    ) -> (Result<Value, Lack>, Option<String>) {
        let list = |list: &List| match self.at(list, inputs, state) {
            Some(Value::List(rows)) => Ok(rows.as_slice()),
            None | Some(Value::Absent) => {
                Err(Lack::Absent(format!("{} is not there", list.written)))
            }
            Some(_) => Err(Lack::Failed(format!("{} is no list", list.written))),
        };
        let made = list(from).and_then(|left| {
            let right = with.map(list).transpose()?;
            table.make(left, right)
        });
        match made {
            Ok(made) => (Ok(Value::List(made.rows)), made.fault),
            Err(lack) => (Err(lack), None),
        }
    }

    fn at<'a>(&self, list: &List, inputs: &[Input<'a>], state: &'a State) -> Option<&'a Value> {
        let root = match list.root.checked_sub(self.inputs.len()) {
            None => inputs.get(list.root)?.value?,
            Some(index) => state.results.get(index)?.value.as_ref()?.as_ref().ok()?,
        };
        if list.path.is_empty() { Some(root) } else { root.at(&list.path) }
    }

    /// Keeps what was computed, and marks what sees it.
    fn settle(
        &self,
        state: &mut State,
        index: usize,
        (value, fault): (Result<Value, Lack>, Option<String>),
        changed: &mut [bool],
        dirty: &mut [bool],
    ) {
        let Some(computed) = state.results.get_mut(index) else { return };
        let root = self.inputs.len() + index;
        mark(changed, root);
        self.refresh(root, value.as_ref().ok(), &mut state.cells, dirty);
        computed.numeric &= match &value {
            Ok(Value::Text(_) | Value::List(_)) => false,
            Ok(Value::Map(_)) => self.is_series(index),
            _ => true,
        };
        computed.value = Some(value);
        computed.fault = fault;
    }

    fn is_series(&self, index: usize) -> bool {
        let body = self.results.get(index).map(|outcome| &outcome.body);
        matches!(body, Some(Body::Series { .. }))
    }

    /// Looks up the cells that begin at a root.
    fn refresh(&self, root: Root, value: Option<&Value>, cells: &mut Cells, dirty: &mut [bool]) {
        for cell in self.cells_of.get(root).into_iter().flatten() {
            let Some(place) = self.places.as_slice().get(*cell) else { continue };
            let Some(held) = cells.cells.get_mut(*cell) else { continue };
            let value = match place.path.as_str() {
                "" => value,
                path => value.and_then(|value| value.at(path)),
            };
            if !held.holds(value) {
                *held = Cell::new(value);
                mark(dirty, *cell);
            }
        }
    }

    /// What a reading shows: every result by its name, and under `reasons` why some are not there.
    pub fn tree(&self, state: &State) -> Value {
        let mut tree = BTreeMap::new();
        let mut reasons = BTreeMap::new();
        for (outcome, computed) in self.results.iter().zip(&state.results) {
            let value = match &computed.value {
                Some(Ok(value)) => value.clone(),
                Some(Err(lack)) => {
                    reasons.insert(outcome.name.clone(), Value::from(lack.reason()));
                    Value::Absent
                }
                None => Value::Absent,
            };
            if let Some(fault) = &computed.fault {
                reasons.insert(outcome.name.clone(), Value::from(fault.as_str()));
            }
            tree.insert(outcome.name.clone(), value);
        }
        if !reasons.is_empty() {
            tree.insert("reasons".into(), Value::Map(reasons));
        }
        Value::Map(tree)
    }

    /// Why nothing could be computed at all, when that is so. What only waits for an input is no
    /// failure.
    pub fn failure(&self, state: &State) -> Option<String> {
        let mut first = None;
        for (outcome, computed) in self.results.iter().zip(&state.results) {
            let Some(Err(Lack::Failed(reason))) = &computed.value else { return None };
            first.get_or_insert_with(|| format!("{}: {reason}", outcome.name));
        }
        first
    }

    /// Differs when the metrics do: when a result turned out to be no number.
    pub fn shape(&self, state: &State) -> usize {
        state.results.iter().filter(|computed| !computed.numeric).count()
    }

    /// The metrics that are kept as series, in the order of [`Self::numbers`].
    pub fn metrics(&self, state: &State) -> Vec<String> {
        let metric = |(name, path): (&CompactString, &str)| match path {
            "" => name.to_string(),
            path => format!("{name}.{path}"),
        };
        self.kept(state).map(|(outcome, path, _)| metric((&outcome.name, path))).collect()
    }

    /// The numbers that are kept as series; not-a-number where there is none.
    pub fn numbers(&self, state: &State) -> Vec<f64> {
        let number = |computed: &Computed, path: &str| {
            let value = computed.value.as_ref()?.as_ref().ok()?;
            if path.is_empty() { value.as_number() } else { value.at(path)?.as_number() }
        };
        self.kept(state)
            .map(|(_, path, computed)| number(computed, path).unwrap_or(f64::NAN))
            .collect()
    }

    fn kept<'a>(
        &'a self,
        state: &'a State,
    ) -> impl Iterator<Item = (&'a Outcome, &'static str, &'a Computed)> {
        let both = self.results.iter().zip(&state.results);
        both.filter(|(_, computed)| computed.numeric).flat_map(|(outcome, computed)| {
            let paths: &'static [&'static str] = match &outcome.body {
                Body::Value(_) => &[""],
                Body::Table { .. } => &[],
                Body::Series { spec, .. } => series::kept(spec),
            };
            paths.iter().map(move |path| (outcome, *path, computed))
        })
    }
}

fn mark(marks: &mut [bool], index: usize) {
    if let Some(mark) = marks.get_mut(index) {
        *mark = true;
    }
}

impl Outcome {
    fn path(&self) -> String {
        let section = match self.body {
            Body::Value(_) => "values",
            Body::Table { .. } => "tables",
            Body::Series { .. } => "series",
        };
        format!("{section}.{}", self.name)
    }
}

impl Body {
    /// What it sees.
    fn roots<'a>(&'a self, places: &'a Places) -> Box<dyn Iterator<Item = Root> + 'a> {
        match self {
            Self::Value(expression) => {
                let place = |cell: usize| places.as_slice().get(cell);
                Box::new(expression.cells().filter_map(place).map(|place| place.root))
            }
            Self::Table { from, with, .. } => {
                Box::new(std::iter::once(from).chain(with).map(|list| list.root))
            }
            Self::Series { input, .. } => Box::new(std::iter::once(*input)),
        }
    }
}
