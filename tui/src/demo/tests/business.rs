//! The business is the same for everyone who looks, and its numbers fit together.

use ccm_proto::model::{Interval, Timestamp};
use proptest::prelude::*;
use serde_json::Value;

use super::afternoon;
use crate::demo::answer::Query;
use crate::demo::catalogue::PRODUCTS;
use crate::demo::fault::{self, Fault};
use crate::demo::invoice::{self, Way};
use crate::demo::part::Part;
use crate::demo::shop::{Shift, Shop};
use crate::demo::time::{self, DAY, HOUR};
use crate::demo::{World, crm, sendgrid};

fn ask(part: Part, world: &World, path: &str, params: &[(&str, &str)], now: Timestamp) -> Value {
    let pairs = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    part.answer(world, path, &Query(pairs.collect()), now).unwrap()
}

/// A number in hundredths, which whole numbers tell apart.
fn cents(value: &Value) -> i64 {
    (value.as_f64().unwrap() * 100.0).round() as i64
}

fn sum(rows: &Value, field: &str) -> i64 {
    rows.as_array().unwrap().iter().map(|row| cents(&row[field])).sum()
}

/// A moment of the years 2024 to 2030.
fn moments() -> impl Strategy<Value = Timestamp> {
    (1_704_067_200_i64..1_893_456_000).prop_map(|second| Timestamp::from_millis(second * 1_000))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_week_is_the_same_in_whatever_steps_it_is_played(
        seed in any::<u64>(),
        steps in prop::collection::vec(1_u64..40_000, 1..20),
    ) {
        let mut once = Shop::new(seed, 2_900);
        let mut often = once.clone();
        let mut to = time::start_of_week(2_900);
        for step in steps {
            to = to + Interval::from_secs(step);
            often.play(to);
        }
        once.play(to);
        prop_assert_eq!(once, often);
    }

    #[test]
    fn what_is_on_the_shelf_is_what_was_there_and_came_less_what_was_sold(
        seed in any::<u64>(),
        hours in 1_u64..168,
    ) {
        let mut shop = Shop::new(seed, 2_900);
        shop.play(time::start_of_week(2_900) + HOUR.times(hours));
        for (index, product) in PRODUCTS.iter().enumerate() {
            let lines = shop.orders.iter().flat_map(|order| &order.lines);
            let sold: u32 = lines.filter(|l| l.product == index).map(|l| l.quantity).sum();
            let movements = shop.movements.iter().filter(|movement| movement.product == index);
            let came: u32 = movements
                .map(|movement| if let Shift::Delivered(count) = movement.what { count } else { 0 })
                .sum();
            prop_assert_eq!(shop.stock[index] + sold, product.capacity + came);
        }
        prop_assert!(shop.orders.windows(2).all(|two| two[0].at <= two[1].at));
        prop_assert!(shop.orders.windows(2).all(|two| two[0].number < two[1].number));
    }

    #[test]
    fn sums_of_parts_are_totals(seed in 0_u64..1_000, now in moments()) {
        let world = World::new(seed, now);
        let today = ask(Part::Sales, &world, "/api/metrics/daily-summary", &[], now);
        let hours = (time::hour_of(now) as i64 + 1).to_string();
        let hourly = ask(Part::Sales, &world, "/api/metrics/hourly", &[("hours", &hours)], now);
        prop_assert_eq!(&today["total_sales"], &hourly["revenue"]);
        prop_assert_eq!(&today["order_count"], &hourly["orders"]);
        prop_assert_eq!(sum(&hourly["hours"], "revenue"), cents(&today["total_sales"]));
        let top = ask(Part::Sales, &world, "/api/products/top", &[("limit", "100")], now);
        prop_assert_eq!(&top["revenue"], &today["total_sales"]);
        prop_assert_eq!(&top["units"], &today["units"]);
        prop_assert_eq!(sum(&top["products"], "revenue"), cents(&today["total_sales"]));
        let flow = ask(Part::Accounting, &world, "/api/cash-flow", &[], now);
        prop_assert_eq!(sum(&flow["days"], "inflow"), cents(&flow["inflow"]));
        prop_assert_eq!(sum(&flow["days"], "net"), cents(&flow["net"]));
        let owed = ask(Part::Accounting, &world, "/api/receivables", &[], now);
        prop_assert_eq!(sum(&owed["ages"], "amount"), cents(&owed["total"]));
        let stock = ask(Part::Inventory, &world, "/api/stock", &[], now);
        prop_assert_eq!(sum(&stock["items"], "stock_level"), cents(&stock["units"]));
        prop_assert_eq!(sum(&stock["items"], "value"), cents(&stock["value"]));
        let people = ask(Part::Hr, &world, "/api/metrics/attendance", &[], now);
        let parts = ["present", "remote", "absent"].map(|part| people[part].as_u64().unwrap());
        prop_assert_eq!(parts.iter().sum::<u64>(), people["headcount"].as_u64().unwrap());
        prop_assert_eq!(sum(&people["departments"], "absent"), parts[2] as i64 * 100);
    }

    #[test]
    fn fewer_and_fewer_leads_get_through_the_funnel(seed in any::<u64>(), now in moments()) {
        let leads = crm::leads(seed, 30, now);
        let counts = crm::counts(&leads);
        prop_assert!(counts.windows(2).all(|two| two[0] >= two[1]), "{counts:?}");
        prop_assert_eq!(counts[0], leads.len() as u64);
        let later = crm::leads(seed, 32, now + DAY.times(2));
        let kept = later.iter().filter(|lead| leads.iter().any(|l| l.at == lead.at));
        let further = crm::counts(&kept.cloned().collect::<Vec<_>>());
        prop_assert!(counts.iter().zip(further).all(|(then, now)| now >= *then));
    }

    #[test]
    fn money_is_owed_from_when_it_is_asked_for_until_it_is_paid(
        seed in any::<u64>(),
        now in moments(),
    ) {
        for way in [Way::In, Way::Out] {
            for invoice in invoice::all(seed, way, now) {
                prop_assert!(invoice.at <= now && invoice.due > invoice.at && invoice.cents > 0);
                prop_assert!(invoice.paid.is_none_or(|paid| paid > invoice.at));
            }
        }
    }

    #[test]
    fn mail_is_read_only_when_it_was_delivered(seed in any::<u64>(), now in moments()) {
        let counts = sendgrid::of_day(seed, time::day_of(now), now);
        let [delivered, processed, requests, clicks, opens] =
            [counts[5], counts[8], counts[9], counts[12], counts[13]];
        prop_assert!(requests >= processed && processed >= delivered);
        prop_assert!(delivered >= opens && opens >= clicks);
    }
}

