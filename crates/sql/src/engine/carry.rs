//! What comes along: records that other records carry as objects, and the rows of arrays in them.
//! Found before a statement runs, so that one layout asks for all of it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::bytecode::Source;
use super::layout::{Extra, Layout};
use super::page::{ExtraRows, Page};
use super::plan::{Access, Plan, Role};
use super::row::Row;
use super::runtime::{Key, Place, Runtime, State, has_role, lock, place};
use super::text::whole;
use crate::catalog::{Origin, TableShape, TableSource};
use crate::value::ValueRef;

/// That the rows looked up by one plan are carried by the rows of another: as objects in them.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    /// The plan of the scan whose rows carry them.
    pub(super) by: usize,
    /// The column with the reference.
    reference: usize,
    pub(super) carried: CarriedRow,
}

/// Where a row carries another one.
#[derive(Clone, Debug, Default)]
pub(super) struct CarriedRow {
    /// The slot with the reference.
    reference: usize,
    /// The slot that says whether the object shows its fields.
    marker: usize,
    /// For each slot of the row that is carried, the slot that carries it.
    slots: Vec<Option<usize>>,
}

/// That what the rows of one table show of another's records is kept, as if those had been looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Feed {
    table: Place,
    by: Place,
    /// The column with the reference.
    reference: usize,
}

impl Runtime {
    /// One layout for all scans of a table, so that they can share rows; with what other scans
    /// find in them.
    pub(super) fn layouts(&self, state: &mut State) -> HashMap<Place, Arc<Layout>> {
        let mut columns = columns_read(state);
        let mut objects: Vec<(usize, String)> = Vec::new();
        for (number, carrier) in &state.carriers {
            let (Some(plan), Some(by)) = (state.plans.get(*number), state.plans.get(carrier.by))
            else {
                continue;
            };
            if let Some(carried) = self.carried_columns(state, plan, *number, by, carrier.reference)
            {
                let used = columns.entry(place(by)).or_default();
                used.extend(carried.columns);
                objects.push((*number, carried.object));
            }
        }
        let feeds = self.feeds(state, &columns);
        for (feed, carried) in &feeds {
            let used = columns.entry(feed.by.clone()).or_default();
            used.extend(&carried.columns);
        }
        let mut layouts: HashMap<Place, Layout> = HashMap::new();
        for (at, used) in columns {
            if let Some(shape) = self.catalog.table(&at.0) {
                let used: Vec<usize> = used.into_iter().collect();
                let layout = Layout::new(shape, &used, at.1);
                layouts.insert(at, layout);
            }
        }
        for (number, object) in objects {
            if let Some(carrier) = self.settled(state, &mut layouts, number, &object) {
                state.carriers.insert(number, carrier);
            }
        }
        for (feed, carried) in feeds {
            if let Some(carried) = self.found_in(&mut layouts, &feed, &carried.object) {
                let known = state.feeds.entry(feed.by).or_default();
                known.push((feed.table, carried));
            }
        }
        self.carry_arrays(state, &mut layouts);
        layouts
            .into_iter()
            .map(|(at, layout)| (at, Arc::new(layout)))
            .collect()
    }

    /// The carrier of a plan, with the slots of the layouts that there are now.
    fn settled(
        &self,
        state: &State,
        layouts: &mut HashMap<Place, Layout>,
        number: usize,
        object: &str,
    ) -> Option<Carrier> {
        let carrier = state.carriers.get(&number)?;
        let feed = Feed {
            table: place(state.plans.get(number)?),
            by: place(state.plans.get(carrier.by)?),
            reference: carrier.reference,
        };
        Some(Carrier {
            by: carrier.by,
            reference: carrier.reference,
            carried: self.found_in(layouts, &feed, object)?,
        })
    }

