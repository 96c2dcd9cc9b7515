//! The documents of the demo: what is where, what is asked and what is shown.
//!
//! They are written for addresses that are only known when the parts listen: `@sales@` stands for
//! the address of the module `sales`, and `@ports@` for every port of the loopback interface that
//! is used.

use std::collections::BTreeMap;

use super::server::Listen;

macro_rules! documents {
    ($($file:literal,)*) => {
        &[$(($file, include_str!(concat!("documents/", $file)))),*]
    };
}

/// Every document, as the path of its file below a configuration directory, and its text.
pub const DOCUMENTS: &[(&str, &str)] = documents![
    "egress/demo.toml",
    "modules/accounting.toml",
    "modules/crm.toml",
    "modules/hr.toml",
    "modules/inventory.toml",
    "modules/sales.toml",
    "sources/accounting-cash-flow.toml",
    "sources/accounting-receivables.toml",
    "sources/bestsellers-running-low.toml",
    "sources/crm-funnel.toml",
    "sources/hr-attendance.toml",
    "sources/hr-days.toml",
    "sources/inventory-events.toml",
    "sources/inventory-low-stock.toml",
    "sources/inventory-stock.toml",
    "sources/sales-daily-summary.toml",
    "sources/sales-events.toml",
    "sources/sales-metrics.toml",
    "sources/sales-orders.toml",
    "sources/sales-products.toml",
    "sources/sendgrid-stats.toml",
    "sources/stripe-charges.toml",
    "widgets/attendance-productivity.toml",
    "widgets/bestsellers-running-low.toml",
    "widgets/cash-flow.toml",
    "widgets/crm-funnel.toml",
    "widgets/departments.toml",
    "widgets/inventory-events.toml",
    "widgets/low-stock-alert.toml",
    "widgets/mail.toml",
    "widgets/receivables.toml",
    "widgets/sales-events.toml",
    "widgets/sales-metrics.toml",
    "widgets/sales-orders.toml",
    "widgets/sales-summary.toml",
    "widgets/stock.toml",
    "widgets/stripe-payments.toml",
    "widgets/system-health.toml",
    "layouts/business.toml",
];

/// Every document for parts that listen at these addresses, by their names.
pub fn written(parts: &BTreeMap<&'static str, Listen>) -> Vec<(&'static str, String)> {
    let ports = parts.values().filter_map(|listen| match listen {
        Listen::Loopback(address) => Some(address.port().to_string()),
        Listen::Unix(_) => None,
    });
    let ports = ports.collect::<Vec<String>>().join(", ");
    let fill = |text: &str| {
        let filled = parts.iter().fold(text.to_owned(), |text, (name, listen)| {
            text.replace(&format!("@{name}@"), &listen.url())
        });
        filled.replace("@ports@", &ports)
    };
    DOCUMENTS.iter().map(|(file, text)| (*file, fill(text))).collect()
}
