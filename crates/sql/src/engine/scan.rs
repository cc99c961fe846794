//! One scan: the rows that a cursor walks over.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use apilink_core::{Diagnostic, Result};

use super::plan::Argument;
use super::repeat::Shared;
use super::request::Given;
use super::row::Row;
use super::runtime::{Runtime, internal};
use super::store::StoredTable;
use super::stream::{Delivered, Stream, Wanted};
use super::text::whole;
use crate::catalog::{Origin, TableShape, TableSource};
use crate::value::{Value, ValueRef};

/// A cursor of a virtual table.
pub(crate) struct Cursor {
    runtime: Arc<Runtime>,
    shape: Arc<TableShape>,
    plan: usize,
    slots: Vec<Option<usize>>,
    /// The values that it began with.
    given: Vec<Given>,
    /// The values that hidden columns were compared with.
    asked: Vec<(usize, Value)>,
    /// What the scan compares its rows with, by the slots that are compared.
    chosen: Vec<(usize, Argument)>,
    rows: Rows,
    row: Option<Row>,
    /// The number of the row in this scan, from 1.
    number: i64,
    /// Rows have no key, and their numbers are asked for.
    counts_equals: bool,
    equals: HashMap<i64, u32>,
    occurrence: u32,
}

/// The way of a scan through the keys of its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// The slot of the key.
    pub(crate) slot: usize,
    pub(crate) descending: bool,
}

impl Way {
    /// Whether a row is beyond a bound.
    pub(crate) fn is_beyond(self, row: &Row, bound: i64) -> bool {
        let key = row.get(self.slot).and_then(whole);
        key.is_some_and(|key| {
            if self.descending {
                key < bound
            } else {
                key > bound
            }
        })
    }
}

/// Where a scan may end before its list does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) way: Option<Way>,
    /// The key beyond which it is not read.
    pub(crate) bound: Option<i64>,
    /// Rows that are left out at its beginning.
    pub(crate) skipped: Option<i64>,
}

/// Rows in the order in which a scan gives them.
pub(crate) enum Rows {
    /// As the pages come.
    Streamed {
        stream: Box<Stream>,
        ready: VecDeque<Row>,
        fetches_ahead: bool,
        way: Option<Way>,
        bound: Option<i64>,
        /// Rows that are left out at the beginning.
        skipped: Option<u64>,
        /// The records received.
        received: u64,
    },
    /// What a scan from the end could not reach, from there to the beginning.
    Reversed {
        table: StoredTable,
        ready: VecDeque<(i64, Row)>,
        next: i64,
        way: Option<Way>,
        bound: Option<i64>,
    },
    /// From the store, which is filled as they are read.
    Stored {
        shared: Arc<Mutex<Shared>>,
        wanted: Vec<(usize, Value)>,
        ready: VecDeque<(i64, Row)>,
        last: i64,
        is_done: bool,
    },
    /// All at hand.
    Listed(std::vec::IntoIter<Row>),
    /// Only so many of them.
    Counted(u64),
}

impl Rows {
    pub(crate) fn listed(rows: Vec<Row>) -> Self {
        Self::Listed(rows.into_iter())
    }

    pub(crate) fn counted(count: u64) -> Self {
        Self::Counted(count)
    }

    pub(crate) fn streamed(stream: Stream, fetches_ahead: bool, limits: Limits) -> Self {
        let Limits {
            way,
            bound,
            skipped,
        } = limits;
        Self::Streamed {
            stream: Box::new(stream),
            ready: VecDeque::new(),
            fetches_ahead,
            way,
            bound,
            skipped: skipped.and_then(|rows| u64::try_from(rows).ok()),
            received: 0,
        }
    }

    /// Whether a row is beyond the bound of the scan.
    fn ends_before(&self, row: &Row) -> bool {
        match self {
            Self::Streamed {
                way: Some(way),
                bound: Some(bound),
                ..
            }
            | Self::Reversed {
                way: Some(way),
                bound: Some(bound),
                ..
            } => way.is_beyond(row, *bound),
            _ => false,
        }
    }

