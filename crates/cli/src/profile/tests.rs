#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use apilink_core::profile::tables::{ColumnType, Filter, FilterOperator, Write as Written};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// An invented service that lends books.
fn library() -> Value {
    let page = |number: u32| json!({ "in": "query", "name": "limit", "schema": { "type": "integer", "maximum": number } });
    let query =
        |name: &str, schema: Value| json!({ "in": "query", "name": name, "schema": schema });
    let reply = |schema: &str, several: bool| {
        let one = json!({ "$ref": format!("#/components/schemas/{schema}") });
        let data = if several {
            json!({ "type": "array", "items": one })
        } else {
            one
        };
        let schema = json!({ "type": "object", "properties": { "data": data } });
        json!({ "200": { "content": { "application/json": { "schema": schema } } } })
    };
    json!({
        "openapi": "3.0.3",
        "paths": {
            "/books.json": {
                "get": {
                    "parameters": [
                        page(50),
                        query("ids[]", json!({ "type": "integer", "format": "int64" })),
                        query("author_id", json!({ "type": "integer", "format": "int64" })),
                        query("added_since", json!({ "type": "string", "format": "date-time" })),
                        query("lent", json!({ "type": "boolean" })),
                        query("title", json!({ "type": "string" })),
                        query("state", json!({ "type": "string", "enum": ["new", "old"] })),
                        query("printed[]", json!({ "type": "string", "enum": [">=DATE", "<DATE"] })),
                        query("fields", json!({ "type": "string" })),
                        query("order", json!({ "type": "string", "enum": ["id(asc)", "id(desc)", "author.name(asc)"] })),
                    ],
                    "responses": reply("Book", true),
                },
                "post": {
                    "requestBody": { "content": { "application/json": { "schema": { "properties": {
                        "data": { "properties": {
                            "title": { "type": "string" },
                            "author": { "properties": { "id": { "type": "integer" } } },
                        } }
                    } } } } },
                    "responses": reply("Book", false),
                },
            },
            "/books/{id}.json": { "get": { "responses": reply("Book", false) } },
            "/authors.json": { "get": { "parameters": [page(50)], "responses": reply("Author", true) } },
            "/books/{id}/copies.json": {
                "get": { "parameters": [page(20)], "responses": reply("Copy", true) },
            },
            "/desk.json": { "get": { "responses": reply("Author", false) } },
        },
        "components": { "schemas": {
            "Author_base": { "type": "object", "properties": {
                "name": { "type": "string" },
                "id": { "type": "integer", "format": "int64" },
            } },
            "Author": { "allOf": [{ "$ref": "#/components/schemas/Author_base" }] },
            "Copy": { "properties": {
                "id": { "type": "integer", "format": "int64" },
                "shelf": { "type": "string" },
            } },
            "Tag": { "properties": {
                "book_id": { "type": "integer", "format": "int64" },
                "word": { "type": "string" },
                "author": { "$ref": "#/components/schemas/Author_base" },
            } },
            "Book": { "properties": {
                "title": { "type": "string" },
                "id": { "type": "integer", "format": "int64" },
                "price": { "type": "number", "format": "double" },
                "state": { "type": "string", "enum": ["New", "Old"] },
                "lent": { "type": "boolean" },
                "printed": { "type": "string", "format": "date" },
                "added_at": { "type": "string", "format": "date-time" },
                "words": { "type": "array", "items": { "type": "string" } },
                "extra": { "type": "object" },
                "author": { "$ref": "#/components/schemas/Author_base" },
                "copies": { "type": "array", "items": { "$ref": "#/components/schemas/Copy" } },
                "tags": { "type": "array", "items": { "$ref": "#/components/schemas/Tag" } },
            } },
        } },
    })
}

fn overlay(more: &Value) -> Overlay {
    let mut json = json!({
        "apilink_overlay": 1,
        "conventions": { "path_suffix": ".json", "data": "data" },
    });
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    serde_json::from_value(json).unwrap()
}

fn made(more: &Value) -> Vec<Table> {
    from_openapi(&library(), &overlay(more)).unwrap().tables
}

