//! `EXISTS (SELECT … FROM b WHERE b.x = a.y AND rest)` becomes `a.y IN (SELECT b.x FROM b WHERE
//! rest)`: the subquery is asked once, and what it gives can be a filter of `a`.
//!
//! Both are true where some row with `rest` has an `x` that is equal to `y`. Otherwise EXISTS is
//! false and IN is false or NULL, which are the same to a conjunct of WHERE. The columns have the
//! same type and collation, so that IN compares as `=` does.

use super::Place;
use super::condition::{Operand, comparison};
use super::edits::{Edits, Piece};
use super::propagate::known_columns;
use super::scope::{Column, From, compare_alike};
use super::syntax::{Core, Select};
use super::tokens::{Span, Tokens};
use crate::dialect::lexer::TokenKind;
use crate::types::SqlType;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    for part in place.conjuncts() {
        if let Some(pieces) = semi_join(place, from, &part) {
            edits.replace(part, pieces);
        }
    }
}

/// `inner = outer` within the subquery.
struct Link {
    part: Span,
    inner: Span,
    outer: Span,
    outer_column: Column,
}

fn semi_join(place: &Place, outer: &From, part: &Span) -> Option<Vec<Piece>> {
    let tokens = place.tokens;
    let open = part.start + 1;
    if !tokens.is(part.start, "EXISTS") || tokens.close_of(open)? + 1 != part.end {
        return None;
    }
    let select = Select::parse(tokens, &(open + 1..part.end - 1))?;
    let core = plain_core(tokens, &select)?;
    let inner = Place::new(tokens, place.catalog, place.ctes, (&select, core), false);
    let from = inner.from.as_ref()?;
    let parts = inner.conjuncts();
    let mut links = parts
        .iter()
        .filter_map(|part| link(&inner, from, outer, part));
    let link = links.next()?;
    if links.next().is_some() {
        return None;
    }
    let rest: Vec<Span> = parts
        .iter()
        .filter(|part| **part != link.part)
        .cloned()
        .collect();
    let from_span = core.from.clone()?;
    if !stands_alone(
        &inner,
        (from, outer),
        std::iter::once(&from_span).chain(&rest),
    ) || !gains(place, outer, link.outer_column, (&inner, from, &rest))
    {
        return None;
    }
    let mut pieces = vec![
        Piece::Copy(link.outer),
        "IN (SELECT".into(),
        Piece::Copy(link.inner),
        "FROM".into(),
        Piece::Copy(from_span),
    ];
    let mut glue = "WHERE";
    for part in rest {
        pieces.extend([glue.into(), Piece::Copy(part)]);
        glue = "AND";
    }
    pieces.push(")".into());
    Some(pieces)
}

/// The only arm of a subquery without aggregates, groups, order and limit.
pub(super) fn plain_core<'s>(tokens: &Tokens, select: &'s Select) -> Option<&'s Core> {
    let [core] = select.cores.as_slice() else {
        return None;
    };
    let is_plain = select.ctes.is_empty()
        && select.tail.is_empty()
        && !core.is_distinct
        && !core.is_grouped
        && !core.is_opaque
        // Without brackets there is no aggregate.
        && core
            .items
            .clone()
            .all(|at| tokens.kind(at) != Some(TokenKind::Open));
    is_plain.then_some(core)
}

/// A part that is an equality of a column of the subquery with one of the SELECT around it.
fn link(place: &Place, inner: &From, outer: &From, part: &Span) -> Option<Link> {
    let found = comparison(place.tokens, part)?;
    if !matches!(found.operator, "=" | "==") {
        return None;
    }
    let (Operand::Name(left), Operand::Name(right)) = (found.left, found.right) else {
        return None;
    };
    let oriented = |here: &Span, there: &Span| {
        let column = inner.resolve(place.tokens, here)?;
        if inner.may_have(place.tokens, there) || is_item(place, there) {
            return None;
        }
        let outer_column = outer.resolve(place.tokens, there)?;
        compare_alike(inner.shape(column)?, outer.shape(outer_column)?).then(|| Link {
            part: part.clone(),
            inner: here.clone(),
            outer: there.clone(),
            outer_column,
        })
    };
    oriented(&left, &right).or_else(|| oriented(&right, &left))
}

/// Whether a bare name may be an alias in the subquery's list of columns.
fn is_item(place: &Place, name: &Span) -> bool {
    let tokens = place.tokens;
    name.len() == 1
        && place.core.items.clone().any(|at| {
            let is_dot = |at: usize| tokens.kind(at) == Some(TokenKind::Dot);
            let is_whole = !is_dot(at.wrapping_sub(1)) && !is_dot(at + 1);
            match (tokens.name(at), tokens.name(name.start)) {
                (Some(item), Some(name)) => is_whole && item.eq_ignore_ascii_case(&name),
                _ => false,
            }
        })
}

/// Whether parts of the subquery use no column of the SELECTs around it, and no alias.
pub(super) fn stands_alone<'a>(
    place: &Place,
    (from, outer): (&From, &From),
    parts: impl Iterator<Item = &'a Span>,
) -> bool {
    let tokens = place.tokens;
    let uses_others = |at: usize| {
        let is_name = matches!(
            tokens.kind(at),
            Some(TokenKind::Word | TokenKind::QuotedName)
        );
        let is_dot = |at: usize| tokens.kind(at) == Some(TokenKind::Dot);
        if !is_name || is_dot(at.wrapping_sub(1)) {
            return false;
        }
        if is_dot(at + 1) {
            let name = at..at + 3;
            return !from.may_have(tokens, &name) && outer.may_have(tokens, &name);
        }
        let name = at..at + 1;
        let is_outer = || !from.may_have(tokens, &name) && outer.resolve(tokens, &name).is_some();
        (is_item(place, &name) && from.resolve(tokens, &name).is_none()) || is_outer()
    };
    parts
        .flat_map(|part| {
            let (outside, subqueries) = tokens.outside_subqueries(part.clone());
            subqueries.into_iter().flatten().chain(outside)
        })
        .all(|at| !uses_others(at))
}

/// Whether it is likely that fewer requests are made: not where the rows of the outer table are
/// few and those of the inner are many, for each of which a request is enough.
fn gains(
    place: &Place,
    outer: &From,
    outer_column: Column,
    (inner_place, inner, rest): (&Place, &From, &[Span]),
) -> bool {
    let is_narrow = |from: &From, column: &Column| {
        from.shape(*column)
            .is_some_and(|shape| !shape.ignore_case && shape.sql_type != SqlType::Boolean)
    };
    let is_narrowed = known_columns(place, outer, &place.conjuncts())
        .iter()
        .any(|column| column.relation == outer_column.relation && is_narrow(outer, column));
    !is_narrowed
        || known_columns(inner_place, inner, rest)
            .iter()
            .any(|column| is_narrow(inner, column))
}
