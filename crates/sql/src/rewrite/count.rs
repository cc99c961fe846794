//! `COUNT(key)` becomes `COUNT(*)`, which the service can answer without a record; and so does
//! `COUNT(DISTINCT key)` where the key is that of the only table.
//!
//! `COUNT(*) FROM (SELECT … ORDER BY x)` goes without the order, and so without `x`.
//!
//! A key is never NULL, unless an outer join fills its table with NULL; so COUNT counts every row. Rows of
//! one table have different keys.

use super::Place;
use super::edits::Edits;
use super::syntax::Select;
use super::tokens::Span;
use crate::dialect::lexer::TokenKind;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    if let Some(order) = needless_order(place) {
        edits.replace(order, Vec::new());
    }
    // ORDER BY of a compound repeats the columns of its arms.
    if place.select.is_compound() && !place.select.tail.is_empty() {
        return;
    }
    let span = place.core.span.start..place.select.tail.end;
    let span = if place.select.is_compound() {
        place.core.span.clone()
    } else {
        span
    };
    let items = place.tokens.parts(place.core.items.clone());
    let (tokens, _) = place.tokens.outside_subqueries(span);
    for at in tokens {
        let Some(close) = count_of_key(place, at) else {
            continue;
        };
        let call = at..close + 1;
        let item = items
            .iter()
            .find(|item| item.start <= call.start && call.end <= item.end);
        let Some(named) = item.map_or(Some(false), |item| needs_name(place, item, &call)) else {
            continue;
        };
        edits.replace(at + 2..close, vec!["*".into()]);
        if named {
            edits.insert(call.end, name_of(place, &call));
        }
    }
}

/// The ORDER BY of a subquery that is all of FROM, where only its rows are counted.
fn needless_order(place: &Place) -> Option<Span> {
    let (tokens, span) = (place.tokens, place.core.from.as_ref()?);
    let [entry] = place.from.as_ref()?.entries.as_slice() else {
        return None;
    };
    let item = place.core.items.clone();
    let counts = tokens.is(item.start, "COUNT")
        && tokens.text(item.start + 2) == "*"
        && tokens.parts(item.clone()).len() == 1
        && (item.start + 4..item.end).all(|at| {
            matches!(
                tokens.kind(at),
                Some(TokenKind::Word | TokenKind::QuotedName)
            )
        })
        && !tokens.is_any(item.start + 4, &["FILTER", "OVER"]);
    let open = span.start;
    let close = tokens.close_of(open)?;
    if !counts || entry.is_special || !tokens.opens_select(open) {
        return None;
    }
    let tail = Select::parse(tokens, &(open + 1..close))?.tail;
    let has_limit = tokens.level(tail.clone()).any(|at| tokens.is(at, "LIMIT"));
    (!tail.is_empty() && !has_limit).then_some(tail)
}

/// The position of the closing bracket, if `COUNT(key)` is at a position.
fn count_of_key(place: &Place, at: usize) -> Option<usize> {
    let (tokens, from) = (place.tokens, place.from.as_ref()?);
    if !tokens.is(at, "COUNT") {
        return None;
    }
    let close = tokens.close_of(at + 1)?;
    // With FILTER or OVER nothing is gained.
    if tokens.is_any(close + 1, &["FILTER", "OVER"]) {
        return None;
    }
    let is_distinct = tokens.is(at + 2, "DISTINCT");
    let column = from.resolve(tokens, &(at + 2 + usize::from(is_distinct)..close))?;
    let key = &from.table(column)?.key;
    let is_key = if is_distinct {
        *key == [column.column] && from.relations.len() == 1
    } else {
        key.contains(&column.column)
    };
    let is_never_null = !from.shape(column)?.nullable && !from.is_nullable(column);
    (is_key && is_never_null).then_some(close)
}

/// Whether an item has to be given the name that its text was; `None`: it may need one, and where
/// it would go is not sure.
fn needs_name(place: &Place, item: &Span, call: &Span) -> Option<bool> {
    let tokens = place.tokens;
    if item == call {
        return Some(true);
    }
    let has_alias = tokens.level(item.clone()).any(|at| tokens.is(at, "AS"));
    let is_aliased_call = item.start == call.start
        && item.end == call.end + 1
        && matches!(
            tokens.kind(call.end),
            Some(TokenKind::Word | TokenKind::QuotedName)
        );
    (has_alias || is_aliased_call || place.is_outermost).then_some(false)
}

/// The name that `SQLite` gives to an expression: its text.
pub(super) fn name_of(place: &Place, item: &Span) -> String {
    format!("AS \"{}\"", place.tokens.source(item).replace('"', "\"\""))
}
