//! One module asks another through the daemon, and hears what others tell.

use std::sync::Arc;

use ccm_proto::SafeText;
use ccm_proto::model::Name;
use ccm_proto::model::module::{Ask, Health, ModuleEvent, ModuleSpec};
use serde_json::json;

use super::fake::{Fake, Posted, text};
use super::{at, name};
use crate::clock::Clock;
use crate::collect::module::bridge::{Bridge, Traffic};
use crate::collect::module::directory::Directory;
use crate::collect::module::state::Sign;
use crate::collect::module::way::{Purpose, WayError};

struct Stand {
    way: Arc<Fake>,
    directory: Directory,
    bridge: Bridge,
    clock: Clock,
}

fn stand() -> Stand {
    let way = Fake::new(&[("/stock", r#"{"units": 7}"#)]);
    let directory = Directory::default();
    let clock = Clock::manual(at(100));
    let bridge = Bridge::new((Arc::<Fake>::clone(&way), directory.clone()), clock.clone());
    Stand { way, directory, bridge, clock }
}

impl Stand {
    fn module(&self, module: &str, rights: &str, offer: &str) {
        let module = name(module);
        let comma = if rights.is_empty() { "" } else { "," };
        let spec = format!(r#"{{"endpoint": "unix:/run/{module}"{comma} {rights}}}"#);
        let spec: ModuleSpec = serde_json::from_str(&spec).unwrap();
        self.directory.enter(&module, Arc::new(spec), at(0));
        let manifest = format!(
            r#"{{"contract": 1, "id": "{module}", "version": "1", "title": "M", "bridge": {{{offer}}}}}"#
        );
        self.directory.describe(&module, &Arc::new(serde_json::from_str(&manifest).unwrap()));
        let health: Health = serde_json::from_str(r#"{"status": "running"}"#).unwrap();
        self.directory.take(&module, &Sign::Health(health), None, at(0));
    }

    fn traffic(&self, module: &str) -> Traffic {
        self.directory.known(&name(module)).unwrap().traffic
    }

    /// Sales may ask inventory for its stock.
    fn asking(self) -> Self {
        self.module("sales", r#""may_ask": ["inventory:/stock"]"#, "");
        self.module("inventory", "", r#""answers": ["/stock"]"#);
        self
    }

    /// Inventory tells what is low; crm and hr listen.
    fn telling(self) -> Self {
        self.module("inventory", r#""may_publish": ["stock.*"]"#, r#""publishes": ["stock.low"]"#);
        for listener in ["crm", "hr"] {
            let rights = r#""may_subscribe": ["inventory:stock.low"]"#;
            self.module(listener, rights, r#""subscribes": ["inventory:*"]"#);
        }
        self.way.give("/ccm/v1/deliveries", Ok(text(204, "", "")));
        self
    }
}

fn ask(path: &str, hops: u8) -> Ask {
    Ask { ask: "q1".to_owned(), to: name("inventory"), path: path.to_owned(), hops }
}

fn event(number: u32) -> ModuleEvent {
    serde_json::from_value(json!({
        "type": "stock.reordered", "topic": "stock.low", "at": "1970-01-01T00:00:01Z",
        "message": format!("event {number}"),
    }))
    .unwrap()
}

/// Runs a module's side of the bridge beside something else, which ends it.
async fn beside<T>(stand: &Stand, module: &Name, other: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        () = stand.bridge.serve(module) => panic!("it serves for ever"),
        value = other => value,
    }
}

#[tokio::test]
async fn an_ask_that_is_allowed_is_answered_and_counted() {
    let stand = stand().asking();
    let reply = stand.bridge.ask(&name("sales"), &ask("/stock?sku=7", 0)).await;
    assert_eq!((reply.status, reply.result), (200, Ok(json!({ "units": 7 }))));
    assert_eq!(stand.way.asked(), ["/stock?sku=7"]);
    assert_eq!((stand.traffic("sales").asks, stand.traffic("inventory").answered), (1, 1));
}

#[tokio::test]
async fn what_is_not_allowed_never_leaves_the_daemon() {
    let stand = stand().asking();
    stand.module("hr", "", "");
    let table = [
        ("sales", ask("/secrets", 0), 403, "may_ask"),
        ("hr", ask("/stock", 0), 403, "modules/hr.toml"),
        ("sales", ask("/stock/../secrets", 0), 400, "no path"),
        ("sales", ask("/stock", 4), 508, "circle"),
        ("nobody", ask("/stock", 0), 404, "no module nobody"),
        ("sales", Ask { to: name("crm"), ..ask("/stock", 0) }, 403, "crm:/stock"),
    ];
    for (asker, ask, status, part) in table {
        let reply = stand.bridge.ask(&name(asker), &ask).await;
        assert_eq!(reply.status, status, "{asker} {ask:?}");
        let cause = reply.result.unwrap_err();
        assert!(cause.as_str().contains(part), "{cause}");
    }
    assert_eq!(stand.way.asked(), Vec::<String>::new());
    let traffic = stand.traffic("sales");
    assert_eq!((traffic.asks, traffic.refused), (0, 4));
    assert!(traffic.refusal.unwrap().as_str().contains("crm:/stock"));
}

#[tokio::test]
async fn an_answer_that_is_none_says_why() {
    let stand = stand().asking();
    let problem = r#"{"title": "Busy", "status": 503, "detail": "counting"}"#;
    let table = [
        (Ok(text(503, "application/problem+json", problem)), 503, "Busy, counting"),
        (Ok(text(200, "text/html", "<p>")), 502, "text/html"),
        (Ok(text(200, "application/json", "{")), 502, "no data"),
        (Err(WayError::Failed(SafeText::new("too slow"))), 502, "too slow"),
    ];
    for (answer, status, part) in table {
        stand.way.give("/stock", answer);
        let reply = stand.bridge.ask(&name("sales"), &ask("/stock", 0)).await;
        assert_eq!(reply.status, status);
        assert!(reply.result.unwrap_err().as_str().contains(part), "{part}");
    }
    assert_eq!(stand.traffic("sales").asks_failed, 4);
    let stopped = Sign::NotListening(SafeText::new("refused"));
    stand.directory.take(&name("inventory"), &stopped, None, at(1));
    stand.way.asked();
    let reply = stand.bridge.ask(&name("sales"), &ask("/stock", 0)).await;
    assert_eq!((reply.status, stand.way.asked().len()), (503, 0), "a stopped module is not asked");
}

#[tokio::test]
async fn who_asks_too_often_waits_and_others_do_not() {
    let stand = stand().asking();
    stand.module("hr", r#""may_ask": ["inventory:/stock"]"#, "");
    let mut statuses = Vec::new();
    for _ in 0..21 {
        statuses.push(stand.bridge.ask(&name("sales"), &ask("/stock", 0)).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 20);
    assert_eq!(statuses.last(), Some(&429));
    assert_eq!(stand.bridge.ask(&name("hr"), &ask("/stock", 0)).await.status, 200);
    stand.clock.set(at(101));
    assert_eq!(stand.bridge.ask(&name("sales"), &ask("/stock", 0)).await.status, 200);
}

#[tokio::test]
async fn an_ask_of_a_stream_is_answered_by_a_delivery() {
    let stand = stand().asking();
    let sales = name("sales");
    let posted = beside(&stand, &sales, async {
        stand.bridge.hear(&sales, ask("/stock", 2));
        stand.bridge.hear(&sales, ask("/secrets", 0));
        stand.way.wait_posted(2).await
    })
    .await;
    let Posted { socket, path, source, purpose, body } =
        posted.iter().find(|posted| posted.body["status"] == 200).unwrap();
    assert_eq!((socket.as_str(), path.as_str()), ("unix:/run/sales", "/ccm/v1/replies"));
    assert_eq!((source.as_str(), purpose), ("inventory", &Purpose::Reply));
    let wanted = json!({ "ask": "q1", "to": "inventory", "status": 200, "data": { "units": 7 } });
    assert_eq!(body, &wanted);
    let refused = posted.iter().find(|posted| posted.body["status"] == 403).unwrap();
    assert_eq!(refused.body["problem"]["title"], "Not granted");
}

#[tokio::test]
async fn an_event_reaches_each_listener_once() {
    let stand = stand().telling();
    let (crm, inventory) = (name("crm"), name("inventory"));
    let posted = beside(&stand, &crm, async {
        stand.bridge.publish(&inventory, "41", &event(1));
        stand.bridge.publish(&inventory, "41", &event(1));
        stand.bridge.publish(&inventory, "41", &event(2));
        let low = ModuleEvent { topic: Some("stock.out".to_owned()), ..event(3) };
        stand.bridge.publish(&inventory, "42", &low);
        stand.bridge.publish(&inventory, "43", &ModuleEvent { topic: None, ..event(4) });
        stand.bridge.publish(&inventory, "44", &ModuleEvent { hops: 4, ..event(5) });
        stand.way.wait_posted(2).await
    })
    .await;
    let said: Vec<&str> =
        posted.iter().map(|posted| posted.body["event"]["message"].as_str().unwrap()).collect();
    assert_eq!(said, ["event 1", "event 2"]);
    let first = &posted[0];
    assert_eq!((first.path.as_str(), first.source.as_str()), ("/ccm/v1/deliveries", "inventory"));
    assert_eq!(first.purpose, Purpose::Delivery { hops: 1 });
    assert_eq!(first.body["topic"], "stock.low");
    assert_eq!(first.body["from"], "inventory");
    assert_eq!((&first.body["hops"], &first.body["event"]["hops"]), (&json!(1), &json!(1)));
    let told = stand.traffic("inventory");
    assert_eq!((told.published, told.refused), (2, 2));
    let away = stand.traffic("hr");
    assert_eq!((away.delivered, away.dropped), (0, 2), "nobody takes events for hr");
}

#[tokio::test]
async fn a_slow_listener_loses_its_own_events_and_delays_nobody() {
    let stand = stand().telling();
    let (crm, inventory) = (name("crm"), name("inventory"));
    stand.way.silence("/ccm/v1/deliveries");
    beside(&stand, &crm, async {
        for number in 0..300 {
            stand.clock.set(at(100 + i64::from(number)));
            stand.bridge.publish(&inventory, "", &event(number));
            // The listener's task takes the first and waits for its answer.
            tokio::task::yield_now().await;
        }
    })
    .await;
    let traffic = stand.traffic("crm");
    assert_eq!(stand.traffic("inventory").published, 300);
    // One was under way and 256 waited; all the others were left out at once, and those that had
    // not arrived when the task ended are counted, too.
    assert_eq!((traffic.delivered, traffic.dropped), (0, 300));
}

#[tokio::test]
async fn events_that_come_too_often_are_refused() {
    let stand = stand().telling();
    let inventory = name("inventory");
    for number in 0..130 {
        stand.bridge.publish(&inventory, "", &event(number));
    }
    let told = stand.traffic("inventory");
    assert_eq!((told.published, told.refused), (100, 30));
    assert!(told.refusal.unwrap().as_str().contains("20 times a second"));
}

#[tokio::test]
async fn what_a_module_does_not_take_is_counted() {
    let stand = stand().telling();
    stand.way.give("/ccm/v1/deliveries", Ok(text(500, "", "")));
    let (crm, inventory) = (name("crm"), name("inventory"));
    beside(&stand, &crm, async {
        stand.bridge.publish(&inventory, "1", &event(1));
        stand.way.wait_posted(1).await;
        tokio::task::yield_now().await;
    })
    .await;
    assert_eq!(stand.way.posted(), [], "it is told at most once");
    assert_eq!((stand.traffic("crm").delivered, stand.traffic("crm").dropped), (0, 1));
}

#[tokio::test]
async fn asks_beyond_what_is_held_are_refused() {
    let stand = stand().asking();
    stand.bridge.hear(&name("sales"), ask("/stock", 0));
    let traffic = stand.traffic("sales");
    assert_eq!(traffic.refused, 1, "nobody serves it");
    assert!(traffic.refusal.unwrap().as_str().contains("at once"));
}
