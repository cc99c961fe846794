//! The clauses that limit a SELECT, and the hints that it is given.

use std::ops::Range;

use apilink_core::{Result, SqlState};

use super::keyword::Keyword;
use super::lexer::TokenKind;
use super::translator::{Insertion, Translator};

/// What `SQL Server` allows in WITH (…) behind a table.
const HINTS: [&str; 20] = [
    "FORCESCAN",
    "FORCESEEK",
    "HOLDLOCK",
    "INDEX",
    "NOEXPAND",
    "NOLOCK",
    "NOWAIT",
    "PAGLOCK",
    "READCOMMITTED",
    "READCOMMITTEDLOCK",
    "READPAST",
    "READUNCOMMITTED",
    "REPEATABLEREAD",
    "ROWLOCK",
    "SERIALIZABLE",
    "SNAPSHOT",
    "TABLOCK",
    "TABLOCKX",
    "UPDLOCK",
    "XLOCK",
];

/// Where an arm of a query ends, and what it has.
struct Arm {
    /// The token behind its last clause but ORDER BY and the limit.
    body_end: usize,
    /// The token behind it.
    end: usize,
    is_compound: bool,
    /// Where it has a limit of its own.
    limit: Option<usize>,
}

impl Translator<'_, '_> {
    /// Writes SELECT and its TOP, which becomes a LIMIT at the end of its arm.
    pub(super) fn select(&mut self, index: usize) -> Result<usize> {
        let is_quantified = matches!(
            self.source.keyword(index + 1),
            Some(Keyword::Distinct | Keyword::All)
        );
        let top = index + 1 + usize::from(is_quantified);
        let Some(limit) = self.top(top)? else {
            self.output.copy(self.source, index);
            return Ok(index + 1);
        };
        let next = limit.1;
        let arm = self.arm(index, next);
        if arm.is_compound {
            self.output.replace(self.source, index, "SELECT * FROM (");
        }
        self.copy(index..top);
        if let Some(limit) = arm.limit {
            let message = "TOP and another limit are in one SELECT. Use one of them.";
            return Err(self.source.error(limit, message));
        }
        self.insertions.push(Insertion {
            before: if arm.is_compound {
                arm.body_end
            } else {
                arm.end
            },
            limit: limit.0,
            closing: if arm.is_compound { ")" } else { "" },
        });
        Ok(next)
    }

    /// The limit of TOP, and the token behind it.
    fn top(&self, index: usize) -> Result<Option<(Range<usize>, usize)>> {
        if !self.source.is(index, Keyword::Top) {
            return Ok(None);
        }
        let Some(value) = self.value(index + 1) else {
            return Ok(None);
        };
        let next = self.source.behind(index + 1);
        self.refuse_percent_and_ties(next)?;
        Ok(Some((value, next)))
    }

    /// A number, a parameter or an expression in parentheses: the expression.
    fn value(&self, index: usize) -> Option<Range<usize>> {
        match self.source.kind(index)? {
            TokenKind::Number | TokenKind::Parameter | TokenKind::NamedParameter => {
                Some(index..index + 1)
            }
            TokenKind::Open if self.source.is_parenthesis(index) => {
                Some(index + 1..self.source.partner(index))
            }
            _ => None,
        }
    }

    fn refuse_percent_and_ties(&self, index: usize) -> Result<()> {
        let what = if self.source.is(index, Keyword::Percent) {
            "PERCENT"
        } else if self.source.is(index, Keyword::With) && self.source.is(index + 1, Keyword::Ties) {
            "WITH TIES"
        } else {
            return Ok(());
        };
        let message = format!("{what} is not available. Give the number of rows.");
        Err(self
            .source
            .error_of(SqlState::NOT_IMPLEMENTED, index, message))
    }

