//! Statements that end too early, or are none: what is said of them, and where.

use std::fmt::Write as _;

use super::{Failure, analyze_translated, catalog};
use crate::dialect::{Qualifiers, translate};
use crate::typing::Written;

/// A statement, and the message about it.
const CASES: &[(&str, &str)] = &[
    ("", "Line 1, column 1: There is no statement in the text."),
    (";", "Line 1, column 1: There is no statement in the text."),
    (
        "\n ; ; \n",
        "Line 1, column 1: There is no statement in the text.",
    ),
    (
        "-- SELECT 1",
        "Line 1, column 1: There is no statement in the text.",
    ),
    (
        "/* SELECT 1 */",
        "Line 1, column 1: There is no statement in the text.",
    ),
    ("EXPLAIN", "Line 1, column 8: There is nothing to explain."),
    (
        "SELECT 1; SELECT 2",
        "Line 1, column 11: A second statement begins here. Run one statement at a time.",
    ),
    (
        "SELECT 1 /* id = 5",
        "Line 1, column 10: A comment is opened here and never closed.",
    ),
    (
        "SELECT 'abc",
        "Line 1, column 8: A quote is opened here and never closed.",
    ),
    (
        "SELECT \"abc",
        "Line 1, column 8: A quote is opened here and never closed.",
    ),
    (
        "SELECT [abc",
        "Line 1, column 8: A square bracket is opened here and never closed.",
    ),
    ("SELECT {fn NOW(}", "Line 1, column 16: '}' closes nothing."),
    (
        "SELECT {fn NOW()",
        "Line 1, column 8: A brace is opened here and never closed.",
    ),
    (
        "SELECT (1 + 2",
        "Line 1, column 8: A parenthesis is opened here and never closed.",
    ),
    (
        "SELECT id FROM bills WHERE id IN (1, 2",
        "Line 1, column 34: A parenthesis is opened here and never closed.",
    ),
    (
        "SELECT 1+",
        "Line 1, column 10: The statement ends where a value is expected.",
    ),
    (
        "SELECT 1 +  -- more\n ;",
        "Line 1, column 11: The statement ends where a value is expected.",
    ),
    (
        "SELECT",
        "Line 1, column 7: The statement ends where a column or an expression is expected.",
    ),
    (
        "SELECT id,",
        "Line 1, column 11: The statement ends where a column or an expression is expected.",
    ),
    (
        "SELECT DISTINCT",
        "Line 1, column 16: The statement ends where a column or an expression is expected.",
    ),
    (
        "SELECT id AS",
        "Line 1, column 13: The statement ends where a name is expected.",
    ),
    (
        "SELECT * FROM",
        "Line 1, column 14: The statement ends where a table is expected.",
    ),
    (
        "SELECT * FROM bills,",
        "Line 1, column 21: The statement ends where a table is expected.",
    ),
    (
        "SELECT * FROM bills b JOIN",
        "Line 1, column 27: The statement ends where a table is expected.",
    ),
    (
        "SELECT * FROM bills b LEFT",
        "Line 1, column 27: The statement ends where JOIN is expected.",
    ),
    (
        "SELECT * FROM bills b JOIN tasks t ON",
        "Line 1, column 38: The statement ends where a condition is expected.",
    ),
    (
        "SELECT * FROM bills b JOIN tasks t USING",
        "Line 1, column 41: The statement ends where '(' is expected.",
    ),
    (
        "SELECT b. FROM bills b",
        "Line 1, column 11: 'FROM' cannot stand here; a column is expected.",
    ),
    (
        "SELECT id\nFROM bills\nWHERE",
        "Line 3, column 6: The statement ends where a condition is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id = ? AND",
        "Line 1, column 38: The statement ends where a condition is expected.",
    ),
    (
        "SELECT id FROM bills WHERE NOT",
        "Line 1, column 31: The statement ends where a condition is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id =",
        "Line 1, column 32: The statement ends where a value is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id IN",
        "Line 1, column 33: The statement ends where a list in parentheses is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id NOT",
        "Line 1, column 34: The statement ends where IN, LIKE or BETWEEN is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id BETWEEN 1",
        "Line 1, column 40: The statement ends where AND is expected.",
    ),
    (
        "SELECT id FROM bills WHERE id BETWEEN 1 AND",
        "Line 1, column 44: The statement ends where a value is expected.",
    ),
    (
        "SELECT id FROM bills WHERE EXISTS",
        "Line 1, column 34: The statement ends where '(' is expected.",
    ),
    (
        "SELECT id FROM bills GROUP",
        "Line 1, column 27: The statement ends where BY is expected.",
    ),
    (
        "SELECT id FROM bills GROUP BY",
        "Line 1, column 30: The statement ends where a column or an expression is expected.",
    ),
    (
        "SELECT id FROM bills GROUP BY id HAVING",
        "Line 1, column 40: The statement ends where a condition is expected.",
    ),
    (
        "SELECT id FROM bills ORDER",
        "Line 1, column 27: The statement ends where BY is expected.",
    ),
    (
        "SELECT id FROM bills ORDER BY id,",
        "Line 1, column 34: The statement ends where a column or an expression is expected.",
    ),
    (
        "SELECT id FROM bills LIMIT",
        "Line 1, column 27: The statement ends where a number is expected.",
    ),
    (
        "SELECT id FROM bills LIMIT 5 OFFSET",
        "Line 1, column 36: The statement ends where a number is expected.",
    ),
    (
        "SELECT id FROM bills UNION ALL",
        "Line 1, column 31: The statement ends where SELECT is expected.",
    ),
    (
        "SELECT CASE",
        "Line 1, column 12: The statement ends where WHEN is expected.",
    ),
    (
        "SELECT CASE WHEN 1",
        "Line 1, column 19: The statement ends where THEN is expected.",
    ),
    (
        "SELECT CASE WHEN 1 THEN 2",
        "Line 1, column 26: The statement ends where END is expected.",
    ),
    (
        "SELECT CASE WHEN 1 THEN 2 FROM bills",
        "Line 1, column 27: 'FROM' cannot stand here; END is expected.",
    ),
    (
        "WITH",
        "Line 1, column 5: The statement ends where a name is expected.",
    ),
    (
        "WITH t",
        "Line 1, column 7: The statement ends where AS is expected.",
    ),
    (
        "WITH t AS",
        "Line 1, column 10: The statement ends where '(' is expected.",
    ),
    (
        "WITH t AS (SELECT 1)",
        "Line 1, column 21: The statement ends where SELECT is expected.",
    ),
    (
        "VALUES",
        "Line 1, column 7: The statement ends where '(' is expected.",
    ),
    (
        "SELECT FROM bills",
        "Line 1, column 8: 'FROM' cannot stand here; a column or an expression is expected.",
    ),
    (
        "SELECT id, FROM bills",
        "Line 1, column 12: 'FROM' cannot stand here; a column or an expression is expected.",
    ),
    (
        "SELECT abs(id total) FROM bills",
        "Line 1, column 15: 'total' cannot stand here; ',' or ')' is expected.",
    ),
    (
        "SELECT id FORM bills",
        "Line 1, column 16: 'bills' cannot stand here. Did you mean FROM in place of FORM?",
    ),
    (
        "SELECT id FROM bills WHRE id = 1",
        "Line 1, column 27: 'id' cannot stand here. Did you mean WHERE in place of WHRE?",
    ),
    (
        "SELECT id FROM bills b WEHRE id = 1",
        "Line 1, column 24: 'WEHRE' cannot stand here. Did you mean WHERE in place of WEHRE?",
    ),
    (
        "SELECT id FROM bills GRUOP BY id",
        "Line 1, column 28: 'BY' cannot stand here. Did you mean GROUP in place of GRUOP?",
    ),
    (
        "SELECT TOP 5 id FROM",
        "Line 1, column 21: The statement ends where a table is expected.",
    ),
    (
        "SELECT CAST(1 AS)",
        "Line 1, column 17: A type is missing behind AS.",
    ),
    (
        "SELECT 1 FROM bills WHERE paid && total",
        "Line 1, column 33: && cannot stand here. Did you mean AND?",
    ),
    (
        "SELECT 1 FROM bills WHERE number ILIKE 'a%'",
        "Line 1, column 34: 'ILIKE' cannot stand here. Did you mean LIKE in place of ILIKE?",
    ),
    (
        "SELECT id::text FROM bills",
        "Line 1, column 10: A type is converted by CAST(value AS type).",
    ),
    (
        "SHOW TABLES",
        "Line 1, column 1: No statement begins with 'SHOW'. SELECT * FROM sys_tables and \
         sys_tablecolumns show what there is.",
    ),
    (
        "SELECT id FROM bills b c d",
        "Line 1, column 24: 'c' cannot stand here. Is a comma or an operator missing before it?",
    ),
    (
        "SELECT id FROM bills LIMIT 5 WHERE id = 1",
        "Line 1, column 30: 'WHERE' cannot stand here. The clauses follow each other as SELECT, \
         FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT.",
    ),
    (
        "SELECT id FROM bills ORDER BY id DSC",
        "Line 1, column 34: 'DSC' cannot stand here. Did you mean DESC in place of DSC?",
    ),
    (
        "SELECT id # 3 FROM bills",
        "Line 1, column 11: The sign # has no meaning in SQL.",
    ),
    (
        "SELEC id FROM bills",
        "Line 1, column 1: No statement begins with 'SELEC'. Did you mean SELECT?",
    ),
    (
        "(SELECT 1)",
        "Line 1, column 1: No statement begins with '('. SELECT, WITH, VALUES and EXPLAIN do.",
    ),
];

