//! `SELECT MIN(key), MAX(key) FROM t` becomes `SELECT (SELECT key FROM t ORDER BY key LIMIT 1),
//! (SELECT key FROM t ORDER BY key DESC LIMIT 1)`: each end is the first record of an order.
//!
//! Without GROUP BY there is one row in either form, and each aggregate sees the same rows. A key is
//! a whole number and never NULL, so the first in order is the least; where no row passes the
//! condition, MIN and an empty subquery are NULL. The same is so of the MAX of another column in whose
//! order the list comes, with NULL before every value as `SQLite` has it.

use apilink_core::profile::tables::{FilterOperator, Table};

use super::Place;
use super::condition::{Comparison, Operand, comparison};
use super::count::name_of;
use super::edits::{Edits, Piece};
use super::scope::{Column, From};
use super::tokens::{Span, Tokens};
use crate::catalog::{ColumnShape, TableSource};
use crate::types::SqlType;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let core = place.core;
    let Some(from) = &core.from else { return };
    if !is_plain(place) || !can_order(place) {
        return;
    }
    let items = place.tokens.parts(core.items.clone());
    let Some(calls) = items
        .iter()
        .map(|item| aggregate(place, item))
        .collect::<Option<Vec<Span>>>()
    else {
        return;
    };
    let is_end = |call: &&Span| place.tokens.is_any(call.start, &["MIN", "MAX"]);
    if !calls.iter().any(|call| is_end(&call)) {
        return;
    }
    for (item, call) in items.iter().zip(calls) {
        let mut pieces = subquery(place, &call, from);
        if *item == call {
            pieces.push(Piece::Text(name_of(place, item)));
        }
        edits.replace(call, pieces);
    }
    edits.replace(core.items.end..core.span.end, Vec::new());
}

/// An aggregate as a subquery.
fn subquery(place: &Place, call: &Span, from: &Span) -> Vec<Piece> {
    let argument = call.start + 2..call.end - 1;
    let is_count = place.tokens.is(call.start, "COUNT");
    let shown = if is_count { call } else { &argument };
    let mut pieces = vec![
        "(SELECT".into(),
        Piece::Copy(shown.clone()),
        "FROM".into(),
        Piece::Copy(from.clone()),
    ];
    if let Some(condition) = &place.core.condition {
        pieces.extend(["WHERE".into(), Piece::Copy(condition.clone())]);
    }
    if !is_count {
        let is_last = place.tokens.is(call.start, "MAX");
        let direction = if is_last { "DESC LIMIT 1" } else { "LIMIT 1" };
        pieces.extend(["ORDER BY".into(), Piece::Copy(argument), direction.into()]);
    }
    pieces.push(")".into());
    pieces
}

/// Whether the SELECT has nothing but columns, one table and a condition.
fn is_plain(place: &Place) -> bool {
    !place.select.is_compound()
        && place.select.tail.is_empty()
        && !place.core.is_distinct
        && !place.core.is_grouped
        && !place.core.is_opaque
}

/// The table and its only key column.
fn keyed_table<'p>(place: &'p Place) -> Option<(&'p From<'p>, &'p Table, Column)> {
    let from = place.from.as_ref()?;
    let ([relation], [_]) = (from.relations.as_slice(), from.entries.as_slice()) else {
        return None;
    };
    let shape = relation.table?;
    let (TableSource::Service(table), [key]) = (&shape.source, shape.key.as_slice()) else {
        return None;
    };
    let column = Column {
        relation: 0,
        column: *key,
    };
    Some((from, table, column))
}

/// Whether the service can begin at either end of what the condition leaves.
fn can_order(place: &Place) -> bool {
    let Some((from, table, key)) = keyed_table(place) else {
        return false;
    };
    let is_whole = from.shape(key).is_some_and(|key| {
        matches!(key.sql_type, SqlType::Bigint | SqlType::Integer) && !key.nullable
    });
    is_whole
        && has_order(table, from, key)
        && place
            .conjuncts()
            .iter()
            .all(|part| is_filtered(place, part).is_some())
}

/// Whether the list comes in the order of a column.
fn has_order(table: &Table, from: &From, column: Column) -> bool {
    let Some(ColumnShape {
        name,
        ignore_case: false,
        ..
    }) = from.shape(column)
    else {
        return false;
    };
    table.list.as_ref().is_some_and(|list| {
        list.orders
            .iter()
            .any(|order| order.exact && order.column.eq_ignore_ascii_case(name))
    })
}

/// Whether the service compares as a part of the condition does. If it did not, every form would
/// read all records, and this one several times.
fn is_filtered(place: &Place, part: &Span) -> Option<()> {
    let (from, table, _) = keyed_table(place)?;
    let (name, operator, value) = oriented(comparison(place.tokens, part)?)?;
    let column = from.shape(from.resolve(place.tokens, &name)?)?;
    table
        .filters
        .iter()
        .any(|filter| {
            filter.column.eq_ignore_ascii_case(&column.name)
                && operator.contains(&filter.operator)
                && !filter.wider
                && (filter.values.is_empty() || is_among(place.tokens, &value, &filter.values))
        })
        .then_some(())
}

fn is_among(tokens: &Tokens, value: &Span, values: &[String]) -> bool {
    let text = tokens.source(value).trim_matches('\'');
    values.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// The column, the filters that make the comparison, and the value.
fn oriented(found: Comparison) -> Option<(Span, &'static [FilterOperator], Span)> {
    use FilterOperator as F;
    const EQUAL: &[FilterOperator] = &[F::Equal, F::In, F::InJoined];
    const LESS: &[FilterOperator] = &[F::Less];
    const LESS_OR_EQUAL: &[FilterOperator] = &[F::LessOrEqual];
    const GREATER: &[FilterOperator] = &[F::Greater];
    const GREATER_OR_EQUAL: &[FilterOperator] = &[F::GreaterOrEqual];
    const NOT_EQUAL: &[FilterOperator] = &[F::NotIn];
    let (name, value, is_turned) = match (found.left, found.right) {
        (Operand::Name(name), Operand::Literal(value)) => (name, value, false),
        (Operand::Literal(value), Operand::Name(name)) => (name, value, true),
        _ => return None,
    };
    let operators = match (found.operator, is_turned) {
        ("=" | "==", _) => EQUAL,
        ("<", false) | (">", true) => LESS,
        ("<=", false) | (">=", true) => LESS_OR_EQUAL,
        (">", false) | ("<", true) => GREATER,
        (">=", false) | ("<=", true) => GREATER_OR_EQUAL,
        _ => NOT_EQUAL,
    };
    Some((name, operators, value))
}

/// The call in an item that is `MIN(key)`, `MAX(key)`, `COUNT(*)` or the MAX of a column with an order, with
/// an alias or without.
fn aggregate(place: &Place, item: &Span) -> Option<Span> {
    let tokens = place.tokens;
    let (from, table, key) = keyed_table(place)?;
    let close = tokens.close_of(item.start + 1)?;
    let argument = item.start + 2..close;
    let fits = if tokens.is(item.start, "COUNT") {
        tokens.source(&argument) == "*"
    } else {
        let column = from.resolve(tokens, &argument)?;
        let is_key = column == key && tokens.is(item.start, "MIN");
        is_key || (tokens.is(item.start, "MAX") && has_order(table, from, column))
    };
    let end = close + 1;
    let has_no_more = end == item.end || (tokens.is(end, "AS") && end + 2 == item.end);
    (fits && has_no_more).then_some(item.start..end)
}
