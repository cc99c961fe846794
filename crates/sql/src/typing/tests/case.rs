//! Columns that ignore case do so wherever they stand in a comparison, and in whatever form.

use rusqlite::Connection;

use super::shape;
use crate::catalog::Catalog;
use crate::typing::analyze;

const MATTERS: &str = "id BIGINT, status TEXT, name TEXT";
const WORDS: &str = "id BIGINT, word TEXT";
const ROWS: &str = "
    CREATE TABLE matters (id INTEGER, status TEXT COLLATE NOCASE, name TEXT);
    INSERT INTO matters VALUES (1, 'open', 'Open'), (2, 'OPEN', 'open'), (3, 'closed', 'a'),
                               (4, NULL, NULL);
    CREATE TABLE words (id INTEGER, word TEXT);
    INSERT INTO words VALUES (1, 'Open'), (2, 'x');";

fn catalog() -> Catalog {
    let mut matters = shape("matters", MATTERS);
    for column in &mut matters.columns {
        column.ignore_case = column.name == "status";
    }
    let mut catalog = Catalog::default();
    catalog.add(matters);
    catalog.add(shape("words", WORDS));
    catalog
}

fn rewritten(sql: &str) -> String {
    match analyze(sql, &catalog()) {
        Ok(analysis) => analysis.sql,
        Err(failure) => panic!("{sql}: {failure:?}"),
    }
}

