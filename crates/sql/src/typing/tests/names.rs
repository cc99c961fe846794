//! The names of result columns: the text that was written, whatever became of it.

use super::{analyze_translated, catalog, database};
use crate::dialect::{Qualifiers, translate};
use crate::typing::Written;

/// The names of a statement's columns; as `SQLite` sees them, too, where it was rewritten.
fn names(sql: &str) -> Vec<String> {
    let translated = translate(sql, &Qualifiers::default()).unwrap();
    let written = Written {
        sql,
        positions: &translated.positions,
    };
    let analysis = analyze_translated(&translated.sql, written, &catalog()).unwrap();
    let names: Vec<String> = analysis
        .columns
        .into_iter()
        .map(|column| column.name)
        .collect();
    let connection = database();
    let statement = connection.prepare(&analysis.sql).unwrap();
    assert_eq!(
        statement.column_names().collect::<Vec<_>>(),
        names,
        "{sql} became {}",
        analysis.sql
    );
    names
}

#[test]
fn a_column_without_a_name_has_the_text_that_was_written() {
    for (item, expected) in [
        ("LEFT(name, 2)", "LEFT(name, 2)"),
        ("right( name,2 )", "right( name,2 )"),
        ("INSERT(name, 1, 2, 'x')", "INSERT(name, 1, 2, 'x')"),
        ("ISNULL(name, 'x')", "ISNULL(name, 'x')"),
        ("upper(LEFT(name, 2))", "upper(LEFT(name, 2))"),
        (
            "LEFT(name, 2) || 'é' || LEFT(name, 1)",
            "LEFT(name, 2) || 'é' || LEFT(name, 1)",
        ),
        ("{fn UCASE(name)}", "{fn UCASE(name)}"),
        (
            "{fn LEFT({fn LCASE(name)}, 1)}",
            "{fn LEFT({fn LCASE(name)}, 1)}",
        ),
        ("{fn LENGTH(name)} + 1", "{fn LENGTH(name)} + 1"),
        ("1 + {fn LENGTH(name)}", "1 + {fn LENGTH(name)}"),
        ("{d '2026-06-30'}", "{d '2026-06-30'}"),
        ("DATE '2026-06-30'", "DATE '2026-06-30'"),
        ("N'x'", "N'x'"),
        ("CAST(id AS VARCHAR(5))", "CAST(id AS VARCHAR(5))"),
        ("CONVERT(id, SQL_VARCHAR)", "CONVERT(id, SQL_VARCHAR)"),
        ("EXTRACT(YEAR FROM due_at)", "EXTRACT(YEAR FROM due_at)"),
        ("DATEADD(day, 1, due_at)", "DATEADD(day, 1, due_at)"),
        (
            "DATEADD(hour, 1, '2026-06-30')",
            "DATEADD(hour, 1, '2026-06-30')",
        ),
        ("TRIM(BOTH ' ' FROM name)", "TRIM(BOTH ' ' FROM name)"),
        (
            "SUBSTRING(name FROM 1\n FOR 2)",
            "SUBSTRING(name FROM 1  FOR 2)",
        ),
        ("CURRENT_DATE()", "CURRENT_DATE()"),
        ("CURRENT_USER", "CURRENT_USER"),
        ("Clio.tasks.id + 1", "Clio.tasks.id + 1"),
        ("Clio.tasks.id", "id"),
        ("LEFT(name, 2) AS short", "short"),
        ("LEFT(name, 2) short", "short"),
        (
            "(SELECT LEFT(number, 1) FROM bills LIMIT 1)",
            "(SELECT LEFT(number, 1) FROM bills LIMIT 1)",
        ),
        ("id + 1", "id + 1"),
    ] {
        for sql in [
            format!("SELECT {item}"),
            format!("SELECT {item} FROM tasks"),
            format!("SELECT DISTINCT {item} FROM tasks;"),
            format!("SELECT TOP 3 {item}, 'last' FROM tasks ORDER BY 1"),
            format!("SELECT 'first', {item} FROM tasks"),
            format!("SELECT * FROM (SELECT {item} FROM tasks)"),
            format!("WITH t AS (SELECT {item} FROM tasks) SELECT * FROM t"),
        ] {
            let needs_table = ["name", "id", "due_at"]
                .iter()
                .any(|name| item.contains(name));
            if needs_table && !sql.contains(" FROM tasks") {
                continue;
            }
            assert!(
                names(&sql).iter().any(|name| name == expected),
                "{sql}: {:?}",
                names(&sql)
            );
        }
    }
}

#[test]
fn the_end_of_the_text_ends_a_column() {
    for (sql, expected) in [
        ("SELECT CAST(1 AS INT)", "CAST(1 AS INT)"),
        ("SELECT LEFT('a', 1) ; ", "LEFT('a', 1)"),
        ("SELECT {fn UCASE('a')}", "{fn UCASE('a')}"),
        ("SELECT TOP 1 LEFT('a', 1)", "LEFT('a', 1)"),
        ("SELECT TOP 1 {fn UCASE('a')};", "{fn UCASE('a')}"),
    ] {
        assert_eq!(names(sql), [expected], "{sql}");
    }
}

#[test]
fn an_inner_column_is_found_by_the_text_that_was_written() {
    let sql = "SELECT \"LEFT(name, 2)\" FROM (SELECT LEFT(name, 2) FROM tasks)";
    assert_eq!(names(sql), ["LEFT(name, 2)"]);
}
