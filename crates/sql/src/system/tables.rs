//! Catalogues, schemas, tables, columns and procedures.

use super::{
    BOOLEAN, CATALOG_NAME, Definition, INTEGER, NAME, TEXT, View, flag, no_rows, number, optional,
    ordinal, text,
};
use crate::catalog::{ColumnShape, Origin, TableShape, TableSource};
use crate::types::SqlType;
use crate::value::Value;

pub(super) const DEFINITIONS: &[Definition] = &[
    Definition {
        name: "sys_catalogs",
        description: "The catalogues: there is one",
        columns: &[("CatalogName", NAME)],
        rows: |_| vec![vec![text(CATALOG_NAME)]],
    },
    Definition {
        name: "sys_schemas",
        description: "The schemas: there is one, named as the profile is",
        columns: &[("CatalogName", NAME), ("SchemaName", NAME)],
        rows: |view| vec![view.place().to_vec()],
    },
    Definition {
        name: "sys_tables",
        description: "The tables",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("TableName", NAME),
            ("TableType", NAME),
            ("Description", TEXT),
            ("IsUpdateable", BOOLEAN),
        ],
        rows: tables,
    },
    Definition {
        name: "sys_tablecolumns",
        description: "The columns of the tables",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("TableName", NAME),
            ("ColumnName", NAME),
            ("DataTypeName", NAME),
            ("DataType", INTEGER),
            ("Length", INTEGER),
            ("NumericPrecision", INTEGER),
            ("NumericScale", INTEGER),
            ("IsNullable", BOOLEAN),
            ("Description", TEXT),
            ("Ordinal", INTEGER),
            ("IsAutoIncrement", BOOLEAN),
            ("IsGeneratedColumn", BOOLEAN),
            ("IsReadOnly", BOOLEAN),
            ("IsKey", BOOLEAN),
            ("IsHidden", BOOLEAN),
        ],
        rows: columns,
    },
    Definition {
        name: "sys_procedures",
        description: "The stored procedures: none yet",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("ProcedureName", NAME),
            ("Description", TEXT),
        ],
        rows: no_rows,
    },
    Definition {
        name: "sys_procedureparameters",
        description: "The parameters of the stored procedures: none yet",
        columns: &[
            ("CatalogName", NAME),
            ("SchemaName", NAME),
            ("ProcedureName", NAME),
            ("ColumnName", NAME),
            ("Direction", INTEGER),
            ("DataTypeName", NAME),
            ("DataType", INTEGER),
            ("Length", INTEGER),
            ("NumericPrecision", INTEGER),
            ("NumericScale", INTEGER),
            ("IsNullable", BOOLEAN),
            ("IsRequired", BOOLEAN),
            ("IsArray", BOOLEAN),
            ("Description", TEXT),
            ("Ordinal", INTEGER),
        ],
        rows: no_rows,
    },
];

/// `TABLE` where the service takes changes, `VIEW` where it only shows.
pub(super) fn is_changeable(table: &TableShape) -> bool {
    match &table.source {
        TableSource::Service(table) => {
            table.create.is_some() || table.update.is_some() || table.delete.is_some()
        }
        TableSource::System => false,
    }
}

fn tables(view: &View) -> Vec<Vec<Value>> {
    let row = |table: &TableShape| {
        let kind = if is_changeable(table) {
            "TABLE"
        } else {
            "VIEW"
        };
        view.row([
            text(&table.name),
            text(kind),
            optional(table.description.as_deref()),
            // Changes come with a later version.
            flag(false),
        ])
    };
    view.tables().map(row).collect()
}

fn columns(view: &View) -> Vec<Vec<Value>> {
    let of_table = |table: &TableShape| -> Vec<Vec<Value>> {
        let columns = table.columns.iter().enumerate();
        columns
            .map(|(at, column)| column_row(view, table, at, column))
            .collect()
    };
    view.tables().flat_map(of_table).collect()
}

fn column_row(view: &View, table: &TableShape, at: usize, column: &ColumnShape) -> Vec<Value> {
    let size = Size::of(column.sql_type);
    let is_key = table.key.contains(&at);
    // A record's own key is given by the service; the key of the record it belongs to is not.
    let is_given = is_key && column.origin != Origin::Parent;
    view.row([
        text(&table.name),
        text(&column.name),
        text(column.sql_type.name()),
        Value::Integer(data_type(column.sql_type)),
        number(size.length),
        size.precision.map_or(Value::Null, number),
        size.scale.map_or(Value::Null, number),
        flag(column.nullable),
        optional(column.description.as_deref()),
        ordinal(at),
        flag(is_given),
        flag(is_given),
        // Changes come with a later version.
        flag(true),
        flag(is_key),
        flag(column.hidden),
    ])
}

/// The ODBC type code: `sql.h` and `sqlext.h` of ODBC 3.
pub(super) fn data_type(sql_type: SqlType) -> i64 {
    match sql_type {
        SqlType::Bigint => -5,
        SqlType::Integer => 4,
        SqlType::Decimal { .. } => 3,
        SqlType::Double => 8,
        SqlType::Boolean => -7,
        SqlType::Date => 91,
        SqlType::Time => 92,
        SqlType::Timestamp => 93,
        SqlType::Varchar { .. } => -9,
        SqlType::Varbinary => -3,
    }
}

/// How large the values of a type get, as ODBC's appendix D reckons: column size, and for numbers
/// decimal digits.
pub(super) struct Size {
    /// The column size: characters of text, digits of a number, characters of a date or a time.
    pub length: u32,
    /// Digits of a number.
    pub precision: Option<u32>,
    /// Digits behind the point.
    pub scale: Option<u32>,
}

impl Size {
    pub(super) fn of(sql_type: SqlType) -> Self {
        let number = |precision, scale| Self {
            length: precision,
            precision: Some(precision),
            scale,
        };
        let other = |length, scale| Self {
            length,
            precision: None,
            scale,
        };
        match sql_type {
            SqlType::Bigint => number(19, Some(0)),
            SqlType::Integer => number(10, Some(0)),
            SqlType::Decimal { precision, scale } => number(precision, Some(scale)),
            SqlType::Double => number(15, None),
            SqlType::Boolean => number(1, None),
            SqlType::Date => other(10, None),
            SqlType::Time => other(8, Some(0)),
            // With milliseconds.
            SqlType::Timestamp => other(23, Some(3)),
            SqlType::Varchar { size } => other(size, None),
            SqlType::Varbinary => other(crate::types::TEXT_SIZE, None),
        }
    }
}
