//! Fields that the account has added: those that stand for a contact or a matter.

use std::time::Duration;

use apilink_core::cancel::CancellationToken;
use apilink_sql::Value;
use clio_sandbox::{Fault, FaultKind, Options};

use crate::oracle::Oracle;
use crate::world::World;

fn world(matters: usize) -> World {
    World::start(Options {
        matters,
        ..Options::default()
    })
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// The `id` of the field of this name.
fn definition(world: &World, name: &str) -> i64 {
    let (_, body) = world
        .sandbox
        .peek("/api/v4/custom_fields.json?fields=id,name");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let definitions = body["data"].as_array().unwrap();
    let found = definitions.iter().find(|field| field["name"] == name);
    found.unwrap()["id"].as_i64().unwrap()
}

/// Lets the list of matters answer once with one matter, whose lawyer is this.
fn lawyer_becomes(world: &World, field: i64, value: &str) {
    let body = format!(
        r#"{{"data":[{{"id":4711,"custom_field_values":[{{"id":"contact-1",
           "custom_field":{{"id":{field}}}{value}}}]}}],"meta":{{}}}}"#
    );
    world.sandbox.fault(Fault {
        body: Some(body),
        ..Fault::new("/api/v4/matters.json", FaultKind::Garbage)
    });
}

#[test]
fn records_are_shown_by_name_and_key() {
    let world = world(450);
    for sql in [
        r#"SELECT id, "Referring lawyer", "Referring lawyer_id", "Related matter",
           "Related matter_id" FROM matters ORDER BY id"#,
        r#"SELECT id, "Related matter" FROM matters WHERE "Related matter" IS NOT NULL
           ORDER BY id"#,
        r#"SELECT "Referring lawyer", COUNT(*) FROM matters GROUP BY 1 ORDER BY 2 DESC, 1"#,
        r#"SELECT m.id, c.type, m."Referring lawyer" FROM matters m
           JOIN contacts c ON c.id = m."Referring lawyer_id" ORDER BY m.id"#,
        r#"SELECT id, "Introduced by" FROM contacts WHERE "Introduced by_id" > 0 ORDER BY id"#,
        r#"SELECT a.id, m."Referring lawyer" FROM activities a JOIN matters m ON m.id = a.matter_id
           WHERE a.total > 1000 ORDER BY a.id LIMIT 50"#,
    ] {
        let oracle = Oracle::of(&world.sandbox, [sql]);
        let expected = oracle.query(sql, &[]).unwrap();
        assert!(expected.len() > 10, "{sql}: {}", expected.len());
        let answer = world.ask(sql, &[]).unwrap();
        assert!(answer.rows == expected, "{sql}: {:?}", answer.rows.first());
    }
}

