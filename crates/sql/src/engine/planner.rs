//! Which request answers a scan: `SQLite`'s constraints on a table, matched with what the profile
//! says the service can do.
//!
//! Pure: nothing here knows `SQLite`'s types or makes a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use apilink_core::profile::tables::{Filter, FilterOperator, List, Table};

use super::filters::{ids_filter, may_pass};
use super::plan::{
    Access, Argument, Choice, Compared, Constant, Constraint, Operator, Ordering, Plan, Role, Usage,
};
use super::request::{FEW_VALUES, has_fraction, most_values, option, options};
use crate::catalog::{Origin, TableShape, TableSource};
use crate::types::SqlType;
use crate::value::Value;

/// The rows of a table of which nothing is known.
const UNKNOWN_ROWS: f64 = 20_000.0;
/// A list whose pages hold so many records, as that of the users of an account, is one page.
const SHORT_LIST: u32 = 2_000;
/// The rows that an equality leaves.
const ROWS_OF_EQUALITY: f64 = 20.0;
/// The rows of an array.
const ROWS_OF_ARRAY: f64 = 3.0;
/// The keys of a set.
const ROWS_OF_SET: f64 = 5.0;
/// What a request costs, in what a step costs `SQLite`: next to requests, sorting is nothing.
const REQUEST: f64 = 100_000.0;
/// What a row costs: a page has about 200, and so has a request for the keys of other rows.
const ROW: f64 = 500.0;
/// What a request for one of many values costs, since no more are made than reading the list takes.
const AMORTIZED: f64 = 10_000.0;
/// What finding rows by a column costs once the whole table is stored.
const STORED: f64 = 1_000_000.0;

/// Chooses a plan. `None`: the table cannot be scanned with these constraints alone, because a
/// value that the request needs is not among them. `offset_end` is the number of records that can
/// be reached in other orders than the one in which a list can be read to its end.
pub(crate) fn choose(
    shape: &TableShape,
    constraints: &[Constraint],
    ordering: &[Ordering],
    offset_end: u64,
) -> Option<Choice> {
    let TableSource::Service(table) = &shape.source else {
        return Some(system(shape, constraints));
    };
    let planner = Planner {
        shape,
        table,
        constraints,
        ordering,
        offset_end,
        usages: vec![
            Usage {
                argument: None,
                omit: false
            };
            constraints.len()
        ],
        arguments: Vec::new(),
    };
    planner.choose()
}

fn system(shape: &TableShape, constraints: &[Constraint]) -> Choice {
    Choice {
        plan: Plan {
            table: shape.name.clone(),
            access: Access::System,
            arguments: Vec::new(),
            order: None,
            is_exact: false,
            compared: constraints
                .iter()
                .map(|constraint| Compared::new(constraint, shape, false))
                .collect(),
        },
        usages: vec![
            Usage {
                argument: None,
                omit: false
            };
            constraints.len()
        ],
        order_consumed: false,
        cost: 100.0,
        rows: 100.0,
        is_unique: false,
    }
}

struct Planner<'a> {
    shape: &'a TableShape,
    table: &'a Arc<Table>,
    constraints: &'a [Constraint],
    ordering: &'a [Ordering],
    offset_end: u64,
    usages: Vec<Usage>,
    arguments: Vec<Argument>,
}

