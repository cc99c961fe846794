//! `a RIGHT JOIN b ON c` becomes `b LEFT JOIN a ON c`, so that `b` can be read first.
//!
//! Both mean the pairs for which `c` is true and the rows of `b` that have no partner. Only the
//! order of the columns differs, which nothing but a bare `*` shows.

use super::Place;
use super::edits::{Edits, Piece};
use super::tokens::{Span, Tokens};

/// Whether a statement may have an outer join.
pub(crate) fn may_have_outer_join(sql: &str) -> bool {
    let words = ["LEFT", "RIGHT", "FULL", "OUTER"];
    Tokens::new(sql).is_none_or(|tokens| tokens.all().any(|at| tokens.is_any(at, &words)))
}

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    let [first, second] = from.entries.as_slice() else {
        return;
    };
    let Some(condition) = &second.on else { return };
    let is_right = second.join.is_right && !second.join.is_left;
    if !is_right || first.is_special || second.is_special || has_star(place) {
        return;
    }
    let pieces = vec![
        Piece::Copy(second.span.clone()),
        "LEFT JOIN".into(),
        Piece::Copy(first.span.clone()),
        "ON".into(),
        Piece::Copy(condition.clone()),
    ];
    edits.replace(first.span.start..condition.end, pieces);
}

fn has_star(place: &Place) -> bool {
    let is_star = |item: &Span| place.tokens.source(item) == "*";
    place
        .tokens
        .parts(place.core.items.clone())
        .iter()
        .any(is_star)
}
