//! A statement at work: what its scans share.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use apilink_core::{Diagnostic, Result, SqlState};

use super::bytecode::{ScanFacts, Stops};
use super::carry::{CarriedRow, Carrier};
use super::choice::{Beginning, Repeats};
use super::fetch::Fetcher;
use super::layout::Layout;
use super::names;
use super::plan::{Access, Plan, Role};
use super::repeat::{Shared, local_values};
use super::request::{Demand, FEW_VALUES, Given, Requester};
use super::row::Row;
use super::scan::{Cursor, Limits, Rows, Way};
use super::store::Store;
use super::stream::Stream;
use crate::catalog::{Catalog, Origin, TableShape, TableSource};
use crate::types::SqlType;
use crate::value::{Value, ValueRef};

/// What all scans of a statement share. `SQLite` calls one scan at a time.
pub(crate) struct Runtime {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) fetcher: Fetcher,
    /// Rows of system tables.
    pub(crate) system: SystemRows,
    /// The values of the statement's only IN, where they are literals.
    pub(crate) only_set: Option<Vec<Value>>,
    /// The statement may have an outer join: of what `SQLite` compares rows with, it does not say
    /// whether they are left out.
    pub(crate) may_keep: bool,
    state: Mutex<State>,
}

/// What changes while a statement runs.
#[derive(Default)]
pub(super) struct State {
    pub(super) plans: Vec<Plan>,
    pub(super) facts: HashMap<usize, ScanFacts>,
    pub(super) layouts: HashMap<Place, Arc<Layout>>,
    pub(super) carriers: HashMap<usize, Carrier>,
    /// Plans whose rows come in the records of another plan, as arrays.
    pub(super) carried_arrays: HashMap<usize, usize>,
    /// What the rows of a place show of records that are looked up elsewhere.
    pub(super) feeds: HashMap<Place, Vec<(Place, CarriedRow)>>,
    /// The keys of records that came along, or whose arrays did, in that order.
    pub(super) carried_keys: VecDeque<(Place, Key)>,
    pub(super) cursors: HashMap<usize, Vec<Weak<Mutex<Cursor>>>>,
    pub(super) store: Store,
    pub(super) shared: HashMap<(String, Demand), Arc<Mutex<Shared>>>,
    pub(super) counts: HashMap<(String, Demand), u64>,
    pub(super) lookups: HashMap<Place, HashMap<Key, Vec<Row>>>,
    /// Where the rows of all keys are known.
    pub(super) looked_through: HashSet<Place>,
    /// Per plan: what is known of a scan that begins again and again.
    pub(super) repeats: HashMap<usize, Repeats>,
    /// Values of references seen so far, by the table they refer to.
    pub(super) seen: HashMap<String, BTreeSet<i64>>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) failure: Option<Diagnostic>,
}

/// A table, and whether its rows are read in the arrays of another's records.
pub(super) type Place = (String, bool);

/// Gives the rows of a system table.
pub(crate) type SystemRows = Arc<dyn Fn(&str) -> Vec<Vec<Value>> + Send + Sync>;

/// A key as it is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Whole(i64),
    Text(String),
}

