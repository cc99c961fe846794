//! `a.b_id IN (SELECT id FROM b WHERE rest)` where the records of `a` show of their `b` all that `rest`
//! compares: no record of `b` has to be asked for.
//!
//! IN becomes a join, as [`super::semi_join`] has it. `a.b_id NOT IN (…)` becomes `CASE WHEN a.b_id IS NULL
//! THEN NOT EXISTS (b) ELSE NOT EXISTS (b with this id) END`, which is what NOT IN means: a NULL is in no
//! set that is empty, and whether it is in another is not known; and keys are never NULL.

use super::Place;
use super::condition::conjuncts;
use super::edits::{Edits, Piece};
use super::propagate::known_columns;
use super::scope::{Column, From};
use super::semi_join::{Inner, in_subquery, semi_joins};
use super::tokens::Tokens;
use crate::dialect::lexer::TokenKind;
use crate::engine::carry::{object_column, plain_field, same_record};

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    if from.has_right {
        return;
    }
    let is_carried =
        |outer: &From, column: Column, inner: &Inner| shows(place, outer, column, inner);
    semi_joins(place, from, edits, is_carried);
    for (number, part) in place.conjuncts().into_iter().enumerate() {
        let Some((name, inner)) = in_subquery(place, from, &part, "NOT IN") else {
            continue;
        };
        let column = from.resolve(place.tokens, &name);
        if column.is_some_and(|column| shows(place, from, column, &inner)) {
            edits.replace(part, none_of(place.tokens.source(&name), &inner, number));
        }
    }
}

/// Whether the records of a column's table show all that is asked of those it refers to.
fn shows(place: &Place, outer: &From, column: Column, inner: &Inner) -> bool {
    let (Some(table), Some(referred)) = (outer.table(column), inner.from.table(inner.key)) else {
        return false;
    };
    let Some(object) = same_record(table, column.column, &referred.name) else {
        return false;
    };
    let Some(rest) = &inner.rest else {
        return true;
    };
    // A record whose key is given is one request.
    let parts = conjuncts(place.tokens, rest);
    let (outside, subqueries) = place.tokens.outside_subqueries(rest.clone());
    if !subqueries.is_empty() || known_columns(place, &inner.from, &parts).contains(&inner.key) {
        return false;
    }
    let mut used = outside
        .into_iter()
        .filter_map(|at| column_at(place.tokens, &inner.from, at));
    used.all(|used| {
        used == inner.key
            || plain_field(referred, used.column)
                .and_then(|field| object_column(table, &object, field))
                .is_some()
    })
}

/// The column whose name begins at a token.
fn column_at(tokens: &Tokens, from: &From, at: usize) -> Option<Column> {
    let is_dot = |at: usize| tokens.kind(at) == Some(TokenKind::Dot);
    if is_dot(at.wrapping_sub(1)) {
        return None;
    }
    let end = if is_dot(at + 1) { at + 3 } else { at + 1 };
    from.resolve(tokens, &(at..end))
}

/// What `name NOT IN (subquery)` means.
fn none_of(name: &str, inner: &Inner, number: usize) -> Vec<Piece> {
    let key = format!("none key {number}");
    let mut pieces = vec![Piece::Text(format!(
        "CASE WHEN {name} IS NULL THEN NOT EXISTS (SELECT 1 FROM"
    ))];
    pieces.extend(inner.keys(&key));
    pieces.push(") ELSE NOT EXISTS (SELECT 1 FROM".into());
    pieces.extend(inner.keys(&key));
    pieces.push(Piece::Text(format!("WHERE \"{key}\" = {name}) END")));
    pieces
}