    /// Where rows show a record of another table, by the layouts that there are now.
    fn found_in(
        &self,
        layouts: &mut HashMap<Place, Layout>,
        feed: &Feed,
        object: &str,
    ) -> Option<CarriedRow> {
        let shape = self.catalog.table(&feed.table.0)?;
        let by_shape = self.catalog.table(&feed.by.0)?;
        let own_columns = layouts.get(&feed.table)?.columns.clone();
        let layout = layouts.get_mut(&feed.by)?;
        let slot = |layout: &Layout, column: usize| {
            if shape.key == [column] {
                return layout.slot(feed.reference);
            }
            let field = plain_field(shape, column)?;
            layout.slot(object_column(by_shape, object, field)?)
        };
        Some(CarriedRow {
            reference: layout.slot(feed.reference)?,
            marker: layout.mark(object),
            slots: own_columns
                .iter()
                .map(|&column| slot(layout, column))
                .collect(),
        })
    }

    /// Finds tables whose records are looked up by keys that take a way which cannot be seen, and scans
    /// whose rows show all that the statement reads of such records.
    fn feeds(
        &self,
        state: &State,
        columns: &HashMap<Place, BTreeSet<usize>>,
    ) -> Vec<(Feed, Carried)> {
        let mut found: Vec<(Feed, Carried)> = Vec::new();
        for (number, fact) in &state.facts {
            let Some(plan) = state.plans.get(*number) else {
                continue;
            };
            let is_unseen = plan.access == Access::Keys
                && matches!(fact.arguments.first(), Some(Source::Unknown))
                && fact.lists.first().is_none_or(Option::is_none);
            let table = place(plan);
            let (true, Some(shape), Some(read)) =
                (is_unseen, self.catalog.table(&table.0), columns.get(&table))
            else {
                continue;
            };
            for by in state.facts.keys().filter_map(|by| state.plans.get(*by)) {
                let by = place(by);
                let Some(by_shape) = self.catalog.table(&by.0).filter(|_| !by.1 && by != table)
                else {
                    continue;
                };
                for &reference in columns.get(&by).into_iter().flatten() {
                    let feed = Feed {
                        table: table.clone(),
                        by: by.clone(),
                        reference,
                    };
                    if found.iter().any(|(known, _)| *known == feed) {
                        continue;
                    }
                    let carried = shows(by_shape, reference, shape, read.iter().copied());
                    found.extend(carried.map(|carried| (feed, carried)));
                }
            }
        }
        found
    }

    /// Lets records bring the rows of their arrays along.
    fn carry_arrays(&self, state: &State, layouts: &mut HashMap<Place, Layout>) {
        for (number, by) in &state.carried_arrays {
            let (Some(plan), Some(by)) = (state.plans.get(*number), state.plans.get(*by)) else {
                continue;
            };
            let rows = self
                .catalog
                .table(&plan.table)
                .zip(layouts.get(&place(plan)));
            let extra = rows.map(|(shape, layout)| Extra {
                shape: Arc::clone(shape),
                layout: Arc::new(layout.clone()),
            });
            if let Some((layout, extra)) = layouts.get_mut(&place(by)).zip(extra) {
                layout.carry(extra);
            }
        }
    }

    /// Finds plans that look records up which the scan that asks carries as objects.
    pub(super) fn carriers(&self, state: &State) -> HashMap<usize, Carrier> {
        let mut carriers = HashMap::new();
        for (number, fact) in &state.facts {
            let Some(plan) = state.plans.get(*number) else {
                continue;
            };
            let (Access::Keys, [Source::Column { plan: by, column }]) =
                (plan.access, &fact.arguments[..])
            else {
                continue;
            };
            let Some(by_plan) = state.plans.get(*by) else {
                continue;
            };
            if by_plan.access == Access::Array {
                continue;
            }
            if self
                .carried_columns(state, plan, *number, by_plan, *column)
                .is_some()
            {
                carriers.insert(
                    *number,
                    Carrier {
                        by: *by,
                        reference: *column,
                        carried: CarriedRow::default(),
                    },
                );
            }
        }
        carriers
    }

