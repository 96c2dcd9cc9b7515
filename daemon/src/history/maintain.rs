//! What is done as time passes: sealing, and dropping what is too old.

use std::sync::Arc;

use ccm_proto::model::{Interval, Timestamp};

use super::stack::Stack;
use super::stripe::Stripe;
use super::{Group, GroupId, History, HistoryOutput, Sealing, Tier};

/// Raw samples are sealed at this age however few they are, so that the head log stays short;
/// and a group of which nothing came for as long is sealed as it is.
const SEAL_AGE: Interval = Interval::from_secs(2 * 3_600);

/// The clock may be put back by as much without more than refused samples.
const FUTURE: Interval = Interval::from_secs(300);

/// How long the store is left alone after it failed.
pub(super) const RETRY: Interval = Interval::from_secs(60);

/// How often it is looked for what is too old.
const RETENTION_EVERY: Interval = Interval::from_secs(10);

/// Stripes that are closed early in one call: each takes a few hundred microseconds.
const CLOSES: usize = 16;

/// Memory for pieces: a base, and a share for each series. Beyond it, chunks are sealed shorter
/// than they should be.
const PIECES_BASE: usize = 8 << 20;
const PIECES_SERIES: usize = 96;

/// When the disk takes nothing, pieces may grow to this many times that memory before the oldest
/// are given up.
const PIECES_HARD: usize = 8;

/// Rows that make sealing worth it when memory is short.
const ROWS_SHORT: [u64; 3] = [64, 32, 32];

impl History {
    /// Seals and drops what is due; to be called about once a second. The work of one call is
    /// bounded by a few milliseconds.
    pub fn maintain(&mut self, now: Timestamp, out: &mut Vec<HistoryOutput>) {
        self.leave_the_future(now);
        let due = (now - SEAL_AGE).as_millis();
        let pressure = self.pressure();
        let mut closes = CLOSES;
        for (id, group) in &mut self.groups {
            for (index, stripe) in group.stripes.iter_mut().enumerate() {
                close_old(&mut group.idle, stripe, due, &mut closes);
                for tier in Tier::ALL {
                    let least = if group.idle || is_old(stripe.stack(tier), tier, due) {
                        1
                    } else if pressure >= 1 {
                        ROWS_SHORT[tier.index()]
                    } else {
                        tier.chunk_rows()
                    };
                    let stack = stripe.stack_mut(tier);
                    if pressure >= PIECES_HARD {
                        self.lost += stack.give_up();
                    }
                    if stack.waiting_rows() >= least {
                        out.extend(seal(stack, tier, *id, index, now));
                    }
                }
            }
        }
        if now >= self.next_retention || now + RETENTION_EVERY < self.next_retention {
            self.next_retention = now + RETENTION_EVERY;
            self.drop_old(now, out);
        }
    }

    /// How many times the memory meant for pieces is used.
    fn pressure(&self) -> usize {
        let stripes = self.groups.values().flat_map(|group| &group.stripes);
        let used: usize = stripes.flat_map(|stripe| &stripe.stacks).map(Stack::piece_bytes).sum();
        used / (PIECES_BASE + PIECES_SERIES * self.dictionary.len())
    }

    /// A source whose samples lie in the future, since the clock has been put back, begins anew;
    /// otherwise it would be refused until then.
    fn leave_the_future(&mut self, now: Timestamp) {
        let most = (now + FUTURE).as_millis();
        let groups = &mut self.groups;
        self.newest.retain(|source, newest| {
            if *newest <= most {
                return true;
            }
            for group in groups.values_mut().filter(|group| group.source == *source) {
                group.stripes.iter_mut().for_each(Stripe::close_all);
                group.idle = true;
            }
            false
        });
    }

    /// Drops the oldest segments that are too old or too many.
    fn drop_old(&mut self, now: Timestamp, out: &mut Vec<HistoryOutput>) {
        for tier in Tier::ALL {
            while let Some(segment) = self.surplus(tier, now) {
                if !self.rolled_up(tier, segment, now, out) {
                    break;
                }
                self.segments[tier.index()].remove(&segment);
                let stripes = self.groups.values_mut().flat_map(|group| &mut group.stripes);
                for stripe in stripes {
                    let chunks = &mut stripe.stack_mut(tier).chunks;
                    chunks.retain(|chunk| chunk.position.segment > segment);
                    chunks.shrink_to_fit();
                }
                out.push(HistoryOutput::Drop { tier, before: segment + 1 });
            }
        }
        self.forget_empty(out);
    }

