//! Pressure stall information: the share of time in which work waited for something.

use ccm_proto::model::Value;

/// The resources that the kernel tells pressure of.
pub const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// Parses one of `/proc/pressure/*` to its branch of a reading; none when it says nothing.
pub fn parse(text: &str) -> Option<Value> {
    let mut entries = Vec::new();
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace();
        let Some(kind @ ("some" | "full")) = fields.next() else { continue };
        for field in fields {
            if let Some((name @ ("avg10" | "avg60"), number)) = field.split_once('=')
                && let Ok(number) = number.parse::<f64>()
            {
                entries.push((format!("{kind}_{name}"), number.into()));
            }
        }
    }
    (!entries.is_empty()).then(|| Value::map(entries))
}

/// The branch `pressure` of a reading; absent where the kernel tells of none.
pub fn value(resources: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let known = resources.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let known: Vec<_> = known.collect();
    if known.is_empty() { Value::Absent } else { Value::map(known) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_and_full_are_read() {
        let text = "some avg10=1.25 avg60=0.50 avg300=0.10 total=7\nfull avg10=0.00 avg60=0.25 avg300=0.00 total=5\n";
        let io = parse(text).unwrap();
        assert_eq!(io.at("some_avg10").unwrap().as_number(), Some(1.25));
        assert_eq!(io.at("full_avg60").unwrap().as_number(), Some(0.25));
    }

    #[test]
    fn a_kernel_without_it_has_no_pressure_rather_than_none_of_it() {
        assert_eq!(value([("cpu", None), ("io", parse(""))]), Value::Absent);
        let cpu = parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
        assert!(value([("cpu", cpu)]).at("cpu.full_avg10").is_none());
    }
}