    /// Finds plans that look up the rows in an array of the very records that another scan reads.
    pub(super) fn carried_arrays(&self, state: &State) -> HashMap<usize, usize> {
        let mut found = HashMap::new();
        for (number, fact) in &state.facts {
            let (Some(plan), Some(Source::Column { plan: by, column })) =
                (state.plans.get(*number), fact.arguments.first())
            else {
                continue;
            };
            let by_plan = state.plans.get(*by);
            let Some((by_plan, by_shape)) =
                by_plan.and_then(|by| Some((by, self.catalog.table(&by.table)?)))
            else {
                continue;
            };
            let holder = self
                .catalog
                .table(&plan.table)
                .and_then(|shape| match &shape.source {
                    TableSource::Service(table) => table.array.as_ref().map(|array| &array.table),
                    TableSource::System => None,
                });
            let is_carried = plan.access == Access::Array
                && has_role(plan, &Role::Parent)
                && by_plan.access != Access::Array
                && by_shape.key == [*column]
                && holder.is_some_and(|holder| holder.eq_ignore_ascii_case(&by_plan.table));
            if is_carried {
                found.insert(*number, *by);
            }
        }
        found
    }

    /// The columns of a scan that carry all that a lookup needs; `None` if they do not.
    fn carried_columns(
        &self,
        state: &State,
        plan: &Plan,
        number: usize,
        by: &Plan,
        reference: usize,
    ) -> Option<Carried> {
        let shape = self.catalog.table(&plan.table)?;
        let by_shape = self.catalog.table(&by.table)?;
        let columns = &state.facts.get(&number)?.columns;
        shows(by_shape, reference, shape, columns.iter().copied())
    }

    /// The table whose records carry the rows of a plan. What is carried itself carries nothing on: an
    /// object shows neither the objects nor the arrays of its record.
    pub(crate) fn carried_by(&self, number: usize) -> Option<String> {
        let by = {
            let state = self.state();
            let carrier = state.carriers.get(&number).map(|carrier| carrier.by);
            carrier.or_else(|| state.carried_arrays.get(&number).copied())?
        };
        // Each step leads to an outer scan.
        if self.carried_by(by).is_some() && self.state().carriers.contains_key(&by) {
            return None;
        }
        self.plan(by).map(|plan| plan.table)
    }

    /// The tables whose records show those that a plan looks up.
    pub(crate) fn fed_by(&self, plan: &Plan) -> Option<String> {
        let table = place(plan);
        let state = self.state();
        let feeds = state.feeds.iter();
        let feeds = feeds.filter(|(_, feeds)| feeds.iter().any(|(fed, _)| *fed == table));
        let mut names: Vec<&str> = feeds.map(|(by, _)| by.0.as_str()).collect();
        names.sort_unstable();
        (plan.access == Access::Keys && !names.is_empty()).then(|| names.join(" and "))
    }

    /// A record that the row which asks for it carries.
    pub(super) fn carried(&self, number: usize, key: &Key) -> Option<Row> {
        let carrier = self.state().carriers.get(&number).cloned()?;
        self.cursors(carrier.by)
            .iter()
            .find_map(|cursor| lock(cursor).with_row(|row| carrier.carried.of_key(row, key))?)
    }

    /// The plan and the slot in whose rows a slot of a looked-up row is carried, if it is.
    pub(super) fn carrying(&self, plan: usize, slot: usize) -> (usize, usize) {
        let state = self.state();
        let (mut plan, mut slot) = (plan, slot);
        // Each step leads to an outer scan.
        while let Some(carrier) = state.carriers.get(&plan)
            && let Some(Some(carried)) = carrier.carried.slots.get(slot)
        {
            (plan, slot) = (carrier.by, *carried);
        }
        (plan, slot)
    }

    /// Takes notice of a page: of the rows of other tables in it, and of what its rows refer to.
    pub(crate) fn note(&self, plan: &Plan, page: &mut Page) {
        self.keep_extras(plan, std::mem::take(&mut page.extras));
        self.keep_carried(plan, &page.rows);
        self.note_references(plan, &page.rows);
    }