fn table<'a>(tables: &'a [Table], name: &str) -> &'a Table {
    tables.iter().find(|table| table.name == name).unwrap()
}

fn columns(table: &Table) -> Vec<&str> {
    table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect()
}

#[test]
fn lists_arrays_and_single_records_become_tables() {
    let tables = made(&json!({}));
    let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(
        names,
        ["authors", "books", "books_copies", "books_tags", "desk"]
    );
    assert!(table(&tables, "desk").list.as_ref().unwrap().single);
    assert_eq!(table(&tables, "books").list.as_ref().unwrap().page_size, 50);
    assert_eq!(table(&tables, "books").get.as_deref(), Some("books/{id}"));
}

#[test]
fn fields_become_columns_those_of_objects_after_the_others() {
    use ColumnType::{Bigint, Boolean, Date, Decimal, Json, Text, Timestamp};

    let tables = made(&json!({ "column_order": { "first": ["id"], "last": ["added_at"] } }));
    let books = table(&tables, "books");
    let expected = [
        "id",
        "extra",
        "lent",
        "price",
        "printed",
        "state",
        "title",
        "words",
        "added_at",
        "author_id",
        "author_name",
    ];
    assert_eq!(columns(books), expected);
    let kinds: Vec<_> = books.columns.iter().map(|column| column.kind).collect();
    let expected = [
        Bigint, Json, Boolean, Decimal, Date, Text, Text, Json, Timestamp, Bigint, Text,
    ];
    assert_eq!(kinds, expected);
    assert!(books.columns[5].ignore_case && !books.columns[6].ignore_case);
    assert_eq!(books.key, ["id"]);
}

#[test]
fn objects_refer_to_the_list_of_their_schema() {
    let tables = made(&json!({}));
    let column = &table(&tables, "books").columns;
    let author = column
        .iter()
        .find(|column| column.name == "author_id")
        .unwrap();
    let reference = author.reference.as_ref().unwrap();
    assert_eq!(
        (reference.table.as_str(), reference.same_record),
        ("authors", true)
    );
    assert_eq!(author.writable, [Written::Create]);

    let tables = made(&json!({ "incomplete_lists": { "authors": "some are hidden" } }));
    let column = &table(&tables, "books").columns;
    let author = column
        .iter()
        .find(|column| column.name == "author_id")
        .unwrap();
    assert!(!author.reference.as_ref().unwrap().same_record);
}

#[test]
fn an_array_that_is_a_list_too_is_one_table() {
    let tables = made(&json!({}));
    let copies = table(&tables, "books_copies");
    assert_eq!(columns(copies), ["book_id", "id", "shelf"]);
    assert_eq!(copies.list.as_ref().unwrap().path, "books/{book_id}/copies");
    assert_eq!(copies.array.as_ref().unwrap().field, "copies");
    assert_eq!(copies.key, ["book_id", "id"]);

    // Fields that are told apart keep them apart: the list is the one that is kept.
    let mut document = library();
    let copy = &mut document["components"]["schemas"]["Copy"]["properties"];
    copy["lender"] = json!({ "$ref": "#/components/schemas/Author_base" });
    let tables = from_openapi(&document, &overlay(&json!({})))
        .unwrap()
        .tables;
    assert!(table(&tables, "books_copies").array.is_none());
}

#[test]
fn an_element_s_own_key_of_the_parent_is_the_parent_s_key() {
    let tables = made(&json!({}));
    let tags = table(&tables, "books_tags");
    assert_eq!(columns(tags), ["book_id", "word", "author_id"]);
    assert!(tags.columns[0].parent);
    assert!(tags.key.is_empty());
}

