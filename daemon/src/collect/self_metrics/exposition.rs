//! The daemon's own metrics in Prometheus' text format.

use std::fmt::Write as _;

use ccm_proto::SafeText;
use ccm_proto::model::{Name, Timestamp};

use super::SelfMetrics;
use crate::collect::daemon::ProcessFacts;
use crate::collect::http::ApiState;
use crate::collect::module::State;
use crate::collect::module::bridge::Traffic;
use crate::collect::status::SourceStatus;

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One number of a source.
type OfSource = fn(&SourceStatus) -> Option<f64>;

/// Name, type, help and number of what is told of every source.
const SOURCE_METRICS: [(&str, &str, &str, OfSource); 5] = [
    ("ccmd_source_up", "gauge", "Whether the newest attempt gave a reading.", |source| {
        Some(f64::from(u8::from(source.cause.is_none() && source.last_success.is_some())))
    }),
    ("ccmd_source_readings_total", "counter", "Good readings.", |source| {
        Some(source.readings as f64)
    }),
    ("ccmd_source_failures_total", "counter", "Failed attempts.", |source| {
        Some(source.failures as f64)
    }),
    ("ccmd_source_duration_seconds", "gauge", "How long the newest attempt took.", |source| {
        source.last_attempt.map(|_| source.last_duration_ms / 1_000.0)
    }),
    ("ccmd_source_last_success_timestamp_seconds", "gauge", "Of the newest reading.", |source| {
        source.last_success.map(seconds)
    }),
];

/// One number of an API.
type OfApi = fn(&ApiState) -> Option<f64>;

/// Name, type, help and number of what is told of every API with each credential.
const API_METRICS: [(&str, &str, &str, OfApi); 3] = [
    ("ccmd_api_calls_total", "counter", "Calls that went out.", |api| {
        Some(number(api.usage.calls))
    }),
    ("ccmd_api_failures_total", "counter", "Calls that failed.", |api| {
        Some(number(api.usage.failures))
    }),
    ("ccmd_api_quota_remaining", "gauge", "Calls left, as the API says.", |api| {
        api.quota.and_then(|quota| quota.remaining).map(number)
    }),
];

/// What is told beside the daemon's own counts.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What the process costs.
    pub process: ProcessFacts,
    /// Every source.
    pub sources: Vec<SourceStatus>,
    /// Every API with each credential.
    pub apis: Vec<ApiState>,
    /// Every module.
    pub modules: Vec<(Name, State, Traffic)>,
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}

/// Everything the daemon tells about itself.
pub fn render(metrics: &SelfMetrics, told: &Told) -> String {
    let Told { process, sources, apis, modules } = told;
    let mut text = String::with_capacity(8 << 10);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    header(&mut text, "ccmd_build_info", "gauge", "The daemon's version.");
    sample(&mut text, "ccmd_build_info", &version, 1.0);
    let facts = [
        ("ccmd_resident_bytes", "gauge", "Memory in use.", process.resident_bytes.map(number)),
        ("ccmd_cpu_seconds_total", "counter", "Processor time spent.", process.cpu_seconds),
        ("ccmd_threads", "gauge", "Threads.", process.threads.map(number)),
        ("ccmd_open_files", "gauge", "Open descriptors.", process.open_files.map(number)),
    ];
    for (name, kind, help, value) in facts {
        if let Some(value) = value {
            header(&mut text, name, kind, help);
            sample(&mut text, name, &[], value);
        }
    }
    for metric in metrics.describe() {
        let (suffix, kind) = if metric.counter { ("_total", "counter") } else { ("", "gauge") };
        let name = format!("ccmd_{}{suffix}", metric.name);
        header(&mut text, &name, kind, metric.help);
        sample(&mut text, &name, &[], number(metric.value));
    }
    for (name, kind, help, of) in SOURCE_METRICS {
        header(&mut text, name, kind, help);
        for source in sources {
            if let Some(value) = of(source) {
                sample(&mut text, name, &[("source", source.name.as_str())], value);
            }
        }
    }
    for (name, kind, help, of) in API_METRICS {
        header(&mut text, name, kind, help);
        for api in apis {
            if let Some(value) = of(api) {
                let credential = api.credential.as_deref().unwrap_or_default();
                sample(&mut text, name, &[("api", &*api.api), ("credential", credential)], value);
            }
        }
    }
    header(&mut text, "ccmd_module_up", "gauge", "Whether the module works, if not well.");
    for (name, state, _) in modules {
        let up = matches!(state, State::Running | State::Degraded);
        let labels = [("module", name.as_str())];
        sample(&mut text, "ccmd_module_up", &labels, f64::from(u8::from(up)));
    }
    render_bridge(&mut text, modules);
    text
}

