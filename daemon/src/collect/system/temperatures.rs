//! Temperatures of sensors.

use ccm_proto::model::Value;

use super::rate::tenths;

/// The most sensors of one reading.
pub const SENSORS_MAX: usize = 256;

/// One sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Temperature {
    /// Chip and label.
    pub sensor: String,
    /// What it measures now.
    pub celsius: f64,
    /// Where the chip itself begins to worry.
    pub critical: Option<f64>,
}

/// Parses a `temp*_input`, in thousandths of a degree. Sensors that are not connected tell
/// impossible temperatures.
pub fn parse(text: &str) -> Option<f64> {
    let celsius = text.trim().parse::<f64>().ok()? / 1_000.0;
    (celsius > -100.0 && celsius < 250.0 && celsius != 0.0).then(|| tenths(celsius))
}

/// Names that are all different: the second `nvme` becomes `nvme 2`.
pub fn unique(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashMap::new();
    let numbered = names.into_iter().map(|name| {
        let count = seen.entry(name.clone()).or_insert(0_u32);
        *count += 1;
        if *count == 1 { name } else { format!("{name} {count}") }
    });
    numbered.collect()
}

/// The branch `temperatures` of a reading; absent on a machine without sensors.
pub fn value(temperatures: &[Temperature]) -> Value {
    if temperatures.is_empty() {
        return Value::Absent;
    }
    let list = temperatures.iter().map(|temperature| {
        let mut entries = vec![
            ("sensor", temperature.sensor.as_str().into()),
            ("celsius", temperature.celsius.into()),
        ];
        if let Some(critical) = temperature.critical {
            entries.push(("critical", critical.into()));
        }
        Value::map(entries)
    });
    Value::List(list.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_read_and_impossible_ones_refused() {
        assert_eq!(parse("45250\n"), Some(45.3));
        assert_eq!(parse("-5000\n"), Some(-5.0));
        for nonsense in ["", "abc", "-128000", "2550000", "0"] {
            assert_eq!(parse(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn sensors_of_one_name_are_told_apart() {
        let names = ["nvme", "cpu", "nvme"].map(str::to_owned);
        assert_eq!(unique(names), ["nvme", "cpu", "nvme 2"]);
    }

    #[test]
    fn no_sensor_is_absent() {
        assert!(value(&[]).is_absent());
        let one = Temperature { sensor: "cpu".into(), celsius: 40.0, critical: None };
        assert!(value(&[one]).at("0.critical").is_none());
    }
}
