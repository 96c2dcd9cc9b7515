//! One week of the shop: what is bought from the shelf, and what is delivered to it.
//!
//! A week begins with a full shelf, counted on Monday at midnight, and is played slot by slot: the
//! same seed and week give the same orders however often, and in whatever steps, it is played.

use ccm_proto::model::{Interval, Timestamp};

use super::catalogue::{CUSTOMERS, PRODUCTS};
use super::noise::Noise;
use super::time;

/// What happens in this time is decided at once; news are this late at most.
pub const SLOT: Interval = Interval::from_secs(10);

/// Orders on an ordinary day.
const ORDERS_PER_DAY: f64 = 800.0;

/// The most orders of a week, far above what the curves can give; numbers of orders rely on it.
const ORDERS_PER_WEEK_MAX: i64 = 100_000;

/// How often a supplier is late.
const LATE: f64 = 0.3;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number; later orders have larger ones.
    pub number: i64,
    /// When it was placed.
    pub at: Timestamp,
    /// Index of the customer.
    pub customer: usize,
    /// What was bought.
    pub lines: Vec<Line>,
}

/// A line of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Index of the product.
    pub product: usize,
    /// How many.
    pub quantity: u32,
}

impl Line {
    /// Price in cents.
    pub fn cents(self) -> u64 {
        PRODUCTS[self.product].cents * u64::from(self.quantity)
    }
}

impl Order {
    /// Price in cents.
    pub fn cents(&self) -> u64 {
        self.lines.iter().map(|line| line.cents()).sum()
    }

    /// How many things were bought.
    pub fn units(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Who bought.
    pub fn customer_name(&self) -> &'static str {
        CUSTOMERS[self.customer]
    }

    /// What has become of it by now.
    pub fn status(&self, now: Timestamp) -> &'static str {
        match now.since(self.at).as_secs_f64() / 3_600.0 {
            hours if hours < 0.25 => "paid",
            hours if hours < 3.0 => "packed",
            hours if hours < 30.0 => "shipped",
            _ => "delivered",
        }
    }
}

/// What is on its way to the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How many.
    pub quantity: u32,
    /// When it arrives.
    pub due: Timestamp,
}

/// What happened to the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// When.
    pub at: Timestamp,
    /// Index of the product.
    pub product: usize,
    /// What.
    pub what: Shift,
}

/// What can happen to the shelf, apart from sales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// More was ordered.
    Reordered(u32),
    /// More has come.
    Delivered(u32),
    /// The last one was sold.
    SoldOut,
}

/// A week as far as it has been played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    noise: Noise,
    week: i64,
    /// Everything before this moment has happened.
    played: Timestamp,
    /// Orders, oldest first.
    pub orders: Vec<Order>,
    /// Movements, oldest first.
    pub movements: Vec<Movement>,
    /// How many of each product are on the shelf.
    pub stock: [u32; PRODUCTS.len()],
    /// What is on its way.
    pub deliveries: [Option<Delivery>; PRODUCTS.len()],
    /// Things that were wanted and not there.
    pub missed: u64,
}

impl Shop {
    /// A week that has not begun.
    pub fn new(seed: u64, week: i64) -> Self {
        Self {
            noise: Noise::new(seed).of("shop"),
            week,
            played: time::start_of_week(week),
            orders: Vec::new(),
            movements: Vec::new(),
            stock: PRODUCTS.map(|product| product.capacity),
            deliveries: [None; PRODUCTS.len()],
            missed: 0,
        }
    }

    /// Everything before this moment has happened.
    pub fn played(&self) -> Timestamp {
        self.played
    }

    /// Plays on to a moment, at most to the week's end.
    pub fn play(&mut self, to: Timestamp) {
        let end = to.min(time::start_of_week(self.week + 1));
        while self.played + SLOT <= end {
            self.slot(self.played);
            self.played = self.played + SLOT;
        }
    }

    fn slot(&mut self, start: Timestamp) {
        for product in 0..PRODUCTS.len() {
            if let Some(delivery) = self.deliveries[product].filter(|d| d.due <= start) {
                self.deliveries[product] = None;
                self.stock[product] += delivery.quantity;
                let what = Shift::Delivered(delivery.quantity);
                self.movements.push(Movement { at: start, product, what });
            }
        }
        let noise = self.noise.at(start.as_millis());
        let mean = ORDERS_PER_DAY * SLOT.as_secs_f64() / time::DAY.as_secs_f64();
        let swing = self.noise.of("day").at(time::day_of(start)).between(0.86, 1.14);
        let count = noise.of("orders").count(mean * time::busyness(start) * swing);
        for index in 0..count {
            // Side by side within the slot, so that orders come one after the other.
            let share = f64::from(index) + noise.of("when").at(index.into()).unit();
            let offset = share / f64::from(count) * SLOT.as_millis() as f64;
            let at = start + Interval::from_millis(offset as u64);
            self.order(at, noise.at(index.into()));
        }
    }

    fn order(&mut self, at: Timestamp, noise: Noise) {
        let weights = PRODUCTS.iter().map(|product| product.weight);
        let wanted = 1 + noise.of("lines").below(3);
        let mut lines: Vec<Line> = Vec::new();
        for index in 0..wanted as i64 {
            let noise = noise.at(index);
            let product = noise.of("product").pick(weights.clone());
            if lines.iter().any(|line| line.product == product) {
                continue;
            }
            let most = if PRODUCTS[product].cents > 5_000 { 1 } else { 3 };
            let wanted = 1 + noise.of("quantity").below(most) as u32;
            let quantity = wanted.min(self.stock[product]);
            self.missed += u64::from(wanted - quantity);
            if quantity > 0 {
                lines.push(Line { product, quantity });
                self.take(at, product, quantity, noise);
            }
        }
        if !lines.is_empty() {
            let number = self.week * ORDERS_PER_WEEK_MAX + self.orders.len() as i64 + 1;
            let customer = noise.of("customer").below(CUSTOMERS.len());
            self.orders.push(Order { number, at, customer, lines });
        }
    }

    /// Takes from the shelf what is there, and orders more when little is left.
    fn take(&mut self, at: Timestamp, product: usize, quantity: u32, noise: Noise) {
        let item = &PRODUCTS[product];
        self.stock[product] = self.stock[product].saturating_sub(quantity);
        let left = self.stock[product];
        if left == 0 {
            self.movements.push(Movement { at, product, what: Shift::SoldOut });
        }
        if left <= item.reorder_point && self.deliveries[product].is_none() {
            let late = if noise.of("late").chance(LATE) { 1.9 } else { 1.0 };
            let lead = f64::from(item.lead_minutes) * noise.of("lead").between(0.8, 1.2) * late;
            let due = at + Interval::from_secs((lead * 60.0) as u64);
            let quantity = item.capacity - left;
            self.deliveries[product] = Some(Delivery { quantity, due });
            self.movements.push(Movement { at, product, what: Shift::Reordered(quantity) });
        }
    }
}
