//! A fake of SendGrid's statistics: every order is confirmed by mail, and some days have a letter
//! to all.

use ccm_proto::model::Timestamp;
use ccm_proto::model::module::instant;
use serde_json::{Map, Value, json};

use super::noise::Noise;
use super::server::hosted::{Reply, Request, SENDGRID_KEY};
use super::time;
use super::world::World;

/// Requests that are answered in one second.
const RATE_MAX: u32 = 60;

/// The most days that are answered at once.
const DAYS_MAX: i64 = 400;

/// What is counted, in the service's order.
const COUNTED: [&str; 16] = [
    "blocks",
    "bounce_drops",
    "bounces",
    "clicks",
    "deferred",
    "delivered",
    "invalid_emails",
    "opens",
    "processed",
    "requests",
    "spam_report_drops",
    "spam_reports",
    "unique_clicks",
    "unique_opens",
    "unsubscribe_drops",
    "unsubscribes",
];

/// What the service answers.
pub fn answer(world: &World, request: &Request<'_>, now: Timestamp) -> Reply {
    let mut reply = match refusal(request) {
        Some(reply) => reply,
        None => stats(world.seed(), request, now).unwrap_or_else(|reply| reply),
    };
    let left = RATE_MAX.saturating_sub(request.count);
    let reset = now.as_millis().div_euclid(1_000) + 1;
    reply.headers.push(("x-ratelimit-limit", RATE_MAX.to_string()));
    reply.headers.push(("x-ratelimit-remaining", left.to_string()));
    reply.headers.push(("x-ratelimit-reset", reset.to_string()));
    reply
}

fn error(status: u16, field: Option<&str>, message: &str) -> Reply {
    let body = json!({ "errors": [{ "field": field, "message": message }] });
    Reply { status, headers: Vec::new(), body }
}

fn refusal(request: &Request<'_>) -> Option<Reply> {
    if request.key.as_deref() != Some(SENDGRID_KEY) {
        return Some(error(401, None, "authorization required"));
    }
    if request.count > RATE_MAX {
        return Some(error(429, None, "too many requests"));
    }
    if request.failing {
        return Some(error(500, None, "internal error"));
    }
    if !request.is_get || request.path != "/v3/stats" {
        return Some(error(404, None, "not found"));
    }
    None
}

fn stats(seed: u64, request: &Request<'_>, now: Timestamp) -> Result<Reply, Reply> {
    let day = |name: &str| -> Result<Option<i64>, Reply> {
        let Some(text) = request.query.0.get(name) else { return Ok(None) };
        let moment = instant::parse(&format!("{text}T00:00:00Z"));
        let refused = || error(400, Some(name), &format!("{name} should be a YYYY-MM-DD date"));
        moment.map(time::day_of).map(Some).ok_or_else(refused)
    };
    let Some(first) = day("start_date")? else {
        return Err(error(400, Some("start_date"), "start_date is required"));
    };
    let today = time::day_of(now);
    let last = day("end_date")?.unwrap_or(today).min(today);
    let first = first.max(last - DAYS_MAX + 1);
    let step = match request.query.0.get("aggregated_by").map_or("day", String::as_str) {
        "day" => 1,
        "week" => 7,
        "month" => 30,
        _ => {
            let message = "aggregated_by should be day, week or month";
            return Err(error(400, Some("aggregated_by"), message));
        }
    };
    let mut rows = Vec::new();
    let mut start = first;
    while start <= last {
        let mut sums = [0; COUNTED.len()];
        for day in start..(start + step).min(last + 1) {
            for (sum, count) in sums.iter_mut().zip(of_day(seed, day, now)) {
                *sum += count;
            }
        }
        let metrics: Map<String, Value> =
            COUNTED.iter().zip(sums).map(|(name, sum)| ((*name).to_owned(), json!(sum))).collect();
        rows.push(json!({
            "date": time::written_day(start),
            "stats": [{ "metrics": metrics }],
        }));
        start += step;
    }
    Ok(Reply { status: 200, headers: Vec::new(), body: Value::Array(rows) })
}

/// What was counted on a day, as far as it has come, in the order of [`COUNTED`].
pub fn of_day(seed: u64, day: i64, now: Timestamp) -> [u64; COUNTED.len()] {
    let noise = Noise::new(seed).of("mail").at(day);
    let passed = if day == time::day_of(now) { time::hour_of(now) / 24.0 } else { 1.0 };
    // Each count has a share of the one before, so that no mail is opened that was not delivered.
    let part = |whole: u64, name: &str, low: f64, high: f64| -> u64 {
        (whole as f64 * noise.of(name).between(low, high)) as u64
    };
    let letter = if noise.of("letter").chance(0.3) { 9_000.0 } else { 0.0 };
    let requests = ((noise.of("sent").between(1_350.0, 1_800.0) + letter) * passed) as u64;
    let dropped = part(requests, "dropped", 0.002, 0.006);
    let (bounce_drops, unsubscribe_drops) = (dropped / 2, dropped - dropped / 2);
    let processed = requests - dropped;
    let lost = part(processed, "lost", 0.004, 0.014);
    let (bounces, blocks) = (lost / 2, lost - lost / 2);
    let delivered = processed - lost;
    let unique_opens = part(delivered, "opens", 0.28, 0.44);
    let unique_clicks = part(unique_opens, "clicks", 0.10, 0.24);
    [
        blocks,
        bounce_drops,
        bounces,
        unique_clicks + part(unique_clicks, "more clicks", 0.1, 0.3),
        part(processed, "deferred", 0.01, 0.04),
        delivered,
        0,
        unique_opens + part(unique_opens, "more opens", 0.2, 0.6),
        processed,
        requests,
        0,
        part(delivered, "spam", 0.0, 0.000_6),
        unique_clicks,
        unique_opens,
        unsubscribe_drops,
        part(delivered, "leaves", 0.0, 0.002),
    ]
}
