//! What of a table's constraints the service compares, and whether exactly.

use std::collections::BTreeMap;

use apilink_core::profile::tables::{Filter, FilterOperator};

use super::Planner;
use crate::catalog::Origin;
use crate::engine::filters::may_pass;
use crate::engine::parameters::{option, options};
use crate::engine::plan::{Constraint, Operator, Role};
use crate::engine::request::FEW_VALUES;
use crate::engine::text::has_fraction;
use crate::types::SqlType;
use crate::value::Value;

impl Planner<'_> {
    /// Whether a value that the service insists on is neither given nor among a known few.
    pub(super) fn lacks_required(&self) -> bool {
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
    pub(super) fn filters(&mut self) {
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

    pub(super) fn filter(&self, at: usize) -> Option<&Filter> {
        self.table.filters.get(at)
    }

    /// The filters that can stand for a constraint, and whether they say exactly the same.
    pub(super) fn filters_of(&self, constraint: &Constraint) -> Vec<(usize, bool)> {
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
    pub(super) fn is_many(&self, constraint: &Constraint) -> bool {
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
}
