//! `*` in a subquery of which only the rows count becomes `1`: so nobody has to ask which columns the
//! account has added. The text keeps its length, and with it the places that messages name.

use std::borrow::Cow;

use super::syntax::Select;
use super::tokens::{Span, Tokens};
use crate::dialect::lexer::TokenKind;

/// A subquery of which only the rows count.
struct Rows {
    subquery: Span,
    /// Only whether there is one, and not how many.
    is_one_enough: bool,
}

/// A statement with `EXISTS (SELECT 1 FROM …` and `SELECT COUNT(*) FROM (SELECT 1 FROM …` in place of `*`.
pub(crate) fn without_stars(sql: &str) -> Cow<'_, str> {
    let Some(tokens) = Tokens::with_parameters(sql) else {
        return Cow::Borrowed(sql);
    };
    let mut changed = Cow::Borrowed(sql);
    let found = tokens.all().filter_map(|at| only_rows(&tokens, at));
    for star in found.filter_map(|rows| star(&tokens, &rows)) {
        let range = tokens.range(star);
        changed.to_mut().replace_range(range, "1");
    }
    changed
}

/// The subquery whose rows alone matter to what begins at a token.
fn only_rows(tokens: &Tokens, at: usize) -> Option<Rows> {
    let is_one_enough = tokens.is(at, "EXISTS");
    let open = if is_one_enough {
        at + 1
    } else {
        counted(tokens, at)?
    };
    let close = tokens.close_of(open)?;
    tokens.opens_select(open).then_some(Rows {
        subquery: open + 1..close,
        is_one_enough,
    })
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

/// The `*` that is all that a subquery selects, where the number of rows does not depend on it.
fn star(tokens: &Tokens, rows: &Rows) -> Option<usize> {
    let select = Select::parse(tokens, &rows.subquery)?;
    let [core] = select.cores.as_slice() else {
        return None;
    };
    let is_star = core.items.len() == 1 && tokens.text(core.items.start) == "*";
    let is_plain = select.ctes.is_empty()
        && core.from.is_some()
        && !core.is_grouped
        && !core.is_opaque
        && !names_a_position(tokens, &select.tail);
    // Without duplicates, there is a row where there was one; but not so many, to leave some out.
    let keeps_rows = !core.is_distinct || (rows.is_one_enough && !leaves_out(tokens, &select.tail));
    (is_star && is_plain && keeps_rows).then_some(core.items.start)
}

/// Whether ORDER BY may name a column by its position.
fn names_a_position(tokens: &Tokens, tail: &Span) -> bool {
    let limit = tail.clone().find(|&at| tokens.is(at, "LIMIT"));
    let order = tail.start..limit.unwrap_or(tail.end);
    tokens
        .level(order)
        .any(|at| tokens.kind(at) == Some(TokenKind::Number))
}

/// Whether rows are left out at the beginning: `OFFSET n`, `LIMIT n, m`.
fn leaves_out(tokens: &Tokens, tail: &Span) -> bool {
    let limit = tail.clone().find(|&at| tokens.is(at, "LIMIT"));
    limit.is_some_and(|limit| {
        (limit..tail.end)
            .any(|at| tokens.is(at, "OFFSET") || tokens.kind(at) == Some(TokenKind::Comma))
    })
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
            (
                "SELECT 1 FROM b WHERE y = ? AND EXISTS (SELECT * FROM a WHERE x = :x)",
                "SELECT 1 FROM b WHERE y = ? AND EXISTS (SELECT 1 FROM a WHERE x = :x)",
            ),
            (
                "SELECT COUNT(*) FROM (SELECT * FROM a ORDER BY x DESC LIMIT 10 OFFSET 5)",
                "SELECT COUNT(*) FROM (SELECT 1 FROM a ORDER BY x DESC LIMIT 10 OFFSET 5)",
            ),
            (
                "SELECT EXISTS (SELECT DISTINCT * FROM a ORDER BY x LIMIT 1)",
                "SELECT EXISTS (SELECT DISTINCT 1 FROM a ORDER BY x LIMIT 1)",
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
            "SELECT EXISTS (SELECT DISTINCT * FROM a LIMIT 1, 1)",
            "SELECT EXISTS (SELECT * FROM a ORDER BY 2)",
            "SELECT EXISTS (SELECT * FROM a INTERSECT SELECT * FROM b)",
            "SELECT EXISTS (SELECT *)",
            "SELECT x IN (SELECT * FROM a) FROM b",
        ] {
            assert_eq!(without_stars(same), same);
        }
    }
}
