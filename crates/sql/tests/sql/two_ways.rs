//! Questions that were once answered wrongly, each asked in a second way that does not go where the
//! fault was: two scans on one cursor, the far side of a list that is read from its end, filters that
//! are wider than the comparison, values that no filter can hold.

use std::time::{Duration, Instant};

use apilink_sql::{Database, Value};
use clio_sandbox::Options;

use crate::world::{World, ask};

fn firm(matters: usize) -> World {
    World::start(Options {
        matters,
        ..Options::default()
    })
}

/// The whole number that a query answers.
fn number(world: &World, sql: &str) -> i64 {
    let answer = world
        .ask(sql, &[])
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    match answer.rows[..] {
        [ref row] => match row[..] {
            [Value::Integer(number)] => number,
            _ => panic!("{sql}: {row:?}"),
        },
        _ => panic!("{sql}: {} rows", answer.rows.len()),
    }
}

fn same(world: &World, one: &str, other: &str) {
    assert_eq!(number(world, one), number(world, other), "{one}\n{other}");
}

#[test]
fn a_cursor_that_scans_by_two_plans_does_not_wait_for_itself() {
    let world = firm(300);
    let persons = number(
        &world,
        "SELECT count(*) FROM contacts WHERE type = 'Person'",
    );
    assert!(persons > 200, "{persons} persons fit into one request");
    let begun = Instant::now();
    let sql = "SELECT count(*) FROM contacts y
               JOIN contacts x ON (x.id = y.id OR x.type = 'Person') WHERE y.type = 'Person'";
    assert_eq!(number(&world, sql), persons * persons);
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn lists_longer_than_can_be_read_from_their_end_are_read_whole() {
    let world = firm(900);
    let all = number(&world, "SELECT count(*) FROM activities");
    assert!(all > 10_200, "{all} activities can be read from the end");
    same(
        &world,
        "SELECT count(*) FROM (SELECT id FROM activities WHERE id > 5
                               UNION ALL SELECT id FROM activities WHERE id < 50)",
        "SELECT count(*) FROM activities WHERE +id > 5",
    );
    let descending = "SELECT a.id, m.client_name FROM activities a
                      LEFT JOIN matters m ON m.id = a.matter_id ORDER BY a.id DESC";
    assert_eq!(
        number(&world, &format!("SELECT count(*) FROM ({descending})")),
        all
    );
    let rows = world.ask(descending, &[]).unwrap().rows;
    let ids: Vec<i64> = rows
        .iter()
        .filter_map(|row| match row[0] {
            Value::Integer(id) => Some(id),
            _ => None,
        })
        .collect();
    assert!(ids.is_sorted_by(|one, next| one > next));
    assert_eq!(ids.len(), usize::try_from(all).unwrap());
    same(
        &world,
        "SELECT count(*) FROM users u JOIN activities b ON b.id > 5 AND b.user_id = u.id",
        "SELECT count(*) FROM activities WHERE +user_id IN (SELECT id FROM users) AND +id > 5",
    );
}

#[test]
fn a_bound_near_the_end_costs_a_page() {
    let world = firm(450);
    let bound = number(&world, "SELECT max(id) - 50 FROM activities");
    world.sandbox.reset();
    let sql = format!(
        "SELECT count(m.client_name) FROM activities a LEFT JOIN matters m
         ON m.id = a.matter_id WHERE a.id > {bound}"
    );
    number(&world, &sql);
    assert!(world.request_count() <= 2, "{:#?}", world.requests());
}

