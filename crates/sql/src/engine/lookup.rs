//! Lookups by key: many keys in one request, those of rows that are still to come with them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use apilink_core::Result;
use apilink_core::profile::tables::Table;

use super::bytecode::{ScanFacts, Source, Stops};
use super::plan::{Access, Compared, Plan, Role};
use super::reply;
use super::request::{Given, Requester, takes_keys};
use super::row::Row;
use super::runtime::{Key, Runtime, has_role, internal, lock, place};
use super::scan::{Cursor, Rows};
use super::stream::{Delivered, Stream, Wanted};
use crate::catalog::{Catalog, TableShape, TableSource};
use crate::types::SqlType;
use crate::value::Value;

/// Pages that are read ahead to fill a request for keys.
pub(super) const MOST_PAGES_AHEAD: usize = 50;

/// A column of the rows that a scan has before it.
pub(super) struct Ahead<'a> {
    /// The number of its plan.
    pub(super) number: usize,
    pub(super) slot: usize,
    /// What leaves rows out, by the slots that are compared.
    pub(super) conditions: &'a [(usize, Compared)],
}

impl Runtime {
    /// The records with given keys, or the rows in them.
    pub(super) fn by_keys(
        &self,
        number: usize,
        plan: &Plan,
        shape: &Arc<TableShape>,
        given: &[Given],
        role: &Role,
    ) -> Result<Rows> {
        let key_type = self.key_type(plan)?;
        let mut keys = Vec::new();
        for (argument, value) in plan.arguments.iter().zip(given) {
            if argument.role == *role {
                match value {
                    Given::One(value) => keys.extend(Key::of(value, key_type)),
                    Given::Many(values) => {
                        keys.extend(values.iter().filter_map(|value| Key::of(value, key_type)));
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        if let [key] = &keys[..]
            && let Some(row) = self.carried(number, key)
        {
            return Ok(Rows::listed(vec![row]));
        }
        self.look_up(number, plan, shape, &keys)?;
        let state = self.state();
        let known = state.lookups.get(&place(plan));
        let rows = keys
            .iter()
            .filter_map(|key| known?.get(key))
            .flatten()
            .cloned()
            .collect();
        Ok(Rows::listed(rows))
    }

    /// Asks for the keys that are not known yet, and with them for those that are going to be
    /// asked for next.
    fn look_up(
        &self,
        number: usize,
        plan: &Plan,
        shape: &Arc<TableShape>,
        keys: &[Key],
    ) -> Result<()> {
        let mut wanted = self.unknown(plan, keys.iter().cloned());
        if wanted.is_empty() {
            return Ok(());
        }
        let facts = self.facts(number).unwrap_or_default();
        let holder = self.key_table(plan, shape)?;
        if facts.is_inner
            && let TableSource::Service(table) = &holder.source
        {
            let at_once = Requester::keys_at_once(&holder, table, self.fields_length(plan, shape));
            self.fill(plan, &facts, &mut wanted, at_once)?;
        }
        self.fetch_keys(plan, shape, &holder, &wanted)
    }

    /// The table whose key is looked up: the one with the arrays, where those hold the rows.
    fn key_table(&self, plan: &Plan, shape: &Arc<TableShape>) -> Result<Arc<TableShape>> {
        if plan.access != Access::Array {
            return Ok(Arc::clone(shape));
        }
        let TableSource::Service(table) = &shape.source else {
            return Err(internal("an array without a table"));
        };
        array_holder(&self.catalog, table).ok_or_else(|| internal("an array without a parent"))
    }

    /// The type of the keys that a plan looks up.
    fn key_type(&self, plan: &Plan) -> Result<SqlType> {
        let holder = self.key_table(plan, &self.shape(plan)?)?;
        let key = holder.key.first().and_then(|&key| holder.columns.get(key));
        Ok(key.map_or(SqlType::Bigint, |column| column.sql_type))
    }

    fn unknown(&self, plan: &Plan, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let state = self.state();
        if state.looked_through.contains(&place(plan)) {
            return Vec::new();
        }
        let known = state.lookups.get(&place(plan));
        keys.into_iter()
            .filter(|key| known.is_none_or(|known| !known.contains_key(key)))
            .collect()
    }

    /// Adds the keys that the rows read so far refer to, and reads on, until a request is full.
    fn fill(
        &self,
        plan: &Plan,
        facts: &ScanFacts,
        wanted: &mut Vec<Key>,
        at_once: usize,
    ) -> Result<()> {
        let Some(Source::Column { plan: by, column }) = facts.arguments.first() else {
            let seen: Vec<Key> = {
                let state = self.state();
                let table = self.key_table(plan, &self.shape(plan)?)?;
                let seen = state.seen.get(&table.name.to_ascii_lowercase());
                seen.into_iter()
                    .flatten()
                    .map(|id| Key::Whole(*id))
                    .collect()
            };
            add(wanted, self.unknown(plan, seen), at_once);
            return Ok(());
        };
        let slot = self
            .plan(*by)
            .and_then(|by| self.layout(&by))
            .and_then(|layout| layout.slot(*column));
        let (inner, carrying) = (*by, slot.map(|slot| self.carrying(*by, slot)));
        let Some((by, slot)) = carrying else {
            return Ok(());
        };
        let conditions = self.conditions(inner, by);
        let column = Ahead {
            number: by,
            slot,
            conditions: &conditions,
        };
        let key_type = self.key_type(plan)?;
        let may_read_on = self
            .facts(by)
            .is_some_and(|facts| facts.stops == Stops::Never);
        for cursor in self.cursors(by) {
            for _ in 0..=MOST_PAGES_AHEAD {
                let ahead = self.referred(&cursor, &column)?;
                let ahead = ahead.iter().filter_map(|value| Key::of(value, key_type));
                add(wanted, self.unknown(plan, ahead), at_once);
                if wanted.len() >= at_once || !may_read_on || !self.read_rows_on(by, &cursor)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads one more page with rows of a scan: of its own, or of the records whose arrays they are in.
    fn read_rows_on(&self, number: usize, cursor: &Arc<Mutex<Cursor>>) -> Result<bool> {
        let holder = self.state().carried_arrays.get(&number).copied();
        let Some(holder) = holder else {
            return self.read_on(cursor);
        };
        if self
            .facts(holder)
            .is_none_or(|facts| facts.stops != Stops::Never)
        {
            return Ok(false);
        }
        let mut has_read = false;
        for cursor in self.cursors(holder) {
            has_read |= self.read_on(&cursor)?;
        }
        Ok(has_read)
    }

    /// The comparisons that leave out rows of a scan, and of those between it and the scan `root` whose
    /// rows carry its own: what they compare is in the rows of `root`.
    pub(super) fn conditions(&self, number: usize, root: usize) -> Vec<(usize, Compared)> {
        let mut found = Vec::new();
        let mut next = Some(number);
        while let Some(number) = next {
            let plan = self.plan(number);
            let layout = plan.as_ref().and_then(|plan| self.layout(plan));
            if let Some((plan, layout)) = plan.zip(layout) {
                for compared in plan.compared {
                    let slot = compared.column.and_then(|column| layout.slot(column));
                    let carrying = slot.map(|slot| self.carrying(number, slot));
                    if let Some((_, slot)) = carrying.filter(|(carrier, _)| *carrier == root) {
                        found.push((slot, compared));
                    }
                }
            }
            let carrier = self.state().carriers.get(&number).map(|carrier| carrier.by);
            next = carrier.filter(|_| number != root);
        }
        found
    }

    /// The keys in a column of the rows that a cursor has before it.
    pub(super) fn referred(
        &self,
        cursor: &Arc<Mutex<Cursor>>,
        column: &Ahead,
    ) -> Result<Vec<Value>> {
        let &Ahead {
            number: by,
            slot,
            conditions,
        } = column;
        let shared = lock(cursor).shared();
        if let Some(shared) = shared {
            let shared = lock(&shared);
            return self.state().store.distinct(&shared.table, slot, 100_000);
        }
        let mut keys = lock(cursor).ahead(slot);
        for (slot, compared) in conditions {
            let values = lock(cursor).ahead(*slot);
            for (key, value) in keys.iter_mut().zip(values) {
                if compared.refuses(&value) {
                    *key = Value::Null;
                }
            }
        }
        // The rows looked up together with the one at which the cursor is are going to be asked
        // for as well.
        if let Some(plan) = self
            .plan(by)
            .filter(|plan| plan.access == Access::Keys || has_role(plan, &Role::Parent))
        {
            let state = self.state();
            let rows = state
                .lookups
                .get(&place(&plan))
                .into_iter()
                .flat_map(HashMap::values);
            keys.extend(
                rows.flatten()
                    .filter_map(|row| row.get(slot).map(Value::from)),
            );
        }
        Ok(keys)
    }

    /// Reads one more page for a cursor; whether there was one.
    pub(super) fn read_on(&self, cursor: &Arc<Mutex<Cursor>>) -> Result<bool> {
        let shared = lock(cursor).shared();
        if let Some(shared) = shared {
            return self.store_page(&shared);
        }
        if !lock(cursor).may_read_on() {
            return Ok(false);
        }
        let delivered = lock(cursor).read_page_ahead()?;
        let Some(warnings) = delivered else {
            return Ok(false);
        };
        self.warn(warnings);
        Ok(true)
    }

    fn fetch_keys(
        &self,
        plan: &Plan,
        shape: &Arc<TableShape>,
        holder: &Arc<TableShape>,
        keys: &[Key],
    ) -> Result<()> {
        let (Some(layout), TableSource::Service(table)) = (self.layout(plan), &holder.source)
        else {
            return Err(internal("keys without a table"));
        };
        let key_type = self.key_type(plan)?;
        let values: Vec<Value> = keys.iter().map(Key::value).collect();
        // Records that cannot be asked for by their keys are all read.
        let is_whole = plan.access == Access::Array && !takes_keys(holder, table);
        let demand = if is_whole {
            self.demand(shape, plan, &[])
        } else {
            let fields = self.fields_length(plan, shape);
            self.bounded(Requester::of_keys(holder, table, &values, fields))
        };
        // The service may take several texts for one key.
        let is_record = key_type.is_number() && demand.queries.iter().all(|query| query.is_record);
        let key_slot = match plan.access {
            Access::Array => layout.parent,
            _ => shape.key.first().and_then(|&key| layout.slot(key)),
        };
        let parent_key = self.parent_key(plan, shape);
        let mut stream = Stream::new(
            self.fetcher.clone(),
            Arc::clone(shape),
            Arc::clone(&layout),
            demand,
            parent_key,
        );
        let mut found: HashMap<Key, Vec<Row>> =
            keys.iter().map(|key| (key.clone(), Vec::new())).collect();
        while let Some(Delivered { mut page, warnings }) = stream.next_page(Wanted::All)? {
            self.warn(warnings);
            self.note(plan, &mut page);
            for row in page.rows {
                let key = key_slot.and_then(|slot| Key::of(row.get(slot)?, key_type));
                if is_whole && let Some(key) = key {
                    found.entry(key).or_default().push(row);
                } else if let Some(rows) = key.and_then(|key| found.get_mut(&key)) {
                    rows.push(row);
                } else if is_record {
                    let what = "is another record than the one that was asked for";
                    return Err(reply::wrong(&holder.name, what));
                }
            }
        }
        let mut state = self.state();
        if is_whole {
            state.looked_through.insert(place(plan));
        }
        let lookups = state.lookups.entry(place(plan)).or_default();
        lookups.extend(found);
        Ok(())
    }
}

pub(super) fn array_holder(catalog: &Catalog, table: &Table) -> Option<Arc<TableShape>> {
    catalog.table(&table.array.as_ref()?.table).cloned()
}

pub(super) fn add(wanted: &mut Vec<Key>, more: Vec<Key>, most: usize) {
    let mut known: HashSet<Key> = wanted.iter().cloned().collect();
    for key in more {
        if wanted.len() >= most {
            return;
        }
        if known.insert(key.clone()) {
            wanted.push(key);
        }
    }
}
