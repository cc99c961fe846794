//! The proof: random statements give the same rows with the rules as without them.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::catalog;
use crate::rewrite::rewrite;

/// The tables of the catalogue in `SQLite`, with NULLs, duplicates and texts that differ in case.
fn database() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute_batch(
            "CREATE TABLE matters (id INTEGER, client_id INTEGER, client_kind TEXT, number TEXT, rate REAL,
                 status TEXT COLLATE NOCASE);
             CREATE TABLE contacts (id INTEGER, name TEXT, kind TEXT, weight INTEGER);
             CREATE TABLE activities (id INTEGER, matter_id INTEGER, note TEXT, total REAL,
                 status TEXT COLLATE NOCASE);
             CREATE TABLE balances (matter_id INTEGER, id INTEGER, kind TEXT);
             INSERT INTO balances VALUES (1, 1, 'a'), (1, 2, NULL), (3, 1, 'A'), (5, 9, 'a');
             INSERT INTO matters VALUES (1, 1, 'A', 'a', 1.0, 'Open'), (2, 1, 'A', 'b', NULL, 'open'),
                 (3, NULL, NULL, 'A', 2.5, NULL), (4, 3, 'a', NULL, 2.5, 'a'),
                 (5, 9, NULL, '2', 0.0, 'A'), (6, 2, NULL, 'a', 3.0, 'open');
             INSERT INTO contacts VALUES (1, 'a', 'A', 1), (2, 'A', NULL, 2), (3, NULL, 'a', NULL),
                 (4, 'b', 'open', 2);
             INSERT INTO activities VALUES (1, 1, 'a', 1.0, 'a'), (2, 1, NULL, 2.5, 'OPEN'),
                 (3, NULL, 'A', NULL, NULL), (4, 3, '2', 0.0, 'open'), (5, 6, 'a', 3.0, 'A'),
                 (6, 7, 'b', 2.5, 'x'), (7, 3, 'b', 2.5, 'x');",
        )
        .unwrap();
    connection
}

/// A table in FROM: its alias and its columns.
#[derive(Clone, Copy, Debug)]
struct Relation {
    alias: &'static str,
    columns: &'static [&'static str],
}

const TABLES: [(&str, &[&str]); 4] = [
    (
        "matters",
        &["id", "client_id", "client_kind", "number", "rate", "status"],
    ),
    ("contacts", &["id", "name", "kind", "weight"]),
    (
        "activities",
        &["id", "matter_id", "note", "total", "status"],
    ),
    ("balances", &["matter_id", "id", "kind"]),
];

fn literal() -> impl Strategy<Value = &'static str> {
    select(vec![
        "1", "2", "3", "-1", "2.5", "9", "'a'", "'A'", "'1'", "'open'", "NULL", "3",
    ])
}

fn literals() -> impl Strategy<Value = String> {
    vec(literal(), 1..4).prop_map(|list| list.join(", "))
}

/// A column of one of these relations, mostly one that can be an identity.
fn column(relations: &[Relation]) -> BoxedStrategy<String> {
    let all: Vec<String> = relations
        .iter()
        .flat_map(|relation| {
            let qualified = move |column: &&str| format!("{}.{column}", relation.alias);
            relation.columns.iter().map(qualified)
        })
        .collect();
    let numbers: Vec<String> = all
        .iter()
        .filter(|name| name.ends_with("id"))
        .cloned()
        .collect();
    prop_oneof![2 => select(numbers), 1 => select(all)].boxed()
}

/// A text column of one of these relations; where there are several, rarely the same twice.
fn texts(relations: &[Relation]) -> BoxedStrategy<String> {
    let text = |column: &&&str| ["number", "status", "name", "kind", "note"].contains(column);
    let texts: Vec<String> = relations
        .iter()
        .flat_map(|relation| {
            let qualified = move |column: &&str| format!("{}.{column}", relation.alias);
            relation.columns.iter().filter(text).map(qualified)
        })
        .collect();
    select(texts).boxed()
}

