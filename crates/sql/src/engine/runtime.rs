//! A statement at work: what its scans share.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use apilink_core::profile::tables::Table;
use apilink_core::{Diagnostic, Result, SqlState};

use super::bytecode::{ScanFacts, Source};
use super::fetch::{Delivered, Fetcher, Stream};
use super::layout::{Extra, Layout};
use super::page::{Page, Row};
use super::plan::{Access, Operator, Plan, Role};
use super::request::{Demand, Given, Requester};
use super::scan::{Cursor, Rows, Way};
use super::store::{Store, StoredTable};
use crate::catalog::{Catalog, Origin, TableShape, TableSource};
use crate::value::Value;

/// Pages that are read ahead to fill a request for keys.
const MOST_PAGES_AHEAD: usize = 50;
/// With no more different values than these to look up, each is a request of its own; with more,
/// the table is read once.
const FEW_LOOKUPS: u64 = 10;

/// What all scans of a statement share. `SQLite` calls one scan at a time.
pub(crate) struct Runtime {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) fetcher: Fetcher,
    /// Rows of system tables.
    pub(crate) system: Arc<dyn Fn(&str) -> Vec<Row> + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plans: Vec<Plan>,
    facts: HashMap<usize, ScanFacts>,
    layouts: HashMap<(String, bool), Arc<Layout>>,
    carriers: HashMap<usize, Carrier>,
    /// Plans whose rows come in the records of another plan, as arrays.
    carried_arrays: HashMap<usize, usize>,
    /// The keys of records whose arrays came along, in that order.
    carried_keys: VecDeque<((String, bool), Key)>,
    cursors: HashMap<usize, Vec<Weak<Mutex<Cursor>>>>,
    store: Store,
    shared: HashMap<(String, Demand), Arc<Mutex<Shared>>>,
    counts: HashMap<(String, Demand), u64>,
    lookups: HashMap<(String, bool), HashMap<Key, Vec<Row>>>,
    /// Per plan: whether its table is read once in place of a request for each value.
    reads_table: HashMap<usize, bool>,
    /// Values of references seen so far, by the table they refer to.
    seen: HashMap<String, BTreeSet<i64>>,
    warnings: Vec<Diagnostic>,
    failure: Option<Diagnostic>,
}

/// A key as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Whole(i64),
    Text(String),
}

/// Rows that several scans read.
pub(crate) struct Shared {
    plan: Plan,
    fetches_ahead: bool,
    stream: Stream,
    pub(crate) table: StoredTable,
}

/// That the rows looked up by one plan are carried by the rows of another: as objects in them.
#[derive(Clone, Debug)]
struct Carrier {
    /// The plan of the scan whose rows carry them.
    by: usize,
    /// The slot with the reference.
    reference: usize,
    /// The slot that says whether the object shows its fields.
    marker: usize,
    /// For each slot of the row that is carried, the slot that carries it.
    slots: Vec<Option<usize>>,
}

