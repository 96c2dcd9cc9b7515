//! A queue that is fair: people before schedules, and owners in turn. Pure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// The most that wait for one API. Whoever comes later is told so at once.
pub const WAITING_MAX: usize = 4_096;

/// After so many of people's calls in a row one of the schedule goes, so that it never starves.
pub const IN_A_ROW_MAX: u32 = 8;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Somebody waits for it.
    Interactive,
    /// Its time has come.
    Scheduled,
}

/// Those who wait.
#[derive(Debug)]
pub struct FairQueue<T> {
    interactive: Owners<T>,
    scheduled: Owners<T>,
    in_a_row: u32,
    len: usize,
}

type Owners<T> = VecDeque<(Arc<str>, VecDeque<Waiting<T>>)>;

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    deadline: Duration,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { interactive: VecDeque::new(), scheduled: VecDeque::new(), in_a_row: 0, len: 0 }
    }
}

impl<T> FairQueue<T> {
    /// Lets an item wait until `deadline`. It comes back when there are too many.
    pub fn push(
        &mut self,
        item: T,
        priority: Priority,
        owner: &Arc<str>,
        deadline: Duration,
    ) -> Result<(), T> {
        if self.len >= WAITING_MAX {
            return Err(item);
        }
        let owners = match priority {
            Priority::Interactive => &mut self.interactive,
            Priority::Scheduled => &mut self.scheduled,
        };
        let waiting = Waiting { item, deadline };
        match owners.iter_mut().find(|(other, _)| other == owner) {
            Some((_, line)) => line.push_back(waiting),
            None => owners.push_back((Arc::clone(owner), VecDeque::from([waiting]))),
        }
        self.len += 1;
        Ok(())
    }

    /// The next whose deadline has not passed and who is still there. The others are dropped.
    pub fn pop(&mut self, now: Duration, is_there: impl Fn(&T) -> bool) -> Option<T> {
        let is_alive = |waiting: &Waiting<T>| waiting.deadline > now && is_there(&waiting.item);
        let schedule_first = self.in_a_row >= IN_A_ROW_MAX;
        for turn in 0..2 {
            let scheduled = (turn == 0) == schedule_first;
            let owners = if scheduled { &mut self.scheduled } else { &mut self.interactive };
            if let Some(item) = next(owners, &mut self.len, &is_alive) {
                self.in_a_row = if scheduled { 0 } else { self.in_a_row.saturating_add(1) };
                return Some(item);
            }
        }
        None
    }

    /// Drops those whose deadline has passed or who are gone.
    pub fn prune(&mut self, now: Duration, is_there: impl Fn(&T) -> bool) {
        for owners in [&mut self.interactive, &mut self.scheduled] {
            owners.retain_mut(|(_, line)| {
                line.retain(|waiting| waiting.deadline > now && is_there(&waiting.item));
                !line.is_empty()
            });
        }
        let lines = self.interactive.iter().chain(&self.scheduled);
        self.len = lines.map(|(_, line)| line.len()).sum();
    }

    /// How many wait, with those that have given up and were not noticed yet.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

fn next<T>(
    owners: &mut Owners<T>,
    len: &mut usize,
    is_alive: &impl Fn(&Waiting<T>) -> bool,
) -> Option<T> {
    while let Some((owner, mut line)) = owners.pop_front() {
        let mut found = None;
        while let Some(waiting) = line.pop_front() {
            *len -= 1;
            if is_alive(&waiting) {
                found = Some(waiting.item);
                break;
            }
        }
        if !line.is_empty() {
            owners.push_back((owner, line));
        }
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests;
