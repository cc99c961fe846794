//! The values that a statement gives are of the types that were declared for it.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::types::CASES;
use super::{TABLES, analyzed, columns, database, type_text};
use crate::ResultColumn;
use crate::functions::decimal::round;
use crate::functions::moment::{Moment, date_text, parse_time, time_text, timestamp_text};
use crate::types::SqlType;

/// Further statements, over values.
const MORE: &[&str] = &[
    "SELECT total / 3 * 3, (total + 0.01) * 2 - price, total * quantity / 7 FROM activities",
    "SELECT sum(total) / count(*), sum(total * 1.1), avg(total) * 2 FROM bills",
    "SELECT m.id, sum(b.total - b.paid) FROM matters m LEFT JOIN bills b ON b.matter_id = m.id GROUP BY m.id",
    "SELECT state, sum(balance), max(due_at), min(created_at) FROM bills GROUP BY state",
    "SELECT due_at + minutes, CURRENT_DATE - due_at, completed_at + 1.5 FROM tasks",
    "SELECT CASE state WHEN 'paid' THEN total WHEN 'void' THEN 0 ELSE id END FROM bills",
    "SELECT due_at FROM tasks UNION ALL SELECT created_at FROM bills UNION ALL SELECT '2026-01-01'",
    "SELECT id FROM tasks UNION ALL SELECT total FROM bills UNION ALL SELECT billable FROM matters",
    "SELECT status FROM tasks UNION SELECT minutes FROM tasks UNION SELECT due_at FROM tasks",
    "SELECT coalesce(total, minutes, 1), coalesce(minutes, total) FROM activities",
    "SELECT max(total, minutes), min(date, created_at) FROM activities",
    "SELECT billable = 'true', billable IN ('false', TRUE), NOT billable FROM matters",
    "SELECT due_at > '2026-03-01', due_at <= created_at, created_at = '2026-03-01' FROM bills",
    "SELECT sum(minutes), avg(minutes), sum(score), total(score) FROM activities",
    "SELECT lag(total, 1, minutes) OVER (ORDER BY id), sum(total) OVER (ORDER BY id) FROM activities",
    "SELECT avg(total) OVER (PARTITION BY type), total - avg(total) OVER () FROM activities",
    "SELECT CAST(total AS VARCHAR(6)), CAST(id AS DECIMAL(9,1)), CAST(total AS DECIMAL(30,0)) FROM bills",
    "SELECT CAST(created_at AS DATE), CAST(due_at AS TIMESTAMP), CAST(created_at AS TIME) FROM bills",
    "SELECT minutes * 1.5, minutes / 2, minutes % 7, minutes / 2.0 FROM tasks",
    "SELECT abs(-total), round(total, 1), round(total), round(total, -2) FROM bills",
    "SELECT -minutes, -score, -total, +due_at FROM activities JOIN tasks USING (id, minutes)",
    "SELECT (SELECT sum(b.total) FROM bills b WHERE b.matter_id = m.id) - m.rate FROM matters m",
    "SELECT iif(billed, total, 0), iif(billed, 1, total) FROM activities",
    "SELECT nullif(total, 0) / 2, nullif(minutes, 0) / 2 FROM activities",
    "SELECT id || ':' || due_at, total || '', billable || 'x' FROM bills JOIN matters USING (id)",
    "SELECT year(due_at), month(created_at), dayname(due_at) FROM bills",
];

/// Rows with NULL in every nullable column of some, and amounts that doubles do not hold.
fn fill(connection: &Connection) {
    for (table, text) in TABLES {
        let columns = columns(text);
        let marks = vec!["?"; columns.len()].join(", ");
        let sql = format!("INSERT INTO {table} VALUES ({marks})");
        for row in 0..40_i64 {
            let values = columns.iter().enumerate().map(|(at, (name, sql_type))| {
                let seed = row * 7 + i64::try_from(at).unwrap() * 13;
                if at > 0 && seed % 11 == 0 {
                    Value::Null
                } else if at == 0 {
                    Value::Integer(row + 1)
                } else {
                    value(name, *sql_type, seed)
                }
            });
            connection
                .execute(&sql, rusqlite::params_from_iter(values))
                .unwrap();
        }
    }
}

