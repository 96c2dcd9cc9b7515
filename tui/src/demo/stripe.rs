//! A fake of Stripe's list of charges: every order of the shop is paid by a card.

use ccm_proto::model::{Interval, Timestamp};
use serde_json::{Value, json};

use super::noise::Noise;
use super::server::hosted::{Reply, Request, STRIPE_KEY};
use super::shop::Order;
use super::time::DAY;
use super::world::World;

/// Requests that are answered in one second, as in Stripe's test mode.
const RATE_MAX: u32 = 25;

/// How often a card is refused before another one is taken.
const REFUSED: f64 = 0.07;

/// How far back charges are known.
const MEMORY: Interval = DAY.times(7);

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    id: String,
    at: Timestamp,
    cents: u64,
    failure: Option<&'static str>,
    customer: usize,
    order: i64,
}

/// What the service answers.
pub fn answer(world: &World, request: &Request<'_>, now: Timestamp) -> Reply {
    let refusal = refusal(request);
    let mut reply = match refusal {
        Some(reply) => reply,
        None => list(world, request, now).unwrap_or_else(|reply| reply),
    };
    let id = Noise::new(world.seed()).of("request").at(now.as_millis()).at(request.count.into());
    reply.headers.push(("request-id", format!("req_{}", token(id))));
    reply.headers.push(("stripe-version", "2025-09-30.clover".to_owned()));
    reply
}

fn error(status: u16, kind: &str, code: Option<&str>, message: &str) -> Reply {
    let mut body = json!({ "error": { "type": kind, "message": message } });
    if let Some(code) = code {
        body["error"]["code"] = json!(code);
    }
    Reply { status, headers: Vec::new(), body }
}

fn refusal(request: &Request<'_>) -> Option<Reply> {
    let invalid = "invalid_request_error";
    match request.key.as_deref() {
        None => {
            let message = "You did not provide an API key.";
            return Some(error(401, invalid, None, message));
        }
        Some(key) if key != STRIPE_KEY => {
            return Some(error(401, invalid, None, "Invalid API Key provided."));
        }
        Some(_) => {}
    }
    if request.count > RATE_MAX {
        let mut reply = error(429, invalid, Some("rate_limit"), "Request rate limit exceeded.");
        reply.headers.push(("retry-after", "1".to_owned()));
        reply.headers.push(("stripe-rate-limited-reason", "global-rate".to_owned()));
        return Some(reply);
    }
    if request.failing {
        return Some(error(500, "api_error", None, "Something went wrong on our end."));
    }
    if !request.is_get || request.path != "/v1/charges" {
        let message = format!("Unrecognized request URL ({}).", request.path);
        return Some(error(404, invalid, None, &message));
    }
    None
}

/// Which charges are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    limit: usize,
    from: Option<i64>,
    to: Option<i64>,
    after: Option<String>,
    before: Option<String>,
}

impl Wanted {
    fn of(request: &Request<'_>) -> Result<Self, Reply> {
        let mut wanted = Self { limit: 10, ..Self::default() };
        for (name, text) in &request.query.0 {
            let number = || {
                let message = format!("Invalid integer: {text}");
                text.parse::<i64>().map_err(|_| error(400, "invalid_request_error", None, &message))
            };
            match name.as_str() {
                "limit" => wanted.limit = number()?.clamp(1, 100) as usize,
                "created" => (wanted.from, wanted.to) = (Some(number()?), Some(number()?)),
                "created[gte]" => wanted.from = Some(number()?),
                "created[gt]" => wanted.from = Some(number()?.saturating_add(1)),
                "created[lte]" => wanted.to = Some(number()?),
                "created[lt]" => wanted.to = Some(number()?.saturating_sub(1)),
                "starting_after" => wanted.after = Some(text.clone()),
                "ending_before" => wanted.before = Some(text.clone()),
                _ => {
                    let message = format!("Received unknown parameter: {name}");
                    let code = Some("parameter_unknown");
                    return Err(error(400, "invalid_request_error", code, &message));
                }
            }
        }
        Ok(wanted)
    }

