//! What takes fewer requests: reading a list, or asking for one value after the other.
//!
//! A filter that takes one value makes a request for each of many. The first page of a list says how
//! many there are; so a list that may turn out to be long is looked at, and what is left of it compared
//! with the values that are left. Where those are not known beforehand, as many are expected to come
//! as have come, which keeps what a wrong guess costs near to what was needed anyway.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use apilink_core::Result;

use super::bytecode::{ScanFacts, Source, Stops};
use super::layout::Layout;
use super::lookup::{Ahead, MOST_PAGES_AHEAD};
use super::plan::{Access, Operator, Plan, Role};
use super::repeat::{searched, varying};
use super::request::{Demand, FEW_VALUES, Given};
use super::runtime::{Key, Runtime, has_role, lock, place};
use super::scan::Cursor;
use crate::catalog::{Origin, TableShape};
use crate::types::SqlType;
use crate::value::Value;

/// A scan that begins.
pub(super) struct Beginning<'a> {
    pub(super) number: usize,
    pub(super) plan: &'a Plan,
    pub(super) shape: &'a Arc<TableShape>,
    pub(super) facts: &'a ScanFacts,
    pub(super) layout: &'a Arc<Layout>,
    pub(super) given: &'a [Given],
}

/// What is known of a scan that begins again and again with other values.
#[derive(Clone, Copy, Default)]
pub(super) struct Repeats {
    /// The requests made for single values.
    asked: u64,
    /// The different values that are expected, at least.
    expected: u64,
    /// The list is read.
    reads_table: bool,
}

impl Beginning<'_> {
    /// The plan, and what it is given, without the values that change; and what stored rows are searched
    /// by in their place.
    pub(super) fn without_values(&self) -> (Plan, Vec<Given>, Vec<(usize, Value)>) {
        let varying = varying(self.plan, self.facts);
        let mut fixed = self.plan.clone();
        let mut kept = Vec::new();
        let mut local = Vec::new();
        fixed.arguments = Vec::new();
        for (at, (argument, value)) in self.plan.arguments.iter().zip(self.given).enumerate() {
            if varying.contains(&at) || argument.role == Role::Local {
                // `SQLite` makes other comparisons itself.
                if argument.operator == Operator::Equal {
                    local.extend(searched(argument.column, value, self.layout));
                }
            } else {
                fixed.arguments.push(argument.clone());
                kept.push(value.clone());
            }
        }
        (fixed, kept, local)
    }

    /// The type of a column that an argument is compared with.
    fn type_of(&self, argument: usize) -> SqlType {
        let column = self
            .plan
            .arguments
            .get(argument)
            .and_then(|argument| argument.column);
        column
            .and_then(|at| self.shape.columns.get(at))
            .map_or(SqlType::TEXT, |column| column.sql_type)
    }
}

impl Runtime {
    /// Whether a scan that begins again and again with other values reads its table once instead
    /// of asking for each of them.
    pub(super) fn reads_table(&self, beginning: &Beginning) -> Result<bool> {
        let varying = varying(beginning.plan, beginning.facts);
        let Some(&first) = varying.first() else {
            return Ok(false);
        };
        if !varying.iter().all(|&at| can_compare(beginning, at)) {
            return Ok(false);
        }
        let mut repeats = self.repeats(beginning.number);
        if repeats.reads_table {
            return Ok(true);
        }
        if self.is_known(beginning) {
            return Ok(false);
        }
        repeats.reads_table = self.is_table_less(beginning, first, &mut repeats)?;
        repeats.asked += u64::from(!repeats.reads_table);
        self.state().repeats.insert(beginning.number, repeats);
        Ok(repeats.reads_table)
    }

    fn repeats(&self, number: usize) -> Repeats {
        self.state()
            .repeats
            .get(&number)
            .copied()
            .unwrap_or_default()
    }

    /// Whether the answer for these values is here already, or needs no request.
    fn is_known(&self, beginning: &Beginning) -> bool {
        let &Beginning { plan, given, .. } = beginning;
        let demand = self.demand(beginning.shape, plan, given);
        if demand.queries.is_empty() {
            return true;
        }
        let state = self.state();
        state
            .counts
            .contains_key(&(plan.table.clone(), demand.clone()))
            || state
                .shared
                .contains_key(&Self::shared_key(plan, given, demand))
    }

