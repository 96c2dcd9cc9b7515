//! Rows that are not compressed yet.
//!
//! They lie in blocks of a quarter of a piece, all of one size in one tier, which go when their rows
//! are compressed: what one stripe frees the next one takes, and those that compress at different
//! times need half of what all of them would together.

/// Blocks that a piece's rows fill.
const BLOCKS: usize = 4;

/// Rows of `columns` numbers each, the oldest first.
#[derive(Debug)]
pub(crate) struct OpenRows {
    columns: usize,
    block_rows: usize,
    times: Vec<i64>,
    /// Each has the numbers of `block_rows` rows, one row after the other; the last one of fewer.
    blocks: Vec<Vec<f64>>,
}

impl OpenRows {
    /// None yet; as many as `piece_rows` are to be compressed at once.
    pub(crate) fn new(columns: usize, piece_rows: usize) -> Self {
        let block_rows = piece_rows.div_ceil(BLOCKS).max(1);
        Self { columns, block_rows, times: Vec::new(), blocks: Vec::new() }
    }

    /// Adds a row. One that is too short is filled up with missing values.
    pub(crate) fn push(&mut self, time: i64, row: impl Iterator<Item = f64>) {
        let full = self.block_rows * self.columns;
        if self.times.len().is_multiple_of(self.block_rows) {
            self.blocks.push(Vec::with_capacity(full));
        }
        self.times.push(time);
        let Some(block) = self.blocks.last_mut() else { return };
        let end = block.len() + self.columns;
        let finite = |value: f64| if value.is_finite() { value } else { f64::NAN };
        block.extend(row.take(self.columns).map(finite));
        block.resize(end, f64::NAN);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// When each of them was.
    pub(crate) fn times(&self) -> &[i64] {
        &self.times
    }

    /// Time and numbers of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &[f64])> {
        let rows = self.blocks.iter().flat_map(|block| block.chunks_exact(self.columns.max(1)));
        self.times.iter().copied().zip(rows)
    }

    /// The numbers, a column each.
    pub(crate) fn columns(&self) -> Vec<Vec<f64>> {
        let mut columns: Vec<Vec<f64>> =
            (0..self.columns).map(|_| Vec::with_capacity(self.times.len())).collect();
        for (_, row) in self.iter() {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(*value);
            }
        }
        columns
    }

    /// Takes all of them away.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.blocks.clear();
    }

    /// Frees what no row needs.
    pub(crate) fn shrink(&mut self) {
        self.times.shrink_to_fit();
        self.blocks.shrink_to_fit();
    }

    /// Bytes that this holds besides itself.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.blocks.len() * self.block_rows * self.columns * size_of::<f64>()
            + self.blocks.capacity() * size_of::<Vec<f64>>()
            + self.times.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_their_order_whatever_the_block() {
        for piece_rows in [1, 3, 8, 32] {
            let mut rows = OpenRows::new(2, piece_rows);
            for time in 0..10 {
                rows.push(time, [time as f64, -1.0, 7.0].into_iter());
            }
            let found: Vec<_> = rows.iter().map(|(time, row)| (time, row.to_vec())).collect();
            let wanted: Vec<_> = (0..10).map(|time| (time, vec![time as f64, -1.0])).collect();
            assert_eq!(found, wanted, "pieces of {piece_rows}");
            let column: Vec<f64> = (0..10).map(f64::from).collect();
            assert_eq!(rows.columns(), [column, vec![-1.0; 10]]);
            rows.clear();
            assert_eq!((rows.len(), rows.iter().count(), rows.columns()[0].len()), (0, 0, 0));
        }
    }

    #[test]
    fn what_is_missing_or_no_number_is_missing() {
        let mut rows = OpenRows::new(3, 8);
        rows.push(1, [f64::INFINITY, 2.0].into_iter());
        rows.push(2, [3.0, 4.0, 5.0].into_iter());
        let columns = rows.columns();
        assert!(columns[0][0].is_nan() && columns[2][0].is_nan());
        assert_eq!((columns[1][0], columns[0][1], columns[2][1]), (2.0, 3.0, 5.0));
    }

    #[test]
    fn rows_of_no_column_are_counted() {
        let mut rows = OpenRows::new(0, 8);
        rows.push(1, [].into_iter());
        assert_eq!((rows.len(), rows.times()), (1, &[1][..]));
    }
}
