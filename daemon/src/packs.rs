//! The documents that come with the program: the lowest layer of everything people configure.
//!
//! A new shipped document needs its file and a line here.

use crate::registry::Shipped;

macro_rules! shipped {
    ($($kind:ident $name:literal at $file:literal),* $(,)?) => {
        &[$(Shipped { kind: ccm_proto::model::Kind::$kind, name: $name, toml: include_str!($file) }),*]
    };
}

/// Every shipped document, in the order of their kinds: what is referred to comes first.
pub const DOCUMENTS: &[Shipped] = shipped![
    Theme "dark" at "../../themes/dark.toml",
    Theme "high-contrast" at "../../themes/high-contrast.toml",
    Theme "light" at "../../themes/light.toml",
    Theme "mono" at "../../themes/mono.toml",
    Theme "terminal" at "../../themes/terminal.toml",
    Theme "deuteranopia" at "../../themes/deuteranopia.toml",
    Connector "github" at "packs/connectors/github.toml",
    Connector "google-analytics" at "packs/connectors/google-analytics.toml",
    Connector "home-assistant" at "packs/connectors/home-assistant.toml",
    Connector "mailchimp" at "packs/connectors/mailchimp.toml",
    Connector "openweather" at "packs/connectors/openweather.toml",
    Connector "pagerduty" at "packs/connectors/pagerduty.toml",
    Connector "paypal" at "packs/connectors/paypal.toml",
    Connector "postgrest" at "packs/connectors/postgrest.toml",
    Connector "sendgrid" at "packs/connectors/sendgrid.toml",
    Connector "stripe" at "packs/connectors/stripe.toml",
    Source "ccmd" at "packs/sources/ccmd.toml",
    Source "host" at "packs/sources/host.toml",
    Widget "ccmd-apis" at "packs/widgets/ccmd-apis.toml",
    Widget "ccmd-cost" at "packs/widgets/ccmd-cost.toml",
    Widget "ccmd-memory" at "packs/widgets/ccmd-memory.toml",
    Widget "ccmd-modules" at "packs/widgets/ccmd-modules.toml",
    Widget "ccmd-quotas" at "packs/widgets/ccmd-quotas.toml",
    Widget "ccmd-sources" at "packs/widgets/ccmd-sources.toml",
    Widget "ccmd-state" at "packs/widgets/ccmd-state.toml",
    Widget "ccmd-traffic" at "packs/widgets/ccmd-traffic.toml",
    Widget "host-cores" at "packs/widgets/host-cores.toml",
    Widget "host-cpu" at "packs/widgets/host-cpu.toml",
    Widget "host-cpu-modes" at "packs/widgets/host-cpu-modes.toml",
    Widget "host-disk-io" at "packs/widgets/host-disk-io.toml",
    Widget "host-disk-ops" at "packs/widgets/host-disk-ops.toml",
    Widget "host-disks" at "packs/widgets/host-disks.toml",
    Widget "host-filesystems" at "packs/widgets/host-filesystems.toml",
    Widget "host-health" at "packs/widgets/host-health.toml",
    Widget "host-interfaces" at "packs/widgets/host-interfaces.toml",
    Widget "host-interfaces-io" at "packs/widgets/host-interfaces-io.toml",
    Widget "host-load" at "packs/widgets/host-load.toml",
    Widget "host-load-history" at "packs/widgets/host-load-history.toml",
    Widget "host-memory" at "packs/widgets/host-memory.toml",
    Widget "host-memory-details" at "packs/widgets/host-memory-details.toml",
    Widget "host-memory-history" at "packs/widgets/host-memory-history.toml",
    Widget "host-network" at "packs/widgets/host-network.toml",
    Widget "host-pressure" at "packs/widgets/host-pressure.toml",
    Widget "host-pressure-history" at "packs/widgets/host-pressure-history.toml",
    Widget "host-processes" at "packs/widgets/host-processes.toml",
    Widget "host-temperatures" at "packs/widgets/host-temperatures.toml",
    Layout "host" at "../../layouts/host.toml",
    Layout "sources" at "../../layouts/sources.toml",
];

#[cfg(test)]
mod tests {
    use crate::registry::Registry;

    use super::*;

    #[test]
    fn every_shipped_document_is_valid_and_needs_only_shipped_ones() {
        let (registry, problems) = Registry::new(DOCUMENTS);
        assert!(problems.is_empty(), "{problems:#?}");
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.documents.len(), DOCUMENTS.len(), "two documents have the same name");
        for id in snapshot.documents.keys() {
            let references = snapshot.spec(id).unwrap().references();
            for to in references {
                assert!(snapshot.documents.contains_key(&to), "{id} needs {to}");
            }
        }
    }
}
