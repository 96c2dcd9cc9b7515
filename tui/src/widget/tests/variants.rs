//! Widgets for pictures: what types can do beyond the plain form.

/// Widgets that show more of what their type can do than those of each type, by name.
pub(super) const VARIANTS: [(&str, &str); 8] = [
    (
        "stat-money",
        r#"
        title = "Daily sales"
        source = "sales"
        type = "stat"
        [stat]
        window = "5m"
        primary = { value = "total", label = "Total", format = "currency", currency = "USD" }
        secondary = [{ value = "orders", label = "Orders", format = "count" }]
        trend = { compare = "yesterday", good = "up" }
        "#,
    ),
    (
        "gauge-labels",
        r#"
        title = "System health"
        source = "system"
        type = "gauge"
        [gauge]
        value = "health_score"
        show_labels = true
        thresholds = [
            { value = 0, state = "critical", label = "Critical" },
            { value = 50, state = "warning", label = "Warning" },
            { value = 80, state = "ok", label = "Healthy" },
        ]
        "#,
    ),
    (
        "chart-area",
        r#"
        title = "Load"
        source = "host"
        type = "chart"
        chart = { style = "area", series = [{ metric = "load.one", label = "1 min" }] }
        "#,
    ),
    (
        "chart-bar",
        r#"
        title = "Payments"
        source = "stripe"
        type = "chart"
        [chart]
        style = "bar"
        format = "currency_minor"
        currency = "EUR"
        [chart.rows]
        path = "charges"
        x = "created"
        y = "amount"
        aggregation = "hourly"
        series = [
            { label = "Successful", filter = { status = "succeeded" } },
            { label = "Failed", filter = { status = "failed" } },
        ]
        "#,
    ),
    (
        "chart-pie",
        r#"
        title = "Visits by source"
        source = "web"
        type = "chart"
        [chart]
        style = "pie"
        format = "count"
        rows = { path = "sources", label = "name", value = "visits" }
        "#,
    ),
    (
        "chart-donut",
        r#"
        title = "Visits by source"
        source = "web"
        type = "chart"
        [chart]
        style = "donut"
        format = "count"
        rows = { path = "sources", label = "name", value = "visits" }
        "#,
    ),
    (
        "chart-funnel",
        r#"
        title = "Sales funnel"
        source = "crm"
        type = "chart"
        [chart]
        style = "funnel"
        format = "count"
        rows = { path = "stages", label = "stage", value = "leads" }
        "#,
    ),
    (
        "chart-scatter",
        r#"
        title = "Attendance and output"
        source = "hr"
        type = "chart"
        [chart]
        style = "scatter"
        rows = { path = "people", x = "hours_present", y = "tickets", label = "name" }
        "#,
    ),
];
