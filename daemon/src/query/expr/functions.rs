//! Functions beside those that CEL has.

use cel::common::types::{CelDouble, CelList, DOUBLE_TYPE, LIST_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};

use crate::query::window::quantile;

/// Their names, for who asks for one that is not there.
pub(super) const NAMES: [&str; 15] = [
    "abs", "avg", "ceil", "clamp", "exp", "floor", "ln", "max", "median", "min", "mod", "pow",
    "round", "sqrt", "sum",
];

fn number(arguments: &[CowVal<'_, '_>], index: usize) -> f64 {
    let argument = arguments.get(index).and_then(|argument| argument.downcast_ref::<CelDouble>());
    argument.map_or(f64::NAN, |number| *number.inner())
}

/// The numbers of a list; none when something else is in it, or it is empty.
fn numbers(function: &str, arguments: &[CowVal<'_, '_>]) -> Result<Vec<f64>, ExecutionError> {
    let list = arguments.first().and_then(|argument| argument.downcast_ref::<CelList<'_>>());
    let items = list.map(CelList::inner).unwrap_or_default();
    let number = |item: &dyn Val| item.downcast_ref::<CelDouble>().map(|number| *number.inner());
    let numbers: Option<Vec<f64>> = items.iter().map(|item| number(item.as_ref())).collect();
    let wrong = |message: &str| ExecutionError::function_error(function, message);
    let numbers = numbers.ok_or_else(|| wrong("the list holds something that is no number"))?;
    if numbers.is_empty() && function != "sum" {
        return Err(wrong("the list is empty"));
    }
    Ok(numbers)
}

fn answer<'b, 'v>(number: f64) -> CowVal<'b, 'v> {
    CowVal::owned(CelDouble::from(number))
}

/// Adds them to an environment. None of their signatures is declared there, so nothing is refused.
pub(super) fn add(env: &mut Env) {
    type Function = cel::common::functions::Function;
    let one: [(&str, Function); 7] = [
        ("abs", |a| Ok(answer(number(&a, 0).abs()))),
        ("ceil", |a| Ok(answer(number(&a, 0).ceil()))),
        ("floor", |a| Ok(answer(number(&a, 0).floor()))),
        ("round", |a| Ok(answer(number(&a, 0).round()))),
        ("sqrt", |a| Ok(answer(number(&a, 0).sqrt()))),
        ("exp", |a| Ok(answer(number(&a, 0).exp()))),
        ("ln", |a| Ok(answer(number(&a, 0).ln()))),
    ];
    for (name, function) in one {
        drop(env.add_overload(name, &format!("{name}_double"), vec![DOUBLE_TYPE], function));
    }
    let two: [(&str, Function); 4] = [
        ("min", |a| Ok(answer(number(&a, 0).min(number(&a, 1))))),
        ("max", |a| Ok(answer(number(&a, 0).max(number(&a, 1))))),
        ("mod", |a| Ok(answer(number(&a, 0) % number(&a, 1)))),
        ("pow", |a| Ok(answer(number(&a, 0).powf(number(&a, 1))))),
    ];
    for (name, function) in two {
        let types = vec![DOUBLE_TYPE, DOUBLE_TYPE];
        drop(env.add_overload(name, &format!("{name}_double_double"), types, function));
    }
    let clamp: Function = |a| Ok(answer(number(&a, 0).max(number(&a, 1)).min(number(&a, 2))));
    let types = vec![DOUBLE_TYPE, DOUBLE_TYPE, DOUBLE_TYPE];
    drop(env.add_overload("clamp", "clamp_double_double_double", types, clamp));
    let many: [(&str, Function); 5] = [
        ("sum", |a| Ok(answer(numbers("sum", &a)?.iter().sum()))),
        ("avg", |a| {
            let all = numbers("avg", &a)?;
            Ok(answer(all.iter().sum::<f64>() / all.len() as f64))
        }),
        ("min", |a| Ok(answer(numbers("min", &a)?.into_iter().fold(f64::INFINITY, f64::min)))),
        ("max", |a| Ok(answer(numbers("max", &a)?.into_iter().fold(f64::NEG_INFINITY, f64::max)))),
        ("median", |a| {
            let mut all = numbers("median", &a)?;
            Ok(answer(quantile(&mut all, 0.5).unwrap_or(f64::NAN)))
        }),
    ];
    for (name, function) in many {
        drop(env.add_overload(name, &format!("{name}_list"), vec![LIST_TYPE], function));
    }
}
