//! A small catalogue, the same tables in `SQLite`, and what the tests of this module share.

mod case;
mod decimal_text;
mod errors;
mod json;
mod money;
mod names;
mod rewriting;
mod robustness;
mod speed;
mod types;
mod unfinished;
mod values;

use rusqlite::Connection;

use super::{Analysis, Failure, Problem, analyze, analyze_translated};
use crate::catalog::{Catalog, ColumnShape, Origin, TableShape, TableSource};
use crate::types::SqlType;

const TABLES: &[(&str, &str)] = &[
    (
        "matters",
        "id BIGINT, display_number TEXT, description TEXT, status TEXT, client_id BIGINT, \
         client_name TEXT, open_date DATE, close_date DATE, billable BOOLEAN, rate DECIMAL, \
         tags TEXT, created_at TIMESTAMP, updated_at TIMESTAMP",
    ),
    (
        "contacts",
        "id BIGINT, name TEXT, type TEXT, date_of_birth DATE, is_client BOOLEAN, \
         created_at TIMESTAMP",
    ),
    (
        "activities",
        "id BIGINT, matter_id BIGINT, type TEXT, date DATE, quantity DECIMAL, price DECIMAL, \
         total DECIMAL, minutes INTEGER, score DOUBLE, billed BOOLEAN, note TEXT, \
         created_at TIMESTAMP",
    ),
    (
        "bills",
        "id BIGINT, matter_id BIGINT, number TEXT, issued_at DATE, due_at DATE, total DECIMAL, \
         paid DECIMAL, balance DECIMAL, state TEXT, created_at TIMESTAMP",
    ),
    (
        "tasks",
        "id BIGINT, matter_id BIGINT, name TEXT, priority TEXT, due_at DATE, \
         completed_at TIMESTAMP, status TEXT, minutes INTEGER",
    ),
];

/// The columns of a table with their types; the first is its key.
fn columns(text: &str) -> Vec<(&str, SqlType)> {
    text.split(", ")
        .filter_map(|column| column.trim().split_once(' '))
        .map(|(name, sql_type)| {
            let sql_type = match sql_type {
                "BIGINT" => SqlType::Bigint,
                "INTEGER" => SqlType::Integer,
                "DECIMAL" => SqlType::DECIMAL,
                "DOUBLE" => SqlType::Double,
                "BOOLEAN" => SqlType::Boolean,
                "DATE" => SqlType::Date,
                "TIMESTAMP" => SqlType::Timestamp,
                _ => SqlType::TEXT,
            };
            (name, sql_type)
        })
        .collect()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for (name, text) in TABLES {
        catalog.add(shape(name, text));
    }
    catalog
}

fn shape(name: &str, text: &str) -> TableShape {
    let column = |(at, (name, sql_type)): (usize, (&str, SqlType))| ColumnShape {
        name: name.to_owned(),
        sql_type,
        nullable: at != 0,
        hidden: false,
        ignore_case: false,
        references: None,
        description: None,
        origin: Origin::System,
    };
    TableShape {
        name: name.to_owned(),
        description: None,
        columns: columns(text).into_iter().enumerate().map(column).collect(),
        key: vec![0],
        source: TableSource::System,
        custom_fields_unknown: false,
    }
}

/// The tables in `SQLite`, with the functions and without rows.
fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    crate::functions::register(&connection).unwrap();
    for (name, text) in TABLES {
        let columns: Vec<String> = columns(text)
            .into_iter()
            .map(|(name, sql_type)| format!("{name} {}", inside(sql_type)))
            .collect();
        let sql = format!("CREATE TABLE {name} ({})", columns.join(", "));
        connection.execute(&sql, []).unwrap();
    }
    connection
}

/// The type whose affinity is the inside form.
fn inside(sql_type: SqlType) -> &'static str {
    match sql_type {
        SqlType::Bigint | SqlType::Integer | SqlType::Boolean => "INTEGER",
        SqlType::Decimal { .. } | SqlType::Double => "REAL",
        SqlType::Varbinary => "BLOB",
        _ => "TEXT",
    }
}

fn analyzed(sql: &str) -> Analysis {
    match analyze(sql, &catalog()) {
        Ok(analysis) => analysis,
        Err(failure) => panic!("{sql}: {failure:?}"),
    }
}

fn problem(sql: &str) -> Problem {
    match analyze(sql, &catalog()) {
        Err(Failure::Wrong(problem)) => *problem,
        other => panic!("{sql}: {other:?}"),
    }
}

/// A type as the tests write it: VARCHAR without a size is one of unknown size.
fn type_text(sql_type: SqlType) -> String {
    match sql_type {
        SqlType::Decimal { precision, scale } => format!("DECIMAL({precision},{scale})"),
        SqlType::TEXT => "VARCHAR".to_owned(),
        SqlType::Varchar { size } => format!("VARCHAR({size})"),
        other => other.name().to_owned(),
    }
}
