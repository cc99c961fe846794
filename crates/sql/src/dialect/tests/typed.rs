//! Statements on their whole way: translated, typed, and run by `SQLite` over one row.

use rusqlite::types::Value;

use super::*;
use crate::catalog::{Catalog, ColumnShape, Origin, TableShape, TableSource};
use crate::types::SqlType;
use crate::typing;

const COLUMNS: [(&str, SqlType, &str); 6] = [
    ("id", SqlType::Bigint, "7"),
    ("amount", SqlType::DECIMAL, "1234.505"),
    ("day", SqlType::Date, "'2026-06-30'"),
    ("at", SqlType::Timestamp, "'2026-06-30 15:04:05'"),
    ("name", SqlType::TEXT, "' Ünal & Söhne '"),
    ("empty", SqlType::TEXT, "NULL"),
];

fn catalog() -> Catalog {
    let column = |(name, sql_type, _): (&str, SqlType, &str)| ColumnShape {
        name: name.to_owned(),
        sql_type,
        nullable: true,
        hidden: false,
        ignore_case: false,
        references: None,
        description: None,
        origin: Origin::System,
    };
    let mut catalog = Catalog::default();
    catalog.add(TableShape {
        name: "m".to_owned(),
        description: None,
        columns: COLUMNS.into_iter().map(column).collect(),
        key: vec![0],
        source: TableSource::System,
        custom_fields_unknown: false,
    });
    catalog
}

fn database() -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    functions::register(&connection).unwrap();
    let names = COLUMNS.map(|(name, ..)| name).join(", ");
    let values = COLUMNS.map(|(.., value)| value).join(", ");
    connection
        .execute_batch(&format!(
            "CREATE TABLE m ({names}); INSERT INTO m VALUES ({values})"
        ))
        .unwrap();
    connection
}

/// The type and the value of an expression: `INTEGER 5`.
fn typed(connection: &rusqlite::Connection, catalog: &Catalog, expression: &str) -> String {
    let written = format!("SELECT TOP 1 {expression} FROM Clio.m WITH (NOLOCK)");
    let translated = match translate(&written, &Qualifiers::default()) {
        Ok(translated) => translated,
        Err(problem) => return problem.to_string(),
    };
    let analysis = match typing::analyze(&translated.sql, catalog) {
        Ok(analysis) => analysis,
        Err(problem) => return format!("{problem:?}"),
    };
    let sql_type = match analysis.columns[0].sql_type {
        SqlType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        SqlType::Varchar { .. } => "VARCHAR".to_owned(),
        other => other.name().to_owned(),
    };
    let value = connection.query_row(&analysis.sql, [], |row| row.get::<_, Value>(0));
    match value {
        Ok(Value::Null) => format!("{sql_type} NULL"),
        Ok(Value::Integer(number)) => format!("{sql_type} {number}"),
        Ok(Value::Real(number)) => format!("{sql_type} {number:?}"),
        Ok(Value::Text(text)) => format!("{sql_type} '{text}'"),
        Ok(Value::Blob(bytes)) => format!("{sql_type} {bytes:?}"),
        Err(problem) => functions::diagnostic_of(&problem).to_string(),
    }
}