impl Key {
    /// A value as a key of a column of this type, as `SQLite` compares the two.
    pub(crate) fn of<'v>(value: impl Into<ValueRef<'v>>, sql_type: SqlType) -> Option<Self> {
        let value = value.into();
        if !matches!(sql_type, SqlType::Varchar { .. }) {
            return super::text::whole(value).map(Self::Whole);
        }
        match value {
            ValueRef::Text(text) => Some(Self::Text(text.to_owned())),
            ValueRef::Integer(number) => Some(Self::Text(number.to_string())),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Bytes(_) => None,
        }
    }

    /// Whether a value is this key.
    pub(super) fn is(&self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Text(text), ValueRef::Text(value)) => text == value,
            (Self::Whole(number), value) => super::text::whole(value) == Some(*number),
            (Self::Text(_), _) => false,
        }
    }

    pub(super) fn value(&self) -> Value {
        match self {
            Self::Whole(number) => Value::Integer(*number),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

impl Runtime {
    pub(crate) fn new(catalog: Arc<Catalog>, fetcher: Fetcher, system: SystemRows) -> Self {
        Self {
            catalog,
            fetcher,
            system,
            only_set: None,
            may_keep: true,
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a plan; the same plan always has the same.
    pub(crate) fn number(&self, plan: Plan) -> usize {
        let mut state = self.state();
        let known = state.plans.iter().position(|known| *known == plan);
        known.unwrap_or_else(|| {
            state.plans.push(plan);
            state.plans.len() - 1
        })
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
        // A cursor may have scanned by another plan before, and is none of that plan's any more.
        for known in state.cursors.values_mut() {
            known.retain(|known| known.strong_count() > 0 && known.as_ptr() != Arc::as_ptr(cursor));
        }
        state
            .cursors
            .entry(plan)
            .or_default()
            .push(Arc::downgrade(cursor));
    }

    pub(super) fn cursors(&self, plan: usize) -> Vec<Arc<Mutex<Cursor>>> {
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
            let value = |&column: &usize| row.get(column).map_or(ValueRef::Null, ValueRef::from);
            Row::of(columns.map(value))
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
        let beginning = Beginning {
            number,
            plan,
            shape,
            facts,
            layout: &layout,
            given,
        };
        let reads_table = facts.is_inner && self.reads_table(&beginning)?;
        let (fixed, kept, local) = if reads_table {
            beginning.without_values()
        } else {
            let local = local_values(plan, &layout, given, facts.is_inner);
            (plan.clone(), given.to_vec(), local)
        };
        let demand = self.demand(shape, &fixed, &kept);
        if demand.queries.is_empty() {
            return Ok(Rows::listed(Vec::new()));
        }
        if !reads_table
            && Self::is_counted(plan, facts)
            && let Some(count) = self.count(plan, shape, &demand)?
        {
            return Ok(Rows::counted(count));
        }
        let by_value = self.by_value(&beginning, &fixed, &kept, &demand);
        if !reads_table && Self::counts_values(plan, facts) {
            let values = by_value.as_ref();
            if let Some(count) = self.count_values(&beginning, &demand, values)? {
                return Ok(Rows::counted(count));
            }
        }
        let is_read_once = !facts.is_inner && self.places(&plan.table) <= 1;
        if is_read_once && by_value.is_none() {
            let bound = Self::bound(plan, given);
            let fetches_ahead = Self::fetches_ahead(facts, &demand, bound);
            let stream = Stream::new(
                self.fetcher.clone(),
                Arc::clone(shape),
                Arc::clone(&layout),
                demand,
                self.parent_key(plan, shape),
            )
            .without(if self.may_keep {
                Vec::new()
            } else {
                names::conditions(shape, &layout, plan)
            });
            let limits = Limits {
                way: self.way(plan, shape),
                bound,
                skipped: Self::number_for(plan, given, &Role::Skipped),
            };
            return Ok(Rows::streamed(stream, fetches_ahead, limits));
        }
        let shared = self.shared(&beginning, demand, by_value)?;
        Ok(Rows::stored(shared, local))
    }

    /// Whether the next page is going to be asked for, so that it can be fetched before it is.
    pub(super) fn fetches_ahead(facts: &ScanFacts, demand: &Demand, bound: Option<i64>) -> bool {
        let reads_all = match facts.stops {
            Stops::Never => true,
            Stops::AtLimit => demand.limit.is_some(),
            Stops::Anywhere => false,
        };
        reads_all && bound.is_none()
    }

    /// The key beyond which a scan need not be read.
    pub(super) fn bound(plan: &Plan, given: &[Given]) -> Option<i64> {
        Self::number_for(plan, given, &Role::Bound)
    }

    /// The whole number that is given for a role.
    fn number_for(plan: &Plan, given: &[Given], role: &Role) -> Option<i64> {
        let mut pairs = plan.arguments.iter().zip(given);
        let (_, given) = pairs.find(|(argument, _)| argument.role == *role)?;
        match given {
            Given::One(value) => super::text::whole(value),
            Given::Many(_) => None,
        }
    }

    /// Which way a scan goes through the keys, if it goes by them.
    pub(super) fn way(&self, plan: &Plan, shape: &TableShape) -> Option<Way> {
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

    /// The number of records that can be reached from the end of a list.
    pub(crate) fn offset_end(&self) -> u64 {
        self.fetcher.session.settings().profile.paging.offset_end
    }

    /// The number of records of a demand, asked for once.
    pub(super) fn count(
        &self,
        plan: &Plan,
        shape: &TableShape,
        demand: &Demand,
    ) -> Result<Option<u64>> {
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
    pub(crate) fn is_counted(plan: &Plan, facts: &ScanFacts) -> bool {
        Self::needs_number(plan, facts) && !has_many(plan)
    }

    /// Whether only the number of rows matters, and the service knows it for each of many values.
    pub(super) fn counts_values(plan: &Plan, facts: &ScanFacts) -> bool {
        Self::needs_number(plan, facts) && has_many(plan) && facts.stops == Stops::Never
    }

    fn needs_number(plan: &Plan, facts: &ScanFacts) -> bool {
        plan.access == Access::List
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

    /// The length of the parameter that names the fields of a scan.
    pub(super) fn fields_length(&self, plan: &Plan, shape: &TableShape) -> usize {
        let parent_key = self.parent_key(plan, shape);
        self.layout(plan).map_or(0, |layout| {
            layout.fields_parameter(parent_key.as_deref()).len()
        })
    }

    /// What a scan asks of the service, with these values for its arguments.
    pub(super) fn demand(&self, shape: &TableShape, plan: &Plan, given: &[Given]) -> Demand {
        let requester = self.requester(shape, plan, FEW_VALUES);
        self.bounded(requester.demand(shape, plan, given))
    }

    /// A demand with pages no larger than the connection asks for.
    pub(super) fn bounded(&self, demand: Demand) -> Demand {
        let most = self.fetcher.session.settings().page_size;
        Demand {
            page_size: most.map_or(demand.page_size, |most| most.min(demand.page_size)),
            ..demand
        }
    }

    pub(super) fn requester(
        &self,
        shape: &TableShape,
        plan: &Plan,
        most_values: usize,
    ) -> Requester<'_> {
        Requester {
            catalog: &self.catalog,
            paging: &self.fetcher.session.settings().profile.paging,
            fields: self.fields_length(plan, shape),
            most_values,
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
}

pub(super) fn has_role(plan: &Plan, role: &Role) -> bool {
    plan.arguments.iter().any(|argument| argument.role == *role)
}

fn has_many(plan: &Plan) -> bool {
    plan.arguments.iter().any(|argument| argument.is_many)
}

pub(super) fn place(plan: &Plan) -> Place {
    (plan.table.clone(), plan.access == Access::Array)
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
