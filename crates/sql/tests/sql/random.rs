//! Queries made by chance, compared with the same SQL over plain tables.
//!
//! `RANDOM_SEED` and `RANDOM_QUERIES` change the seed and the number.

use std::collections::HashMap;
use std::fmt::Write as _;

use apilink_sql::Value;
use clio_sandbox::Options;

use crate::oracle::Oracle;
use crate::world::{self, World};

/// Tables, with the columns that are used and what kind of values they have.
const TABLES: &[(&str, &[(&str, Kind)])] = &[
    (
        "matters",
        &[
            ("id", Kind::Key),
            ("client_id", Kind::Key),
            ("status", Kind::Text),
            ("open_date", Kind::Text),
            ("number", Kind::Number),
            ("display_number", Kind::Text),
            ("responsible_attorney_id", Kind::Key),
            ("location", Kind::Text),
            ("created_at", Kind::Text),
            ("\"Amount in dispute\"", Kind::Number),
            ("\"Jurisdiction\"", Kind::Text),
            ("\"Referring lawyer\"", Kind::Text),
        ],
    ),
    (
        "contacts",
        &[
            ("id", Kind::Key),
            ("name", Kind::Text),
            ("type", Kind::Text),
            ("is_client", Kind::Number),
            ("created_at", Kind::Text),
            ("company_id", Kind::Key),
            ("primary_address_city", Kind::Text),
            ("date_of_birth", Kind::Text),
        ],
    ),
    (
        "activities",
        &[
            ("id", Kind::Key),
            ("matter_id", Kind::Key),
            ("user_id", Kind::Key),
            ("type", Kind::Text),
            ("date", Kind::Text),
            ("total", Kind::Number),
            ("billed", Kind::Number),
            ("activity_description_id", Kind::Key),
        ],
    ),
    (
        "tasks",
        &[
            ("id", Kind::Key),
            ("matter_id", Kind::Key),
            ("due_at", Kind::Text),
            ("status", Kind::Text),
            ("priority", Kind::Text),
            ("name", Kind::Text),
        ],
    ),
    (
        "bills",
        &[
            ("id", Kind::Key),
            ("client_id", Kind::Key),
            ("state", Kind::Text),
            ("total", Kind::Number),
            ("due_at", Kind::Text),
            ("issued_at", Kind::Text),
        ],
    ),
    (
        "users",
        &[
            ("id", Kind::Key),
            ("name", Kind::Text),
            ("enabled", Kind::Number),
        ],
    ),
    (
        "documents",
        &[
            ("id", Kind::Key),
            ("matter_id", Kind::Key),
            ("name", Kind::Text),
            ("size", Kind::Number),
            ("updated_at", Kind::Text),
        ],
    ),
    (
        "notes",
        &[
            ("id", Kind::Key),
            ("matter_id", Kind::Key),
            ("contact_id", Kind::Key),
            ("type", Kind::Text),
            ("date", Kind::Text),
        ],
    ),
    (
        "relationships",
        &[
            ("id", Kind::Key),
            ("matter_id", Kind::Key),
            ("contact_id", Kind::Key),
            ("description", Kind::Text),
        ],
    ),
    (
        "contacts_email_addresses",
        &[
            ("id", Kind::Key),
            ("contact_id", Kind::Key),
            ("address", Kind::Text),
        ],
    ),
    (
        "bills_matters",
        &[
            ("id", Kind::Key),
            ("bill_id", Kind::Key),
            ("status", Kind::Text),
        ],
    ),
];

/// References: table, column, and the table whose `id` it holds.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("matters", "client_id", "contacts"),
    ("matters", "responsible_attorney_id", "users"),
    ("contacts", "company_id", "contacts"),
    ("activities", "matter_id", "matters"),
    ("activities", "user_id", "users"),
    ("tasks", "matter_id", "matters"),
    ("bills", "client_id", "contacts"),
    ("documents", "matter_id", "matters"),
    ("notes", "matter_id", "matters"),
    ("notes", "contact_id", "contacts"),
    ("relationships", "matter_id", "matters"),
    ("relationships", "contact_id", "contacts"),
    ("contacts_email_addresses", "contact_id", "contacts"),
    ("bills_matters", "bill_id", "bills"),
    ("bills_matters", "id", "matters"),
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Key,
    Number,
    Text,
}

