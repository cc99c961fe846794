//! `a NOT IN (1, 2)` becomes `(a <> 1 AND a <> 2)`: `SQLite` passes on comparisons, but no NOT IN.
//!
//! The two have the same value, NULL for a NULL as well: NOT IN is NOT (a = 1 OR a = 2), with the
//! collation and the affinity of the column in each comparison.

use apilink_core::profile::tables::FilterOperator;

use super::Place;
use super::condition::{InList, conjuncts, in_list};
use super::edits::{Edits, Piece};
use super::scope::From;

/// The longest list that is taken apart.
const MAX_VALUES: usize = 50;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    let on = from
        .conditions
        .iter()
        .flat_map(|on| conjuncts(place.tokens, &on.condition));
    for part in place.conjuncts().into_iter().chain(on) {
        let Some(list) = in_list(place.tokens, &part) else {
            continue;
        };
        if list.is_negated && list.values.len() <= MAX_VALUES && gains(place, from, &list) {
            let name = place.tokens.source(&list.name);
            let unequal: Vec<String> = list
                .values
                .iter()
                .map(|value| format!("{name} <> {}", place.tokens.source(value)))
                .collect();
            let text = format!("({})", unequal.join(" AND "));
            edits.replace(part, vec![Piece::Text(text)]);
        }
    }
}

/// Whether the service can leave out values of the column.
fn gains(place: &Place, from: &From, list: &InList) -> bool {
    from.resolve(place.tokens, &list.name)
        .is_some_and(|column| from.can_filter(column, FilterOperator::NotIn))
}