    fn takes(&self, charge: &Charge) -> bool {
        let second = charge.at.as_millis().div_euclid(1_000);
        self.from.is_none_or(|from| second >= from) && self.to.is_none_or(|to| second <= to)
    }
}

fn list(world: &World, request: &Request<'_>, now: Timestamp) -> Result<Reply, Reply> {
    let wanted = Wanted::of(request)?;
    let mut all: Vec<Charge> =
        charges(world, now).into_iter().filter(|charge| wanted.takes(charge)).collect();
    all.reverse();
    let position = |id: &String| {
        let message = format!("No such charge: '{id}'");
        let missing = || error(400, "invalid_request_error", Some("resource_missing"), &message);
        all.iter().position(|charge| charge.id == *id).ok_or_else(missing)
    };
    let (page, has_more) = if let Some(id) = &wanted.before {
        let end = position(id)?;
        let start = end.saturating_sub(wanted.limit);
        (&all[start..end], start > 0)
    } else {
        let start = match &wanted.after {
            Some(id) => position(id)? + 1,
            None => 0,
        };
        let end = (start + wanted.limit).min(all.len());
        (&all[start..end], end < all.len())
    };
    let body = json!({
        "object": "list",
        "url": "/v1/charges",
        "has_more": has_more,
        "data": page.iter().map(written).collect::<Vec<Value>>(),
    });
    Ok(Reply { status: 200, headers: Vec::new(), body })
}

/// Every charge that is known, oldest first.
pub fn charges(world: &World, now: Timestamp) -> Vec<Charge> {
    let orders = world.orders(now - MEMORY, now);
    let each = orders.flat_map(|order| of_order(world.seed(), order));
    each.filter(|charge| charge.at <= now).collect()
}

/// Why cards are refused.
const FAILURES: [&str; 4] =
    ["card_declined", "insufficient_funds", "expired_card", "incorrect_cvc"];

/// The charges of an order: a refused one, now and then, and the one that pays for it.
fn of_order(seed: u64, order: &Order) -> Vec<Charge> {
    let noise = Noise::new(seed).of("charge").at(order.number);
    let charge = |which: i64, failure| Charge {
        id: format!("ch_3{}", token(noise.at(which))),
        at: order.at,
        cents: order.cents(),
        failure,
        customer: order.customer,
        order: order.number,
    };
    let mut charges = Vec::with_capacity(2);
    if noise.of("refused").chance(REFUSED) {
        charges.push(charge(0, Some(FAILURES[noise.of("why").below(FAILURES.len())])));
    }
    charges.push(charge(1, None));
    charges
}

/// 16 letters and digits that are always the same at a place.
fn token(noise: Noise) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..16).map(|index| char::from(LETTERS[noise.at(index).below(LETTERS.len())])).collect()
}

fn written(charge: &Charge) -> Value {
    let paid = charge.failure.is_none();
    json!({
        "id": charge.id,
        "object": "charge",
        "amount": charge.cents,
        "amount_captured": if paid { charge.cents } else { 0 },
        "amount_refunded": 0,
        "captured": paid,
        "created": charge.at.as_millis().div_euclid(1_000),
        "currency": "usd",
        "customer": format!("cus_demo{:04}", charge.customer),
        "description": format!("Order {}", charge.order),
        "disputed": false,
        "failure_code": charge.failure,
        "failure_message": charge.failure.map(|code| code.replace('_', " ")),
        "livemode": false,
        "paid": paid,
        "payment_method_details": {
            "type": "card",
            "card": { "brand": "visa", "country": "US", "last4": "4242" },
        },
        "refunded": false,
        "status": if paid { "succeeded" } else { "failed" },
    })
}

impl Charge {
    /// What is charged, in cents.
    pub fn cents(&self) -> u64 {
        self.cents
    }

    /// Whether it was paid.
    pub fn is_paid(&self) -> bool {
        self.failure.is_none()
    }
}
