//! The habits of `ODBC` tools and of other databases, as `SQLite` understands them.
//!
//! [`translate`] works on tokens, never by replacing text: what is in quotes or comments stays as
//! it is, and a statement without any of these habits comes out unchanged.
//!
//! | written | becomes |
//! |---|---|
//! | `SELECT TOP n …` | `… LIMIT n`, at its own level; an arm of a UNION becomes a subselect |
//! | `OFFSET n ROWS FETCH NEXT m ROWS ONLY` | `LIMIT n, m` |
//! | `{d '…'}`, `DATE '…'`, and so on | `apilink_date('…')`, `apilink_time`, `apilink_timestamp` |
//! | `{fn F(…)}`, `{oj …}`, `{escape '…'}` | what is in them |
//! | `CAST`, `CONVERT` in both orders | `CAST` to one of the types of SQL, as `typing` names them |
//! | `EXTRACT(YEAR FROM x)` and others with words between arguments | the function with commas |
//! | `DATEADD(day, …)` and others with an interval | the interval as text |
//! | `LEFT(…)`, `INSERT(…)`, `ISNULL(…)` | a function whose name is no keyword |
//! | `CURRENT_DATE()`, `CURRENT_USER` | `CURRENT_DATE`, `current_user()` |
//! | `N'…'` | `'…'` |
//! | `Clio.matters`, `Clio.matters.id` | `matters`, `matters.id` |
//! | `information_schema.tables` | `information_schema_tables` |
//! | `WITH (NOLOCK)`, `OPTION (…)` | nothing |
//!
//! `+` between texts is not concatenation, and `typing` refuses it: write `||` or `CONCAT`.

mod calls;
pub(crate) mod cast_type;
mod escapes;
mod keyword;
pub(crate) mod lexer;
mod names;
mod output;
mod select;
mod source;
mod translator;

use apilink_core::{Diagnostic, Result, SqlState};

use source::Source;
use translator::Translator;

pub use output::Positions;

/// What is allowed before the name of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qualifiers {
    names: Vec<String>,
}

impl Qualifiers {
    /// These names, of catalogues and schemas, without regard to case, and `main`.
    #[must_use]
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter().map(Into::into);
        Self {
            names: names.chain(["main".to_owned()]).collect(),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    }
}

impl Default for Qualifiers {
    fn default() -> Self {
        Self::new(["Clio", "CData"])
    }
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// It reads: SELECT, VALUES, or either behind WITH.
    Select,
    /// INSERT.
    Insert,
    /// REPLACE INTO.
    Replace,
    /// MERGE.
    Merge,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// EXEC, EXECUTE, CALL, `{call …}`, `{?= call …}`.
    Procedure,
    /// Anything else, such as PRAGMA or CREATE TABLE.
    Other,
}

impl StatementKind {
    /// Whether it can be run today.
    ///
    /// # Errors
    /// HYC00 for everything that does not read.
    pub fn check_available(self) -> Result<()> {
        let what = match self {
            Self::Select => return Ok(()),
            Self::Insert => "INSERT is not available yet: writing",
            Self::Replace => "REPLACE is not available yet: writing",
            Self::Merge => "MERGE is not available yet: writing",
            Self::Update => "UPDATE is not available yet: writing",
            Self::Delete => "DELETE is not available yet: writing",
            Self::Procedure => "Procedures are not available yet: calling them",
            Self::Other => {
                let message = "Only SELECT, WITH, VALUES and EXPLAIN are available.";
                return Err(Diagnostic::new(SqlState::NOT_IMPLEMENTED, message));
            }
        };
        let message = format!("{what} comes in a later version. Reading with SELECT works.");
        Err(Diagnostic::new(SqlState::NOT_IMPLEMENTED, message))
    }
}

/// A statement that `SQLite` understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated {
    /// The statement, without EXPLAIN before it and without a semicolon. The call of a procedure is
    /// as it was.
    pub sql: String,
    /// Where its parts come from.
    pub positions: Positions,
    /// What it does.
    pub kind: StatementKind,
    /// Whether EXPLAIN was before it.
    pub explain: bool,
}

