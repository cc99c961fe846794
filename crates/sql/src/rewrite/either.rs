//! `a = 1 OR a = 2` becomes `a IN (1, 2)`, which is one request for two records.
//!
//! IN means that OR, with the collation and the affinity of the column in each comparison.

use super::Place;
use super::condition::{Operand, comparison, conjuncts, in_list};
use super::edits::{Edits, Piece};
use super::scope::{Column, From};
use super::tokens::Span;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    let on = from
        .conditions
        .iter()
        .flat_map(|on| conjuncts(place.tokens, &on.condition));
    for part in place.conjuncts().into_iter().chain(on) {
        if let Some(text) = list(place, from, &part) {
            edits.replace(part, vec![Piece::Text(text)]);
        }
    }
}

fn list(place: &Place, from: &From, part: &Span) -> Option<String> {
    let tokens = place.tokens;
    let inner = match tokens.close_of(part.start) {
        Some(close) if close + 1 == part.end => part.start + 1..close,
        _ => part.clone(),
    };
    let mut values = Vec::new();
    let mut columns: Vec<(Column, Span)> = Vec::new();
    let mut start = inner.start;
    let ors = tokens
        .level(inner.clone())
        .filter(|&at| tokens.is(at, "OR"))
        .chain(std::iter::once(inner.end));
    for end in ors {
        let (name, mut found) = alternative(place, &(start..end))?;
        columns.push((from.resolve(tokens, &name)?, name));
        values.append(&mut found);
        start = end + 1;
    }
    let (column, name) = columns.first()?;
    let is_one = columns.len() > 1 && columns.iter().all(|(other, _)| other == column);
    let values: Vec<&str> = values.iter().map(|value| tokens.source(value)).collect();
    is_one.then(|| format!("{} IN ({})", tokens.source(name), values.join(", ")))
}

/// A column and the literals one of which it is to be equal to.
fn alternative(place: &Place, part: &Span) -> Option<(Span, Vec<Span>)> {
    if let Some(list) = in_list(place.tokens, part) {
        return (!list.is_negated).then_some((list.name, list.values));
    }
    let found = comparison(place.tokens, part)?;
    match (found.left, found.operator, found.right) {
        (Operand::Name(name), "=" | "==", Operand::Literal(value))
        | (Operand::Literal(value), "=" | "==", Operand::Name(name)) => Some((name, vec![value])),
        _ => None,
    }
}
