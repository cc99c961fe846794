//! The tokens of a statement with their brackets matched.

use std::borrow::Cow;
use std::ops::Range;

use crate::dialect::lexer::{self, Token, TokenKind};

/// How deep brackets may be nested in a text that is looked at. Each level needs stack.
const MAX_NESTING: usize = 200;

/// Tokens one after the other, by their positions.
pub(super) type Span = Range<usize>;

/// The tokens of a statement.
pub(super) struct Tokens<'s> {
    sql: &'s str,
    list: Vec<Token>,
    /// The position of the other bracket of each bracket; of other tokens their own.
    partners: Vec<usize>,
}

impl<'s> Tokens<'s> {
    /// `None`: brackets or quotes do not match or are nested too deep, there are several
    /// statements, or parameters, whose numbers a rewrite could change.
    pub(super) fn new(sql: &'s str) -> Option<Self> {
        let is_parameter =
            |token: &Token| matches!(token.kind, TokenKind::Parameter | TokenKind::NamedParameter);
        Self::with_parameters(sql).filter(|tokens| !tokens.list.iter().any(is_parameter))
    }

    /// The same of a statement that may have parameters: what is done to it must not change their
    /// order or their number.
    pub(super) fn with_parameters(sql: &'s str) -> Option<Self> {
        let mut list = lexer::tokens(sql);
        while list
            .last()
            .is_some_and(|token| token.kind == TokenKind::Semicolon)
        {
            list.pop();
        }
        let mut partners: Vec<usize> = (0..list.len()).collect();
        let mut open = Vec::new();
        for (at, token) in list.iter().enumerate() {
            match token.kind {
                TokenKind::Open if open.len() >= MAX_NESTING => return None,
                TokenKind::Open => open.push(at),
                TokenKind::Close => {
                    let start = open.pop()?;
                    *partners.get_mut(start)? = at;
                    *partners.get_mut(at)? = start;
                }
                TokenKind::Semicolon | TokenKind::Unclosed => return None,
                _ => {}
            }
        }
        open.is_empty().then_some(Self {
            sql,
            list,
            partners,
        })
    }

    pub(super) fn all(&self) -> Span {
        0..self.list.len()
    }

    pub(super) fn kind(&self, at: usize) -> Option<TokenKind> {
        self.list.get(at).map(|token| token.kind)
    }

    pub(super) fn text(&self, at: usize) -> &'s str {
        self.list
            .get(at)
            .and_then(|token| self.sql.get(token.range()))
            .unwrap_or_default()
    }

    /// Where a token is in the text, in bytes; an empty range at the beginning if there is none.
    pub(super) fn range(&self, at: usize) -> Range<usize> {
        let token = self.list.get(at).copied();
        token.map(Token::range).unwrap_or_default()
    }

    /// The text from the first token to the last, with what lies between them.
    pub(super) fn source(&self, span: &Span) -> &'s str {
        let Some(first) = self.list.get(span.start) else {
            return "";
        };
        let Some(last) = span.end.checked_sub(1).and_then(|at| self.list.get(at)) else {
            return "";
        };
        self.sql.get(first.start..last.end).unwrap_or_default()
    }

    /// Whether a token is this word, without quotes and without regard to case.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(TokenKind::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// A name without its quotes; keywords are names too.
    pub(super) fn name(&self, at: usize) -> Option<Cow<'s, str>> {
        let text = self.text(at);
        match self.kind(at)? {
            TokenKind::Word => Some(Cow::Borrowed(text)),
            TokenKind::QuotedName => {
                let inner = text.get(1..text.len().checked_sub(1)?)?;
                let twice = match text.as_bytes().first()? {
                    b'"' => "\"\"",
                    b'`' => "``",
                    _ => return Some(Cow::Borrowed(inner)),
                };
                Some(if inner.contains(twice) {
                    Cow::Owned(inner.replace(twice, twice.get(1..)?))
                } else {
                    Cow::Borrowed(inner)
                })
            }
            _ => None,
        }
    }

    /// The position of the bracket that closes this one.
    pub(super) fn close_of(&self, open: usize) -> Option<usize> {
        if self.kind(open)? != TokenKind::Open {
            return None;
        }
        self.partners.get(open).copied()
    }

    /// The position behind a token, or behind the bracket that closes it.
    pub(super) fn after(&self, at: usize) -> usize {
        self.close_of(at).unwrap_or(at) + 1
    }

    /// The tokens that are not within brackets; of brackets those that open.
    pub(super) fn level(&self, span: Span) -> impl Iterator<Item = usize> + '_ {
        let mut next = span.start;
        std::iter::from_fn(move || {
            let at = next;
            next = self.after(at);
            (at < span.end).then_some(at)
        })
    }

    /// The parts between the commas that are not within brackets.
    pub(super) fn parts(&self, span: Span) -> Vec<Span> {
        let mut parts = Vec::new();
        let mut start = span.start;
        for at in self.level(span.clone()) {
            if self.kind(at) == Some(TokenKind::Comma) {
                parts.push(start..at);
                start = at + 1;
            }
        }
        parts.push(start..span.end);
        parts
    }

    /// Whether a bracket holds a SELECT.
    pub(super) fn opens_select(&self, at: usize) -> bool {
        self.kind(at) == Some(TokenKind::Open) && self.is_any(at + 1, &["SELECT", "WITH", "VALUES"])
    }

    /// The tokens outside of the subqueries within a span, and the insides of those subqueries.
    pub(super) fn outside_subqueries(&self, span: Span) -> (Vec<usize>, Vec<Span>) {
        let (mut tokens, mut subqueries) = (Vec::new(), Vec::new());
        let mut at = span.start;
        while at < span.end {
            if self.opens_select(at) {
                let after = self.after(at);
                subqueries.push(at + 1..after.saturating_sub(1));
                at = after;
            } else {
                tokens.push(at);
                at += 1;
            }
        }
        (tokens, subqueries)
    }
}
