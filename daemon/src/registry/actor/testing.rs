//! A ledger for tests that need a registry and no disk.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Ledger, LedgerError};

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
