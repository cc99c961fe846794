//! What is rewritten, how, and what stays as it was.

use super::{analyzed, problem};

/// A condition over `matters`, `bills` or `tasks`, and its rewritten form.
const CONDITIONS: &[(&str, &str, &str)] = &[
    // TIMESTAMP beside texts: folded, so that SQLite can hand the value on.
    (
        "matters",
        "created_at >= '2026-01-01'",
        "created_at >= '2026-01-01 00:00:00'",
    ),
    (
        "matters",
        "'2026-01-01' <= created_at",
        "'2026-01-01 00:00:00' <= created_at",
    ),
    (
        "matters",
        "created_at < '2026-01-01T10:30:00+02:00'",
        "created_at < '2026-01-01 08:30:00'",
    ),
    (
        "matters",
        "created_at = '2026-01-01 10:30:00.500Z'",
        "created_at = '2026-01-01 10:30:00.5'",
    ),
    (
        "matters",
        "created_at BETWEEN '2026-01-01' AND '2026-01-31'",
        "created_at BETWEEN '2026-01-01 00:00:00' AND '2026-01-31 00:00:00'",
    ),
    (
        "matters",
        "created_at IN ('2026-01-01', '2026-01-02 03:04')",
        "created_at IN ('2026-01-01 00:00:00', '2026-01-02 03:04:00')",
    ),
    (
        "matters",
        "created_at IS '2026-01-01'",
        "created_at IS '2026-01-01 00:00:00'",
    ),
    (
        "matters",
        "created_at > ?",
        "created_at > apilink_timestamp(?1)",
    ),
    (
        "matters",
        "created_at > client_name",
        "created_at > apilink_timestamp(client_name)",
    ),
    (
        "matters",
        "created_at >= CURRENT_DATE",
        "created_at >= apilink_timestamp(CURRENT_DATE)",
    ),
    (
        "matters",
        "created_at >= CURRENT_DATE - 30",
        "created_at >= apilink_timestamp(date(CURRENT_DATE, -(30) || ' days'))",
    ),
    (
        "matters",
        "created_at >= open_date",
        "created_at >= apilink_timestamp(open_date)",
    ),
    (
        "matters",
        "open_date <= created_at",
        "apilink_timestamp(open_date) <= created_at",
    ),
    // DATE beside texts.
    (
        "matters",
        "open_date >= '2026-01-01'",
        "open_date >= '2026-01-01'",
    ),
    (
        "matters",
        "open_date >= '20260101'",
        "open_date >= '2026-01-01'",
    ),
    (
        "matters",
        "open_date = '2026-01-01 00:00:00'",
        "open_date = '2026-01-01'",
    ),
    (
        "matters",
        "open_date <= '2026-01-01 12:00'",
        "open_date <= '2026-01-01'",
    ),
    (
        "matters",
        "open_date > '2026-01-01 12:00'",
        "open_date > '2026-01-01'",
    ),
    (
        "matters",
        "open_date < '2026-01-01 12:00'",
        "open_date < '2026-01-02'",
    ),
    (
        "matters",
        "open_date >= '2026-01-01 12:00'",
        "open_date >= '2026-01-02'",
    ),
    (
        "matters",
        "open_date = '2026-01-01 12:00'",
        "apilink_timestamp(open_date) = '2026-01-01 12:00:00'",
    ),
    (
        "matters",
        "open_date <= CURRENT_TIMESTAMP",
        "open_date <= date(CURRENT_TIMESTAMP)",
    ),
    (
        "matters",
        "open_date < CURRENT_TIMESTAMP",
        "apilink_timestamp(open_date) < CURRENT_TIMESTAMP",
    ),
    ("matters", "open_date = ?", "open_date = apilink_date(?1)"),
    (
        "matters",
        "CASE open_date WHEN '20260101' THEN 1 ELSE 0 END = 1",
        "CASE open_date WHEN '2026-01-01' THEN 1 ELSE 0 END = 1",
    ),
    (
        "matters",
        "open_date BETWEEN '2026-01-01' AND CURRENT_TIMESTAMP",
        "open_date BETWEEN '2026-01-01' AND date(CURRENT_TIMESTAMP)",
    ),
    (
        "matters",
        "open_date IN (created_at, '2026-01-01')",
        "apilink_timestamp(open_date) IN (created_at, '2026-01-01 00:00:00')",
    ),
    (
        "matters",
        "(id, open_date) = (1, '20260101')",
        "(id, open_date) = (1, '2026-01-01')",
    ),
    (
        "matters",
        "open_date IN (SELECT created_at FROM bills)",
        "apilink_timestamp(open_date) IN (SELECT created_at FROM bills)",
    ),
    (
        "matters",
        "created_at IN (SELECT due_at FROM bills)",
        "created_at IN (SELECT apilink_timestamp(due_at) AS \"due_at\" FROM bills)",
    ),
    // Truth values and numbers beside texts.
    ("matters", "billable = 'true'", "billable = 1"),
    ("matters", "billable <> 'FALSE'", "billable <> 0"),
    ("matters", "id = '7'", "id = 7"),
    ("matters", "id IN ('7', ' 8 ')", "id IN (7, 8)"),
    ("bills", "total > '10.5'", "total > 10.5"),
    (
        "matters",
        "upper(status) = 5",
        "upper(status) = CAST(5 AS TEXT)",
    ),
    // Money.
    (
        "bills",
        "total - paid = balance",
        "apilink_decimal(total - paid, 4) = balance",
    ),
    (
        "bills",
        "total - paid - balance = 0",
        "apilink_decimal(apilink_decimal(total - paid, 4) - balance, 4) = 0",
    ),
    (
        "bills",
        "(total - paid) * 2 > 1",
        "apilink_decimal(apilink_decimal((total - paid), 4) * 2, 4) > 1",
    ),
    (
        "bills",
        "total * 1.1 + paid > 1",
        "apilink_decimal(apilink_decimal(total * 1.1, 5) + paid, 5) > 1",
    ),
    (
        "bills",
        "-(total - paid) < 0",
        "apilink_decimal(-(total - paid), 4) < 0",
    ),
    (
        "bills",
        "coalesce(total, 0) / 2 > 1",
        "apilink_decimal(coalesce(total, 0.0) / 2, 6) > 1",
    ),
    (
        "bills",
        "CASE WHEN paid > 0 THEN total ELSE 5 END / 2 > 1",
        "apilink_decimal(CASE WHEN paid > 0 THEN total ELSE 5.0 END / 2, 6) > 1",
    ),
    (
        "bills",
        "coalesce(total, matter_id) > 1",
        "coalesce(total, CAST(matter_id AS REAL)) > 1",
    ),
];