impl Key {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        if let Some(number) = super::request::whole(value) {
            return Some(Self::Whole(number));
        }
        match value {
            Value::Text(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Whole(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

impl Runtime {
    pub(crate) fn new(
        catalog: Arc<Catalog>,
        fetcher: Fetcher,
        system: Arc<dyn Fn(&str) -> Vec<Row> + Send + Sync>,
    ) -> Self {
        Self {
            catalog,
            fetcher,
            system,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a plan; the same plan always has the same.
    pub(crate) fn number(&self, plan: Plan) -> usize {
        let mut state = self.state();
        match state.plans.iter().position(|known| *known == plan) {
            Some(at) => at,
            None => {
                state.plans.push(plan);
                state.plans.len() - 1
            }
        }
    }

    pub(crate) fn plan(&self, number: usize) -> Option<Plan> {
        self.state().plans.get(number).cloned()
    }

    /// The facts about a plan's scans.
    pub(crate) fn facts(&self, number: usize) -> Option<ScanFacts> {
        self.state().facts.get(&number).cloned()
    }

    /// Takes notice of what the statement's program does, before it runs.
    pub(crate) fn learn(&self, facts: HashMap<usize, ScanFacts>) {
        let mut state = self.state();
        state.facts = facts;
        state.carriers = self.carriers(&state);
        state.carried_arrays = self.carried_arrays(&state);
        state.layouts = self.layouts(&mut state);
    }

    /// One layout for all scans of a table, so that they can share rows.
    fn layouts(&self, state: &mut State) -> HashMap<(String, bool), Arc<Layout>> {
        let mut columns: HashMap<(String, bool), Vec<usize>> = HashMap::new();
        for (number, fact) in &state.facts {
            let Some(plan) = state.plans.get(*number) else {
                continue;
            };
            let used = columns.entry(place(plan)).or_default();
            used.extend(fact.columns.iter().copied());
            // A table that is read in place of requests is searched by what they would have asked.
            used.extend(
                plan.arguments
                    .iter()
                    .filter(|argument| {
                        fact.is_inner && matches!(argument.role, Role::Filters(_) | Role::Local)
                    })
                    .filter_map(|argument| argument.column),
            );
        }
        let mut objects: Vec<(usize, String)> = Vec::new();
        for (number, carrier) in &state.carriers {
            let (Some(plan), Some(by)) = (state.plans.get(*number), state.plans.get(carrier.by))
            else {
                continue;
            };
            if let Some(carried) = self.carried_columns(state, plan, *number, by, carrier.reference)
            {
                columns
                    .entry(place(by))
                    .or_default()
                    .extend(carried.columns);
                objects.push((*number, carried.object));
            }
        }
        let mut layouts: HashMap<(String, bool), Layout> = HashMap::new();
        for (at, mut used) in columns {
            used.sort_unstable();
            used.dedup();
            if let Some(shape) = self.catalog.table(&at.0) {
                let layout = Layout::new(shape, &used, at.1);
                layouts.insert(at, layout);
            }
        }
        let mut carriers = std::mem::take(&mut state.carriers);
        for (number, object) in objects {
            let Some((carrier, plan)) = carriers.get_mut(&number).zip(state.plans.get(number))
            else {
                continue;
            };
            let Some(by) = state.plans.get(carrier.by) else {
                continue;
            };
            let own_columns = layouts
                .get(&place(plan))
                .map(|layout| layout.columns.clone())
                .unwrap_or_default();
            let (Some(shape), Some(by_shape)) = (
                self.catalog.table(&plan.table),
                self.catalog.table(&by.table),
            ) else {
                continue;
            };
            let Some(layout) = layouts.get_mut(&place(by)) else {
                continue;
            };
            let reference_column = carrier.reference;
            carrier.marker = layout.mark(&object);
            carrier.slots = own_columns
                .iter()
                .map(|&column| {
                    if shape.key == [column] {
                        return layout.slot(reference_column);
                    }
                    let field = plain_field(shape, column)?;
                    layout.slot(object_column(by_shape, &object, field)?)
                })
                .collect();
            carrier.reference = layout.slot(reference_column).unwrap_or(usize::MAX);
        }
        state.carriers = carriers;
        for (number, by) in &state.carried_arrays {
            let (Some(plan), Some(by)) = (state.plans.get(*number), state.plans.get(*by)) else {
                continue;
            };
            let extra = self
                .catalog
                .table(&plan.table)
                .zip(layouts.get(&place(plan)))
                .map(|(shape, layout)| Extra {
                    shape: Arc::clone(shape),
                    layout: Arc::new(layout.clone()),
                });
            if let Some((layout, extra)) = layouts.get_mut(&place(by)).zip(extra)
                && !layout
                    .extras
                    .iter()
                    .any(|known| known.shape.name == plan.table)
            {
                layout.carry(extra);
            }
        }
        layouts
            .into_iter()
            .map(|(at, layout)| (at, Arc::new(layout)))
            .collect()
    }

    /// Finds plans that look records up which the scan that asks carries as objects.
    fn carriers(&self, state: &State) -> HashMap<usize, Carrier> {
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
                        marker: usize::MAX,
                        slots: Vec::new(),
                    },
                );
            }
        }
        carriers
    }

    /// Finds plans that look up the rows in an array of the very records that another scan reads.
    fn carried_arrays(&self, state: &State) -> HashMap<usize, usize> {
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
        let object = same_record(by_shape, reference, &plan.table)?;
        let mut columns = vec![reference];
        for &column in &state.facts.get(&number)?.columns {
            if shape.key == [column] {
                continue;
            }
            let field = plain_field(shape, column)?;
            columns.push(object_column(by_shape, &object, field)?);
        }
        // The object has to be asked for by one of its fields, to see whether it is shown.
        if columns.len() == 1 {
            columns.push(any_object_column(by_shape, &object)?);
        }
        Some(Carried { object, columns })
    }

    pub(crate) fn layout(&self, plan: &Plan) -> Option<Arc<Layout>> {
        self.state().layouts.get(&place(plan)).cloned()
    }

    pub(crate) fn warn(&self, warnings: Vec<Diagnostic>) {
        self.state().warnings.extend(warnings);
    }

    pub(crate) fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.state().warnings)
    }