    /// Keeps what rows show of records that are looked up.
    fn keep_carried(&self, plan: &Plan, rows: &[Row]) {
        let mut state = self.state();
        let State {
            feeds,
            lookups,
            carried_keys,
            ..
        } = &mut *state;
        for (table, carried) in feeds.get(&place(plan)).into_iter().flatten() {
            let key_type = self.catalog.table(&table.0).and_then(|shape| {
                let key = shape.columns.get(*shape.key.first()?)?;
                Some(key.sql_type)
            });
            let known = lookups.entry(table.clone()).or_default();
            for row in rows {
                let key = row.get(carried.reference).zip(key_type);
                let Some(key) = key.and_then(|(key, key_type)| Key::of(key, key_type)) else {
                    continue;
                };
                if !known.contains_key(&key)
                    && let Some(row) = carried.of(row)
                {
                    known.insert(key.clone(), vec![row]);
                    carried_keys.push_back((table.clone(), key));
                }
            }
        }
        forget_oldest(lookups, carried_keys);
    }

    /// Keeps the rows of other tables that came in records, as if they had been looked up. The oldest
    /// go when there are many: the records they belong to have been read by then.
    fn keep_extras(&self, plan: &Plan, extras: Vec<ExtraRows>) {
        if extras.is_empty() {
            return;
        }
        let Some(layout) = self.layout(plan) else {
            return;
        };
        let mut state = self.state();
        let State {
            lookups,
            carried_keys,
            ..
        } = &mut *state;
        for (extra, read) in layout.extras.iter().zip(extras) {
            let key_type = extra.layout.parent_type(&extra.shape);
            let at = (extra.shape.name.clone(), true);
            let known = lookups.entry(at.clone()).or_default();
            let mut rows = read.rows.into_iter();
            for (key, count) in read.groups {
                let rows: Vec<Row> = rows.by_ref().take(count).collect();
                if let Some(key) = Key::of(&key, key_type) {
                    known.insert(key.clone(), rows);
                    carried_keys.push_back((at.clone(), key));
                }
            }
        }
        forget_oldest(lookups, carried_keys);
    }

    /// Remembers what rows refer to, for lookups whose values take a way that cannot be seen.
    fn note_references(&self, plan: &Plan, rows: &[Row]) {
        let (Some(shape), Some(layout)) = (self.catalog.table(&plan.table), self.layout(plan))
        else {
            return;
        };
        let mut state = self.state();
        let wanted: HashSet<String> = state
            .facts
            .iter()
            .filter(|(_, facts)| matches!(facts.arguments.first(), Some(Source::Unknown)))
            .filter_map(|(number, _)| state.plans.get(*number))
            .map(|plan| plan.table.to_ascii_lowercase())
            .collect();
        if wanted.is_empty() {
            return;
        }
        for (slot, &column) in layout.columns.iter().enumerate() {
            let references = shape
                .columns
                .get(column)
                .and_then(|column| column.references.as_ref())
                .map(|table| table.to_ascii_lowercase());
            // A lookup by a table's own key is fed by that key too.
            let own = (shape.key == [column]).then(|| shape.name.to_ascii_lowercase());
            for table in references.into_iter().chain(own) {
                if wanted.contains(&table) {
                    let seen = state.seen.entry(table).or_default();
                    seen.extend(rows.iter().filter_map(|row| whole(row.get(slot)?)));
                }
            }
        }
    }
}

/// Bounds the number of rows that came along and are kept.
fn forget_oldest(
    lookups: &mut HashMap<Place, HashMap<Key, Vec<Row>>>,
    carried_keys: &mut VecDeque<(Place, Key)>,
) {
    /// More than are ever read ahead.
    const MOST: usize = 50_000;
    while carried_keys.len() > MOST
        && let Some((at, key)) = carried_keys.pop_front()
    {
        if let Some(known) = lookups.get_mut(&at) {
            known.remove(&key);
        }
    }
}

