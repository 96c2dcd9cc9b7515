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
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, CelDouble, CelList, CelMap, CelMapKey, CelOptional, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, ExecutionError};

mod functions;

/// The longest expression in bytes: longer ones are better read as several values.
pub const EXPRESSION_BYTES_MAX: usize = 2_048;

/// The most parts of an expression; bounds the time of one evaluation.
const PARTS_MAX: usize = 256;

/// How deep the parts of an expression may stand in one another, and how many terms a sum may
/// have: evaluation goes as deep.
const NESTING_MAX: usize = 48;

/// How deep brackets may stand in one another, and how many conditions may follow each other: the
/// parser goes some ten calls deeper with each.
const BRACKETS_MAX: usize = 12;

/// The most items of a list that an expression sees. With [`PARTS_MAX`] and macros that do not
/// stand within one another it bounds the time of one evaluation. Tables are for longer lists.
const ITEMS_MAX: usize = 1_000;

/// The most nodes of a tree that an expression sees.
const NODES_MAX: usize = 10_000;

/// How deep a result or a tree that an expression sees may be.
const DEPTH_MAX: usize = 16;

/// Methods and functions beside those of [`functions`].
const STANDARD: [&str; 16] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "double",
    "int",
    "bool",
    "dyn",
    "type",
    "hasValue",
    "value",
    "or",
    "orValue",
    "none",
];

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
            (Self::Number(own), Some(Value::Number(number))) => *own.inner() == *number,
            (Self::Number(own), Some(Value::Integer(integer))) => *own.inner() == *integer as f64,
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
        Value::Absent => Box::new(cel::common::types::CelNull),
    })
}

/// The cells of all [`Places`], in their order.
#[derive(Debug, Default)]
pub struct Cells {
    /// One a place.
    pub cells: Vec<Cell>,
}

/// How a name that a compiled expression uses says what it wants of a cell.
const PRESENCE: char = '?';
const OPTIONAL: char = '~';

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
            None => cell.value().map(|value| CowVal::Borrowed(value)),
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
        if brackets(text) > BRACKETS_MAX {
            return Err(format!(
                "brackets and conditions stand more than {BRACKETS_MAX} deep in one another; make \
                 it several values"
            ));
        }
        let mut tree = ENV.parser().parse(text).map_err(|errors| complaint(&errors))?;
        let cells = BTreeSet::new();
        let bound = Vec::new();
        let mut reader = Reader { places, root, cells, bound, parts: 0, depth: 0 };
        reader.read(&mut tree)?;
        Ok(Self { cells: reader.cells, tree })
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

