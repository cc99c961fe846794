//! Completion of keywords, tables and columns; and when a line is complete.

use std::collections::BTreeSet;
use std::sync::Arc;

use apilink_sql::catalog::Catalog;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::{dot, statement};

/// What people write in queries.
const KEYWORDS: [&str; 58] = [
    "ALL",
    "AND",
    "AS",
    "ASC",
    "AVG",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COALESCE",
    "COUNT",
    "CROSS",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MAX",
    "MIN",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "ROUND",
    "SELECT",
    "SUM",
    "THEN",
    "TOP",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Completes what is being written.
pub struct SqlHelper {
    catalog: Arc<Catalog>,
}

impl SqlHelper {
    /// Completes the names of a catalogue.
    pub fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog }
    }

    /// What the word that ends at `position` can become, and where it begins. Columns of tables
    /// that the text mentions come first, then tables, then keywords.
    fn candidates(&self, text: &str, position: usize) -> (usize, Vec<String>) {
        let before = text.get(..position).unwrap_or_default();
        let start = before
            .rfind(|c: char| !is_word(c))
            .map_or(0, |at| at + before.get(at..).map_or(0, first_length));
        let word = before.get(start..).unwrap_or_default();
        if before.trim_start().starts_with('.') {
            return self.dot_candidates(before, start, word);
        }
        if word.is_empty() {
            return (start, Vec::new());
        }
        let columns = self.columns(text);
        let mut found: Vec<String> = starting_with(word, columns.iter().map(String::as_str));
        if !before.get(..start).unwrap_or_default().ends_with('.') {
            found.extend(starting_with(word, self.table_names()));
            found.extend(
                starting_with(word, KEYWORDS.into_iter())
                    .into_iter()
                    .map(|keyword| in_case_of(word, &keyword)),
            );
        }
        (start, found)
    }

    /// The names of dot-commands, and the tables that they take.
    fn dot_candidates(&self, before: &str, start: usize, word: &str) -> (usize, Vec<String>) {
        let is_command = before.trim_start().strip_prefix('.') == Some(word);
        if is_command {
            let mut names = starting_with(word, dot::NAMES.into_iter());
            if let [name] = names.as_mut_slice() {
                name.push(' ');
            }
            return (start, names);
        }
        (start, starting_with(word, self.table_names()))
    }

    fn table_names(&self) -> impl Iterator<Item = &str> {
        self.catalog
            .tables()
            .iter()
            .map(|table| table.name.as_str())
    }

    /// The columns of the tables that a text mentions; of all tables, if it mentions none yet.
    fn columns(&self, text: &str) -> BTreeSet<String> {
        let mentioned: Vec<_> = text
            .split(|c: char| !is_word(c))
            .filter_map(|word| self.catalog.table(word))
            .collect();
        let tables = if mentioned.is_empty() {
            self.catalog.tables().iter().collect()
        } else {
            mentioned
        };
        tables
            .into_iter()
            .flat_map(|table| &table.columns)
            .map(|column| column.name.clone())
            .collect()
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn starting_with<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let word = word.to_lowercase();
    names
        .filter(|name| name.to_lowercase().starts_with(&word))
        .map(str::to_owned)
        .collect()
}

/// Keywords follow the case in which the word was begun.
fn in_case_of(word: &str, keyword: &str) -> String {
    if word.chars().any(char::is_lowercase) {
        keyword.to_lowercase()
    } else {
        keyword.to_owned()
    }
}

impl Completer for SqlHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line, pos))
    }
}

impl Validator for SqlHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let input = context.input();
        let is_complete = input.trim().is_empty()
            || input.trim_start().starts_with('.')
            || statement::end(input).is_some();
        Ok(if is_complete {
            ValidationResult::Valid(None)
        } else {
            ValidationResult::Incomplete
        })
    }
}

impl Hinter for SqlHelper {
    type Hint = String;
}

impl Highlighter for SqlHelper {}

impl Helper for SqlHelper {}

#[cfg(test)]
mod tests {
    use apilink_sql::catalog::{ColumnShape, Origin, TableShape, TableSource};
    use apilink_sql::types::SqlType;

    use super::*;

    fn helper() -> SqlHelper {
        let mut catalog = Catalog::default();
        for (name, columns) in [
            ("matters", ["id", "status", "client_id"]),
            ("contacts", ["id", "name", "clio_connect_email"]),
        ] {
            let columns = columns.map(|name| ColumnShape {
                name: name.to_owned(),
                sql_type: SqlType::TEXT,
                nullable: true,
                hidden: false,
                ignore_case: false,
                references: None,
                description: None,
                origin: Origin::System,
            });
            catalog.add(TableShape {
                name: name.to_owned(),
                description: None,
                columns: columns.to_vec(),
                custom_fields_unknown: false,
                key: Vec::new(),
                source: TableSource::System,
            });
        }
        SqlHelper::new(Arc::new(catalog))
    }

    fn completed(text: &str) -> Vec<String> {
        // The cursor is at the |.
        let position = text.find('|').unwrap_or(text.len());
        let text = text.replace('|', "");
        helper().candidates(&text, position).1
    }

    #[test]
    fn columns_of_the_tables_in_the_line_come_first() {
        assert_eq!(completed("SELECT cl| FROM matters"), ["client_id"]);
        assert_eq!(
            completed("select c| from matters, contacts"),
            [
                "client_id",
                "clio_connect_email",
                "contacts",
                "case",
                "cast",
                "coalesce",
                "count",
                "cross",
                "current_date",
                "current_timestamp"
            ]
        );
        assert_eq!(completed("SELECT m.s| FROM matters m"), ["status"]);
    }

    #[test]
    fn keywords_tables_and_dot_commands_are_known() {
        assert_eq!(completed("SEL|"), ["SELECT"]);
        assert_eq!(completed("sel|"), ["select"]);
        assert_eq!(completed("SELECT 1 FROM mat|"), ["matters"]);
        assert_eq!(completed(".des|"), ["describe "]);
        assert_eq!(completed("SELECT stat|"), ["status"]);
        assert_eq!(completed(".describe con|"), ["contacts"]);
        assert!(completed("SELECT |").is_empty());
        let columns = ["client_id", "clio_connect_email"].map(str::to_owned);
        assert_eq!(
            helper().candidates("SELECT ü.cl", 12),
            (10, columns.to_vec())
        );
    }
}
