use apilink_core::profile::tables::Table;

use super::*;

const CANARY: &str = "canary-5b1d";

fn catalog() -> Catalog {
    let tables: Vec<Table> = serde_json::from_str(
        r#"[
        {"name": "matters", "description": "Cases", "create": "matters", "key": ["id"], "columns": [
            {"name": "id", "type": "bigint"},
            {"name": "number", "type": "text", "description": "Its number"},
            {"name": "client_id", "type": "bigint", "field": "client.id",
             "reference": {"table": "contacts"}},
            {"name": "group_id", "type": "bigint", "reference": {"table": "groups"}},
            {"name": "query", "type": "text", "parameter": true}]},
        {"name": "contacts", "key": ["id"], "columns": [
            {"name": "id", "type": "bigint"},
            {"name": "is_company", "type": "boolean"},
            {"name": "balance", "type": "decimal"},
            {"name": "created_at", "type": "timestamp"}]},
        {"name": "contacts_phone_numbers", "key": ["contact_id", "id"], "columns": [
            {"name": "contact_id", "type": "bigint", "parent": true,
             "reference": {"table": "contacts"}},
            {"name": "id", "type": "bigint"}]}]"#,
    )
    .unwrap();
    let mut catalog = Catalog::of_profile(&tables);
    for shape in shapes() {
        catalog.add(shape);
    }
    catalog
}

fn facts() -> ConnectionFacts {
    let text = format!(
        "Region=EU;OAuthClientId=my-client;OAuthClientSecret={CANARY};OAuthAccessToken={CANARY}"
    );
    let (settings, _) = Settings::parse(&text).unwrap();
    ConnectionFacts::of(&settings)
}

fn rows_of(table: &str) -> Vec<Vec<Value>> {
    rows(table, &catalog(), &facts())
}

/// The values of a column of the rows in which other columns have these values.
fn values(table: &str, wanted: &str, given: &[(&str, Value)]) -> Vec<Value> {
    let catalog = catalog();
    let shape = catalog.table(table).unwrap();
    let at = |name: &str| shape.column(name).unwrap();
    rows_of(table)
        .into_iter()
        .filter(|row| given.iter().all(|(name, value)| &row[at(name)] == value))
        .map(|row| row[at(wanted)].clone())
        .collect()
}

fn value(table: &str, wanted: &str, given: &[(&str, Value)]) -> Value {
    let mut found = values(table, wanted, given);
    assert_eq!(found.len(), 1, "{table} {given:?}");
    found.remove(0)
}

#[test]
fn every_row_has_a_value_of_its_type_for_each_column() {
    let fits = |value: &Value, sql_type| match value {
        Value::Null => true,
        Value::Integer(0 | 1) if sql_type == BOOLEAN => true,
        Value::Integer(_) => sql_type == INTEGER,
        Value::Text(_) => matches!(sql_type, SqlType::Varchar { .. }),
        Value::Real(_) | Value::Bytes(_) => false,
    };
    let mut names = std::collections::HashSet::new();
    for shape in shapes() {
        assert!(names.insert(shape.name.clone()), "{} twice", shape.name);
        for row in rows_of(&shape.name) {
            assert_eq!(row.len(), shape.columns.len(), "{}", shape.name);
            for (value, column) in row.iter().zip(&shape.columns) {
                assert!(
                    fits(value, column.sql_type),
                    "{}.{}: {value:?}",
                    shape.name,
                    column.name
                );
            }
        }
    }
    assert!(rows_of("matters").is_empty());
    assert!(rows_of("sys_indexes").is_empty());
}

#[test]
fn tables_and_columns_are_listed_and_system_tables_are_not() {
    let name = |name: &str| text(name);
    assert_eq!(
        values("sys_tables", "TableName", &[]),
        [
            name("matters"),
            name("contacts"),
            name("contacts_phone_numbers")
        ]
    );
    assert_eq!(
        values("SYS_TABLES", "TableType", &[]),
        [name("TABLE"), name("VIEW"), name("VIEW")]
    );
    assert_eq!(values("sys_tables", "CatalogName", &[])[0], name("apilink"));
    assert_eq!(values("sys_tables", "SchemaName", &[])[0], name("Clio"));
    let column = |column: &str, wanted: &str| {
        let given = [
            ("TableName", text("contacts")),
            ("ColumnName", text(column)),
        ];
        value("sys_tablecolumns", wanted, &given)
    };
    for (name, code, length) in [
        ("id", -5, 19),
        ("is_company", -7, 1),
        ("balance", 3, 19),
        ("created_at", 93, 23),
    ] {
        assert_eq!(column(name, "DataType"), Value::Integer(code), "{name}");
        assert_eq!(column(name, "Length"), Value::Integer(length), "{name}");
    }
    assert_eq!(column("balance", "NumericScale"), Value::Integer(4));
    assert_eq!(column("id", "IsKey"), flag(true));
    assert_eq!(column("balance", "IsKey"), flag(false));
    assert_eq!(column("id", "IsNullable"), flag(false));
    let hidden = [("ColumnName", text("query"))];
    assert_eq!(value("sys_tablecolumns", "IsHidden", &hidden), flag(true));
    let shown = [("COLUMN_NAME", text("query"))];
    assert!(values("information_schema_columns", "TABLE_NAME", &shown).is_empty());
}

#[test]
fn keys_and_references_are_listed() {
    let keys = [("TableName", text("contacts_phone_numbers"))];
    assert_eq!(
        values("sys_primarykeys", "KeySeq", &keys),
        [Value::Integer(1), Value::Integer(2)]
    );
    // What refers to a table that is not there is not listed.
    let matters = [("TableName", text("matters"))];
    assert_eq!(
        values("sys_foreignkeys", "ColumnName", &matters),
        [text("client_id")]
    );
    let client = [
        ("TableName", text("matters")),
        ("ColumnName", text("client_id")),
    ];
    for (wanted, expected) in [
        ("IsForeignKey", flag(true)),
        ("ReferencedTableName", text("contacts")),
        ("ReferencedColumnName", text("id")),
    ] {
        assert_eq!(value("sys_keycolumns", wanted, &client), expected);
    }
}

#[test]
fn constraints_fit_together() {
    let names = |table: &str, column: &str| -> std::collections::BTreeSet<String> {
        let values = values(table, column, &[]);
        values.iter().map(|value| format!("{value:?}")).collect()
    };
    let constraints = names("information_schema_table_constraints", "CONSTRAINT_NAME");
    assert_eq!(constraints.len(), 5);
    assert_eq!(
        names("information_schema_key_column_usage", "CONSTRAINT_NAME"),
        constraints
    );
    for column in ["CONSTRAINT_NAME", "UNIQUE_CONSTRAINT_NAME"] {
        let used = names("information_schema_referential_constraints", column);
        assert!(used.is_subset(&constraints), "{used:?}");
    }
}

#[test]
fn secrets_are_masked() {
    for shape in shapes() {
        let shown = format!("{:?}", rows_of(&shape.name));
        assert!(!shown.contains(CANARY), "{}", shape.name);
    }
    assert!(!format!("{:?}", facts()).contains(CANARY));
    let property = |name: &str| {
        let given = [("Name", text(name))];
        value("sys_connection_props", "Value", &given)
    };
    assert_eq!(property("OAuthAccessToken"), text("*****"));
    assert_eq!(property("OAuthClientId"), text("my-client"));
    assert_eq!(property("Timeout"), text("60"));
    assert_eq!(property("Password"), Value::Null);
}
