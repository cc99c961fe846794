//! The types of result columns and parameters, by a table.

use super::{analyzed, database, type_text};

/// A statement, and the types of its columns.
pub(super) const CASES: &[(&str, &str)] = &[
    // Columns.
    ("SELECT id FROM matters", "BIGINT NOT NULL"),
    (
        "SELECT ID, Display_Number FROM Matters",
        "BIGINT NOT NULL, VARCHAR",
    ),
    (
        "SELECT [id], `status`, \"open_date\" FROM [matters]",
        "BIGINT NOT NULL, VARCHAR, DATE",
    ),
    ("SELECT m.id FROM matters m", "BIGINT NOT NULL"),
    ("SELECT m.id FROM matters AS m", "BIGINT NOT NULL"),
    (
        "SELECT main.matters.id FROM main.matters",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT created_at, billable, rate FROM matters",
        "TIMESTAMP, BOOLEAN, DECIMAL(19,4)",
    ),
    ("SELECT minutes, score FROM activities", "INTEGER, DOUBLE"),
    ("SELECT (id) FROM matters", "BIGINT NOT NULL"),
    ("SELECT rowid FROM matters", "BIGINT NOT NULL"),
    ("SELECT m._rowid_ FROM matters m", "BIGINT NOT NULL"),
    (
        "SELECT * FROM tasks",
        "BIGINT NOT NULL, BIGINT, VARCHAR, VARCHAR, DATE, TIMESTAMP, VARCHAR, INTEGER",
    ),
    (
        "SELECT c.*, m.id FROM contacts c, matters m",
        "BIGINT NOT NULL, VARCHAR, VARCHAR, DATE, BOOLEAN, TIMESTAMP, BIGINT NOT NULL",
    ),
    // Literals.
    ("SELECT 1", "INTEGER NOT NULL"),
    ("SELECT 3000000000", "BIGINT NOT NULL"),
    ("SELECT 0x1F", "BIGINT NOT NULL"),
    ("SELECT 1.5", "DECIMAL(2,1) NOT NULL"),
    ("SELECT 0.05", "DECIMAL(2,2) NOT NULL"),
    ("SELECT .5", "DECIMAL(1,1) NOT NULL"),
    ("SELECT 1e3", "DOUBLE NOT NULL"),
    ("SELECT 'x'", "VARCHAR(1) NOT NULL"),
    ("SELECT 'it''s'", "VARCHAR(4) NOT NULL"),
    ("SELECT ''", "VARCHAR(1) NOT NULL"),
    ("SELECT x'00ff'", "VARBINARY NOT NULL"),
    ("SELECT NULL", "VARCHAR"),
    ("SELECT TRUE, false", "BOOLEAN NOT NULL, BOOLEAN NOT NULL"),
    (
        "SELECT CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP",
        "DATE NOT NULL, TIME NOT NULL, TIMESTAMP NOT NULL",
    ),
    (
        "SELECT -1, +1, -1.5",
        "INTEGER NOT NULL, INTEGER NOT NULL, DECIMAL(2,1) NOT NULL",
    ),
    // Arithmetic.
    ("SELECT id + 1 FROM matters", "BIGINT NOT NULL"),
    ("SELECT minutes + 1 FROM tasks", "BIGINT"),
    ("SELECT minutes * 2 FROM tasks", "BIGINT"),
    ("SELECT minutes / 60 FROM tasks", "INTEGER"),
    ("SELECT minutes % 60 FROM tasks", "INTEGER"),
    ("SELECT id / 2 FROM tasks", "BIGINT"),
    ("SELECT 5 / 2", "INTEGER"),
    ("SELECT total - paid FROM bills", "DECIMAL(20,4)"),
    ("SELECT total - paid - balance FROM bills", "DECIMAL(21,4)"),
    ("SELECT total * 1.1 FROM bills", "DECIMAL(21,5)"),
    ("SELECT total * 2 FROM bills", "DECIMAL(29,4)"),
    ("SELECT quantity * price FROM activities", "DECIMAL(36,6)"),
    ("SELECT total / 3 FROM bills", "DECIMAL(38,6)"),
    ("SELECT total / paid FROM bills", "DECIMAL(38,6)"),
    ("SELECT total + minutes FROM activities", "DECIMAL(20,4)"),
    ("SELECT total * score FROM activities", "DOUBLE"),
    ("SELECT score + 1 FROM activities", "DOUBLE"),
    (
        "SELECT total % 7, 5.5 % 2 FROM bills",
        "DECIMAL(14,4), DECIMAL(2,1)",
    ),
    ("SELECT 1.5 + 1.25", "DECIMAL(4,2) NOT NULL"),
    ("SELECT -total FROM bills", "DECIMAL(19,4)"),
    ("SELECT -(total - paid) FROM bills", "DECIMAL(20,4)"),
    ("SELECT -minutes FROM tasks", "INTEGER"),
    (
        "SELECT minutes & 1, minutes | 2, minutes << 1, ~minutes FROM tasks",
        "BIGINT, BIGINT, BIGINT, BIGINT",
    ),
    ("SELECT '7' + 1", "BIGINT NOT NULL"),
    ("SELECT name + 1 FROM tasks", "DOUBLE"),
    // Dates.
    ("SELECT due_at + 30 FROM bills", "DATE"),
    ("SELECT 30 + due_at FROM bills", "DATE"),
    ("SELECT due_at - 1 FROM bills", "DATE"),
    ("SELECT created_at + 1 FROM bills", "TIMESTAMP"),
    ("SELECT created_at - 0.5 FROM bills", "TIMESTAMP"),
    ("SELECT due_at - issued_at FROM bills", "INTEGER"),
    ("SELECT CURRENT_DATE - due_at FROM bills", "INTEGER"),
    ("SELECT due_at - '2026-01-01' FROM bills", "INTEGER"),
    ("SELECT '2026-01-01' - due_at FROM bills", "INTEGER"),
    ("SELECT updated_at - created_at FROM matters", "DOUBLE"),
    ("SELECT close_date - created_at FROM matters", "DOUBLE"),
    // Text.
    ("SELECT name || ' ' || status FROM tasks", "VARCHAR(8001)"),
    ("SELECT 'a' || 'bc'", "VARCHAR(3) NOT NULL"),
    ("SELECT id || '' FROM tasks", "VARCHAR(21) NOT NULL"),
    ("SELECT name COLLATE NOCASE FROM tasks", "VARCHAR"),
    (
        "SELECT upper(name), lower('Ab') FROM tasks",
        "VARCHAR, VARCHAR(2) NOT NULL",
    ),
    // Conditions.
    ("SELECT id = 1 FROM tasks", "BOOLEAN NOT NULL"),
    ("SELECT minutes > 1 FROM tasks", "BOOLEAN"),
    (
        "SELECT minutes IS 1, minutes IS NOT NULL FROM tasks",
        "BOOLEAN NOT NULL, BOOLEAN NOT NULL",
    ),
    (
        "SELECT minutes IS NOT DISTINCT FROM 1 FROM tasks",
        "BOOLEAN NOT NULL",
    ),
    (
        "SELECT minutes ISNULL, minutes NOTNULL, minutes NOT NULL FROM tasks",
        "BOOLEAN NOT NULL, BOOLEAN NOT NULL, BOOLEAN NOT NULL",
    ),
    (
        "SELECT id > 1 AND id < 9 OR NOT id = 4 FROM tasks",
        "BOOLEAN NOT NULL",
    ),
    ("SELECT id IN (1, 2) FROM tasks", "BOOLEAN NOT NULL"),
    ("SELECT id NOT IN (1, NULL) FROM tasks", "BOOLEAN"),
    (
        "SELECT id IN (SELECT matter_id FROM bills) FROM matters",
        "BOOLEAN",
    ),
    (
        "SELECT id BETWEEN 1 AND 9, id NOT BETWEEN 1 AND 9 FROM tasks",
        "BOOLEAN NOT NULL, BOOLEAN NOT NULL",
    ),
    (
        "SELECT name LIKE 'a%', name NOT LIKE 'a!%' ESCAPE '!' FROM tasks",
        "BOOLEAN, BOOLEAN",
    ),
    ("SELECT name GLOB 'a*' FROM tasks", "BOOLEAN"),
    ("SELECT EXISTS (SELECT 1 FROM tasks)", "BOOLEAN NOT NULL"),
    (
        "SELECT NOT EXISTS (SELECT * FROM tasks WHERE id = 7)",
        "BOOLEAN NOT NULL",
    ),
    ("SELECT (id, minutes) = (1, 2) FROM tasks", "BOOLEAN"),
    (
        "SELECT (id, matter_id) IN (SELECT id, matter_id FROM bills) FROM tasks",
        "BOOLEAN",
    ),
    ("SELECT due_at >= '2026-01-01' FROM tasks", "BOOLEAN"),
    ("SELECT 1 WHERE 1 = 0", "INTEGER NOT NULL"),
    // CASE, COALESCE and their like.
    (
        "SELECT CASE WHEN id > 1 THEN 'a' ELSE 'bcd' END FROM tasks",
        "VARCHAR(3) NOT NULL",
    ),
    (
        "SELECT CASE WHEN id > 1 THEN 'a' END FROM tasks",
        "VARCHAR(1)",
    ),
    (
        "SELECT CASE status WHEN 'done' THEN 1 ELSE 0 END FROM tasks",
        "INTEGER NOT NULL",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN total ELSE 0 END FROM bills",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN paid ELSE 1.5 END FROM bills",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN NULL ELSE due_at END FROM bills",
        "DATE",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN due_at ELSE created_at END FROM bills",
        "TIMESTAMP",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN due_at ELSE '2026-01-01' END FROM bills",
        "DATE",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN due_at ELSE 'never' END FROM bills",
        "VARCHAR(10)",
    ),
    (
        "SELECT CASE WHEN total > 0 THEN 1 ELSE 'x' END FROM bills",
        "VARCHAR(11) NOT NULL",
    ),
    (
        "SELECT CASE WHEN billable THEN rate ELSE 1e0 END FROM matters",
        "DOUBLE",
    ),
    (
        "SELECT CASE due_at WHEN '2026-01-01' THEN TRUE ELSE FALSE END FROM bills",
        "BOOLEAN NOT NULL",
    ),
    ("SELECT coalesce(minutes, 0) FROM tasks", "INTEGER NOT NULL"),
    (
        "SELECT coalesce(total, 0) FROM bills",
        "DECIMAL(19,4) NOT NULL",
    ),
    ("SELECT coalesce(total, paid) FROM bills", "DECIMAL(19,4)"),
    (
        "SELECT coalesce(due_at, issued_at, CURRENT_DATE) FROM bills",
        "DATE NOT NULL",
    ),
    (
        "SELECT coalesce(billable, 0), coalesce(billable, 2) FROM matters",
        "BOOLEAN NOT NULL, INTEGER NOT NULL",
    ),
    ("SELECT coalesce(name, '?') FROM tasks", "VARCHAR NOT NULL"),
    (
        "SELECT ifnull(minutes, 3000000000) FROM tasks",
        "BIGINT NOT NULL",
    ),
    ("SELECT nullif(total, 0) FROM bills", "DECIMAL(19,4)"),
    ("SELECT nullif(due_at, '2026-01-01') FROM bills", "DATE"),
    ("SELECT iif(total > 0, 1, 2) FROM bills", "INTEGER NOT NULL"),
    (
        "SELECT iif(total > 0, total, minutes) FROM activities",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT max(total, paid), min(1, 2.5) FROM bills",
        "DECIMAL(19,4), DECIMAL(11,1) NOT NULL",
    ),
    // CAST.
    (
        "SELECT CAST(id AS VARCHAR(20)) FROM tasks",
        "VARCHAR(20) NOT NULL",
    ),
    ("SELECT CAST(id AS TEXT) FROM tasks", "VARCHAR NOT NULL"),
    ("SELECT CAST('7' AS INTEGER)", "INTEGER NOT NULL"),
    ("SELECT CAST(total AS BIGINT) FROM bills", "BIGINT"),
    (
        "SELECT CAST(minutes AS DECIMAL(10,2)) FROM tasks",
        "DECIMAL(10,2)",
    ),
    (
        "SELECT CAST(minutes AS DECIMAL) FROM tasks",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT CAST(minutes AS DOUBLE PRECISION) FROM tasks",
        "DOUBLE",
    ),
    (
        "SELECT CAST(created_at AS DATE) FROM tasks JOIN bills USING (id)",
        "DATE",
    ),
    ("SELECT CAST(due_at AS TIMESTAMP) FROM tasks", "TIMESTAMP"),
    ("SELECT CAST('2026-06-30' AS DATE)", "DATE NOT NULL"),
    ("SELECT CAST(1 AS BOOLEAN)", "BOOLEAN NOT NULL"),
    ("SELECT CAST(name AS BLOB) FROM tasks", "VARBINARY"),
    // Aggregates.
    ("SELECT count(*) FROM matters", "BIGINT NOT NULL"),
    (
        "SELECT count(close_date), count(DISTINCT client_id) FROM matters",
        "BIGINT NOT NULL, BIGINT NOT NULL",
    ),
    (
        "SELECT sum(total), avg(total), total(total) FROM bills",
        "DECIMAL(38,4), DECIMAL(38,6), DECIMAL(38,4) NOT NULL",
    ),
    (
        "SELECT sum(minutes), avg(minutes), total(minutes) FROM tasks",
        "BIGINT, DOUBLE, DOUBLE NOT NULL",
    ),
    ("SELECT sum(score) FROM activities", "DOUBLE"),
    ("SELECT sum(total - paid) FROM bills", "DECIMAL(38,4)"),
    (
        "SELECT sum(quantity * price) FROM activities",
        "DECIMAL(38,6)",
    ),
    ("SELECT sum(total) - sum(paid) FROM bills", "DECIMAL(38,4)"),
    (
        "SELECT sum(CASE WHEN billed THEN total ELSE 0 END) FROM activities",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT sum(CASE WHEN billed THEN 1 ELSE 0 END) FROM activities",
        "BIGINT",
    ),
    (
        "SELECT sum(total) FILTER (WHERE billed) FROM activities",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT min(due_at), max(created_at) FROM bills",
        "DATE, TIMESTAMP",
    ),
    ("SELECT max(id) FROM bills", "BIGINT"),
    ("SELECT group_concat(name, ', ') FROM tasks", "VARCHAR"),
    (
        "SELECT status, count(*) FROM tasks GROUP BY status HAVING count(*) > 1 ORDER BY 2 DESC",
        "VARCHAR, BIGINT NOT NULL",
    ),
    (
        "SELECT strftime('%Y', due_at) y, sum(total) FROM bills GROUP BY y ORDER BY y",
        "VARCHAR, DECIMAL(38,4)",
    ),
    (
        "SELECT round(total, 2), round(total), round(total / 3, 2) FROM bills",
        "DECIMAL(17,2), DECIMAL(15,0), DECIMAL(34,2)",
    ),
    ("SELECT round(score, 1) FROM activities", "DOUBLE"),
    (
        "SELECT abs(total), abs(minutes) FROM activities",
        "DECIMAL(19,4), INTEGER",
    ),
    // Window functions.
    (
        "SELECT row_number() OVER (ORDER BY id) FROM bills",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT rank() OVER w, dense_rank() OVER w FROM bills WINDOW w AS (PARTITION BY state ORDER BY total)",
        "BIGINT NOT NULL, BIGINT NOT NULL",
    ),
    (
        "SELECT sum(total) OVER (PARTITION BY matter_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM bills",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT avg(total) OVER (ORDER BY id ROWS 2 PRECEDING EXCLUDE TIES) FROM bills",
        "DECIMAL(38,6)",
    ),
    (
        "SELECT total(total) OVER () FROM bills",
        "DECIMAL(38,4) NOT NULL",
    ),
    (
        "SELECT lag(total) OVER (ORDER BY id), lead(id, 1, 0) OVER (ORDER BY id) FROM bills",
        "DECIMAL(19,4), BIGINT NOT NULL",
    ),
    (
        "SELECT lag(total, 1, 0) OVER (ORDER BY id) FROM bills",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT first_value(due_at) OVER (ORDER BY id), nth_value(id, 2) OVER (ORDER BY id) FROM bills",
        "DATE, BIGINT",
    ),
    (
        "SELECT ntile(4) OVER (ORDER BY id), percent_rank() OVER (ORDER BY id) FROM bills",
        "BIGINT NOT NULL, DOUBLE NOT NULL",
    ),
    (
        "SELECT total - lag(total) OVER (ORDER BY id) FROM bills",
        "DECIMAL(20,4)",
    ),
    (
        "SELECT count(*) FILTER (WHERE total > 0) OVER (PARTITION BY state) FROM bills",
        "BIGINT NOT NULL",
    ),
    // Joins.
    (
        "SELECT m.id, b.id FROM matters m LEFT JOIN bills b ON b.matter_id = m.id",
        "BIGINT NOT NULL, BIGINT",
    ),
    (
        "SELECT m.id, b.id FROM matters m RIGHT JOIN bills b ON b.matter_id = m.id",
        "BIGINT, BIGINT NOT NULL",
    ),
    (
        "SELECT m.id, b.id FROM matters m FULL JOIN bills b ON b.matter_id = m.id",
        "BIGINT, BIGINT",
    ),
    (
        "SELECT m.id, b.id FROM matters m CROSS JOIN bills b",
        "BIGINT NOT NULL, BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters JOIN bills USING (id)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters LEFT JOIN bills USING (id)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters RIGHT JOIN bills USING (id)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters FULL JOIN bills USING (id)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT m.id, b.id FROM matters m LEFT JOIN bills b USING (id)",
        "BIGINT NOT NULL, BIGINT",
    ),
    (
        "SELECT * FROM (SELECT id, name FROM tasks) JOIN (SELECT id, total FROM bills) USING (id)",
        "BIGINT NOT NULL, VARCHAR, DECIMAL(19,4)",
    ),
    (
        "SELECT * FROM (SELECT id, name FROM tasks) NATURAL JOIN (SELECT id, total FROM bills)",
        "BIGINT NOT NULL, VARCHAR, DECIMAL(19,4)",
    ),
    (
        "SELECT * FROM (SELECT id, name FROM tasks) NATURAL LEFT JOIN (SELECT id, total FROM bills)",
        "BIGINT NOT NULL, VARCHAR, DECIMAL(19,4)",
    ),
    (
        "SELECT c.name, m.id, b.total FROM contacts c JOIN matters m ON m.client_id = c.id LEFT JOIN bills b ON b.matter_id = m.id",
        "VARCHAR, BIGINT NOT NULL, DECIMAL(19,4)",
    ),
    (
        "SELECT b.id FROM matters m LEFT JOIN (bills b JOIN tasks t ON t.id = b.id) ON b.matter_id = m.id",
        "BIGINT",
    ),
    (
        "SELECT x.id FROM (matters m JOIN bills b ON b.matter_id = m.id) AS x",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT m.id, j.value FROM matters m, json_each(m.tags) j",
        "BIGINT NOT NULL, VARCHAR",
    ),
    (
        "SELECT j.\"key\", j.type FROM json_each('[1]') AS j",
        "VARCHAR, VARCHAR(7) NOT NULL",
    ),
    // Subqueries.
    ("SELECT (SELECT max(total) FROM bills)", "DECIMAL(19,4)"),
    (
        "SELECT (SELECT count(*) FROM bills b WHERE b.matter_id = m.id) FROM matters m",
        "BIGINT",
    ),
    (
        "SELECT (SELECT sum(total) FROM bills WHERE matter_id = m.id) - rate FROM matters m",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT s FROM (SELECT sum(total) AS s FROM bills)",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT * FROM (SELECT count(*) FROM bills)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT \"count(*)\" FROM (SELECT count(*) FROM bills)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT * FROM (SELECT id, id FROM bills)",
        "BIGINT NOT NULL, BIGINT NOT NULL",
    ),
    (
        "SELECT a.d FROM (SELECT b.d FROM (SELECT due_at AS d FROM bills) AS b) AS a",
        "DATE",
    ),
    (
        "SELECT id FROM matters WHERE id IN (SELECT matter_id FROM bills WHERE total > (SELECT avg(total) FROM bills))",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters m WHERE EXISTS (SELECT 1 FROM bills WHERE matter_id = m.id AND due_at < m.close_date)",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT total + total FROM (SELECT total FROM bills LIMIT 3)",
        "DECIMAL(20,4)",
    ),
    (
        "WITH tasks AS (SELECT due_at AS d FROM bills) SELECT main.tasks.due_at, total - total, d \
         FROM main.tasks, bills b, tasks x LIMIT 2, 3",
        "DATE, DECIMAL(20,4), DATE",
    ),
    (
        "SELECT total * 2 FROM (SELECT total FROM bills LIMIT 2, 3) LIMIT 4 OFFSET 1",
        "DECIMAL(29,4)",
    ),
    ("SELECT 'é' || name /* a, b */ FROM tasks", "VARCHAR(4001)"),
    // Compounds.
    (
        "SELECT id FROM matters UNION SELECT id FROM bills",
        "BIGINT NOT NULL",
    ),
    (
        "SELECT id FROM matters UNION ALL SELECT matter_id FROM bills",
        "BIGINT",
    ),
    (
        "SELECT id FROM matters INTERSECT SELECT total FROM bills",
        "DECIMAL(23,4)",
    ),
    (
        "SELECT minutes FROM tasks EXCEPT SELECT id FROM bills",
        "BIGINT",
    ),
    (
        "SELECT due_at FROM tasks UNION SELECT created_at FROM bills ORDER BY 1",
        "TIMESTAMP",
    ),
    (
        "SELECT NULL UNION ALL SELECT total FROM bills",
        "DECIMAL(19,4)",
    ),
    (
        "SELECT 'a' UNION SELECT 'bcd' UNION SELECT name FROM tasks ORDER BY 1 LIMIT 3",
        "VARCHAR",
    ),
    (
        "SELECT id, 'matter' FROM matters UNION ALL SELECT id, 'bill' FROM bills",
        "BIGINT NOT NULL, VARCHAR(6) NOT NULL",
    ),
    ("SELECT 1 UNION SELECT 'x'", "VARCHAR(11) NOT NULL"),
    (
        "SELECT id AS n FROM matters UNION SELECT id FROM bills ORDER BY n DESC NULLS LAST",
        "BIGINT NOT NULL",
    ),
    (
        "VALUES (1, 'a'), (2.5, NULL)",
        "DECIMAL(11,1) NOT NULL, VARCHAR(1)",
    ),
    (
        "SELECT column1 + 1 FROM (VALUES (1), (2))",
        "BIGINT NOT NULL",
    ),
    // Common table expressions.
    (
        "WITH t AS (SELECT id, total FROM bills) SELECT * FROM t",
        "BIGINT NOT NULL, DECIMAL(19,4)",
    ),
    (
        "WITH t(a, b) AS (SELECT id, total FROM bills) SELECT b, a FROM t",
        "DECIMAL(19,4), BIGINT NOT NULL",
    ),
    (
        "WITH a AS (SELECT id FROM bills), b AS (SELECT id FROM a) SELECT b.id FROM b JOIN a USING (id)",
        "BIGINT NOT NULL",
    ),
    (
        "WITH b AS (SELECT id FROM a), a AS (SELECT id FROM bills) SELECT id FROM b",
        "BIGINT NOT NULL",
    ),
    (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
        "BIGINT NOT NULL",
    ),
    (
        "WITH RECURSIVE n(i) AS (VALUES (1.5) UNION ALL SELECT i + 1 FROM n LIMIT 9) SELECT i FROM n",
        "DECIMAL(38,1) NOT NULL",
    ),
    (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i * 1.5 FROM n WHERE i < 30) SELECT i FROM n",
        "DOUBLE NOT NULL",
    ),
    (
        "WITH RECURSIVE d(day) AS (SELECT CAST('2026-01-01' AS DATE) UNION ALL SELECT day + 1 FROM d WHERE day < '2026-01-31') SELECT day FROM d",
        "DATE NOT NULL",
    ),
    (
        "WITH RECURSIVE p(path) AS (SELECT 'a' UNION ALL SELECT path || 'b' FROM p LIMIT 4) SELECT path FROM p",
        "VARCHAR NOT NULL",
    ),
    (
        "WITH x AS MATERIALIZED (SELECT sum(total) s FROM bills), y AS NOT MATERIALIZED (SELECT s FROM x) SELECT s FROM y",
        "DECIMAL(38,4)",
    ),
    (
        "SELECT (WITH t AS (SELECT 1 AS one) SELECT one FROM t)",
        "INTEGER",
    ),
    // ORDER BY, LIMIT.
    (
        "SELECT total * 2 AS twice FROM bills ORDER BY twice DESC LIMIT 5 OFFSET 2",
        "DECIMAL(29,4)",
    ),
    (
        "SELECT name AS n FROM tasks WHERE n = 'x' ORDER BY lower(n), 1 LIMIT 2, 3",
        "VARCHAR",
    ),
    (
        "SELECT DISTINCT state FROM bills ORDER BY state COLLATE NOCASE",
        "VARCHAR",
    ),
    // Functions of ours and of SQLite.
    (
        "SELECT year(due_at), date(created_at), datetime(created_at) FROM bills",
        "INTEGER, DATE, TIMESTAMP",
    ),
    (
        "SELECT tags ->> '$.a', tags -> '$.b' FROM matters",
        "VARCHAR, VARCHAR",
    ),
    (
        "SELECT typeof(id), length(name) FROM tasks",
        "VARCHAR NOT NULL, INTEGER",
    ),
];