/// The columns of each table that the statement reads.
fn columns_read(state: &State) -> HashMap<Place, BTreeSet<usize>> {
    let mut columns: HashMap<Place, BTreeSet<usize>> = HashMap::new();
    for (number, fact) in &state.facts {
        let Some(plan) = state.plans.get(*number) else {
            continue;
        };
        let used = columns.entry(place(plan)).or_default();
        used.extend(&fact.columns);
        // A table that is read in place of requests is searched by what they would have asked.
        let is_searched =
            |role: &Role| fact.is_inner && matches!(role, Role::Filters(_) | Role::Local);
        let searched = plan
            .arguments
            .iter()
            .filter(|argument| argument.is_many || is_searched(&argument.role));
        used.extend(searched.filter_map(|argument| argument.column));
    }
    columns
}

/// The columns of a scan that carry what a lookup needs.
struct Carried {
    object: String,
    columns: Vec<usize>,
}

/// The columns of a table that show all of these columns of the records that it refers to.
fn shows(
    by: &TableShape,
    reference: usize,
    shape: &TableShape,
    columns: impl Iterator<Item = usize>,
) -> Option<Carried> {
    let object = same_record(by, reference, &shape.name)?;
    let mut found = vec![reference];
    for column in columns.filter(|column| shape.key != [*column]) {
        let field = plain_field(shape, column)?;
        found.push(object_column(by, &object, field)?);
    }
    // The object has to be asked for by one of its fields, to see whether it is shown.
    if found.len() == 1 {
        found.push(any_object_column(by, &object)?);
    }
    Some(Carried {
        object,
        columns: found,
    })
}

impl CarriedRow {
    /// The record that a row shows, if it does.
    fn of(&self, row: &Row) -> Option<Row> {
        let is_shown = row.get(self.marker) == Some(ValueRef::Integer(1));
        is_shown.then(|| {
            let value = |slot: &Option<usize>| slot.and_then(|slot| row.get(slot));
            let values = self.slots.iter().map(value);
            Row::of(values.map(|value| value.unwrap_or(ValueRef::Null)))
        })
    }

    fn of_key(&self, row: &Row, key: &Key) -> Option<Row> {
        let is_it = key.is(row.get(self.reference)?);
        self.of(row).filter(|_| is_it)
    }
}

/// The object whose record a column refers to, if both show the same.
pub(crate) fn same_record(shape: &TableShape, column: usize, table: &str) -> Option<String> {
    let TableSource::Service(source) = &shape.source else {
        return None;
    };
    let column = shape.columns.get(column)?;
    let declared = source
        .columns
        .iter()
        .find(|declared| declared.name == column.name)?;
    let reference = declared.reference.as_ref()?;
    if !reference.same_record || !reference.table.eq_ignore_ascii_case(table) {
        return None;
    }
    match &column.origin {
        Origin::Field {
            field,
            inner: Some(_),
            ..
        } => Some(field.clone()),
        // A key that the record holds itself, beside the object.
        Origin::Field { .. } => reference.object.clone(),
        _ => None,
    }
}

/// The field of a record that a column shows, where it shows a field as it is.
pub(crate) fn plain_field(shape: &TableShape, column: usize) -> Option<&str> {
    match &shape.columns.get(column)?.origin {
        Origin::Field {
            field,
            inner: None,
            is_json: false,
        } => Some(field),
        _ => None,
    }
}

/// The column that shows a field of an object.
pub(crate) fn object_column(shape: &TableShape, object: &str, wanted: &str) -> Option<usize> {
    shape.columns.iter().position(|column| {
        matches!(&column.origin, Origin::Field { field, inner: Some(inner), .. }
            if field == object && inner == wanted)
    })
}

pub(super) fn any_object_column(shape: &TableShape, object: &str) -> Option<usize> {
    shape.columns.iter().position(|column| {
        matches!(&column.origin, Origin::Field { field, inner: Some(_), .. } if field == object)
    })
}
