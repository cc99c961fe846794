//! A statement as tokens, with its brackets matched.

use std::fmt;
use std::ops::Range;

use apilink_core::{Diagnostic, Result, SqlState};

use super::keyword::Keyword;
use super::lexer::{Token, TokenKind, tokens};
use crate::position::error_at;

/// The tokens of a statement. A token is meant by its index; one beyond the last has no text.
pub(super) struct Source<'s> {
    sql: &'s str,
    tokens: Vec<Token>,
    keywords: Vec<Option<Keyword>>,
    /// For an opening or closing bracket, the index of the other one.
    partners: Vec<usize>,
    /// Where the statement begins: semicolons before it are no part of it.
    begin: usize,
    /// The tokens of the statement: a semicolon at the end is not a part of it.
    count: usize,
}

impl<'s> Source<'s> {
    /// Divides a text into tokens.
    ///
    /// # Errors
    /// 42000 for a quote or bracket that is not closed, for none and for more than one statement.
    pub(super) fn new(sql: &'s str) -> Result<Self> {
        if let Some(offset) = sql.find('\0') {
            return Err(syntax(
                sql,
                offset,
                "The character NUL is not allowed in SQL.",
            ));
        }
        let mut source = Self::from_tokens(sql, tokens(sql));
        source.match_brackets()?;
        source.end_statement()?;
        Ok(source)
    }

    fn from_tokens(sql: &'s str, mut tokens: Vec<Token>) -> Self {
        let is_other = |token: &Token| token.kind != TokenKind::Semicolon;
        let before = tokens.iter().position(is_other).unwrap_or(tokens.len());
        let begin = tokens
            .drain(..before)
            .next_back()
            .map_or(0, |last| last.end);
        let keyword = |token: &Token| match token.kind {
            TokenKind::Word => Keyword::find(sql.get(token.range())?),
            _ => None,
        };
        Self {
            sql,
            keywords: tokens.iter().map(keyword).collect(),
            partners: vec![0; tokens.len()],
            begin,
            count: tokens.len(),
            tokens,
        }
    }

    fn match_brackets(&mut self) -> Result<()> {
        let mut open = Vec::new();
        for index in 0..self.tokens.len() {
            match self.kind(index) {
                Some(TokenKind::Unclosed) => {
                    return Err(self.unclosed(index));
                }
                Some(TokenKind::Open) => open.push(index),
                Some(TokenKind::Close) => {
                    let partner = open
                        .pop()
                        .filter(|partner| self.text(*partner) == opening(self.text(index)))
                        .ok_or_else(|| {
                            let message = format!("'{}' closes nothing.", self.text(index));
                            self.error(index, message)
                        })?;
                    self.set_partners(partner, index);
                }
                _ => {}
            }
        }
        match open.pop() {
            None => Ok(()),
            Some(index) => Err(self.unclosed(index)),
        }
    }

    fn unclosed(&self, index: usize) -> Diagnostic {
        let what = match self.text(index).get(..1).unwrap_or_default() {
            "(" => "A parenthesis",
            "{" => "A brace",
            "[" => "A square bracket",
            "/" => "A comment",
            _ => "A quote",
        };
        self.error(index, format!("{what} is opened here and never closed."))
    }

    fn set_partners(&mut self, open: usize, close: usize) {
        for (index, partner) in [(open, close), (close, open)] {
            if let Some(place) = self.partners.get_mut(index) {
                *place = partner;
            }
        }
    }

    fn end_statement(&mut self) -> Result<()> {
        let is_semicolon = |token: &Token| token.kind == TokenKind::Semicolon;
        let count = self.tokens.iter().position(is_semicolon);
        self.count = count.unwrap_or(self.tokens.len());
        if self.count == 0 {
            return Err(syntax(self.sql, 0, "There is no statement in the text."));
        }
        let rest = self.tokens.get(self.count..).unwrap_or_default();
        match rest.iter().find(|token| !is_semicolon(token)) {
            None => Ok(()),
            Some(second) => Err(syntax(
                self.sql,
                second.start,
                "A second statement begins here. Run one statement at a time.",
            )),
        }
    }