fn types(sql: &str) -> String {
    let text = |column: &crate::ResultColumn| {
        let not_null = if column.nullable { "" } else { " NOT NULL" };
        format!("{}{not_null}", type_text(column.sql_type))
    };
    let columns: Vec<String> = analyzed(sql).columns.iter().map(text).collect();
    columns.join(", ")
}

#[test]
fn columns_have_the_expected_types() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter(|(sql, expected)| types(sql) != *expected)
        .map(|(sql, expected)| format!("{sql}\n  expected {expected}\n  found    {}", types(sql)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(CASES.len() >= 150);
}

#[test]
fn columns_have_the_names_that_sqlite_gives_them() {
    let database = database();
    for (sql, _) in CASES {
        let ours: Vec<String> = analyzed(sql).columns.into_iter().map(|c| c.name).collect();
        // What SQLite itself does not accept is accepted by its rewritten form only.
        let statement = database
            .prepare(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let theirs: Vec<String> = statement.column_names().map(str::to_owned).collect();
        assert_eq!(ours, theirs, "{sql}");
    }
}

#[test]
fn rewritten_statements_prepare_with_the_same_columns() {
    let database = database();
    for (sql, _) in CASES {
        let analysis = analyzed(sql);
        let statement = database
            .prepare(&analysis.sql)
            .unwrap_or_else(|error| panic!("{sql}\n{}\n{error}", analysis.sql));
        let names: Vec<String> = analysis.columns.into_iter().map(|c| c.name).collect();
        let theirs: Vec<&str> = statement.column_names().collect();
        assert_eq!(names, theirs, "{sql}\n{}", analysis.sql);
    }
}

#[test]
fn parameters_take_the_type_of_their_place() {
    const CASES: &[(&str, &str)] = &[
        ("SELECT 1 FROM bills WHERE id = ?", "BIGINT"),
        ("SELECT 1 FROM bills WHERE ? < total", "DECIMAL(19,4)"),
        (
            "SELECT 1 FROM bills WHERE due_at BETWEEN ? AND ?",
            "DATE, DATE",
        ),
        (
            "SELECT 1 FROM bills WHERE created_at >= :from AND created_at < :to",
            ":from TIMESTAMP, :to TIMESTAMP",
        ),
        (
            "SELECT 1 FROM bills WHERE state IN (?, ?) OR state LIKE ?",
            "VARCHAR, VARCHAR, VARCHAR",
        ),
        (
            "SELECT 1 FROM bills WHERE ? IN (SELECT id FROM matters)",
            "BIGINT",
        ),
        ("SELECT 1 FROM bills LIMIT ? OFFSET ?", "BIGINT, BIGINT"),
        ("SELECT ?", "VARCHAR"),
        ("SELECT total + ? FROM bills", "DECIMAL(19,4)"),
        ("SELECT due_at + ? FROM bills", "INTEGER"),
        ("SELECT coalesce(due_at, ?) FROM bills", "DATE"),
        (
            "SELECT CASE WHEN id = ?2 THEN ?1 ELSE total END FROM bills",
            "DECIMAL(19,4), BIGINT",
        ),
        (
            "SELECT 1 FROM matters WHERE billable = @b AND client_name = @n AND billable = @b",
            "@b BOOLEAN, @n VARCHAR",
        ),
        (
            "SELECT 1 FROM bills WHERE ?3 = id",
            "VARCHAR, VARCHAR, BIGINT",
        ),
        (
            "SELECT 1 FROM bills WHERE (id, due_at) = (?, ?)",
            "BIGINT, DATE",
        ),
        ("SELECT CAST(? AS DATE)", "DATE"),
        ("SELECT name || ? FROM tasks", "VARCHAR"),
        (
            "SELECT 1 FROM bills WHERE ? BETWEEN issued_at AND due_at",
            "DATE",
        ),
        ("SELECT CASE due_at WHEN ? THEN 1 END FROM bills", "DATE"),
        ("SELECT 1 FROM matters WHERE ? AND billable", "BOOLEAN"),
        ("SELECT total FROM bills UNION SELECT ?", "DECIMAL(19,4)"),
    ];
    let database = database();
    for (sql, expected) in CASES {
        let analysis = analyzed(sql);
        let texts: Vec<String> = analysis
            .parameters
            .iter()
            .map(|parameter| {
                let name = parameter
                    .name
                    .as_ref()
                    .map_or(String::new(), |name| format!("{name} "));
                format!("{name}{}", type_text(parameter.sql_type))
            })
            .collect();
        assert_eq!(texts.join(", "), *expected, "{sql}");
        let statement = database.prepare(&analysis.sql).unwrap();
        assert_eq!(
            statement.parameter_count(),
            analysis.parameters.len(),
            "{}",
            analysis.sql
        );
        let original = database.prepare(sql).unwrap();
        for (at, parameter) in analysis.parameters.iter().enumerate() {
            let name = original
                .parameter_name(at + 1)
                .filter(|name| !name.starts_with('?'));
            assert_eq!(name, parameter.name.as_deref(), "{sql}");
        }
    }
}

#[test]
fn origins_go_through_subqueries_but_not_through_expressions() {
    let origin = |sql: &str| {
        let column = analyzed(sql).columns.remove(0);
        column
            .origin
            .map_or(String::new(), |(table, column)| format!("{table}.{column}"))
    };
    for (sql, expected) in [
        ("SELECT ID FROM Matters m", "matters.id"),
        (
            "SELECT x AS y FROM (SELECT total AS x FROM bills)",
            "bills.total",
        ),
        (
            "WITH t(a) AS (SELECT total FROM bills) SELECT a FROM t",
            "bills.total",
        ),
        ("SELECT * FROM bills LEFT JOIN tasks USING (id)", "bills.id"),
        (
            "SELECT id FROM bills UNION SELECT id FROM bills",
            "bills.id",
        ),
        ("SELECT id FROM bills UNION SELECT id FROM tasks", ""),
        ("SELECT total + 0 FROM bills", ""),
        ("SELECT max(total) FROM bills", ""),
        ("SELECT id FROM bills FULL JOIN tasks USING (id)", ""),
    ] {
        assert_eq!(origin(sql), expected, "{sql}");
    }
}

#[test]
fn the_tables_of_a_statement_are_listed_once() {
    let analysis = analyzed(
        "WITH t AS (SELECT * FROM Bills) SELECT * FROM t JOIN bills b USING (id) \
         WHERE EXISTS (SELECT 1 FROM matters)",
    );
    assert_eq!(analysis.tables, ["bills", "matters"]);
}
