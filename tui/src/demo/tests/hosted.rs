//! The fakes of hosted services answer as those do.

use std::collections::BTreeSet;
use std::sync::Arc;

use ccm_daemon::clock::Clock;
use serde_json::Value;

use super::afternoon;
use super::http::{Answer, get, served};
use crate::demo::World;
use crate::demo::server::Temper;
use crate::demo::server::hosted::{Fake, Hosted, router};
use crate::demo::stripe;
use crate::demo::time::{self, DAY};

async fn fake(service: Hosted) -> (u16, Clock) {
    let clock = Clock::manual(afternoon());
    let temper = Temper { seed: 7, calm: true };
    (served(router(Arc::new(Fake::new(service, temper, clock.clone())))).await, clock)
}

async fn asked(port: u16, service: Hosted, path: &str) -> Answer {
    get(port, path, &format!("Authorization: Bearer {}\r\n", service.key())).await
}

#[tokio::test]
async fn charges_come_in_pages_newest_first_and_each_once() {
    let (port, clock) = fake(Hosted::Stripe).await;
    let today = time::start_of_day(time::day_of(afternoon())).as_millis() / 1_000;
    let mut seen = BTreeSet::new();
    let mut last = i64::MAX;
    let mut after = String::new();
    let mut paid = 0;
    let mut failed = 0;
    for page in 0_i64.. {
        clock.set(afternoon() + ccm_proto::model::Interval::from_millis(page as u64 / 20 * 1_000));
        let path = format!("/v1/charges?limit=100&created[gte]={today}{after}");
        let answer = asked(port, Hosted::Stripe, &path).await.json();
        for charge in answer["data"].as_array().unwrap() {
            let created = charge["created"].as_i64().unwrap();
            assert!(created >= today && created <= last);
            last = created;
            assert!(seen.insert(charge["id"].as_str().unwrap().to_owned()), "{charge}");
            match charge["status"].as_str().unwrap() {
                "succeeded" => paid += charge["amount"].as_u64().unwrap(),
                status => {
                    assert_eq!(status, "failed");
                    assert!(charge["failure_code"].is_string());
                    failed += 1;
                }
            }
            after = format!("&starting_after={}", charge["id"].as_str().unwrap());
        }
        if answer["has_more"] == Value::Bool(false) {
            break;
        }
    }
    let world = World::new(7, clock.now());
    let from = time::start_of_day(time::day_of(afternoon()));
    let orders: u64 = world.orders(from, clock.now()).map(crate::demo::shop::Order::cents).sum();
    assert_eq!(paid, orders, "what was charged is what was ordered");
    assert!(failed > 0 && seen.len() > 100);
}

#[tokio::test]
async fn pages_can_be_turned_back() {
    let (port, _) = fake(Hosted::Stripe).await;
    let first = asked(port, Hosted::Stripe, "/v1/charges?limit=3").await.json();
    let third = first["data"][2]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/charges?limit=2&ending_before={third}");
    let back = asked(port, Hosted::Stripe, &path).await.json();
    assert_eq!(back["data"][0]["id"], first["data"][0]["id"]);
    assert_eq!(back["has_more"], false);
}

#[tokio::test]
async fn charges_need_a_key_and_known_parameters() {
    let (port, _) = fake(Hosted::Stripe).await;
    assert_eq!(get(port, "/v1/charges", "").await.status, 401);
    let wrong = get(port, "/v1/charges", "Authorization: Bearer rk_live_x\r\n").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.json()["error"]["type"], "invalid_request_error");
    // curl -u KEY: is how the service's documentation asks.
    let basic = "Authorization: Basic cmtfdGVzdF9jY21fZGVtbzo=\r\n";
    assert_eq!(get(port, "/v1/charges", basic).await.status, 200);
    for (path, code) in [
        ("/v1/charges?colour=red", Some("parameter_unknown")),
        ("/v1/charges?limit=ten", None),
        ("/v1/charges?starting_after=ch_x", Some("resource_missing")),
    ] {
        let answer = asked(port, Hosted::Stripe, path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["error"]["code"].as_str(), code, "{path}");
    }
    assert_eq!(asked(port, Hosted::Stripe, "/v1/refunds").await.status, 404);
}

#[tokio::test]
async fn too_many_requests_in_a_second_are_refused_until_the_next() {
    let (port, clock) = fake(Hosted::Stripe).await;
    for _ in 0..25 {
        assert_eq!(asked(port, Hosted::Stripe, "/v1/charges?limit=1").await.status, 200);
    }
    let refused = asked(port, Hosted::Stripe, "/v1/charges?limit=1").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    clock.set(afternoon() + ccm_proto::model::Interval::from_secs(1));
    assert_eq!(asked(port, Hosted::Stripe, "/v1/charges?limit=1").await.status, 200);
}

#[tokio::test]
async fn statistics_of_mail_come_by_the_day_with_what_is_left_of_the_quota() {
    let (port, _) = fake(Hosted::Sendgrid).await;
    let path = "/v3/stats?start_date=2026-11-10&aggregated_by=day";
    let answer = asked(port, Hosted::Sendgrid, path).await;
    let days = answer.json();
    let days = days.as_array().unwrap();
    assert_eq!(days.len(), 10);
    assert_eq!(days[9]["date"], "2026-11-19");
    assert!(days[0]["stats"][0]["metrics"]["delivered"].as_u64().unwrap() > 1_000);
    assert_eq!(answer.header("x-ratelimit-limit"), Some("60"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("59"));
    let week = "/v3/stats?start_date=2026-11-13&end_date=2026-11-19&aggregated_by=week";
    let week = asked(port, Hosted::Sendgrid, week).await.json();
    let sum: u64 =
        days[3..].iter().map(|day| day["stats"][0]["metrics"]["delivered"].as_u64().unwrap()).sum();
    assert_eq!(week[0]["stats"][0]["metrics"]["delivered"].as_u64().unwrap(), sum);
    assert_eq!(asked(port, Hosted::Sendgrid, "/v3/stats").await.status, 400);
    assert_eq!(get(port, path, "").await.status, 401);
}

#[test]
fn a_refused_card_comes_before_the_one_that_pays() {
    let world = World::new(7, afternoon());
    let charges = stripe::charges(&world, afternoon());
    let refused = charges.iter().filter(|charge| !charge.is_paid()).count();
    let share = refused as f64 / charges.len() as f64;
    assert!((0.03..0.12).contains(&share), "{share}");
    let pairs = charges.windows(2).filter(|two| !two[0].is_paid());
    assert!(pairs.into_iter().all(|two| two[1].is_paid() && two[1].cents() == two[0].cents()));
    assert!(world.orders(afternoon() - DAY, afternoon()).count() > 100);
}
