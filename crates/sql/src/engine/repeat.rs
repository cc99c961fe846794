//! Scans that are repeated: rows that are kept, and tables that are read once in place of many
//! requests.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use apilink_core::Result;

use super::bytecode::{ScanFacts, Source};
use super::choice::Beginning;
use super::fetch::{Delivered, Stream, Wanted};
use super::layout::Layout;
use super::plan::{Access, Plan, Role};
use super::request::{Demand, Given, whole};
use super::row::Row;
use super::runtime::{Key, Runtime, internal, lock};
use super::scan::{Way, reaches};
use super::store::StoredTable;
use crate::types::SqlType;
use crate::value::Value;

/// Rows that several scans read.
pub(crate) struct Shared {
    plan: Plan,
    pub(super) fetches_ahead: bool,
    given: Vec<Given>,
    way: Option<Way>,
    bound: Option<i64>,
    /// The records received.
    received: u64,
    /// The key of the last of them.
    last: Option<i64>,
    /// A request for each value, in place of reading on, if those are fewer.
    by_value: Option<Demand>,
    /// The keys of the records received before that.
    seen: HashSet<Key>,
    stream: Stream,
    pub(crate) table: StoredTable,
}

impl Runtime {
    /// The places in the program where a table is read: with more than one, rows are kept.
    pub(super) fn places(&self, table: &str) -> usize {
        let state = self.state();
        state
            .facts
            .iter()
            .filter(|(number, _)| {
                state
                    .plans
                    .get(**number)
                    .is_some_and(|plan| plan.table == table && plan.access != Access::Keys)
            })
            .map(|(_, facts)| facts.places)
            .sum()
    }

    /// The name under which scans find shared rows.
    pub(super) fn shared_key(plan: &Plan, given: &[Given], demand: Demand) -> (String, Demand) {
        let bound = Self::bound(plan, given);
        (
            format!("{} {:?} {bound:?}", plan.table, plan.access),
            demand,
        )
    }

    /// The rows of a demand, kept for all that ask the same.
    pub(super) fn shared(
        &self,
        beginning: &Beginning,
        demand: Demand,
        by_value: Option<Demand>,
    ) -> Result<Arc<Mutex<Shared>>> {
        let &Beginning {
            plan,
            shape,
            facts,
            layout,
            given,
            ..
        } = beginning;
        let way = self.way(plan, shape);
        let parent_key = self.parent_key(plan, shape);
        let bound = Self::bound(plan, given);
        let mut key = Self::shared_key(plan, given, demand.clone());
        let counted = self.pages_known(plan, given, &demand);
        let mut state = self.state();
        if let Some(shared) = state.shared.get(&key) {
            return Ok(Arc::clone(shared));
        }
        let (mut demand, mut by_value) = (demand, by_value);
        if let Some(values) = by_value.take() {
            // Not all of the list: these rows are for those who ask for the same values.
            key.1 = values.clone();
            if let Some(shared) = state.shared.get(&key) {
                return Ok(Arc::clone(shared));
            }
            match counted {
                Some(pages) if pages > values.queries.len() as u64 => demand = values,
                Some(_) => {}
                None => by_value = Some(values),
            }
        }
        let table = state.store.table(shape, layout)?;
        let stream = Stream::new(
            self.fetcher.clone(),
            Arc::clone(shape),
            Arc::clone(layout),
            demand,
            parent_key,
        );
        let shared = Arc::new(Mutex::new(Shared {
            plan: plan.clone(),
            fetches_ahead: Self::fetches_ahead(facts, &key.1, bound),
            given: given.to_vec(),
            way,
            bound,
            received: 0,
            last: None,
            by_value,
            seen: HashSet::new(),
            stream,
            table,
        }));
        state.shared.insert(key, Arc::clone(&shared));
        Ok(shared)
    }