#[test]
fn parameters_become_filters_by_their_names_and_types() {
    use FilterOperator::{Equal, Greater, GreaterOrEqual, In, Less};

    let tables = made(&json!({}));
    let found: Vec<_> = table(&tables, "books")
        .filters
        .iter()
        .map(|filter| {
            let Filter {
                column,
                operator,
                template,
                values,
                wider,
                ..
            } = filter;
            (
                column.as_str(),
                *operator,
                template.as_deref(),
                values.join("|"),
                *wider,
            )
        })
        .collect();
    let text = String::new;
    let expected = [
        ("added_at", Greater, None, text(), true),
        ("added_at", GreaterOrEqual, None, text(), false),
        ("author_id", Equal, None, text(), false),
        ("id", In, None, text(), false),
        ("lent", Equal, None, "true".to_owned(), false),
        ("lent", Equal, None, "false".to_owned(), true),
        ("printed", Less, Some("<{}"), text(), false),
        ("printed", GreaterOrEqual, Some(">={}"), text(), false),
        ("state", Equal, None, "new|old".to_owned(), false),
        ("title", Equal, None, text(), true),
    ];
    assert_eq!(found, expected);
}

#[test]
fn orders_become_columns() {
    let tables = made(&json!({}));
    let orders = &table(&tables, "books").list.as_ref().unwrap().orders;
    let found: Vec<_> = orders
        .iter()
        .map(|order| (order.column.as_str(), order.name.as_str(), order.exact))
        .collect();
    assert_eq!(
        found,
        [("author_name", "author.name", false), ("id", "id", true)]
    );
}

#[test]
fn a_parameter_that_nothing_accounts_for_is_left_out_and_reported() {
    let mut document = library();
    let parameters = document
        .pointer_mut("/paths/~1books.json/get/parameters")
        .unwrap();
    let new = json!({ "in": "query", "name": "smell", "schema": { "type": "string" } });
    parameters.as_array_mut().unwrap().push(new);
    let generated = from_openapi(&document, &overlay(&json!({}))).unwrap();
    let [open] = generated.open.as_slice() else {
        panic!("{:?}", generated.open);
    };
    assert!(open.starts_with("books: the parameter smell"), "{open}");
    // All else is as if it were not there.
    assert_eq!(generated.tables, made(&json!({})));

    let rules =
        json!({ "tables": { "books": { "parameters": { "smell": { "becomes": "smell" } } } } });
    let tables = from_openapi(&document, &overlay(&rules)).unwrap().tables;
    let column = table(&tables, "books").columns.last().unwrap();
    assert_eq!((column.name.as_str(), column.parameter), ("smell", true));

    let rules = json!({ "parameters": { "smell": { "ignored": "nobody asks" } } });
    let open = |rules: &Value| from_openapi(&document, &overlay(rules)).unwrap().open;
    assert!(open(&rules).is_empty());
    let rules = json!({ "parameters": { "smell": { "ignored": "" } } });
    assert_eq!(open(&rules).len(), 1);
}

#[test]
fn what_the_overlay_says_about_nothing_is_a_warning() {
    let rules = json!({
        "types": { "Book.price": "double", "Book.weight": "double" },
        "tables": { "books": { "parameters": { "smell": { "ignored": "x" } }, "columns": { "weight": {} } }, "films": {} },
    });
    let generated = from_openapi(&library(), &overlay(&rules)).unwrap();
    let expected = [
        "books: there is no parameter smell",
        "books: there is no column weight",
        "there is no table films",
        "there is no field Book.weight",
    ];
    assert_eq!(generated.warnings, expected);
    let price = table(&generated.tables, "books")
        .columns
        .iter()
        .find(|c| c.name == "price");
    assert_eq!(price.unwrap().kind, ColumnType::Double);
}

