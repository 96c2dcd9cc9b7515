//! Which series there are, and which sets of them arrive together.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ccm_proto::model::SeriesKey;

use super::GroupId;

/// A series for as long as the dictionary is not rebuilt.
pub(crate) type SeriesId = u32;

/// Interns series and finds groups. Keys are kept once, in the allocation that the source
/// itself holds; everything here refers to them.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// Groups by the allocation of their keys.
    pointers: HashMap<(usize, usize), GroupId>,
    /// Groups by the hash of their keys.
    contents: HashMap<u64, Vec<GroupId>>,
    members: HashMap<GroupId, Members>,
    /// Series by the hash of their key, probed upwards.
    ids: HashMap<u64, SeriesId>,
    /// Where a series' key is found.
    homes: Vec<(GroupId, u32)>,
}

#[derive(Debug)]
struct Members {
    keys: Arc<[SeriesKey]>,
    series: Box<[SeriesId]>,
}

fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn address(keys: &Arc<[SeriesKey]>) -> (usize, usize) {
    (Arc::as_ptr(keys).cast::<()>().addr(), keys.len())
}

impl Dictionary {
    /// The group of these very keys, without looking at them.
    pub(crate) fn resolve(&self, keys: &Arc<[SeriesKey]>) -> Option<GroupId> {
        self.pointers.get(&address(keys)).copied()
    }

    /// The group of equal keys; from now on this allocation stands for it.
    pub(crate) fn adopt(&mut self, keys: &Arc<[SeriesKey]>) -> Option<GroupId> {
        let alike = self.contents.get(&hash_of(&**keys))?;
        let group = *alike.iter().find(|id| self.keys(**id) == Some(keys))?;
        let members = self.members.get_mut(&group)?;
        self.pointers.remove(&address(&members.keys));
        members.keys = Arc::clone(keys);
        self.pointers.insert(address(keys), group);
        Some(group)
    }

    /// Takes a new group in.
    pub(crate) fn insert(&mut self, group: GroupId, keys: &Arc<[SeriesKey]>) {
        self.contents.entry(hash_of(&**keys)).or_default().push(group);
        self.pointers.insert(address(keys), group);
        // Keys are looked up while they are interned, so the group is entered first.
        self.members.insert(group, Members { keys: Arc::clone(keys), series: Box::default() });
        let intern = |(column, key)| self.intern(group, column, key);
        let series = (0..).zip(keys.iter()).map(intern).collect();
        if let Some(members) = self.members.get_mut(&group) {
            members.series = series;
        }
    }

    fn intern(&mut self, group: GroupId, column: u32, key: &SeriesKey) -> SeriesId {
        let mut slot = hash_of(key);
        while let Some(id) = self.ids.get(&slot).copied() {
            if self.key(id) == Some(key) {
                return id;
            }
            slot = slot.wrapping_add(1);
        }
        let id = self.homes.len() as SeriesId;
        self.ids.insert(slot, id);
        self.homes.push((group, column));
        id
    }

    /// Forgets groups. Series get new numbers.
    pub(crate) fn remove(&mut self, groups: &[GroupId]) {
        let old = std::mem::take(self);
        let mut left: Vec<_> =
            old.members.into_iter().filter(|(id, _)| !groups.contains(id)).collect();
        left.sort_by_key(|(id, _)| *id);
        for (id, members) in left {
            self.insert(id, &members.keys);
        }
    }

    /// The number of a series.
    pub(crate) fn id(&self, key: &SeriesKey) -> Option<SeriesId> {
        let mut slot = hash_of(key);
        while let Some(id) = self.ids.get(&slot).copied() {
            if self.key(id) == Some(key) {
                return Some(id);
            }
            slot = slot.wrapping_add(1);
        }
        None
    }

    fn key(&self, id: SeriesId) -> Option<&SeriesKey> {
        let (group, column) = *self.homes.get(id as usize)?;
        self.members.get(&group)?.keys.get(column as usize)
    }

    /// All series, each once.
    pub(crate) fn series(&self) -> impl Iterator<Item = &SeriesKey> {
        (0..self.homes.len()).filter_map(|id| self.key(id as SeriesId))
    }

    pub(crate) fn len(&self) -> usize {
        self.homes.len()
    }

    /// The keys of a group.
    pub(crate) fn keys(&self, group: GroupId) -> Option<&Arc<[SeriesKey]>> {
        self.members.get(&group).map(|members| &members.keys)
    }

    /// Where in a group the wanted series are: column in the group, and what was wanted.
    pub(crate) fn columns(
        &self,
        group: GroupId,
        wanted: &HashMap<SeriesId, usize>,
    ) -> Vec<(usize, usize)> {
        let Some(members) = self.members.get(&group) else {
            return Vec::new();
        };
        if let (Some((id, wish)), 1) = (wanted.iter().next(), wanted.len()) {
            let column = members.series.iter().position(|series| series == id);
            return column.map(|column| (column, *wish)).into_iter().collect();
        }
        let found = |(column, id)| wanted.get(id).map(|wish| (column, *wish));
        members.series.iter().enumerate().filter_map(found).collect()
    }

    /// Bytes that this holds; `keys` are the source's own and counted by themselves.
    pub(crate) fn heap_bytes(&self) -> (usize, usize) {
        // A hash table is at most 7/8 full and has a control byte an entry.
        let table = |capacity: usize, entry: usize| capacity * 8 / 7 * (entry + 1);
        let members = self.members.values();
        let own = table(self.ids.capacity(), size_of::<(u64, SeriesId)>())
            + table(self.pointers.capacity(), size_of::<((usize, usize), GroupId)>())
            + table(self.contents.capacity(), size_of::<(u64, Vec<GroupId>)>())
            + table(self.members.capacity(), size_of::<(GroupId, Members)>())
            + self.homes.capacity() * size_of::<(GroupId, u32)>()
            + members.clone().map(|m| m.series.len() * size_of::<SeriesId>()).sum::<usize>();
        let text = |(name, value): (&str, &str)| 32 + name.len() + value.len();
        let key =
            |key: &SeriesKey| size_of::<SeriesKey>() + key.labels.iter().map(text).sum::<usize>();
        (own, members.flat_map(|members| members.keys.iter()).map(key).sum())
    }
}