/// Translates one statement. A semicolon behind it does no harm.
///
/// # Errors
/// All with line and column, as [`crate::position`] writes them: 42000 for wrong SQL, for no and
/// for more than one statement; 22007 for a date literal that is none; 42S02 for an unknown
/// qualifier of a table; HYC00 for what is known and not available, such as `TOP … PERCENT`.
pub fn translate(sql: &str, qualifiers: &Qualifiers) -> Result<Translated> {
    let source = Source::new(sql)?;
    let (start, explain) = explained(&source);
    let kind = kind(&source, start);
    if start >= source.count() {
        return Err(source.error(start, "There is nothing to explain."));
    }
    if kind == StatementKind::Other {
        refuse_unknown(&source, start)?;
    }
    let mut translator = Translator::new(&source, qualifiers, kind);
    if kind == StatementKind::Procedure {
        translator.copy(start..source.count());
    } else {
        translator.emit(start..source.count())?;
    }
    let (sql, positions) = translator.finish();
    Ok(Translated {
        sql,
        positions,
        kind,
        explain,
    })
}

/// Where the statement begins, behind EXPLAIN or EXPLAIN QUERY PLAN, and whether one was there.
fn explained(source: &Source<'_>) -> (usize, bool) {
    use keyword::Keyword::{Explain, Plan, Query};
    if !source.is(0, Explain) {
        (0, false)
    } else if source.is(1, Query) && source.is(2, Plan) {
        (3, true)
    } else {
        (1, true)
    }
}

/// Refuses a statement that begins with a word which begins none.
fn refuse_unknown(source: &Source<'_>, start: usize) -> Result<()> {
    const OTHERS: [&str; 15] = [
        "ALTER",
        "ANALYZE",
        "ATTACH",
        "BEGIN",
        "COMMIT",
        "CREATE",
        "DETACH",
        "DROP",
        "END",
        "PRAGMA",
        "REINDEX",
        "RELEASE",
        "ROLLBACK",
        "SAVEPOINT",
        "VACUUM",
    ];
    const LISTING: [&str; 3] = ["DESC", "DESCRIBE", "SHOW"];
    const AVAILABLE: [&str; 4] = ["SELECT", "WITH", "VALUES", "EXPLAIN"];
    let word = source.text(start).to_ascii_uppercase();
    if OTHERS.contains(&word.as_str()) || source.keyword(start).is_some() {
        return Ok(());
    }
    let near = AVAILABLE
        .into_iter()
        .find(|known| strsim::damerau_levenshtein(known, &word) <= 2);
    let advice = match near {
        _ if LISTING.contains(&word.as_str()) => {
            "SELECT * FROM sys_tables and sys_tablecolumns show what there is.".to_owned()
        }
        Some(near) => format!("Did you mean {near}?"),
        None => "SELECT, WITH, VALUES and EXPLAIN do.".to_owned(),
    };
    let word = source.shown(start);
    Err(source.error(
        start,
        format!("No statement begins with '{word}'. {advice}"),
    ))
}

fn kind(source: &Source<'_>, start: usize) -> StatementKind {
    use keyword::Keyword::{
        Call, Delete, Exec, Execute, Insert, Merge, Replace, Select, Update, Values, With,
    };
    if source.text(start) == "{" {
        let is_call = source
            .outer(start + 1..source.partner(start))
            .take(3)
            .any(|index| source.is(index, Call));
        return if is_call {
            StatementKind::Procedure
        } else {
            StatementKind::Other
        };
    }
    let main = if source.is(start, With) {
        let main = source.outer(start + 1..source.count()).find_map(|index| {
            source
                .keyword(index)
                .filter(|word| matches!(word, Select | Values | Insert | Update | Delete | Replace))
        });
        // Without any it is not finished.
        main.or(Some(Select))
    } else {
        source.keyword(start)
    };
    match main {
        Some(Select | Values) => StatementKind::Select,
        Some(Insert) => StatementKind::Insert,
        Some(Replace) => StatementKind::Replace,
        Some(Merge) => StatementKind::Merge,
        Some(Update) => StatementKind::Update,
        Some(Delete) => StatementKind::Delete,
        Some(Exec | Execute | Call) => StatementKind::Procedure,
        _ => StatementKind::Other,
    }
}

#[cfg(test)]
mod tests;
