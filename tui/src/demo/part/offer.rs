//! The manifests of the five modules.

use serde_json::{Value, json};

use super::Part;

/// The version of every module.
pub(super) const VERSION: &str = "1.4.0";

/// The manifest of a module.
pub(super) fn manifest(part: Part) -> Value {
    let (title, description) = match part {
        Part::Crm => ("CRM", "Leads and how far they come"),
        Part::Sales => ("Sales", "Orders, revenue and what sells best"),
        Part::Inventory => ("Inventory", "What is on the shelf and on its way"),
        Part::Accounting => ("Accounting", "Money that is owed and paid"),
        Part::Hr => ("HR", "Who is there, and how much gets done"),
    };
    let (endpoints, widgets, events, permissions) = match part {
        Part::Crm => crm(),
        Part::Sales => sales(),
        Part::Inventory => inventory(),
        Part::Accounting => accounting(),
        Part::Hr => hr(),
    };
    json!({
        "contract": 1,
        "id": part.name(),
        "version": VERSION,
        "title": title,
        "description": description,
        "endpoints": endpoints,
        "widgets": widgets,
        "metrics": "/ccm/v1/metrics",
        "events": { "path": "/ccm/v1/events", "types": events },
        "health": "/ccm/v1/health",
        "permissions": permissions,
        "bridge": bridge(part),
    })
}

/// What a module asks and tells the others.
fn bridge(part: Part) -> Value {
    match part {
        Part::Sales => json!({ "asks": ["inventory:/api/stock"], "publishes": ["order.created"] }),
        Part::Inventory => json!({
            "answers": ["/api/stock"],
            "publishes": ["stock.low", "stock.sold_out"],
        }),
        Part::Accounting => {
            json!({ "subscribes": ["inventory:stock.low", "sales:order.created"] })
        }
        Part::Crm | Part::Hr => json!({}),
    }
}

type Offers = (Value, Value, Value, Value);

fn count(name: &str, default: i64, description: &str) -> Value {
    json!({ "name": name, "type": "integer", "default": default, "description": description })
}

fn crm() -> Offers {
    let endpoints = json!([
        { "path": "/api/funnel", "description": "How many leads have reached each stage",
          "params": [count("days", 30, "How many days back")] },
        { "path": "/api/leads", "description": "The newest leads",
          "params": [count("limit", 50, "How many")] },
        { "path": "/api/metrics/summary", "description": "The day in numbers" },
    ]);
    let widgets = json!([
        { "name": "leads", "endpoint": "/api/leads", "refresh": "1m", "widget": {
            "title": "newest leads", "type": "table", "category": "CRM",
            "table": { "rows": "leads", "key": "at", "columns": [
                { "field": "company", "label": "company", "format": "text", "grow": true },
                { "field": "stage", "label": "stage", "format": "text" },
                { "field": "value", "label": "value", "format": "currency", "currency": "USD" },
            ] } } },
        { "name": "day", "endpoint": "/api/metrics/summary", "refresh": "1m", "widget": {
            "title": "leads today", "type": "stat", "category": "CRM",
            "stat": {
                "primary": { "value": "new_today", "label": "new", "format": "integer" },
                "secondary": [
                    { "value": "won_today", "label": "won", "format": "integer" },
                    { "value": "conversion", "label": "conversion", "format": "percent" },
                ],
            } } },
    ]);
    (endpoints, widgets, json!(["lead.created", "lead.won"]), json!(["crm.view_leads"]))
}

fn sales() -> Offers {
    let period = json!({ "name": "period", "type": "string", "default": "day",
                         "description": "day or week, so far" });
    let since = json!({ "name": "since", "type": "time", "description": "Leaves out older ones" });
    let endpoints = json!([
        { "path": "/api/metrics/daily-summary",
          "description": "Total sales, orders and average order value of today" },
        { "path": "/api/metrics/hourly", "description": "Orders and revenue by the hour",
          "params": [count("hours", 24, "How many hours back")] },
        { "path": "/api/products/top", "description": "What sells best",
          "params": [count("limit", 10, "How many"), period] },
        { "path": "/api/orders", "description": "The newest orders",
          "params": [count("limit", 50, "How many"), since] },
    ]);
    let widgets = json!([
        { "name": "top-products", "endpoint": "/api/products/top", "params": { "limit": 10 },
          "refresh": "1m", "widget": {
            "title": "bestsellers", "type": "table", "category": "Sales",
            "table": { "rows": "products", "key": "sku", "sort": "units", "columns": [
                { "field": "product_name", "label": "product", "format": "text", "grow": true },
                { "field": "units", "label": "sold", "format": "integer" },
                { "field": "stock_level", "label": "left", "format": "integer" },
                { "field": "revenue", "label": "revenue", "format": "currency", "currency": "USD" },
                { "field": "share", "label": "share", "format": "percent", "bar": true },
            ] } } },
        { "name": "rate", "endpoint": "/api/metrics/hourly", "params": { "hours": 1 },
          "refresh": "30s", "widget": {
            "title": "orders this hour", "type": "stat", "category": "Sales",
            "stat": {
                "primary": { "value": "orders", "label": "orders", "format": "integer" },
                "secondary": [{ "value": "revenue", "label": "revenue", "format": "currency", "currency": "USD" }],
                "window": "1h",
            } } },
    ]);
    let permissions = json!(["sales.view_metrics", "sales.view_orders"]);
    (endpoints, widgets, json!(["order.created"]), permissions)
}

