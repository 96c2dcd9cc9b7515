//! What a module of the demo hears of the others through the daemon.

use std::collections::{BTreeMap, VecDeque};

use ccm_proto::model::Interval;
use serde_json::{Value, json};

use super::part::Part;

/// From one ask to the next.
pub const ASK_INTERVAL: Interval = Interval::from_secs(15);

/// How many of the newest events are kept.
const KEPT_MAX: usize = 20;

/// Where accounting says what it expects to be billed for.
const EXPECTED_BILLS: &str = "/api/expected-bills";

/// Where accounting says what it is going to write invoices for.
const TO_INVOICE: &str = "/api/to-invoice";

/// Where sales says what sells best.
const BESTSELLERS: &str = "/api/products/top";

/// What one module knows of the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Neighbours {
    /// How much is left, by product.
    stock: BTreeMap<String, u64>,
    /// What inventory has ordered, newest first.
    bills: VecDeque<Value>,
    /// What customers have ordered, newest first.
    orders: VecDeque<Value>,
}

/// What a module asks another for now and then.
pub fn ask(part: Part) -> Option<Value> {
    (part == Part::Sales)
        .then(|| json!({ "ask": "stock", "to": "inventory", "path": "/api/stock" }))
}

impl Neighbours {
    /// Takes the answer to an ask. Without data what is known stays.
    pub fn take_reply(&mut self, reply: &Value) {
        let Some(items) = reply["data"]["items"].as_array() else { return };
        let level = |item: &Value| {
            let (sku, level) = (item["sku"].as_str()?, item["stock_level"].as_u64()?);
            Some((sku.to_owned(), level))
        };
        self.stock = items.iter().filter_map(level).collect();
    }

    /// Takes an event of another module.
    pub fn take_delivery(&mut self, delivery: &Value) {
        let event = &delivery["event"];
        let kept = match delivery["from"].as_str() {
            Some("inventory") => &mut self.bills,
            Some("sales") => &mut self.orders,
            _ => return,
        };
        kept.push_front(json!({
            "id": delivery["id"],
            "at": event["at"],
            "what": event["message"],
            "quantity": event["fields"]["quantity"],
        }));
        kept.truncate(KEPT_MAX);
    }

    /// What a module knows by others alone.
    pub fn answer(&self, part: Part, path: &str) -> Option<Value> {
        match (part, path) {
            (Part::Accounting, EXPECTED_BILLS) => {
                Some(json!({ "count": self.bills.len(), "bills": self.bills }))
            }
            (Part::Accounting, TO_INVOICE) => {
                Some(json!({ "count": self.orders.len(), "orders": self.orders }))
            }
            _ => None,
        }
    }

    /// Adds to a module's own data what it knows of others.
    pub fn complete(&self, part: Part, path: &str, data: &mut Value) {
        if part != Part::Sales || path != BESTSELLERS {
            return;
        }
        let Some(products) = data["products"].as_array_mut() else { return };
        for product in products {
            let left = product["sku"].as_str().and_then(|sku| self.stock.get(sku));
            if let Some(left) = left {
                product["stock_level"] = json!(left);
            }
        }
    }
}
