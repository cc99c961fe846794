//! A DECIMAL as text is what is shown of it.

use rusqlite::types::Value;

use super::{analyzed, database};

/// Expressions over a row of `activities`, and their values.
const CASES: &[(&str, &str)] = &[
    ("CAST(CAST(7 AS DECIMAL(19,4)) AS VARCHAR)", "7"),
    ("CAST(total AS VARCHAR)", "7"),
    ("CAST(price AS VARCHAR(3))", "0.5"),
    ("CAST(quantity * 1.10 AS VARCHAR)", "1234.567"),
    ("CAST(0.00005 AS DECIMAL(19,6)) || ''", "0.00005"),
    ("'<' || total || '>' || price", "<7>0.5"),
    ("total || NULL", "NULL"),
    ("-total || ''", "-7"),
    ("CAST(5 AS DECIMAL) LIKE '5'", "1"),
    ("total LIKE '7.%'", "0"),
    ("'0.5' LIKE price", "1"),
    ("total GLOB '7'", "1"),
    ("CONCAT(total, '/', price)", "7/0.5"),
    ("CONCAT_WS(' ', total, price)", "7 0.5"),
    ("LENGTH(total)", "1"),
    ("CHAR_LENGTH(price)", "3"),
    ("OCTET_LENGTH(total)", "1"),
    ("LEFT(total, 2)", "7"),
    ("SUBSTRING(total, 1, 2)", "7"),
    ("SUBSTRING('abc', CAST(2 AS DECIMAL))", "bc"),
    ("REPEAT('ab', CAST(2 AS DECIMAL))", "abab"),
    ("LPAD(total, 3, '0')", "007"),
    ("UPPER(total)", "7"),
    ("REPLACE(price, '.', ',')", "0,5"),
    ("TRIM(total)", "7"),
    ("INSTR(total, '.')", "0"),
    ("QUOTE(total)", "7.0"),
    ("FORMAT('%.2f', total)", "7.00"),
    ("FORMAT('%s', price)", "0.5"),
    ("COALESCE(total, 'none')", "7"),
    ("CASE WHEN id = 1 THEN total ELSE note END", "7"),
    ("CAST(7 AS DECIMAL) = CAST('7' AS VARCHAR)", "1"),
    ("CAST('7' AS VARCHAR) = CAST(7 AS DECIMAL)", "1"),
    ("total = note", "1"),
    ("total * 1 = note", "1"),
    ("note = total * 1", "1"),
    ("total * 1 < '10' || ''", "1"),
    ("note IN (total, price)", "1"),
    ("note IN (total * 1)", "1"),
    ("total * 1 IN (note)", "1"),
    ("total * 1 IN (SELECT note)", "1"),
    ("note IN (SELECT total * 1)", "1"),
    ("note IN (SELECT total)", "1"),
    ("total * 1 BETWEEN note AND note", "1"),
    ("note BETWEEN total * 1 AND total * 1", "1"),
    ("CASE note WHEN total * 1 THEN 1 ELSE 0 END", "1"),
    ("IFNULL(NULLIF(note, total * 1), 'same')", "same"),
];

fn shown(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => text,
        Value::Blob(bytes) => format!("{bytes:?}"),
    }
}

fn answer(sql: &str) -> String {
    let connection = database();
    connection
        .execute_batch(
            "INSERT INTO activities (id, total, price, quantity, note)
             VALUES (1, 7.0, 0.5, 1122.3336363636, '7')",
        )
        .unwrap();
    let translated =
        crate::dialect::translate(sql, &crate::dialect::Qualifiers::new(["Clio"])).unwrap();
    let sql = analyzed(&translated.sql).sql;
    let value = connection.query_row(&sql, [], |row| row.get(0));
    shown(value.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

#[test]
fn a_decimal_becomes_the_text_that_is_shown() {
    let wrong: Vec<String> = CASES
        .iter()
        .map(|(expression, expected)| {
            (
                expression,
                answer(&format!("SELECT {expression} FROM activities")),
                expected,
            )
        })
        .filter(|(_, found, expected)| found != *expected)
        .map(|(expression, found, expected)| format!("{expression} is {found}, not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn aggregates_of_texts_show_it_too() {
    let sql = "SELECT GROUP_CONCAT(total, '; ') FROM (SELECT total FROM activities
               UNION ALL SELECT price FROM activities)";
    assert_eq!(answer(sql), "7; 0.5");
    assert_eq!(
        answer("SELECT STRING_AGG(total * 1, ',') FROM activities"),
        "7"
    );
    assert_eq!(
        answer("SELECT total FROM activities UNION ALL SELECT note FROM activities LIMIT 1"),
        "7"
    );
}
