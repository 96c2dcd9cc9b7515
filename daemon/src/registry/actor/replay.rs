//! Reading the whole ledger at the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use ccm_proto::model::{DocumentId, Scope};

use super::{Ledger, LedgerError};
use crate::registry::Layer;
use crate::registry::index::{LayerIndex, LayerIndexError};
use crate::registry::record::{Chain, Record, decode};
use crate::storage::index::Index;

/// What the ledger says.
pub(super) struct Replayed {
    /// The newest revision of each layer.
    pub(super) newest: BTreeMap<(DocumentId, Scope), Arc<Layer>>,
    /// The last change.
    pub(super) generation: u64,
    /// The chain's hash after it.
    pub(super) chain: Chain,
    /// The index, up to date unless there is a problem with it.
    pub(super) index: LayerIndex,
    /// Why what follows the last change cannot be trusted.
    pub(super) damage: Option<String>,
    /// Why the index is not up to date.
    pub(super) index_problem: Option<String>,
}

/// Goes through a ledger's records and checks their chain; ends after the first error.
struct Walk<'a> {
    records: Box<dyn Iterator<Item = Result<Vec<u8>, LedgerError>> + 'a>,
    generation: u64,
    chain: Chain,
}

impl<'a> Walk<'a> {
    fn new(ledger: &'a dyn Ledger) -> Self {
        Self { records: ledger.records(), generation: 0, chain: Chain::default() }
    }

    fn step(&mut self) -> Result<Option<Record>, String> {
        let Some(bytes) = self.records.next() else { return Ok(None) };
        let bytes = bytes.map_err(|error| error.to_string())?;
        let (record, chain) =
            decode(&bytes, self.chain, self.generation).map_err(|error| error.to_string())?;
        self.generation = record.generation;
        self.chain = chain;
        Ok(Some(record))
    }
}

/// Reads the whole ledger, checks its chain, and brings the index up to date.
pub(super) fn replay(ledger: &dyn Ledger, index: Index) -> Replayed {
    let mut newest = BTreeMap::new();
    let mut walk = Walk::new(ledger);
    let damage = loop {
        match walk.step() {
            Ok(Some(record)) => {
                for layer in record.layers {
                    newest.insert((layer.id.clone(), layer.scope.clone()), layer);
                }
            }
            Ok(None) => break None,
            Err(cause) => break Some(cause),
        }
    };
    let Walk { generation, chain, .. } = walk;
    let mut index = LayerIndex::new(index);
    let current = index.head().is_some_and(|found| found == head(generation, chain));
    let rebuilt = if current { Ok(()) } else { rebuild(&mut index, ledger) };
    let index_problem = rebuilt.err().map(|error| error.to_string());
    Replayed { newest, generation, chain, index, damage, index_problem }
}

/// What a look at a ledger tells.
#[derive(Debug)]
pub struct Examined {
    /// Changes whose chain is whole, from the first one on.
    pub changes: u64,
    /// Why what follows them cannot be trusted.
    pub damage: Option<String>,
    /// Why the index does not go with the ledger, after trying to mend that.
    pub index_problem: Option<String>,
}

/// Goes through a ledger as a start does, and brings the index up to date; makes it `anew` if told
/// to, whatever it holds.
pub fn examine(ledger: &dyn Ledger, index: Index, anew: bool) -> Examined {
    let mut found = replay(ledger, index);
    if anew {
        let rebuilt = rebuild(&mut found.index, ledger);
        found.index_problem = rebuilt.err().map(|error| error.to_string());
    }
    let Replayed { generation, damage, index_problem, .. } = found;
    Examined { changes: generation, damage, index_problem }
}

/// The records of a ledger up to the first that does not continue the chain.
pub fn proven(ledger: &dyn Ledger) -> Vec<Vec<u8>> {
    let (mut generation, mut chain) = (0, Chain::default());
    let mut records = Vec::new();
    for bytes in ledger.records().map_while(Result::ok) {
        let Ok((record, next)) = decode(&bytes, chain, generation) else { break };
        (generation, chain) = (record.generation, next);
        records.push(bytes);
    }
    records
}

fn rebuild(index: &mut LayerIndex, ledger: &dyn Ledger) -> Result<(), LayerIndexError> {
    index.clear()?;
    let mut walk = Walk::new(ledger);
    while let Ok(Some(record)) = walk.step() {
        index.add(&record.layers, &head(walk.generation, walk.chain))?;
    }
    Ok(())
}

/// What the index keeps to know whether it goes with the ledger.
pub(super) fn head(generation: u64, chain: Chain) -> Vec<u8> {
    format!("{generation} {chain:?}").into_bytes()
}
