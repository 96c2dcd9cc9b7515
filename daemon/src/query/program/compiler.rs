//! From what a document says to what is computed.

use std::collections::BTreeMap;

use ccm_proto::model::source::QueryConfig;
use ccm_proto::model::source::query::{SeriesQuery, TableQuery};

use super::{Body, List, Outcome};
use crate::query::expr::{Expression, Places, Root};
use crate::query::table::Table;

/// The most inputs that a problem names.
const NAMED_MAX: usize = 8;

/// What names mean.
pub(super) struct Names<'a> {
    roots: BTreeMap<&'a str, Root>,
    inputs: usize,
}

impl<'a> Names<'a> {
    pub(super) fn of(config: &'a QueryConfig) -> Self {
        let all = config.inputs.keys().chain(config.results());
        let roots = all.enumerate().map(|(root, name)| (name.as_str(), root)).collect();
        Self { roots, inputs: config.inputs.len() }
    }

    fn root(&self, name: &str) -> Result<Root, String> {
        self.roots.get(name).copied().ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &str) -> String {
        let inputs = self.roots.iter().filter(|(_, root)| **root < self.inputs);
        let inputs: Vec<&str> = inputs.map(|(name, _)| *name).take(NAMED_MAX).collect();
        format!(
            "nothing here is called `{name}`; the inputs are {}, and results are known by their \
             names",
            inputs.join(", ")
        )
    }
}

/// Compiles results one by one, and notes what is wrong.
pub(super) struct Compiler<'a> {
    pub names: &'a Names<'a>,
    pub places: Places,
    pub problems: Vec<(String, String)>,
}

impl Compiler<'_> {
    pub(super) fn value(&mut self, name: &str, text: &str) -> Option<Outcome> {
        let names = self.names;
        match Expression::compile(text, &mut self.places, &|name| names.root(name)) {
            Ok(expression) => Some(Outcome { name: name.into(), body: Body::Value(expression) }),
            Err(sentence) => {
                self.problems.push((format!("values.{name}"), sentence));
                None
            }
        }
    }

    pub(super) fn table(&mut self, name: &str, spec: &TableQuery) -> Option<Outcome> {
        let from = self.list(&spec.from, format!("tables.{name}.from"));
        let with = spec.join.as_ref();
        let with = with.map(|join| self.list(&join.with, format!("tables.{name}.join.with")));
        match Table::compile(spec) {
            Ok(table) => {
                let with = match with {
                    Some(list) => Some(list?),
                    None => None,
                };
                let body = Body::Table { table: Box::new(table), from: from?, with };
                Some(Outcome { name: name.into(), body })
            }
            Err(problems) => {
                let place = |(path, sentence)| (format!("tables.{name}.{path}"), sentence);
                self.problems.extend(problems.into_iter().map(place));
                None
            }
        }
    }

    pub(super) fn series(&mut self, name: &str, spec: &SeriesQuery) -> Option<Outcome> {
        let path = format!("series.{name}.of");
        let list = self.list(&spec.of, path.clone())?;
        if list.root >= self.names.inputs {
            let sentence = "series are those of inputs; make another query of this one's results";
            self.problems.push((path, sentence.to_owned()));
            return None;
        }
        let spec = Box::new(spec.clone());
        let body = Body::Series { spec, input: list.root, metric: list.path };
        Some(Outcome { name: name.into(), body })
    }

    fn list(&mut self, written: &str, field: String) -> Option<List> {
        let (name, path) = written.split_once('.').unwrap_or((written, ""));
        match self.names.root(name) {
            Ok(root) => Some(List { root, path: path.to_owned(), written: written.to_owned() }),
            Err(sentence) => {
                self.problems.push((field, sentence));
                None
            }
        }
    }
}
