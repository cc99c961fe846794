#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Profile;
use super::*;

fn library() -> Value {
    json!([
        {
            "name": "authors",
            "list": { "path": "authors", "page_size": 10 },
            "key": ["id"],
            "columns": [{ "name": "id", "type": "bigint" }, { "name": "name", "type": "text" }]
        },
        {
            "name": "books",
            "list": {
                "path": "books",
                "page_size": 10,
                "orders": [{ "column": "id", "name": "id", "exact": true }],
                "required": [{ "parameter": "state" }]
            },
            "get": "books/{id}",
            "key": ["id"],
            "columns": [
                { "name": "id", "type": "bigint" },
                {
                    "name": "author_id", "type": "bigint", "field": "author.id",
                    "reference": { "table": "authors", "same_record": true }
                },
                { "name": "author_name", "type": "text", "field": "author.name" },
                { "name": "printed", "type": "date" },
                { "name": "state", "type": "text", "ignore_case": true, "parameter": true }
            ],
            "filters": [
                { "column": "state", "operator": "=", "parameter": "state", "values": ["new"] },
                { "column": "printed", "operator": ">=", "parameter": "after", "template": "{-1 day}" },
                { "column": "printed", "operator": "is null", "parameter": "after", "template": "none" }
            ]
        },
        {
            "name": "books_tags",
            "array": { "table": "books", "field": "tags", "parent_column": "book_id" },
            "columns": [
                { "name": "book_id", "type": "bigint", "parent": true, "reference": { "table": "books" } },
                { "name": "word", "type": "text" }
            ]
        },
        {
            "name": "books_copies",
            "list": { "path": "books/{book_id}/copies", "page_size": 10 },
            "key": ["book_id", "id"],
            "columns": [
                { "name": "book_id", "type": "bigint", "parent": true },
                { "name": "id", "type": "bigint" }
            ]
        }
    ])
}

fn checked(tables: &Value) -> Check {
    let tables: Vec<Table> = serde_json::from_value(tables.clone()).map_err(|e| e.to_string())?;
    check(&tables)
}

