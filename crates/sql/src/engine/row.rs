//! Rows in one piece of memory: a page has thousands of values, which are made on one thread and
//! dropped on another.

use std::sync::Arc;

use crate::value::{Value, ValueRef};

/// Rows of one width, that are being read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    width: usize,
    rows: usize,
    cells: Vec<Cell>,
    /// The texts, one after the other.
    texts: String,
}

#[derive(Clone, Debug)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    /// From here to there in the texts.
    Text(usize, usize),
    /// Nothing that a service sends.
    Bytes(Box<[u8]>),
}

/// A row: a value for each slot of its layout.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    batch: Arc<Batch>,
    at: usize,
}

impl Batch {
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width,
            ..Self::default()
        }
    }

    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Adds a row of NULLs.
    pub(crate) fn add_row(&mut self) {
        self.rows += 1;
        self.cells.resize(self.rows * self.width, Cell::Null);
    }

    /// Puts a value into a slot of a row. There is nothing to be put into others.
    pub(crate) fn set(&mut self, row: usize, slot: usize, value: ValueRef<'_>) {
        if slot >= self.width {
            return;
        }
        if let Some(place) = self.cells.get_mut(row * self.width + slot) {
            *place = match value {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Integer(number),
                ValueRef::Real(number) => Cell::Real(number),
                ValueRef::Text(text) => {
                    let start = self.texts.len();
                    self.texts.push_str(text);
                    Cell::Text(start, self.texts.len())
                }
                ValueRef::Bytes(bytes) => Cell::Bytes(bytes.into()),
            };
        }
    }

    /// The value of a slot of a row; `None` where the row has no such slot.
    pub(crate) fn get(&self, row: usize, slot: usize) -> Option<ValueRef<'_>> {
        if slot >= self.width {
            return None;
        }
        Some(match self.cells.get(row * self.width + slot)? {
            Cell::Null => ValueRef::Null,
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Text(start, end) => ValueRef::Text(self.texts.get(*start..*end)?),
            Cell::Bytes(bytes) => ValueRef::Bytes(bytes),
        })
    }

    /// The rows, each to be kept as long as it is wanted. One keeps the memory of all.
    pub(crate) fn into_rows(self) -> Vec<Row> {
        let batch = Arc::new(self);
        (0..batch.rows)
            .map(|at| Row {
                batch: Arc::clone(&batch),
                at,
            })
            .collect()
    }
}

impl Row {
    /// A row on its own.
    pub(crate) fn of<'v>(values: impl ExactSizeIterator<Item = ValueRef<'v>>) -> Self {
        let mut batch = Batch::new(values.len());
        batch.add_row();
        for (slot, value) in values.enumerate() {
            batch.set(0, slot, value);
        }
        Self {
            batch: Arc::new(batch),
            at: 0,
        }
    }

    /// The rows with other values in some slots: of this row, in this slot.
    pub(crate) fn with(rows: &[Self], values: &[(usize, usize, Value)]) -> Vec<Self> {
        let width = rows.first().map_or(0, |row| row.batch.width);
        let mut batch = Batch::new(width);
        for (at, row) in rows.iter().enumerate() {
            batch.add_row();
            for (slot, value) in row.values().enumerate() {
                batch.set(at, slot, value);
            }
        }
        for (row, slot, value) in values {
            batch.set(*row, *slot, value.into());
        }
        batch.into_rows()
    }

    /// The value of a slot; `None` where there is no such slot.
    pub(crate) fn get(&self, slot: usize) -> Option<ValueRef<'_>> {
        self.batch.get(self.at, slot)
    }

    /// The number of its slots.
    pub(crate) fn width(&self) -> usize {
        self.batch.width
    }

    /// All values.
    pub(crate) fn values(&self) -> impl Iterator<Item = ValueRef<'_>> {
        (0..self.batch.width).filter_map(|slot| self.get(slot))
    }
}

impl From<&[Value]> for Row {
    fn from(values: &[Value]) -> Self {
        Self::of(values.iter().map(ValueRef::from))
    }
}
