//! What becomes of statements, and that `SQLite` takes it.

use super::*;
use crate::functions;

fn translated(sql: &str) -> String {
    translate(sql, &Qualifiers::default())
        .unwrap_or_else(|problem| panic!("{sql}: {problem}"))
        .sql
}

fn error(sql: &str) -> String {
    match translate(sql, &Qualifiers::default()) {
        Ok(translated) => panic!("{sql} became {}", translated.sql),
        Err(problem) => problem.to_string(),
    }
}

/// What is written and what becomes of it. `=` is for what stays as it is.
const CASES: &[(&str, &str)] = &[
    // Nothing to do.
    ("SELECT 1", "="),
    (
        "select a -- {d 'x'} TOP 5\n, 'it''s {fn' /* TOP 1 */ from t",
        "=",
    ),
    ("SELECT \TOP\", [top 5], `x` FROM t LIMIT 5 OFFSET 3", "="),
    ("SELECT a FROM t LIMIT 3, 5", "="),
    ("SELECT top FROM t", "="),
    ("SELECT top, t.top, t.date FROM t", "="),
    ("SELECT date, date AS timestamp FROM t ORDER BY date", "="),
    ("SELECT a IS NOT DISTINCT FROM b FROM t", "="),
    ("SELECT x.a FROM t AS x LEFT JOIN u ON (x.a = u.c)", "="),
    ("WITH c AS (SELECT 1 AS n) SELECT n FROM c", "="),
    ("SELECT 1e+5, 0x1F, .5, x'00', ?1, :a, @b, $c", "="),
    (
        "SELECT replace(a, 'x', 'y'), if(a, 1, 2), char(65) FROM t",
        "=",
    ),
    ("SELECT a FROM t;  ", "SELECT a FROM t"),
    ("SELECT a FROM t JOIN (SELECT 1 AS a) v USING (a)", "="),
    // TOP.
    ("SELECT TOP 5 a FROM t", "SELECT a FROM t LIMIT 5"),
    ("SELECT TOP(5)a FROM t", "SELECT a FROM t LIMIT 5"),
    (
        "SELECT TOP (2+3) a FROM t ORDER BY a DESC",
        "SELECT a FROM t ORDER BY a DESC LIMIT 2+3",
    ),
    (
        "SELECT DISTINCT TOP 5 a FROM t",
        "SELECT DISTINCT a FROM t LIMIT 5",
    ),
    ("SELECT ALL TOP 5 a FROM t;", "SELECT ALL a FROM t LIMIT 5"),
    ("SELECT TOP 5 * FROM t", "SELECT * FROM t LIMIT 5"),
    (
        "SELECT * FROM (SELECT TOP 3 a FROM t ORDER BY a) x WHERE a IN (SELECT TOP 1 a FROM t)",
        "SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 3 ) x WHERE a IN (SELECT a FROM t LIMIT 1 )",
    ),
    (
        "SELECT TOP 2 a FROM t UNION ALL SELECT TOP 3 a FROM t ORDER BY a",
        "SELECT * FROM ( SELECT a FROM t LIMIT 2 ) UNION ALL SELECT * FROM ( SELECT a FROM t LIMIT 3 ) ORDER BY a",
    ),
    (
        "SELECT TOP (?) a FROM t WHERE a > ? AND b = ?",
        "SELECT a FROM t WHERE a > ?2 AND b = ?3 LIMIT ?1",
    ),
    (
        "SELECT TOP 1 (SELECT TOP 2 a FROM t) FROM t",
        "SELECT (SELECT a FROM t LIMIT 2 ) FROM t LIMIT 1",
    ),
    // OFFSET and FETCH.
    (
        "SELECT a FROM t ORDER BY a OFFSET 10 ROWS FETCH NEXT 5 ROWS ONLY",
        "SELECT a FROM t ORDER BY a LIMIT 10, 5",
    ),
    (
        "SELECT a FROM t ORDER BY a OFFSET 10 ROWS",
        "SELECT a FROM t ORDER BY a LIMIT 10, -1",
    ),
    (
        "SELECT a FROM t FETCH FIRST ROW ONLY",
        "SELECT a FROM t LIMIT 1",
    ),
    (
        "SELECT a FROM t OFFSET ? ROWS FETCH NEXT ? ROWS ONLY",
        "SELECT a FROM t LIMIT ?, ?",
    ),
    // Escapes and literals.
    (
        "SELECT {d '2026-01-05'}",
        "SELECT apilink_date('2026-01-05')",
    ),
    ("SELECT {d'20260105'}", "SELECT apilink_date('2026-01-05')"),
    ("SELECT {t '10:00'}", "SELECT apilink_time('10:00:00')"),
    (
        "SELECT {ts '2026-01-05T10:00:00+02:00'}",
        "SELECT apilink_timestamp('2026-01-05 08:00:00')",
    ),
    (
        "SELECT DATE '2026-01-05', TIMESTAMP '2026-01-05'",
        "SELECT apilink_date('2026-01-05'), apilink_timestamp('2026-01-05 00:00:00')",
    ),
    (
        "SELECT {fn UCASE({fn LEFT(a, 3)})} FROM t",
        "SELECT UCASE( apilink_left(a, 3)) FROM t",
    ),
    ("SELECT {fn PI()}AND 1", "SELECT PI() AND 1"),
    ("SELECT -{fn ABS(-1)}", "SELECT - ABS(-1)"),
    (
        "SELECT * FROM {oj t LEFT OUTER JOIN u ON t.a = u.c} WHERE 1",
        "SELECT * FROM t LEFT OUTER JOIN u ON t.a = u.c WHERE 1",
    ),
    (
        "SELECT a FROM t WHERE b LIKE 'x\\%' {escape '\\'}",
        "SELECT a FROM t WHERE b LIKE 'x\\%' ESCAPE '\\'",
    ),
    ("SELECT {guid 'ab'}", "SELECT 'ab'"),
    ("SELECT N'é', N 'x' FROM t", "SELECT 'é', N 'x' FROM t"),
    ("SELECT a FROM t {limit 5}", "SELECT a FROM t limit 5"),
    // CAST and CONVERT.
    (
        "SELECT {fn CONVERT(a, SQL_INTEGER)} FROM t",
        "SELECT CAST(apilink_cast_integer(a) AS INTEGER) FROM t",
    ),
    (
        "SELECT CONVERT(INTEGER, a) FROM t",
        "SELECT CAST(apilink_cast_integer( a) AS INTEGER) FROM t",
    ),
    (
        "SELECT CONVERT(date, SQL_VARCHAR) FROM t",
        "SELECT CAST(date AS VARCHAR) FROM t",
    ),
    (
        "SELECT CONVERT(VARCHAR(10), b, 120) FROM t",
        "SELECT CAST(apilink_cast_varchar( b, 10) AS VARCHAR(10)) FROM t",
    ),
    (
        "SELECT CAST(a AS VARCHAR(20)) FROM t",
        "SELECT CAST(apilink_cast_varchar(a, 20) AS VARCHAR(20)) FROM t",
    ),
    (
        "SELECT CAST(a AS DECIMAL(10,2)) FROM t",
        "SELECT CAST(apilink_cast_decimal(a, 10, 2) AS DECIMAL(10,2)) FROM t",
    ),
    (
        "SELECT CAST(a AS SIGNED) FROM t",
        "SELECT CAST(apilink_cast_bigint(a) AS BIGINT) FROM t",
    ),
    (
        "SELECT CAST(b AS DATETIME) FROM t",
        "SELECT apilink_timestamp(b) FROM t",
    ),
    (
        "SELECT CAST(CAST('5' AS INT) AS DOUBLE PRECISION)",
        "SELECT CAST(apilink_cast_double(CAST(apilink_cast_integer('5') AS INTEGER)) AS DOUBLE)",
    ),
    (
        "SELECT CAST(b AS NVARCHAR(MAX)), CAST(b AS TEXT) FROM t",
        "SELECT CAST(b AS VARCHAR), CAST(b AS VARCHAR) FROM t",
    ),
    // Words between arguments.
    (
        "SELECT EXTRACT(YEAR FROM b) FROM t",
        "SELECT extract('year', b) FROM t",
    ),
    (
        "SELECT TRIM(BOTH 'x' FROM b) FROM t",
        "SELECT trim( b, 'x') FROM t",
    ),
    (
        "SELECT TRIM(b), TRIM(LEADING FROM b) FROM t",
        "SELECT TRIM(b), ltrim( b) FROM t",
    ),
    (
        "SELECT SUBSTRING(b FROM 2 FOR 3) FROM t",
        "SELECT substring(b, 2, 3) FROM t",
    ),
    ("SELECT SUBSTRING(b, 2) FROM t", "="),
    (
        "SELECT POSITION('a' IN b) FROM t",
        "SELECT position('a', b) FROM t",
    ),
    (
        "SELECT {fn TIMESTAMPADD(SQL_TSI_DAY, 1, b)} FROM t",
        "SELECT TIMESTAMPADD('day', 1, b) FROM t",
    ),
    (
        "SELECT DATEADD(hh, ?, '2026-01-01')",
        "SELECT apilink_timestampadd('hour', ?, apilink_timestamp( '2026-01-01'))",
    ),
    (
        "SELECT DATEDIFF(dd, b, CURRENT_DATE()) FROM t",
        "SELECT DATEDIFF('day', b, CURRENT_DATE) FROM t",
    ),
    ("SELECT DATEDIFF(b, '2026-01-01') FROM t", "="),
    (
        "SELECT DATE_TRUNC('month', b) FROM t",
        "SELECT DATE_TRUNC('month', b) FROM t",
    ),
    // Names of functions that are keywords.
    (
        "SELECT ISNULL(a, 0), NVL(a, 0) FROM t WHERE a ISNULL",
        "SELECT ifnull(a, 0), ifnull(a, 0) FROM t WHERE a ISNULL",
    ),
    (
        "SELECT RIGHT(b, 2), INSERT(b, 1, 1, 'x') FROM t",
        "SELECT apilink_right(b, 2), apilink_insert(b, 1, 1, 'x') FROM t",
    ),
    (
        "SELECT CURRENT_TIMESTAMP(3), LOCALTIME, {fn CURRENT_DATE()}",
        "SELECT CURRENT_TIMESTAMP, CURRENT_TIME, CURRENT_DATE",
    ),
    (
        "SELECT CURRENT_USER, a AS current_user FROM t",
        "SELECT current_user(), a AS current_user FROM t",
    ),
    // Qualifiers.
    ("SELECT Clio.t.a, t.b FROM Clio.t", "SELECT t.a, t.b FROM t"),
    (
        "SELECT x.* FROM [CData].[Clio].[t] x",
        "SELECT x.* FROM [t] x",
    ),
    (
        "SELECT CData.Clio.t.* FROM main.t, \"clio\".u",
        "SELECT t.* FROM t, u",
    ),
    ("SELECT clio.a FROM t clio", "="),
    (
        "SELECT t.a FROM (Clio.t JOIN Clio.u ON t.a = u.c)",
        "SELECT t.a FROM (t JOIN u ON t.a = u.c)",
    ),
    (
        "SELECT * FROM information_schema.tables WHERE Clio.information_schema.tables.n = 1",
        "SELECT * FROM information_schema_tables WHERE information_schema_tables.n = 1",
    ),
    // Hints.
    (
        "SELECT a FROM t WITH (NOLOCK) JOIN u x (NOLOCK) ON x.c = t.a",
        "SELECT a FROM t JOIN u x ON x.c = t.a",
    ),
    (
        "SELECT a FROM t WITH (INDEX(i), ROWLOCK) OPTION (MAXDOP 1)",
        "SELECT a FROM t",
    ),
];

#[test]
fn habits_become_what_sqlite_understands() {
    let mut wrong = String::new();
    for (written, expected) in CASES {
        let expected = if *expected == "=" { written } else { expected };
        let became = translated(written);
        if became != *expected {
            wrong += &format!("\nwritten  {written}\nexpected {expected}\nbecame   {became}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn sqlite_takes_what_comes_out() {
    let connection = connection();
    let mut wrong = String::new();
    for (written, _) in CASES {
        let sql = translated(written);
        if let Err(problem) = connection.prepare(&sql) {
            wrong += &format!("\n{written}\nbecame {sql}\n{problem}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn connection() -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    functions::register(&connection).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE t (a, b, date, top, \"top 5\", x);
             CREATE TABLE u (c);
             CREATE TABLE information_schema_tables (n);",
        )
        .unwrap();
    connection
}