#[test]
fn an_overlay_may_speak_of_what_another_document_has() {
    let rules = json!({
        "references": { "Ghost": "ghosts", "Author": "ghosts" },
        "key_columns": { "price": "ghosts" },
        "incomplete_lists": { "ghosts": "nobody sees them" },
        "ignored_paths": { "/ghosts.json": "nobody sees them" },
        "ignored_fields": { "Book.ghost": "nobody sees it" },
        "units": { "Ghost.age": "years" },
        "column_order": { "first": ["ghost"], "last": ["ghost"] },
        "conventions": { "path_suffix": ".json", "data": "data", "assumed_order": "ghost", "exact_orders": ["ghost"] },
        "tables": {
            "authors": { "key": ["ghost"] },
            "books": {
                "orders": { "author.name": { "column": "ghost", "exact": true } },
                "columns": { "author_id": { "reference": "ghosts" } },
                "parameters": { "title": [{ "column": "ghost", "operator": "=" }] },
            },
        },
    });
    let generated = from_openapi(&library(), &overlay(&rules)).unwrap();
    let expected = [
        "authors: there is no column ghost",
        "books: there is no column ghost",
        "books: author_id cannot refer to a table ghosts",
        "there is no table ghosts",
        "there is no path /ghosts.json",
        "there is no schema Ghost",
        "there is no field Ghost.age",
        "there is no field Book.ghost",
    ];
    assert_eq!(generated.warnings, expected);
    let expected =
        "books: the parameter title is said to filter by ghost, and there is no such column";
    assert_eq!(generated.open, [expected]);
    let books = table(&generated.tables, "books");
    let expected = made(&json!({}));
    assert_eq!(books.columns, table(&expected, "books").columns);
    let orders = &books.list.as_ref().unwrap().orders;
    assert_eq!(orders.len(), 1);
}

#[test]
fn a_list_whose_parents_are_in_no_list_refers_to_none() {
    let mut document = library();
    let paths = document["paths"].as_object_mut().unwrap();
    paths.remove("/books.json");
    let generated = from_openapi(&document, &overlay(&json!({}))).unwrap();
    let copies = table(&generated.tables, "books_copies");
    assert_eq!(copies.columns[0].name, "book_id");
    assert_eq!(copies.columns[0].reference, None);
}

#[test]
fn a_table_with_two_fields_that_would_be_one_column_is_left_out() {
    let mut document = library();
    let book = &mut document["components"]["schemas"]["Book"]["properties"];
    let object = |field: &str| json!({ "properties": { field: { "type": "string" } } });
    book["place"] = object("of_print");
    book["place_of"] = object("print");
    let generated = from_openapi(&document, &overlay(&json!({}))).unwrap();
    assert!(
        generated
            .open
            .iter()
            .any(|open| open.contains("place_of_print")),
        "{:?}",
        generated.open
    );
    assert!(generated.tables.iter().all(|table| table.name != "books"));
    // A field of the record itself wins.
    document["components"]["schemas"]["Book"]["properties"]["place_of_print"] =
        json!({ "type": "string" });
    assert!(from_openapi(&document, &overlay(&json!({}))).is_ok());
}

#[test]
fn the_text_has_a_line_for_each_column_and_reads_back() {
    let tables = made(&json!({}));
    let text = to_json(&tables).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Table>>(&text).unwrap(), tables);
    assert!(
        text.contains("\n      { \"name\": \"price\", \"type\": \"decimal\" },\n"),
        "{text}"
    );
    assert_eq!(to_json(&[]).unwrap(), "[]\n");
}

#[test]
fn what_is_no_document_is_said_to_be_none() {
    for document in [
        json!(null),
        json!({}),
        json!({ "openapi": "2.0", "paths": {} }),
        json!({ "openapi": "3.1.0" }),
    ] {
        assert!(from_openapi(&document, &Overlay::default()).is_err());
    }
}

#[test]
fn schemas_that_refer_to_themselves_have_an_end() {
    let mut document = library();
    let schemas = &mut document["components"]["schemas"];
    schemas["Author_base"] = json!({ "$ref": "#/components/schemas/Author_base" });
    schemas["Copy"] = json!({ "allOf": [{ "$ref": "#/components/schemas/Copy" }] });
    schemas["Tag"] = json!({ "items": { "$ref": "#/components/schemas/Tag" } });
    let _ = from_openapi(&document, &overlay(&json!({})));
}

#[test]
fn the_built_in_tables_are_what_the_generator_writes() {
    let [_, (_, text)] = Profile::built_in_files();
    assert_eq!(to_json(Profile::built_in_clio().tables()).unwrap(), text);
}

