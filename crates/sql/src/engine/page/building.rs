//! The rows of a page that is being read.

use serde_json::Value as Json;

use super::{Data, ExtraRows, Misfit, Page};
use crate::engine::cell::Cell;
use crate::engine::layout::{Extra, Layout};
use crate::engine::row::Batch;
use crate::value::{Value, ValueRef};

/// A page that is being read.
pub(super) struct Building {
    pub(super) rows: Sheet,
    pub(super) records: u64,
    pub(super) extras: Vec<ExtraSheet>,
    /// What was found in place of the records.
    pub(super) data: Data,
    /// A row in an array has no key of the record that holds it.
    pub(super) lacks_parent: bool,
}

/// Rows of one table that are being read.
pub(super) struct Sheet {
    pub(super) batch: Batch,
    misfits: Vec<Misfit>,
    /// Texts may hold [`MARK`]s.
    is_marked: bool,
}

/// What stands in a text for bytes or escapes that are no Unicode: a code point that no text means.
pub(super) const MARK: char = '\u{fdd0}';

/// Rows of another table that are being read, in the arrays of the records.
pub(super) struct ExtraSheet {
    pub(super) rows: Sheet,
    groups: Vec<(Value, usize)>,
    /// The rows that belong to records before this one.
    grouped: usize,
}

impl Building {
    /// A page without rows. `is_marked`: texts may hold [`MARK`]s.
    pub(super) fn new(layout: &Layout, is_marked: bool) -> Self {
        let extra = |extra: &Extra| ExtraSheet {
            rows: Sheet::new(&extra.layout, is_marked),
            groups: Vec::new(),
            grouped: 0,
        };
        Self {
            rows: Sheet::new(layout, is_marked),
            records: 0,
            extras: layout.extras.iter().map(extra).collect(),
            data: Data::Missing,
            lacks_parent: false,
        }
    }

    /// Where the values of the next record go.
    pub(super) fn target(&mut self) -> Target<'_> {
        Target {
            rows: &mut self.rows,
            extras: &mut self.extras,
        }
    }

    pub(super) fn into_page(self, rest: Json) -> Page {
        let extra = |extra: ExtraSheet| ExtraRows {
            rows: extra.rows.batch.into_rows(),
            misfits: extra.rows.misfits,
            groups: extra.groups,
        };
        Page {
            rows: self.rows.batch.into_rows(),
            records: self.records,
            misfits: self.rows.misfits,
            extras: self.extras.into_iter().map(extra).collect(),
            data: self.data,
            lacks_parent: self.lacks_parent,
            rest,
        }
    }
}

impl Sheet {
    fn new(layout: &Layout, is_marked: bool) -> Self {
        Self {
            batch: Batch::new(layout.width()),
            misfits: Vec::new(),
            is_marked,
        }
    }

    /// The position of the last row.
    pub(super) fn last(&self) -> usize {
        self.batch.len().saturating_sub(1)
    }

    /// Puts a value into the last row.
    pub(super) fn put(&mut self, slot: usize, cell: Cell<'_>) {
        let row = self.last();
        match cell {
            Cell::Null => self.batch.set(row, slot, ValueRef::Null),
            Cell::Integer(number) => self.batch.set(row, slot, ValueRef::Integer(number)),
            Cell::Real(number) => self.batch.set(row, slot, ValueRef::Real(number)),
            Cell::Text(text) if self.is_marked && text.contains(MARK) => {
                self.put(slot, Cell::Misfit("a text that is no Unicode"));
            }
            Cell::Text(text) => self.batch.set(row, slot, ValueRef::Text(&text)),
            Cell::Misfit(what) => self.misfits.push(Misfit { row, slot, what }),
        }
    }
}

impl ExtraSheet {
    /// Gives the rows since the last record the key of theirs.
    pub(super) fn end_group(&mut self, key: &Value, parent: Option<usize>) {
        let rows = self.grouped..self.rows.batch.len();
        self.grouped = rows.end;
        self.groups.push((key.clone(), rows.len()));
        if let Some(slot) = parent {
            for row in rows {
                self.rows.batch.set(row, slot, key.into());
            }
        }
    }
}

/// Where the values of a record go.
pub(super) struct Target<'b> {
    pub(super) rows: &'b mut Sheet,
    pub(super) extras: &'b mut [ExtraSheet],
}