    pub(crate) fn stored(shared: Arc<Mutex<Shared>>, wanted: Vec<(usize, Value)>) -> Self {
        Self::Stored {
            shared,
            wanted,
            ready: VecDeque::new(),
            last: 0,
            is_done: false,
        }
    }
}

impl Cursor {
    pub(crate) fn new(runtime: Arc<Runtime>, shape: Arc<TableShape>) -> Self {
        Self {
            runtime,
            shape,
            plan: usize::MAX,
            slots: Vec::new(),
            given: Vec::new(),
            asked: Vec::new(),
            chosen: Vec::new(),
            rows: Rows::counted(0),
            row: None,
            number: 0,
            counts_equals: false,
            equals: HashMap::new(),
            occurrence: 0,
        }
    }

    /// Begins a scan and moves to its first row.
    pub(crate) fn begin(&mut self, plan_number: usize, given: &[Given]) -> Result<()> {
        let runtime = Arc::clone(&self.runtime);
        let plan = runtime
            .plan(plan_number)
            .ok_or_else(|| internal("a scan without a plan"))?;
        self.plan = plan_number;
        self.number = 0;
        self.row = None;
        self.equals.clear();
        self.counts_equals = self.shape.key.is_empty()
            && runtime
                .facts(plan_number)
                .is_some_and(|facts| facts.reads_rowid);
        self.slots = match runtime.layout(&plan) {
            Some(layout) => (0..self.shape.columns.len())
                .map(|column| layout.slot(column))
                .collect(),
            None => (0..self.shape.columns.len()).map(Some).collect(),
        };
        self.asked = plan
            .arguments
            .iter()
            .zip(given)
            .filter_map(|(argument, given)| match given {
                Given::One(value) => Some((argument.column?, value.clone())),
                Given::Many(_) => None,
            })
            .collect();
        let many = plan.arguments.iter().filter(|argument| argument.is_many);
        self.chosen = many
            .map(|argument| {
                let slot = argument.column.and_then(|column| *self.slots.get(column)?);
                let slot = slot.ok_or_else(|| internal("a comparison without its column"))?;
                Ok((slot, argument.clone()))
            })
            .collect::<Result<_>>()?;
        self.given = given.to_vec();
        self.rows = runtime.begin(plan_number, given)?;
        self.advance()
    }

    /// Moves to the next row.
    pub(crate) fn advance(&mut self) -> Result<()> {
        self.row = self.next_row()?;
        while self.row.as_ref().is_some_and(|row| !self.is_chosen(row)) {
            self.row = self.next_row()?;
        }
        if self
            .row
            .as_ref()
            .is_some_and(|row| self.rows.ends_before(row))
        {
            self.row = None;
            self.rows = Rows::counted(0);
        }
        self.number += 1;
        self.count_equals();
        Ok(())
    }

    /// Whether a row has the values that the scan gives. Rows of which only the number is known have.
    fn is_chosen(&self, row: &Row) -> bool {
        matches!(self.rows, Rows::Counted(_))
            || self.chosen.iter().all(|(slot, argument)| {
                let value = row.get(*slot);
                value.is_some_and(|value| argument.has(value))
            })
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        match &mut self.rows {
            Rows::Counted(left) => {
                let row = (*left > 0).then(Row::default);
                *left = left.saturating_sub(1);
                Ok(row)
            }
            Rows::Listed(rows) => Ok(rows.next()),
            Rows::Reversed {
                table, ready, next, ..
            } => {
                if ready.is_empty() {
                    ready.extend(self.runtime.rows_back(table, *next)?);
                }
                let Some((number, row)) = ready.pop_front() else {
                    return Ok(None);
                };
                *next = number;
                Ok(Some(row))
            }
            Rows::Streamed { ready, .. } => {
                if let Some(row) = ready.pop_front() {
                    return Ok(Some(row));
                }
                if self.turn_around()? {
                    return self.next_row();
                }
                self.next_streamed()
            }
            Rows::Stored {
                shared,
                wanted,
                ready,
                last,
                is_done,
            } => {
                if ready.is_empty() && !*is_done {
                    ready.extend(self.runtime.stored_rows(shared, wanted, *last)?);
                    *is_done = ready.is_empty();
                }
                let Some((number, row)) = ready.pop_front() else {
                    return Ok(None);
                };
                *last = number;
                Ok(Some(row))
            }
        }
    }

