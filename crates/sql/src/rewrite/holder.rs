//! A table that is an array, and the table whose records hold it: read in one go, with the filters that
//! the records' list has.
//!
//! `a LEFT JOIN b ON b.id = a.b_id` becomes `a JOIN b ON …`, where the rows of `a` are an array in the
//! records of `b`: each of them has its record, so that no row is without a partner.
//!
//! `a.b_id IN (SELECT id FROM b WHERE rest)` becomes a join, as [`super::semi_join`] has it.
//!
//! Where the list of the records can be filtered by what their arrays hold, `a.x = 5` and
//! `b.id = a.b_id` get `b.p = 5` besides: `p` passes the value to the service, and is equal to what it was
//! compared with in every record that comes. The records with such a row in their array are among those.

use apilink_core::profile::tables::{Filter, FilterOperator};

use super::Place;
use super::condition::{Comparison, Operand, comparison, conjuncts};
use super::edits::Edits;
use super::propagate::{add, known_columns};
use super::scope::{Column, From, compare_alike};
use super::semi_join::{Inner, semi_joins};
use super::tokens::{Span, Tokens};
use crate::catalog::{ColumnShape, Origin, TableShape, TableSource};
use crate::types::SqlType;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    if from.has_right {
        return;
    }
    inner_joins(place, from, edits);
    pass_values(place, from, edits);
    semi_joins(place, from, edits, holds);
}

/// Whether the records that a subquery gives hold the rows of a column's table.
fn holds(outer: &From, held: Column, inner: &Inner) -> bool {
    let (Some(table), Some(shape), Some(holder)) = (
        outer.table(held),
        outer.shape(held),
        inner.from.table(inner.key),
    ) else {
        return false;
    };
    shape.origin == Origin::Parent && is_array_of(table, holder)
}

/// Makes inner joins of outer ones in which every row has its partner.
fn inner_joins(place: &Place, from: &From, edits: &mut Edits) {
    let is_plain = from.entries.len() == from.relations.len()
        && from.entries.iter().all(|entry| !entry.is_special);
    if !is_plain {
        return;
    }
    let pairs = from.entries.iter().zip(from.entries.iter().skip(1));
    for (right, (before, entry)) in (1..).zip(pairs) {
        let Some(on) = entry.on.as_ref().filter(|_| entry.join.is_left) else {
            continue;
        };
        let Some((left, key)) = equality(place.tokens, from, on) else {
            continue;
        };
        let (left, key) = if key.relation == right {
            (left, key)
        } else {
            (key, left)
        };
        if key.relation == right && !from.is_nullable(left) && is_held(from, left, key) {
            let start = before.on.as_ref().map_or(before.span.end, |on| on.end);
            edits.replace(start..entry.span.start, vec!["JOIN".into()]);
        }
    }
}

fn equality(tokens: &Tokens, from: &From, on: &Span) -> Option<(Column, Column)> {
    let Comparison {
        left: Operand::Name(left),
        operator: "=" | "==",
        right: Operand::Name(right),
    } = comparison(tokens, on)?
    else {
        return None;
    };
    Some((from.resolve(tokens, &left)?, from.resolve(tokens, &right)?))
}

/// Whether a column is that of an array with the key of the record that holds it.
fn is_held(from: &From, column: Column, key: Column) -> bool {
    let held = from.table(column).zip(from.shape(column));
    let holder = from.table(key);
    held.zip(holder).is_some_and(|((table, shape), holder)| {
        shape.origin == Origin::Parent && is_array_of(table, holder) && holder.key == [key.column]
    })
}

fn is_array_of(table: &TableShape, holder: &TableShape) -> bool {
    let TableSource::Service(table) = &table.source else {
        return false;
    };
    table
        .array
        .as_ref()
        .is_some_and(|array| array.table.eq_ignore_ascii_case(&holder.name))
}

/// Passes on to the list of the records what their rows in an array are compared with.
fn pass_values(place: &Place, from: &From, edits: &mut Edits) {
    let tokens = place.tokens;
    let certain = from.conditions.iter().filter(|on| on.is_certain);
    let parts: Vec<Span> = certain
        .flat_map(|on| conjuncts(tokens, &on.condition))
        .chain(place.conjuncts())
        .collect();
    let known = known_columns(place, from, &parts);
    for part in &parts {
        let Some((column, value)) = whole_number(tokens, from, part) else {
            continue;
        };
        let holder = parts
            .iter()
            .filter_map(|part| equality(tokens, from, part))
            .flat_map(|(left, right)| [(left, right), (right, left)])
            .find(|&(held, key)| held.relation == column.relation && is_held(from, held, key));
        let Some((held, key)) = holder else { continue };
        let is_certain = !from.is_nullable(held) && !from.is_nullable(key);
        let parameter = parameter(from, column, key);
        let Some(parameter) = parameter.filter(|_| is_certain) else {
            continue;
        };
        let (name, relation) = (&parameter.name, from.relations.get(key.relation));
        let is_settled = |known: &&Column| known.relation == key.relation || **known == held;
        let is_named = tokens.all().any(|at| {
            tokens
                .name(at)
                .is_some_and(|word| word.eq_ignore_ascii_case(name))
        });
        if let Some(relation) =
            relation.filter(|_| !is_named && !known.iter().any(|one| is_settled(&one)))
        {
            let text = format!(
                "\"{}\".\"{name}\" = {value}",
                relation.name.replace('"', "\"\"")
            );
            return add(place, &text, edits);
        }
    }
}

/// `column = 5`, with the number.
fn whole_number<'s>(tokens: &Tokens<'s>, from: &From, part: &Span) -> Option<(Column, &'s str)> {
    let found = comparison(tokens, part)?;
    let (
        "=" | "==",
        (Operand::Name(name), Operand::Literal(value))
        | (Operand::Literal(value), Operand::Name(name)),
    ) = (found.operator, (found.left, found.right))
    else {
        return None;
    };
    let value = tokens.source(&value);
    let is_whole = value.bytes().all(|byte| byte.is_ascii_digit()) && value.len() < 19;
    let column = from.resolve(tokens, &name).filter(|_| is_whole)?;
    Some((column, value))
}

/// The column of the records' table that passes a value to the service, by the parameter that filters by
/// a column of an array.
fn parameter<'c>(from: &From<'c>, column: Column, key: Column) -> Option<&'c ColumnShape> {
    let (TableSource::Service(array), TableSource::Service(holder)) =
        (&from.table(column)?.source, &from.table(key)?.source)
    else {
        return None;
    };
    let compared = from.shape(column)?;
    let is_equality = |filter: &&Filter| {
        filter.operator == FilterOperator::Equal
            && filter.template.is_none()
            && filter.values.is_empty()
    };
    let of_array = array.filters.iter().filter(is_equality).find(|filter| {
        array.list.is_none() && filter.column.eq_ignore_ascii_case(&compared.name)
    })?;
    let of_holder = holder
        .filters
        .iter()
        .filter(is_equality)
        .find(|filter| filter.parameter == of_array.parameter && filter.with.is_empty())?;
    let shape = from.table(key)?;
    let passed = shape.columns.get(shape.column(&of_holder.column)?)?;
    let is_whole = matches!(compared.sql_type, SqlType::Bigint | SqlType::Integer);
    (passed.origin == Origin::Parameter && is_whole && compare_alike(compared, passed))
        .then_some(passed)
}