#[test]
fn a_record_that_answers_to_two_values_is_there_once() {
    let world = firm(300);
    let condition = r#""Second email" IN ('registry@court.example', 'REGISTRY@COURT.EXAMPLE')"#;
    let all = number(
        &world,
        &format!("SELECT count(*) FROM contacts WHERE {condition}"),
    );
    assert!(all > 0);
    let sql = format!("SELECT count(DISTINCT id) FROM contacts WHERE {condition}");
    assert_eq!(number(&world, &sql), all);
    let either = condition
        .replace(" IN (", " = ")
        .replace(", ", r#" OR "Second email" = "#)
        .replace(')', "");
    assert_eq!(
        number(
            &world,
            &format!("SELECT count(*) FROM contacts WHERE {either}")
        ),
        all
    );
}

#[test]
fn values_that_no_filter_can_hold_are_compared() {
    let world = firm(100);
    assert_eq!(
        number(&world, "SELECT count(*) FROM users WHERE enabled = 2"),
        0
    );
    let all = number(&world, "SELECT count(*) FROM contacts");
    let first = number(&world, "SELECT min(id) FROM contacts");
    assert_eq!(
        number(&world, "SELECT count(*) FROM contacts WHERE id <> 2.5"),
        all
    );
    let sql = format!("SELECT count(*) FROM contacts WHERE id NOT IN ({first}, 2.5)");
    assert_eq!(number(&world, &sql), all - 1);
    assert_eq!(
        number(&world, "SELECT count(*) FROM contacts WHERE id = 2.5"),
        0
    );
}

#[test]
fn keys_that_are_text_are_compared_as_text() {
    let world = firm(100);
    let entries = world
        .ask("SELECT id FROM calendar_entries LIMIT 1", &[])
        .unwrap();
    let Value::Text(id) = &entries.rows[0][0] else {
        panic!("a text key");
    };
    let count = |id: &str| {
        number(
            &world,
            &format!("SELECT count(*) FROM calendar_entries WHERE id = '{id}'"),
        )
    };
    assert_eq!(count(id), 1);
    assert_eq!(count(&format!("0{id}")), 0);
}

#[test]
fn a_key_and_a_parameter_go_together() {
    let world = firm(100);
    let (id, name) = ("SELECT min(id) FROM contacts", "Halloran");
    let sql = format!("SELECT count(*) FROM contacts WHERE id = ({id}) AND query = '{name}'");
    let first = number(&world, id);
    let found = format!("SELECT count(*) FROM contacts WHERE query = '{name}' AND +id = {first}");
    same(&world, &sql, &found);
}

#[test]
fn rows_without_a_key_and_lists_without_a_parent_are_counted() {
    let world = firm(100);
    assert_eq!(
        number(
            &world,
            "SELECT count(*) FROM documents_versions WHERE document_id = 99999999"
        ),
        0
    );
    same(
        &world,
        "SELECT count(*) FROM activities_tax_settings",
        "SELECT count(*) FROM activities_tax_settings WHERE +rule IS NULL OR +rule IS NOT NULL",
    );
}

#[test]
fn lookups_whose_keys_come_from_afar_go_together() {
    let world = firm(300);
    world.sandbox.reset();
    number(
        &world,
        "SELECT count(u.name) FROM matters m
         JOIN users u ON u.id = COALESCE(m.responsible_attorney_id, 1)",
    );
    assert!(world.request_count() <= 4, "{:#?}", world.requests());
    world.sandbox.reset();
    number(
        &world,
        "SELECT count(*) FROM activities a JOIN matters m ON m.id = a.matter_id
         JOIN matters other ON other.client_id = m.client_id",
    );
    assert!(world.request_count() <= 40, "{}", world.request_count());
}

#[test]
fn a_bound_on_rows_spares_calls_and_leaves_aggregates_alone() {
    let world = firm(300);
    let bounded = world.connect("MaxRows=7");
    let rows = |sql: &str| {
        world.sandbox.reset();
        let answer = ask(&bounded, sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
        (answer.rows.len(), world.request_count())
    };
    assert_eq!(rows("SELECT id FROM matters"), (7, 1));
    assert_eq!(
        rows("SELECT id FROM matters ORDER BY id DESC LIMIT 100"),
        (7, 1)
    );
    assert_eq!(rows("SELECT id FROM matters LIMIT 3"), (3, 1));
    assert_eq!(
        rows("SELECT id FROM matters UNION SELECT id FROM contacts").0,
        7
    );
    let (groups, calls) = rows("SELECT client_id, count(*) FROM matters GROUP BY client_id");
    assert!(groups > 7 && calls == 2, "{groups} rows, {calls} calls");
    assert!(rows("SELECT TableName FROM sys_tables").0 > 100);
    let log = world.requests();
    assert!(log.is_empty(), "{log:#?}");
    rows("SELECT id FROM matters");
    let request = &world.requests()[0];
    assert!(request.contains("limit=7"), "{request}");
}

#[test]
fn pages_are_no_larger_than_asked_for() {
    let world = firm(300);
    let small = world.connect("Pagesize=60");
    let large = world.connect("Pagesize=5000");
    let calls = |database: &Database, sql: &str| {
        world.sandbox.reset();
        let answer = ask(database, sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error}"));
        (answer.rows.len(), world.request_count())
    };
    assert_eq!(calls(&small, "SELECT id FROM matters"), (300, 5));
    assert!(
        world
            .requests()
            .iter()
            .all(|request| request.contains("limit=60"))
    );
    assert_eq!(calls(&large, "SELECT id FROM matters"), (300, 2));
    let ids = "SELECT id FROM matters WHERE id IN (SELECT id + 1 FROM matters LIMIT 150)";
    assert_eq!(calls(&small, ids).0, 150);
    assert_eq!(calls(&small, "SELECT count(*) FROM matters"), (1, 1));
}

#[test]
fn what_an_array_is_compared_with_is_passed_to_its_holder() {
    let world = firm(120);
    let matter = number(&world, "SELECT max(id) FROM bills_matters WHERE id > 0");
    let bill = number(
        &world,
        "SELECT min(bill_id) FROM bills_matters WHERE id > 0",
    );
    let inner = "FROM bills b JOIN bills_matters bm ON bm.bill_id = b.id";
    let outer = "FROM bills b LEFT JOIN bills_matters bm ON bm.bill_id = b.id";
    for (from, condition) in [
        (inner, format!("bm.id = {matter}")),
        (inner, format!("bm.id = '{matter}'")),
        (inner, format!("bm.id = {matter}.0")),
        (inner, format!("bm.id = {matter} AND b.id = {bill}")),
        (inner, format!("bm.id = {matter} OR b.id = {bill}")),
        (
            inner,
            format!("bm.id IN ({matter}, {matter} + 1, {matter} - 1)"),
        ),
        (
            inner,
            format!("bm.id = (SELECT max(id) FROM matters WHERE id <= {matter})"),
        ),
        (outer, format!("bm.id = {matter}")),
        (outer, format!("bm.id IS NULL OR bm.id = {matter}")),
        ("FROM bills_matters bm", format!("bm.id = {matter}")),
        (
            "FROM bills_matters bm",
            format!("bm.id = {matter} AND bm.bill_id = {bill}"),
        ),
    ] {
        let hidden = condition
            .replace("bm.id =", "+bm.id =")
            .replace("bm.id IN", "+bm.id IN");
        same(
            &world,
            &format!("SELECT count(*) {from} WHERE {condition}"),
            &format!("SELECT count(*) {from} WHERE {hidden}"),
        );
    }
    same(
        &world,
        "SELECT count(*) FROM matters m JOIN bills_matters bm ON bm.id = m.id",
        "SELECT count(*) FROM matters m JOIN bills_matters bm ON +bm.id = m.id",
    );
}

#[test]
fn values_one_by_one_and_the_list_give_the_same() {
    let world = firm(300);
    let some = |count: usize| {
        format!("SELECT id FROM matters WHERE id > 0 ORDER BY id DESC LIMIT {count}")
    };
    for count in [2, 4, 5, 12, 60, 290] {
        for select in ["count(*)", "count(DISTINCT id)", "count(note)"] {
            same(
                &world,
                &format!(
                    "SELECT {select} FROM activities WHERE matter_id IN ({})",
                    some(count)
                ),
                &format!(
                    "SELECT {select} FROM activities WHERE +matter_id IN ({})",
                    some(count)
                ),
            );
        }
        let join = |sign: &str| {
            format!(
                "SELECT count(a.note) FROM ({}) m LEFT JOIN activities a ON {sign}a.matter_id = m.id",
                some(count)
            )
        };
        same(&world, &join(""), &join("+"));
    }
    // Both ways at once, over one list.
    same(
        &world,
        &format!(
            "SELECT count(*) FROM (SELECT note FROM activities WHERE matter_id IN ({})
                                   UNION ALL SELECT note FROM activities)",
            some(6)
        ),
        &format!(
            "SELECT (SELECT count(*) FROM activities WHERE +matter_id IN ({})) + (SELECT count(*) FROM activities)",
            some(6)
        ),
    );
}

#[test]
fn a_column_that_ignores_case_does_so_on_either_side() {
    let world = firm(40);
    let open = "SELECT count(*) FROM matters WHERE status = 'Open'";
    assert!(number(&world, open) > 0);
    for condition in [
        "m.status = s.v",
        "s.v = m.status",
        "s.v IN (m.status)",
        "COALESCE(m.status, '') = s.v",
        "s.v = (SELECT o.status FROM matters o WHERE o.id = m.id)",
        "s.v IN (SELECT o.status FROM matters o WHERE o.id = m.id)",
    ] {
        let sql =
            format!("SELECT count(*) FROM (SELECT 'oPEN' AS v) s, matters m WHERE {condition}");
        same(&world, open, &sql);
    }
    same(
        &world,
        open,
        "SELECT count(*) FROM (SELECT 'oPEN' AS status) JOIN matters USING (status)",
    );
}

#[test]
fn arrays_whose_records_cannot_be_asked_for_by_key_are_found_by_it() {
    let world = firm(300);
    for (holder, array, parent) in [
        ("billable_clients", "billable_matters", "billable_client_id"),
        (
            "outstanding_client_balances",
            "outstanding_bills",
            "outstanding_client_balance_id",
        ),
    ] {
        let table = format!("{holder}_{array}");
        let all = number(&world, &format!("SELECT count(*) FROM {table}"));
        assert!(all > 10, "{all} rows in {table}");
        let key = number(&world, &format!("SELECT max({parent}) FROM {table}"));
        for condition in [
            format!("{parent} = {key}"),
            format!("{parent} IN ({key}, {key} - 1, 5)"),
            format!("{parent} IN (SELECT id FROM {holder} WHERE id > 5)"),
            format!("{parent} = (SELECT max(id) FROM {holder} WHERE id <= {key})"),
        ] {
            let sql = format!("SELECT count(*) FROM {table} WHERE {condition}");
            let other = sql.replace(&format!("{parent} "), &format!("+{parent} "));
            assert!(number(&world, &sql) > 0, "{sql}");
            same(&world, &sql, &other);
        }
        world.sandbox.reset();
        let join = format!(
            "SELECT count(b.{parent}) FROM (SELECT id + 0 AS id FROM {holder}) c
             LEFT JOIN {table} b ON b.{parent} = c.id"
        );
        assert_eq!(number(&world, &join), all);
        // Each list is read once.
        let requests = world.requests();
        assert!(requests.len() <= 10, "{requests:#?}");
        let explained = world
            .ask(&format!("EXPLAIN {join}"), &[])
            .map(|answer| format!("{:?}", answer.rows));
        assert!(!explained.unwrap().contains("no row can match"));
    }
}