    fn arm(&self, select: usize, start: usize) -> Arm {
        use Keyword::{All, Except, Fetch, Intersect, Limit, Offset, Order, Union};
        let before = select.checked_sub(1).and_then(|before| {
            let is_all = self.source.is(before, All);
            self.source
                .keyword(before - usize::from(is_all && before > 0))
        });
        let mut arm = Arm {
            body_end: self.source.count(),
            end: self.source.count(),
            is_compound: matches!(before, Some(Union | Intersect | Except)),
            limit: None,
        };
        let mut body_end = None;
        for index in self.source.outer(start..self.source.count()) {
            let keyword = self.source.keyword(index);
            let is_operator = matches!(keyword, Some(Union | Intersect | Except));
            if is_operator || self.source.kind(index) == Some(TokenKind::Close) {
                arm.is_compound |= is_operator;
                arm.end = index;
                break;
            }
            let is_limit = match keyword {
                Some(Limit) => true,
                Some(Fetch) => self.is_fetch(index),
                Some(Offset) => self.is_offset(index),
                _ => false,
            };
            if is_limit || keyword == Some(Order) {
                body_end.get_or_insert(index);
            }
            if is_limit {
                arm.limit.get_or_insert(index);
            }
        }
        arm.body_end = body_end.unwrap_or(arm.end);
        // The limit of a compound is that of the whole.
        if arm.is_compound {
            arm.limit = None;
        }
        arm
    }

    /// `OFFSET n ROWS`, not the OFFSET of LIMIT.
    fn is_offset(&self, index: usize) -> bool {
        self.value(index + 1).is_some() && self.is_row(self.source.behind(index + 1))
    }

    fn is_fetch(&self, index: usize) -> bool {
        matches!(
            self.source.keyword(index + 1),
            Some(Keyword::First | Keyword::Next)
        )
    }

    fn is_row(&self, index: usize) -> bool {
        matches!(
            self.source.keyword(index),
            Some(Keyword::Row | Keyword::Rows)
        )
    }

    /// `OFFSET n ROWS [FETCH NEXT m ROWS ONLY]` is `LIMIT n, m`, which keeps the order of both.
    pub(super) fn offset(&mut self, index: usize) -> Result<Option<usize>> {
        let Some(offset) = self.value(index + 1).filter(|_| self.is_offset(index)) else {
            return Ok(None);
        };
        let next = self.source.behind(index + 1) + 1;
        self.output.replace(self.source, index, "LIMIT ");
        self.emit_expression(offset)?;
        self.output.insert(self.source, index, ", ");
        if self.source.is(next, Keyword::Fetch) && self.is_fetch(next) {
            return self.fetched(next).map(Some);
        }
        self.output.insert(self.source, index, "-1");
        Ok(Some(next))
    }

    /// `FETCH FIRST n ROWS ONLY` without an offset.
    pub(super) fn fetch(&mut self, index: usize) -> Result<Option<usize>> {
        if !self.is_fetch(index) {
            return Ok(None);
        }
        self.output.replace(self.source, index, "LIMIT ");
        self.fetched(index).map(Some)
    }

    /// Writes the number of rows of a FETCH, and says where it ends.
    fn fetched(&mut self, index: usize) -> Result<usize> {
        let mut next = index + 2;
        match self.value(next) {
            Some(count) => {
                next = self.source.behind(next);
                self.refuse_percent_and_ties(next)?;
                self.emit_expression(count)?;
            }
            None => self.output.insert(self.source, index, "1"),
        }
        if !self.is_row(next) {
            let message = "ROWS ONLY is missing behind FETCH.";
            return Err(self.source.error(next, message));
        }
        next += 1;
        self.refuse_percent_and_ties(next)?;
        if !self.source.is(next, Keyword::Only) {
            return Err(self
                .source
                .error(next, "ONLY is missing behind FETCH … ROWS."));
        }
        Ok(next + 1)
    }

    /// Parentheses behind WITH, with hints of `SQL Server` in them: `(INDEX(x), ROWLOCK)`.
    pub(super) fn is_hint(&self, index: usize) -> bool {
        if !self.source.is_parenthesis(index) {
            return false;
        }
        let content = index + 1..self.source.partner(index);
        let mut hints = self.source.arguments(content).into_iter().peekable();
        let is_known = |argument: Range<usize>| {
            let word = self.source.text(argument.start);
            HINTS.iter().any(|hint| hint.eq_ignore_ascii_case(word))
        };
        hints.peek().is_some() && hints.all(is_known)
    }

    /// `(NOLOCK)` behind a table or its alias, without WITH.
    pub(super) fn is_bare_hint(&self, index: usize) -> bool {
        self.level.in_from
            && self.source.is_parenthesis(index)
            && self.source.partner(index) == index + 2
            && self.source.text(index + 1).eq_ignore_ascii_case("NOLOCK")
    }

    /// OPTION (…) at the end.
    pub(super) fn ends_statement(&self, index: usize) -> bool {
        self.source.is_parenthesis(index + 1)
            && self.source.behind(index + 1) == self.source.count()
    }
}