/// How deep brackets stand in one another at most, with each condition as one level. Those within
/// texts count too, which is harmless.
fn brackets(text: &str) -> usize {
    let (mut open, mut deepest, mut conditions) = (0_usize, 0, 0);
    for character in text.chars() {
        match character {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            '?' => conditions += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest + conditions
}

/// The first error of a text that is no expression, in one line.
fn complaint(errors: &cel::ParseErrors) -> String {
    let first = errors.errors.first();
    let words = first.map(|error| error.msg.replace('\n', " ")).unwrap_or_default();
    let column = first.map_or(1, |error| error.pos.1.max(1));
    let words = words.strip_prefix("Syntax error: ").unwrap_or(&words);
    format!("this is no expression: {words} at character {column}")
}

/// Turns what was parsed into what is evaluated.
struct Reader<'a> {
    places: &'a mut Places,
    root: &'a dyn Fn(&str) -> Result<Root, String>,
    cells: BTreeSet<usize>,
    /// Names that macros give to items.
    bound: Vec<String>,
    parts: usize,
    depth: usize,
}

/// A path, and what is asked of it.
struct Chain {
    name: String,
    steps: Vec<String>,
    optional: bool,
    presence: bool,
}

impl Reader<'_> {
    fn read(&mut self, part: &mut IdedExpr) -> Result<(), String> {
        self.parts += 1;
        if self.parts > PARTS_MAX {
            return Err(format!("an expression has at most {PARTS_MAX} parts; make it several"));
        }
        if let Some(chain) = self.chain(&part.expr, 0) {
            part.expr = self.cell(chain)?;
            return Ok(());
        }
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(format!(
                "parts stand more than {NESTING_MAX} deep in one another; make it several values, \
                 or take `sum([a, b, c])` for a long sum"
            ));
        }
        match &mut part.expr {
            Expr::Literal(LiteralValue::Int(number)) => {
                let number = *number.inner() as f64;
                part.expr = Expr::Literal(LiteralValue::Double(CelDouble::from(number)));
            }
            Expr::Literal(LiteralValue::UInt(number)) => {
                let number = *number.inner() as f64;
                part.expr = Expr::Literal(LiteralValue::Double(CelDouble::from(number)));
            }
            Expr::Call(_) => self.call(part)?,
            Expr::Select(select) => self.read(&mut select.operand)?,
            Expr::List(list) => list.elements.iter_mut().try_for_each(|item| self.read(item))?,
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.read(&mut entry.key)?;
                        self.read(&mut entry.value)?;
                    }
                }
            }
            Expr::Comprehension(_) => self.comprehension(part)?,
            Expr::Struct(_) => return Err("there are no types to make here".to_owned()),
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        }
        self.depth -= 1;
        Ok(())
    }

    fn call(&mut self, part: &mut IdedExpr) -> Result<(), String> {
        let id = part.id;
        let Expr::Call(call) = &mut part.expr else { return Ok(()) };
        let namespace = call
            .target
            .as_ref()
            .is_some_and(|target| matches!(&target.expr, Expr::Ident(name) if name == "optional"));
        if let Some(target) = call.target.as_mut().filter(|_| !namespace) {
            self.read(target)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.read(argument))?;
        let name = call.func_name.as_str();
        let operator = name.starts_with(['_', '!', '-', '@']);
        let known = namespace && matches!(name, "of" | "none")
            || STANDARD.contains(&name)
            || functions::NAMES.contains(&name);
        if !operator && !known {
            return Err(format!(
                "there is no function `{name}`; there are {} and {}",
                functions::NAMES.join(", "),
                STANDARD.join(", ")
            ));
        }
        if name == operators::MODULO {
            "mod".clone_into(&mut call.func_name);
        } else if matches!(name, "size" | "int") {
            // Whatever counts gives a double, as everything else does.
            let counted = std::mem::take(&mut part.expr);
            part.expr = Expr::Call(CallExpr {
                func_name: "double".to_owned(),
                target: None,
                args: vec![IdedExpr { id, expr: counted }],
            });
        }
        Ok(())
    }

    fn comprehension(&mut self, part: &mut IdedExpr) -> Result<(), String> {
        let Expr::Comprehension(inner) = &mut part.expr else { return Ok(()) };
        self.read(&mut inner.iter_range)?;
        if !self.bound.is_empty() {
            return Err("macros such as `map` cannot stand within one another".to_owned());
        }
        self.read(&mut inner.accu_init)?;
        self.bound.push(inner.accu_var.clone());
        self.bound.push(inner.iter_var.clone());
        self.bound.extend(inner.iter_var2.clone());
        self.read(&mut inner.loop_cond)?;
        self.read(&mut inner.loop_step)?;
        self.read(&mut inner.result)?;
        self.bound.clear();
        Ok(())
    }

    /// A part as a path from a name that no macro gave.
    fn chain(&self, part: &Expr, depth: usize) -> Option<Chain> {
        if depth > NESTING_MAX {
            return None;
        }
        match part {
            Expr::Ident(name) if self.bound.contains(name) || name.starts_with('@') => None,
            Expr::Ident(name) => Some(Chain {
                name: name.clone(),
                steps: Vec::new(),
                optional: false,
                presence: false,
            }),
            Expr::Select(select) => {
                let chain = self.chain(&select.operand.expr, depth + 1)?.step(&select.field)?;
                Some(Chain { presence: select.test, ..chain })
            }
            Expr::Call(call) => {
                let optional = match call.func_name.as_str() {
                    operators::INDEX => false,
                    operators::OPT_SELECT | operators::OPT_INDEX => true,
                    _ => return None,
                };
                let [operand, step] = call.args.as_slice() else { return None };
                let step = match &step.expr {
                    Expr::Literal(LiteralValue::String(text)) => text.inner().to_owned(),
                    Expr::Literal(LiteralValue::Int(index)) => {
                        usize::try_from(*index.inner()).ok()?.to_string()
                    }
                    _ => return None,
                };
                let chain = self.chain(&operand.expr, depth + 1)?.step(&step)?;
                Some(Chain { optional: chain.optional || optional, ..chain })
            }
            _ => None,
        }
    }

    fn cell(&mut self, chain: Chain) -> Result<Expr, String> {
        let root = (self.root)(&chain.name)?;
        let path = chain.steps.join(".");
        let written = match path.as_str() {
            "" => chain.name,
            path => format!("{}.{path}", chain.name),
        };
        let number = self.places.number(Place { root, written, path });
        self.cells.insert(number);
        Ok(Expr::Ident(match (chain.presence, chain.optional) {
            (true, _) => format!("{PRESENCE}{number}"),
            (false, true) => format!("{OPTIONAL}{number}"),
            (false, false) => number.to_string(),
        }))
    }
}

impl Chain {
    /// One step further; none when it cannot be written as a path.
    fn step(mut self, step: &str) -> Option<Self> {
        if self.presence || step.is_empty() || step.contains('.') {
            return None;
        }
        self.steps.push(step.to_owned());
        Some(self)
    }
}

/// Why an evaluation gave nothing, in words that speak of the document's names.
fn lack(error: &ExecutionError, cells: &Cells, places: &Places) -> Lack {
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
fn owned(value: &dyn Val, nodes: &mut usize, depth: usize) -> Result<Value, Lack> {
    let large = || Lack::Failed("the result is too large".to_owned());
    *nodes = nodes.checked_sub(1).ok_or_else(large)?;
    let depth = depth.checked_sub(1).ok_or_else(large)?;
    if let Some(number) = value.downcast_ref::<CelDouble>() {
        let number = *number.inner();
        return match number.is_finite() {
            true => Ok(Value::Number(number)),
            false => Err(Lack::Failed("the result is no number; is there a division by 0?".into())),
        };
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
        let mut entries = std::collections::BTreeMap::new();
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

#[cfg(test)]
mod tests;