    /// Fetches a page of shared rows; whether there was one.
    pub(crate) fn store_page(&self, shared: &Arc<Mutex<Shared>>) -> Result<bool> {
        let mut shared = lock(shared);
        if !shared.stream.has_more() {
            return Ok(false);
        }
        let end = self.offset_end();
        let page_size = shared.stream.page_size();
        if !reaches(shared.way, shared.received, page_size, end) {
            return self.store_rest(&mut shared);
        }
        self.turn_to_values(&mut shared)?;
        let reads_on = shared.fetches_ahead
            && shared.by_value.is_none()
            && shared.way.is_none_or(|way| !way.descending);
        let wanted = if reads_on { Wanted::Each } else { Wanted::Next };
        let Some(Delivered { mut page, warnings }) = shared.stream.next_page(wanted)? else {
            return Ok(false);
        };
        shared.received += page.records;
        if shared.fetches_ahead
            && shared.by_value.is_none()
            && reaches(shared.way, shared.received, page_size, end)
        {
            shared.stream.fetch_ahead();
        }
        self.warn(warnings);
        self.note(&shared.plan, &mut page);
        let key = self.key_slot(&shared.plan);
        shared.tell_apart(&mut page.rows, key);
        shared.last = shared
            .way
            .and_then(|way| whole(page.rows.last()?.get(way.slot)?));
        if let Some((way, bound)) = shared.way.zip(shared.bound)
            && page
                .rows
                .last()
                .is_some_and(|row| way.is_beyond(row, bound))
        {
            shared.stream.end();
        }
        self.state().store.add(&mut shared.table, &page.rows)?;
        Ok(true)
    }

    /// After the first page, which tells how many there are: asks for one value after the other, if that
    /// takes fewer requests than reading on.
    fn turn_to_values(&self, shared: &mut Shared) -> Result<()> {
        if !shared.has_begun() {
            return Ok(());
        }
        let left = shared.pages_left();
        let Some(by_value) = shared.by_value.take() else {
            return Ok(());
        };
        if left.is_some_and(|left| left > by_value.queries.len() as u64) {
            let shape = self.shape(&shared.plan)?;
            let layout = self
                .layout(&shared.plan)
                .ok_or_else(|| internal("a plan without a layout"))?;
            let parent_key = self.parent_key(&shared.plan, &shape);
            shared.stream = Stream::new(self.fetcher.clone(), shape, layout, by_value, parent_key);
        } else {
            shared.seen.clear();
        }
        Ok(())
    }

    /// The slot and the type of a table's key, if it is one column.
    fn key_slot(&self, plan: &Plan) -> Option<(usize, SqlType)> {
        let shape = self.catalog.table(&plan.table)?;
        let [key] = shape.key[..] else {
            return None;
        };
        let slot = self.layout(plan)?.slot(key)?;
        Some((slot, shape.columns.get(key)?.sql_type))
    }

    /// Fetches what a scan from the end cannot reach; whether there was anything.
    fn store_rest(&self, shared: &mut Shared) -> Result<bool> {
        shared.stream.end();
        let Some(last) = shared.last else {
            return Ok(false);
        };
        let rest = self.rest_below(&shared.plan, &shared.given, last)?;
        let mut before = rest.rows + 1;
        loop {
            let rows = self.rows_back(&rest, before)?;
            let Some((number, _)) = rows.last() else {
                return Ok(rest.rows > 0);
            };
            before = *number;
            let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
            self.state().store.add(&mut shared.table, &rows)?;
        }
    }

    /// Stored rows after a number, of those in which these slots have these values. They are all
    /// fetched before they are searched.
    pub(crate) fn stored_rows(
        &self,
        shared: &Arc<Mutex<Shared>>,
        wanted: &[(usize, Value)],
        after: i64,
    ) -> Result<Vec<(i64, Row)>> {
        if !wanted.is_empty() {
            while self.store_page(shared)? {}
        }
        loop {
            let (rows, is_complete) = {
                let mut shared = lock(shared);
                let Shared { table, stream, .. } = &mut *shared;
                let rows = self.state().store.read(table, wanted, after)?;
                (rows, !stream.has_more())
            };
            if !rows.is_empty() || is_complete {
                return Ok(rows);
            }
            self.store_page(shared)?;
        }
    }