/// Expressions, and the beginning of their type and value.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("{fn UCASE(name)}", "VARCHAR ' ÜNAL & SÖHNE '"),
    ("{fn LEFT({fn LTRIM(name)}, 4)}", "VARCHAR 'Ünal'"),
    ("{fn RIGHT({fn RTRIM(name)}, 5)}", "VARCHAR 'Söhne'"),
    ("{fn LOCATE('ö', name)}", "INTEGER 10"),
    ("POSITION('&' IN name)", "INTEGER 7"),
    ("{fn INSERT('abc', 2, 1, 'X')}", "VARCHAR 'aXc'"),
    ("{fn CONCAT(name, empty)}", "VARCHAR ' Ünal & Söhne '"),
    ("TRIM(BOTH ' ' FROM name)", "VARCHAR 'Ünal & Söhne'"),
    ("SUBSTRING(name FROM 2 FOR 4)", "VARCHAR 'Ünal'"),
    ("ISNULL(empty, 'x')", "VARCHAR 'x'"),
    ("{fn IFNULL(empty, 'x')}", "VARCHAR 'x'"),
    ("N'é'", "VARCHAR 'é'"),
    ("{d '2026-01-05'}", "DATE '2026-01-05'"),
    ("{t '10:00'}", "TIME '10:00:00'"),
    (
        "{ts '2026-01-05T10:00:00-05:00'}",
        "TIMESTAMP '2026-01-05 15:00:00'",
    ),
    ("day = {d '2026-06-30'}", "BOOLEAN 1"),
    ("at > {d '2026-06-30'}", "BOOLEAN 1"),
    (
        "at BETWEEN {ts '2026-06-30 15:00:00'} AND {ts '2026-06-30 16:00:00'}",
        "BOOLEAN 1",
    ),
    ("DATEADD(day, 1, day)", "DATE '2026-07-01'"),
    ("DATEADD(hour, 9, day)", "TIMESTAMP '2026-06-30 09:00:00'"),
    (
        "{fn TIMESTAMPADD(SQL_TSI_MONTH, -4, at)}",
        "TIMESTAMP '2026-02-28 15:04:05'",
    ),
    (
        "DATEADD(mm, 1, '2026-01-31')",
        "TIMESTAMP '2026-02-28 00:00:00'",
    ),
    ("{fn TIMESTAMPDIFF(SQL_TSI_HOUR, day, at)}", "BIGINT 15"),
    ("DATEDIFF(day, {d '2026-01-01'}, at)", "BIGINT 180"),
    ("DATE_TRUNC('month', day)", "DATE '2026-06-01'"),
    ("DATE_TRUNC('hour', at)", "TIMESTAMP '2026-06-30 15:00:00'"),
    ("EXTRACT(YEAR FROM day)", "INTEGER 2026"),
    ("{fn EXTRACT(MINUTE FROM at)}", "INTEGER 4"),
    ("{fn MONTHNAME(day)}", "VARCHAR 'June'"),
    ("{fn QUARTER(day)}", "INTEGER 2"),
    ("LAST_DAY(at)", "DATE '2026-06-30'"),
    ("CURRENT_DATE() = {fn CURDATE()}", "BOOLEAN 1"),
    ("{fn ROUND(amount, 2)}", "DECIMAL(17,2) 1234.51"),
    ("{fn TRUNCATE(amount, 1)}", "DECIMAL(19,4) 1234.5"),
    ("{fn CEILING(amount)}", "DECIMAL(19,0) 1235.0"),
    ("{fn MOD(id, 4)}", "BIGINT 3"),
    ("{fn POWER(id, 2)}", "DOUBLE 49.0"),
    ("{fn SQRT(49)}", "DOUBLE 7.0"),
    ("{fn CONVERT('42', SQL_INTEGER)}", "INTEGER 42"),
    ("{fn CONVERT('42x', SQL_INTEGER)}", "[22018]"),
    (
        "CONVERT(BIGINT, '9007199254740993')",
        "BIGINT 9007199254740993",
    ),
    ("CONVERT(DECIMAL(10,2), amount)", "DECIMAL(10,2) 1234.51"),
    ("CAST(amount AS DECIMAL(4,2))", "[22003]"),
    ("CAST(at AS DATE)", "DATE '2026-06-30'"),
    ("CONVERT(at, SQL_TYPE_TIME)", "TIME '15:04:05'"),
    ("CAST(name AS DATE)", "[22007]"),
    ("CAST(name AS NVARCHAR(5))", "VARCHAR ' Ünal'"),
    ("CONVERT(VARCHAR(10), day, 120)", "VARCHAR '2026-06-30'"),
    ("CAST('true' AS BIT)", "BOOLEAN 1"),
    (
        "CAST('2026-06-30 10:00' AS DATETIME)",
        "TIMESTAMP '2026-06-30 10:00:00'",
    ),
    ("{fn DATABASE()}", "VARCHAR 'apilink'"),
    ("CURRENT_USER", "VARCHAR ''"),
    (
        "(SELECT TOP 1 x.id FROM CData.Clio.m x ORDER BY x.id)",
        "BIGINT 7",
    ),
    ("Clio.m.id", "BIGINT 7"),
    ("name LIKE '%!&%' {escape '!'}", "BOOLEAN 1"),
];

#[test]
fn expressions_have_their_type_and_value() {
    let (connection, catalog) = (database(), catalog());
    let mut wrong = String::new();
    for (expression, expected) in EXPRESSIONS {
        let is = typed(&connection, &catalog, expression);
        if !is.starts_with(expected) {
            let _ = write!(
                wrong,
                "\n{expression}\nexpected {expected}\nis       {is}\n"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
