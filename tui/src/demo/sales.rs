//! What the module `sales` answers.

use ccm_proto::model::{Interval, Timestamp};
use serde_json::{Value, json};

use super::answer::{Problem, Query, money, rounded, trend};
use super::catalogue::PRODUCTS;
use super::shop::Order;
use super::time::{self, DAY, HOUR};
use super::world::World;

/// The answer at a path.
pub fn answer(world: &World, path: &str, query: &Query, now: Timestamp) -> Result<Value, Problem> {
    match path {
        "/api/metrics/daily-summary" => Ok(daily_summary(world, now)),
        "/api/metrics/hourly" => {
            let hours = query.integer("hours", 24, 1, 168)?;
            Ok(hourly(world, hours, now))
        }
        "/api/products/top" => {
            let limit = query.integer("limit", 10, 1, 100)?;
            let period = query.word("period", &["day", "week"])?;
            Ok(top(world, period, limit as usize, now))
        }
        "/api/orders" => {
            let limit = query.integer("limit", 50, 1, 500)?;
            let since = query.time("since")?.unwrap_or(now - DAY);
            Ok(orders(world, since, limit as usize, now))
        }
        _ => Err(Problem::not_found()),
    }
}

/// Number of orders, cents and units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Orders.
    pub orders: u64,
    /// What they cost, in cents.
    pub cents: u64,
    /// Things bought.
    pub units: u64,
}

impl Total {
    /// Of some orders.
    pub fn of<'a>(orders: impl Iterator<Item = &'a Order>) -> Self {
        orders.fold(Self::default(), |total, order| Self {
            orders: total.orders + 1,
            cents: total.cents + order.cents(),
            units: total.units + u64::from(order.units()),
        })
    }

    fn average(self) -> f64 {
        if self.orders == 0 {
            0.0
        } else {
            (money(self.cents) / self.orders as f64 * 100.0).round() / 100.0
        }
    }
}

fn daily_summary(world: &World, now: Timestamp) -> Value {
    let today = time::start_of_day(time::day_of(now));
    let total = Total::of(world.orders(today, now));
    // Yesterday up to this time of day: a whole day would make every morning look bad.
    let before = Total::of(world.orders(today - DAY, now - DAY));
    json!({
        "total_sales": money(total.cents),
        "order_count": total.orders,
        "avg_order_value": total.average(),
        "units": total.units,
        "trend": trend(money(before.cents), money(total.cents), "yesterday"),
        "yesterday": {
            "total_sales": money(before.cents),
            "order_count": before.orders,
            "avg_order_value": before.average(),
        },
        "timestamp": time::written(now),
    })
}

fn hourly(world: &World, hours: i64, now: Timestamp) -> Value {
    let last = now.floor(HOUR);
    let rows: Vec<Value> = (0..hours as u64)
        .rev()
        .map(|back| {
            let start = last - HOUR.times(back);
            let total = Total::of(world.orders(start, (start + HOUR).min(now)));
            json!({
                "at": time::written(start),
                "orders": total.orders,
                "revenue": money(total.cents),
            })
        })
        .collect();
    let from = last - HOUR.times(hours as u64 - 1);
    let total = Total::of(world.orders(from, now));
    json!({ "hours": rows, "orders": total.orders, "revenue": money(total.cents) })
}

fn top(world: &World, period: &str, limit: usize, now: Timestamp) -> Value {
    let from = if period == "week" {
        time::start_of_week(time::week_of(now))
    } else {
        time::start_of_day(time::day_of(now))
    };
    let mut sold = [(0_u64, 0_u64); PRODUCTS.len()];
    for line in world.orders(from, now).flat_map(|order| &order.lines) {
        sold[line.product].0 += u64::from(line.quantity);
        sold[line.product].1 += line.cents();
    }
    let units: u64 = sold.iter().map(|(units, _)| units).sum();
    let cents: u64 = sold.iter().map(|(_, cents)| cents).sum();
    let mut ranked: Vec<usize> = (0..PRODUCTS.len()).collect();
    ranked.sort_by_key(|product| std::cmp::Reverse((sold[*product].0, sold[*product].1)));
    let rows: Vec<Value> = ranked
        .into_iter()
        .take(limit)
        .map(|product| {
            let (own, own_cents) = sold[product];
            json!({
                "sku": PRODUCTS[product].sku,
                "product_name": PRODUCTS[product].name,
                "units": own,
                "revenue": money(own_cents),
                "share": rounded(own as f64 / units.max(1) as f64 * 100.0),
            })
        })
        .collect();
    json!({ "products": rows, "units": units, "revenue": money(cents), "period": period })
}

fn orders(world: &World, since: Timestamp, limit: usize, now: Timestamp) -> Value {
    let rows: Vec<Value> = world
        .orders(since, now)
        .rev()
        .take(limit)
        .map(|order| {
            json!({
                "number": order.number,
                "at": time::written(order.at),
                "customer": order.customer_name(),
                "items": order.units(),
                "amount": money(order.cents()),
                "status": order.status(now),
            })
        })
        .collect();
    json!({ "count": rows.len(), "orders": rows })
}

/// The module's own numbers, as names, helps and values.
pub fn metrics(world: &World, now: Timestamp) -> Vec<(&'static str, &'static str, f64)> {
    let week = time::start_of_week(time::week_of(now));
    let total = Total::of(world.orders(week, now));
    let minutes = Interval::from_secs(300);
    let recent = Total::of(world.orders(now - minutes, now));
    vec![
        ("sales_orders_total", "Orders since Monday.", total.orders as f64),
        ("sales_revenue_dollars_total", "Revenue since Monday.", money(total.cents)),
        ("sales_units_total", "Things sold since Monday.", total.units as f64),
        ("sales_orders_per_minute", "Orders of the last five minutes.", recent.orders as f64 / 5.0),
    ]
}
