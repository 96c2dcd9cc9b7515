//! Expressions: CEL over cells.
//!
//! An expression is compiled once. Every path that it names, such as `crm.leads`, becomes a cell,
//! so that nothing of a tree is copied but what is asked for, and an expression that names no
//! changed cell need not be evaluated again. All numbers are doubles: whole numbers become such
//! where they are written, so that `2 * 1.5` means what people think it does. A path that leads
//! nowhere makes the result absent; it never stands for zero.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use ccm_proto::model::Value;
use cel::common::ast::IdedExpr;
use cel::{Context, Env};

mod answer;
mod cell;
mod functions;
mod reader;

pub use answer::Lack;
pub use cell::{Cell, Cells, ITEMS_MAX};

use answer::{lack, owned};
use cell::{DEPTH_MAX, NODES_MAX};

/// The longest expression in bytes: longer ones are better read as several values.
pub const EXPRESSION_BYTES_MAX: usize = 2_048;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    functions::add(&mut env);
    Arc::new(env)
});

/// Where a path begins: the position of an input or a result, as who compiles numbers them.
pub type Root = usize;

/// The places whose values expressions see, each once.
#[derive(Debug, Default)]
pub struct Places {
    places: Vec<Place>,
    known: HashMap<Place, usize>,
}

/// A path within something that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What has the name.
    pub root: Root,
    /// As the document writes it, for people.
    pub written: String,
    /// The path within; empty for all of it.
    pub path: String,
}

impl Places {
    /// All of them; a cell of the same position belongs to each.
    pub fn as_slice(&self) -> &[Place] {
        &self.places
    }

    fn number(&mut self, place: Place) -> usize {
        if let Some(number) = self.known.get(&place) {
            return *number;
        }
        let number = self.places.len();
        self.known.insert(place.clone(), number);
        self.places.push(place);
        number
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    tree: IdedExpr,
    cells: BTreeSet<usize>,
}

impl Expression {
    /// Compiles a text. `root` says what a name means, or why it means nothing; what is named is
    /// added to `places`.
    pub fn compile(
        text: &str,
        places: &mut Places,
        root: &dyn Fn(&str) -> Result<Root, String>,
    ) -> Result<Self, String> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(format!("an expression has at most {EXPRESSION_BYTES_MAX} bytes"));
        }
        let (tree, cells) = reader::compile(text, places, root)?;
        Ok(Self { tree, cells })
    }

    /// The cells that it sees.
    pub fn cells(&self) -> impl Iterator<Item = usize> {
        self.cells.iter().copied()
    }

    /// Computes it in the context of cells; `places` are those that it was compiled with.
    pub fn evaluate(
        &self,
        context: &Context<'_, '_>,
        cells: &Cells,
        places: &Places,
    ) -> Result<Value, Lack> {
        let value = cel::Value::resolve_val(&self.tree, context)
            .map_err(|error| lack(&error, cells, places))?;
        let mut nodes = NODES_MAX;
        owned(value.as_ref(), &mut nodes, DEPTH_MAX)
    }

    /// Whether it is true; what is not there makes it false.
    pub fn holds(
        &self,
        context: &Context<'_, '_>,
        cells: &Cells,
        places: &Places,
    ) -> Result<bool, Lack> {
        match self.evaluate(context, cells, places)? {
            Value::Boolean(holds) => Ok(holds),
            _ => Err(Lack::Failed("this is neither true nor false".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
