//! The views of `information_schema` (ISO/IEC 9075-11) that applications read, with the columns
//! that have a meaning here.

use super::keys::{ForeignKey, KeyColumn};
use super::tables::{Size, is_changeable};
use super::{CATALOG_NAME, Definition, INTEGER, NAME, TEXT, View, number, ordinal, text};
use crate::catalog::TableShape;
use crate::types::SqlType;
use crate::value::Value;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "information_schema_schemata",
        description: "The schemas",
        columns: &[
            ("CATALOG_NAME", NAME),
            ("SCHEMA_NAME", NAME),
            ("SCHEMA_OWNER", NAME),
        ],
        rows: |view| vec![view.row([Value::Null])],
    },
    Definition {
        name: "information_schema_tables",
        description: "The tables",
        columns: &[
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("TABLE_TYPE", NAME),
        ],
        rows: tables,
    },
    Definition {
        name: "information_schema_columns",
        description: "The columns of the tables",
        columns: &[
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("COLUMN_NAME", NAME),
            ("ORDINAL_POSITION", INTEGER),
            ("COLUMN_DEFAULT", TEXT),
            ("IS_NULLABLE", NAME),
            ("DATA_TYPE", NAME),
            ("CHARACTER_MAXIMUM_LENGTH", INTEGER),
            ("NUMERIC_PRECISION", INTEGER),
            ("NUMERIC_PRECISION_RADIX", INTEGER),
            ("NUMERIC_SCALE", INTEGER),
            ("DATETIME_PRECISION", INTEGER),
        ],
        rows: columns,
    },
    Definition {
        name: "information_schema_table_constraints",
        description: "The primary and foreign keys",
        columns: &[
            ("CONSTRAINT_CATALOG", NAME),
            ("CONSTRAINT_SCHEMA", NAME),
            ("CONSTRAINT_NAME", NAME),
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("CONSTRAINT_TYPE", NAME),
        ],
        rows: table_constraints,
    },
    Definition {
        name: "information_schema_key_column_usage",
        description: "The columns of primary and foreign keys",
        columns: &[
            ("CONSTRAINT_CATALOG", NAME),
            ("CONSTRAINT_SCHEMA", NAME),
            ("CONSTRAINT_NAME", NAME),
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("COLUMN_NAME", NAME),
            ("ORDINAL_POSITION", INTEGER),
            ("POSITION_IN_UNIQUE_CONSTRAINT", INTEGER),
        ],
        rows: key_column_usage,
    },
    Definition {
        name: "information_schema_referential_constraints",
        description: "The foreign keys and the keys they refer to",
        columns: &[
            ("CONSTRAINT_CATALOG", NAME),
            ("CONSTRAINT_SCHEMA", NAME),
            ("CONSTRAINT_NAME", NAME),
            ("UNIQUE_CONSTRAINT_CATALOG", NAME),
            ("UNIQUE_CONSTRAINT_SCHEMA", NAME),
            ("UNIQUE_CONSTRAINT_NAME", NAME),
            ("MATCH_OPTION", NAME),
            ("UPDATE_RULE", NAME),
            ("DELETE_RULE", NAME),
        ],
        rows: referential_constraints,
    },
];

fn tables(view: &View) -> Vec<Vec<Value>> {
    let row = |table: &TableShape| {
        let kind = if is_changeable(table) {
            "BASE TABLE"
        } else {
            "VIEW"
        };
        view.row([text(&table.name), text(kind)])
    };
    view.tables().map(row).collect()
}

fn columns(view: &View) -> Vec<Vec<Value>> {
    let of_table = |table: &TableShape| -> Vec<Vec<Value>> {
        let columns = table
            .columns
            .iter()
            .filter(|column| !column.hidden)
            .enumerate();
        columns
            .map(|(at, column)| {
                let size = Size::of(column.sql_type);
                let if_text = matches!(column.sql_type, SqlType::Varchar { .. });
                let if_time = matches!(
                    column.sql_type,
                    SqlType::Date | SqlType::Time | SqlType::Timestamp
                );
                let known = |value: Option<u32>| value.map_or(Value::Null, number);
                view.row([
                    text(&table.name),
                    text(&column.name),
                    ordinal(at),
                    Value::Null,
                    text(if column.nullable { "YES" } else { "NO" }),
                    text(column.sql_type.name()),
                    known(if_text.then_some(size.length)),
                    known(size.precision),
                    known(size.precision.map(|_| 10)),
                    known(size.scale.filter(|_| size.precision.is_some())),
                    known(if_time.then_some(size.scale.unwrap_or(0))),
                ])
            })
            .collect()
    };
    view.tables().flat_map(of_table).collect()
}

fn table_constraints(view: &View) -> Vec<Vec<Value>> {
    let row = |name: String, table: &str, kind: &str| {
        constraint_row(view, &name, table, [text(kind)].into())
    };
    let keys = view
        .key_columns()
        .filter(|key| key.place == 0)
        .map(|key| row(key.name(), key.table, "PRIMARY KEY"));
    let references = view
        .foreign_keys()
        .map(|key| row(key.name(), key.table, "FOREIGN KEY"));
    keys.chain(references).collect()
}

fn key_column_usage(view: &View) -> Vec<Vec<Value>> {
    let key = |key: KeyColumn| {
        let rest = vec![text(key.column), ordinal(key.place), Value::Null];
        constraint_row(view, &key.name(), key.table, rest)
    };
    let reference = |key: ForeignKey| {
        let rest = vec![text(key.column), ordinal(0), ordinal(0)];
        constraint_row(view, &key.name(), key.table, rest)
    };
    let keys = view.key_columns().map(key);
    keys.chain(view.foreign_keys().map(reference)).collect()
}

/// A row about a constraint of a table: where the constraint is, where the table is, and the rest.
fn constraint_row(view: &View, name: &str, table: &str, rest: Vec<Value>) -> Vec<Value> {
    let mut row = view.row([text(name)]);
    row.extend(view.row([text(table)]));
    row.extend(rest);
    row
}

fn referential_constraints(view: &View) -> Vec<Vec<Value>> {
    let row = |key: ForeignKey| {
        view.row([
            text(&key.name()),
            text(CATALOG_NAME),
            text(view.connection.schema()),
            text(&key.unique_name()),
            text("NONE"),
            text("NO ACTION"),
            text("NO ACTION"),
        ])
    };
    view.foreign_keys().map(row).collect()
}