    /// Reads what is left from the other end, where a scan from the end has come as far as it can.
    fn turn_around(&mut self) -> Result<bool> {
        let Rows::Streamed {
            stream,
            way: Some(way),
            bound,
            received,
            ..
        } = &self.rows
        else {
            return Ok(false);
        };
        let end = self.runtime.offset_end();
        if reaches(Some(*way), *received, stream.page_size(), end) || !stream.has_more() {
            return Ok(false);
        }
        let (way, bound) = (*way, *bound);
        let last = self.row.as_ref().and_then(|row| whole(row.get(way.slot)?));
        let (Some(last), Some(plan)) = (last, self.runtime.plan(self.plan)) else {
            return Ok(false);
        };
        let table = self.runtime.rest_below(&plan, &self.given, last)?;
        self.rows = Rows::Reversed {
            next: table.rows + 1,
            table,
            ready: VecDeque::new(),
            way: Some(way),
            bound,
        };
        Ok(true)
    }

    fn next_streamed(&mut self) -> Result<Option<Row>> {
        loop {
            let Some(warnings) = self.read_page_ahead()? else {
                return Ok(None);
            };
            self.runtime.warn(warnings);
            if let Rows::Streamed { ready, .. } = &mut self.rows
                && let Some(row) = ready.pop_front()
            {
                return Ok(Some(row));
            }
        }
    }

    /// Reads the next page of a stream behind the rows at hand; `None` if there is none.
    pub(crate) fn read_page_ahead(&mut self) -> Result<Option<Vec<Diagnostic>>> {
        let Rows::Streamed {
            stream,
            ready,
            fetches_ahead,
            received,
            way,
            skipped,
            ..
        } = &mut self.rows
        else {
            return Ok(None);
        };
        // From the end, a list can be read only so far.
        let reads_on = *fetches_ahead && skipped.is_none() && way.is_none_or(|way| !way.descending);
        let wanted = if reads_on { Wanted::Each } else { Wanted::Next };
        let Some(Delivered { mut page, warnings }) = stream.next_page(wanted)? else {
            return Ok(None);
        };
        *received += page.records;
        // However they are sorted and compared, none is left behind those that are left out.
        if let Some((skipped, total)) = skipped.take().zip(stream.total())
            && total <= skipped
        {
            stream.end();
        }
        let end = self.runtime.offset_end();
        if *fetches_ahead && reaches(*way, *received, stream.page_size(), end) {
            stream.fetch_ahead();
        }
        if let Some(plan) = self.runtime.plan(self.plan) {
            self.runtime.note(&plan, &mut page);
        }
        ready.extend(page.rows);
        Ok(Some(warnings))
    }

    /// Whether the scan is behind its last row.
    pub(crate) fn is_at_end(&self) -> bool {
        self.row.is_none()
    }