/// The rows of a query, their values separated by blanks.
fn answer(sql: &str) -> Vec<String> {
    let connection = Connection::open_in_memory().unwrap();
    crate::functions::register(&connection).unwrap();
    connection.execute_batch(ROWS).unwrap();
    let sql = rewritten(sql);
    let mut statement = connection
        .prepare(&sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let width = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values: rusqlite::Result<Vec<String>> = (0..width)
            .map(|at| row.get::<_, rusqlite::types::Value>(at))
            .map(|value| Ok(shown(value?)))
            .collect();
        Ok(values?.join(" "))
    });
    rows.unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn shown(value: rusqlite::types::Value) -> String {
    match value {
        rusqlite::types::Value::Null => "NULL".to_owned(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    }
}

/// Conditions over `matters` and `words` that are true for the matters 1 and 2 beside the word 1.
const TRUE_FOR_OPEN: &[&str] = &[
    "status = word",
    "word = status",
    "word IS status",
    "(word) = (status)",
    "NOT word <> status",
    "word IN (status)",
    "word IN (status, 'y')",
    "word IN ('y', status)",
    "'oPEN' IN (status) AND words.id = 1",
    "word BETWEEN status AND status",
    "'OpEn' BETWEEN status AND status AND words.id = 1",
    "COALESCE(status, '') = word",
    "word = COALESCE(status, '')",
    "COALESCE(status, '') = 'Open' AND words.id = 1",
    "'Open' = COALESCE(status, '') AND words.id = 1",
    "IFNULL(status, '') IN (word)",
    "CASE WHEN words.id = 1 THEN status END = 'Open'",
    "'Open' = CASE WHEN words.id = 1 THEN status END",
    "CASE word WHEN status THEN 1 END = 1",
    "CASE status WHEN word THEN 1 END = 1",
    "NULLIF(word, status) IS NULL AND matters.id < 4",
    "NULLIF(status, word) IS NULL AND matters.id < 4",
    "IIF(words.id = 1, status, NULL) = 'Open'",
    "MIN(word, status) = MAX(word, status)",
    "CAST(status AS VARCHAR) = word",
    "word = CAST(status AS VARCHAR(10))",
    "word = +status",
    "(word, 1) = (status, 1)",
    "(1, word) IN (SELECT 1, status)",
    "(SELECT status) = word",
    "word = (SELECT status)",
    "word IN (SELECT status)",
    "status IN (SELECT word)",
    "status IN (SELECT status FROM matters) AND word IN (SELECT status FROM matters WHERE id = 1)
        AND status = 'OPEN'",
    "word IN (SELECT COALESCE(status, '') FROM matters WHERE id < 3) AND status = 'Open'",
    "COALESCE(word, '') IN (SELECT status FROM matters WHERE id < 3) AND status = 'Open'",
    "EXISTS (SELECT 1 FROM matters o WHERE o.id = matters.id AND word = o.status)",
    // What is written decides.
    "status = word OR word = status COLLATE BINARY",
];

#[test]
fn comparisons_do_not_depend_on_order_and_form() {
    for condition in TRUE_FOR_OPEN {
        let sql = format!(
            "SELECT matters.id, words.id FROM matters, words WHERE {condition} ORDER BY 1, 2"
        );
        assert_eq!(
            answer(&sql),
            ["1 1", "2 1"],
            "{condition}\n{}",
            rewritten(&sql)
        );
    }
}

/// Conditions that are true for no matter but those, beside the word 1.
const CASE_MATTERS: &[(&str, &[&str])] = &[
    ("word = name", &["1"]),
    ("name = word", &["1"]),
    ("UPPER(status) = word", &[]),
    ("word = UPPER(status)", &[]),
    ("COALESCE(name, '') = word", &["1"]),
    ("status = 'OPEN' COLLATE BINARY", &["2"]),
    ("'OPEN' COLLATE BINARY = status", &["2"]),
    ("COALESCE(status, '') = 'OPEN' COLLATE BINARY", &["2"]),
    ("status COLLATE BINARY = 'OPEN'", &["2"]),
    ("COALESCE(status COLLATE BINARY, '') = 'OPEN'", &["2"]),
    ("name COLLATE NOCASE = 'OPEN'", &["1", "2"]),
    ("COALESCE(name COLLATE NOCASE, '') = 'OPEN'", &["1", "2"]),
    ("'OPEN' = LOWER(name COLLATE NOCASE)", &["1", "2"]),
    // A comparison within does not decide about what stands around it.
    ("CASE WHEN word = status THEN name END = 'OPEN'", &[]),
    ("CASE WHEN word = status THEN name END = 'open'", &["2"]),
    ("'open' = IIF(word = status, name, '')", &["2"]),
    ("UPPER(COALESCE(status, '')) = 'Open'", &[]),
    ("'Open' || COALESCE(status, '') = 'openopen'", &[]),
];

#[test]
fn case_matters_elsewhere_and_where_it_is_written() {
    for (condition, expected) in CASE_MATTERS {
        let sql = format!(
            "SELECT matters.id FROM matters, words WHERE words.id = 1 AND ({condition}) ORDER BY 1"
        );
        assert_eq!(answer(&sql), *expected, "{condition}\n{}", rewritten(&sql));
    }
}

/// Queries and their rows.
const QUERIES: &[(&str, &[&str])] = &[
    (
        "SELECT COUNT(*) FROM (SELECT 'OpeN' AS v) s, matters m WHERE s.v = m.status",
        &["2"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT MAX(status) AS top FROM matters) s WHERE s.top = 'OPEN'",
        &["1"],
    ),
    (
        "WITH s AS (SELECT COALESCE(status, '') AS v FROM matters)
         SELECT COUNT(*) FROM s JOIN words ON words.word = s.v",
        &["2"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT word AS v FROM words UNION ALL SELECT status FROM matters) s
         WHERE s.v = 'OPEN'",
        &["3"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT word FROM words UNION SELECT status FROM matters WHERE id < 3)",
        &["2"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT * FROM words WHERE id = 1 UNION SELECT 1, status FROM matters
         WHERE id < 3)",
        &["1"],
    ),
    (
        "SELECT word FROM words EXCEPT SELECT status FROM matters",
        &["x"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT word FROM words INTERSECT SELECT status FROM matters)",
        &["1"],
    ),
    (
        "SELECT COUNT(*) FROM (VALUES ('oPEN'), ((SELECT status FROM matters WHERE id = 1))) v
         WHERE v.column1 = 'OPEN'",
        &["2"],
    ),
    (
        "SELECT COUNT(*) FROM matters GROUP BY COALESCE(status, '') ORDER BY 1",
        &["1", "1", "2"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT DISTINCT COALESCE(status, '') FROM matters)",
        &["3"],
    ),
    (
        "SELECT COUNT(DISTINCT status), COUNT(DISTINCT COALESCE(status, '')),
            COUNT(DISTINCT name) FROM matters",
        &["2 3 3"],
    ),
    (
        "SELECT MAX(COALESCE(status, '')) = MAX(status) FROM matters",
        &["1"],
    ),
    (
        "SELECT id FROM matters WHERE status IS NOT NULL
         ORDER BY CASE WHEN id > 0 THEN status END, id",
        &["3", "1", "2"],
    ),
    (
        "SELECT id FROM matters ORDER BY COALESCE(status, '') DESC, id LIMIT 2",
        &["1", "2"],
    ),
    (
        "SELECT id, COUNT(*) OVER (PARTITION BY COALESCE(status, '')) FROM matters ORDER BY id",
        &["1 2", "2 2", "3 1", "4 1"],
    ),
    (
        "SELECT id, RANK() OVER (ORDER BY COALESCE(status, '')) FROM matters ORDER BY id",
        &["1 3", "2 3", "3 2", "4 1"],
    ),
    (
        "SELECT id FROM (SELECT id, LAG(status) OVER (ORDER BY id) AS before FROM matters)
         WHERE before = 'OPEN' ORDER BY id",
        &["2", "3"],
    ),
    (
        "WITH RECURSIVE c(n, v) AS (SELECT 1, 'OpeN' UNION ALL
            SELECT n + 1, (SELECT status FROM matters WHERE id = n) FROM c WHERE n < 3)
         SELECT COUNT(*) FROM c WHERE v = 'OPEN'",
        &["3"],
    ),
    // USING and NATURAL.
    (
        "SELECT COUNT(*) FROM words JOIN (SELECT status AS word FROM matters) m USING (word)",
        &["2"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT status AS word FROM matters) m JOIN words USING (word)",
        &["2"],
    ),
    (
        "SELECT * FROM (SELECT 'OpeN' AS status) JOIN matters USING (status) ORDER BY id",
        &["OpeN 1 Open", "OpeN 2 open"],
    ),
    (
        "SELECT status, id FROM (SELECT 'OpeN' AS status) s NATURAL JOIN matters
         WHERE status = 'OPEN' AND s.status <> 'closed' GROUP BY status, id ORDER BY id",
        &["OpeN 1", "OpeN 2"],
    ),
    (
        "SELECT s.*, m.*, status FROM (SELECT 'OpeN' AS status) s JOIN matters m USING (status)
         WHERE id = 1",
        &["OpeN 1 open Open OpeN"],
    ),
    (
        "SELECT status, id FROM (SELECT 'OpeN' AS status) s RIGHT JOIN matters USING (status)
         ORDER BY id",
        &["OpeN 1", "OpeN 2", "closed 3", "NULL 4"],
    ),
    (
        "SELECT * FROM (SELECT 'OpeN' AS status) LEFT JOIN matters USING (status) ORDER BY id",
        &["OpeN 1 Open", "OpeN 2 open"],
    ),
    (
        "SELECT COUNT(*) FROM matters FULL JOIN (SELECT 'x' AS status) s USING (status)
         WHERE status IN ('X', 'y')",
        &["1"],
    ),
    (
        "SELECT COUNT(*) FROM (SELECT * FROM matters FULL JOIN (SELECT 'x' AS status) s
            USING (status)) WHERE status = 'X' OR status = 'OPEN'",
        &["3"],
    ),
    (
        "SELECT status, id FROM (SELECT 'OpeN' AS status) a JOIN matters USING (status)
         JOIN (SELECT 'OPEN' AS status, 7 AS n) b USING (status) ORDER BY id",
        &["OpeN 1", "OpeN 2"],
    ),
    (
        "SELECT COUNT(*) FROM words JOIN ((SELECT 'OpeN' AS status) s JOIN matters
            USING (status)) AS g ON g.status = words.word",
        &["2"],
    ),
];

#[test]
fn subqueries_groups_and_compounds_keep_it() {
    for (sql, expected) in QUERIES {
        assert_eq!(answer(sql), *expected, "{sql}\n{}", rewritten(sql));
    }
}

#[test]
fn what_sqlite_compares_so_stays_as_it_is() {
    for condition in [
        "status = 'open'",
        "'open' = status",
        "status IN ('open', 'closed')",
        "status <> 'open' AND name = 'a'",
        "status BETWEEN 'a' AND 'b'",
        "name = status COLLATE NOCASE",
        "id IN (SELECT id FROM matters WHERE status = 'open')",
        "status IN (SELECT word FROM words)",
    ] {
        let sql = format!("SELECT id, status FROM matters WHERE {condition} ORDER BY status");
        assert_eq!(rewritten(&sql), sql);
    }
}
