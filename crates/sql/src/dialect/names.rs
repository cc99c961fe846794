//! Words and names: the clauses of a statement, and what stands before a table's name.

use apilink_core::{Result, SqlState};

use super::StatementKind;
use super::keyword::Keyword;
use super::lexer::TokenKind;
use super::source::Source;
use super::translator::{Level, Translator};

/// The schema whose views have names of their own here.
const INFORMATION_SCHEMA: &str = "information_schema";

impl Translator<'_, '_> {
    /// Writes what begins with a word or a quoted name, and says where it ends.
    pub(super) fn name(&mut self, index: usize) -> Result<usize> {
        if self.is_qualified(index) {
            return self.qualified(index);
        }
        if let Some(keyword) = self.source.keyword(index)
            && let Some(next) = self.keyword(index, keyword)?
        {
            return Ok(next);
        }
        if self.source.keyword(index).is_none() {
            self.level.expects_table = false;
        }
        self.output.copy(self.source, index);
        Ok(index + 1)
    }

    /// Writes what begins with a keyword; `None` if it passes as it is.
    fn keyword(&mut self, index: usize, keyword: Keyword) -> Result<Option<usize>> {
        use Keyword::{
            As, CurrentDate, CurrentTime, CurrentTimestamp, CurrentUser, Date, Datetime, Fetch,
            Interval, Into, Localtime, Localtimestamp, N, Offset, Option as OptionClause, Select,
            SessionUser, SystemUser, Time, Timestamp, With,
        };
        self.note_clause(index, keyword);
        let before_text = self.source.kind(index + 1) == Some(TokenKind::Text);
        match keyword {
            Select => return self.select(index).map(Some),
            Into => self.check_into(index)?,
            As if self.is_alias(index + 1) => {
                self.copy(index..index + 2);
                return Ok(Some(index + 2));
            }
            With if self.is_hint(index + 1) => {
                return Ok(Some(self.source.behind(index + 1)));
            }
            OptionClause if self.ends_statement(index) => {
                return Ok(Some(self.source.behind(index + 1)));
            }
            Offset => return self.offset(index),
            Fetch => return self.fetch(index),
            N if before_text && self.source.gap_before(index + 1).is_empty() => {
                self.output.begin_at(self.source, index);
                self.output.copy_at(self.source, index, index + 1);
                return Ok(Some(index + 2));
            }
            Date | Time | Timestamp | Datetime if before_text => {
                self.typed_literal(index, index + 1)?;
                return Ok(Some(index + 2));
            }
            Interval if before_text || self.source.kind(index + 1) == Some(TokenKind::Number) => {
                let message = "Interval literals are not available. Use DATEADD(day, n, x).";
                return Err(self
                    .source
                    .error_of(SqlState::NOT_IMPLEMENTED, index, message));
            }
            CurrentDate | CurrentTime | CurrentTimestamp | Localtime | Localtimestamp => {
                return Ok(self.current_time(index, keyword));
            }
            CurrentUser | SessionUser | SystemUser if !self.source.is_parenthesis(index + 1) => {
                self.output.replace(self.source, index, "current_user()");
                return Ok(Some(index + 1));
            }
            _ if self.source.is_parenthesis(index + 1) => return self.call(index, keyword),
            _ => {}
        }
        Ok(None)
    }

    /// Keeps track of where names are those of tables.
    fn note_clause(&mut self, index: usize, keyword: Keyword) {
        use Keyword::{
            Distinct, Except, From, Group, Having, Intersect, Into, Join, Limit, On, Order,
            Returning, Select, Set, Union, Update, Using, Values, Where, Window,
        };
        match keyword {
            // Not that of IS DISTINCT FROM.
            From if self.source.keyword_before(index) != Some(Distinct) => {
                self.level = Level {
                    in_from: true,
                    expects_table: true,
                };
            }
            Join => self.level.expects_table = self.level.in_from,
            Into | Update => self.level.expects_table = true,
            On | Using => self.level.expects_table = false,
            Select | Where | Group | Order | Having | Limit | Window | Set | Union | Intersect
            | Except | Returning | Values => self.level = Level::default(),
            _ => {}
        }
    }

    /// Whether the token behind AS is a name, not the query of a common table expression.
    fn is_alias(&self, index: usize) -> bool {
        let is_query = matches!(
            self.source.keyword(index),
            Some(Keyword::Select | Keyword::With | Keyword::Values)
        );
        let is_name = matches!(
            self.source.kind(index),
            Some(TokenKind::Word | TokenKind::QuotedName | TokenKind::Text)
        );
        is_name && !is_query && !self.source.is_parenthesis(index + 1)
    }

