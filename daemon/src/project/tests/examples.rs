//! Four widgets as businesses have them, with what their sources answer.

use ccm_proto::model::Timestamp;

use super::*;

const SALES: &str = r#"
description = "Total sales, orders, and average order value for today"
icon = "TrendingUp"
refresh_interval = "5m"
type = "stat"
size = "medium"
permissions = ["sales.view_metrics"]
roles = ["user", "moderator", "admin"]
category = "Sales"
tags = ["sales", "revenue", "orders"]

[stat]
primary = { value = "total_sales", label = "Total Sales", format = "currency", currency = "USD" }
secondary = [
  { value = "order_count", label = "Orders", format = "number" },
  { value = "avg_order_value", label = "AOV", format = "currency", currency = "USD" },
]
trend = { enabled = true, compare = "yesterday", show_percentage = true, from = "trend", good = "up" }
"#;

#[test]
fn the_sales_of_a_day_have_their_trend() {
    let answer = value(
        r#"{"total_sales": 15234.50, "order_count": 47, "avg_order_value": 324.14,
            "trend": {"direction": "up", "percentage": 12.5, "comparison": "yesterday"},
            "timestamp": "2025-10-19T14:30:00Z"}"#,
    );
    let planes = planes(&widget(SALES), &answer);
    assert_eq!(planes.fields["value"], Cell::Number(15_234.5));
    assert_eq!(planes.fields["secondary.0"], Cell::Integer(47));
    assert_eq!(planes.fields["trend.direction"], text("up"));
    assert_eq!(planes.missing, [""; 0]);
}

const PAYMENTS: &str = r#"
description = "Recent payment transactions"
icon = "CreditCard"
params = { limit = 100, created = { gte = "today" } }
refresh_interval = "1m"
type = "chart"
size = "large"
permissions = ["finance.view_payments"]
roles = ["admin", "moderator"]

[chart]
style = "line"
window = "24h"
[chart.rows]
path = "data"
x = "created"
y = "amount"
aggregation = "hourly"
series = [
  { label = "Successful", filter = { status = "succeeded" } },
  { label = "Failed", filter = { status = "failed" } },
]
"#;

#[test]
fn payments_are_split_into_succeeded_and_failed_by_the_hour() {
    let answer = value(
        r#"{"object": "list", "has_more": false, "data": [
            {"id": "ch_3", "object": "charge", "created": 1760884200, "amount": 2599,
             "currency": "usd", "status": "succeeded"},
            {"id": "ch_2", "object": "charge", "created": 1760881000, "amount": 900,
             "currency": "usd", "status": "failed"},
            {"id": "ch_1", "object": "charge", "created": 1760880900, "amount": 1500,
             "currency": "usd", "status": "succeeded"}]}"#,
    );
    let chart = widget(PAYMENTS);
    let window = chart.chart.as_ref().unwrap().window();
    let tracks = row_tracks(&chart, &answer, Timestamp::from_millis(1_760_884_260_000), window);
    let last: Vec<(&str, Vec<f64>)> =
        (tracks.iter()).map(|track| (track.label.as_str(), track.values[22..].to_vec())).collect();
    assert_eq!(last, [("Successful", vec![1_500.0, 2_599.0]), ("Failed", vec![900.0, 0.0])]);
}

const HEALTH: &str = r#"
description = "Platform health metrics"
icon = "Activity"
refresh_interval = "30s"
type = "gauge"
size = "small"

[gauge]
value = "health_score"
min = 0
max = 100
thresholds = [
  { value = 0, state = "critical", label = "Critical" },
  { value = 50, state = "warning", label = "Warning" },
  { value = 80, state = "ok", label = "Healthy" },
]
show_labels = true
"#;

#[test]
fn the_health_of_a_platform_is_one_number() {
    let planes = planes(&widget(HEALTH), &value(r#"{"health_score": 92}"#));
    assert_eq!(planes.fields["value"], Cell::Integer(92));
}

const STOCK: &str = r#"
description = "Products with stock below threshold"
icon = "AlertTriangle"
params = { threshold = 10 }
refresh_interval = "2m"
type = "list"
size = "medium"

[list]
rows = "items"
max_items = 10
sort = "stock_level"
order = "ascending"
[list.item]
title = "product_name"
subtitle = "sku"
badge = "stock_level"
badge_format = "count"
badge_state = "critical"

[alerts]
enabled = true
conditions = [{ field = "stock_level", operator = "<", value = 5, severity = "critical" }]
notifications = ["dashboard", "email"]
"#;

#[test]
fn what_runs_low_is_listed_the_lowest_first() {
    let answer = value(
        r#"{"items": [{"product_name": "Tea", "sku": "T-1", "stock_level": 8},
            {"product_name": "Salt", "sku": "S-1", "stock_level": 3}]}"#,
    );
    let planes = planes(&widget(STOCK), &answer);
    assert_eq!(planes.rows[0].cells, [text("Salt"), text("S-1"), Cell::Integer(3)]);
    assert_eq!(planes.rows_total, 2);
}
