//! Statements that are wrong: what is said, and where.

use super::{Failure, analyze, catalog, problem, shape};

/// A statement, the SQLSTATE, a part of the message, and the text at the place of the error.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "SELECT 1 FROM mater",
        "42S02",
        "There is no table mater. Did you mean matters",
        "mater",
    ),
    (
        "SELECT 1 FROM main.\"Mater\"",
        "42S02",
        "no table Mater",
        "\"Mater\"",
    ),
    (
        "SELECT statsu FROM matters",
        "42S22",
        "no column statsu in matters. Did you mean status",
        "statsu",
    ),
    (
        "SELECT m.nam FROM matters m, tasks t WHERE t.name = 'm'",
        "42S22",
        "no column nam in m.",
        "m.nam",
    ),
    (
        "SELECT x.id FROM matters m",
        "42S02",
        "FROM has no table x",
        "x.id",
    ),
    (
        "SELECT client.name FROM matters m",
        "42S02",
        "FROM has no table client, which client.name asks for. Did you mean client_name?",
        "client.name",
    ),
    (
        "SELECT x.* FROM matters m",
        "42S02",
        "FROM has no table x",
        "x.*",
    ),
    (
        "SELECT matters.id FROM matters m",
        "42S02",
        "FROM has no table matters, which matters.id asks for. Did you mean m.id?",
        "matters.id",
    ),
    (
        "SELECT id FROM matters, bills",
        "42000",
        "The column id is ambiguous: it can be matters.id or bills.id",
        "id",
    ),
    (
        "SELECT \"Open\" FROM matters",
        "42S22",
        "A text is written in single quotes: 'Open'",
        "\"Open\"",
    ),
    (
        "SELECT 1 FROM matters WHERE status = \"Open\"",
        "42S22",
        "'Open'",
        "\"Open\"",
    ),
    (
        "SELECT id FROM matters JOIN bills USING (client)",
        "42S22",
        "no column client",
        "client",
    ),
    (
        "SELECT lenght(name) FROM tasks",
        "42000",
        "no function lenght. Did you mean length",
        "lenght(",
    ),
    (
        "SELECT Nosuch(name) FROM tasks",
        "42000",
        "There is no function Nosuch.",
        "Nosuch(",
    ),
    (
        "SELECT (SELECT id FROM nowhere) FROM tasks",
        "42S02",
        "no table nowhere",
        "nowhere",
    ),
    (
        "WITH t AS (SELECT nix FROM bills) SELECT 1",
        "42S22",
        "no column nix",
        "nix",
    ),
    (
        "SELECT id FROM bills ORDER BY 2",
        "42000",
        "There is no column 2: the result has 1",
        "2",
    ),
    (
        "SELECT id FROM bills GROUP BY 0",
        "42000",
        "There is no column 0",
        "0",
    ),
    (
        "SELECT id, total FROM bills UNION SELECT id FROM bills",
        "42000",
        "same number of columns: 2 and 1",
        "SELECT",
    ),
    (
        "SELECT 1 FROM bills WHERE id IN (SELECT id, total FROM bills)",
        "42000",
        "2 columns",
        "SELECT",
    ),
    (
        "SELECT 1 FROM bills WHERE id = 'abc'",
        "22018",
        "The column id is BIGINT, and 'abc' is no number.",
        "'abc'",
    ),
    (
        "SELECT 1 FROM bills b WHERE b.total IN (1, '', '2')",
        "22018",
        "The column b.total is DECIMAL, and '' is no number.",
        "''",
    ),
    (
        "SELECT 1 FROM bills WHERE 'x' < count(*)",
        "22018",
        "count(*) is BIGINT, and 'x' is no number.",
        "'x'",
    ),
    (
        "SELECT 1 FROM bills WHERE (total > 1) = 'maybe'",
        "22018",
        "is BOOLEAN, and 'maybe' is neither 'true' nor 'false'.",
        "'maybe'",
    ),
    (
        "SELECT SUM(state) FROM bills",
        "42000",
        "SUM needs numbers, and state is text. Where the texts hold numbers, write \
         SUM(CAST(state AS DECIMAL(19,4))).",
        "SUM(state",
    ),
    (
        "SELECT avg('x') FROM bills",
        "42000",
        "AVG needs numbers, and 'x' is text.",
        "avg('x'",
    ),
    (
        "SELECT COUNTT(*) FROM bills",
        "42000",
        "There is no function COUNTT. Did you mean count",
        "COUNTT(",
    ),
    (
        "SELECT id FROM bills LIMIT 'x'",
        "42000",
        "LIMIT and OFFSET take a whole number, which 'x' is not.",
        "LIMIT 'x'",
    ),
    (
        "SELECT id FROM bills LIMIT 5 OFFSET 1.5",
        "42000",
        "LIMIT and OFFSET take a whole number, which 1.5 is not.",
        "OFFSET 1.5",
    ),
    (
        "SELECT id FROM bills WHERE state LIKE 'a' ESCAPE 'ab'",
        "42000",
        "ESCAPE takes one character",
        "ESCAPE 'ab'",
    ),
    (
        "SELECT id FROM bills b, bills b",
        "42000",
        "The column id is ambiguous: FROM has several tables of the name b.",
        "id",
    ),
    (
        "SELECT b.id FROM bills b, bills b",
        "42000",
        "b.id is ambiguous: FROM has several tables of the name b.",
        "b.id",
    ),
    (
        "SELECT id",
        "42S22",
        "There is no column id in this place, where no FROM names a table.",
        "id",
    ),
    (
        "SELECT 1 FROM bills WHERE (1, 2) = (1, 2, 3)",
        "42000",
        "Row values of 2 and 3",
        "",
    ),
    (
        "WITH t(a, b) AS (SELECT 1) SELECT a FROM t",
        "42000",
        "t names 2 columns, but its query has 1",
        "t(",
    ),
    ("VALUES (1), (1, 2)", "42000", "same length", "VALUES"),
    (
        "SELECT due_at * 2 FROM bills",
        "42000",
        "DATE * INTEGER has no meaning",
        "due_at * 2",
    ),
    (
        "SELECT due_at + issued_at FROM bills",
        "42000",
        "DATE + DATE has no meaning",
        "due_at + issued_at",
    ),
    (
        "SELECT total * 2, (total * 2) * due_at FROM bills",
        "42000",
        "DECIMAL * DATE has no meaning",
        "* due_at",
    ),
    (
        "SELECT -due_at, - total FROM bills",
        "42000",
        "A minus before a DATE has no meaning",
        "-due_at",
    ),
    (
        "SELECT CAST(due_at AS TIMESTAMP) * 2 FROM bills",
        "42000",
        "TIMESTAMP * INTEGER has no meaning",
        "* 2",
    ),
    (
        "SELECT 1 FROM bills WHERE 2026 <= due_at",
        "42000",
        "DATE and INTEGER cannot be compared",
        "2026 <= due_at",
    ),
    (
        "SELECT 1 FROM bills WHERE due_at IN (2026, 2027)",
        "42000",
        "DATE and INTEGER cannot be compared",
        "due_at IN (2026",
    ),
    (
        "SELECT CAST(minutes AS DATE) FROM tasks",
        "42000",
        "The type INTEGER cannot be cast to DATE",
        "CAST(minutes AS",
    ),
    (
        "SELECT 1 FROM bills WHERE due_at > 2026",
        "42000",
        "DATE and INTEGER cannot be compared",
        "due_at > 2026",
    ),
    (
        "SELECT number + ' of ' + state FROM bills",
        "42000",
        "+ adds numbers. Texts are joined by || or CONCAT",
        "' of '",
    ),
    (
        "SELECT number + state FROM bills",
        "42000",
        "+ adds numbers",
        "",
    ),
    ("SELECT CAST(1 AS FOO)", "42000", "There is no type FOO", ""),
    ("SELECT *", "42000", "SELECT * needs a FROM", "SELECT"),
    ("INSERT INTO bills VALUES (1)", "HYC00", "Only SELECT", ""),
    ("DROP TABLE bills", "HYC00", "Only SELECT", ""),
    ("PRAGMA user_version", "HYC00", "Only SELECT", ""),
    ("", "42000", "The statement is empty", ""),
    (" -- nothing\n", "42000", "The statement is empty", ""),
    (
        "SELECT 1; SELECT 2",
        "42000",
        "Only one statement",
        "SELECT",
    ),
    (
        "SELECT ?99999",
        "42000",
        "not between 1 and 32766",
        "?99999",
    ),
];