    /// Keeps the error that ends the statement, which `SQLite` can only carry as text.
    pub(crate) fn fail(&self, problem: Diagnostic) {
        self.state().failure.get_or_insert(problem);
    }

    pub(crate) fn take_failure(&self) -> Option<Diagnostic> {
        self.state().failure.take()
    }

    /// Makes a cursor known to scans that look up what its rows refer to.
    pub(crate) fn register(&self, plan: usize, cursor: &Arc<Mutex<Cursor>>) {
        let mut state = self.state();
        let known = state.cursors.entry(plan).or_default();
        known.retain(|cursor| cursor.strong_count() > 0);
        if !known
            .iter()
            .any(|known| known.as_ptr() == Arc::as_ptr(cursor))
        {
            known.push(Arc::downgrade(cursor));
        }
    }

    fn cursors(&self, plan: usize) -> Vec<Arc<Mutex<Cursor>>> {
        self.state()
            .cursors
            .get(&plan)
            .map(|cursors| cursors.iter().filter_map(Weak::upgrade).collect())
            .unwrap_or_default()
    }

    /// The rows of a scan that begins.
    pub(crate) fn begin(&self, number: usize, given: &[Given]) -> Result<Rows> {
        let Some(plan) = self.plan(number) else {
            return Err(internal("a scan without a plan"));
        };
        let shape = self.shape(&plan)?;
        let facts = self.facts(number).unwrap_or_default();
        match plan.access {
            Access::System => Ok(Rows::listed(self.system_rows(&plan))),
            Access::Keys => self.by_keys(number, &plan, &shape, given, &Role::Key),
            Access::Array if has_role(&plan, &Role::Parent) => {
                self.by_keys(number, &plan, &shape, given, &Role::Parent)
            }
            Access::Array | Access::List => self.by_list(number, &plan, &shape, &facts, given),
        }
    }

    /// The rows of a system table, with the columns that the statement reads.
    fn system_rows(&self, plan: &Plan) -> Vec<Row> {
        let layout = self.layout(plan).unwrap_or_default();
        let rows = (self.system)(&plan.table).into_iter();
        rows.map(|row| {
            let columns = layout.columns.iter();
            columns
                .map(|&column| row.get(column).cloned().unwrap_or(Value::Null))
                .collect()
        })
        .collect()
    }

    pub(crate) fn shape(&self, plan: &Plan) -> Result<Arc<TableShape>> {
        self.catalog
            .table(&plan.table)
            .cloned()
            .ok_or_else(|| internal("a plan without a table"))
    }

    fn by_list(
        &self,
        number: usize,
        plan: &Plan,
        shape: &Arc<TableShape>,
        facts: &ScanFacts,
        given: &[Given],
    ) -> Result<Rows> {
        let layout = self
            .layout(plan)
            .ok_or_else(|| internal("a plan without a layout"))?;
        let reads_table = facts.is_inner && self.reads_table(number, plan, facts);
        let (demand, local) = if reads_table {
            self.table_demand(plan, shape, facts, given, &layout)
        } else {
            let demand = self.requester().demand(shape, plan, given);
            (demand, local_values(plan, &layout, given, facts.is_inner))
        };
        if demand.queries.is_empty() {
            return Ok(Rows::listed(Vec::new()));
        }
        if self.is_counted(plan, facts)
            && let Some(count) = self.count(plan, shape, &demand)?
        {
            return Ok(Rows::counted(count));
        }
        let parent_key = self.parent_key(plan, shape);
        if !facts.is_inner && self.places(&plan.table) <= 1 {
            let stream = Stream::new(
                self.fetcher.clone(),
                Arc::clone(shape),
                layout,
                demand,
                parent_key,
            );
            let bound = self.bound(plan, shape, given);
            let fetches_ahead = !facts.can_stop && bound.is_none();
            let way = self.way(plan, shape);
            return Ok(Rows::streamed(stream, fetches_ahead, way, bound));
        }
        let shared = self.shared(plan, shape, facts, &layout, demand)?;
        Ok(Rows::stored(shared, local))
    }