    fn check_into(&self, index: usize) -> Result<()> {
        if self.kind != StatementKind::Select {
            return Ok(());
        }
        let message = "SELECT … INTO is not available: tables cannot be made.";
        Err(self
            .source
            .error_of(SqlState::NOT_IMPLEMENTED, index, message))
    }

    /// `CURRENT_DATE` and its like, without the parentheses behind it.
    fn current_time(&mut self, index: usize, keyword: Keyword) -> Option<usize> {
        let plain = match keyword {
            Keyword::CurrentDate => "CURRENT_DATE",
            Keyword::CurrentTime | Keyword::Localtime => "CURRENT_TIME",
            _ => "CURRENT_TIMESTAMP",
        };
        let has_parentheses = self.source.is_parenthesis(index + 1);
        let is_local = matches!(keyword, Keyword::Localtime | Keyword::Localtimestamp);
        if !has_parentheses && !is_local {
            return None;
        }
        self.output.replace(self.source, index, plain);
        let next = if has_parentheses {
            self.source.behind(index + 1)
        } else {
            index + 1
        };
        Some(next)
    }

    fn is_qualified(&self, index: usize) -> bool {
        self.source.kind(index + 1) == Some(TokenKind::Dot) && is_name(self.source, index + 2)
    }

    /// Names with dots between them: without the catalogue and the schema.
    fn qualified(&mut self, index: usize) -> Result<usize> {
        let mut last = index;
        while self.is_qualified(last) {
            last += 2;
        }
        let is_table = self.level.expects_table;
        self.level.expects_table = false;
        // Of a column, the table's name stays.
        let table = if is_table { last } else { last - 2 };
        let qualifiers: Vec<usize> = (index..table).step_by(2).collect();
        match self.view_prefix(&qualifiers) {
            Some(prefix) => {
                let view = format!("{prefix}_{}", unquoted(self.source.text(table)));
                let quoted = format!("\"{}\"", view.replace('"', "\"\""));
                let is_word = self.source.kind(table) == Some(TokenKind::Word);
                let written = if is_word { &view } else { &quoted };
                self.output.replace(self.source, index, written);
            }
            None if self.are_known(&qualifiers) => {
                self.output.begin_at(self.source, index);
                self.output.copy_at(self.source, index, table);
            }
            None if is_table => return Err(self.unknown_qualifier(&qualifiers)),
            None => {
                self.copy(index..last + 1);
                return Ok(last + 1);
            }
        }
        self.copy(table + 1..last + 1);
        Ok(last + 1)
    }

    fn are_known(&self, qualifiers: &[usize]) -> bool {
        qualifiers.iter().all(|index| {
            self.qualifiers
                .contains(&unquoted(self.source.text(*index)))
        })
    }

    /// What the names of a schema's views begin with, if this is one of those.
    fn view_prefix(&self, qualifiers: &[usize]) -> Option<&'static str> {
        let (schema, catalogues) = qualifiers.split_last()?;
        let is_view = unquoted(self.source.text(*schema)).eq_ignore_ascii_case(INFORMATION_SCHEMA);
        (is_view && self.are_known(catalogues)).then_some(INFORMATION_SCHEMA)
    }

    fn unknown_qualifier(&self, qualifiers: &[usize]) -> apilink_core::Diagnostic {
        let is_unknown = |index: &&usize| !self.are_known(&[**index]);
        let index = qualifiers.iter().find(is_unknown).copied().unwrap_or(0);
        let message = format!(
            "There is no schema or catalogue {}. A table's name can stand alone.",
            self.source.shown(index)
        );
        self.source
            .error_of(SqlState::NO_SUCH_TABLE, index, message)
    }
}

fn is_name(source: &Source<'_>, index: usize) -> bool {
    matches!(
        source.kind(index),
        Some(TokenKind::Word | TokenKind::QuotedName)
    ) || source.text(index) == "*"
}

/// A name or a text without its quotes.
pub(super) fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|first| "'\"`[".contains(*first)) else {
        return text.to_owned();
    };
    let inner = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default();
    if quote == '[' {
        return inner.to_owned();
    }
    let doubled: String = [quote, quote].iter().collect();
    inner.replace(&doubled, quote.encode_utf8(&mut [0; 4]))
}