#[test]
fn errors_name_what_is_wrong_and_where() {
    for (sql, state, part, at) in CASES {
        let problem = problem(sql);
        assert_eq!(
            problem.sqlstate.as_str(),
            *state,
            "{sql}: {}",
            problem.message
        );
        assert!(problem.message.contains(part), "{sql}: {}", problem.message);
        let found = problem.place.and_then(|place| sql.get(place)).unwrap_or("");
        assert_eq!(found, *at, "{sql}");
    }
}

#[test]
fn a_name_is_shown_where_it_is_what_is_wrong() {
    for (sql, before) in [
        ("SELECT mater.id FROM mater", "SELECT mater.id FROM "),
        ("SELECT 1 AS nix, nix FROM bills", "SELECT 1 AS nix, "),
        (
            "SELECT id FROM bills nix WHERE nix > 1",
            "SELECT id FROM bills nix WHERE ",
        ),
        (
            "WITH c AS (SELECT 1) SELECT d.x FROM c, d",
            "WITH c AS (SELECT 1) SELECT d.x FROM c, ",
        ),
    ] {
        let place = problem(sql).place.unwrap();
        assert_eq!(sql.get(..place.start), Some(before));
    }
}

#[test]
fn wrong_syntax_says_what_stands_where() {
    for (sql, part, line, column) in [
        ("SELEC 1", "'SELEC' cannot stand here", 1, 1),
        (
            "SELECT id FORM matters",
            "'matters' cannot stand here",
            1,
            16,
        ),
        (
            "SELECT id\nFROM matters\n  WHRE id = 1",
            "'id' cannot stand here",
            3,
            8,
        ),
        ("SELECT (1", "ends where ',' or ')' is", 1, 10),
        ("SELECT 'abc", "A quote is opened and never closed", 1, 8),
        ("SELECT [abc", "A square bracket is opened", 1, 8),
        ("SELECT 1 /* x", "A comment is opened", 1, 10),
        ("SELECT x'0", "", 1, 8),
        (
            "SELECT :matter_id, ? ? FROM bills",
            "cannot stand here",
            1,
            22,
        ),
        ("SELECT 1 FROM bills b JOIN", "ends where a table is", 1, 27),
        ("SELECT é§ FROM", "ends where a table is", 1, 15),
    ] {
        let message = problem(sql).into_diagnostic(sql).message;
        assert!(message.contains(part), "{sql}: {message}");
        let place = format!("Line {line}, column {column}: ");
        assert!(message.starts_with(&place), "{sql}: {message}");
    }
}

