//! Which request answers a scan: `SQLite`'s constraints on a table, matched with what the profile
//! says the service can do.
//!
//! Pure: nothing here knows `SQLite`'s types or makes a request.

mod estimate;
mod passing;

use std::sync::Arc;

use apilink_core::profile::tables::{FilterOperator, List, Table};

use crate::catalog::{Origin, TableShape, TableSource};
use estimate::{REQUEST, ROW, ROWS_OF_ARRAY, ROWS_OF_SET};

use crate::engine::filters::ids_filter;
use crate::engine::parameters::most_values;
use crate::engine::plan::{
    Access, Argument, Choice, Compared, Constant, Constraint, Operator, Ordering, Plan, Role, Usage,
};
use crate::value::Value;

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
