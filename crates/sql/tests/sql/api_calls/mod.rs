//! The table of queries (`queries.md`): each makes the least number of calls, and answers right.
//!
//! `API_CALLS=name` runs only the queries whose names have that in them.

mod table;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use apilink_core::cancel::CancellationToken;
use apilink_sql::Value;
use apilink_sql::types::SqlType;
use clio_sandbox::{Options, Sandbox};

use crate::oracle::Oracle;
use crate::world::{self, Answer, World};
use table::{Entry, Query};

/// Queries that make more calls than the least number, with the number they make and why. One that
/// gets better has to be taken out of here, or its number lowered.
const KNOWN_GAPS: &[(&str, u64, &str)] = &[];

/// A firm whose larger tables have several pages.
fn options() -> Options {
    Options {
        matters: 570,
        ..Options::default()
    }
}

fn oracle(sandbox: &Sandbox, entries: &[Entry]) -> Oracle {
    let texts = entries.iter().flat_map(|entry| {
        let plain = entry.plain.as_deref().unwrap_or_default();
        [&entry.sql, plain, &entry.least, &entry.with]
    });
    Oracle::of(sandbox, texts)
}

#[test]
fn the_table_is_whole() {
    let entries = table::entries();
    assert!(entries.len() >= 80, "{} queries", entries.len());
    let sandbox = Sandbox::start(options()).unwrap();
    let oracle = oracle(&sandbox, &entries);
    let mut names = HashSet::new();
    let mut wrong = Vec::new();
    for entry in &entries {
        let name = &entry.name;
        assert!(names.insert(name), "{name} stands twice in the table");
        assert!(!entry.why.is_empty(), "{name} does not say why");
        match entry.fill_in(&oracle) {
            Err(error) => wrong.push(format!("{name}: {error}")),
            Ok(query) => {
                println!(
                    "{:>4} calls, {:>5} rows  {name}",
                    query.least,
                    query.rows.len()
                );
                if query.rows.is_empty() != entry.no_rows {
                    wrong.push(format!("{name}: {} rows", query.rows.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (name, _, _) in KNOWN_GAPS {
        assert!(entries.iter().any(|entry| entry.name == *name), "{name}");
    }
}

#[test]
fn every_query_makes_the_least_number_of_calls() {
    let entries = table::entries();
    let world = World::start(options());
    let oracle = oracle(&world.sandbox, &entries);
    let wanted = std::env::var("API_CALLS").unwrap_or_default();
    // The account's own fields are asked for once for each connection.
    let cancel = CancellationToken::new();
    world.database.full_catalog(&cancel).unwrap();
    let mut report = String::new();
    let mut failures = 0;
    for entry in entries.iter().filter(|entry| entry.name.contains(&wanted)) {
        let query = entry.fill_in(&oracle).unwrap();
        let trial = Trial::run(&world, entry, &query);
        println!("{}", trial.line());
        if !trial.problems.is_empty() {
            failures += 1;
            report.push_str(&trial.report());
        }
    }
    assert!(failures == 0, "{failures} queries fail:\n{report}");
}

#[test]
fn explaining_makes_no_call() {
    let world = World::start(options());
    let entries = table::entries();
    let oracle = oracle(&world.sandbox, &entries);
    let cancel = CancellationToken::new();
    world.database.full_catalog(&cancel).unwrap();
    world.sandbox.reset();
    for entry in &entries {
        let query = entry.fill_in(&oracle).unwrap();
        let sql = format!("EXPLAIN {}", query.sql);
        let answer = world.ask(&sql, &query.values);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", entry.name));
        let asks = query.least > 0;
        assert!(
            !asks || !answer.rows.is_empty(),
            "{} shows nothing",
            entry.name
        );
    }
    assert_eq!(world.request_count(), 0, "{:?}", world.requests());
}

#[test]
fn what_explain_says_is_what_happens() {
    let world = World::start(options());
    let entries = table::entries();
    let oracle = oracle(&world.sandbox, &entries);
    let cancel = CancellationToken::new();
    world.database.full_catalog(&cancel).unwrap();
    let mut wrong = String::new();
    for entry in &entries {
        let query = entry.fill_in(&oracle).unwrap();
        let sql = format!("EXPLAIN {}", query.sql);
        let steps = world.ask(&sql, &query.values).unwrap().rows;
        world.sandbox.reset();
        world.ask(&query.sql, &query.values).unwrap();
        let made: Vec<String> = world.requests().iter().map(|one| bare(one)).collect();
        for problem in contradictions(&steps, &made) {
            let _ = writeln!(wrong, "{}: {problem}", entry.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What EXPLAIN said that did not happen.
fn contradictions(steps: &[Vec<Value>], made: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut calls = Some(0);
    for step in steps {
        let number = match &step[3] {
            Value::Integer(number) => Some(*number),
            _ => None,
        };
        calls = calls.zip(number).map(|(sum, number)| sum + number);
        if let Value::Text(request) = &step[2] {
            // A scan within another may have nothing to ask for.
            let is_certain = number.is_some() && !request.contains('…');
            if is_certain && !made.contains(&bare(request)) {
                problems.push(format!("{request} is not made, but {made:?}"));
            }
        }
    }
    let count = i64::try_from(made.len()).unwrap();
    if let Some(calls) = calls.filter(|calls| *calls != count) {
        problems.push(format!(
            "{calls} calls are said to be made, {count} are: {made:?}"
        ));
    }
    if steps.iter().all(|step| step[3] == Value::Integer(0)) && count > 0 {
        problems.push("none is said to be made".to_owned());
    }
    problems
}

/// A request without the ending of its path, the values that logs hide, and the order of its
/// parameters.
fn bare(request: &str) -> String {
    let (path, query) = request.split_once('?').unwrap_or((request, ""));
    let mut parameters: Vec<&str> = query
        .split('&')
        .map(|one| {
            if one.starts_with("state=") {
                "state="
            } else {
                one
            }
        })
        .collect();
    parameters.sort_unstable();
    format!("{}?{}", path.replace(".json", ""), parameters.join("&"))
}

#[test]
fn explaining_names_the_request_for_the_account_s_own_fields_and_does_not_make_it() {
    let world = World::start(Options {
        matters: 20,
        ..Options::default()
    });
    world.sandbox.reset();
    let sql = "EXPLAIN SELECT * FROM matters";
    let steps = |answer: world::Answer| -> Vec<(Value, Value)> {
        let steps = answer.rows.into_iter();
        steps.map(|row| (row[1].clone(), row[2].clone())).collect()
    };
    let before = steps(world.ask(sql, &[]).unwrap());
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        (&before[0].0, &before[1].0),
        (&text("custom_fields"), &text("matters"))
    );
    let unknown = world
        .ask("EXPLAIN SELECT nosuch FROM matters", &[])
        .unwrap_err();
    assert!(
        unknown.message.contains("EXPLAIN makes no request"),
        "{unknown}"
    );
    assert_eq!(world.request_count(), 0, "{:?}", world.requests());

    // The request is the one that is made.
    world.ask("SELECT * FROM matters LIMIT 1", &[]).unwrap();
    let made = &world.requests()[0].replace(".json", "");
    assert_eq!(before[0].1, Value::Text(made.clone()));
    let after = steps(world.ask(sql, &[]).unwrap());
    assert_eq!((after.len(), &after[0].0), (1, &text("matters")));
    let unknown = world
        .ask("EXPLAIN SELECT nosuch FROM matters", &[])
        .unwrap_err();
    assert!(!unknown.message.contains("EXPLAIN"), "{unknown}");
}

#[test]
fn the_account_s_own_fields_cost_a_call_for_each_connection_that_needs_them() {
    let world = World::start(Options {
        matters: 20,
        ..Options::default()
    });
    let definitions = || {
        let counters = world.sandbox.counters();
        counters.requests("GET /api/v4/custom_fields.json")
    };
    let ask = |database, sql| world::ask(database, sql, &[]).unwrap();
    let first = world.connect("");
    ask(&first, "SELECT name FROM users");
    // Only the rows count.
    ask(&first, "SELECT COUNT(*) FROM (SELECT * FROM matters) AS t");
    ask(
        &first,
        "SELECT name FROM users WHERE EXISTS (SELECT * FROM matters WHERE status = 'open')",
    );
    ask(
        &first,
        "SELECT COUNT(*) FROM (SELECT * FROM matters ORDER BY id DESC LIMIT 10) AS t",
    );
    ask(
        &first,
        "SELECT name FROM users WHERE EXISTS (SELECT DISTINCT * FROM matters ORDER BY id LIMIT 1)",
    );
    let with_parameter =
        "SELECT name FROM users WHERE EXISTS (SELECT * FROM matters WHERE status = ?)";
    world::ask(&first, with_parameter, &[Value::Text("Open".to_owned())]).unwrap();
    assert_eq!(definitions(), 0);
    let whole = ask(&first, "SELECT * FROM matters");
    assert_eq!(definitions(), 1);
    ask(&first, "SELECT * FROM contacts");
    ask(&first, "SELECT \"court file number\" FROM matters");
    assert_eq!(definitions(), 1);
    let off = world.connect("CustomFields=OFF");
    let bare = ask(&off, "SELECT * FROM matters");
    assert_eq!(definitions(), 1);
    assert_eq!(whole.columns.len(), bare.columns.len() + 10);
    let second = world.connect("");
    ask(&second, "SELECT * FROM matters");
    assert_eq!(definitions(), 2);
}

/// A query that was run.
struct Trial<'a> {
    entry: &'a Entry,
    query: &'a Query,
    made: u64,
    requests: Vec<String>,
    problems: Vec<String>,
}

impl<'a> Trial<'a> {
    fn run(world: &World, entry: &'a Entry, query: &'a Query) -> Self {
        world.sandbox.reset();
        let answer = world.ask(&query.sql, &query.values);
        let mut trial = Self {
            entry,
            query,
            made: world.request_count(),
            requests: world.requests(),
            problems: Vec::new(),
        };
        match answer {
            Ok(answer) => trial.check_answer(&answer),
            Err(error) => trial.problems.push(format!("it fails: {error}")),
        }
        trial.check_calls();
        let unknown = world.sandbox.counters().unknown_requests;
        let undocumented = unknown
            .iter()
            .map(|request| format!("the API has no such request: {request}"));
        trial.problems.extend(undocumented);
        trial
    }

    fn check_answer(&mut self, answer: &Answer) {
        if answer.costs.calls != self.made {
            self.problems.push(format!(
                "the statement says that it made {} calls; the service saw {}",
                answer.costs.calls, self.made
            ));
        }
        if !answer.warnings.is_empty() {
            self.problems
                .push(format!("warnings: {:?}", answer.warnings));
        }
        if let Some(misfit) = misfit(answer) {
            self.problems.push(misfit);
        }
        let expected = shown(&self.query.rows, self.entry.in_order);
        let found = shown(&answer.rows, self.entry.in_order);
        if expected != found {
            self.problems.push(difference(&expected, &found));
        }
    }

    fn check_calls(&mut self) {
        let (least, made) = (self.query.least, self.made);
        let gap = KNOWN_GAPS
            .iter()
            .find(|(name, _, _)| *name == self.entry.name);
        let problem = match gap {
            Some((_, known, _)) if made == *known && made > least => return,
            Some((_, known, _)) => format!("it is known to make {known} calls; it made {made}"),
            None if made == least => return,
            None if made > least => format!("it made {made} calls; {least} are enough"),
            None => format!("it made {made} calls, less than the least, {least}: one is wrong"),
        };
        self.problems.push(problem);
    }

    fn line(&self) -> String {
        let mark = if self.problems.is_empty() { " " } else { "!" };
        let (least, made) = (self.query.least, self.made);
        format!(
            "{mark} least {least:>3}  made {made:>3}  {}",
            self.entry.name
        )
    }

    fn report(&self) -> String {
        let mut out = format!("\n{}\n{}\n", self.line(), self.query.sql);
        for problem in &self.problems {
            let _ = writeln!(out, "  ! {problem}");
        }
        for request in self.requests.iter().take(12) {
            let short: String = request.chars().take(240).collect();
            let _ = writeln!(out, "    {short}");
        }
        if self.requests.len() > 12 {
            let _ = writeln!(out, "    and {} more", self.requests.len() - 12);
        }
        out
    }
}

/// The first value that is not as its column's type has it.
fn misfit(answer: &Answer) -> Option<String> {
    let fits = |value: &Value, sql_type: SqlType| match value {
        Value::Null => true,
        Value::Integer(_) => matches!(
            sql_type,
            SqlType::Bigint | SqlType::Integer | SqlType::Boolean
        ),
        Value::Real(_) => matches!(sql_type, SqlType::Decimal { .. } | SqlType::Double),
        Value::Text(_) => !sql_type.is_number() && sql_type != SqlType::Boolean,
        Value::Bytes(_) => sql_type == SqlType::Varbinary,
    };
    for row in &answer.rows {
        if row.len() != answer.columns.len() {
            return Some("a row and the columns differ in number".to_owned());
        }
        for (value, column) in row.iter().zip(&answer.columns) {
            if !fits(value, column.sql_type) {
                let (name, sql_type) = (&column.name, column.sql_type);
                return Some(format!(
                    "{name} is {sql_type:?} and has the value {value:?}"
                ));
            }
            if *value == Value::Null && !column.nullable {
                return Some(format!("{} is NULL and cannot be", column.name));
            }
        }
    }
    None
}

/// The rows as text, sorted unless they have an order.
fn shown(rows: &[Vec<Value>], in_order: bool) -> Vec<String> {
    let mut shown: Vec<String> = rows
        .iter()
        .map(|row| row.iter().map(show).collect::<Vec<_>>().join(" | "))
        .collect();
    if !in_order {
        shown.sort_unstable();
    }
    shown
}

/// A value as text. Sums of doubles depend on their order far behind the point.
#[allow(
    clippy::cast_precision_loss,
    reason = "the firm's numbers are far below 2^52"
)]
fn show(value: &Value) -> String {
    let number = |number: f64| format!("{:.4}", number + 0.0);
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => number(*integer as f64),
        Value::Real(real) => number(*real),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!("{bytes:x?}"),
    }
}

/// The first rows that are missing and that are too many.
fn difference(expected: &[String], found: &[String]) -> String {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for row in expected {
        *counts.entry(row).or_default() += 1;
    }
    for row in found {
        *counts.entry(row).or_default() -= 1;
    }
    let some = |sign: i64| -> Vec<&str> {
        let rows = counts.iter().filter(|(_, count)| **count * sign > 0);
        rows.map(|(row, _)| *row).take(3).collect()
    };
    let (missing, extra) = (some(1), some(-1));
    if missing.is_empty() && extra.is_empty() {
        return "the rows come in the wrong order".to_owned();
    }
    format!(
        "it has {} rows, not {}; missing: {missing:?}; too many: {extra:?}",
        found.len(),
        expected.len()
    )
}

#[test]
fn explain_shows_what_is_known() {
    let world = World::start(Options {
        matters: 60,
        ..Options::default()
    });
    let explain = |sql: &str| world.ask(&format!("EXPLAIN {sql}"), &[]).unwrap().rows;
    let request = |step: &[Value]| match &step[2] {
        Value::Text(text) => text.clone(),
        _ => String::new(),
    };

    // An object shows no objects of its own: the contacts are looked up.
    let sql = "SELECT a.id, m.display_number, c.name FROM activities a \
               JOIN matters m ON m.id = a.matter_id JOIN contacts c ON c.id = m.client_id";
    let steps = explain(sql);
    assert_eq!(steps[1][3], Value::Integer(0));
    assert_eq!(steps[2][3], Value::Null);
    assert!(request(&steps[2]).starts_with("GET contacts?ids[]=…"));

    let steps = explain("SELECT id FROM activities ORDER BY id LIMIT 5 OFFSET 20");
    assert!(request(&steps[0]).ends_with("&limit=5&order=id(asc)&offset=20"));

    // Two lists, of which `SQLite` tells neither to the table.
    let steps = explain("SELECT id FROM matters WHERE id IN (1, 2) AND client_id IN (3, 4)");
    assert!(request(&steps[0]).starts_with("GET matters?ids[]=1&ids[]=2&"));
    assert_eq!(steps[0][3], Value::Integer(1));

    for never in ["1 = 0", "NULL", "2 > 3 OR 0", "id = 1 AND id = 2"] {
        let steps = explain(&format!("SELECT COUNT(*) FROM activities WHERE {never}"));
        let shown = (&steps[0][2], &steps[0][3]);
        assert_eq!(shown, (&Value::Null, &Value::Integer(0)), "{never}");
    }
    for (sql, reason) in [
        (
            "SELECT id FROM tasks WHERE status IN ('pending', 'in_review')",
            "status IN is not passed to the service: it can only be asked for pending, complete",
        ),
        (
            "SELECT id FROM tasks WHERE status IN ('pending', 'complete')",
            "status IN is passed to the service",
        ),
        (
            "SELECT id FROM tasks WHERE status = 'in_review'",
            "status = is compared here: it can only be asked for pending, complete",
        ),
        (
            "SELECT id FROM activities WHERE billed = FALSE",
            "billed = is compared here: the service has no such filter, but one for status (billed, ",
        ),
        (
            "SELECT id FROM activities WHERE note = 'x'",
            "note = is compared here: the service has no such filter",
        ),
    ] {
        let steps = explain(sql);
        let is_said = |value: &Value| matches!(value, Value::Text(text) if text.contains(reason));
        assert!(steps[0].iter().any(is_said), "{sql}: {steps:?}");
    }
    let steps = explain("SELECT id FROM tasks WHERE due_at IS NOT NULL");
    assert!(request(&steps[0]).contains("due_at_present=true"));
}
