//! A table that is an array, and the table whose records hold it: read in one go, with the filters that
//! the records' list has.
//!
//! `a LEFT JOIN b ON b.id = a.b_id` becomes `a JOIN b ON …`, where the rows of `a` are an array in the
//! records of `b`: each of them has its record, so that no row is without a partner.
//!
//! `a.b_id IN (SELECT id FROM b WHERE rest)` becomes a join with `(SELECT id FROM b WHERE rest)`: the key
//! identifies a record, so that no row finds two partners.

use super::Place;
use super::condition::{Comparison, Operand, comparison};
use super::edits::{Edits, Piece};
use super::exists::{plain_core, stands_alone};
use super::scope::{Column, From};
use super::syntax::Select;
use super::tokens::{Span, Tokens};
use crate::catalog::{Origin, TableShape, TableSource};

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    if from.has_right {
        return;
    }
    inner_joins(place, from, edits);
    let has_star =
        place.core.items.clone().any(|at| {
            place.tokens.text(at) == "*" && !place.tokens.is(at.wrapping_sub(2), "COUNT")
        });
    let Some(span) = place.core.from.clone().filter(|_| !has_star) else {
        return;
    };
    for (number, part) in place.conjuncts().into_iter().enumerate() {
        if let Some(pieces) = join(place, from, &part, number) {
            edits.replace(part, vec!["TRUE".into()]);
            edits.replace(span.end..span.end, pieces);
        }
    }
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

/// The join that stands for `a.b_id IN (SELECT id FROM b WHERE rest)`.
fn join(place: &Place, outer: &From, part: &Span, number: usize) -> Option<Vec<Piece>> {
    let tokens = place.tokens;
    let at = part.clone().find(|&at| tokens.is(at, "IN"))?;
    let open = at + 1;
    if !tokens.opens_select(open) || tokens.close_of(open)? + 1 != part.end {
        return None;
    }
    let name = part.start..at;
    let held = outer.resolve(tokens, &name)?;
    let select = Select::parse(tokens, &(open + 1..part.end - 1))?;
    let core = plain_core(tokens, &select)?;
    let inner = Place::new(tokens, place.catalog, place.ctes, (&select, core), false);
    let from = inner.from.as_ref()?;
    let [_] = from.relations[..] else {
        return None;
    };
    let key = from.resolve(tokens, &core.items)?;
    let (table, shape) = (outer.table(held)?, outer.shape(held)?);
    let holder = from.table(key)?;
    let is_holder = shape.origin == Origin::Parent
        && !outer.is_nullable(held)
        && is_array_of(table, holder)
        && holder.key == [key.column];
    let source = core.from.clone()?;
    let parts = std::iter::once(&source).chain(core.condition.as_ref());
    if !is_holder || !stands_alone(&inner, (from, outer), parts) {
        return None;
    }
    let (alias, column) = (format!("holder {number}"), format!("holder key {number}"));
    let mut pieces = vec![
        "JOIN (SELECT".into(),
        Piece::Copy(core.items.clone()),
        Piece::Text(format!("AS \"{column}\" FROM")),
        Piece::Copy(source),
    ];
    if let Some(condition) = &core.condition {
        pieces.extend(["WHERE".into(), Piece::Copy(condition.clone())]);
    }
    pieces.push(Piece::Text(format!(
        ") AS \"{alias}\" ON \"{column}\" = {}",
        tokens.source(&name)
    )));
    Some(pieces)
}
