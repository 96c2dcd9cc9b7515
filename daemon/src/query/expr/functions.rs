//! Functions beside those that CEL has.

use cel::common::types::{CelDouble, CelList, DOUBLE_TYPE, LIST_TYPE};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};

use crate::query::window::quantile;

/// Their names, for who asks for one that is not there.
pub(super) const NAMES: [&str; 15] = [
    "abs", "avg", "ceil", "clamp", "exp", "floor", "ln", "max", "median", "min", "mod", "pow",
    "round", "sqrt", "sum",
];

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn number(arguments: &[CowVal<'_, '_>], index: usize) -> f64 {
    let argument = arguments.get(index).and_then(|argument| argument.downcast_ref::<CelDouble>());
    argument.map_or(f64::NAN, |number| *number.inner())
}

/// The numbers of a list; none when something else is in it, or it is empty.
fn numbers(function: &str, arguments: &[CowVal<'_, '_>]) -> Result<Vec<f64>, ExecutionError> {
    let list = arguments.first().and_then(|argument| argument.downcast_ref::<CelList<'_>>());
    let items = list.map(|list| list.inner()).unwrap_or_default();
    let number = |item: &Box<_>| -> Option<f64> {
        let item: &dyn cel::common::value::Val = Box::as_ref(item);
        item.downcast_ref::<CelDouble>().map(|number| *number.inner())
    };
    let numbers: Option<Vec<f64>> = items.iter().map(number).collect();
    let wrong = |message: &str| ExecutionError::function_error(function, message);
    let numbers = numbers.ok_or_else(|| wrong("the list holds something that is no number"))?;
    if numbers.is_empty() && function != "sum" {
        return Err(wrong("the list is empty"));
    }
    Ok(numbers)
}

fn answer<'b, 'v>(number: f64) -> Answer<'b, 'v> {
    Ok(CowVal::owned(CelDouble::from(number)))
}

/// Adds them to an environment. None of their signatures is declared there, so nothing is refused.
pub(super) fn add(env: &mut Env) {
    type Function = cel::common::functions::Function;
    let one: [(&str, Function); 7] = [
        ("abs", |a| answer(number(&a, 0).abs())),
        ("ceil", |a| answer(number(&a, 0).ceil())),
        ("floor", |a| answer(number(&a, 0).floor())),
        ("round", |a| answer(number(&a, 0).round())),
        ("sqrt", |a| answer(number(&a, 0).sqrt())),
        ("exp", |a| answer(number(&a, 0).exp())),
        ("ln", |a| answer(number(&a, 0).ln())),
    ];
    for (name, function) in one {
        drop(env.add_overload(name, &format!("{name}_double"), vec![DOUBLE_TYPE], function));
    }
    let two: [(&str, Function); 4] = [
        ("min", |a| answer(number(&a, 0).min(number(&a, 1)))),
        ("max", |a| answer(number(&a, 0).max(number(&a, 1)))),
        ("mod", |a| answer(number(&a, 0) % number(&a, 1))),
        ("pow", |a| answer(number(&a, 0).powf(number(&a, 1)))),
    ];
    for (name, function) in two {
        let types = vec![DOUBLE_TYPE, DOUBLE_TYPE];
        drop(env.add_overload(name, &format!("{name}_double_double"), types, function));
    }
    let clamp: Function = |a| answer(number(&a, 0).max(number(&a, 1)).min(number(&a, 2)));
    let types = vec![DOUBLE_TYPE, DOUBLE_TYPE, DOUBLE_TYPE];
    drop(env.add_overload("clamp", "clamp_double_double_double", types, clamp));
    let many: [(&str, Function); 5] = [
        ("sum", |a| answer(numbers("sum", &a)?.iter().sum())),
        ("avg", |a| {
            let all = numbers("avg", &a)?;
            answer(all.iter().sum::<f64>() / all.len() as f64)
        }),
        ("min", |a| answer(numbers("min", &a)?.into_iter().fold(f64::INFINITY, f64::min))),
        ("max", |a| answer(numbers("max", &a)?.into_iter().fold(f64::NEG_INFINITY, f64::max))),
        ("median", |a| {
            let mut all = numbers("median", &a)?;
            answer(quantile(&mut all, 0.5).unwrap_or(f64::NAN))
        }),
    ];
    for (name, function) in many {
        drop(env.add_overload(name, &format!("{name}_list"), vec![LIST_TYPE], function));
    }
}