#[test]
fn a_packed_profile_is_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in Profile::built_in_files() {
        let text = text.replacen("\"name\": \"Clio\"", "\"name\": \"Other\"", 1);
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(folder.path().join("secret.txt"), "not to be packed").unwrap();
    let [file, again] = ["a.apip", "b.apip"].map(|name| folder.path().join(name));
    let mut out = Vec::new();
    let command = ProfileCommand::Pack {
        directory: folder.path().to_owned(),
        file: file.clone(),
    };
    run(&command, &mut out).unwrap();
    pack(folder.path(), &again).unwrap();
    assert_eq!(
        std::fs::read(&file).unwrap(),
        std::fs::read(&again).unwrap()
    );

    let selection = Profile::select(&file).unwrap();
    assert_eq!(selection.profile.name, "Other");
    assert_eq!(
        selection.profile.tables(),
        Profile::built_in_clio().tables()
    );
    let archive = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
    assert_eq!(archive.len(), 2);
}

#[test]
fn the_shown_profile_is_the_built_in_one() {
    let mut out = Vec::new();
    run(&ProfileCommand::Show, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let shown = Profile::from_json(&text, Path::new("shown")).unwrap();
    assert_eq!(shown.tables(), Profile::built_in_clio().tables());
}

#[test]
fn documents_can_be_packed() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, packed, rules] =
        ["a.json", "a.json.gz", "o.json"].map(|name| folder.path().join(name));
    let text = library().to_string();
    std::fs::write(&plain, &text).unwrap();
    let mut writer =
        flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
    let overlay =
        json!({ "apilink_overlay": 1, "conventions": { "path_suffix": ".json", "data": "data" } });
    std::fs::write(&rules, overlay.to_string()).unwrap();
    let made = |document: &Path| {
        let mut out = Vec::new();
        let command = ProfileCommand::FromOpenapi {
            document: document.to_owned(),
            overlay: Some(rules.clone()),
        };
        run(&command, &mut out).map(|()| out)
    };
    assert_eq!(made(&plain).unwrap(), made(&packed).unwrap());
    std::fs::write(&packed, "not gzip").unwrap();
    assert!(made(&packed).is_err());
}

#[test]
fn an_array_in_data_needs_no_overlay() {
    let book = json!({ "type": "object", "properties": {
        "id": { "type": "integer", "format": "int64" }, "title": { "type": "string" } } });
    let list = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Book" } });
    let wrapped = json!({ "type": "object", "properties": { "data": list } });
    let made = |reply: &Value| {
        let document = json!({
            "openapi": "3.0.3",
            "paths": { "/books": { "get": { "responses": { "200": { "content": {
                "application/json": { "schema": reply } } } } } } },
            "components": { "schemas": { "Book": book } },
        });
        from_openapi(&document, &Overlay::default()).unwrap().tables
    };
    let tables = made(&wrapped);
    let names: Vec<&str> = tables[0]
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["id", "title"]);
    assert_eq!(tables, made(&list));
}

/// A value with one of its parts replaced.
fn mutated(document: &Value, at: usize, part: &Value) -> Value {
    fn visit(value: &mut Value, left: &mut usize, part: &Value) {
        if *left == 0 {
            *value = part.clone();
        }
        *left = left.wrapping_sub(1);
        match value {
            Value::Object(members) => members.values_mut().for_each(|v| visit(v, left, part)),
            Value::Array(elements) => elements.iter_mut().for_each(|v| visit(v, left, part)),
            _ => {}
        }
    }
    let mut document = document.clone();
    let mut left = at;
    visit(&mut document, &mut left, part);
    document
}

fn parts() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("{}")),
        Just(json!("")),
        Just(json!(-1)),
        Just(json!({ "$ref": "#/components/schemas/Book" })),
        Just(json!({ "$ref": "#/components/schemas/Tag" })),
        Just(json!({ "items": { "$ref": "#/components/schemas/Author" } })),
        Just(json!({ "type": "string", "enum": ["", "a", ">"] })),
        Just(json!({ "get": {} })),
        "[a-zA-Z_{}/.\\[\\]é]{0,8}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_document_stops_the_generator(
        changes in proptest::collection::vec((0usize..600, parts()), 1..4),
    ) {
        let mut document = library();
        for (at, part) in &changes {
            document = mutated(&document, *at, part);
        }
        if let Ok(generated) = from_openapi(&document, &overlay(&json!({}))) {
            let text = to_json(&generated.tables).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Table>>(&text).unwrap(), generated.tables);
        }
    }
}