impl Planner<'_> {
    fn choose(mut self) -> Option<Choice> {
        if let Some((is_exact, cost, rows)) = self.by_key() {
            let mut choice = self.into_choice(Access::Keys, None, is_exact, cost, rows);
            choice.is_unique = choice
                .plan
                .arguments
                .iter()
                .all(|argument| !argument.is_set);
            return Some(choice);
        }
        let parent = self.by_parent();
        let list = match &self.table.list {
            // The arrays in the records of many parents come in one request.
            Some(list) if self.table.array.is_none() => list,
            _ => return self.by_array(parent),
        };
        if list.path.contains('{') && parent.is_none() {
            return None;
        }
        if parent.is_none() && self.lacks_required() {
            return None;
        }
        self.filters();
        let is_exact = self.all_exact();
        let mut order = self.order();
        let has_limit = self.limit(is_exact, order);
        // In another order than that of the key a list can be read from its beginning only.
        if order.is_some() && !self.is_by_key(order) && !has_limit {
            order = None;
        }
        let order_consumed = order.is_some();
        if order.is_none() {
            order = self.bounds();
        }
        self.local();
        self.skipped();
        let (cost, rows) = self.estimate();
        let mut choice = self.into_choice(Access::List, order, is_exact, cost, rows);
        choice.order_consumed = order_consumed;
        Some(choice)
    }

    /// Whether an order is that of the table's key.
    fn is_by_key(&self, order: Option<(usize, bool)>) -> bool {
        let Some((at, _)) = order else {
            return false;
        };
        let [key] = self.shape.key[..] else {
            return false;
        };
        let name = self.shape.columns.get(key).map(|column| &column.name);
        let orders = self.table.list.as_ref().map(|list| &list.orders);
        orders
            .and_then(|orders| orders.get(at))
            .zip(name)
            .is_some_and(|(order, name)| order.column.eq_ignore_ascii_case(name))
    }

    /// A list in the order of its key need not be read beyond a bound of the key: from the end where
    /// there is a lower bound only, from the beginning where there is an upper one.
    fn bounds(&mut self) -> Option<(usize, bool)> {
        let [key] = self.shape.key[..] else {
            return None;
        };
        if self.may_take_several_requests() {
            return None;
        }
        let name = &self.shape.columns.get(key)?.name;
        let order = self
            .table
            .list
            .as_ref()?
            .orders
            .iter()
            .position(|order| order.exact && order.column.eq_ignore_ascii_case(name))?;
        let bound = |wanted: [Operator; 2]| {
            self.usable(|constraint| {
                constraint.column == Some(key)
                    && constraint.value.is_some()
                    && wanted.contains(&constraint.operator)
            })
        };
        let upper = bound([Operator::Less, Operator::LessOrEqual]);
        let lower = bound([Operator::Greater, Operator::GreaterOrEqual]);
        match (upper, lower) {
            (Some(at), _) => {
                self.take(at, Role::Bound, false);
                Some((order, false))
            }
            (None, Some(at)) => {
                self.take(at, Role::Bound, false);
                Some((order, true))
            }
            (None, None) => None,
        }
    }

    /// The records with given keys: the table's only key column, compared with `=` or IN. Whether
    /// that is all there is to compare, the cost, and the number of rows.
    fn by_key(&mut self) -> Option<(bool, f64, f64)> {
        let [key] = self.shape.key[..] else {
            return None;
        };
        let can_get = self.table.get.is_some() || ids_filter(self.table, self.shape, key).is_some();
        // A parameter can only be passed to the list.
        if self
            .usable(|constraint| self.is_parameter(constraint))
            .is_some()
        {
            return None;
        }
        let is_whole = self
            .shape
            .columns
            .get(key)
            .is_some_and(|column| column.sql_type.is_number());
        let is_key = |constraint: &Constraint| {
            can_get
                && constraint.operator == Operator::Equal
                && (constraint.column == Some(key) || (is_whole && constraint.column.is_none()))
        };
        // A key that comes from another table's row shares its request, or needs none.
        let at = self
            .usable(|constraint| {
                is_key(constraint) && !constraint.is_set && constraint.value.is_none()
            })
            .or_else(|| self.usable(is_key))?;
        let constraint = self.constraints.get(at)?;
        let has_ids = ids_filter(self.table, self.shape, key).is_some();
        // One request for each of several keys, only where the list cannot be read.
        if constraint.is_set && !has_ids && !self.lacks_required() {
            return None;
        }
        let is_set = constraint.is_set;
        let is_constant = constraint.value.is_some();
        self.take(at, Role::Key, !is_set || constraint.column.is_some());
        let is_exact = self.all_exact();
        let rows = if is_set { ROWS_OF_SET } else { 1.0 };
        let cost = if is_set || is_constant || !has_ids {
            REQUEST + rows * ROW
        } else {
            ROW
        };
        Some((is_exact, cost, rows))
    }

    fn is_parameter(&self, constraint: &Constraint) -> bool {
        constraint
            .column
            .and_then(|at| self.shape.columns.get(at))
            .is_some_and(|column| column.origin == Origin::Parameter)
    }

    /// The parent's key, which is a part of the path.
    fn by_parent(&mut self) -> Option<usize> {
        let column = self
            .shape
            .columns
            .iter()
            .position(|column| column.origin == Origin::Parent)?;
        let at = self.usable(|constraint| {
            constraint.column == Some(column) && constraint.operator == Operator::Equal
        })?;
        self.take(at, Role::Parent, true);
        Some(at)
    }

    /// The arrays in the parent's records.
    fn by_array(mut self, parent: Option<usize>) -> Option<Choice> {
        self.table.array.as_ref()?;
        let is_exact = self.all_exact();
        // A table with a list of its own has filters for that.
        if parent.is_none() && self.table.list.is_none() {
            self.filters();
        }
        self.local();
        let (cost, rows) = if parent.is_some() {
            let is_constant = parent
                .and_then(|at| self.constraints.get(at))
                .is_some_and(|constraint| constraint.value.is_some());
            let first = if is_constant { REQUEST } else { 0.0 };
            (first + ROWS_OF_ARRAY * ROW, ROWS_OF_ARRAY)
        } else {
            // More than the records that hold them, so that those come first in a join: their
            // arrays come along.
            let (cost, rows) = self.estimate();
            (cost * ROWS_OF_ARRAY, rows * ROWS_OF_ARRAY)
        };
        Some(self.into_choice(Access::Array, None, is_exact, cost, rows))
    }

    /// Whether a value that the service insists on is neither given nor among a known few.
    fn lacks_required(&self) -> bool {
        let Some(list) = &self.table.list else {
            return false;
        };
        list.required.iter().any(|required| {
            required.values.is_empty()
                && self
                    .usable(|constraint| {
                        constraint.operator == Operator::Equal
                            && self.filters_of(constraint).iter().any(|&(filter, _)| {
                                self.filter(filter)
                                    .is_some_and(|filter| filter.parameter == required.parameter)
                            })
                    })
                    .is_none()
        })
    }

    /// Passes to the service what it can compare.
    fn filters(&mut self) {
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        // Of two values for one parameter, the one that stays the same.
        let (constant, varying): (Vec<usize>, Vec<usize>) =
            (0..self.constraints.len()).partition(|&at| {
                self.constraints
                    .get(at)
                    .is_some_and(|constraint| constraint.value.is_some() || constraint.is_set)
            });
        for at in constant.into_iter().chain(varying) {
            let Some(constraint) = self.constraints.get(at) else {
                continue;
            };
            if !constraint.is_usable || self.is_taken(at) {
                continue;
            }
            let mut chosen: Vec<(usize, bool)> = self
                .filters_of(constraint)
                .into_iter()
                .filter(|&(filter, _)| {
                    // One comparison for each parameter, unless every value of it is a comparison
                    // of its own; those of IN are alternatives.
                    self.filter(filter).is_some_and(|filter| {
                        let holds_alternatives = matches!(
                            filter.operator,
                            FilterOperator::In | FilterOperator::InJoined
                        );
                        (filter.parameter.ends_with("[]") && !holds_alternatives)
                            || !used.contains_key(filter.parameter.as_str())
                    })
                })
                .collect();
            // An equality as two comparisons, of which a parameter holds one.
            let parameter = |&(filter, _): &(usize, bool)| {
                self.filter(filter).map(|filter| filter.parameter.clone())
            };
            chosen.dedup_by_key(|one| parameter(one));
            if chosen.is_empty() {
                continue;
            }
            for &(filter, _) in &chosen {
                if let Some(filter) = self.table.filters.get(filter) {
                    used.insert(&filter.parameter, at);
                }
            }
            let is_bound = |at: usize| {
                self.filter(at).is_some_and(|filter| {
                    matches!(
                        filter.operator,
                        FilterOperator::GreaterOrEqual | FilterOperator::LessOrEqual
                    )
                })
            };
            // One value between two bounds needs both.
            let is_between = constraint.operator == Operator::Equal
                && chosen.iter().any(|&(at, _)| is_bound(at));
            let is_exact = if is_between {
                chosen.len() == 2 && chosen.iter().all(|&(_, exact)| exact)
            } else {
                chosen.iter().any(|&(_, exact)| exact)
            };
            let takes_one = chosen.iter().any(|&(at, _)| {
                self.filter(at)
                    .is_some_and(|filter| filter.operator == FilterOperator::Equal)
            });
            let is_many = takes_one && self.is_many(constraint);
            let filters = chosen.into_iter().map(|(filter, _)| filter).collect();
            self.take(at, Role::Filters(filters), is_exact);
            if let Some(argument) = self.arguments.last_mut() {
                argument.is_many = is_many;
            }
        }
    }

    fn filter(&self, at: usize) -> Option<&Filter> {
        self.table.filters.get(at)
    }

    /// The filters that can stand for a constraint, and whether they say exactly the same.
    fn filters_of(&self, constraint: &Constraint) -> Vec<(usize, bool)> {
        let Some(column) = constraint.column.and_then(|at| self.shape.columns.get(at)) else {
            return Vec::new();
        };
        let is_parameter = column.origin == Origin::Parameter;
        if is_parameter && constraint.is_set {
            return Vec::new();
        }
        let fits = |filter: &Filter| {
            filter.column.eq_ignore_ascii_case(&column.name)
                && (is_parameter || constraint.has_own_collation)
                && may_pass(filter, column, constraint.value.as_ref())
        };
        let with = |operator: FilterOperator| {
            self.table
                .filters
                .iter()
                .position(|filter| filter.operator == operator && fits(filter))
        };
        let exact = |at: usize| {
            let is_wider = self.filter(at).is_none_or(|filter| filter.wider);
            // A value that is not known yet may turn out to be one that cannot be passed on; and a
            // table that is read once in place of many requests is searched for equal values only.
            let is_known = |set: &Vec<Value>| {
                self.filter(at).is_some_and(|filter| {
                    set.iter()
                        .all(|value| may_pass(filter, column, Some(value)))
                })
            };
            let is_sure = constraint.value.is_some()
                || constraint.set.as_ref().is_some_and(is_known)
                || constraint.operator.has_no_value()
                || (constraint.operator == Operator::Equal
                    && self
                        .filter(at)
                        .is_some_and(|filter| filter.values.is_empty()));
            // An option that is not among those defined is not passed on.
            let values = constraint
                .value
                .iter()
                .chain(constraint.set.iter().flatten());
            let is_option = options(column).is_none_or(|options| {
                (constraint.value.is_some() || constraint.set.is_some()) && { values }
                    .all(|value| option(options, value).is_some())
            });
            // What is within a second is compared by whole ones.
            let is_whole = !constraint
                .value
                .as_ref()
                .is_some_and(|value| has_fraction(column.sql_type, value));
            (
                at,
                is_parameter || (!is_wider && is_sure && is_whole && is_option),
            )
        };
        let wider = |at: usize| (at, false);
        // With more values, the list may be read in place of them.
        let is_few = constraint
            .set
            .as_ref()
            .is_some_and(|set| set.len() <= FEW_VALUES);
        let is_many_whole = self.is_many(constraint);
        let found: Vec<Option<(usize, bool)>> = match constraint.operator {
            Operator::Equal if constraint.is_set => vec![
                with(FilterOperator::In)
                    .or(with(FilterOperator::InJoined))
                    .map(exact)
                    // A record that answers to several values would be there several times.
                    .or(with(FilterOperator::Equal)
                        .filter(|&at| self.filter(at).is_some_and(|filter| !filter.wider))
                        .map(|at| {
                            if is_few || is_many_whole {
                                exact(at)
                            } else {
                                wider(at)
                            }
                        })),
            ],
            Operator::Equal => match with(FilterOperator::Equal)
                .or(with(FilterOperator::In))
                .or(with(FilterOperator::InJoined))
            {
                Some(at) => vec![Some(exact(at))],
                None => vec![
                    with(FilterOperator::GreaterOrEqual).map(exact),
                    with(FilterOperator::LessOrEqual).map(exact),
                ],
            },
            Operator::Greater => vec![
                with(FilterOperator::Greater)
                    .map(exact)
                    .or(with(FilterOperator::GreaterOrEqual).map(wider)),
            ],
            Operator::GreaterOrEqual => vec![with(FilterOperator::GreaterOrEqual).map(exact)],
            Operator::Less => vec![
                with(FilterOperator::Less)
                    .map(exact)
                    .or(with(FilterOperator::LessOrEqual).map(wider)),
            ],
            Operator::LessOrEqual => vec![with(FilterOperator::LessOrEqual).map(exact)],
            Operator::NotEqual => vec![with(FilterOperator::NotIn).map(exact)],
            Operator::IsNull => vec![with(FilterOperator::IsNull).map(exact)],
            Operator::IsNotNull => vec![with(FilterOperator::IsNotNull).map(exact)],
            Operator::Limit | Operator::Offset | Operator::Other => Vec::new(),
        };
        found.into_iter().flatten().collect()
    }

    /// Whether a set has more values than are asked for one by one in any case, and the scan can compare
    /// with them itself: whole numbers in a field of the record.
    fn is_many(&self, constraint: &Constraint) -> bool {
        let column = constraint.column.and_then(|at| self.shape.columns.get(at));
        let is_whole_field = column.is_some_and(|column| {
            matches!(column.sql_type, SqlType::Bigint | SqlType::Integer)
                && matches!(column.origin, Origin::Field { is_json: false, .. })
        });
        let is_whole = |value: &Value| matches!(value, Value::Integer(_));
        is_whole_field
            && constraint.is_set
            && constraint
                .set
                .as_ref()
                .is_some_and(|set| set.len() > FEW_VALUES && set.iter().all(is_whole))
    }

    /// The order that the service can give, if it is all that is asked.
    fn order(&self) -> Option<(usize, bool)> {
        let list = self.table.list.as_ref()?;
        let &(column, descending) = self.ordering.first()?;
        // Several requests, one after the other, give no common order.
        if self.may_take_several_requests() {
            return None;
        }
        let name = &self.shape.columns.get(column)?.name;
        let at = list
            .orders
            .iter()
            .position(|order| order.exact && order.column.eq_ignore_ascii_case(name))?;
        // Rows with equal values come in an order that is not known, so nothing may follow; after
        // a key nothing can.
        (self.ordering.len() == 1 || self.shape.key == [column]).then_some((at, descending))
    }

    fn may_take_several_requests(&self) -> bool {
        let Some(list) = &self.table.list else {
            return true;
        };
        let is_given = |parameter: &str| {
            self.arguments.iter().any(|argument| match &argument.role {
                Role::Filters(filters) => filters.iter().any(|&at| {
                    self.filter(at)
                        .is_some_and(|filter| filter.parameter == parameter)
                }),
                _ => false,
            })
        };
        list.required
            .iter()
            .any(|required| required.values.len() > 1 && !is_given(&required.parameter))
            || self
                .arguments
                .iter()
                .any(|argument| argument.is_set && !self.is_one_request(list, argument))
    }

    /// Whether a set is known and fits into one request.
    fn is_one_request(&self, list: &List, argument: &Argument) -> bool {
        let (Role::Filters(filters), Some(set)) = (&argument.role, &argument.set) else {
            return false;
        };
        filters.iter().all(|&at| {
            self.filter(at).is_some_and(|filter| {
                let takes_several = matches!(
                    filter.operator,
                    FilterOperator::In | FilterOperator::InJoined
                );
                takes_several && set.len() <= most_values(filter, list)
            })
        })
    }

    /// Whether the service makes every comparison, and makes it exactly.
    fn all_exact(&self) -> bool {
        self.constraints
            .iter()
            .zip(&self.usages)
            .all(|(constraint, usage)| {
                usage.omit || matches!(constraint.operator, Operator::Limit | Operator::Offset)
            })
    }

    /// LIMIT and OFFSET count rows only if no row is taken away and none moved afterwards. Whether
    /// the LIMIT is left to the service.
    fn limit(&mut self, is_exact: bool, order: Option<(usize, bool)>) -> bool {
        let is_ordered = self.ordering.is_empty() || order.is_some();
        // With a value from another table, the request may turn into one for the whole table.
        let is_fixed = self
            .constraints
            .iter()
            .zip(&self.usages)
            .all(|(constraint, usage)| {
                usage.argument.is_none()
                    || constraint.value.is_some()
                    || constraint.set.is_some()
                    || constraint.operator.has_no_value()
            });
        if !is_exact || !is_ordered || !is_fixed || self.may_take_several_requests() {
            return false;
        }
        let limit = self.usable(|constraint| constraint.operator == Operator::Limit);
        let offset = self.usable(|constraint| constraint.operator == Operator::Offset);
        // An OFFSET that is not taken leaves the LIMIT to `SQLite` too.
        let takes_offset = self
            .table
            .list
            .as_ref()
            .is_some_and(|list| !list.without_offset);
        let has_offset = self
            .constraints
            .iter()
            .any(|constraint| constraint.operator == Operator::Offset);
        if has_offset && (offset.is_none() || !takes_offset) {
            return false;
        }
        let Some(limit) = limit else {
            return false;
        };
        let is_full_order = match order {
            None => true,
            Some((_, descending)) => self.is_by_key(order) && !descending,
        };
        let last = self.count_at(limit) + offset.map_or(0, |at| self.count_at(at));
        if (has_offset || !is_full_order) && last > self.offset_end {
            return false;
        }
        self.take(limit, Role::Limit, true);
        if let Some(at) = offset {
            self.take(at, Role::Offset, true);
        }
        true
    }

    /// An OFFSET that is not left to the service, and may be beyond the first page.
    fn skipped(&mut self) {
        let offset = self.usable(|constraint| constraint.operator == Operator::Offset);
        let page_size = self.table.list.as_ref().map(|list| list.page_size);
        let Some((at, page_size)) = offset.zip(page_size) else {
            return;
        };
        if !self.is_taken(at) && self.count_at(at) >= page_size.into() {
            self.take(at, Role::Skipped, false);
        }
    }

    /// The value of a LIMIT or an OFFSET; the largest there is where it is not known.
    fn count_at(&self, at: usize) -> u64 {
        let value = self
            .constraints
            .get(at)
            .and_then(|constraint| constraint.value.as_ref());
        match value {
            Some(Value::Integer(number)) => u64::try_from(*number).unwrap_or(u64::from(u32::MAX)),
            _ => u64::from(u32::MAX),
        }
    }

    /// Equalities with other tables that no service can make: they find rows in a stored table.
    fn local(&mut self) {
        for at in 0..self.constraints.len() {
            let Some(constraint) = self.constraints.get(at) else {
                continue;
            };
            let is_join = constraint.is_usable
                && constraint.operator == Operator::Equal
                && !constraint.is_set
                && constraint.value.is_none()
                && constraint.has_own_collation
                && constraint.column.is_some();
            if is_join && !self.is_taken(at) {
                self.take(at, Role::Local, false);
            }
        }
    }

    /// Cost and number of rows.
    fn estimate(&self) -> (f64, f64) {
        let mut rows = UNKNOWN_ROWS;
        let mut is_stored = false;
        let mut ranges = Vec::new();
        for (constraint, usage) in self.constraints.iter().zip(&self.usages) {
            let Some(argument) = usage.argument.and_then(|at| self.arguments.get(at)) else {
                continue;
            };
            match argument.role {
                Role::Filters(_) | Role::Parent => {
                    rows /= match constraint.operator {
                        Operator::Equal if is_flag(self.shape, constraint) => 3.0,
                        Operator::Equal => UNKNOWN_ROWS / ROWS_OF_EQUALITY,
                        // From here to there is much less than from here on.
                        _ if ranges.contains(&constraint.column) => 16.0,
                        _ => {
                            ranges.push(constraint.column);
                            4.0
                        }
                    };
                }
                Role::Local => {
                    rows /= 2_000.0;
                    is_stored = true;
                }
                // About as much as any comparison leaves.
                Role::Bound => rows /= 4.0,
                Role::Key | Role::Limit | Role::Offset | Role::Skipped => {}
            }
        }
        let rows = rows.max(2.0);
        if self.is_one_of_few() {
            return (REQUEST + f64::from(SHORT_LIST) * ROW, 2.0);
        }
        let cost = if is_stored {
            STORED
        } else if self.is_repeated() {
            AMORTIZED + rows * ROW
        } else {
            REQUEST + rows * ROW
        };
        (cost, rows)
    }

    /// Whether the table is surely short, and few of its rows are left by a comparison made here.
    fn is_one_of_few(&self) -> bool {
        let is_short = self
            .table
            .list
            .as_ref()
            .is_some_and(|list| list.page_size >= SHORT_LIST);
        is_short
            && self.constraints.iter().any(|constraint| {
                constraint.is_usable
                    && constraint.operator == Operator::Equal
                    && constraint.value.is_some()
                    && !is_flag(self.shape, constraint)
            })
    }

    /// Whether a filter gets its values from another table: the list may be read in place of a request
    /// for each.
    fn is_repeated(&self) -> bool {
        self.arguments.iter().any(|argument| {
            matches!(argument.role, Role::Filters(_))
                && argument.operator == Operator::Equal
                && !argument.is_set
                && argument.constant.is_none()
        })
    }

    fn is_passed(&self, argument: Option<usize>) -> bool {
        argument
            .and_then(|at| self.arguments.get(at))
            .is_some_and(|argument| matches!(argument.role, Role::Filters(_)))
    }

    fn usable(&self, wanted: impl Fn(&Constraint) -> bool) -> Option<usize> {
        self.constraints
            .iter()
            .position(|constraint| constraint.is_usable && wanted(constraint))
    }

    fn is_taken(&self, at: usize) -> bool {
        self.usages
            .get(at)
            .is_some_and(|usage| usage.argument.is_some())
    }

    fn take(&mut self, at: usize, role: Role, omit: bool) {
        let (Some(constraint), Some(usage)) = (self.constraints.get(at), self.usages.get_mut(at))
        else {
            return;
        };
        *usage = Usage {
            argument: Some(self.arguments.len()),
            omit,
        };
        self.arguments.push(Argument {
            column: constraint.column,
            operator: constraint.operator,
            is_set: constraint.is_set,
            role,
            constant: constraint.value.clone().map(Constant),
            set: constraint
                .set
                .as_ref()
                .map(|set| set.iter().cloned().map(Constant).collect()),
            is_many: false,
        });
    }

    fn into_choice(
        self,
        access: Access,
        order: Option<(usize, bool)>,
        is_exact: bool,
        cost: f64,
        rows: f64,
    ) -> Choice {
        let compared = self
            .constraints
            .iter()
            .zip(&self.usages)
            .filter(|(constraint, usage)| {
                let argument = usage.argument.and_then(|at| self.arguments.get(at));
                constraint.is_usable
                    && (!usage.omit || argument.is_some_and(|argument| argument.is_many))
                    && !matches!(constraint.operator, Operator::Limit | Operator::Offset)
            })
            .map(|(constraint, usage)| {
                let is_passed = self.is_passed(usage.argument);
                Compared::new(constraint, self.shape, is_passed)
            })
            .collect();
        Choice {
            order_consumed: order.is_some(),
            plan: Plan {
                table: self.shape.name.clone(),
                access,
                arguments: self.arguments,
                order,
                is_exact,
                compared,
            },
            usages: self.usages,
            cost,
            rows,
            is_unique: false,
        }
    }
}

/// Whether a column has few values, so that comparing it leaves many rows.
fn is_flag(shape: &TableShape, constraint: &Constraint) -> bool {
    constraint
        .column
        .and_then(|at| shape.columns.get(at))
        .is_some_and(|column| column.ignore_case || column.sql_type == SqlType::Boolean)
}