    /// The records of a scan from the end that cannot be reached from there: those with keys below
    /// `last`, read from the beginning and kept.
    pub(crate) fn rest_below(
        &self,
        plan: &Plan,
        given: &[Given],
        last: i64,
    ) -> Result<StoredTable> {
        let shape = self.shape(plan)?;
        let mut ascending = plan.clone();
        ascending.order = plan.order.map(|(at, _)| (at, false));
        let layout = self
            .layout(plan)
            .ok_or_else(|| internal("a plan without a layout"))?;
        let slot = self.way(plan, &shape).map(|way| way.slot);
        let demand = self.demand(&shape, &ascending, given);
        let mut stream = Stream::new(
            self.fetcher.clone(),
            Arc::clone(&shape),
            Arc::clone(&layout),
            demand,
            None,
        );
        let mut table = self.state().store.table(&shape, &layout)?;
        let key = |row: &Row| whole(row.get(slot?)?);
        while let Some(Delivered { mut page, warnings }) = stream.next_page(Wanted::Next)? {
            self.warn(warnings);
            self.note(plan, &mut page);
            let count = page.rows.len();
            page.rows
                .retain(|row| key(row).is_some_and(|key| key < last));
            let is_last = page.rows.len() < count;
            self.state().store.add(&mut table, &page.rows)?;
            if is_last {
                break;
            }
        }
        Ok(table)
    }

    /// Kept rows before a number, the last one first.
    pub(crate) fn rows_back(&self, table: &StoredTable, before: i64) -> Result<Vec<(i64, Row)>> {
        self.state().store.read_back(table, before)
    }
}

impl Shared {
    /// The pages that are left to read, once the service has said how many records there are.
    pub(super) fn pages_left(&self) -> Option<u64> {
        if !self.stream.has_more() {
            return Some(0);
        }
        let left = self.stream.total()?.saturating_sub(self.received);
        Some(left.div_ceil(self.stream.page_size().max(1)))
    }

    /// Whether the service has been asked.
    pub(super) fn has_begun(&self) -> bool {
        self.received > 0 || !self.stream.has_more()
    }

    /// Leaves out the rows that were there before the values were asked for one by one.
    fn tell_apart(&mut self, rows: &mut Vec<Row>, key: Option<(usize, SqlType)>) {
        let Some((slot, key_type)) = key else {
            return;
        };
        let key = |row: &Row| Key::of(row.get(slot)?, key_type);
        if self.by_value.is_some() {
            self.seen.extend(rows.iter().filter_map(key));
        } else if !self.seen.is_empty() {
            rows.retain(|row| key(row).is_none_or(|key| !self.seen.contains(&key)));
        }
    }
}

/// The arguments whose values come from other scans and differ from time to time.
pub(super) fn varying(plan: &Plan, facts: &ScanFacts) -> Vec<usize> {
    plan.arguments
        .iter()
        .enumerate()
        .filter(|(at, argument)| {
            matches!(argument.role, Role::Filters(_))
                && !argument.operator.has_no_value()
                && argument.set.is_none()
                && facts.arguments.get(*at) != Some(&Source::Constant)
        })
        .map(|(at, _)| at)
        .collect()
}

pub(super) fn local_values(
    plan: &Plan,
    layout: &Layout,
    given: &[Given],
    is_inner: bool,
) -> Vec<(usize, Value)> {
    if !is_inner {
        return Vec::new();
    }
    plan.arguments
        .iter()
        .zip(given)
        .filter(|(argument, _)| argument.role == Role::Local)
        .filter_map(|(argument, value)| searched(argument.column, value, layout))
        .collect()
}

pub(super) fn searched(
    column: Option<usize>,
    value: &Given,
    layout: &Layout,
) -> Option<(usize, Value)> {
    match value {
        Given::One(value) => Some((layout.slot(column?)?, value.clone())),
        Given::Many(_) => None,
    }
}
