//! The ledger on a log.

use super::{Ledger, LedgerError};
use crate::storage::log::{Log, LogError};

impl Ledger for Log {
    fn records(&self) -> Box<dyn Iterator<Item = Result<Vec<u8>, LedgerError>> + '_> {
        Box::new(self.scan(None).map(|record| Ok(record?.1)))
    }

    fn append(&mut self, record: &[u8]) -> Result<(), LedgerError> {
        Self::append(self, record)?;
        Ok(self.sync()?)
    }
}

impl From<LogError> for LedgerError {
    fn from(error: LogError) -> Self {
        Self(error.to_string())
    }
}
