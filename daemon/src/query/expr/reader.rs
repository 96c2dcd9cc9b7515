//! From what the parser found to what is evaluated.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::CelDouble;

use super::cell::{OPTIONAL, PRESENCE};
use super::{ENV, Place, Places, Root, functions};

/// The most parts of an expression; bounds the time of one evaluation.
const PARTS_MAX: usize = 256;

/// How deep the parts of an expression may stand in one another, and how many terms a sum may
/// have: evaluation goes as deep.
pub(super) const NESTING_MAX: usize = 48;

/// How deep brackets may stand in one another, and how many conditions may follow each other: the
/// parser goes some ten calls deeper with each.
pub(super) const BRACKETS_MAX: usize = 12;

/// Methods and functions beside those of [`functions`].
const STANDARD: [&str; 14] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "double",
    "int",
    "bool",
    "hasValue",
    "value",
    "or",
    "orValue",
    "none",
];

/// Reads a text: what is evaluated, and the cells that it sees.
pub(super) fn compile(
    text: &str,
    places: &mut Places,
    root: &dyn Fn(&str) -> Result<Root, String>,
) -> Result<(IdedExpr, BTreeSet<usize>), String> {
    if brackets(text) > BRACKETS_MAX {
        return Err(format!(
            "brackets and conditions stand more than {BRACKETS_MAX} deep in one another; make it \
             several values"
        ));
    }
    let mut tree = ENV.parser().parse(text).map_err(|errors| complaint(&errors))?;
    let (cells, bound) = (BTreeSet::new(), Vec::new());
    let mut reader = Reader { places, root, cells, bound, parts: 0, depth: 0 };
    reader.read(&mut tree)?;
    Ok((tree, reader.cells))
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
    // What the parser expected is a list of its own words, which help nobody.
    let words = words.split(" expecting ").next().unwrap_or(words);
    if words.contains("'<EOF>'") {
        return format!("this is no expression: it ends too early, at character {column}");
    }
    let words =
        words.replace("mismatched input", "unexpected").replace("extraneous input", "unexpected");
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