/// A condition over these relations and those of the SELECT around it.
fn condition(inner: &[Relation], outer: &[Relation], depth: u32) -> BoxedStrategy<String> {
    let mut visible = inner.to_vec();
    visible.extend(outer);
    let name = column(inner);
    let simple = prop_oneof![
        4 => (name.clone(), column(&visible)).prop_map(|(a, b)| format!("{a} = {b}")),
        3 => (name.clone(), literal()).prop_map(|(a, l)| format!("{a} = {l}")),
        1 => (name.clone(), literal()).prop_map(|(a, l)| format!("{l} = {a}")),
        1 => (name.clone(), literal()).prop_map(|(a, l)| format!("{a} <= {l}")),
        2 => (name.clone(), literals()).prop_map(|(a, l)| format!("{a} IN ({l})")),
        2 => (name.clone(), literals()).prop_map(|(a, l)| format!("{a} NOT IN ({l})")),
        1 => (name.clone(), literal(), literal())
            .prop_map(|(a, l, m)| format!("{a} BETWEEN {l} AND {m}")),
        1 => (name.clone(), literal(), literal())
            .prop_map(|(a, l, m)| format!("({a} = {l} OR {a} = {m})")),
        1 => (name.clone(), literal(), name.clone(), literal())
            .prop_map(|(a, l, b, m)| format!("{a} BETWEEN {l} AND {b} = {m}")),
        2 => (texts(&visible), texts(&visible), literals())
            .prop_map(|(a, b, l)| format!("{a} = {b} AND {b} IN ({l})")),
        1 => (texts(&visible), texts(&visible), select(vec!["'a'", "'A'", "'open'"]))
            .prop_map(|(a, b, l)| format!("{b} = {a} AND {b} = {l}")),
        1 => name.clone().prop_map(|a| format!("{a} IS NULL")),
        1 => (name.clone(), literal(), name)
            .prop_map(|(a, l, b)| format!("CASE WHEN {a} = {l} AND {b} = 1 THEN 1 ELSE {b} END")),
    ];
    let part = if depth == 0 {
        simple.boxed()
    } else {
        let nested = condition(inner, outer, depth - 1);
        let exists = exists(inner.to_vec(), depth - 1);
        prop_oneof![
            6 => simple,
            3 => exists,
            2 => semi_join(inner),
            1 => nested.clone().prop_map(|a| format!("NOT ({a})")),
            1 => nested.clone().prop_map(|a| format!("({a})")),
            1 => (nested.clone(), nested).prop_map(|(a, b)| format!("({a} OR {b})")),
        ]
        .boxed()
    };
    (vec(part, 1..4), 0..8)
        .prop_map(|(parts, or)| parts.join(if or == 0 { " OR " } else { " AND " }))
        .boxed()
}

/// EXISTS over one or two tables, correlated or not; its aliases may hide those outside.
fn exists(outer: Vec<Relation>, depth: u32) -> BoxedStrategy<String> {
    let items = select(vec!["1", "*", "1 AS id", "NULL", "COUNT(*)", "1 AS x"]);
    from_clause("k", depth)
        .prop_flat_map(move |(from, relations)| {
            let link = (column(&relations), column(&outer));
            let rest = condition(&relations, &outer, depth);
            (Just(from), link, rest, 0..4)
        })
        .prop_flat_map(move |(from, (a, b), rest, form)| {
            let condition = match form {
                0 => format!("{a} = {b}"),
                1 => format!("{b} = {a} AND ({rest})"),
                2 => format!("{rest} AND {a} = {b}"),
                _ => rest,
            };
            items.clone().prop_map(move |items| {
                format!("EXISTS (SELECT {items} FROM {from} WHERE {condition})")
            })
        })
        .boxed()
}

/// A column that is to be among the keys of a table, or not.
fn semi_join(outer: &[Relation]) -> BoxedStrategy<String> {
    let keys: Vec<String> = outer
        .iter()
        .flat_map(|relation| {
            let names = ["client_id", "matter_id", "id"].into_iter();
            let own = names.filter(|name| relation.columns.contains(name));
            own.map(|name| format!("{}.{name}", relation.alias))
        })
        .collect();
    let inner = (0..TABLES.len(), select(vec!["k", "m", "c"]));
    let inner = inner.prop_flat_map(|(table, alias)| {
        let (table, columns) = TABLES[table];
        let rest = condition(&[Relation { alias, columns }], &[], 0);
        let rest = proptest::option::weighted(0.8, rest);
        (Just((table, alias)), rest)
    });
    (select(keys), select(vec!["IN", "IN", "NOT IN"]), inner)
        .prop_map(|(name, operator, ((table, alias), rest))| {
            let rest = rest.map_or_else(String::new, |rest| format!(" WHERE {rest}"));
            format!("{name} {operator} (SELECT {alias}.id FROM {table} {alias}{rest})")
        })
        .boxed()
}

