//! Scans that are repeated: rows that are kept, and tables that are read once in place of many
//! requests.

use std::sync::{Arc, Mutex};

use apilink_core::Result;

use super::bytecode::{ScanFacts, Source};
use super::choice::Beginning;
use super::layout::Layout;
use super::part::{Part, split};
use super::plan::{Access, Plan, Role};
use super::request::{Demand, Given};
use super::row::Row;
use super::runtime::{Runtime, internal, lock};
use super::scan::{Way, reaches};
use super::store::StoredTable;
use super::stream::{Delivered, Stream, Wanted};
use super::text::whole;
use crate::types::SqlType;
use crate::value::Value;

/// Rows that several scans read.
pub(crate) struct Shared {
    plan: Plan,
    pub(super) fetches_ahead: bool,
    given: Vec<Given>,
    way: Option<Way>,
    bound: Option<i64>,
    /// The key of the last record received.
    last: Option<i64>,
    /// The lists that hold them, one after the other.
    parts: Vec<Part>,
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
        let parts = split(demand, by_value).into_iter();
        let parts = parts.map(|(demand, by_value)| {
            let (shape, layout) = (Arc::clone(shape), Arc::clone(layout));
            let parent_key = parent_key.clone();
            let stream = Stream::new(self.fetcher.clone(), shape, layout, demand, parent_key);
            Part::new(stream, by_value)
        });
        let shared = Arc::new(Mutex::new(Shared {
            plan: plan.clone(),
            fetches_ahead: Self::fetches_ahead(facts, &key.1, bound),
            given: given.to_vec(),
            way,
            bound,
            last: None,
            parts: parts.collect(),
            table,
        }));
        state.shared.insert(key, Arc::clone(&shared));
        Ok(shared)
    }

    /// Fetches a page of shared rows; whether there was one.
    pub(crate) fn store_page(&self, shared: &Arc<Mutex<Shared>>) -> Result<bool> {
        let mut shared = lock(shared);
        let Some(at) = shared.parts.iter().position(|part| part.stream.has_more()) else {
            return Ok(false);
        };
        let reads_on = shared.fetches_ahead;
        self.store_page_of(&mut shared, at, reads_on)
    }

    /// Fetches the first page of each list whose length is not known yet. The next is not fetched ahead:
    /// it may not be wanted.
    pub(super) fn look_at(&self, shared: &Arc<Mutex<Shared>>) -> Result<Option<u64>> {
        let mut shared = lock(shared);
        while let Some(at) = shared.parts.iter().position(|part| !part.has_begun()) {
            // A page without records has no other behind it.
            self.store_page_of(&mut shared, at, false)?;
        }
        Ok(shared.pages_left())
    }

    /// Fetches a page of a list; whether there was one.
    fn store_page_of(&self, shared: &mut Shared, at: usize, reads_on: bool) -> Result<bool> {
        let end = self.offset_end();
        let way = shared.way;
        let Some(part) = shared.parts.get_mut(at) else {
            return Ok(false);
        };
        let page_size = part.stream.page_size();
        if !reaches(way, part.received, page_size, end) {
            return self.store_rest(shared);
        }
        if let Some(by_value) = part.turn() {
            part.stream = self.stream(&shared.plan, by_value)?;
        }
        let reads_on = reads_on && part.by_value.is_none();
        let wanted = if reads_on && way.is_none_or(|way| !way.descending) {
            Wanted::Each
        } else {
            Wanted::Next
        };
        let Some(Delivered { mut page, warnings }) = part.stream.next_page(wanted)? else {
            return Ok(false);
        };
        part.received += page.records;
        if reads_on && reaches(way, part.received, page_size, end) {
            part.stream.fetch_ahead();
        }
        self.warn(warnings);
        self.note(&shared.plan, &mut page);
        part.tell_apart(&mut page.rows, self.key_slot(&shared.plan));
        shared.last = way.and_then(|way| whole(page.rows.last()?.get(way.slot)?));
        if let Some((way, bound)) = way.zip(shared.bound)
            && page
                .rows
                .last()
                .is_some_and(|row| way.is_beyond(row, bound))
        {
            part.stream.end();
        }
        self.state().store.add(&mut shared.table, &page.rows)?;
        Ok(true)
    }

    /// The pages of what a demand asks for in the place of a plan's own.
    fn stream(&self, plan: &Plan, demand: Demand) -> Result<Stream> {
        let shape = self.shape(plan)?;
        let layout = self
            .layout(plan)
            .ok_or_else(|| internal("a plan without a layout"))?;
        let parent_key = self.parent_key(plan, &shape);
        let fetcher = self.fetcher.clone();
        Ok(Stream::new(fetcher, shape, layout, demand, parent_key))
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
        shared.parts.iter_mut().for_each(|part| part.stream.end());
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
                let rows = self.state().store.read(&mut shared.table, wanted, after)?;
                (rows, !shared.has_more())
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
        let known = self.parts.iter().all(Part::has_begun);
        let mut left = self.parts.iter().map(Part::pages_left);
        left.try_fold(0, |sum, pages| Some(sum + pages?))
            .filter(|_| known)
    }

    fn has_more(&self) -> bool {
        self.parts.iter().any(|part| part.stream.has_more())
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
