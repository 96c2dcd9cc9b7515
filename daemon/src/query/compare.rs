//! A value beside an earlier one.

use ccm_proto::model::Value;

/// Which way a value went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It rose.
    Up,
    /// It fell.
    Down,
    /// It is the same, but for what rounding makes of it.
    Flat,
}

impl Direction {
    /// The word for it in readings and views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Flat => "flat",
        }
    }
}

/// What rounding may do to a value, as a share of it.
const ROUNDING: f64 = 1e-9;

/// A value and an earlier one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The value now.
    pub value: f64,
    /// The value then.
    pub before: f64,
    /// What was added.
    pub change: f64,
    /// What was added in percent of the value then; none when that was zero.
    pub percentage: Option<f64>,
    /// Which way it went.
    pub direction: Direction,
}

/// Compares a value with an earlier one; none unless both are numbers.
pub fn compare(value: f64, before: f64) -> Option<Comparison> {
    let change = value - before;
    if !value.is_finite() || !before.is_finite() || !change.is_finite() {
        return None;
    }
    let direction = if change.abs() <= ROUNDING * value.abs().max(before.abs()) {
        Direction::Flat
    } else if change > 0.0 {
        Direction::Up
    } else {
        Direction::Down
    };
    let percentage = change / before.abs() * 100.0;
    Some(Comparison {
        value,
        before,
        change,
        percentage: percentage.is_finite().then_some(percentage),
        direction,
    })
}

impl Comparison {
    /// As a reading has it.
    pub fn to_value(self) -> Value {
        Value::map([
            ("value", Value::from(self.value)),
            ("before", Value::from(self.before)),
            ("change", Value::from(self.change)),
            ("percentage", Value::from(self.percentage)),
            ("direction", Value::from(self.direction.as_str())),
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_comparison_says_what_was_added_and_which_way() {
        for (value, before, change, percentage, direction) in [
            (120.0, 100.0, 20.0, Some(20.0), Direction::Up),
            (80.0, 100.0, -20.0, Some(-20.0), Direction::Down),
            (100.0, 100.0, 0.0, Some(0.0), Direction::Flat),
            (-50.0, -100.0, 50.0, Some(50.0), Direction::Up),
            (5.0, 0.0, 5.0, None, Direction::Up),
            (0.0, 0.0, 0.0, None, Direction::Flat),
        ] {
            let found = compare(value, before).unwrap();
            assert_eq!(found, Comparison { value, before, change, percentage, direction });
        }
    }

    #[test]
    fn what_is_no_number_is_not_compared() {
        for (value, before) in [
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (1.0, f64::NEG_INFINITY),
            (f64::MAX, -f64::MAX),
        ] {
            assert_eq!(compare(value, before), None);
        }
        let zero = compare(5.0, 0.0).unwrap().to_value();
        assert_eq!(zero.at("percentage"), Some(&Value::Absent));
    }

    proptest! {
        #[test]
        fn turning_a_comparison_around_turns_the_direction(a in -1e9..1e9, b in -1e9..1e9) {
            let (there, back) = (compare(a, b).unwrap(), compare(b, a).unwrap());
            prop_assert_eq!(Some(there.change), Some(-back.change));
            let opposite = match there.direction {
                Direction::Up => Direction::Down,
                Direction::Down => Direction::Up,
                Direction::Flat => Direction::Flat,
            };
            prop_assert_eq!(back.direction, opposite);
        }
    }
}