    /// Whether reading the rest of the table takes no more requests than the values that are to come.
    fn is_table_less(
        &self,
        beginning: &Beginning,
        argument: usize,
        repeats: &mut Repeats,
    ) -> Result<bool> {
        let (fixed, kept, _) = beginning.without_values();
        let demand = self.demand(beginning.shape, &fixed, &kept);
        // A list that insists on a value cannot be read without it.
        if demand.queries.is_empty() {
            return Ok(false);
        }
        let mut left = self.pages_known(&fixed, &kept, &demand);
        if left.is_none() {
            let few = FEW_VALUES as u64;
            self.expect(beginning, argument, few, repeats)?;
            if repeats.expected.max(repeats.asked + 1) <= few {
                return Ok(false);
            }
            let by_value = self.by_value(beginning, &fixed, &kept, &demand);
            let shared = self.shared(beginning, demand, by_value)?;
            left = self.look_at(&shared)?;
        }
        // Where the service does not say how much there is, nothing can be weighed.
        let Some(left) = left else {
            return Ok(true);
        };
        self.expect(beginning, argument, left + repeats.asked, repeats)?;
        let Repeats {
            asked, expected, ..
        } = *repeats;
        let values = expected.max(2 * asked).max(asked + 1);
        // A list that insists on a value of its own is asked for each of those.
        let &Beginning {
            shape, plan, given, ..
        } = beginning;
        let each = self.demand(shape, plan, given).queries.len().max(1) as u64;
        Ok(left + asked * each <= values * each)
    }

    /// The pages of a list that are still to be read, if the statement has seen how many there are.
    pub(super) fn pages_known(&self, plan: &Plan, given: &[Given], demand: &Demand) -> Option<u64> {
        let state = self.state();
        let key = Self::shared_key(plan, given, demand.clone());
        let shared = state.shared.get(&key).cloned();
        let count = state.counts.get(&(plan.table.clone(), demand.clone()));
        let counted = count.map(|count| count.div_ceil(u64::from(demand.page_size.max(1))));
        drop(state);
        let left = shared.and_then(|shared| lock(&shared).pages_left());
        left.or(counted)
    }

    /// A request for each value in place of a demand that reads a list because they are many; `None`
    /// where there is no choice.
    pub(super) fn by_value(
        &self,
        beginning: &Beginning,
        plan: &Plan,
        given: &[Given],
        demand: &Demand,
    ) -> Option<Demand> {
        let is_many =
            |given: &Given| matches!(given, Given::Many(values) if values.len() > FEW_VALUES);
        let shape = beginning.shape;
        // Records of both ways are told apart by their key.
        if shape.key.len() != 1 || !given.iter().any(is_many) {
            return None;
        }
        let requester = self.requester(shape, plan, usize::MAX);
        let by_value = self.bounded(requester.demand(shape, plan, given));
        let has_choice = by_value != *demand && !self.is_read_anyway(beginning.number, demand);
        has_choice.then_some(by_value)
    }

    /// The number of rows with one of many values, by a count for each, if that takes fewer requests than
    /// reading the list. `None`: it is to be read.
    pub(super) fn count_values(
        &self,
        beginning: &Beginning,
        demand: &Demand,
        by_value: Option<&Demand>,
    ) -> Result<Option<u64>> {
        let &Beginning {
            plan, shape, given, ..
        } = beginning;
        let Some(values) = by_value else {
            return Ok(None);
        };
        let mut left = self.pages_known(plan, given, demand);
        if left.is_none() {
            let shared = self.shared(beginning, demand.clone(), by_value.cloned())?;
            left = self.look_at(&shared)?;
        }
        if left.is_some_and(|left| left <= values.queries.len() as u64) {
            return Ok(None);
        }
        self.count(plan, shape, values)
    }

    /// Whether another scan of the statement reads all that a demand asks for.
    fn is_read_anyway(&self, number: usize, demand: &Demand) -> bool {
        let Some(own) = self.plan(number) else {
            return false;
        };
        self.scans().iter().any(|(other, plan, facts)| {
            let constants: Option<Vec<Given>> = plan
                .arguments
                .iter()
                .map(|argument| Some(Given::One(argument.constant.as_ref()?.0.clone())))
                .collect();
            *other != number
                && place(plan) == place(&own)
                && !Self::is_counted(plan, facts)
                && constants.is_some_and(|given| {
                    self.shape(plan)
                        .is_ok_and(|shape| self.demand(&shape, plan, &given) == *demand)
                })
        })
    }