fn value(name: &str, sql_type: SqlType, seed: i64) -> Value {
    match sql_type {
        SqlType::Boolean => Value::Integer(seed % 2),
        SqlType::Bigint | SqlType::Integer => Value::Integer(seed % 40),
        SqlType::Decimal { .. } => {
            Value::Real(format!("{}.{:02}", seed * 37, seed % 100).parse().unwrap())
        }
        SqlType::Double => Value::Real(1.0 / f64::from(i32::try_from(seed + 1).unwrap())),
        SqlType::Date => Value::Text(format!("2026-{:02}-{:02}", seed % 12 + 1, seed % 28 + 1)),
        SqlType::Timestamp => Value::Text(format!(
            "2026-{:02}-{:02} {:02}:00:0{}",
            seed % 12 + 1,
            seed % 28 + 1,
            seed % 24,
            if seed % 3 == 0 { "1.25" } else { "0" }
        )),
        _ if name == "tags" => Value::Text(r#"{"a": "x", "b": [1]}"#.to_owned()),
        _ => Value::Text(
            ["paid", "void", "Open", "7"][usize::try_from(seed % 4).unwrap()].to_owned(),
        ),
    }
}

/// Why a value is not one of a column, if it is none.
fn misfit(value: &Value, column: &ResultColumn) -> Option<String> {
    let fits = match (value, column.sql_type) {
        (Value::Null, _) => column.nullable,
        (Value::Integer(number), SqlType::Integer) => i32::try_from(*number).is_ok(),
        (Value::Integer(_), SqlType::Bigint)
        | (Value::Real(_), SqlType::Double)
        | (Value::Blob(_), SqlType::Varbinary) => true,
        (Value::Integer(number), SqlType::Boolean) => (0..=1).contains(number),
        (Value::Real(number), SqlType::Decimal { precision, scale }) => {
            let rounded = round(*number, scale.cast_signed());
            let digits = (precision - scale).cast_signed();
            number.to_bits() == rounded.to_bits() && number.abs() < 10_f64.powi(digits)
        }
        (Value::Text(text), SqlType::Varchar { size }) => text.chars().count() <= size as usize,
        (Value::Text(text), SqlType::Date) => {
            Moment::parse(text)
                .map(|moment| date_text(moment.date))
                .as_ref()
                == Some(text)
        }
        (Value::Text(text), SqlType::Timestamp) => {
            let moment = Moment::parse(text);
            moment
                .map(|moment| timestamp_text(moment.timestamp()))
                .as_ref()
                == Some(text)
        }
        (Value::Text(text), SqlType::Time) => {
            parse_time(text).map(time_text).as_ref() == Some(text)
        }
        _ => false,
    };
    let null = if column.nullable { "" } else { " NOT NULL" };
    let declared = format!("{}{null}", type_text(column.sql_type));
    (!fits).then(|| format!("{value:?} is no {declared} ({})", column.name))
}

#[test]
fn values_are_of_their_declared_types() {
    let database = database();
    fill(&database);
    let statements: Vec<&str> = CASES
        .iter()
        .map(|(sql, _)| *sql)
        .chain(MORE.iter().copied())
        .collect();
    let mut wrong = Vec::new();
    let mut checked = 0;
    for sql in statements {
        // What an array or an object holds has no type of its own.
        if sql.contains("json_each") {
            continue;
        }
        let analysis = analyzed(sql);
        let mut statement = database.prepare(&analysis.sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        'rows: while let Some(row) = rows
            .next()
            .unwrap_or_else(|error| panic!("{sql}\n{}\n{error}", analysis.sql))
        {
            for (at, column) in analysis.columns.iter().enumerate() {
                checked += 1;
                if let Some(misfit) = misfit(&row.get(at).unwrap(), column) {
                    wrong.push(format!("{sql}\n  {}\n  {misfit}", analysis.sql));
                    break 'rows;
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(checked > 5000, "{checked}");
}

#[test]
fn dates_compare_as_dates_whatever_form_the_text_has() {
    let database = database();
    database
        .execute_batch(
            "INSERT INTO bills (id, due_at, created_at) VALUES
               (1, '2026-06-29', '2026-06-29 23:59:59'),
               (2, '2026-06-30', '2026-06-30 00:00:00'),
               (3, '2026-07-01', '2026-06-30 12:00:00.5'),
               (4, NULL, NULL)",
        )
        .unwrap();
    for (condition, expected) in [
        ("due_at = '2026-06-30'", "2"),
        ("due_at = '20260630'", "2"),
        ("due_at = '2026-06-30T00:00:00Z'", "2"),
        ("due_at = '2026-06-30 12:00'", ""),
        ("due_at <> '2026-06-30 12:00'", "1,2,3"),
        ("due_at <= '2026-06-30 12:00'", "1,2"),
        ("due_at < '2026-06-30 12:00'", "1,2"),
        ("due_at >= '2026-06-30 12:00'", "3"),
        ("due_at > '2026-06-30 12:00'", "3"),
        ("created_at = '2026-06-30'", "2"),
        ("created_at >= '2026-06-30'", "2,3"),
        ("created_at < '2026-06-30T02:00:00+02:00'", "1"),
        ("created_at > '2026-06-30 12:00:00'", "3"),
        ("created_at = '2026-06-30T12:00:00.500Z'", "3"),
        ("created_at BETWEEN '2026-06-29' AND '2026-06-30'", "1,2"),
        ("created_at >= due_at", "1,2"),
        ("due_at <= created_at", "1,2"),
        ("due_at < created_at", "1"),
        ("due_at + 1 = '2026-07-01'", "2"),
        ("due_at - '2026-06-29' = 1", "2"),
        ("due_at - 1 IN ('2026-06-28', '2026-06-30')", "1,3"),
        ("created_at + 0.5 = '2026-06-30 12:00'", "2"),
        ("created_at - '2026-06-30' = 0.5", ""),
        ("CAST(created_at AS DATE) = '2026-06-30'", "2,3"),
        ("CASE due_at WHEN '20260630' THEN 1 END = 1", "2"),
        ("due_at IN (SELECT created_at FROM bills)", "2"),
        ("created_at IN (SELECT due_at FROM bills)", "2"),
        ("(id, due_at) = ('2', '20260630')", "2"),
    ] {
        let analysis = analyzed(&format!(
            "SELECT id FROM bills WHERE {condition} ORDER BY id"
        ));
        let mut statement = database.prepare(&analysis.sql).unwrap();
        let ids: Vec<String> = statement
            .query_map([], |row| row.get::<_, i64>(0))
            .unwrap()
            .map(|id| id.unwrap().to_string())
            .collect();
        assert_eq!(ids.join(","), expected, "{condition}\n{}", analysis.sql);
    }
}
