//! The business at a moment: what its parts remember between two questions.

use ccm_proto::model::Timestamp;

use super::shop::{Movement, Order, Shop};
use super::time;

/// The business of a seed.
#[derive(Clone, Debug)]
pub struct World {
    seed: u64,
    week: i64,
    /// The week before this one, whole.
    before: Shop,
    /// This week so far.
    shop: Shop,
}

impl World {
    /// The business of a seed, as it is now.
    pub fn new(seed: u64, now: Timestamp) -> Self {
        let week = time::week_of(now);
        let mut before = Shop::new(seed, week - 1);
        before.play(now);
        let mut world = Self { seed, week, before, shop: Shop::new(seed, week) };
        world.shop.play(now);
        world
    }

    /// The same business later. A clock that was set back gives the business of then.
    pub fn advance(&mut self, now: Timestamp) {
        let week = time::week_of(now);
        if week != self.week || now < self.shop.played() {
            *self = Self::new(self.seed, now);
        }
        self.shop.play(now);
    }

    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// This week's shop.
    pub fn shop(&self) -> &Shop {
        &self.shop
    }

    /// Orders of this week and the one before from one moment to another, oldest first; the first
    /// moment is part of it.
    pub fn orders(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> impl DoubleEndedIterator<Item = &Order> {
        let within = move |orders: &'_ [Order]| {
            let start = orders.partition_point(|order| order.at < from);
            let end = orders.partition_point(|order| order.at < to).max(start);
            start..end
        };
        let before = &self.before.orders[within(&self.before.orders)];
        before.iter().chain(&self.shop.orders[within(&self.shop.orders)])
    }
    /// What happened to the shelf from one moment to another, oldest first; the first moment is
    /// part of it.
    pub fn movements(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Movement> {
        let all = self.before.movements.iter().chain(&self.shop.movements);
        all.filter(move |movement| movement.at >= from && movement.at < to)
    }
}
