//! Load averages.

use ccm_proto::model::Value;

/// Parses `/proc/loadavg`: the averages over one, five and fifteen minutes.
pub fn parse(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_ascii_whitespace();
    let mut next = || fields.next()?.parse::<f64>().ok().filter(|load| load.is_finite());
    Some([next()?, next()?, next()?])
}

/// The branch `load` of a reading; `cores` is how many there are.
pub fn value([one, five, fifteen]: [f64; 3], cores: usize) -> Value {
    let per_core = (cores > 0).then(|| (one / cores as f64 * 100.0).round() / 100.0);
    Value::map([
        ("one", one.into()),
        ("five", five.into()),
        ("fifteen", fifteen.into()),
        ("per_core", per_core.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_read_and_shared_among_cores() {
        let load = parse("6.00 0.58 0.59 1/389 12345\n").unwrap();
        assert_eq!(value(load, 4).at("fifteen").unwrap().as_number(), Some(0.59));
        assert_eq!(value(load, 4).at("per_core").unwrap().as_number(), Some(1.5));
        assert!(value(load, 0).at("per_core").unwrap().is_absent());
        assert_eq!(parse("0.52 0.58"), None);
        assert_eq!(parse("NaN 1 1"), None);
    }
}