#[test]
fn queries_made_by_chance_answer_right() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("RANDOM_SEED").unwrap_or(1);
    let count: u64 = number("RANDOM_QUERIES").unwrap_or(400);
    let world = World::start(Options {
        matters: 40,
        ..Options::default()
    });
    // With small pages, much more has to be decided.
    let small_pages = world.connect("Pagesize=7");
    let words = TABLES.iter().flat_map(|(table, columns)| {
        let columns = columns.iter().map(|(column, _)| *column);
        columns.chain([*table])
    });
    let oracle = Oracle::of(&world.sandbox, words);
    let mut wrong = Vec::new();
    let mut with_rows = 0;
    for nth in 0..count {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(nth);
        let mut maker = Maker::new(seed, &oracle);
        let (sql, in_order) = maker.query();
        let expected = oracle.query(&sql, &[]).unwrap();
        with_rows += u64::from(!expected.is_empty());
        world.sandbox.reset();
        let databases = [&world.database, &small_pages];
        let answer = world::ask(databases[usize::from(nth % 2 == 1)], &sql, &[]);
        for request in world.sandbox.counters().unknown_requests {
            wrong.push(format!("{sql}\n    the API has no such request: {request}"));
        }
        match answer {
            Err(error) => wrong.push(format!("{sql}\n    {error}")),
            Ok(answer) => {
                let (found, expected) = (shown(&answer.rows, in_order), shown(&expected, in_order));
                if found != expected {
                    let first = |one: &[String], other: &[String]| {
                        one.iter().find(|row| !other.contains(row)).cloned()
                    };
                    wrong.push(format!(
                        "{sql}\n    {} rows, not {}; missing {:?}, too many {:?}",
                        found.len(),
                        expected.len(),
                        first(&expected, &found),
                        first(&found, &expected),
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(with_rows > count / 2, "{with_rows} of {count} have rows");
}

fn shown(rows: &[Vec<Value>], in_order: bool) -> Vec<String> {
    let show = |value: &Value| match value {
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        Value::Integer(number) => format!("{:.3}", *number as f64),
        Value::Real(number) => format!("{:.3}", number + 0.0),
        other => format!("{other:?}"),
    };
    let rows = rows.iter();
    let mut shown: Vec<String> = rows
        .map(|row| row.iter().map(show).collect::<Vec<_>>().join(" | "))
        .collect();
    if !in_order {
        shown.sort_unstable();
    }
    shown
}

/// A table in a query, under a name of its own.
#[derive(Clone)]
struct Source {
    table: &'static str,
    alias: String,
    columns: &'static [(&'static str, Kind)],
}

struct Maker<'a> {
    state: u64,
    oracle: &'a Oracle,
    samples: HashMap<String, Vec<String>>,
    aliases: usize,
}

impl<'a> Maker<'a> {
    fn new(seed: u64, oracle: &'a Oracle) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            oracle,
            samples: HashMap::new(),
            aliases: 0,
        }
    }

    /// A number below `end` (splitmix64).
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % end as u64).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len());
        from[at].clone()
    }

    fn source(&mut self, table: &str) -> Source {
        let (table, columns) = *TABLES.iter().find(|(name, _)| *name == table).unwrap();
        self.aliases += 1;
        Source {
            table,
            alias: format!("t{}", self.aliases),
            columns,
        }
    }

    fn any_source(&mut self) -> Source {
        let (table, _) = self.pick(TABLES);
        self.source(table)
    }

    /// A table that is connected to another one, and the condition that connects them.
    fn neighbour(&mut self, of: &Source) -> (Source, String) {
        let edges: Vec<_> = REFERENCES
            .iter()
            .filter(|(from, _, to)| *from == of.table || *to == of.table)
            .copied()
            .collect();
        let (from, column, to) = self.pick(&edges);
        let is_forward = from == of.table && (to != of.table || self.chance(50));
        let other = self.source(if is_forward { to } else { from });
        let (holder, holds) = if is_forward {
            (of, &other)
        } else {
            (&other, of)
        };
        let sides = [
            format!("{}.{column}", holder.alias),
            format!("{}.id", holds.alias),
        ];
        let [left, right] = sides;
        let condition = if self.chance(50) {
            format!("{left} = {right}")
        } else {
            format!("{right} = {left}")
        };
        (other, condition)
    }

    fn column(&mut self, source: &Source) -> (String, Kind) {
        let (name, kind) = self.pick(source.columns);
        (format!("{}.{name}", source.alias), kind)
    }

    /// A value that the column has, as a literal.
    fn literal(&mut self, source: &Source, column: &str) -> String {
        let name = column.split_once('.').unwrap().1;
        let key = format!("{}.{name}", source.table);
        if !self.samples.contains_key(&key) {
            let sql = format!(
                "SELECT DISTINCT quote({name}) FROM {} WHERE {name} IS NOT NULL LIMIT 60",
                source.table
            );
            let rows = self.oracle.query(&sql, &[]).unwrap();
            let values = rows.into_iter().filter_map(|mut row| match row.pop() {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            });
            self.samples.insert(key.clone(), values.collect());
        }
        let values = self.samples[&key].clone();
        if values.is_empty() {
            return "'none'".to_owned();
        }
        self.pick(&values)
    }

    fn condition(&mut self, source: &Source, depth: usize) -> String {
        if depth > 0 && self.chance(35) {
            let left = self.condition(source, depth - 1);
            let right = self.condition(source, depth - 1);
            return match self.below(4) {
                0 => format!("({left} OR {right})"),
                1 => format!("NOT ({left} AND {right})"),
                _ => format!("({left} AND {right})"),
            };
        }
        let (column, kind) = self.column(source);
        let value = self.literal(source, &column);
        match self.below(9) {
            0 => format!("{column} IS NULL"),
            1 => format!("{column} IS NOT NULL"),
            2 => {
                // Of many keys, the list may be read in place of a request for each.
                let most = if kind == Kind::Key && self.chance(40) {
                    12
                } else {
                    4
                };
                let others: Vec<String> = (0..self.below(most))
                    .map(|_| self.literal(source, &column))
                    .collect();
                let not = if self.chance(25) { "NOT " } else { "" };
                format!(
                    "{column} {not}IN ({})",
                    [vec![value], others].concat().join(", ")
                )
            }
            3 => {
                let other = self.literal(source, &column);
                format!("{column} BETWEEN {value} AND {other}")
            }
            4 if kind == Kind::Text => format!("{column} LIKE substr({value}, 1, 3) || '%'"),
            5 => format!("{column} <> {value}"),
            6 | 7 if kind != Kind::Key => {
                let operator = self.pick(&["<", "<=", ">", ">="]);
                format!("{column} {operator} {value}")
            }
            _ => format!("{column} = {value}"),
        }
    }

    fn filter(&mut self, sources: &[Source]) -> String {
        let mut conditions = Vec::new();
        for source in sources {
            if self.chance(55) {
                conditions.push(self.condition(source, 2));
            }
        }
        if conditions.is_empty() {
            return String::new();
        }
        format!(" WHERE {}", conditions.join(" AND "))
    }

    /// A few columns of each source.
    fn columns(&mut self, sources: &[Source]) -> String {
        let mut columns = Vec::new();
        for source in sources {
            for _ in 0..=self.below(2) {
                columns.push(self.column(source).0);
            }
        }
        columns.join(", ")
    }

    /// An SQL text, and whether its order is total.
    fn query(&mut self) -> (String, bool) {
        match self.below(8) {
            0 | 1 => self.plain(),
            2 => (self.grouped(), false),
            3 | 4 => (self.joined(), false),
            5 => (self.related(), false),
            6 => (self.combined(), false),
            _ => (self.counted(), false),
        }
    }

    fn plain(&mut self) -> (String, bool) {
        let source = self.any_source();
        let sources = [source.clone()];
        let columns = self.columns(&sources);
        let filter = self.filter(&sources);
        let from = format!(
            "SELECT {columns} FROM {} {}{filter}",
            source.table, source.alias
        );
        let has_one_key = !source.table.contains('_');
        if !has_one_key || self.chance(40) {
            return (from, false);
        }
        let direction = self.pick(&["", " DESC"]);
        let mut sql = format!("{from} ORDER BY {}.id{direction}", source.alias);
        if self.chance(70) {
            let _ = write!(sql, " LIMIT {}", self.below(30));
            if self.chance(40) {
                let _ = write!(sql, " OFFSET {}", self.below(30));
            }
        }
        (sql, true)
    }

    fn grouped(&mut self) -> String {
        let source = self.any_source();
        let sources = [source.clone()];
        let filter = self.filter(&sources);
        let (column, _) = self.column(&source);
        let aggregate = match self.below(6) {
            0 => "COUNT(*)".to_owned(),
            1 => format!("COUNT({column})"),
            2 => format!("COUNT(DISTINCT {column})"),
            3 => format!("MIN({column})"),
            4 => format!("MAX({column})"),
            _ => format!("MIN({}.id), MAX({}.id)", source.alias, source.alias),
        };
        let from = format!("FROM {} {}{filter}", source.table, source.alias);
        if self.chance(50) {
            return format!("SELECT {aggregate} {from}");
        }
        let (by, _) = self.column(&source);
        format!("SELECT {by}, {aggregate} {from} GROUP BY {by}")
    }

    fn joined(&mut self) -> String {
        let first = self.any_source();
        let mut from = format!("FROM {} {}", first.table, first.alias);
        let mut sources = vec![first];
        for _ in 0..=usize::from(self.chance(40)) {
            let of = self.pick(&sources);
            let (other, condition) = self.neighbour(&of);
            let kind = self.pick(&["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
            let more = if self.chance(20) {
                format!(" AND {}", self.condition(&other, 1))
            } else {
                String::new()
            };
            let (table, alias) = (other.table, &other.alias);
            let _ = write!(from, " {kind} {table} {alias} ON {condition}{more}");
            sources.push(other);
        }
        let filter = self.filter(&sources);
        if self.chance(25) {
            return format!("SELECT COUNT(*) {from}{filter}");
        }
        let columns = self.columns(&sources);
        format!("SELECT {columns} {from}{filter}")
    }

    fn related(&mut self) -> String {
        let outer = self.any_source();
        let (inner, condition) = self.neighbour(&outer);
        let columns = self.columns(std::slice::from_ref(&outer));
        let inner_filter = self.condition(&inner, 1);
        let not = if self.chance(40) { "NOT " } else { "" };
        let from = format!("SELECT {columns} FROM {} {}", outer.table, outer.alias);
        let more = if self.chance(40) {
            format!("{} AND ", self.condition(&outer, 1))
        } else {
            String::new()
        };
        if self.chance(50) {
            return format!(
                "{from} WHERE {more}{not}EXISTS (SELECT 1 FROM {} {} WHERE {condition} AND \
                 {inner_filter})",
                inner.table, inner.alias
            );
        }
        let (left, right) = condition.split_once(" = ").unwrap();
        let is_left = left.starts_with(&format!("{}.", outer.alias));
        let (mine, theirs) = if is_left {
            (left, right)
        } else {
            (right, left)
        };
        format!(
            "{from} WHERE {more}{mine} {not}IN (SELECT {theirs} FROM {} {} WHERE {inner_filter})",
            inner.table, inner.alias
        )
    }

    fn combined(&mut self) -> String {
        let side = |maker: &mut Self| {
            let source = maker.any_source();
            let filter = maker.filter(std::slice::from_ref(&source));
            let keys = source.columns.iter().filter(|(_, kind)| *kind == Kind::Key);
            let keys: Vec<&str> = keys.map(|(name, _)| *name).collect();
            let key = maker.pick(&keys);
            format!(
                "SELECT {key} FROM {} {}{filter}",
                source.table, source.alias
            )
        };
        let left = side(self);
        let operator = self.pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
        let right = side(self);
        format!("{left} {operator} {right}")
    }

    fn counted(&mut self) -> String {
        let outer = self.any_source();
        let (inner, condition) = self.neighbour(&outer);
        let columns = self.columns(std::slice::from_ref(&outer));
        let filter = self.filter(std::slice::from_ref(&outer));
        let inner_filter = if self.chance(50) {
            format!(" AND {}", self.condition(&inner, 1))
        } else {
            String::new()
        };
        format!(
            "SELECT {columns}, (SELECT COUNT(*) FROM {} {} WHERE {condition}{inner_filter}) \
             FROM {} {}{filter}",
            inner.table, inner.alias, outer.table, outer.alias
        )
    }
}
