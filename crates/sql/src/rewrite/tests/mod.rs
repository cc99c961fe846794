//! The rules on texts, and their answers beside those of the texts as they were.

mod answers;
mod rules;

use std::borrow::Cow;

use apilink_core::profile::tables::Table;
use serde_json::{Value, json};

use super::rewrite;
use crate::catalog::Catalog;

/// Three tables of a service, of which one shows a part of another's records, and an array in
/// records, as `SQLite` declares them too.
fn catalog() -> Catalog {
    let column = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let reference = |name: &str, table: &str| json!({ "name": name, "type": "bigint", "reference": { "table": table } });
    let client = |name: &str, kind: &str, inner: &str| json!({ "name": name, "type": kind, "field": format!("client.{inner}") });
    let mut client_id = client("client_id", "bigint", "id");
    client_id["reference"] = json!({ "table": "contacts", "same_record": true });
    let folded = json!({ "name": "status", "type": "text", "ignore_case": true });
    let filters = |columns: &[&str]| -> Vec<Value> {
        let filter = |column: &str, operator: &str| json!({ "column": column, "operator": operator, "parameter": format!("{column}{operator}") });
        columns
            .iter()
            .flat_map(|column| {
                [
                    filter(column, "="),
                    filter(column, "not in"),
                    filter(column, ">="),
                ]
            })
            .collect()
    };
    let table = |name: &str, columns: Vec<Value>, filtered: &[&str]| {
        json!({
            "name": name,
            "list": {
                "path": name,
                "page_size": 200,
                "orders": [{ "column": "id", "name": "id", "exact": true }],
            },
            "key": ["id"],
            "columns": columns,
            "filters": filters(filtered),
        })
    };
    let tables = [
        table(
            "matters",
            vec![
                column("id", "bigint"),
                client_id,
                client("client_kind", "text", "kind"),
                column("number", "text"),
                column("rate", "decimal"),
                folded.clone(),
            ],
            &["id", "client_id", "number", "status"],
        ),
        table(
            "contacts",
            vec![
                column("id", "bigint"),
                column("name", "text"),
                column("kind", "text"),
                column("weight", "integer"),
            ],
            &["id", "name"],
        ),
        table(
            "activities",
            vec![
                column("id", "bigint"),
                reference("matter_id", "matters"),
                column("note", "text"),
                column("total", "decimal"),
                folded,
            ],
            &["id", "matter_id", "note"],
        ),
    ];
    let array = json!({
        "name": "balances",
        "array": { "table": "matters", "field": "balances", "parent_column": "matter_id" },
        "key": ["matter_id", "id"],
        "columns": [
            { "name": "matter_id", "type": "bigint", "parent": true, "reference": { "table": "matters" } },
            column("id", "bigint"),
            column("kind", "text"),
        ],
    });
    let tables: Vec<Table> = tables
        .into_iter()
        .chain([array])
        .map(|table| serde_json::from_value(table).unwrap())
        .collect();
    Catalog::of_profile(&tables)
}

fn rewritten(sql: &str) -> String {
    rewrite(sql, &catalog()).into_owned()
}

#[track_caller]
fn assert_rewritten(cases: &[(&str, &str)]) {
    let catalog = catalog();
    for (before, after) in cases {
        assert_eq!(rewrite(before, &catalog), *after, "{before}");
    }
}

#[track_caller]
fn assert_untouched(cases: &[&str]) {
    let catalog = catalog();
    for sql in cases {
        assert!(
            matches!(rewrite(sql, &catalog), Cow::Borrowed(_)),
            "{sql}\n{}",
            rewrite(sql, &catalog)
        );
    }
}
