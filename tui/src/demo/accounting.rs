//! What the module `accounting` answers.

use ccm_proto::model::Timestamp;
use serde_json::{Value, json};

use super::answer::{Problem, Query, money};
use super::invoice::{self, Invoice, Way};
use super::sales::Total;
use super::time::{self, DAY};
use super::world::World;

/// Names of how late money is, and from how many days after the due day on.
const AGES: [(&str, i64); 4] =
    [("not due", i64::MIN), ("1-15 days", 0), ("16-30 days", 15), ("over 30", 30)];

/// The answer at a path.
pub fn answer(world: &World, path: &str, query: &Query, now: Timestamp) -> Result<Value, Problem> {
    let seed = world.seed();
    match path {
        "/api/cash-flow" => Ok(cash_flow(seed, query.integer("days", 14, 1, 60)?, now)),
        "/api/receivables" => Ok(open(&invoice::all(seed, Way::In, now), now)),
        "/api/payables" => Ok(open(&invoice::all(seed, Way::Out, now), now)),
        "/api/metrics/summary" => Ok(summary(world, now)),
        _ => Err(Problem::not_found()),
    }
}

fn paid_within(invoices: &[Invoice], from: Timestamp, to: Timestamp) -> u64 {
    let within = |invoice: &&Invoice| invoice.paid.is_some_and(|paid| paid >= from && paid < to);
    invoices.iter().filter(within).map(|invoice| invoice.cents).sum()
}

fn cash_flow(seed: u64, days: i64, now: Timestamp) -> Value {
    let received = invoice::all(seed, Way::In, now);
    let spent = invoice::all(seed, Way::Out, now);
    let today = time::day_of(now);
    let mut sums = (0, 0);
    let rows: Vec<Value> = (today - days + 1..=today)
        .map(|day| {
            let from = time::start_of_day(day);
            let to = (from + DAY).min(now);
            let (inflow, outflow) =
                (paid_within(&received, from, to), paid_within(&spent, from, to));
            sums = (sums.0 + inflow, sums.1 + outflow);
            json!({
                "at": time::written(from),
                "date": time::written_day(day),
                "inflow": money(inflow),
                "outflow": money(outflow),
                "net": net(inflow, outflow),
            })
        })
        .collect();
    json!({
        "days": rows,
        "inflow": money(sums.0),
        "outflow": money(sums.1),
        "net": net(sums.0, sums.1),
    })
}

fn net(inflow: u64, outflow: u64) -> f64 {
    (inflow as i64 - outflow as i64) as f64 / 100.0
}

/// Days past the due day.
fn lateness(invoice: &Invoice, now: Timestamp) -> i64 {
    if now < invoice.due { -1 } else { time::day_of(now) - time::day_of(invoice.due) }
}

fn age(late: i64) -> usize {
    AGES.iter().rposition(|(_, from)| late > *from).unwrap_or(0)
}

fn open(invoices: &[Invoice], now: Timestamp) -> Value {
    let mut buckets = [(0_u64, 0_u64); AGES.len()];
    let mut parties: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for invoice in invoices.iter().filter(|invoice| invoice.is_open(now)) {
        let bucket = &mut buckets[age(lateness(invoice, now))];
        bucket.0 += invoice.cents;
        bucket.1 += 1;
        *parties.entry(invoice.party).or_default() += invoice.cents;
    }
    let total: u64 = buckets.iter().map(|(cents, _)| cents).sum();
    let rows = AGES.iter().zip(buckets);
    let rows: Vec<Value> = rows
        .map(|((name, _), (cents, count))| {
            json!({ "age": name, "amount": money(cents), "count": count })
        })
        .collect();
    let mut parties: Vec<(&str, u64)> = parties.into_iter().collect();
    parties.sort_by_key(|(_, cents)| std::cmp::Reverse(*cents));
    let parties: Vec<Value> = parties
        .into_iter()
        .take(10)
        .map(|(party, cents)| json!({ "party": party, "amount": money(cents) }))
        .collect();
    json!({
        "total": money(total),
        "overdue": money(total - buckets[0].0),
        "count": buckets.iter().map(|(_, count)| count).sum::<u64>(),
        "ages": rows,
        "largest": parties,
    })
}

fn summary(world: &World, now: Timestamp) -> Value {
    let seed = world.seed();
    let (received, spent) = (invoice::all(seed, Way::In, now), invoice::all(seed, Way::Out, now));
    let owed = |invoices: &[Invoice]| -> u64 {
        invoices.iter().filter(|invoice| invoice.is_open(now)).map(|invoice| invoice.cents).sum()
    };
    let today = time::start_of_day(time::day_of(now));
    json!({
        "receivables": money(owed(&received)),
        "payables": money(owed(&spent)),
        "received_today": money(paid_within(&received, today, now)),
        "spent_today": money(paid_within(&spent, today, now)),
        "card_sales_today": money(Total::of(world.orders(today, now)).cents),
    })
}

/// What was paid in a span, oldest first: when, by or to whom, and how many cents. The first moment
/// is part of it.
pub fn paid(
    seed: u64,
    way: Way,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, &'static str, u64)> {
    let mut paid: Vec<_> = invoice::all(seed, way, to)
        .into_iter()
        .filter_map(|invoice| Some((invoice.paid?, invoice.party, invoice.cents)))
        .filter(|(at, ..)| *at >= from && *at < to)
        .collect();
    paid.sort_by_key(|(at, ..)| *at);
    paid
}

/// The module's own numbers, as names, helps and values.
pub fn metrics(world: &World, now: Timestamp) -> Vec<(&'static str, &'static str, f64)> {
    let summary = summary(world, now);
    let of = |name: &str| summary[name].as_f64().unwrap_or_default();
    vec![
        ("accounting_receivables_dollars", "Owed by customers.", of("receivables")),
        ("accounting_payables_dollars", "Owed to suppliers.", of("payables")),
    ]
}
