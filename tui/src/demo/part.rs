//! The five modules: what each is, answers and tells.

mod offer;

use std::collections::BTreeMap;

use ccm_proto::model::module::event::EventSeverity;
use ccm_proto::model::module::{Check, Health, HealthStatus, Manifest, ModuleEvent, ParamValue};
use ccm_proto::model::{Interval, Timestamp};
use clap::ValueEnum;
use serde_json::Value;

use super::answer::{Problem, Query, money};
use super::catalogue::PRODUCTS;
use super::fault::Fault;
use super::invoice::Way;
use super::shop::Shift;
use super::time::{self, HOUR};
use super::world::World;
use super::{accounting, crm, hr, inventory, sales};

/// A module of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Part {
    /// Leads and how far they come.
    Crm,
    /// Orders and revenue.
    Sales,
    /// The shelf.
    Inventory,
    /// Money that is owed and paid.
    Accounting,
    /// People.
    Hr,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Crm, Self::Sales, Self::Inventory, Self::Accounting, Self::Hr];

    /// The module's id.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crm => "crm",
            Self::Sales => "sales",
            Self::Inventory => "inventory",
            Self::Accounting => "accounting",
            Self::Hr => "hr",
        }
    }

    /// What it says that it is.
    pub fn manifest(self) -> Result<Manifest, serde_json::Error> {
        serde_json::from_value(offer::manifest(self))
    }

    /// The data at a path.
    pub fn answer(
        self,
        world: &World,
        path: &str,
        query: &Query,
        now: Timestamp,
    ) -> Result<Value, Problem> {
        match self {
            Self::Crm => crm::answer(world.seed(), path, query, now),
            Self::Sales => sales::answer(world, path, query, now),
            Self::Inventory => inventory::answer(world, path, query, now),
            Self::Accounting => accounting::answer(world, path, query, now),
            Self::Hr => hr::answer(world.seed(), path, query, now),
        }
    }

    /// How it is.
    pub fn health(self, fault: Option<Fault>) -> Health {
        let status = match fault {
            None => HealthStatus::Running,
            Some(Fault::Away) => HealthStatus::Stopped,
            Some(_) => HealthStatus::Degraded,
        };
        let latency = match fault {
            Some(Fault::Slow(by)) => by.as_millis() as f64,
            _ => 2.0,
        };
        let check = |name: &str, status, latency| Check {
            name: name.to_owned(),
            status,
            detail: None,
            latency_ms: Some(latency),
        };
        Health {
            status,
            detail: fault.map(|fault| fault.sentence().to_owned()),
            version: Some(offer::VERSION.to_owned()),
            checks: vec![
                check("database", status, latency),
                check("queue", HealthStatus::Running, 0.4),
            ],
        }
    }

    /// Its numbers as Prometheus text; `requests` were answered since it was started.
    pub fn metrics(self, world: &World, requests: u64, now: Timestamp) -> String {
        let mut all = match self {
            Self::Crm => crm::metrics(world.seed(), now),
            Self::Sales => sales::metrics(world, now),
            Self::Inventory => inventory::metrics(world),
            Self::Accounting => accounting::metrics(world, now),
            Self::Hr => hr::metrics(world.seed(), now),
        };
        all.push(("module_requests_total", "Requests answered.", requests as f64));
        let mut text = String::new();
        for (name, help, value) in all {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"));
        }
        text
    }

    /// Up to when all its events are known.
    pub fn horizon(self, world: &World, now: Timestamp) -> Timestamp {
        match self {
            Self::Sales | Self::Inventory => world.shop().played().min(now),
            Self::Crm | Self::Accounting | Self::Hr => now,
        }
    }

    /// What has happened from one moment to another, oldest first; the first moment is part of it.
    pub fn events(self, world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
        match self {
            Self::Crm => lead_events(world, from, to),
            Self::Sales => placed_orders(world, from, to),
            Self::Inventory => shelf_movements(world, from, to),
            Self::Accounting => payments(world, from, to),
            Self::Hr => hours(world, from, to),
        }
    }
}

/// An event and its moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: ModuleEvent,
}

fn happening(
    at: Timestamp,
    (event_type, severity): (&str, EventSeverity),
    message: String,
    fields: Vec<(&str, ParamValue)>,
    invalidates: &[&str],
) -> Happening {
    let fields: BTreeMap<String, ParamValue> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let event = ModuleEvent {
        event_type: event_type.to_owned(),
        at: time::written(at),
        severity,
        message,
        fields,
        invalidates: invalidates.iter().map(|path| (*path).to_owned()).collect(),
        topic: None,
        hops: 0,
    };
    Happening { at, event }
}

fn text(text: &str) -> ParamValue {
    ParamValue::Text(text.to_owned())
}

