//! `*` in a subquery of which only the rows count becomes `1`: so nobody has to ask which columns the
//! account has added. The text keeps its length, and with it the places that messages name.

use std::borrow::Cow;

use super::exists::plain_core;
use super::syntax::Select;
use super::tokens::{Span, Tokens};

/// A statement with `EXISTS (SELECT 1 FROM …` and `SELECT COUNT(*) FROM (SELECT 1 FROM …` in place of `*`.
pub(crate) fn without_stars(sql: &str) -> Cow<'_, str> {
    let Some(tokens) = Tokens::new(sql) else {
        return Cow::Borrowed(sql);
    };
    let mut changed = Cow::Borrowed(sql);
    let subqueries = tokens.all().filter_map(|at| only_rows(&tokens, at));
    for star in subqueries.filter_map(|subquery| star(&tokens, &subquery)) {
        let range = tokens.range(star);
        changed.to_mut().replace_range(range, "1");
    }
    changed
}

/// The subquery whose rows alone matter to what begins at a token.
fn only_rows(tokens: &Tokens, at: usize) -> Option<Span> {
    let open = if tokens.is(at, "EXISTS") {
        at + 1
    } else {
        counted(tokens, at)?
    };
    let close = tokens.close_of(open)?;
    tokens.opens_select(open).then_some(open + 1..close)
}

/// The bracket behind `SELECT COUNT(*) FROM`, if nothing follows it that may name a column.
fn counted(tokens: &Tokens, at: usize) -> Option<usize> {
    let close = tokens.close_of(at + 2)?;
    let is_count = tokens.is(at, "SELECT")
        && tokens.is(at + 1, "COUNT")
        && tokens.text(at + 3) == "*"
        && close == at + 4;
    let from = alias(tokens, close + 1, "FROM");
    let open = from + 1;
    let end = alias(tokens, tokens.after(open), ")");
    let is_end = end >= tokens.all().end || tokens.text(end) == ")";
    (is_count && tokens.is(from, "FROM") && is_end).then_some(open)
}

/// The position behind the alias at a position, if there is one; `next` is what may follow without one.
fn alias(tokens: &Tokens, at: usize, next: &str) -> usize {
    let name = at + usize::from(tokens.is(at, "AS"));
    let is_name = tokens.name(name).is_some() && !tokens.is(name, next);
    if is_name { name + 1 } else { at }
}

/// The `*` that is all that a subquery selects, where it does nothing with it.
fn star(tokens: &Tokens, subquery: &Span) -> Option<usize> {
    let select = Select::parse(tokens, subquery)?;
    let core = plain_core(tokens, &select)?;
    let is_star = core.items.len() == 1 && tokens.text(core.items.start) == "*";
    (is_star && core.from.is_some()).then_some(core.items.start)
}

#[cfg(test)]
mod tests {
    use super::without_stars;

    #[test]
    fn only_where_the_rows_alone_count() {
        for (sql, expected) in [
            (
                "SELECT 1 WHERE EXISTS (SELECT * FROM a WHERE x = 1)",
                "SELECT 1 WHERE EXISTS (SELECT 1 FROM a WHERE x = 1)",
            ),
            (
                "SELECT COUNT(*) AS n FROM (SELECT * FROM a) AS t",
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM a) AS t",
            ),
            (
                "SELECT (SELECT count(*) FROM (SELECT * FROM a) t)",
                "SELECT (SELECT count(*) FROM (SELECT 1 FROM a) t)",
            ),
        ] {
            assert_eq!(without_stars(sql), expected);
        }
        for same in [
            "SELECT * FROM a",
            "SELECT COUNT(*) FROM (SELECT * FROM a) t WHERE t.x = 1",
            "SELECT COUNT(*) FROM (SELECT * FROM a) t JOIN b ON t.x = b.x",
            "SELECT COUNT(*) FROM (SELECT * FROM a), b",
            "SELECT COUNT(*) FROM (SELECT * FROM a) GROUP BY x",
            "SELECT COUNT(*) FROM (SELECT DISTINCT * FROM a)",
            "SELECT COUNT(*) FROM (SELECT * FROM a UNION SELECT * FROM b)",
            "SELECT COUNT(*), MAX(x) FROM (SELECT * FROM a)",
            "SELECT COUNT(*) + x FROM (SELECT * FROM a)",
            "SELECT EXISTS (SELECT DISTINCT * FROM a LIMIT 1 OFFSET 1)",
            "SELECT EXISTS (SELECT * FROM a INTERSECT SELECT * FROM b)",
            "SELECT EXISTS (SELECT *)",
            "SELECT x IN (SELECT * FROM a) FROM b",
        ] {
            assert_eq!(without_stars(same), same);
        }
    }
}