#[test]
fn custom_fields_are_asked_for_only_where_they_can_matter() {
    let mut catalog = catalog();
    let mut table = shape("matters", "id BIGINT, status TEXT, client_id BIGINT");
    table.custom_fields_unknown = true;
    catalog.add(table);
    let asks = |sql: &str| match analyze(sql, &catalog) {
        Ok(_) => false,
        Err(Failure::NeedsCustomFields { table }) => table == "matters",
        Err(Failure::Wrong(problem)) => panic!("{sql}: {problem:?}"),
    };
    for sql in [
        "SELECT * FROM matters",
        "SELECT m.* FROM bills b JOIN matters m ON m.id = b.matter_id",
        "SELECT \"Court\" FROM matters",
        "SELECT m.court FROM matters m",
        "SELECT id FROM bills WHERE EXISTS (SELECT 1 FROM matters m WHERE m.court = 'x')",
        "SELECT 1 FROM matters NATURAL JOIN bills",
        "SELECT 1 FROM matters JOIN tasks USING (priority)",
        "WITH t AS (SELECT * FROM matters) SELECT id FROM t",
    ] {
        assert!(asks(sql), "{sql}");
    }
    for sql in [
        "SELECT id, status FROM matters",
        "SELECT count(*) FROM matters",
        "SELECT b.* FROM bills b JOIN matters m ON m.id = b.matter_id",
        "SELECT t.rowid FROM matters t WHERE true",
    ] {
        assert!(!asks(sql), "{sql}");
    }
}