    /// The value of a column in the row at which the scan is.
    pub(crate) fn value(&self, column: usize) -> Result<ValueRef<'_>> {
        let Some(row) = &self.row else {
            return Ok(ValueRef::Null);
        };
        let shape = self.shape.columns.get(column);
        if shape.is_some_and(|column| column.origin == Origin::Parameter) {
            return self
                .asked
                .iter()
                .find(|(asked, _)| *asked == column)
                .map(|(_, value)| value.into())
                .ok_or_else(|| unasked(&self.shape, column));
        }
        self.slots
            .get(column)
            .copied()
            .flatten()
            .and_then(|slot| row.get(slot))
            // Never a NULL that nobody sent.
            .ok_or_else(|| internal("a column that was not fetched"))
    }

    /// The slots of columns, in every row of the scan; `None` where one is none of its records.
    pub(crate) fn slots_of(&self, columns: &[usize]) -> Option<Vec<usize>> {
        let slot = |&column: &usize| {
            let shape = self.shape.columns.get(column)?;
            let slot = self.slots.get(column).copied().flatten();
            slot.filter(|_| shape.origin != Origin::Parameter)
        };
        columns.iter().map(slot).collect()
    }

    /// A number that is the row's own, in every scan of the table.
    pub(crate) fn row_id(&self) -> i64 {
        let Some(row) = &self.row else {
            return 0;
        };
        if let [key] = self.shape.key[..]
            && let Some(slot) = self.slots.get(key).copied().flatten()
            && let Some(ValueRef::Integer(id)) = row.get(slot)
        {
            return id;
        }
        if matches!(self.shape.source, TableSource::System) {
            return self.number;
        }
        let keys: Vec<ValueRef<'_>> = self
            .shape
            .key
            .iter()
            .filter_map(|&key| row.get(self.slots.get(key).copied().flatten()?))
            .collect();
        if keys.is_empty() {
            numbered(row.values(), self.occurrence)
        } else {
            numbered(keys.into_iter(), 0)
        }
    }

    /// Counts the rows before this one that are equal to it, where nothing else tells them apart.
    /// Every scan that gives one of them gives all, so the count is the same in each.
    fn count_equals(&mut self) {
        let Some(row) = self.row.as_ref().filter(|_| self.counts_equals) else {
            return;
        };
        let number = numbered(row.values(), 0);
        let seen = self.equals.entry(number).or_insert(0);
        self.occurrence = *seen;
        *seen += 1;
    }

    /// Looks at the row at which the scan is.
    pub(crate) fn with_row<T>(&self, look: impl FnOnce(&Row) -> T) -> Option<T> {
        self.row.as_ref().map(look)
    }

    /// Whether there may be more rows of the scan behind those at hand, and they can be read now.
    pub(crate) fn may_read_on(&self) -> bool {
        let Rows::Streamed {
            stream,
            ready,
            way,
            received,
            ..
        } = &self.rows
        else {
            return false;
        };
        let is_at_bound = ready.back().is_some_and(|row| self.rows.ends_before(row));
        !is_at_bound
            && reaches(
                *way,
                *received,
                stream.page_size(),
                self.runtime.offset_end(),
            )
    }

    /// The values of a slot in the rows at hand, the present one first.
    pub(crate) fn ahead(&self, slot: usize) -> Vec<Value> {
        let mut values: Vec<Value> = self
            .row
            .iter()
            .filter_map(|row| row.get(slot).map(Value::from))
            .collect();
        if let Rows::Streamed { ready, .. } = &self.rows {
            let within = ready.iter().take_while(|row| !self.rows.ends_before(row));
            values.extend(within.filter_map(|row| row.get(slot).map(Value::from)));
        }
        values
    }

    /// The shared rows that it reads, if it does.
    pub(crate) fn shared(&self) -> Option<Arc<Mutex<Shared>>> {
        match &self.rows {
            Rows::Stored { shared, .. } => Some(Arc::clone(shared)),
            _ => None,
        }
    }
}

/// Whether a scan can read one more page the way it goes: from the end, a list can be read only so
/// far.
pub(crate) fn reaches(way: Option<Way>, received: u64, page_size: u64, end: u64) -> bool {
    !way.is_some_and(|way| way.descending) || received + page_size <= end
}

/// A number made of a key that is none itself. The same key gives the same number.
fn numbered<'v>(keys: impl Iterator<Item = ValueRef<'v>>, occurrence: u32) -> i64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    occurrence.hash(&mut hasher);
    for key in keys {
        match key {
            ValueRef::Null => 0_u8.hash(&mut hasher),
            ValueRef::Integer(number) => (1_u8, number).hash(&mut hasher),
            ValueRef::Real(number) => (2_u8, number.to_bits()).hash(&mut hasher),
            ValueRef::Text(text) => (3_u8, text).hash(&mut hasher),
            ValueRef::Bytes(bytes) => (4_u8, bytes).hash(&mut hasher),
        }
    }
    hasher.finish().cast_signed()
}

/// What no plan should come to: the planned statement was looked at before.
fn unasked(shape: &TableShape, column: usize) -> Diagnostic {
    let column = shape.columns.get(column);
    let message = column.map_or_else(String::new, |column| {
        super::parameter_columns::message(shape, column, None)
    });
    Diagnostic::new(apilink_core::SqlState::SYNTAX, message)
}
