//! Invoices that are sent and bills that come: when each was written, is due and is paid.

use ccm_proto::model::{Interval, Timestamp};

use super::catalogue::{COMPANIES, SUPPLIERS};
use super::noise::Noise;
use super::time::{self, DAY, HOUR};

/// After this many days what is not paid is written off.
pub const DAYS_KEPT: i64 = 120;

/// How long after it is written an invoice is due.
const DUE: Interval = DAY.times(30);

/// Which way the money goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From customers.
    In,
    /// To suppliers.
    Out,
}

/// A demand for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// When it was written.
    pub at: Timestamp,
    /// When it is to be paid.
    pub due: Timestamp,
    /// When it is paid; none when it never is.
    pub paid: Option<Timestamp>,
    /// How much, in cents.
    pub cents: u64,
    /// Who owes it, or whom it is owed to.
    pub party: &'static str,
}

impl Invoice {
    /// Whether it is written and not yet paid.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.at <= now && self.paid.is_none_or(|paid| paid > now)
    }
}

/// Every invoice of the last [`DAYS_KEPT`] days, oldest first.
pub fn all(seed: u64, way: Way, now: Timestamp) -> Vec<Invoice> {
    let noise = Noise::new(seed).of(if way == Way::In { "invoices" } else { "bills" });
    let today = time::day_of(now);
    let mut invoices = Vec::new();
    for day in (today - DAYS_KEPT..=today).filter(|day| time::is_workday(*day)) {
        let noise = noise.at(day);
        let mean = if way == Way::In { 26.0 } else { 9.0 };
        for index in 0..noise.of("count").count(mean) {
            let invoice = one(noise.at(index.into()), way, day);
            if invoice.at <= now {
                invoices.push(invoice);
            }
        }
    }
    invoices.sort_by_key(|invoice| invoice.at);
    invoices
}

fn one(noise: Noise, way: Way, day: i64) -> Invoice {
    let minutes = |hours: f64| Interval::from_secs((hours * 60.0) as u64 * 60);
    let at = time::start_of_day(day) + minutes(noise.of("written").between(8.0, 17.0));
    // Most pay around the due day, some at once, a few late, a very few never.
    let late = noise.of("delay");
    let days = match way {
        Way::In if late.chance(0.25) => late.of("early").between(2.0, 12.0),
        Way::In if late.chance(0.90) => late.of("due").between(22.0, 36.0),
        Way::In => late.of("late").between(37.0, 75.0),
        Way::Out => late.of("due").between(24.0, 30.0),
    };
    let never = way == Way::In && noise.of("never").chance(0.015);
    let paid = time::start_of_day(day + days as i64) + minutes(noise.of("hour").between(8.0, 18.0));
    let (cents, party) = match way {
        Way::In => {
            let cents = noise.of("amount").between(4.4, 7.9).exp() * 100.0;
            (cents, COMPANIES[noise.of("who").below(COMPANIES.len())])
        }
        Way::Out => {
            let cents = noise.of("amount").between(5.2, 8.3).exp() * 100.0;
            (cents, SUPPLIERS[noise.of("who").below(SUPPLIERS.len())])
        }
    };
    Invoice {
        at,
        due: (at + DUE).floor(HOUR),
        paid: (!never).then_some(paid.max(at + HOUR)),
        cents: cents as u64,
        party,
    }
}
