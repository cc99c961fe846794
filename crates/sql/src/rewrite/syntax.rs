//! The clauses of SELECTs, as spans of tokens.

use super::tokens::{Span, Tokens};

/// A SELECT with its common table expressions and what follows it.
pub(super) struct Select {
    pub(super) ctes: Vec<Cte>,
    pub(super) cores: Vec<Core>,
    /// ORDER BY and LIMIT.
    pub(super) tail: Span,
}

pub(super) struct Cte {
    pub(super) name: String,
    pub(super) body: Span,
}

/// One arm of a compound.
pub(super) struct Core {
    pub(super) span: Span,
    pub(super) is_distinct: bool,
    /// The list of columns.
    pub(super) items: Span,
    pub(super) from: Option<Span>,
    pub(super) condition: Option<Span>,
    pub(super) is_grouped: bool,
    /// VALUES, or a SELECT with a WINDOW clause: nothing is done to it.
    pub(super) is_opaque: bool,
}

impl Select {
    /// Reads a SELECT that takes up the whole span.
    pub(super) fn parse(tokens: &Tokens, span: &Span) -> Option<Self> {
        let (ctes, mut at) = with(tokens, span)?;
        let mut cores = Vec::new();
        loop {
            let core = Core::parse(tokens, at, span.end)?;
            at = core.span.end;
            cores.push(core);
            if !tokens.is_any(at, &COMPOUND) || at >= span.end {
                break;
            }
            at += 1;
            if tokens.is(at, "ALL") {
                at += 1;
            }
        }
        Some(Self {
            ctes,
            cores,
            tail: at..span.end,
        })
    }

    pub(super) fn is_compound(&self) -> bool {
        self.cores.len() > 1
    }
}

const COMPOUND: [&str; 3] = ["UNION", "EXCEPT", "INTERSECT"];

/// The common table expressions, and where the SELECT itself begins.
fn with(tokens: &Tokens, span: &Span) -> Option<(Vec<Cte>, usize)> {
    let mut ctes = Vec::new();
    let mut at = span.start;
    if !tokens.is(at, "WITH") {
        return Some((ctes, at));
    }
    at += 1;
    if tokens.is(at, "RECURSIVE") {
        at += 1;
    }
    loop {
        let name = tokens.name(at)?.into_owned();
        at += 1;
        if tokens.close_of(at).is_some() {
            at = tokens.after(at);
        }
        if !tokens.is(at, "AS") {
            return None;
        }
        at += 1;
        while tokens.is_any(at, &["NOT", "MATERIALIZED"]) {
            at += 1;
        }
        let close = tokens.close_of(at)?;
        ctes.push(Cte {
            name,
            body: at + 1..close,
        });
        at = close + 1;
        if tokens.text(at) != "," {
            return Some((ctes, at));
        }
        at += 1;
    }
}

impl Core {
    /// Reads an arm, which ends before UNION and its like, before ORDER BY or LIMIT, or at `end`.
    fn parse(tokens: &Tokens, start: usize, end: usize) -> Option<Self> {
        let is_values = tokens.is(start, "VALUES");
        if start >= end || !(is_values || tokens.is(start, "SELECT")) {
            return None;
        }
        let is_distinct = tokens.is(start + 1, "DISTINCT");
        let first = start + 1 + usize::from(is_distinct || tokens.is(start + 1, "ALL"));
        let mut core = Self {
            span: start..end,
            is_distinct,
            items: first..end,
            from: None,
            condition: None,
            is_grouped: false,
            is_opaque: is_values,
        };
        for at in tokens.level(first..end) {
            if tokens.is_any(at, &COMPOUND) || tokens.is_any(at, &["ORDER", "LIMIT"]) {
                core.close(at);
                core.span.end = at;
                return Some(core);
            }
            core.clause(tokens, at);
        }
        Some(core)
    }

    /// Looks whether a clause begins at a token.
    fn clause(&mut self, tokens: &Tokens, at: usize) {
        let end = self.span.end;
        // `a IS DISTINCT FROM b` is an expression.
        if tokens.is(at, "FROM") && !(at > 0 && tokens.is(at - 1, "DISTINCT")) {
            self.close(at);
            self.from = Some(at + 1..end);
        } else if tokens.is(at, "WHERE") {
            self.close(at);
            self.condition = Some(at + 1..end);
        } else if tokens.is_any(at, &["GROUP", "HAVING"]) {
            self.close(at);
            self.is_grouped = true;
        } else if tokens.is(at, "WINDOW") {
            // The word can also be a name.
            self.is_opaque = true;
        }
    }

    /// Ends the clauses that are still open.
    fn close(&mut self, at: usize) {
        let close = |span: &mut Span| span.end = span.end.min(at);
        close(&mut self.items);
        self.from.iter_mut().for_each(close);
        self.condition.iter_mut().for_each(close);
    }
}