    /// The key beyond which a scan need not be read.
    fn bound(&self, plan: &Plan, shape: &TableShape, given: &[Given]) -> Option<i64> {
        let [_] = shape.key[..] else {
            return None;
        };
        plan.arguments
            .iter()
            .zip(given)
            .find(|(argument, _)| argument.role == Role::Bound)
            .and_then(|(_, given)| match given {
                Given::One(value) => super::request::whole(value),
                Given::Many(_) => None,
            })
    }

    /// Which way a scan goes through the keys, if it goes by them.
    fn way(&self, plan: &Plan, shape: &TableShape) -> Option<Way> {
        let (at, descending) = plan.order?;
        let TableSource::Service(table) = &shape.source else {
            return None;
        };
        let [key] = shape.key[..] else {
            return None;
        };
        let order = table.list.as_ref()?.orders.get(at)?;
        let is_key = shape
            .columns
            .get(key)?
            .name
            .eq_ignore_ascii_case(&order.column);
        let slot = self.layout(plan)?.slot(key)?;
        is_key.then_some(Way { slot, descending })
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
        let demand = self.requester().demand(&shape, &ascending, given);
        let mut stream = Stream::new(
            self.fetcher.clone(),
            Arc::clone(&shape),
            Arc::clone(&layout),
            demand,
            None,
        );
        let mut table = self.state().store.table(&shape, &layout)?;
        let key = |row: &Row| super::request::whole(row.get(slot?)?);
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

    /// The number of records that can be reached from the end of a list.
    pub(crate) fn offset_end(&self) -> u64 {
        self.fetcher.session.settings().profile.paging.offset_end
    }

    /// The number of records of a demand, asked for once.
    fn count(&self, plan: &Plan, shape: &TableShape, demand: &Demand) -> Result<Option<u64>> {
        let key = (plan.table.clone(), demand.clone());
        if let Some(&known) = self.state().counts.get(&key) {
            return Ok(Some(known));
        }
        let count = self.fetcher.count(shape, demand)?;
        if let Some(count) = count {
            self.state().counts.insert(key, count);
        }
        Ok(count)
    }

    /// Whether only the number of rows matters, and the service knows it.
    pub(crate) fn is_counted(&self, plan: &Plan, facts: &ScanFacts) -> bool {
        !facts.is_inner
            && plan.access == Access::List
            && facts.columns.is_empty()
            && !facts.reads_rowid
            && plan.is_exact
    }

    /// The plans that the statement uses, by number.
    pub(crate) fn scans(&self) -> Vec<(usize, Plan, ScanFacts)> {
        let state = self.state();
        let mut numbers: Vec<usize> = state.facts.keys().copied().collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|number| {
                let plan = state.plans.get(number)?.clone();
                Some((number, plan, state.facts.get(&number)?.clone()))
            })
            .collect()
    }

    /// The table whose records carry the rows of a plan.
    pub(crate) fn carried_by(&self, number: usize) -> Option<String> {
        let state = self.state();
        let by = state
            .carriers
            .get(&number)
            .map(|carrier| carrier.by)
            .or_else(|| state.carried_arrays.get(&number).copied())?;
        state.plans.get(by).map(|plan| plan.table.clone())
    }

