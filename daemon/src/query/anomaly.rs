//! Bands outside of which a value is unusual.
//!
//! The middle is a median and the width a median of distances, so that a few unusual values in the
//! past change little. Times 1.4826 the median of distances is the standard deviation of what is
//! normally distributed (P. J. Rousseeuw and C. Croux, "Alternatives to the Median Absolute
//! Deviation", Journal of the American Statistical Association 88, 1993). Where more than half of
//! the values are the same it is zero, and the mean of distances times 1.2533 stands in for it
//! (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993).

use ccm_proto::model::Value;

use super::window::quantile;

/// From the median of distances to a standard deviation.
const MEDIAN_SCALE: f64 = 1.4826;

/// From the mean of distances to a standard deviation.
const MEAN_SCALE: f64 = 1.2533;

/// The fewest values that tell what is usual.
const VALUES_MIN: usize = 5;

/// A value beside what is usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The value.
    pub value: f64,
    /// The smallest usual value.
    pub lower: f64,
    /// The largest usual value.
    pub upper: f64,
    /// How many standard deviations the value lies above the middle; none when nothing ever
    /// differed.
    pub score: Option<f64>,
    /// The value is unusual.
    pub anomalous: bool,
}

/// Compares a value with others. None when there are fewer than 5 of them; not-a-number is left
/// out.
pub fn robust(value: f64, others: &[f64], sensitivity: f64) -> Option<Band> {
    let mut others: Vec<f64> = others.iter().copied().filter(|v| v.is_finite()).collect();
    if !value.is_finite() || others.len() < VALUES_MIN {
        return None;
    }
    let middle = quantile(&mut others, 0.5)?;
    let mut distances: Vec<f64> = others.iter().map(|other| (other - middle).abs()).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    let median = quantile(&mut distances, 0.5)?;
    let deviation = if median > 0.0 { median * MEDIAN_SCALE } else { mean * MEAN_SCALE };
    let score = (value - middle) / deviation;
    let (lower, upper) = (middle - sensitivity * deviation, middle + sensitivity * deviation);
    Some(Band {
        value,
        lower,
        upper,
        score: score.is_finite().then_some(score),
        anomalous: value < lower || value > upper,
    })
}

/// Compares the newest of regular values with those at the same moment of earlier seasons, each
/// with its two neighbours. None when there are too few of them.
pub fn seasonal(values: &[f64], season: usize, sensitivity: f64) -> Option<Band> {
    let newest = values.len().checked_sub(1)?;
    let value = *values.get(newest)?;
    let mut others = Vec::new();
    let mut at = newest;
    while let Some(earlier) = at.checked_sub(season.max(2)) {
        at = earlier;
        others.extend(values.get(at.saturating_sub(1)..=at + 1).into_iter().flatten());
    }
    robust(value, &others, sensitivity)
}

impl Band {
    /// As a reading has it.
    pub fn to_value(self) -> Value {
        Value::map([
            ("value", Value::from(self.value)),
            ("lower", Value::from(self.lower)),
            ("upper", Value::from(self.upper)),
            ("score", Value::from(self.score)),
            ("anomalous", Value::from(self.anomalous)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_band_lies_around_the_median() {
        let others = [10.0, 11.0, 12.0, 13.0, 14.0];
        let band = robust(12.0, &others, 2.0).unwrap();
        assert!((band.lower - (12.0 - 2.0 * 1.4826)).abs() < 1e-12);
        assert!((band.upper - (12.0 + 2.0 * 1.4826)).abs() < 1e-12);
        assert_eq!((band.score, band.anomalous), (Some(0.0), false));
        assert!(robust(16.0, &others, 2.0).unwrap().anomalous);
        assert!(robust(5.0, &others, 2.0).unwrap().score.unwrap() < -4.0);
    }

    #[test]
    fn unusual_values_of_the_past_change_little() {
        let mut others = vec![10.0, 11.0, 12.0, 13.0, 14.0, 12.0, 11.0];
        let before = robust(12.0, &others, 3.0).unwrap();
        others.push(1e9);
        let after = robust(12.0, &others, 3.0).unwrap();
        assert!((before.upper - after.upper).abs() < 5.0, "{before:?} {after:?}");
    }

    #[test]
    fn where_nothing_ever_differed_anything_else_is_unusual() {
        let same = robust(5.0, &[5.0; 6], 3.0).unwrap();
        assert_eq!((same.anomalous, same.score), (false, None));
        let other = robust(5.1, &[5.0; 6], 3.0).unwrap();
        assert_eq!((other.anomalous, other.score), (true, None));
        let mostly = robust(5.0, &[5.0, 5.0, 5.0, 5.0, 6.0], 3.0).unwrap();
        assert!(mostly.upper > 5.0, "the mean of distances stands in");
    }

    #[test]
    fn too_little_tells_nothing() {
        assert_eq!(robust(1.0, &[1.0, 2.0, 3.0, 4.0], 3.0), None);
        assert_eq!(robust(1.0, &[1.0, 2.0, 3.0, 4.0, f64::NAN], 3.0), None);
        assert_eq!(robust(f64::NAN, &[1.0; 9], 3.0), None);
        assert_eq!(seasonal(&[], 4, 3.0), None);
        assert_eq!(seasonal(&[1.0; 5], 4, 3.0), None);
    }

    #[test]
    fn a_season_is_compared_with_its_like() {
        // A peak at every eighth step: unusual at any other.
        let wave = |index: usize| if index.is_multiple_of(8) { 100.0 } else { 1.0 };
        let peak: Vec<f64> = (0..=40).map(wave).collect();
        let mut low = peak.clone();
        assert!(!seasonal(&peak, 8, 3.0).unwrap().anomalous);
        low.truncate(37);
        low.push(100.0);
        assert!(seasonal(&low, 8, 3.0).unwrap().anomalous);
        assert!(robust(100.0, &peak, 3.0).unwrap().anomalous, "which the plain band cannot tell");
    }

    proptest! {
        #[test]
        fn the_band_moves_and_grows_with_the_values(
            values in proptest::collection::vec(-1e3..1e3_f64, 5..40),
            shift in -1e3..1e3_f64,
            factor in 0.1..10.0_f64,
        ) {
            let plain = robust(values[0], &values, 3.0).unwrap();
            let moved: Vec<f64> = values.iter().map(|v| v * factor + shift).collect();
            let moved = robust(moved[0], &moved, 3.0).unwrap();
            prop_assert!(plain.lower <= plain.upper);
            prop_assert!((plain.lower * factor + shift - moved.lower).abs() < 1e-6);
            prop_assert!((plain.upper * factor + shift - moved.upper).abs() < 1e-6);
        }
    }
}