#[test]
fn a_record_is_found_by_its_key_and_by_its_name() {
    let world = world(300);
    let all = r#"SELECT "Referring lawyer_id", "Referring lawyer" FROM matters
                 WHERE "Referring lawyer" IS NOT NULL ORDER BY id LIMIT 1"#;
    let row = world.ask(all, &[]).unwrap().rows.remove(0);
    for (column, value) in ["Referring lawyer_id", "Referring lawyer"].iter().zip(&row) {
        let sql = format!(r#"SELECT id, "Referring lawyer" FROM matters WHERE "{column}" = ?"#);
        let oracle = Oracle::of(&world.sandbox, [sql.as_str()]);
        let expected = oracle.query(&sql, std::slice::from_ref(value)).unwrap();
        assert!(!expected.is_empty());
        let answer = world.ask(&sql, std::slice::from_ref(value)).unwrap();
        assert!(answer.rows == expected, "{sql}: {:?}", answer.rows);
    }
}

#[test]
fn names_cost_no_more_than_a_lookup_for_each_page_and_keys_nothing() {
    let world = world(450);
    world
        .ask(r#"SELECT "Witnesses" FROM matters LIMIT 1"#, &[])
        .unwrap();
    for (column, least, most) in [("Referring lawyer_id", 3, 3), ("Referring lawyer", 4, 6)] {
        world.sandbox.reset();
        let sql = format!(r#"SELECT id, "{column}" FROM matters"#);
        assert_eq!(world.ask(&sql, &[]).unwrap().rows.len(), 450);
        let made = world.request_count();
        assert!((least..=most).contains(&made), "{:?}", world.requests());
    }
    // Asked once for a statement.
    world.sandbox.reset();
    let sql = r#"SELECT id, "Referring lawyer" FROM matters WHERE id IN (SELECT id FROM matters)"#;
    world.ask(sql, &[]).unwrap();
    assert!(world.request_count() <= 9, "{:?}", world.requests());
    let explained = world.ask(&format!("EXPLAIN {sql}"), &[]).unwrap();
    let shown = format!("{:?}", explained.rows);
    assert!(
        shown.contains("what Referring lawyer shows is looked up"),
        "{shown}"
    );
}

#[test]
fn the_names_of_a_long_list_do_not_keep_its_first_rows_back() {
    let world = world(1_300);
    let cancel = CancellationToken::new();
    let sql = r#"SELECT id, "Referring lawyer" FROM matters"#;
    let mut statement = world.database.prepare(sql, &cancel).unwrap();
    world.sandbox.reset();
    let mut rows = statement.query(&[], &cancel).unwrap();
    assert!(rows.next_row().unwrap().is_some());
    std::thread::sleep(Duration::from_millis(300));
    // The first page, its names, and the second page.
    assert!(world.request_count() <= 3, "{:?}", world.requests());
    let mut count = 1;
    while rows.next_row().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 1_300);
    // Seven pages, in three lots: the names of each that are not known before.
    assert!(world.request_count() <= 7 + 5, "{:?}", world.requests());
}

#[test]
fn a_value_is_taken_in_every_form_that_it_may_come_in() {
    let world = world(20);
    let field = definition(&world, "Referring lawyer");
    let contact = world
        .ask("SELECT id, name FROM contacts LIMIT 1", &[])
        .unwrap();
    let [Value::Integer(id), name] = &contact.rows[0][..] else {
        panic!("{contact:?}");
    };
    let (key, gone) = (Value::Integer(*id), Value::Integer(5));
    let ada = text("Ada");
    for (value, expected) in [
        // As an object of the second level: the name is asked for.
        (
            format!(r#","value":"{id}","contact":{{"id":{id},"etag":"x"}}"#),
            [name, &key],
        ),
        // With its name.
        (
            format!(r#","value":"{id}","contact":{{"id":{id},"name":"Ada"}}"#),
            [&ada, &key],
        ),
        // Without the object: the value is the key, as a text or a number.
        (format!(r#","value":"{id}""#), [name, &key]),
        (format!(r#","value":{id},"contact":null"#), [name, &key]),
        // Hidden from the user, or no longer there.
        (
            format!(r#","value":"{id}","contact":{{"id":{id},"redacted":true}}"#),
            [&Value::Null, &key],
        ),
        (
            r#","value":"5","contact":{"id":5}"#.to_owned(),
            [&Value::Null, &gone],
        ),
        // Never filled in, or emptied.
        (
            r#","value":"","contact":null"#.to_owned(),
            [&Value::Null, &Value::Null],
        ),
        (r#","value":null"#.to_owned(), [&Value::Null, &Value::Null]),
        // The name in place of the key.
        (
            format!(r#","value":"Ada","contact":{{"id":{id}}}"#),
            [name, &key],
        ),
    ] {
        lawyer_becomes(&world, field, &value);
        let sql = r#"SELECT "Referring lawyer", "Referring lawyer_id" FROM matters"#;
        let answer = world.ask(sql, &[]).unwrap();
        let row: Vec<&Value> = answer.rows[0].iter().collect();
        assert_eq!(row, expected, "{value}");
    }
    // Nothing that a key could be taken from.
    lawyer_becomes(&world, field, r#","value":"Ada","contact":null"#);
    let sql = r#"SELECT "Referring lawyer_id" FROM matters"#;
    let error = world.ask(sql, &[]).unwrap_err();
    assert!(error.to_string().contains("Referring lawyer_id"), "{error}");
}

#[test]
fn names_that_may_not_be_read_are_an_error() {
    let world = World::start(Options {
        matters: 20,
        without_permissions: vec!["contacts".into()],
        ..Options::default()
    });
    let sql = r#"SELECT "Referring lawyer" FROM matters"#;
    let error = world.ask(sql, &[]).unwrap_err().to_string();
    assert!(
        error.contains("contacts") && error.contains("permission"),
        "{error}"
    );
    let sql = r#"SELECT "Referring lawyer_id" FROM matters"#;
    assert_eq!(world.ask(sql, &[]).unwrap().rows.len(), 20);
}
