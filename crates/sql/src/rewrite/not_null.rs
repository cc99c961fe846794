//! `a IS NOT NULL` becomes `a IS NOT +NULL`, where the service can make that comparison: `SQLite` makes
//! `IS NOT NULL` itself, too, whoever has made it before, and so asks for the column.
//!
//! `+NULL` is NULL.

use apilink_core::profile::tables::FilterOperator;

use super::Place;
use super::edits::{Edits, Piece};
use super::scope::From;
use super::tokens::Span;

pub(super) fn apply(place: &Place, edits: &mut Edits) {
    let Some(from) = &place.from else { return };
    for part in place.conjuncts() {
        if let Some(name) = not_null(place, &part).filter(|name| gains(place, from, name)) {
            let text = format!("{} IS NOT +NULL", place.tokens.source(&name));
            edits.replace(part, vec![Piece::Text(text)]);
        }
    }
}

/// The name in `name IS NOT NULL`, `name NOT NULL` or `name NOTNULL`.
fn not_null(place: &Place, part: &Span) -> Option<Span> {
    const FORMS: [&[&str]; 3] = [&["IS", "NOT", "NULL"], &["NOT", "NULL"], &["NOTNULL"]];
    let ends_with = |form: &&&[&str]| {
        let words = (1..).zip(form.iter().rev());
        let mut found = words.map(|(back, word)| {
            let at = part.end.checked_sub(back).filter(|at| part.contains(at));
            at.is_some_and(|at| place.tokens.is(at, word))
        });
        found.all(|is_there| is_there)
    };
    let form = FORMS.iter().find(ends_with)?;
    let name = part.start..part.end - form.len();
    (!name.is_empty()).then_some(name)
}

/// Whether the service can leave out rows without a value in the column.
fn gains(place: &Place, from: &From, name: &Span) -> bool {
    // Of a row that may be made of NULL, `SQLite` learns from IS NOT NULL that it is not.
    from.resolve(place.tokens, name)
        .filter(|column| !from.is_nullable(*column))
        .is_some_and(|column| from.can_filter(column, FilterOperator::IsNotNull))
}
