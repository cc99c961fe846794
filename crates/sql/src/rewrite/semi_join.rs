//! `a.x IN (SELECT id FROM b WHERE rest)` becomes a join with `(SELECT id FROM b WHERE rest)`, where `id`
//! is the key of `b`: a row of `a` finds one partner where IN is true, and none where it is false or
//! NULL, which are the same to a conjunct of WHERE. `*` becomes the columns of the tables that there
//! were before.

use super::Place;
use super::edits::{Edits, Piece};
use super::exists::{plain_core, stands_alone};
use super::scope::{Column, From, compare_alike};
use super::syntax::Select;
use super::tokens::{Span, Tokens};

/// The subquery of `a.x IN (SELECT id FROM b WHERE rest)`.
pub(super) struct Inner<'c> {
    /// `b`, and nothing else.
    pub(super) from: From<'c>,
    /// `id`, the key of `b`.
    pub(super) key: Column,
    /// `rest`, which uses no column of `a`.
    pub(super) rest: Option<Span>,
    /// `id` as it is written.
    item: Span,
    source: Span,
}

/// Makes joins of those conjuncts of WHERE whose columns and subqueries are `wanted`.
pub(super) fn semi_joins(
    place: &Place,
    from: &From,
    edits: &mut Edits,
    wanted: impl Fn(&From, Column, &Inner) -> bool,
) {
    let Some((span, stars)) = place.core.from.clone().zip(stars(place, from)) else {
        return;
    };
    let mut has_joined = false;
    for (number, part) in place.conjuncts().into_iter().enumerate() {
        let Some((name, inner)) = in_subquery(place, from, &part, "IN") else {
            continue;
        };
        let column = from.resolve(place.tokens, &name);
        if column.is_some_and(|column| wanted(from, column, &inner)) {
            edits.replace(part, vec!["TRUE".into()]);
            edits.replace(
                span.end..span.end,
                join(place.tokens, &name, &inner, number),
            );
            has_joined = true;
        }
    }
    if has_joined {
        for (star, columns) in stars {
            edits.replace(star, vec![Piece::Text(columns)]);
        }
    }
}

/// `a.x IN (SELECT id FROM b …)`, with the name of `a.x` and the subquery; `words` are those between. No
/// outer join fills `a.x` with NULL.
pub(super) fn in_subquery<'p>(
    place: &Place<'p>,
    outer: &From,
    part: &Span,
    words: &str,
) -> Option<(Span, Inner<'p>)> {
    let tokens = place.tokens;
    let mut words = words.split(' ');
    let first = words.next()?;
    let start = part.clone().find(|&at| tokens.is(at, first))?;
    let mut open = start + 1;
    for word in words {
        if !tokens.is(open, word) {
            return None;
        }
        open += 1;
    }
    if !tokens.opens_select(open) || tokens.close_of(open)? + 1 != part.end {
        return None;
    }
    let select = Select::parse(tokens, &(open + 1..part.end - 1))?;
    let core = plain_core(tokens, &select)?;
    let inner = Place::new(tokens, place.catalog, place.ctes, (&select, core), false);
    let source = core.from.clone()?;
    let from = From::parse(tokens, &source, place.catalog, place.ctes)?;
    let key = from.resolve(tokens, &core.items)?;
    let parts = std::iter::once(&source).chain(core.condition.as_ref());
    let name = part.start..start;
    let column = outer.resolve(tokens, &name)?;
    let is_plain = matches!(from.relations[..], [_])
        && !outer.is_nullable(column)
        && compare_alike(outer.shape(column)?, from.shape(key)?)
        && from.table(key)?.key == [key.column]
        && stands_alone(&inner, (&from, outer), parts);
    if !is_plain {
        return None;
    }
    let (item, rest) = (core.items.clone(), core.condition.clone());
    let inner = Inner {
        from,
        key,
        rest,
        item,
        source,
    };
    Some((name, inner))
}

/// Each `*` that stands for all columns, and those columns by their tables; `None` where they cannot be
/// named.
fn stars(place: &Place, from: &From) -> Option<Vec<(Span, String)>> {
    let items = place.tokens.parts(place.core.items.clone());
    let stars = items
        .into_iter()
        .filter(|item| item.len() == 1 && place.tokens.text(item.start) == "*");
    stars
        .map(|star| Some((star, from.all_columns()?)))
        .collect()
}

fn join(tokens: &Tokens, name: &Span, inner: &Inner, number: usize) -> Vec<Piece> {
    let (alias, column) = (format!("holder {number}"), format!("holder key {number}"));
    let mut pieces = vec!["JOIN".into()];
    pieces.extend(inner.keys(&column));
    pieces.push(Piece::Text(format!(
        "AS \"{alias}\" ON \"{column}\" = {}",
        tokens.source(name)
    )));
    pieces
}

impl Inner<'_> {
    /// The subquery in brackets, with a name for the key.
    pub(super) fn keys(&self, name: &str) -> Vec<Piece> {
        let mut pieces = vec![
            "(SELECT".into(),
            Piece::Copy(self.item.clone()),
            Piece::Text(format!("AS \"{name}\" FROM")),
            Piece::Copy(self.source.clone()),
        ];
        if let Some(rest) = &self.rest {
            pieces.extend(["WHERE".into(), Piece::Copy(rest.clone())]);
        }
        pieces.push(")".into());
        pieces
    }
}
