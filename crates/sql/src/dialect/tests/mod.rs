//! What becomes of statements, and that `SQLite` takes it.

mod generated;
mod typed;

use std::fmt::Write;

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
    ("SELECT \"TOP\", [top 5], `x` FROM t LIMIT 5 OFFSET 3", "="),
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
        "SELECT * FROM (SELECT a FROM t ORDER BY a LIMIT 3) x WHERE a IN (SELECT a FROM t LIMIT 1)",
    ),
    (
        "SELECT TOP 2 a FROM t UNION ALL SELECT TOP 3 a FROM t ORDER BY a",
        "SELECT * FROM (SELECT a FROM t LIMIT 2) UNION ALL SELECT * FROM (SELECT a FROM t LIMIT 3) ORDER BY a",
    ),
    (
        "SELECT TOP (?) a FROM t WHERE a > ? AND b = ?",
        "SELECT a FROM t WHERE a > ?2 AND b = ?3 LIMIT ?1",
    ),
    (
        "SELECT TOP 1 (SELECT TOP 2 a FROM t) FROM t",
        "SELECT (SELECT a FROM t LIMIT 2) FROM t LIMIT 1",
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
        "SELECT UCASE(apilink_left(a, 3)) FROM t",
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
    ("SELECT N'é', b N FROM t", "SELECT 'é', b N FROM t"),
    ("SELECT a FROM t {limit 5}", "SELECT a FROM t limit 5"),
    // CAST and CONVERT.
    (
        "SELECT {fn CONVERT(a, SQL_INTEGER)} FROM t",
        "SELECT CAST(a AS INTEGER) FROM t",
    ),
    (
        "SELECT CONVERT(INTEGER, a) FROM t",
        "SELECT CAST(a AS INTEGER) FROM t",
    ),
    (
        "SELECT CONVERT(date, SQL_VARCHAR) FROM t",
        "SELECT CAST(date AS VARCHAR) FROM t",
    ),
    (
        "SELECT CONVERT(VARCHAR(10), b, 120) FROM t",
        "SELECT CAST(b AS VARCHAR(10)) FROM t",
    ),
    (
        "SELECT CAST(a AS VARCHAR(20)) FROM t",
        "SELECT CAST(a AS VARCHAR(20)) FROM t",
    ),
    (
        "SELECT CAST(a AS DECIMAL(10,2)) FROM t",
        "SELECT CAST(a AS DECIMAL(10,2)) FROM t",
    ),
    (
        "SELECT CAST(a AS SIGNED) FROM t",
        "SELECT CAST(a AS BIGINT) FROM t",
    ),
    (
        "SELECT CAST(b AS DATETIME) FROM t",
        "SELECT CAST(b AS TIMESTAMP) FROM t",
    ),
    (
        "SELECT CAST(CAST('5' AS INT) AS DOUBLE PRECISION)",
        "SELECT CAST(CAST('5' AS INTEGER) AS DOUBLE)",
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
        "SELECT trim(b, 'x') FROM t",
    ),
    (
        "SELECT TRIM(b), TRIM(LEADING FROM b) FROM t",
        "SELECT TRIM(b), ltrim(b) FROM t",
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
        "SELECT apilink_timestampadd('hour', ?, apilink_timestamp('2026-01-01'))",
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
        "SELECT * FROM information_schema_tables WHERE information_schema_tables .n = 1",
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
            let _ = write!(
                wrong,
                "\nwritten  {written}\nexpected {expected}\nbecame   {became}\n"
            );
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
            let _ = write!(wrong, "\n{written}\nbecame {sql}\n{problem}\n");
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

/// What is refused, and how the message begins.
const ERRORS: &[(&str, &str)] = &[
    ("", "[42000] Line 1, column 1: There is no statement"),
    (
        " ; -- nothing",
        "[42000] Line 1, column 1: There is no statement",
    ),
    (
        "SELECT 1;\nSELECT 2",
        "[42000] Line 2, column 1: A second statement begins here",
    ),
    (
        "SELECT 'é' + 'x",
        "[42000] Line 1, column 14: A quote is opened here",
    ),
    ("SELECT [a", "[42000] Line 1, column 8: A square bracket"),
    (
        "SELECT (1",
        "[42000] Line 1, column 8: A parenthesis is opened here",
    ),
    ("SELECT 1)", "[42000] Line 1, column 9: ')' closes nothing"),
    (
        "SELECT {fn (}",
        "[42000] Line 1, column 13: '}' closes nothing",
    ),
    ("SELECT \0", "[42000] Line 1, column 8: The character NUL"),
    (
        "\u{1e} l",
        "[42000] Line 1, column 1: No statement begins with ' '.",
    ),
    (
        "EXPLAIN",
        "[42000] Line 1, column 8: There is nothing to explain",
    ),
    (
        "SELECT {d '2026-02-30'}",
        "[22007] Line 1, column 11: '2026-02-30' is not a date",
    ),
    (
        "SELECT {d '2026-02-01 10:00'}",
        "[22007] Line 1, column 11:",
    ),
    (
        "SELECT {ts 'now'}",
        "[22007] Line 1, column 12: 'now' is not a timestamp",
    ),
    (
        "SELECT date 'Day' FROM t",
        "[22007] Line 1, column 13: 'Day' is not a date such as '2026-06-30'. If it is meant as a name, write AS before it.",
    ),
    (
        "SELECT {d 5}",
        "[42000] Line 1, column 8: {d …} is written with one text",
    ),
    (
        "SELECT {x 1}",
        "[42000] Line 1, column 8: {x …} is not an escape",
    ),
    (
        "SELECT {call p}",
        "[42000] Line 1, column 8: The call of a procedure",
    ),
    (
        "SELECT {interval '1' day}",
        "[HYC00] Line 1, column 8: Interval literals",
    ),
    (
        "SELECT x + INTERVAL '1' DAY",
        "[HYC00] Line 1, column 12: Interval literals",
    ),
    (
        "SELECT TOP 5 PERCENT a FROM t",
        "[HYC00] Line 1, column 14: PERCENT",
    ),
    (
        "SELECT TOP 5 WITH TIES a FROM t",
        "[HYC00] Line 1, column 14: WITH TIES",
    ),
    (
        "SELECT TOP 5 a FROM t LIMIT 3",
        "[42000] Line 1, column 23: TOP and another limit",
    ),
    (
        "SELECT TOP 5 a FROM t OFFSET 3 ROWS",
        "[42000] Line 1, column 23: TOP and another limit",
    ),
    (
        "SELECT a FROM t FETCH FIRST 3 ROWS",
        "[42000] Line 1, column 35: ONLY is missing",
    ),
    (
        "SELECT a FROM t FETCH FIRST 3 ROWS WITH TIES",
        "[HYC00] Line 1, column 36: WITH TIES",
    ),
    (
        "SELECT a INTO u FROM t",
        "[HYC00] Line 1, column 10: SELECT … INTO",
    ),
    (
        "SELECT CAST(a)",
        "[42000] Line 1, column 8: CAST is written",
    ),
    (
        "SELECT CAST(a AS nosuch)",
        "[42000] Line 1, column 18: nosuch is not a type",
    ),
    (
        "SELECT CAST(a AS DECIMAL(5,9))",
        "[42000] Line 1, column 18: DECIMAL is not a type",
    ),
    (
        "SELECT CAST(a AS WCHAR)",
        "[42000] Line 1, column 18: WCHAR is not a type",
    ),
    (
        "SELECT CONVERT(a)",
        "[42000] Line 1, column 8: CONVERT is written",
    ),
    (
        "SELECT CONVERT(VARCHAR, a, 101)",
        "[42000] Line 1, column 28: This style",
    ),
    (
        "SELECT DATEADD(fortnight, 1, a)",
        "[42000] Line 1, column 16: fortnight is not an interval",
    ),
    (
        "SELECT EXTRACT(a.b FROM c)",
        "[42000] Line 1, column 16: EXTRACT is written",
    ),
    (
        "SELECT SUBSTRING(a FOR 2)",
        "[42000] Line 1, column 8: SUBSTRING is written",
    ),
    (
        "SELECT * FROM dbo.t",
        "[42S02] Line 1, column 15: There is no schema or catalogue dbo",
    ),
    (
        "SELECT * FROM t, x.clio.t",
        "[42S02] Line 1, column 18: There is no schema",
    ),
];

#[test]
fn errors_say_where_and_what() {
    let mut wrong = String::new();
    for (written, expected) in ERRORS {
        let message = error(written);
        if !message.starts_with(*expected) {
            let _ = write!(
                wrong,
                "\n{written}\nexpected {expected}\nis       {message}\n"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn kinds_of_statements() {
    use StatementKind::{Delete, Insert, Merge, Other, Procedure, Replace, Select, Update};
    let cases = [
        ("select 1", Select, false),
        ("VALUES (1)", Select, false),
        ("WITH c(n) AS (SELECT 1) SELECT n FROM c", Select, false),
        ("EXPLAIN SELECT 1", Select, true),
        (
            "explain query plan with c as (select 1) select 1",
            Select,
            true,
        ),
        ("INSERT INTO t SELECT 1", Insert, false),
        (
            "WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c",
            Insert,
            false,
        ),
        ("REPLACE INTO t VALUES (1)", Replace, false),
        ("MERGE INTO t USING s ON 1 = 1", Merge, false),
        ("UPDATE t SET a = 1", Update, false),
        ("EXPLAIN DELETE FROM t", Delete, true),
        ("EXEC GetOAuthAccessToken @a = 'x'", Procedure, false),
        ("{call p(?, 'x')}", Procedure, false),
        ("{? = call p}", Procedure, false),
        ("CALL p", Procedure, false),
        ("PRAGMA table_info(t)", Other, false),
        ("CREATE TABLE x (a)", Other, false),
    ];
    for (sql, kind, explain) in cases {
        let translated = translate(sql, &Qualifiers::default()).unwrap();
        assert_eq!(
            (translated.kind, translated.explain),
            (kind, explain),
            "{sql}"
        );
        let available = kind.check_available();
        match kind {
            Select => assert_eq!(available, Ok(())),
            _ => assert_eq!(available.unwrap_err().sqlstate, SqlState::NOT_IMPLEMENTED),
        }
    }
    assert_eq!(translated("EXPLAIN QUERY PLAN SELECT 1"), "SELECT 1");
    assert_eq!(translated("{? = call p(?)};"), "{? = call p(?)}");
}

#[test]
fn positions_lead_back() {
    let written = "SELECT TOP 5 {fn UCASE(nosuch)}, [b] FROM Clio.t WHERE x = {d '2026-01-05'}";
    let translated = translate(written, &Qualifiers::default()).unwrap();
    for word in ["SELECT", "UCASE", "nosuch", "[b]", "WHERE x", "x ="] {
        let offset = translated.sql.find(word).unwrap();
        assert_eq!(
            translated.positions.original(offset),
            written.find(word).unwrap(),
            "{word}"
        );
    }
    // What was made stands for what it was made of.
    let offset = translated.sql.find("2026").unwrap();
    assert_eq!(
        translated.positions.original(offset),
        written.find("{d").unwrap()
    );
    let offset = translated
        .sql
        .find('5')
        .map(|_| translated.sql.len() - 1)
        .unwrap();
    assert_eq!(
        translated.positions.original(offset),
        written.find('5').unwrap()
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels| {
        format!(
            "SELECT {}1{}",
            "CAST(".repeat(levels),
            " AS INT)".repeat(levels)
        )
    };
    assert!(translate(&deep(150), &Qualifiers::default()).is_ok());
    assert!(error(&deep(100_000)).contains("nested too deeply"));
    // Plain parentheses are no nesting for this walk.
    let plain = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(translated(&plain), plain);
}
