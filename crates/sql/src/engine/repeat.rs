//! Scans that are repeated: rows that are kept, and tables that are read once in place of many
//! requests.

use std::sync::{Arc, Mutex};

use apilink_core::Result;

use super::bytecode::{ScanFacts, Source};
use super::fetch::{Delivered, Stream};
use super::layout::Layout;
use super::plan::{Access, Operator, Plan, Role};
use super::request::{Demand, Given, whole};
use super::row::Row;
use super::runtime::{Runtime, internal, lock};
use super::scan::{Way, reaches};
use super::store::StoredTable;
use crate::catalog::{Origin, TableShape};
use crate::value::Value;

/// With no more different values than these to look up, each is a request of its own; with more,
/// the table is read once.
const FEW_LOOKUPS: u64 = 10;

/// Rows that several scans read.
pub(crate) struct Shared {
    plan: Plan,
    fetches_ahead: bool,
    given: Vec<Given>,
    way: Option<Way>,
    bound: Option<i64>,
    /// The records received.
    received: u64,
    /// The key of the last of them.
    last: Option<i64>,
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

    pub(super) fn shared(
        &self,
        plan: &Plan,
        shape: &Arc<TableShape>,
        facts: &ScanFacts,
        layout: &Arc<Layout>,
        demand: Demand,
        given: &[Given],
    ) -> Result<Arc<Mutex<Shared>>> {
        let way = self.way(plan, shape);
        let parent_key = self.parent_key(plan, shape);
        let mut state = self.state();
        let bound = Self::bound(plan, given);
        let key = (
            format!("{} {:?} {bound:?}", plan.table, plan.access),
            demand,
        );
        if let Some(shared) = state.shared.get(&key) {
            return Ok(Arc::clone(shared));
        }
        let table = state.store.table(shape, layout)?;
        let stream = Stream::new(
            self.fetcher.clone(),
            Arc::clone(shape),
            Arc::clone(layout),
            key.1.clone(),
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
            stream,
            table,
        }));
        state.shared.insert(key, Arc::clone(&shared));
        Ok(shared)
    }

    /// Whether a scan that begins again and again with other values reads its table once instead
    /// of asking for each of them.
    pub(super) fn reads_table(&self, number: usize, plan: &Plan, facts: &ScanFacts) -> bool {
        if let Some(&known) = self.state().reads_table.get(&number) {
            return known;
        }
        let varying = varying(plan, facts);
        let decision = !varying.is_empty()
            && varying.iter().all(|&at| self.can_compare(plan, at))
            && self
                .lookups_expected(facts, &varying)
                .is_none_or(|lookups| lookups > FEW_LOOKUPS);
        self.state().reads_table.insert(number, decision);
        decision
    }

    /// Whether stored rows can be searched by an argument.
    fn can_compare(&self, plan: &Plan, argument: usize) -> bool {
        let column = plan
            .arguments
            .get(argument)
            .and_then(|argument| argument.column);
        let origin = self
            .catalog
            .table(&plan.table)
            .zip(column)
            .and_then(|(shape, column)| shape.columns.get(column))
            .map(|column| &column.origin);
        matches!(origin, Some(Origin::Field { .. } | Origin::Custom(_)))
    }

    /// How many different values a scan is expected to begin with.
    fn lookups_expected(&self, facts: &ScanFacts, varying: &[usize]) -> Option<u64> {
        let Some(Source::Column { plan, .. }) =
            varying.first().and_then(|&at| facts.arguments.get(at))
        else {
            return None;
        };
        // The rows of an inner scan are those for one row of another.
        if self.facts(*plan).is_none_or(|facts| facts.is_inner) {
            return None;
        }
        self.cursors(*plan)
            .iter()
            .filter_map(|cursor| lock(cursor).expected_rows())
            .max()
    }

    /// What is asked when a table is read in place of single requests, and the values that its
    /// stored rows are searched by.
    pub(super) fn table_demand(
        &self,
        plan: &Plan,
        shape: &TableShape,
        facts: &ScanFacts,
        given: &[Given],
        layout: &Layout,
    ) -> (Demand, Vec<(usize, Value)>) {
        let varying = varying(plan, facts);
        let mut fixed = plan.clone();
        let mut kept = Vec::new();
        let mut local = Vec::new();
        fixed.arguments = Vec::new();
        for (at, (argument, value)) in plan.arguments.iter().zip(given).enumerate() {
            if varying.contains(&at) || argument.role == Role::Local {
                // `SQLite` makes other comparisons itself.
                if argument.operator == Operator::Equal {
                    local.extend(searched(argument.column, value, layout));
                }
            } else {
                fixed.arguments.push(argument.clone());
                kept.push(value.clone());
            }
        }
        (self.demand(shape, &fixed, &kept), local)
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
        let Some(Delivered { mut page, warnings }) = shared.stream.next_page()? else {
            return Ok(false);
        };
        shared.received += page.records;
        if shared.fetches_ahead && reaches(shared.way, shared.received, page_size, end) {
            shared.stream.fetch_ahead();
        }
        self.warn(warnings);
        self.note(&shared.plan, &mut page);
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
        while let Some(Delivered { mut page, warnings }) = stream.next_page()? {
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

/// The arguments whose values come from other scans and differ from time to time.
fn varying(plan: &Plan, facts: &ScanFacts) -> Vec<usize> {
    plan.arguments
        .iter()
        .enumerate()
        .filter(|(at, argument)| {
            matches!(argument.role, Role::Filters(_))
                && !argument.operator.has_no_value()
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

fn searched(column: Option<usize>, value: &Given, layout: &Layout) -> Option<(usize, Value)> {
    match value {
        Given::One(value) => Some((layout.slot(column?)?, value.clone())),
        Given::Many(_) => None,
    }
}
