//! Stores for tests that need a registry and no disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Ledger, LedgerError};
use crate::registry::index::{Ordered, OrderedError};

/// A ledger and an index that live in memory.
pub(crate) fn stores() -> (Box<dyn Ledger>, Box<dyn Ordered>) {
    (Box::new(Paper::default()), Box::new(Shelf::default()))
}

/// A ledger whose records outlast it, and which can be told to refuse.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<(Vec<Vec<u8>>, bool)>>);

impl Paper {
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Vec<Vec<u8>>, &mut bool) -> T) -> T {
        let mut paper = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (records, full) = &mut *paper;
        change(records, full)
    }
}

impl Ledger for Paper {
    fn records(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, LedgerError>> + '_> {
        Box::new(self.edit(|records, _| records.clone()).into_iter().map(Ok))
    }

    fn append(&mut self, record: &[u8]) -> Result<(), LedgerError> {
        self.edit(|records, full| {
            if *full {
                return Err(LedgerError("no space left".to_owned()));
            }
            records.push(record.to_vec());
            Ok(())
        })
    }
}

#[derive(Clone, Default)]
pub(crate) struct Shelf(pub(crate) Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl Ordered for Shelf {
    fn put(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), OrderedError> {
        self.0.lock().unwrap().put(entries)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, OrderedError> {
        Ordered::get(&*self.0.lock().unwrap(), key)
    }

    fn latest(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, OrderedError> {
        self.0.lock().unwrap().latest(from, to, limit)
    }

    fn clear(&mut self) -> Result<(), OrderedError> {
        Ordered::clear(&mut *self.0.lock().unwrap())
    }
}