    /// The oldest segment, when it is to be dropped. The newest always stays.
    fn surplus(&self, tier: Tier, now: Timestamp) -> Option<u64> {
        let bytes = |tier: Tier| -> u64 {
            self.segments[tier.index()].values().map(|segment| segment.bytes).sum()
        };
        let segments = &self.segments[tier.index()];
        let (number, oldest) = segments.first_key_value().filter(|_| segments.len() > 1)?;
        let too_old = oldest.newest < (now - self.retention.age[tier.index()]).as_millis();
        let own = bytes(tier);
        let too_many = own > self.retention.bytes[tier.index()];
        let total: u64 = Tier::ALL.into_iter().map(bytes).sum();
        let largest = Tier::ALL.into_iter().all(|other| bytes(other) <= own);
        let too_full = total > self.retention.total_bytes && largest;
        (too_old || too_many || too_full).then_some(*number)
    }

    /// Whether the next coarser tier has on disk what a segment holds; otherwise sees to it.
    fn rolled_up(
        &mut self,
        tier: Tier,
        segment: u64,
        now: Timestamp,
        out: &mut Vec<HistoryOutput>,
    ) -> bool {
        let Some(coarser) = tier.coarser() else {
            return true;
        };
        let mut all = true;
        for (id, group) in &mut self.groups {
            for (index, stripe) in group.stripes.iter_mut().enumerate() {
                let chunks = stripe.stack(tier).chunks.iter();
                let mine = chunks.filter(|chunk| chunk.position.segment <= segment);
                let Some(needed) = mine.map(|chunk| chunk.end_seq).max() else {
                    continue;
                };
                let stack = stripe.stack_mut(coarser);
                if stack.sealed_through() >= needed {
                    continue;
                }
                all = false;
                if stack.through >= needed {
                    stack.close();
                    out.extend(seal(stack, coarser, *id, index, now));
                }
            }
        }
        all
    }

    fn forget_empty(&mut self, out: &mut Vec<HistoryOutput>) {
        let empty = |stripe: &Stripe| {
            let open = stripe.open.iter().all(Option::is_none);
            open && stripe.stacks.iter().all(|stack| stack.is_sealed() && stack.chunks.is_empty())
        };
        let gone = |group: &Group| group.idle && group.stripes.iter().all(empty);
        let gone: Vec<GroupId> =
            self.groups.iter().filter(|(_, group)| gone(group)).map(|(id, _)| *id).collect();
        if gone.is_empty() {
            return;
        }
        self.groups.retain(|id, _| !gone.contains(id));
        self.dictionary.remove(&gone);
        out.extend(gone.into_iter().map(HistoryOutput::Forget));
    }
}

/// Whether rows of a stack have waited for so long that even few are sealed.
fn is_old(stack: &Stack, tier: Tier, due: i64) -> bool {
    tier == Tier::Raw && stack.oldest().is_some_and(|oldest| oldest < due)
}

/// Closes open samples that have waited for long, and everything of a stripe that fell idle.
fn close_old(idle: &mut bool, stripe: &mut Stripe, due: i64, closes: &mut usize) {
    if *closes == 0 {
        return;
    }
    let raw = stripe.stack(Tier::Raw);
    let still = raw.newest().is_none_or(|newest| newest < due);
    if still {
        *idle = true;
        if stripe.open.iter().any(Option::is_some) || raw.has_open() {
            stripe.close_all();
            *closes -= 1;
        }
    } else if is_old(raw, Tier::Raw, due) && raw.has_open() && raw.waiting_rows() == 0 {
        stripe.close_raw();
        *closes -= 1;
    }
}

/// Asks the store to make a chunk of the oldest pieces, unless it is at it already.
fn seal(
    stack: &mut Stack,
    tier: Tier,
    group: GroupId,
    stripe: usize,
    now: Timestamp,
) -> Option<HistoryOutput> {
    let paused = stack.retry_at.is_some_and(|at| now < at && at <= now + RETRY);
    if stack.sealing > 0 || paused {
        return None;
    }
    stack.retry_at = None;
    let mut rows = 0;
    let enough = |piece: &&Arc<super::stack::Piece>| {
        let more = rows < tier.chunk_rows();
        rows += piece.rows;
        more
    };
    let pieces: Vec<_> = stack.pieces.iter().take_while(enough).map(Arc::clone).collect();
    stack.sealing = pieces.len();
    let sealing = Sealing { tier, group, stripe: stripe as u32, pieces };
    (stack.sealing > 0).then(|| HistoryOutput::Seal(Arc::new(sealing)))
}