#[test]
fn the_library_is_as_it_must_be() {
    checked(&library()).unwrap();
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn what_is_wrong_is_named_by_its_json_path() {
    let cases = [
        ("/1/name", json!("authors"), "/tables/1/name must be unlike"),
        (
            "/1/name",
            json!("Books"),
            "/tables/1/name must be lower-case",
        ),
        (
            "/1/columns/1/name",
            json!("id"),
            "/tables/1/columns/1/name must be unlike",
        ),
        (
            "/1/columns/2/field",
            json!("author.name.first"),
            "/tables/1/columns/2/field",
        ),
        (
            "/1/columns/2/type",
            json!("bigint"),
            "/tables/1/columns/1/reference/same_record",
        ),
        (
            "/1/columns/1/type",
            json!("text"),
            "/tables/1/columns/1/reference/table",
        ),
        (
            "/1/columns/1/reference/table",
            json!("books_tags"),
            "/tables/1/columns/1/reference/table",
        ),
        (
            "/1/columns/3/ignore_case",
            json!(true),
            "/tables/1/columns/3/ignore_case",
        ),
        (
            "/1/columns/4/parent",
            json!(true),
            "/tables/1/columns/4 must be either",
        ),
        (
            "/1/columns/4/field",
            json!("state"),
            "/tables/1/columns/4/field",
        ),
        ("/1/key/0", json!("state"), "/tables/1/key/0"),
        ("/1/key/0", json!("isbn"), "/tables/1/key/0"),
        ("/1/get", json!("books/{isbn}"), "/tables/1/get"),
        ("/1/get", json!("/books"), "/tables/1/get"),
        ("/1/get", json!("../books"), "/tables/1/get"),
        ("/1/list/path", json!("books/{id}"), "/tables/1/list/path"),
        ("/1/list/page_size", json!(0), "/tables/1/list/page_size"),
        (
            "/1/list/orders/0/column",
            json!("state"),
            "/tables/1/list/orders/0/column",
        ),
        (
            "/1/list/required/0/parameter",
            json!("after"),
            "/tables/1/list/required/0/parameter",
        ),
        (
            "/1/filters/0/column",
            json!("title"),
            "/tables/1/columns/4 must be compared",
        ),
        (
            "/1/filters/1/column",
            json!("title"),
            "/tables/1/filters/1/column",
        ),
        (
            "/1/filters/0/values",
            json!([]),
            "/tables/1/filters/0/values",
        ),
        (
            "/1/filters/1/template",
            json!("soon"),
            "/tables/1/filters/1/template",
        ),
        (
            "/1/filters/1/template",
            json!("{}{}"),
            "/tables/1/filters/1/template",
        ),
        (
            "/1/filters/1/column",
            json!("id"),
            "/tables/1/filters/1/template",
        ),
        (
            "/1/filters/2/template",
            json!("{}"),
            "/tables/1/filters/2/template",
        ),
        (
            "/1/filters/1/max_values",
            json!(0),
            "/tables/1/filters/1/max_values",
        ),
        (
            "/2/array/table",
            json!("books_copies"),
            "/tables/2/array/table",
        ),
        (
            "/2/array/parent_column",
            json!("word"),
            "/tables/2/array/parent_column",
        ),
        ("/2/columns", json!([]), "/tables/2/columns"),
        (
            "/3/list",
            json!(null),
            "/tables/3 must be a table with a list or an array",
        ),
        ("/0/list/values", json!(true), "/tables/0/list/values"),
    ];
    for (pointer, value, wanted) in cases {
        let mut tables = library();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        match tables.pointer_mut(parent).unwrap() {
            Value::Array(elements) => elements[member.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[member] = value.clone(),
        }
        let problem = checked(&tables).expect_err(pointer);
        assert!(problem.starts_with(wanted), "{pointer} {value}: {problem}");
    }
}

#[test]
fn a_profile_file_is_checked() {
    let [(_, text), _] = Profile::built_in_files();
    let mut profile: Value = serde_json::from_str(text).unwrap();
    profile["tables"] = library();
    let read = |json: &Value| Profile::from_json(&json.to_string(), "Test.apip".as_ref());
    // The definitions of custom fields are a table too.
    let message = read(&profile).unwrap_err().message;
    assert!(message.contains("/custom_fields/table"), "{message}");
    profile.as_object_mut().unwrap().remove("custom_fields");
    assert_eq!(read(&profile).unwrap().tables().len(), 4);
    profile["tables"][0]["list"]["pages"] = json!(1);
    let message = read(&profile).unwrap_err().message;
    assert!(message.contains("pages"), "{message}");
    profile["tables"] = library();
    profile["tables"][0]["custom_fields"] = json!({ "field": "f", "parent_type": "p" });
    let message = read(&profile).unwrap_err().message;
    assert!(message.contains("/tables/0/custom_fields"), "{message}");
}

proptest! {
    #[test]
    fn no_path_or_template_stops_the_check(text in "[{}a-z/ .+1-]{0,12}") {
        let mut tables = library();
        tables[1]["get"] = json!(text);
        let _ = checked(&tables);
        tables[1]["get"] = json!("books/{id}");
        tables[1]["filters"][1]["template"] = json!(text);
        if checked(&tables).is_ok() {
            let places = ["{}", "{-1 day}", "{+1 day}"];
            prop_assert_eq!(places.iter().map(|place| text.matches(place).count()).sum::<usize>(), 1);
        }
    }
}

#[test]
fn the_example_in_the_documentation_is_as_it_must_be() {
    let text = include_str!("../../../../../docs/profiles.md");
    let (_, example) = text.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let tables: Value = serde_json::from_str(example).unwrap();
    assert_eq!(tables.as_array().unwrap().len(), 3);
    checked(&tables).unwrap();
}