fn inventory() -> Offers {
    let endpoints = json!([
        { "path": "/api/alerts/low-stock", "description": "Products with stock below a threshold",
          "params": [count("threshold", 10, "From this many on there is enough")] },
        { "path": "/api/stock", "description": "Every product on the shelf" },
        { "path": "/api/metrics/summary", "description": "The shelf in numbers" },
    ]);
    let widgets = json!([
        { "name": "stock", "endpoint": "/api/stock", "refresh": "2m", "widget": {
            "title": "stock", "type": "table", "category": "Inventory",
            "table": { "rows": "items", "key": "sku", "sort": "fill", "order": "ascending",
              "columns": [
                { "field": "product_name", "label": "product", "format": "text", "grow": true },
                { "field": "stock_level", "label": "here", "format": "integer" },
                { "field": "on_order", "label": "ordered", "format": "integer" },
                { "field": "fill", "label": "fill", "format": "percent", "bar": true },
            ] } } },
        { "name": "shelf", "endpoint": "/api/metrics/summary", "refresh": "1m", "widget": {
            "title": "shelf", "type": "gauge", "category": "Inventory",
            "gauge": { "value": "fill", "format": "percent", "thresholds": [
                { "value": 0, "state": "critical", "label": "empty" },
                { "value": 30, "state": "warning", "label": "thin" },
                { "value": 50, "state": "ok", "label": "well stocked" },
            ] } } },
    ]);
    let events = json!(["stock.sold_out", "stock.reordered", "stock.delivered"]);
    (endpoints, widgets, events, json!(["inventory.view_stock"]))
}

fn accounting() -> Offers {
    let endpoints = json!([
        { "path": "/api/cash-flow", "description": "Money in and out by the day",
          "params": [count("days", 14, "How many days back")] },
        { "path": "/api/receivables", "description": "What customers owe, by age" },
        { "path": "/api/payables", "description": "What is owed to suppliers, by age" },
        { "path": "/api/metrics/summary", "description": "The day in numbers" },
        { "path": "/api/expected-bills", "description": "What the inventory has ordered lately" },
        { "path": "/api/to-invoice", "description": "What customers have ordered lately" },
    ]);
    let widgets = json!([
        { "name": "expected-bills", "endpoint": "/api/expected-bills", "refresh": "1m", "widget": {
            "title": "expected bills", "type": "table", "category": "Accounting",
            "table": { "rows": "bills", "key": "id", "columns": [
                { "field": "at", "label": "ordered", "format": "text" },
                { "field": "what", "label": "what", "format": "text", "grow": true },
                { "field": "quantity", "label": "units", "format": "integer" },
            ] } } },
        { "name": "to-invoice", "endpoint": "/api/to-invoice", "refresh": "15s", "widget": {
            "title": "to invoice", "type": "table", "category": "Accounting",
            "table": { "rows": "orders", "key": "id", "columns": [
                { "field": "at", "label": "ordered", "format": "text" },
                { "field": "what", "label": "what", "format": "text", "grow": true },
            ] } } },
        { "name": "receivables", "endpoint": "/api/receivables", "refresh": "5m", "widget": {
            "title": "receivables by age", "type": "bars", "category": "Accounting",
            "bars": { "rows": { "path": "ages", "label": "age", "value": "amount", "max": 300_000 } },
        } },
        { "name": "owed", "endpoint": "/api/metrics/summary", "refresh": "5m", "widget": {
            "title": "owed", "type": "stat", "category": "Accounting",
            "stat": {
                "primary": { "value": "receivables", "label": "by customers", "format": "currency", "currency": "USD" },
                "secondary": [
                    { "value": "payables", "label": "to suppliers", "format": "currency", "currency": "USD" },
                    { "value": "received_today", "label": "received today", "format": "currency", "currency": "USD" },
                ],
            } } },
    ]);
    (endpoints, widgets, json!(["invoice.paid", "bill.paid"]), json!(["accounting.view"]))
}

fn hr() -> Offers {
    let endpoints = json!([
        { "path": "/api/metrics/attendance", "description": "Who is there today" },
        { "path": "/api/attendance-vs-productivity",
          "description": "Attendance beside what got done, by the day",
          "params": [count("days", 14, "How many days back")] },
    ]);
    let widgets = json!([
        { "name": "departments", "endpoint": "/api/metrics/attendance", "refresh": "5m", "widget": {
            "title": "departments", "type": "table", "category": "HR",
            "table": { "rows": "departments", "key": "department", "columns": [
                { "field": "department", "label": "department", "format": "text", "grow": true },
                { "field": "present", "label": "here", "format": "integer" },
                { "field": "remote", "label": "remote", "format": "integer" },
                { "field": "attendance", "label": "there", "format": "percent", "bar": true },
            ] } } },
    ]);
    (endpoints, widgets, json!(["hour.booked"]), json!(["hr.view_attendance"]))
}