#[test]
fn time_goes_on_for_a_world_as_it_does_for_a_new_one() {
    let mut world = World::new(1, afternoon());
    for hours in [1, 30, 90, 200] {
        let now = afternoon() + HOUR.times(hours);
        world.advance(now);
        let new = World::new(1, now);
        assert_eq!(world.shop(), new.shop(), "after {hours} hours");
    }
    world.advance(afternoon());
    assert_eq!(world.shop(), World::new(1, afternoon()).shop(), "a clock that was set back");
}

#[test]
fn the_trend_compares_with_the_same_time_yesterday() {
    let world = World::new(7, afternoon());
    let today = ask(Part::Sales, &world, "/api/metrics/daily-summary", &[], afternoon());
    let before = World::new(7, afternoon() - DAY);
    let yesterday = ask(Part::Sales, &before, "/api/metrics/daily-summary", &[], afternoon() - DAY);
    assert_eq!(today["yesterday"]["total_sales"], yesterday["total_sales"]);
    let change =
        today["total_sales"].as_f64().unwrap() / yesterday["total_sales"].as_f64().unwrap();
    let percentage = today["trend"]["percentage"].as_f64().unwrap();
    assert!(((change - 1.0).abs() * 100.0 - percentage).abs() < 0.1, "{today}");
    let direction = if change > 1.0 { "up" } else { "down" };
    assert_eq!(today["trend"]["direction"], direction);
    assert_eq!(today["trend"]["comparison"], "yesterday");
}

#[test]
fn a_week_of_the_shop_is_believable() {
    let mut shop = Shop::new(7, 2_900);
    let (mut low, mut out, mut looks) = (0, 0, 0);
    for hour in 1..=168 {
        shop.play(time::start_of_week(2_900) + HOUR.times(hour));
        if hour > 30 {
            looks += 1;
            low += shop.stock.iter().filter(|level| **level < 10).count();
            out += shop.stock.iter().filter(|level| **level == 0).count();
        }
    }
    let (low, out) = (low as f64 / f64::from(looks), out as f64 / f64::from(looks));
    let orders = shop.orders.len();
    let value =
        shop.orders.iter().map(crate::demo::shop::Order::cents).sum::<u64>() / orders as u64;
    assert!((4_000..7_000).contains(&orders), "{orders} orders");
    assert!((6_000..25_000).contains(&value), "{value} cents an order");
    assert!((0.5..6.0).contains(&low), "{low} products are low, {out} are sold out");
    assert!(out < low, "{low} products are low, {out} are sold out");
}

#[test]
fn faults_are_rare_and_of_every_kind_and_none_when_calm() {
    let mut seconds = [0_u32; 5];
    for second in 0..200_000_u64 {
        let at = afternoon() + Interval::from_secs(second);
        let kind = match fault::at(7, "sales", at) {
            None => 0,
            Some(Fault::Slow(by)) => {
                assert!(by >= Interval::from_millis(900) && by <= Interval::from_secs(4));
                1
            }
            Some(Fault::Failing) => 2,
            Some(Fault::Degraded) => 3,
            Some(Fault::Away) => 4,
        };
        seconds[kind] += 1;
    }
    assert!(seconds[0] > 190_000, "{seconds:?}");
    assert!(seconds.iter().all(|count| *count > 0), "{seconds:?}");
}
