//! What the module `inventory` answers.

use ccm_proto::model::Timestamp;
use serde_json::{Value, json};

use super::answer::{Problem, Query, money, rounded};
use super::catalogue::PRODUCTS;
use super::time;
use super::world::World;

/// The answer at a path.
pub fn answer(world: &World, path: &str, query: &Query, now: Timestamp) -> Result<Value, Problem> {
    match path {
        "/api/alerts/low-stock" => {
            let threshold = query.integer("threshold", 10, 0, 10_000)?;
            Ok(low_stock(world, threshold))
        }
        "/api/stock" => Ok(stock(world)),
        "/api/metrics/summary" => Ok(summary(world, now)),
        _ => Err(Problem::not_found()),
    }
}

/// One product as it stands on the shelf.
fn item(world: &World, product: usize) -> Value {
    let shop = world.shop();
    let item = &PRODUCTS[product];
    let level = shop.stock[product];
    let delivery = shop.deliveries[product];
    json!({
        "sku": item.sku,
        "product_name": item.name,
        "stock_level": level,
        "capacity": item.capacity,
        "reorder_point": item.reorder_point,
        "on_order": delivery.map_or(0, |delivery| delivery.quantity),
        "due": delivery.map(|delivery| time::written(delivery.due)),
        "value": money(item.cents * u64::from(level)),
        "fill": rounded(f64::from(level) / f64::from(item.capacity) * 100.0),
    })
}

fn low_stock(world: &World, threshold: i64) -> Value {
    let stock = &world.shop().stock;
    let mut low: Vec<usize> =
        (0..PRODUCTS.len()).filter(|product| i64::from(stock[*product]) < threshold).collect();
    low.sort_by_key(|product| (stock[*product], PRODUCTS[*product].sku));
    let items: Vec<Value> = low.into_iter().map(|product| item(world, product)).collect();
    json!({ "count": items.len(), "threshold": threshold, "items": items })
}

fn stock(world: &World) -> Value {
    let items: Vec<Value> = (0..PRODUCTS.len()).map(|product| item(world, product)).collect();
    let stock = &world.shop().stock;
    let units: u64 = stock.iter().map(|level| u64::from(*level)).sum();
    json!({ "items": items, "units": units, "value": money(value(world)) })
}

/// What is on the shelf, in cents.
fn value(world: &World) -> u64 {
    let each = PRODUCTS.iter().zip(&world.shop().stock);
    each.map(|(product, level)| product.cents * u64::from(*level)).sum()
}

fn summary(world: &World, now: Timestamp) -> Value {
    let shop = world.shop();
    let capacity: u64 = PRODUCTS.iter().map(|product| u64::from(product.capacity)).sum();
    let units: u64 = shop.stock.iter().map(|level| u64::from(*level)).sum();
    let below = PRODUCTS.iter().zip(&shop.stock);
    let low = below.filter(|(product, level)| **level <= product.reorder_point).count();
    let due = shop.deliveries.iter().flatten();
    let today = due.filter(|delivery| time::day_of(delivery.due) == time::day_of(now)).count();
    json!({
        "units": units,
        "value": money(value(world)),
        "fill": rounded(units as f64 / capacity.max(1) as f64 * 100.0),
        "low": low,
        "out": shop.stock.iter().filter(|level| **level == 0).count(),
        "deliveries": shop.deliveries.iter().flatten().count(),
        "deliveries_today": today,
        "missed_units": shop.missed,
    })
}

/// The module's own numbers, as names, helps and values.
pub fn metrics(world: &World) -> Vec<(&'static str, &'static str, f64)> {
    let shop = world.shop();
    let units: u64 = shop.stock.iter().map(|level| u64::from(*level)).sum();
    let out = shop.stock.iter().filter(|level| **level == 0).count();
    vec![
        ("inventory_units", "Things on the shelf.", units as f64),
        ("inventory_value_dollars", "What is on the shelf.", money(value(world))),
        ("inventory_sold_out_products", "Products without stock.", out as f64),
        ("inventory_missed_units_total", "Things wanted and not there.", shop.missed as f64),
    ]
}