/// What modules ask and tell each other.
fn render_bridge(text: &mut String, modules: &[(Name, State, Traffic)]) {
    let name = "ccmd_module_bridge_total";
    let help = "What went between a module and others, by what became of it.";
    header(text, name, "counter", help);
    for (module, _, traffic) in modules {
        for (what, count) in traffic.counts() {
            let labels = [("module", module.as_str()), ("what", what)];
            sample(text, name, &labels, number(count));
        }
    }
}

fn number(value: u64) -> f64 {
    value as f64
}

fn header(text: &mut String, name: &str, kind: &str, help: &str) {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    text.push_str(name);
    for (index, (label, content)) in labels.iter().enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        let _ = write!(text, "{label}=\"{}\"", escaped(content));
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A label's value: safe to look at on a terminal, and escaped as the format wants it.
fn escaped(content: &str) -> String {
    SafeText::new(content).as_str().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use ccm_proto::model::Interval;
    use ccm_proto::model::source::SourceType;

    use super::*;
    use crate::collect::http::{Quota, Usage, breaker};

    fn api(name: &str, quota: Option<Quota>) -> ApiState {
        ApiState {
            api: name.into(),
            credential: None,
            tokens: None,
            in_flight: 0,
            waiting: 0,
            breaker: breaker::State::Closed,
            failures: 0,
            held: None,
            refusals: 0,
            quota,
            usage: Usage { calls: 3, failures: 1, ..Usage::default() },
        }
    }

    #[test]
    fn every_sample_stands_under_its_help_and_type() {
        let metrics = SelfMetrics::default();
        metrics.frames.add(7);
        let name = Name::new("host").unwrap();
        let source = SourceStatus::new(name, SourceType::System, Interval::from_secs(1));
        let quota = Some(Quota { remaining: Some(7), ..Quota::default() });
        let told = Told {
            sources: vec![source],
            apis: vec![api("https://a.example", None), api("b\"c\\d", quota)],
            modules: vec![
                (
                    Name::new("crm").unwrap(),
                    State::Degraded,
                    Traffic { delivered: 4, ..Traffic::default() },
                ),
                (Name::new("erp").unwrap(), State::Unknown, Traffic::default()),
            ],
            ..Told::default()
        };
        let text = render(&metrics, &told);
        let mut current = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                current = rest.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                assert_eq!(line.split(['{', ' ']).next().unwrap(), current, "{line}");
                assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(text.contains("\nccmd_frames_total 7\n"));
        assert!(text.contains("\nccmd_source_up{source=\"host\"} 0\n"));
        let of_first = "{api=\"https://a.example\",credential=\"\"}";
        assert!(text.contains(&format!("\nccmd_api_calls_total{of_first} 3\n")));
        assert!(text.contains(&format!("\nccmd_api_failures_total{of_first} 1\n")));
        let of_second = "{api=\"b\\\"c\\\\d\",credential=\"\"}";
        assert!(text.contains(&format!("\nccmd_api_quota_remaining{of_second} 7\n")), "{text}");
        assert!(!text.contains("ccmd_api_quota_remaining{api=\"https"), "it told none");
        assert!(text.contains("\nccmd_module_up{module=\"crm\"} 1\n"));
        assert!(text.contains("\nccmd_module_up{module=\"erp\"} 0\n"));
        let delivered = "\nccmd_module_bridge_total{module=\"crm\",what=\"delivered\"} 4\n";
        assert!(text.contains(delivered), "{text}");
        assert!(!text.contains("ccmd_resident_bytes"), "what is not known is not told");
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("a\"b\\c"), "a\\\"b\\\\c");
        assert!(!escaped("\u{1b}[2J\n").contains(['\u{1b}', '\n']));
    }
}