#[test]
fn conditions_are_rewritten_where_they_must_be() {
    for (table, condition, expected) in CONDITIONS {
        let analysis = analyzed(&format!("SELECT id FROM {table} WHERE {condition}"));
        let (_, found) = analysis.sql.split_once(" WHERE ").unwrap();
        assert_eq!(found, *expected, "{condition}");
    }
}

#[test]
fn what_needs_no_change_stays_as_it_was() {
    for sql in [
        "SELECT  id -- the key\n FROM matters  WHERE status = 'Open' LIMIT 10, 5",
        "select * from bills where total > 5 and due_at >= '2026-01-01' order by total desc;",
        "SELECT count(*) FROM bills WHERE id = :id AND state = ?",
        "SELECT minutes / 60 FROM tasks",
    ] {
        assert_eq!(analyzed(sql).sql, sql);
    }
}

#[test]
fn the_rest_of_a_rewritten_statement_says_the_same() {
    let cases = [
        (
            "SELECT total - paid FROM bills b JOIN matters m ON b.matter_id = m.id \
             NATURAL LEFT JOIN tasks GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 DESC LIMIT 10, 5;",
            "SELECT apilink_decimal(total - paid, 4) AS \"total - paid\" FROM bills AS b \
             JOIN matters AS m ON b.matter_id = m.id NATURAL LEFT JOIN tasks GROUP BY 1 \
             HAVING count(*) > 1 ORDER BY 1 DESC LIMIT 10, 5",
        ),
        (
            "SELECT * FROM (SELECT sum(total), id FROM bills)",
            "SELECT * FROM (SELECT apilink_sum_decimal(total) AS \"sum(total)\", id FROM bills)",
        ),
        (
            "SELECT id FROM bills UNION ALL SELECT total FROM bills",
            "SELECT CAST(id AS REAL) AS \"id\" FROM bills UNION ALL SELECT total FROM bills",
        ),
        (
            "SELECT * FROM (SELECT id FROM tasks) UNION SELECT total FROM bills",
            "SELECT CAST(\"id\" AS REAL) AS \"id\" FROM (SELECT id FROM tasks) UNION SELECT total FROM bills",
        ),
        (
            "SELECT total(total) OVER (PARTITION BY state ORDER BY id DESC NULLS LAST \
             ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS t FROM bills",
            "SELECT coalesce(apilink_sum_decimal(total) OVER (PARTITION BY state \
             ORDER BY id DESC NULLS LAST ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING \
             EXCLUDE CURRENT ROW), 0.0) AS \"t\" FROM bills",
        ),
        (
            "SELECT sum(total) FILTER (WHERE created_at > $x) FROM bills WHERE id = ? OR id = ?1",
            "SELECT apilink_sum_decimal(total) FILTER (WHERE created_at > apilink_timestamp(?1)) \
             AS \"sum(total) FILTER (WHERE created_at > $x)\" FROM bills WHERE id = ?2 OR id = ?1",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(analyzed(sql).sql, expected);
    }
}

#[test]
fn a_text_that_is_no_date_is_an_error_at_its_place() {
    for (sql, text) in [
        ("SELECT 1 FROM bills WHERE due_at = 'soon'", "'soon'"),
        (
            "SELECT 1 FROM bills WHERE due_at > '2026-02-30'",
            "'2026-02-30'",
        ),
        (
            "SELECT 1 FROM bills WHERE created_at IN ('2026-01-01', 'x')",
            "'x'",
        ),
        (
            "SELECT 1 FROM bills WHERE due_at BETWEEN '2026-01-01' AND ''",
            "''",
        ),
        ("SELECT CAST('30.06.2026' AS DATE)", "'30.06.2026'"),
    ] {
        let problem = problem(sql);
        assert_eq!(problem.sqlstate.as_str(), "22007", "{sql}");
        assert!(problem.message.contains(text), "{}", problem.message);
        let place = problem.place.unwrap();
        assert_eq!(&sql[place], text, "{sql}");
    }
}
