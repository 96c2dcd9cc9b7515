//! The series of a target as it writes them, so that the next scrape needs only compare bytes.

/// A series of a [`Table`].
pub(super) type Entry = u32;

/// Texts of series in one piece of memory, and the order in which they came last time.
#[derive(Debug, Default)]
pub(super) struct Table {
    text: String,
    /// Where each entry's text ends.
    ends: Vec<u32>,
    /// Entries by their text; those added later are not in it.
    sorted: Vec<Entry>,
    /// Entries in the order of the newest scrape.
    order: Vec<Entry>,
    /// The place of each entry in that order; [`Table::NOWHERE`] for those that were not there.
    places: Vec<u32>,
}

impl Table {
    const NOWHERE: u32 = u32::MAX;

    /// A table of these series, each once, in the order in which they came.
    pub(super) fn new<'a>(series: impl Iterator<Item = &'a str>) -> Self {
        let mut table = Self::default();
        for series in series {
            table.push(series);
        }
        table.text.shrink_to_fit();
        table.ends.shrink_to_fit();
        let mut sorted: Vec<Entry> = (0..table.len() as Entry).collect();
        sorted.sort_unstable_by(|a, b| table.series(*a).cmp(table.series(*b)));
        table.sorted = sorted;
        let order = (0..table.len() as Entry).collect();
        table.set_order(order);
        table
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of an entry; empty when there is no such entry.
    pub(super) fn series(&self, entry: Entry) -> &str {
        let index = entry as usize;
        let end = self.ends.get(index).copied().unwrap_or_default();
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.text.get(start.unwrap_or_default() as usize..end as usize).unwrap_or_default()
    }

    /// The entry that came at a place last time.
    pub(super) fn at(&self, place: usize) -> Option<Entry> {
        self.order.get(place).copied()
    }

    /// The entries up to a place.
    pub(super) fn order_before(&self, place: usize) -> &[Entry] {
        self.order.get(..place).unwrap_or(&self.order)
    }

    /// The place after the one where an entry came last time.
    pub(super) fn place_after(&self, entry: Entry) -> Option<usize> {
        let place = self.places.get(entry as usize).filter(|place| **place != Self::NOWHERE)?;
        Some(*place as usize + 1)
    }

    /// The entry of a series; those added since the table was made are not found.
    pub(super) fn find(&self, series: &str) -> Option<Entry> {
        let found = self.sorted.binary_search_by(|entry| self.series(*entry).cmp(series));
        found.ok().and_then(|index| self.sorted.get(index).copied())
    }

    /// Adds a series for as long as the table lasts. Answers are far shorter than 4 GiB.
    pub(super) fn push(&mut self, series: &str) -> Entry {
        self.text.push_str(series);
        self.ends.push(self.text.len() as u32);
        self.ends.len() as Entry - 1
    }

    /// Takes the entries from `count` on away again.
    pub(super) fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.text.truncate(self.ends.last().copied().unwrap_or_default() as usize);
    }

    /// Sets the order in which entries are looked for; an entry may come twice.
    pub(super) fn set_order(&mut self, order: Vec<Entry>) {
        self.places.clear();
        self.places.resize(self.ends.len(), Self::NOWHERE);
        for (place, entry) in order.iter().enumerate() {
            if let Some(slot) = self.places.get_mut(*entry as usize) {
                *slot = place as u32;
            }
        }
        self.order = order;
    }
}
