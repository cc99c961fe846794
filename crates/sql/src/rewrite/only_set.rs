//! The values of the only IN of a statement, which `SQLite` does not tell to tables before it runs.

use super::condition::in_list;
use super::tokens::Tokens;
use crate::dialect::lexer::TokenKind;
use crate::value::Value;

/// The literals of the only set that a column can be compared with, if they are such. `None` where
/// there may be another: each IN, and each OR, of which `SQLite` makes an IN.
pub(crate) fn only_set(sql: &str) -> Option<Vec<Value>> {
    let tokens = Tokens::new(sql)?;
    if tokens.all().any(|at| tokens.is(at, "OR")) {
        return None;
    }
    let mut sets = tokens.all().filter(|&at| tokens.is(at, "IN"));
    let (at, None) = (sets.next()?, sets.next()) else {
        return None;
    };
    if tokens.is(at.checked_sub(1)?, "NOT") {
        return None;
    }
    let close = tokens.close_of(at + 1)?;
    let is_qualified = tokens.kind(at.checked_sub(2)?) == Some(TokenKind::Dot);
    let start = at.checked_sub(if is_qualified { 3 } else { 1 })?;
    let list = in_list(&tokens, &(start..close + 1))?;
    list.values
        .iter()
        .map(|span| literal(tokens.source(span)))
        .collect()
}

fn literal(text: &str) -> Option<Value> {
    if let Some(text) = text.strip_prefix('\'') {
        return Some(Value::Text(text.strip_suffix('\'')?.replace("''", "'")));
    }
    let number = text.replace(' ', "");
    let whole = number.parse().ok().map(Value::Integer);
    whole.or_else(|| number.parse().ok().map(Value::Real))
}
