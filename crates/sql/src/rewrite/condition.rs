//! Conditions: their parts between ANDs, and those parts that have a simple form.

use super::tokens::{Span, Tokens};
use crate::dialect::lexer::TokenKind;

/// The parts of a condition that all have to be true. Brackets around several are looked through.
pub(super) fn conjuncts(tokens: &Tokens, condition: &Span) -> Vec<Span> {
    let mut found = Vec::new();
    let mut waiting = vec![condition.clone()];
    while let Some(span) = waiting.pop() {
        let mut parts = split(tokens, &span);
        if let [part] = parts.as_mut_slice() {
            match inside(tokens, part) {
                Some(inner) => waiting.push(inner),
                None => found.push(part.clone()),
            }
        } else {
            parts.reverse();
            waiting.append(&mut parts);
        }
    }
    found
}

/// Divides a condition at each AND, unless an OR binds the parts together.
fn split(tokens: &Tokens, span: &Span) -> Vec<Span> {
    if has_or(tokens, span) {
        return vec![span.clone()];
    }
    let mut parts = Vec::new();
    let mut start = span.start;
    let (mut cases, mut betweens) = (0_usize, 0_usize);
    for at in tokens.level(span.clone()) {
        if tokens.is(at, "CASE") {
            cases += 1;
        } else if tokens.is(at, "END") {
            cases = cases.saturating_sub(1);
        } else if cases > 0 {
            // The ANDs and BETWEENs of a CASE are its own.
        } else if tokens.is(at, "BETWEEN") {
            betweens += 1;
        } else if tokens.is(at, "AND") {
            if betweens > 0 {
                betweens -= 1;
            } else {
                parts.push(start..at);
                start = at + 1;
            }
        }
    }
    parts.push(start..span.end);
    parts
}

/// The condition within brackets that are all of a part; one with OR stays in its brackets.
fn inside(tokens: &Tokens, part: &Span) -> Option<Span> {
    let close = tokens.close_of(part.start)?;
    let inner = part.start + 1..close;
    let is_condition = close + 1 == part.end
        && !inner.is_empty()
        && !tokens.opens_select(part.start)
        && !has_or(tokens, &inner)
        && tokens
            .level(inner.clone())
            .all(|at| tokens.kind(at) != Some(TokenKind::Comma));
    is_condition.then_some(inner)
}

/// Whether a condition has an OR outside of brackets and CASE.
pub(super) fn has_or(tokens: &Tokens, span: &Span) -> bool {
    let mut cases = 0_usize;
    tokens.level(span.clone()).any(|at| {
        if tokens.is(at, "CASE") {
            cases += 1;
        } else if tokens.is(at, "END") {
            cases = cases.saturating_sub(1);
        }
        cases == 0 && tokens.is(at, "OR")
    })
}

/// A side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// What may be a column.
    Name(Span),
    /// A number or a text.
    Literal(Span),
}

/// `a = b` and its like, alone in a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison<'s> {
    pub(super) left: Operand,
    pub(super) operator: &'s str,
    pub(super) right: Operand,
}

/// `a IN (1, 2)`, alone in a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InList {
    pub(super) name: Span,
    pub(super) is_negated: bool,
    pub(super) values: Vec<Span>,
    /// The list with its brackets.
    pub(super) list: Span,
}

/// The operand that begins at a position, and the position behind it.
fn operand(tokens: &Tokens, at: usize) -> Option<(Operand, usize)> {
    match tokens.kind(at)? {
        TokenKind::Number | TokenKind::Text => Some((Operand::Literal(at..at + 1), at + 1)),
        TokenKind::Operator
            if matches!(tokens.text(at), "-" | "+")
                && tokens.kind(at + 1) == Some(TokenKind::Number) =>
        {
            Some((Operand::Literal(at..at + 2), at + 2))
        }
        TokenKind::Word | TokenKind::QuotedName => {
            let end = match tokens.kind(at + 1) {
                Some(TokenKind::Dot) => at + 3,
                _ => at + 1,
            };
            (tokens.kind(end) != Some(TokenKind::Open)).then_some((Operand::Name(at..end), end))
        }
        _ => None,
    }
}

/// A part as a comparison.
pub(super) fn comparison<'s>(tokens: &Tokens<'s>, part: &Span) -> Option<Comparison<'s>> {
    let (left, at) = operand(tokens, part.start)?;
    let operator = tokens.text(at);
    if !matches!(operator, "=" | "==" | "<>" | "!=" | "<" | "<=" | ">" | ">=") {
        return None;
    }
    let (right, end) = operand(tokens, at + 1)?;
    (end == part.end).then_some(Comparison {
        left,
        operator,
        right,
    })
}

/// A part as a comparison with a list of literals.
pub(super) fn in_list(tokens: &Tokens, part: &Span) -> Option<InList> {
    let (Operand::Name(name), mut at) = operand(tokens, part.start)? else {
        return None;
    };
    let is_negated = tokens.is(at, "NOT");
    at += usize::from(is_negated);
    if !tokens.is(at, "IN") {
        return None;
    }
    let open = at + 1;
    let close = tokens.close_of(open)?;
    if close + 1 != part.end {
        return None;
    }
    let values = tokens.parts(open + 1..close);
    values
        .iter()
        .all(|value| is_literal(tokens, value))
        .then_some(InList {
            name,
            is_negated,
            values,
            list: open..close + 1,
        })
}

fn is_literal(tokens: &Tokens, span: &Span) -> bool {
    matches!(operand(tokens, span.start), Some((Operand::Literal(_), end)) if end == span.end)
}