/// One to three tables with joins.
fn from_clause(prefix: &'static str, depth: u32) -> BoxedStrategy<(String, Vec<Relation>)> {
    const ALIASES: [(&str, [&str; 3]); 2] = [("k", ["k1", "m", "k3"]), ("m", ["m", "c", "a"])];
    let aliases = ALIASES
        .iter()
        .find(|(name, _)| *name == prefix)
        .map(|(_, aliases)| *aliases)
        .unwrap();
    let joins = vec![
        " JOIN ",
        " JOIN ",
        ", ",
        " CROSS JOIN ",
        " LEFT JOIN ",
        " RIGHT JOIN ",
        " FULL JOIN ",
    ];
    let tables = vec(0..4_usize, 1..4);
    (tables, vec(select(joins), 2), any::<bool>())
        .prop_flat_map(move |(tables, joins, in_brackets)| {
            let relations: Vec<Relation> = tables
                .iter()
                .zip(aliases)
                .map(|(&table, alias)| Relation {
                    alias,
                    columns: TABLES[table].1,
                })
                .collect();
            let on: Vec<BoxedStrategy<String>> = (1..relations.len())
                .map(|at| {
                    let here = column(&relations[at..=at]);
                    let there = column(&relations[..at]);
                    let link = (here, there).prop_map(|(a, b)| format!("{a} = {b}"));
                    let more = condition(&relations[..=at], &[], depth.min(1) / 2);
                    prop_oneof![
                        2 => link.clone(),
                        1 => (link, more).prop_map(|(a, b)| format!("{a} AND ({b})")),
                    ]
                    .boxed()
                })
                .collect();
            (Just((tables, joins, in_brackets, relations)), on)
        })
        .prop_map(|((tables, joins, in_brackets, relations), on)| {
            let entry = |at: usize| format!("{} {}", TABLES[tables[at]].0, relations[at].alias);
            let mut text = entry(0);
            for (at, condition) in on.iter().enumerate() {
                let join = joins[at];
                let on = if join == ", " {
                    String::new()
                } else {
                    format!(" ON {condition}")
                };
                text = if in_brackets && at == 1 {
                    format!("({text}){join}{}{on}", entry(at + 1))
                } else {
                    format!("{text}{join}{}{on}", entry(at + 1))
                };
            }
            (text, relations)
        })
        .boxed()
}

/// The columns of a SELECT, and what follows its WHERE.
fn shown(relations: &[Relation]) -> BoxedStrategy<(String, String)> {
    let name = column(relations);
    let aggregates = vec(
        prop_oneof![
            column(relations).prop_map(|a| format!("MIN({a})")),
            column(relations).prop_map(|a| format!("MAX({a})")),
            column(relations).prop_map(|a| format!("COUNT({a})")),
            Just("COUNT(*)".to_owned()),
        ],
        1..4,
    );
    let first = relations[0].alias;
    let ends = vec(select(vec!["MIN", "MAX", "COUNT"]), 1..4).prop_map(move |names| {
        let calls: Vec<String> = names
            .iter()
            .map(|name| format!("{name}({first}.id)"))
            .collect();
        calls.join(", ")
    });
    prop_oneof![
        3 => vec(name.clone(), 1..4).prop_map(|names| (names.join(", "), String::new())),
        1 => Just(("*".to_owned(), String::new())),
        1 => name.clone().prop_map(|a| (format!("DISTINCT {a}"), String::new())),
        2 => aggregates.clone().prop_map(|list| (list.join(", "), String::new())),
        2 => ends.prop_map(|list| (list, String::new())),
        2 => (name, aggregates).prop_map(|(a, list)| {
            let having = &list[0];
            (format!("{a}, {}", list.join(", ")), format!(" GROUP BY {a} HAVING {having} IS NOT 1"))
        }),
    ]
    .boxed()
}