    /// The places in the program where a table is read: with more than one, rows are kept.
    fn places(&self, table: &str) -> usize {
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

    fn shared(
        &self,
        plan: &Plan,
        shape: &Arc<TableShape>,
        facts: &ScanFacts,
        layout: &Arc<Layout>,
        demand: Demand,
    ) -> Result<Arc<Mutex<Shared>>> {
        let parent_key = self.parent_key(plan, shape);
        let mut state = self.state();
        let key = (format!("{} {:?}", plan.table, plan.access), demand);
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
            fetches_ahead: !facts.can_stop,
            stream,
            table,
        }));
        state.shared.insert(key, Arc::clone(&shared));
        Ok(shared)
    }

    /// Whether a scan that begins again and again with other values reads its table once instead
    /// of asking for each of them.
    fn reads_table(&self, number: usize, plan: &Plan, facts: &ScanFacts) -> bool {
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
        self.cursors(*plan)
            .iter()
            .filter_map(|cursor| lock(cursor).expected_rows())
            .max()
    }

    /// What is asked when a table is read in place of single requests, and the values that its
    /// stored rows are searched by.
    fn table_demand(
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
        (self.requester().demand(shape, &fixed, &kept), local)
    }

    pub(crate) fn requester(&self) -> Requester<'_> {
        Requester {
            catalog: &self.catalog,
            paging: &self.fetcher.session.settings().profile.paging,
        }
    }

    /// The field with the key of the records that hold a table's rows.
    pub(crate) fn parent_key(&self, plan: &Plan, shape: &TableShape) -> Option<String> {
        if plan.access != Access::Array {
            return None;
        }
        let TableSource::Service(table) = &shape.source else {
            return None;
        };
        let parent = self.catalog.table(&table.array.as_ref()?.table)?;
        let key = parent.columns.get(*parent.key.first()?)?;
        match &key.origin {
            Origin::Field { field, .. } => Some(field.clone()),
            _ => None,
        }
    }

    /// The records with given keys, or the rows in them.
    fn by_keys(
        &self,
        number: usize,
        plan: &Plan,
        shape: &Arc<TableShape>,
        given: &[Given],
        role: &Role,
    ) -> Result<Rows> {
        let mut keys = Vec::new();
        for (argument, value) in plan.arguments.iter().zip(given) {
            if argument.role == *role {
                match value {
                    Given::One(value) => keys.extend(Key::of(value)),
                    Given::Many(values) => keys.extend(values.iter().filter_map(Key::of)),
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

    /// A record that the row which asks for it carries.
    fn carried(&self, number: usize, key: &Key) -> Option<Row> {
        let carrier = self.state().carriers.get(&number).cloned()?;
        self.cursors(carrier.by)
            .iter()
            .find_map(|cursor| lock(cursor).with_row(|row| carried_row(&carrier, row, key))?)
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
            let at_once = Requester::keys_at_once(&holder, table);
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

    fn unknown(&self, plan: &Plan, keys: impl IntoIterator<Item = Key>) -> Vec<Key> {
        let state = self.state();
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
        let Some((by, slot)) = slot.map(|slot| self.carrying(*by, slot)) else {
            return Ok(());
        };
        let may_read_on = self.facts(by).is_some_and(|facts| !facts.can_stop);
        for cursor in self.cursors(by) {
            for _ in 0..=MOST_PAGES_AHEAD {
                let ahead = self.referred(&cursor, slot, by)?;
                add(wanted, self.unknown(plan, ahead), at_once);
                if wanted.len() >= at_once || !may_read_on || !self.read_on(&cursor)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The plan and the slot in whose rows a slot of a looked-up row is carried, if it is.
    fn carrying(&self, plan: usize, slot: usize) -> (usize, usize) {
        let state = self.state();
        let (mut plan, mut slot) = (plan, slot);
        // Each step leads to an outer scan.
        while let Some(carrier) = state.carriers.get(&plan)
            && let Some(Some(carried)) = carrier.slots.get(slot)
        {
            (plan, slot) = (carrier.by, *carried);
        }
        (plan, slot)
    }

    /// The keys in a column of the rows that a cursor has before it.
    fn referred(&self, cursor: &Arc<Mutex<Cursor>>, slot: usize, by: usize) -> Result<Vec<Key>> {
        let shared = lock(cursor).shared();
        if let Some(shared) = shared {
            let shared = lock(&shared);
            let values = self.state().store.distinct(&shared.table, slot, 100_000)?;
            return Ok(values.iter().filter_map(Key::of).collect());
        }
        let ahead = lock(cursor).ahead(slot);
        let mut keys: Vec<Key> = ahead.iter().filter_map(Key::of).collect();
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
            keys.extend(rows.flatten().filter_map(|row| Key::of(row.get(slot)?)));
        }
        Ok(keys)
    }

    /// Reads one more page for a cursor; whether there was one.
    fn read_on(&self, cursor: &Arc<Mutex<Cursor>>) -> Result<bool> {
        let shared = lock(cursor).shared();
        if let Some(shared) = shared {
            return self.store_page(&shared);
        }
        let delivered = lock(cursor).read_page_ahead()?;
        let Some(warnings) = delivered else {
            return Ok(false);
        };
        self.warn(warnings);
        Ok(true)
    }

    /// Fetches a page of shared rows; whether there was one.
    pub(crate) fn store_page(&self, shared: &Arc<Mutex<Shared>>) -> Result<bool> {
        let mut shared = lock(shared);
        let Some(Delivered { mut page, warnings }) = shared.stream.next_page()? else {
            return Ok(false);
        };
        if shared.fetches_ahead {
            shared.stream.fetch_ahead();
        }
        self.warn(warnings);
        self.note(&shared.plan, &mut page);
        let Shared { table, .. } = &mut *shared;
        self.state().store.add(table, &page.rows)?;
        Ok(true)
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
        let values: Vec<Value> = keys.iter().map(Key::value).collect();
        let demand = self.requester().of_keys(holder, table, &values);
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
        while let Some(Delivered { mut page, warnings }) = stream.next_page()? {
            self.warn(warnings);
            self.note(plan, &mut page);
            for row in page.rows {
                let key = key_slot.and_then(|slot| Key::of(row.get(slot)?));
                if let Some(rows) = key.and_then(|key| found.get_mut(&key)) {
                    rows.push(row);
                }
            }
        }
        self.state()
            .lookups
            .entry(place(plan))
            .or_default()
            .extend(found);
        Ok(())
    }

    /// Takes notice of a page: of the rows of other tables in it, and of what its rows refer to.
    pub(crate) fn note(&self, plan: &Plan, page: &mut Page) {
        self.keep_extras(plan, std::mem::take(&mut page.extras));
        self.note_references(plan, &page.rows);
    }

    /// Keeps the rows of other tables that came in records, as if they had been looked up. The oldest
    /// go when there are many: the records they belong to have been read by then.
    fn keep_extras(&self, plan: &Plan, extras: Vec<(usize, Value, Vec<Row>)>) {
        /// More than are ever read ahead.
        const MOST: usize = 50_000;
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
        for (extra, key, rows) in extras {
            let (Some(extra), Some(key)) = (layout.extras.get(extra), Key::of(&key)) else {
                continue;
            };
            let at = (extra.shape.name.clone(), true);
            lookups
                .entry(at.clone())
                .or_default()
                .insert(key.clone(), rows);
            carried_keys.push_back((at, key));
        }
        while carried_keys.len() > MOST
            && let Some((at, key)) = carried_keys.pop_front()
        {
            if let Some(known) = lookups.get_mut(&at) {
                known.remove(&key);
            }
        }
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
                    seen.extend(
                        rows.iter()
                            .filter_map(|row| super::request::whole(row.get(slot)?)),
                    );
                }
            }
        }
    }
}

/// The columns of a scan that carry what a lookup needs.
struct Carried {
    object: String,
    columns: Vec<usize>,
}

fn carried_row(carrier: &Carrier, row: &Row, key: &Key) -> Option<Row> {
    let is_shown = row.get(carrier.marker) == Some(&Value::Integer(1));
    let refers = Key::of(row.get(carrier.reference)?)? == *key;
    (is_shown && refers).then(|| {
        carrier
            .slots
            .iter()
            .map(|slot| {
                slot.and_then(|slot| row.get(slot).cloned())
                    .unwrap_or(Value::Null)
            })
            .collect()
    })
}

/// The object whose record a column refers to, if both show the same.
fn same_record(shape: &TableShape, column: usize, table: &str) -> Option<String> {
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
fn plain_field(shape: &TableShape, column: usize) -> Option<&str> {
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
fn object_column(shape: &TableShape, object: &str, wanted: &str) -> Option<usize> {
    shape.columns.iter().position(|column| {
        matches!(&column.origin, Origin::Field { field, inner: Some(inner), .. }
            if field == object && inner == wanted)
    })
}

fn any_object_column(shape: &TableShape, object: &str) -> Option<usize> {
    shape.columns.iter().position(|column| {
        matches!(&column.origin, Origin::Field { field, inner: Some(_), .. } if field == object)
    })
}

fn array_holder(catalog: &Catalog, table: &Table) -> Option<Arc<TableShape>> {
    catalog.table(&table.array.as_ref()?.table).cloned()
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

fn local_values(
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

fn has_role(plan: &Plan, role: &Role) -> bool {
    plan.arguments.iter().any(|argument| argument.role == *role)
}

fn place(plan: &Plan) -> (String, bool) {
    (plan.table.clone(), plan.access == Access::Array)
}

fn add(wanted: &mut Vec<Key>, more: Vec<Key>, most: usize) {
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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn internal(what: &str) -> Diagnostic {
    Diagnostic::new(
        SqlState::GENERAL_ERROR,
        format!("apilink has a fault: it met {what}. Please report the statement."),
    )
}