    /// Finds out how many different values are to come, at least; no more of them than `most` are of
    /// interest.
    fn expect(
        &self,
        beginning: &Beginning,
        argument: usize,
        most: u64,
        repeats: &mut Repeats,
    ) -> Result<()> {
        let is_time = repeats.asked == 0 || repeats.asked.is_power_of_two();
        if !is_time || repeats.expected > most {
            return Ok(());
        }
        if let Some(&Source::Column { plan, column }) = beginning.facts.arguments.get(argument) {
            let key_type = beginning.type_of(argument);
            let found = self.values_ahead(plan, column, key_type, most, 0)?;
            repeats.expected = repeats.expected.max(found);
        }
        Ok(())
    }

    /// How many different values a column of a scan is going to have, at least, as far as that can be
    /// found out without a request that is not made anyway.
    fn values_ahead(
        &self,
        number: usize,
        column: usize,
        key_type: SqlType,
        most: u64,
        depth: usize,
    ) -> Result<u64> {
        /// Tables that are joined one within the other.
        const DEEPEST: usize = 4;
        let slot = self
            .plan(number)
            .and_then(|plan| self.layout(&plan))
            .and_then(|layout| layout.slot(column));
        let (inner, carrying) = (number, slot.map(|slot| self.carrying(number, slot)));
        let Some((number, slot)) = carrying else {
            return Ok(0);
        };
        let conditions = self.conditions(inner, number);
        let (Some(plan), Some(facts)) = (self.plan(number), self.facts(number)) else {
            return Ok(0);
        };
        // A scan that is left early has an end that nobody knows, unless the service was told of it.
        if depth > DEEPEST || (facts.stops != Stops::Never && !has_role(&plan, &Role::Limit)) {
            return Ok(0);
        }
        let reads_on = !facts.is_inner;
        let mut values = HashSet::new();
        for cursor in self.cursors(number) {
            // A scan does not wait for itself.
            if cursor.try_lock().is_err() {
                continue;
            }
            let column = Ahead {
                number,
                slot,
                conditions: &conditions,
            };
            self.collect(
                &cursor,
                &column,
                key_type,
                reads_on.then_some(most),
                &mut values,
            )?;
        }
        let found = values.len() as u64;
        // The rows of an inner scan are those for one row of another. Rows that are looked up are
        // looked up for all.
        let is_for_one = facts.is_inner && !matches!(plan.access, Access::Keys);
        match facts.arguments.first() {
            Some(&Source::Column { plan, column }) if is_for_one => {
                let outer = self.values_ahead(plan, column, SqlType::Bigint, most, depth + 1)?;
                if self.repeats(number).reads_table {
                    return Ok(outer);
                }
                Ok(found.max(1) * outer.max(1))
            }
            _ => Ok(found),
        }
    }

    /// Collects the values of a slot in the rows before a cursor; reads on until there are more than
    /// `most`, if that is given.
    fn collect(
        &self,
        cursor: &Arc<Mutex<Cursor>>,
        column: &Ahead,
        key_type: SqlType,
        most: Option<u64>,
        values: &mut HashSet<Key>,
    ) -> Result<()> {
        for _ in 0..=MOST_PAGES_AHEAD {
            let ahead = self.referred(cursor, column)?;
            values.extend(ahead.iter().filter_map(|value| Key::of(value, key_type)));
            let reads_on = most.is_some_and(|most| values.len() as u64 <= most);
            if !reads_on || !self.read_on(cursor)? {
                break;
            }
        }
        Ok(())
    }
}

/// Whether stored rows can be searched by an argument, or are compared by `SQLite`.
fn can_compare(beginning: &Beginning, argument: usize) -> bool {
    let Some(argument) = beginning.plan.arguments.get(argument) else {
        return false;
    };
    let is_compared = beginning.plan.compared.iter().any(|compared| {
        (compared.column, compared.operator) == (argument.column, argument.operator)
    });
    let origin = argument
        .column
        .and_then(|column| beginning.shape.columns.get(column))
        .map(|column| &column.origin);
    (!argument.is_set || is_compared)
        && matches!(origin, Some(Origin::Field { .. } | Origin::Custom(_)))
}
