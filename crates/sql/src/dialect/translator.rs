//! The walk over the tokens.

use std::collections::HashMap;
use std::ops::Range;

use apilink_core::Result;

use super::keyword::Keyword;
use super::lexer::TokenKind;
use super::output::{Output, Positions};
use super::source::Source;
use super::{Qualifiers, StatementKind};

/// How deep forms that are rewritten can be in each other.
const DEEPEST: usize = 200;

/// Where in a statement the walk is, at one level of parentheses.
#[derive(Clone, Copy, Default)]
pub(super) struct Level {
    /// In a FROM clause.
    pub in_from: bool,
    /// The next name is that of a table.
    pub expects_table: bool,
}

/// What is written before a token when the walk arrives there.
pub(super) struct Insertion {
    pub before: usize,
    /// The tokens of the limit.
    pub limit: Range<usize>,
    /// What is written behind it.
    pub closing: &'static str,
}

/// Writes the tokens of a statement as `SQLite` understands them.
pub(super) struct Translator<'a, 's> {
    pub source: &'a Source<'s>,
    pub output: Output,
    pub qualifiers: &'a Qualifiers,
    pub kind: StatementKind,
    pub insertions: Vec<Insertion>,
    /// The innermost level of parentheses, and those around it.
    pub level: Level,
    outer_levels: Vec<Level>,
    depth: usize,
    /// The numbers of the parameters that have none, where the translation can change their order.
    numbers: HashMap<usize, usize>,
}

impl<'a, 's> Translator<'a, 's> {
    pub(super) fn new(
        source: &'a Source<'s>,
        qualifiers: &'a Qualifiers,
        kind: StatementKind,
    ) -> Self {
        Self {
            source,
            output: Output::new(source.sql().len()),
            qualifiers,
            kind,
            insertions: Vec::new(),
            level: Level::default(),
            outer_levels: Vec::new(),
            depth: 0,
            numbers: numbers(source),
        }
    }

    pub(super) fn finish(self) -> (String, Positions) {
        self.output.finish(self.source)
    }

    /// Writes tokens as they are.
    pub(super) fn copy(&mut self, range: Range<usize>) {
        for index in range {
            self.output.copy(self.source, index);
        }
    }

    /// Writes tokens, translated.
    pub(super) fn emit(&mut self, range: Range<usize>) -> Result<()> {
        if self.depth == DEEPEST {
            let message = "The expression is nested too deeply.";
            return Err(self.source.error(range.start, message));
        }
        self.depth += 1;
        let mut index = range.start;
        while index < range.end {
            self.insert_before(index)?;
            index = self.step(index)?;
        }
        self.insert_before(range.end)?;
        self.depth -= 1;
        Ok(())
    }

    /// As [`Self::emit`], for what is an expression of its own.
    pub(super) fn emit_expression(&mut self, range: Range<usize>) -> Result<()> {
        self.enter(Level::default());
        self.emit(range)?;
        self.leave();
        Ok(())
    }

    fn insert_before(&mut self, index: usize) -> Result<()> {
        while let Some(insertion) = self
            .insertions
            .pop_if(|insertion| insertion.before == index)
        {
            self.output.insert(self.source, index, " LIMIT ");
            self.emit_expression(insertion.limit)?;
            self.output.insert(self.source, index, insertion.closing);
        }
        Ok(())
    }

    fn enter(&mut self, level: Level) {
        self.outer_levels.push(self.level);
        self.level = level;
    }

    fn leave(&mut self) {
        self.level = self.outer_levels.pop().unwrap_or_default();
    }

    /// Writes an opening parenthesis.
    pub(super) fn open(&mut self, index: usize) {
        let expects_table = self.level.expects_table;
        self.level.expects_table = false;
        self.output.copy(self.source, index);
        self.enter(Level {
            in_from: self.level.in_from && expects_table,
            expects_table,
        });
    }

    /// Writes what begins with this token, and says where it ends.
    fn step(&mut self, index: usize) -> Result<usize> {
        match self.source.kind(index) {
            Some(TokenKind::Word | TokenKind::QuotedName) => return self.name(index),
            Some(TokenKind::Open) if self.source.text(index) == "{" => {
                return self.escape(index);
            }
            Some(TokenKind::Open) if self.is_bare_hint(index) => {
                return Ok(self.source.behind(index));
            }
            Some(TokenKind::Open) => {
                self.open(index);
                return Ok(index + 1);
            }
            // What is in the braces was written without them.
            Some(TokenKind::Close) if self.source.text(index) == "}" => return Ok(index + 1),
            Some(TokenKind::Close) => {
                self.leave();
            }
            Some(TokenKind::Comma) => {
                self.level.expects_table = self.level.in_from;
            }
            Some(TokenKind::Parameter) => return Ok(self.parameter(index)),
            _ => {}
        }
        self.output.copy(self.source, index);
        Ok(index + 1)
    }

    fn parameter(&mut self, index: usize) -> usize {
        match self.numbers.get(&index) {
            Some(number) => {
                let text = format!("?{number}");
                self.output.replace(self.source, index, &text);
            }
            None => self.output.copy(self.source, index),
        }
        index + 1
    }
}

/// The numbers that `SQLite` would give to parameters without one, by their tokens; none where their
/// order stays.
fn numbers(source: &Source<'_>) -> HashMap<usize, usize> {
    let moves = |index| matches!(source.keyword(index), Some(Keyword::Top | Keyword::Trim));
    let mut numbers = HashMap::new();
    if !(0..source.count()).any(moves) {
        return numbers;
    }
    let mut highest = 0;
    let mut names = Vec::new();
    for index in 0..source.count() {
        let text = source.text(index);
        match source.kind(index) {
            Some(TokenKind::Parameter) => {
                highest += 1;
                numbers.insert(index, highest);
            }
            Some(TokenKind::NamedParameter) => match text.strip_prefix('?') {
                Some(number) => highest = highest.max(number.parse().unwrap_or(0)),
                None if !names.contains(&text) => {
                    names.push(text);
                    highest += 1;
                }
                None => {}
            },
            _ => {}
        }
    }
    numbers
}
