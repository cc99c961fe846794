//! Why a statement cannot be analysed.

use std::ops::Range;

use apilink_core::{Diagnostic, SqlState};

use crate::position::{self, error_at};

/// What every step of the analysis returns.
pub(super) type Outcome<T> = Result<T, Failure>;

/// Why there is no [`Analysis`](super::Analysis).
#[derive(Debug)]
pub enum Failure {
    /// The columns of a table depend on the fields that the account has added, which the catalogue
    /// does not hold yet: load them and analyse again.
    NeedsCustomFields {
        /// The table, as the catalogue names it.
        table: String,
    },
    /// The statement is wrong.
    Wrong(Box<Problem>),
}

/// What is wrong with a statement, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// 42000 wrong SQL; 42S02 an unknown table; 42S22 an unknown column; 22007 a text that is no
    /// date; 22018 one that is no number; HYC00 what is not available.
    pub sqlstate: SqlState,
    /// What is wrong, in sentences, without the place.
    pub message: String,
    /// The place in the analysed text, in bytes, where it is known.
    pub place: Option<Range<usize>>,
}

impl Problem {
    pub(super) fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self {
            sqlstate,
            message: message.into(),
            place: None,
        }
    }

    /// 42000.
    pub(super) fn syntax(message: impl Into<String>) -> Self {
        Self::new(SqlState::SYNTAX, message)
    }

    pub(super) fn at(mut self, place: Range<usize>) -> Self {
        self.place = Some(place);
        self
    }

    /// The diagnostic record, which names line and column in `sql`. A caller that has changed the
    /// text before the analysis passes the text it was given, and sets `place` to what it was there.
    #[must_use]
    pub fn into_diagnostic(self, sql: &str) -> Diagnostic {
        match self.place {
            Some(place) => error_at(self.sqlstate, sql, place.start, self.message),
            None => position::error(self.sqlstate, self.message),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Wrong(Box::new(problem))
    }
}