fn placed_orders(world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
    let paths =
        ["/api/metrics/daily-summary", "/api/metrics/hourly", "/api/products/top", "/api/orders"];
    let each = world.orders(from, to).map(|order| {
        let amount = money(order.cents());
        let message = format!("Order {}, {}, ${amount:.2}", order.number, order.customer_name());
        let fields = vec![
            ("order", ParamValue::Integer(order.number)),
            ("amount", ParamValue::Number(amount)),
            ("customer", text(order.customer_name())),
        ];
        let kind = ("order.created", EventSeverity::Info);
        let happening = happening(order.at, kind, message, fields, &paths);
        let event = ModuleEvent { topic: Some("order.created".to_owned()), ..happening.event };
        Happening { event, ..happening }
    });
    each.collect()
}

fn shelf_movements(world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
    let paths = ["/api/alerts/low-stock", "/api/stock", "/api/metrics/summary"];
    let each = world.movements(from, to).map(|movement| {
        let product = &PRODUCTS[movement.product];
        let mut fields = vec![("sku", text(product.sku))];
        let (kind, severity, message) = match movement.what {
            Shift::Reordered(quantity) => {
                fields.push(("quantity", ParamValue::Integer(quantity.into())));
                let message = format!("{quantity} of {} ordered", product.name);
                ("stock.reordered", EventSeverity::Info, message)
            }
            Shift::Delivered(quantity) => {
                fields.push(("quantity", ParamValue::Integer(quantity.into())));
                let message = format!("{quantity} of {} delivered", product.name);
                ("stock.delivered", EventSeverity::Info, message)
            }
            Shift::SoldOut => {
                let message = format!("{} is sold out", product.name);
                ("stock.sold_out", EventSeverity::Warning, message)
            }
        };
        let happening = happening(movement.at, (kind, severity), message, fields, &paths);
        // Something is ordered anew when too little of it is left.
        let topic = match movement.what {
            Shift::Reordered(_) => Some("stock.low"),
            Shift::SoldOut => Some("stock.sold_out"),
            Shift::Delivered(_) => None,
        };
        let event = ModuleEvent { topic: topic.map(str::to_owned), ..happening.event };
        Happening { event, ..happening }
    });
    each.collect()
}

fn lead_events(world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
    let paths = ["/api/funnel", "/api/leads", "/api/metrics/summary"];
    let lead = |at, kind, company: &'static str, cents, verb| {
        let value = money(cents);
        let message = format!("{company} {verb}, ${value:.2}");
        let fields = vec![("company", text(company)), ("value", ParamValue::Number(value))];
        happening(at, (kind, EventSeverity::Info), message, fields, &paths)
    };
    let days = 1 + (to.since(from).as_millis() / time::DAY.as_millis()) as i64;
    let new = crm::leads(world.seed(), days + 1, to).into_iter();
    let new = new.filter(|lead| lead.at >= from && lead.at < to);
    let mut all: Vec<Happening> =
        new.map(|new| lead(new.at, "lead.created", new.company, new.cents, "asks")).collect();
    let won = crm::won(world.seed(), from, to).into_iter();
    all.extend(won.map(|(at, company, cents)| lead(at, "lead.won", company, cents, "won")));
    all.sort_by_key(|happening| happening.at);
    all
}

fn payments(world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
    let paths = |own| ["/api/cash-flow", own, "/api/metrics/summary"];
    let ways = [
        (Way::In, "invoice.paid", "paid by", paths("/api/receivables")),
        (Way::Out, "bill.paid", "paid to", paths("/api/payables")),
    ];
    let mut all = Vec::new();
    for (way, kind, words, paths) in ways {
        let paid = accounting::paid(world.seed(), way, from, to);
        all.extend(paid.into_iter().map(|(at, party, cents)| {
            let amount = money(cents);
            let message = format!("${amount:.2} {words} {party}");
            let fields = vec![("party", text(party)), ("amount", ParamValue::Number(amount))];
            happening(at, (kind, EventSeverity::Info), message, fields, &paths)
        }));
    }
    all.sort_by_key(|happening| happening.at);
    all
}

/// One on each full hour.
fn hours(world: &World, from: Timestamp, to: Timestamp) -> Vec<Happening> {
    let paths = ["/api/metrics/attendance", "/api/attendance-vs-productivity"];
    let first = (from + HOUR - Interval::from_millis(1)).floor(HOUR);
    let mut all = Vec::new();
    let mut at = first;
    while at < to {
        let metrics = hr::metrics(world.seed(), at);
        let tasks = metrics.last().map_or(0.0, |(.., tasks)| *tasks);
        let fields = vec![("tasks", ParamValue::Integer(tasks as i64))];
        let message = format!("{tasks:.0} tasks done today");
        all.push(happening(at, ("hour.booked", EventSeverity::Info), message, fields, &paths));
        at = at + HOUR;
    }
    all
}