    pub(super) fn sql(&self) -> &'s str {
        self.sql
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Where the statement ends, in bytes.
    pub(super) fn end(&self) -> usize {
        let last = self.count.checked_sub(1).and_then(|last| self.token(last));
        last.map_or(self.sql.len(), |token| token.end)
    }

    pub(super) fn token(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).copied()
    }

    pub(super) fn kind(&self, index: usize) -> Option<TokenKind> {
        self.token(index).map(|token| token.kind)
    }

    pub(super) fn text(&self, index: usize) -> &'s str {
        self.token(index)
            .and_then(|token| self.sql.get(token.range()))
            .unwrap_or_default()
    }

    /// The text for a message: in one line, and not long.
    pub(super) fn shown(&self, index: usize) -> String {
        const SHOWN: usize = 60;
        let text = self.text(index);
        let printable = |character: char| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        };
        let mut shown: String = text.chars().take(SHOWN).map(printable).collect();
        if text.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        shown
    }

    pub(super) fn keyword(&self, index: usize) -> Option<Keyword> {
        self.keywords.get(index).copied().flatten()
    }

    pub(super) fn is(&self, index: usize, keyword: Keyword) -> bool {
        self.keyword(index) == Some(keyword)
    }

    /// The keyword before a token.
    pub(super) fn keyword_before(&self, index: usize) -> Option<Keyword> {
        self.keyword(index.checked_sub(1)?)
    }

    pub(super) fn is_parenthesis(&self, index: usize) -> bool {
        self.text(index) == "("
    }

    /// The bracket that belongs to this one.
    pub(super) fn partner(&self, index: usize) -> usize {
        self.partners.get(index).copied().unwrap_or(index)
    }

    /// The token behind this one, or behind the brackets that it opens.
    pub(super) fn behind(&self, index: usize) -> usize {
        if self.kind(index) == Some(TokenKind::Open) {
            self.partner(index) + 1
        } else {
            index + 1
        }
    }

    /// The tokens of a range that are not within brackets.
    pub(super) fn outer(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let mut next = range.start;
        std::iter::from_fn(move || {
            let index = (next < range.end).then_some(next)?;
            next = self.behind(index);
            Some(index)
        })
    }

    /// The first token of a range with this keyword that is not within brackets.
    pub(super) fn find(&self, range: Range<usize>, keyword: Keyword) -> Option<usize> {
        self.outer(range).find(|index| self.is(*index, keyword))
    }

    /// What lies between the commas of a range.
    pub(super) fn arguments(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut arguments = Vec::new();
        let mut start = range.start;
        for index in self.outer(range.clone()) {
            if self.kind(index) == Some(TokenKind::Comma) {
                arguments.push(start..index);
                start = index + 1;
            }
        }
        if !range.is_empty() {
            arguments.push(start..range.end);
        }
        arguments
    }

    /// Blanks and comments before a token.
    pub(super) fn gap_before(&self, index: usize) -> Range<usize> {
        let end = self
            .token(index)
            .map_or(self.sql.len(), |token| token.start);
        let before = index.checked_sub(1).and_then(|before| self.token(before));
        match index {
            0 => self.begin..end,
            _ => before.map_or(end, |token| token.end)..end,
        }
    }

    /// 42000 with the place of a token.
    pub(super) fn error(&self, index: usize, message: impl fmt::Display) -> Diagnostic {
        self.error_of(SqlState::SYNTAX, index, message)
    }

    /// An error with the place of a token.
    pub(super) fn error_of(
        &self,
        sqlstate: SqlState,
        index: usize,
        message: impl fmt::Display,
    ) -> Diagnostic {
        let offset = self
            .token(index)
            .map_or(self.sql.len(), |token| token.start);
        error_at(sqlstate, self.sql, offset, message)
    }
}

fn opening(close: &str) -> &'static str {
    if close == ")" { "(" } else { "{" }
}

fn syntax(sql: &str, offset: usize, message: impl fmt::Display) -> Diagnostic {
    error_at(SqlState::SYNTAX, sql, offset, message)
}