fn core() -> BoxedStrategy<String> {
    from_clause("m", 1)
        .prop_flat_map(|(from, relations)| {
            (
                Just(from),
                shown(&relations),
                proptest::option::weighted(0.8, condition(&relations, &[], 2)),
            )
        })
        .prop_map(|(from, (items, tail), condition)| {
            let condition = condition.map_or_else(String::new, |text| format!(" WHERE {text}"));
            format!("SELECT {items} FROM {from}{condition}{tail}")
        })
        .boxed()
}

fn statement() -> BoxedStrategy<String> {
    let one = core();
    prop_oneof![
        6 => one.clone(),
        1 => one.clone().prop_map(|core| format!("SELECT * FROM ({core}) AS d")),
        1 => one.clone().prop_map(|core| format!("SELECT (SELECT COUNT(*) FROM ({core})) AS n")),
        1 => one.clone().prop_map(|core| format!(
            "WITH contacts AS (SELECT NULL AS id, 'a' AS name, 'b' AS kind, 1 AS weight) {core}"
        )),
        1 => (one.clone(), one.clone())
            .prop_map(|(a, b)| format!("SELECT 1 FROM ({a}) UNION ALL SELECT 2 FROM ({b})")),
        1 => one.prop_map(|core| format!("WITH d AS ({core}) SELECT COUNT(*) FROM d, d AS e")),
    ]
    .boxed()
}

/// The rows and how often each is there; `None`: `SQLite` does not take the statement.
fn rows(connection: &Connection, sql: &str) -> Result<BTreeMap<String, usize>, rusqlite::Error> {
    // Of texts that differ in case only, any may stand for all in a column that ignores it.
    let chooses = ["DISTINCT", "GROUP BY", "MIN(", "MAX("];
    let ignores_case = chooses.iter().any(|word| sql.contains(word));
    let mut statement = connection.prepare(sql)?;
    let width = statement.column_count();
    let mut found = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let row: Vec<Value> = (0..width).map(|at| row.get(at)).collect::<Result<_, _>>()?;
        let mut shown = format!("{row:?}");
        if ignores_case {
            shown.make_ascii_lowercase();
        }
        *found.entry(shown).or_default() += 1;
    }
    Ok(found)
}

#[test]
fn random_statements_give_the_same_rows() {
    let (connection, catalog) = (database(), catalog());
    let (mut changed, mut with_rows, mut valid) = (0, 0, 0);
    let config = ProptestConfig {
        cases: 5_000,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let counters = std::cell::RefCell::new((&mut changed, &mut with_rows, &mut valid));
    let outcome = runner.run(&statement(), |sql| {
        let mut counters = counters.borrow_mut();
        let Ok(expected) = rows(&connection, &sql) else {
            return Ok(());
        };
        *counters.2 += 1;
        let rewritten = rewrite(&sql, &catalog);
        if rewritten == sql {
            return Ok(());
        }
        *counters.0 += 1;
        *counters.1 += usize::from(!expected.is_empty());
        let found = rows(&connection, &rewritten);
        prop_assert_eq!(found.ok(), Some(expected), "{}\n{}", sql, rewritten);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    println!("{valid} statements, {changed} changed, {with_rows} of those with rows");
    assert!(valid > 4_500 && changed > 2_000 && with_rows > 1_200);
}

proptest! {
    #[test]
    fn no_text_is_too_strange(sql in "\\PC{0,200}") {
        let _ = rewrite(&sql, &catalog());
    }

    #[test]
    fn no_sequence_of_words_is_too_strange(words in vec(select(vec![
        "SELECT", "FROM", "WHERE", "matters", "m", "id", "COUNT", "MIN", "(", ")", ",", ".", "*",
        "JOIN", "RIGHT", "LEFT", "ON", "EXISTS", "NOT", "IN", "OR", "AND", "=", "1", "'a'", "AS",
        "WITH", "UNION", "VALUES", "BETWEEN", "CASE", "END", "GROUP BY", "ORDER", "USING", "[x]",
    ]), 0..60)) {
        let _ = rewrite(&words.join(" "), &catalog());
    }
}