#[test]
fn each_is_told_in_words_with_its_place() {
    let mut wrong = String::new();
    for (sql, expected) in CASES {
        let message = message(sql);
        if message != *expected {
            let _ = write!(wrong, "\n{sql}\nexpected {expected}\nis       {message}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_semicolon_may_stand_before_and_behind() {
    let translated = translate(
        "; ;\nWITH t AS (SELECT 1) SELECT * FROM t;;",
        &Qualifiers::default(),
    );
    assert_eq!(
        translated.unwrap().sql,
        "WITH t AS (SELECT 1) SELECT * FROM t"
    );
    assert_eq!(
        message(";SELECT nix FROM bills"),
        "Line 1, column 9: There is no column nix in bills."
    );
}

/// What is said of a statement, on the way that [`crate::Database::prepare`] goes.
fn message(sql: &str) -> String {
    let translated = match translate(sql, &Qualifiers::default()) {
        Ok(translated) => translated,
        Err(problem) => return problem.message,
    };
    let written = Written {
        sql,
        positions: &translated.positions,
    };
    match analyze_translated(&translated.sql, written, &catalog()) {
        Err(Failure::Wrong(mut problem)) => {
            problem.place = problem.place.map(|place| {
                let position = |offset| translated.positions.original(offset);
                position(place.start)..position(place.end)
            });
            problem.into_diagnostic(sql).message
        }
        other => panic!("{sql}: {other:?}"),
    }
}
